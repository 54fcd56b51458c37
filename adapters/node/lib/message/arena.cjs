// Memory that a message is built in: mostly one segment, in shared memory on loan or in scratch memory; what does not fit
// grows into segments of our own, to be moved once when the message is sent.
//
// Memory on loan is dirty, and Cap'n Proto relies on zeros: what is handed out is zeroed, and only that.
'use strict'

const { closed } = require('../errors.cjs')

const GROWTH_MIN = 4096
const FAR = 2

class Segment {
  /**
   * @param {number} index
   * @param {ArrayBuffer} buffer
   * @param {number} begin where pointers into this segment count from
   * @param {boolean} isZero whether the memory is known to hold zeros
   */
  constructor(index, buffer, begin, isZero) {
    this.index = index
    this.buffer = buffer
    this.view = new DataView(buffer)
    /** @type {any} Buffer's own methods write text in one call. */
    this.bytes = Buffer.from(buffer)
    this.begin = begin
    this.used = begin
    this.size = buffer.byteLength - (buffer.byteLength % 8)
    this.isZero = isZero
  }
}

/** Where the last allocate() found room. */
class Room {
  /** @type {Segment} */ segment = /** @type {any} */ (null)
  position = 0
}

class Arena {
  /**
   * @param {ArrayBuffer} buffer a frame is built at its begin
   * @param {boolean} isZero
   */
  constructor(buffer, isZero) {
    this.isOpen = true
    this.isZero = isZero
    // A table of one segment is one word, then comes the segment: nothing has to move when the message is complete.
    /** @type {Segment[]} */
    this.segments = [new Segment(0, buffer, 8, isZero)]
    this.first.used = 16 // the root pointer
    this.room = new Room()
    if (!isZero) this.first.bytes.fill(0, 0, 16)
  }
  get first() {
    return /** @type {Segment} */ (this.segments[0])
  }

  check() {
    if (!this.isOpen) throw closed('this draft was published or discarded')
  }

  /**
   * Room for `bytes` (a multiple of 8) and a pointer at `position` of `segment` that leads there. `low` is its kind (and
   * offset, for what has no bytes), `high` its upper half. The room is zeroed unless the caller overwrites all of it.
   *
   * @param {Segment} segment
   * @param {number} position
   * @param {number} bytes
   * @param {number} low
   * @param {number} high
   * @param {boolean} overwrites
   */
  allocate(segment, position, bytes, low, high, overwrites) {
    const { room } = this
    if (segment.used + bytes <= segment.size) {
      room.segment = segment
      room.position = segment.used
      segment.used += bytes
      segment.view.setInt32(position, low + (room.position - position - 8) / 2, true)
      segment.view.setUint32(position + 4, high, true)
    } else {
      const other = this.#segmentWith(bytes + 8)
      // A landing pad, right before what it leads to.
      const pad = other.used
      room.segment = other
      room.position = pad + 8
      other.used += bytes + 8
      other.view.setInt32(pad, low, true)
      other.view.setUint32(pad + 4, high, true)
      segment.view.setUint32(position, pad - other.begin + FAR, true)
      segment.view.setUint32(position + 4, other.index, true)
    }
    if (!overwrites && !room.segment.isZero) room.segment.bytes.fill(0, room.position, room.position + bytes)
    return room
  }

  /** @param {number} bytes */
  #segmentWith(bytes) {
    const last = /** @type {Segment} */ (this.segments.at(-1))
    if (last.used + bytes <= last.size) return last
    // Growing by what is there already keeps segments few however large the message gets.
    const size = Math.max(GROWTH_MIN, bytes, this.frameBytes())
    const added = new Segment(this.segments.length, new ArrayBuffer(size + (-size & 7)), 0, true)
    this.segments.push(added)
    return added
  }

  /** How large the whole message is. */
  frameBytes() {
    const { length } = this.segments
    if (length === 1) return this.first.used
    let bytes = 8 * ((length >>> 1) + 1)
    for (const segment of this.segments) bytes += segment.used - segment.begin
    return bytes
  }

  /** Completes a message of one segment where it is. */
  seal() {
    this.first.view.setUint32(0, 0, true)
    this.first.view.setUint32(4, (this.first.used - 8) / 8, true)
  }

  /** Writes a message of several segments in one piece. @param {ArrayBuffer} buffer at least frameBytes() large */
  writeInto(buffer) {
    const view = new DataView(buffer)
    const bytes = new Uint8Array(buffer)
    const { length } = this.segments
    view.setUint32(0, length - 1, true)
    view.setUint32(4 * (length + 1), 0, true) // padding, where the table has an odd number of entries
    let next = 8 * ((length >>> 1) + 1)
    this.segments.forEach((segment, i) => {
      view.setUint32(4 + 4 * i, (segment.used - segment.begin) / 8, true)
      bytes.set(segment.bytes.subarray(segment.begin, segment.used), next)
      next += segment.used - segment.begin
    })
  }

  /** The message as it is now, in private memory. */
  snapshot() {
    const copy = new ArrayBuffer(this.frameBytes())
    if (this.segments.length === 1) {
      this.seal()
      new Uint8Array(copy).set(this.first.bytes.subarray(0, this.first.used))
    } else {
      this.writeInto(copy)
    }
    return new Uint8Array(copy)
  }

  /** Scratch memory, ready for the next message. */
  reset() {
    this.first.bytes.fill(0, 0, this.first.used)
    this.first.used = 16
    this.segments.length = 1
  }
}

module.exports = { Arena, Segment, Room }
