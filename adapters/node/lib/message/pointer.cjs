// Following Cap'n Proto's pointers, with every bound checked: whatever the bytes say, the result lies in the message.
//
//   struct   offset (30, signed, words) | 0 | words of data (16) | pointers (16)
//   list     offset (30, signed, words) | 1 | size of elements (3) | count (29), in words where elements are structs
//   far      place of a landing pad (29, words) | two words? (1) | 2 | segment (32)
'use strict'

const { badMessage } = require('../errors.cjs')
const { Place, ListPlace } = require('./frame.cjs')

/** @typedef {import('./frame.cjs').Frame} Frame */

const DEPTH_MAX = 64
const STRUCT = 0
const LIST = 1
const FAR = 2

// Codes for the sizes of a list's elements.
const BIT = 1
const BYTE = 2
const POINTER = 6
const COMPOSITE = 7
const bitsOfSize = [0, 1, 8, 16, 32, 64, 64]

// What resolve() found, to avoid an object for each pointer: read before the next call.
const target = { segment: 0, begin: 0, kind: 0, high: 0 }

/**
 * Resolves the pointer at `position` as far as the begin of what it points at. False: it is null.
 *
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 */
function resolve(frame, segment, position) {
  const { view } = frame
  let low = view.getInt32(position, true)
  let high = view.getUint32(position + 4, true)
  if (low === 0 && high === 0) return false
  let begin = position + 8 + 8 * (low >> 2)
  if ((low & 3) === FAR) {
    const isDouble = (low & 4) !== 0
    segment = checkSegment(frame, high)
    const pad = frame.begin(segment) + 8 * (low >>> 3)
    if (pad + (isDouble ? 16 : 8) > frame.end(segment)) throw badMessage('a far pointer leads out of its segment')
    low = view.getInt32(pad, true)
    high = view.getUint32(pad + 4, true)
    begin = pad + 8 + 8 * (low >> 2)
    if (isDouble) {
      if ((low & 7) !== FAR) throw badMessage("a far pointer's landing pad is none")
      segment = checkSegment(frame, high)
      begin = frame.begin(segment) + 8 * (low >>> 3)
      low = view.getInt32(pad + 8, true)
      high = view.getUint32(pad + 12, true)
    }
    if (low === 0 && high === 0) return false
    if ((low & 3) === FAR) throw badMessage('a far pointer leads to another one')
  }
  target.segment = segment
  target.begin = begin
  target.kind = low & 3
  target.high = high
  return true
}

/**
 * @param {Frame} frame
 * @param {number} segment
 */
function checkSegment(frame, segment) {
  if (segment < frame.segmentCount) return segment
  throw badMessage(`a far pointer names segment ${segment} of ${frame.segmentCount}`)
}

/**
 * @param {Frame} frame
 * @param {number} begin
 * @param {number} end
 */
function checkBounds(frame, begin, end) {
  if (begin < frame.begin(target.segment) || end > frame.end(target.segment)) {
    throw badMessage('a pointer leads out of its segment')
  }
}

/** @param {number} depth */
function checkDepth(depth) {
  if (depth > DEPTH_MAX) throw badMessage(`the message is nested more than ${DEPTH_MAX} deep`)
}

/** Pointer fields the writer did not know are null. @param {Place} place @param {number} index */
const positionOf = (place, index) => (index < place.pointerCount ? place.pointers + 8 * index : -1)

/**
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 * @param {number} depth of what contains the pointer
 * @returns {Place | null}
 */
function followStruct(frame, segment, position, depth) {
  if (position < 0 || !resolve(frame, segment, position)) return null
  checkDepth(depth + 1)
  if (target.kind !== STRUCT) throw badMessage('there is something else where a struct is expected')
  const dataBytes = 8 * (target.high & 0xffff)
  const pointerCount = target.high >>> 16
  const { begin } = target
  checkBounds(frame, begin, begin + dataBytes + 8 * pointerCount)
  return new Place(frame, target.segment, begin, dataBytes, begin + dataBytes, pointerCount, depth + 1)
}

/**
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 * @param {number} depth
 * @returns {ListPlace | null}
 */
