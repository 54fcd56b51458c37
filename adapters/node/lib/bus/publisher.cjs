// Publishers.
'use strict'

const addon = require('../addon.cjs')
const { closed, invalid } = require('../errors.cjs')
const { abortSignal, boolean, describe, integer, milliseconds, readOptions } = require('../options.cjs')
const { Schema } = require('../schema/schema.cjs')
const { loanValue, publishValue } = require('./build.cjs')
const { Draft } = require('./draft.cjs')

/** @typedef {import('../native.cjs').NativePublisher} NativePublisher */
/** @typedef {import('../native.cjs').NativeDraft} NativeDraft */
/** @typedef {import('../native.cjs').NativeWait} NativeWait */

/** @type {Record<string, unknown>} */
const defaults = { history: 0, exclusive: false, timeout: undefined, quota: undefined }

class Publisher {
  /** @type {NativePublisher | null} */ #native
  #topic
  #schema
  #type
  #timeout
  #onClose
  #expected = 512
  /** @type {Set<NativeWait>} */ #waits = new Set()

  /**
   * Made by Node.publisher().
   *
   * @param {import('../native.cjs').NativeNode} node
   * @param {string} topic
   * @param {Schema | null} schema
   * @param {object | undefined} given
   * @param {(publisher: Publisher) => void} onClose
   */
  constructor(node, topic, schema, given, onClose) {
    const options = readOptions('publisher', given, defaults)
    const history = integer('history', options.history, 0, 64)
    const exclusive = boolean('exclusive', options.exclusive)
    const quota =
      options.quota === undefined ? undefined : integer('quota', Number(options.quota), 0, Number.MAX_SAFE_INTEGER)
    this.#timeout = milliseconds('timeout', options.timeout)
    this.#topic = topic
    this.#schema = schema
    this.#type = schema === null ? null : Schema.typesOf(schema).root
    this.#onClose = onClose
    const nativeSchema = schema === null ? null : Schema.nativeOf(schema)
    this.#native = addon.publisherOpen(node, topic, nativeSchema, history, exclusive, quota)
  }

  get topic() {
    return this.#topic
  }
  get schema() {
    return this.#schema
  }
  /**
   * Sends a message and returns its sequence. Never waits: where a subscriber that asked to block has no room, it throws
   * TIMEOUT, and publishAsync() is the one to use.
   *
   * @param {object} value the message's fields, or a message
   * @returns {bigint}
   */
  publish(value) {
    const native = this.#open()
    if (this.#type === null) {
      throw invalid(`topic ${this.#topic} is untyped: publishBytes(Uint8Array) publishes there`)
    }
    const { seq, size } = publishValue(native, this.#type, value, this.#expected)
    this.#expected = size
    return seq
  }
  /**
   * Sends bytes in one copy. On a typed topic they must be a whole message in Cap'n Proto's stream framing.
   *
   * @param {Uint8Array} bytes
   * @returns {bigint}
   */
  publishBytes(bytes) {
    const native = this.#open()
    if (!(bytes instanceof Uint8Array)) throw invalid(`publishBytes: expected Uint8Array, got ${describe(bytes)}`)
    return addon.publisherPublish(native, bytes)
  }
  /**
   * As publish(), or publishBytes() if given bytes; waits for subscribers that asked to block, without blocking the event
   * loop. Rejects with TIMEOUT, or with the signal's reason: nothing was sent then.
   *
   * @param {object | Uint8Array} value
   * @param {{ timeout?: number, signal?: AbortSignal }} [options]
   * @returns {Promise<bigint>}
   */
  async publishAsync(value, options) {
    const given = readOptions('publishAsync', options, { timeout: undefined, signal: undefined })
    const timeout = given.timeout === undefined ? this.#timeout : milliseconds('timeout', given.timeout)
    const signal = abortSignal(given.signal)
    signal?.throwIfAborted()
    const native = this.#open()
    const { draft, size } = this.#loaned(native, value)
    // Mostly there is room, which costs no change of threads to find out.
    try {
      return addon.draftPublish(draft, size)
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'TIMEOUT' || timeout === 0) {
        addon.draftDiscard(draft)
        throw error
      }
    }
    const seq = await this.#settled(addon.draftPublishAsync(native, draft, size, timeout), signal)
    if (seq !== null) return seq
    throw signal?.aborted ? signal.reason : closed(`the publisher of topic ${this.#topic} was closed meanwhile`)
  }
  /**
   * Memory on loan with room for `size` bytes, to be filled in place. On typed topics the size is a hint.
   *
   * @param {number} [size]
   */
  loan(size) {
    const native = this.#open()
    const asked = size ?? (this.#type === null ? undefined : this.#expected)
    return new Draft(native, this.#topic, this.#type, integer('size', asked, 0, Number.MAX_SAFE_INTEGER))
  }
  /**
   * Until `count` subscribers are attached. False: not in time.
   *
   * @param {number} [count]
   * @param {{ timeout?: number, signal?: AbortSignal }} [options]
   * @returns {Promise<boolean>}
   */
  async waitForSubscribers(count = 1, options) {
    const given = readOptions('waitForSubscribers', options, { timeout: undefined, signal: undefined })
    const timeout = milliseconds('timeout', given.timeout)
    const signal = abortSignal(given.signal)
    signal?.throwIfAborted()
    const native = this.#open()
    integer('count', count, 0, 2 ** 32 - 1)
    const reached = await this.#settled(addon.waitForSubscribers(native, count, timeout), signal)
    if (reached) return true
    signal?.throwIfAborted()
    this.#open() // closed meanwhile
    return false
  }
  get stats() {
    return addon.publisherStats(this.#open())
  }
  /** Kept values stay; drafts that are out cannot be published any more. */
  close() {
    const native = this.#native
    if (native === null) return
    this.#native = null
    for (const wait of this.#waits) addon.waitCancel(wait)
    addon.publisherClose(native)
    this.#onClose(this)
  }
  [Symbol.dispose]() {
    this.close()
  }
  async [Symbol.asyncDispose]() {
    this.close()
  }

  /** @param {NativePublisher} native @param {unknown} value */
  #loaned(native, value) {
    if (value instanceof Uint8Array) {
      const { draft, buffer } = addon.draftLoan(native, value.length)
      new Uint8Array(buffer).set(value)
      return { draft, size: value.length }
    }
    if (this.#type === null) {
      throw invalid(`topic ${this.#topic} is untyped: publishAsync() takes Uint8Array there, got ${describe(value)}`)
    }
    const loaned = loanValue(native, this.#type, value, this.#expected)
    this.#expected = loaned.size
    return loaned
  }
  /**
   * @template Result
   * @param {{ promise: Promise<Result>, wait: NativeWait }} started
   * @param {AbortSignal | undefined} signal
   */
  async #settled({ promise, wait }, signal) {
    const cancel = () => addon.waitCancel(wait)
    this.#waits.add(wait)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await promise
    } finally {
      this.#waits.delete(wait)
      signal?.removeEventListener('abort', cancel)
    }
  }
  #open() {
    if (this.#native === null) throw closed(`the publisher of topic ${this.#topic} is closed`)
    return this.#native
  }
}

module.exports = { Publisher }
