// Received memory as this environment has it: one ArrayBuffer for each mapping (extents.hpp says why), found by number.
'use strict'

const addon = require('../addon.cjs')
const { Memory } = require('../message/frame.cjs')

// As in extents.hpp: one buffer begins at every so many bytes of a mapping.
const STRIDE = 2 ** 31

/** @type {Map<number, Memory[]>} By mapping, then by stride. */
const mappings = new Map()

/**
 * The memory around a sample, and where in it the sample lies.
 *
 * @param {number} id of the mapping
 * @param {number} offset in the mapping
 * @param {number} size
 * @param {number} slot of the sample
 */
function memoryOf(id, offset, size, slot) {
  const stride = offset < STRIDE ? 0 : Math.floor(offset / STRIDE)
  const memory = mappings.get(id)?.[stride]
  // The memory behind a mapping grows: what was made earlier may end before this message.
  if (memory !== undefined && offset - stride * STRIDE + size <= memory.buffer.byteLength) return memory
  return makeMemory(id, stride, slot)
}

/** @param {number} id @param {number} stride @param {number} slot */
function makeMemory(id, stride, slot) {
  let known = mappings.get(id)
  if (known === undefined) {
    dropLeftMemory()
    mappings.set(id, (known = []))
  }
  const memory = new Memory(addon.sampleMemory(slot).buffer)
  known[stride] = memory
  return memory
}

/** Lets mappings go that nobody uses any more: when publishers come and when subscribers close. */
function dropLeftMemory() {
  for (const id of addon.dropLeftMemory()) mappings.delete(id)
}

/** @param {number} offset in the mapping */
const offsetInMemory = (offset) => (offset < STRIDE ? offset : offset % STRIDE)

module.exports = { memoryOf, offsetInMemory, dropLeftMemory }
