// Messages being built in memory on loan from the bus.
'use strict'

const addon = require('../addon.cjs')
const { closed, invalid } = require('../errors.cjs')
const { Arena } = require('../message/arena.cjs')
const { buildAt } = require('../message/builder.cjs')
const { initRoot } = require('../message/writer.cjs')
const { SLACK_BYTES, move } = require('./build.cjs')

/** @typedef {import('../native.cjs').NativeDraft} NativeDraft */
/** @typedef {import('../native.cjs').NativePublisher} NativePublisher */
/** @typedef {import('../schema/types.cjs').StructType} StructType */

/** A loan goes back when nobody has it any more, and views of its memory are a way to have it. @type {WeakMap<ArrayBuffer, NativeDraft>} */
const loans = new WeakMap()

class Draft {
  /** @type {NativeDraft | null} */ #native
  #publisher
  #topic
  /** @type {Arena | null} */ #arena = null
  /** @type {any} */ #msg = null
  /** @type {Uint8Array | null} */ #data = null

  /**
   * Made by Publisher.loan().
   *
   * @param {NativePublisher} publisher
   * @param {string} topic
   * @param {StructType | null} type
   * @param {number} size
   */
  constructor(publisher, topic, type, size) {
    const room = type === null ? size : size + SLACK_BYTES + 8 * (type.dataWords + type.pointerCount)
    const { draft, buffer } = addon.draftLoan(publisher, room)
    loans.set(buffer, draft)
    this.#native = draft
    this.#publisher = publisher
    this.#topic = topic
    if (type === null) {
      this.#data = new Uint8Array(buffer, 0, size)
    } else {
      this.#arena = new Arena(buffer, false)
      this.#msg = buildAt(initRoot(this.#arena, type))
    }
  }

  /** Typed topics: the message, to be filled field by field; null on untyped ones. */
  get msg() {
    this.#open()
    return this.#msg
  }
  /** Untyped topics: the bytes, not zeroed; null on typed ones. */
  get data() {
    this.#open()
    return this.#data
  }
  /**
   * Sends it and returns its sequence. The draft and all views of its memory end with it. After an error nothing was sent
   * and the draft is as before.
   *
   * @param {number} [size] untyped topics: how many bytes were filled
   * @returns {bigint}
   */
  publish(size) {
    const native = this.#open()
    const seq =
      this.#arena === null ? addon.draftPublish(native, this.#sizeOf(size)) : this.#publishMessage(native, this.#arena)
    this.#end()
    return seq
  }
  /** Gives the memory back unsent. */
  discard() {
    const native = this.#open()
    this.#end()
    addon.draftDiscard(native)
  }
  [Symbol.dispose]() {
    if (this.#native !== null) this.discard()
  }

  /** @param {NativeDraft} native @param {Arena} arena */
  #publishMessage(native, arena) {
    const size = arena.frameBytes()
    if (arena.segments.length === 1) {
      arena.seal()
      return addon.draftPublish(native, size)
    }
    const larger = move(this.#publisher, arena)
    try {
      const seq = addon.draftPublish(larger, size)
      addon.draftDiscard(native)
      return seq
    } catch (error) {
      addon.draftDiscard(larger)
      throw error
    }
  }
  /** @param {number | undefined} size */
  #sizeOf(size) {
    const { length } = /** @type {Uint8Array} */ (this.#data)
    if (size === undefined) return length
    if (Number.isInteger(size) && size >= 0 && size <= length) return size
    throw invalid(`size: expected an integer from 0 to ${length}, which is the draft's size, got ${size}`)
  }
  #open() {
    if (this.#native === null) throw closed(`this draft of topic ${this.#topic} was published or discarded`)
    return this.#native
  }
  #end() {
    this.#native = null
    if (this.#arena !== null) this.#arena.isOpen = false
  }
}

module.exports = { Draft }