function followList(frame, segment, position, depth) {
  if (position < 0 || !resolve(frame, segment, position)) return null
  checkDepth(depth + 1)
  if (target.kind !== LIST) throw badMessage('there is something else where a list is expected')
  const size = target.high & 7
  if (size === COMPOSITE) return followComposite(frame, depth)
  const count = target.high >>> 3
  const bits = /** @type {number} */ (bitsOfSize[size])
  const { begin } = target
  checkBounds(frame, begin, begin + 8 * Math.ceil((count * bits) / 64))
  if (bits === 0) checkCount(frame, count)
  const pointerCount = size === POINTER ? 1 : 0
  const dataBytes = size > BIT && size < POINTER ? bits / 8 : 0
  return new ListPlace(frame, target.segment, begin, count, bits, dataBytes, pointerCount, size, depth + 1)
}

/**
 * A list of structs begins with a word that says how many there are and how large each is.
 *
 * @param {Frame} frame
 * @param {number} depth
 */
function followComposite(frame, depth) {
  const { begin } = target
  const bytes = 8 * (target.high >>> 3)
  checkBounds(frame, begin, begin + 8 + bytes)
  const low = frame.view.getUint32(begin, true)
  const high = frame.view.getUint32(begin + 4, true)
  if ((low & 3) !== STRUCT) throw badMessage('a list of structs does not say which')
  const count = low >>> 2
  const dataBytes = 8 * (high & 0xffff)
  const pointerCount = high >>> 16
  const stride = dataBytes + 8 * pointerCount
  if (count * stride > bytes) throw badMessage('a list of structs is longer than its own size')
  if (stride === 0) checkCount(frame, count)
  return new ListPlace(
    frame,
    target.segment,
    begin + 8,
    count,
    8 * stride,
    dataBytes,
    pointerCount,
    COMPOSITE,
    depth + 1,
  )
}

/**
 * @param {Frame} frame
 * @param {number} count
 */
function checkCount(frame, count) {
  if (count > frame.elementsMax) throw badMessage(`a list claims ${count} elements, but has no bytes for them`)
}

/** The root struct: null reads as one with all defaults. @param {Frame} frame */
function rootPlace(frame) {
  return followStruct(frame, 0, frame.begin(0), 0) ?? emptyPlace(frame, 1)
}

/**
 * What a null pointer to a struct reads as: every field has its default.
 *
 * @param {Frame} frame
 * @param {number} depth
 */
function emptyPlace(frame, depth) {
  checkDepth(depth)
  return new Place(frame, 0, 0, 0, 0, 0, depth)
}

/**
 * What the pointer at `position` leads to, or null.
 *
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 * @returns {'struct' | 'list' | 'capability' | null}
 */
function pointerKind(frame, segment, position) {
  if (position < 0 || !resolve(frame, segment, position)) return null
  return target.kind === STRUCT ? 'struct' : target.kind === LIST ? 'list' : 'capability'
}

/**
 * Text at a pointer, or null.
 *
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 */
function readText(frame, segment, position) {
  if (position < 0 || !resolve(frame, segment, position)) return null
  const count = checkBytes(frame, 'Text')
  const end = target.begin + count - 1
  if (count === 0 || frame.view.getUint8(end) !== 0) throw badMessage('Text does not end with a zero byte')
  if (count === 1) return ''
  const { memory, offset } = frame
  return memory.text(offset + target.begin, offset + end)
}

/**
 * Data at a pointer where it lies, or null.
 *
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 */
function readData(frame, segment, position) {
  if (position < 0 || !resolve(frame, segment, position)) return null
  const count = checkBytes(frame, 'Data')
  return new Uint8Array(/** @type {ArrayBuffer} */ (frame.memory.buffer), frame.offset + target.begin, count)
}

/**
 * @param {Frame} frame
 * @param {string} what
 */
function checkBytes(frame, what) {
  if (target.kind !== LIST || (target.high & 7) !== BYTE) {
    throw badMessage(`there is something else where ${what} is expected`)
  }
  const count = target.high >>> 3
  checkBounds(frame, target.begin, target.begin + count)
  return count
}

module.exports = {
  BIT,
  COMPOSITE,
  POINTER,
  positionOf,
  followStruct,
  followList,
  rootPlace,
  emptyPlace,
  pointerKind,
  readText,
  readData,
}
