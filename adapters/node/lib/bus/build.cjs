// Messages on their way out: built in scratch memory if they are small, else right in memory on loan.
'use strict'

const addon = require('../addon.cjs')
const { Arena } = require('../message/arena.cjs')
const { reporting } = require('../message/mistake.cjs')
const { writeRoot } = require('../message/writer.cjs')

/** @typedef {import('../native.cjs').NativePublisher} NativePublisher */
/** @typedef {import('../native.cjs').NativeDraft} NativeDraft */
/** @typedef {import('../schema/types.cjs').StructType} StructType */

// Below this, copying a message once costs less than a view of a loan (1.5 us), and one call does it all.
const SCRATCH_BYTES = 64 * 1024
// Room beside what a caller asks for: table, root pointer and a root of usual size.
const SLACK_BYTES = 256

/** @type {Arena | null} */
let scratch = null
let isScratchBusy = false

/**
 * Publishes one value and returns its sequence, and how large it was.
 *
 * @param {NativePublisher} publisher
 * @param {StructType} type
 * @param {unknown} value
 * @param {number} expected how large it may be
 * @returns {{ seq: bigint, size: number }}
 */
function publishValue(publisher, type, value, expected) {
  // A getter of the value may publish something itself.
  if (expected > SCRATCH_BYTES || isScratchBusy) {
    const { draft, size } = loanValue(publisher, type, value, expected)
    return { seq: publishOrDiscard(draft, size), size }
  }
  const arena = (scratch ??= new Arena(addon.scratch(SCRATCH_BYTES), true))
  isScratchBusy = true
  try {
    reporting('', () => writeRoot(arena, type, value))
    const size = arena.frameBytes()
    if (arena.segments.length > 1) return { seq: publishOrDiscard(move(publisher, arena), size), size }
    arena.seal()
    return { seq: addon.publisherPublishScratch(publisher, size), size }
  } finally {
    arena.reset()
    isScratchBusy = false
  }
}

/**
 * One value in memory on loan, to be published.
 *
 * @param {NativePublisher} publisher
 * @param {StructType} type
 * @param {unknown} value
 * @param {number} expected
 */
function loanValue(publisher, type, value, expected) {
  const { draft, buffer } = loanRoom(publisher, expected)
  const arena = new Arena(buffer, false)
  try {
    reporting('', () => writeRoot(arena, type, value))
    const size = arena.frameBytes()
    if (arena.segments.length === 1) {
      arena.seal()
      return { draft, size }
    }
    const larger = move(publisher, arena)
    addon.draftDiscard(draft)
    return { draft: larger, size }
  } catch (error) {
    addon.draftDiscard(draft)
    throw error
  }
}

/** A loan that is large enough for a message that outgrew its own. @param {NativePublisher} publisher @param {Arena} arena */
function move(publisher, arena) {
  const { draft, buffer } = addon.draftLoan(publisher, arena.frameBytes())
  arena.writeInto(buffer)
  return draft
}

/** @param {NativeDraft} draft @param {number} size */
function publishOrDiscard(draft, size) {
  try {
    return addon.draftPublish(draft, size)
  } catch (error) {
    addon.draftDiscard(draft)
    throw error
  }
}

/**
 * The messages of a topic mostly have similar sizes. Where there is no room for that guess, the message is built elsewhere
 * first: then it is known how much it takes.
 *
 * @param {NativePublisher} publisher
 * @param {number} expected
 */
function loanRoom(publisher, expected) {
  try {
    return addon.draftLoan(publisher, Math.ceil(expected * 1.125) + SLACK_BYTES)
  } catch (error) {
    if (!['TOO_LARGE', 'NO_MEMORY'].includes(/** @type {any} */ (error).code)) throw error
    return addon.draftLoan(publisher, SLACK_BYTES)
  }
}

module.exports = { SLACK_BYTES, publishValue, loanValue, move }
