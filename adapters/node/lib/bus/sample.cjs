// Received messages. A sample holds its memory until it is released.
'use strict'

const addon = require('../addon.cjs')
const { BusError, closed, invalid } = require('../errors.cjs')
const { Frame } = require('../message/frame.cjs')
const { readRoot } = require('../message/reader.cjs')
const { Schema } = require('../schema/schema.cjs')
const { memoryOf, offsetInMemory } = require('./memories.cjs')

/** @typedef {import('../schema/types.cjs').StructType} StructType */

// What the addon writes for each sample it hands out: struct Record in records.hpp.
const RECORD_BYTES = 80
const records = new DataView(addon.records())

/** @type {Map<bigint, Schema>} What came with samples, by the begin of its fingerprint. */
const received = new Map()

class Sample {
  #slot
  #extent
  #offset
  #topic
  #ownType
  #prefix
  #isOpen = true
  #isRetained = false
  /** @type {Frame | null} */ #frame = null
  /** @type {any} */ #msg = undefined

  /**
   * @param {number} index of its record
   * @param {string} topic
   * @param {StructType | null} ownType the subscriber's own type for its topic
   */
  constructor(index, topic, ownType) {
    const at = index * RECORD_BYTES
    this.#slot = records.getFloat64(at, true)
    this.#extent = records.getFloat64(at + 8, true)
    this.#offset = records.getFloat64(at + 16, true)
    this.#topic = topic
    this.#ownType = ownType
    this.#prefix = records.getBigUint64(at + 64, true)
    this.size = records.getFloat64(at + 24, true)
    this.latencyNs = records.getFloat64(at + 32, true)
    this.seq = records.getBigUint64(at + 40, true)
    this.publisherId = records.getBigUint64(at + 48, true)
    this.publishedNs = records.getBigUint64(at + 56, true)
    this.pid = records.getUint32(at + 72, true)
  }

  get topic() {
    return this.#topic
  }
  get released() {
    return !this.#isOpen
  }
  /** The whole payload where it lies. */
  get data() {
    const memory = this.#memory()
    return new Uint8Array(/** @type {ArrayBuffer} */ (memory.buffer), offsetInMemory(this.#offset), this.size)
  }
  /** The decoded message; null on untyped topics. */
  get msg() {
    if (!this.#isOpen) throw this.#isClosed()
    if (this.#msg !== undefined) return this.#msg
    const type = this.#type()
    if (type === null) return (this.#msg = null)
    this.#frame = new Frame(this.#memory(), offsetInMemory(this.#offset), this.size)
    return (this.#msg = readRoot(type, this.#frame))
  }
  toObject() {
    return this.#whole().toObject()
  }
  toJSON() {
    return this.#whole().toJSON()
  }
  /** The payload in memory of one's own. */
  copy() {
    return this.data.slice()
  }
  /** Keeps it beyond the body of its loop or its callback, until release(). */
  retain() {
    if (!this.#isOpen) throw this.#isClosed()
    this.#isRetained = true
    return this
  }
  /** Gives the memory back. `data` and `msg` throw from now on; views taken before show something else soon. */
  release() {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#frame !== null) this.#frame.isOpen = false
    addon.sampleRelease(this.#slot)
  }
  [Symbol.dispose]() {
    this.release()
  }
  [Symbol.for('nodejs.util.inspect.custom')](
    /** @type {number} */ _depth,
    /** @type {any} */ options,
    /** @type {any} */ inspect,
  ) {
    const { topic, seq, size, pid } = this
    const content = !this.#isOpen ? { released: true } : this.msg === null ? {} : { msg: this.msg }
    return `Sample ${inspect({ topic, seq, size, pid, ...content }, options)}`
  }

  /** Releases what nobody retained: the body of its loop, or its callback, has ended. @param {Sample} sample */
  static letGo(sample) {
    if (!sample.#isRetained) sample.release()
  }

  #memory() {
    if (!this.#isOpen) throw this.#isClosed()
    return memoryOf(this.#extent, this.#offset, this.size, this.#slot)
  }
  #isClosed() {
    return closed(
      `sample ${this.seq} of topic ${this.#topic} was released; sample.retain() keeps it beyond its loop or callback`,
    )
  }
  #whole() {
    const { msg } = this
    if (msg === null) throw invalid(`topic ${this.#topic} is untyped: its samples have data, but no message`)
    return msg
  }
  /** @returns {StructType | null} */
  #type() {
    if (this.#prefix === 0n) return null
    if (this.#ownType !== null) return this.#ownType
    let schema = received.get(this.#prefix)
    if (schema === undefined) {
      const native = addon.sampleSchema(this.#slot)
      if (native === null) {
        throw new BusError('BAD_SCHEMA', `topic ${this.#topic}: the registry does not have this message's schema (yet)`)
      }
      received.set(this.#prefix, (schema = new Schema(native)))
    }
    return Schema.typesOf(schema).root
  }
}

module.exports = { Sample }
