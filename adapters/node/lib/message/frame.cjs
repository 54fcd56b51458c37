// One message in Cap'n Proto's stream framing, read where it lies:
//
//   segments - 1 | words of segment 0 | words of segment 1 | … (padded to 8 bytes) | segment 0 | segment 1 | …
//
// All access goes through a DataView of just this message, so that nothing that a message says can lead out of it. Nothing
// here ever writes.
'use strict'

const { badMessage, closed } = require('../errors.cjs')

const SEGMENTS_MAX = 512
// A list whose elements have no size may claim any number of them in a message of a few bytes. So many are believed.
const FREE_ELEMENTS_MAX = 2 ** 20

// Of so many messages in one memory the views are kept: making one costs more than reading a few fields.
const VIEWS_MAX = 8
// Of private memory that is no larger the last one is remembered, for the next message in it.
const RECENT_BYTES_MAX = 1 << 20

// Buffer's own method takes offsets beyond 2 GiB, toString() does not; and it takes any Uint8Array.
const { utf8Slice } = /** @type {any} */ (Buffer.prototype)

/** Memory that messages lie in: a mapping, or a copy of our own. */
class Memory {
  /** @param {ArrayBufferLike} buffer @param {Uint8Array} bytes what of it messages lie in */
  constructor(buffer, bytes = Buffer.from(/** @type {ArrayBuffer} */ (buffer))) {
    this.buffer = buffer
    this.bytes = bytes
    /** @type {(DataView | undefined)[]} */
    this.views = [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined]
  }

  /** Private memory. @param {ArrayBufferLike} buffer */
  static of(buffer) {
    if (recent !== null && recent.buffer === buffer) return recent
    const memory = new Memory(buffer, new Uint8Array(buffer))
    recent = buffer.byteLength <= RECENT_BYTES_MAX ? memory : null
    return memory
  }

  /**
   * A view of one message and nothing else. Messages come again where others were: chunks of shared memory are few.
   *
   * @param {number} offset @param {number} size
   */
  view(offset, size) {
    const slot = (offset >>> 8) % VIEWS_MAX
    const known = this.views[slot]
    if (known !== undefined && known.byteOffset === offset && known.byteLength === size) return known
    return (this.views[slot] = new DataView(this.buffer, offset, size))
  }

  /**
   * UTF-8 as a string; begin and end count from the buffer's begin.
   *
   * @param {number} begin @param {number} end
   * @returns {string}
   */
  text(begin, end) {
    const { bytes } = this
    return utf8Slice.call(bytes, begin - bytes.byteOffset, end - bytes.byteOffset)
  }
}

/** @type {Memory | null} */
let recent = null

/** @param {number} size */
function checkSize(size) {
  if (size < 16 || size % 8 !== 0) {
    throw badMessage(`not a message: ${size} bytes, where a multiple of 8 and at least 16 is expected`)
  }
}

class Frame {
  /**
   * @param {Memory} memory
   * @param {number} offset
   * @param {number} size
   */
  constructor(memory, offset, size) {
    checkSize(size)
    this.memory = memory
    this.offset = offset
    this.size = size
    this.view = memory.view(offset, size)
    this.isOpen = true
    /** @type {number[] | null} Begins and ends by turns, where there is more than one segment. */
    this.bounds = null
    this.firstEnd = size
    const segments = this.view.getUint32(0, true) + 1
    const first = this.view.getUint32(4, true)
    if (segments !== 1) {
      this.#readTable(segments)
    } else if (8 + 8 * first !== size) {
      throw badMessage(`the message's table says ${8 + 8 * first} bytes, there are ${size}`)
    }
    if (first === 0) throw badMessage('the message has an empty first segment: there is no root pointer')
  }

  /** A message in private memory. @param {Uint8Array} bytes */
  static of(bytes) {
    // Typed arrays need elements at multiples of their size.
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
    checkSize(aligned.byteLength)
    return new Frame(Memory.of(aligned.buffer), aligned.byteOffset, aligned.byteLength)
  }

  /** @param {number} segments */
  #readTable(segments) {
    if (segments > SEGMENTS_MAX) {
      throw badMessage(`the message's table names ${segments} segments, at most ${SEGMENTS_MAX} are accepted`)
    }
    let end = 8 * ((segments >>> 1) + 1)
    /** @type {number[]} */
    const bounds = []
    for (let i = 0; i < segments && end <= this.size; ++i) {
      const begin = end
      end += 8 * this.view.getUint32(4 + 4 * i, true)
      bounds.push(begin, end)
    }
    if (end !== this.size || bounds.length !== 2 * segments) {
      throw badMessage(`the message's table says ${end} bytes, there are ${this.size}`)
    }
    this.bounds = bounds
    this.firstEnd = /** @type {number} */ (bounds[1])
  }

  get segmentCount() {
    return this.bounds === null ? 1 : this.bounds.length / 2
  }
  /** @param {number} segment */
  begin(segment) {
    return this.bounds === null ? 8 : /** @type {number} */ (this.bounds[2 * segment])
  }
  /** @param {number} segment */
  end(segment) {
    return this.bounds === null ? this.firstEnd : /** @type {number} */ (this.bounds[2 * segment + 1])
  }
  get elementsMax() {
    return this.size + FREE_ELEMENTS_MAX
  }

  /** Called first by whatever reads: the memory of a released sample holds something else by now. */
  check() {
    if (!this.isOpen) throw closed('the sample was released; sample.retain() keeps it beyond its loop or callback')
  }
}

/** Where one struct lies in a frame. */
class Place {
  /**
   * @param {Frame} frame
   * @param {number} segment
   * @param {number} data where its data section begins
   * @param {number} dataBytes
   * @param {number} pointers where its pointers begin
   * @param {number} pointerCount
   * @param {number} depth pointers followed so far
   */
  constructor(frame, segment, data, dataBytes, pointers, pointerCount, depth) {
    this.frame = frame
    this.segment = segment
    this.data = data
    this.dataBytes = dataBytes
    this.pointers = pointers
    this.pointerCount = pointerCount
    this.depth = depth
  }
}

/** Where one list lies in a frame. */
class ListPlace {
  /**
   * @param {Frame} frame
   * @param {number} segment
   * @param {number} data where its elements begin
   * @param {number} count
   * @param {number} strideBits
   * @param {number} dataBytes of each element's data section
   * @param {number} pointerCount of each element
   * @param {number} size Cap'n Proto's code for the size of elements, 0 to 7
   * @param {number} depth
   */
  constructor(frame, segment, data, count, strideBits, dataBytes, pointerCount, size, depth) {
    this.frame = frame
    this.segment = segment
    this.data = data
    this.count = count
    this.strideBits = strideBits
    this.dataBytes = dataBytes
    this.pointerCount = pointerCount
    this.size = size
    this.depth = depth
  }
}

module.exports = { Memory, Frame, Place, ListPlace }
