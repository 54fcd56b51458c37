// Parts of a message into another one, with all below them and whatever their type.
'use strict'

const { badMessage } = require('../errors.cjs')
const { BIT, COMPOSITE, POINTER, followList, followStruct, pointerKind } = require('./pointer.cjs')

/** @typedef {import('./arena.cjs').Arena} Arena */
/** @typedef {import('./arena.cjs').Segment} Segment */
/** @typedef {import('./frame.cjs').Frame} Frame */
/** @typedef {import('./frame.cjs').Place} Place */
/** @typedef {import('./frame.cjs').ListPlace} ListPlace */

const STRUCT = 0
const LIST = 1
const EMPTY_STRUCT = -4

/** A broken message may refer to the same thing from many places: a copy is as large as its message at most. */
class Copier {
  /** @param {Arena} arena @param {Frame} frame */
  constructor(arena, frame) {
    this.arena = arena
    this.frame = frame
    this.left = frame.elementsMax
    this.bytes = new Uint8Array(/** @type {ArrayBuffer} */ (frame.memory.buffer), frame.offset, frame.size)
  }
  /** @param {number} bytes */
  spend(bytes) {
    this.left -= bytes + 8
    if (this.left < 0) throw badMessage('message refers to more than it holds')
  }

  /**
   * @param {Segment} segment where the copy's pointer lies
   * @param {number} position
   * @param {number} sourceSegment
   * @param {number} sourcePosition
   * @param {number} depth
   */
  pointer(segment, position, sourceSegment, sourcePosition, depth) {
    const kind = pointerKind(this.frame, sourceSegment, sourcePosition)
    if (kind === 'capability') throw badMessage('message holds a capability, which a message on a bus cannot carry')
    if (kind === 'struct') {
      const place = followStruct(this.frame, sourceSegment, sourcePosition, depth)
      this.struct(segment, position, /** @type {Place} */ (place))
    } else if (kind === 'list') {
      const place = followList(this.frame, sourceSegment, sourcePosition, depth)
      this.list(segment, position, /** @type {ListPlace} */ (place))
    } else {
      segment.view.setBigUint64(position, 0n)
    }
  }

  /** @param {Segment} segment @param {number} position @param {Place} place */
  struct(segment, position, place) {
    const dataBytes = place.dataBytes + (-place.dataBytes & 7)
    const bytes = dataBytes + 8 * place.pointerCount
    this.spend(bytes)
    if (bytes === 0) {
      segment.view.setInt32(position, EMPTY_STRUCT, true)
      segment.view.setUint32(position + 4, 0, true)
      return
    }
    const high = dataBytes / 8 + place.pointerCount * 0x10000
    const room = this.arena.allocate(segment, position, bytes, STRUCT, high, false)
    this.content(room.segment, room.position, place, place.data, dataBytes, place.pointers, place.pointerCount)
  }

  /**
   * Data and pointers of one struct.
   *
   * @param {Segment} segment
   * @param {number} begin
   * @param {Place | ListPlace} place
   * @param {number} data
   * @param {number} dataBytes of the copy
   * @param {number} pointers
   * @param {number} pointerCount
   */
  content(segment, begin, place, data, dataBytes, pointers, pointerCount) {
    segment.bytes.set(this.bytes.subarray(data, data + place.dataBytes), begin)
    for (let i = 0; i < pointerCount; ++i) {
      this.pointer(segment, begin + dataBytes + 8 * i, place.segment, pointers + 8 * i, place.depth)
    }
  }

  /** @param {Segment} segment @param {number} position @param {ListPlace} place */
  list(segment, position, place) {
    const { count, size, data } = place
    if (size === COMPOSITE) return this.structs(segment, position, place)
    if (size === POINTER) {
      this.spend(8 * count)
      const room = this.arena.allocate(segment, position, 8 * count, LIST, POINTER + count * 8, false)
      const { segment: into, position: begin } = room
      for (let i = 0; i < count; ++i) this.pointer(into, begin + 8 * i, place.segment, data + 8 * i, place.depth)
      return
    }
    const used = size === BIT ? Math.ceil(count / 8) : (count * place.strideBits) / 8
    this.spend(used)
    const room = this.arena.allocate(segment, position, used + (-used & 7), LIST, size + count * 8, false)
    room.segment.bytes.set(this.bytes.subarray(data, data + used), room.position)
  }

  /** @param {Segment} segment @param {number} position @param {ListPlace} place */
  structs(segment, position, place) {
    const { count, dataBytes, pointerCount } = place
    const stride = dataBytes + 8 * pointerCount
    this.spend(count * (stride + 8))
    const words = (count * stride) / 8
    const room = this.arena.allocate(segment, position, 8 + 8 * words, LIST, COMPOSITE + words * 8, false)
    const { segment: into, position: tag } = room
    into.view.setUint32(tag, STRUCT + count * 4, true)
    into.view.setUint32(tag + 4, dataBytes / 8 + pointerCount * 0x10000, true)
    for (let i = 0; i < count; ++i) {
      const from = place.data + i * stride
      this.content(into, tag + 8 + i * stride, place, from, dataBytes, from + dataBytes, pointerCount)
    }
  }
}

module.exports = { Copier }
