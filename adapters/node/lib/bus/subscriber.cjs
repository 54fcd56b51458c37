// Subscribers: the messages of a topic, in a loop, by callback or one by one.
'use strict'

const addon = require('../addon.cjs')
const { closed, invalid } = require('../errors.cjs')
const { abortSignal, describe, integer, milliseconds, readOptions } = require('../options.cjs')
const { Schema } = require('../schema/schema.cjs')
const { dropLeftMemory } = require('./memories.cjs')
const { Sample } = require('./sample.cjs')
const { NOT_YET, Readiness, until } = require('./waiting.cjs')

/** @typedef {import('../native.cjs').NativeSubscriber} NativeSubscriber */

/** @type {Record<string, unknown>} */
const defaults = {
  queue: 16,
  history: undefined,
  overflow: 'drop_oldest',
  timeout: undefined,
  onSample: undefined,
  signal: undefined,
}
const DONE = /** @type {const} */ ({ done: true, value: undefined })

// What nobody can reach any more is closed: one that blocks would stop its publishers for ever.
const orphans = new FinalizationRegistry(
  (/** @type {{ native: NativeSubscriber, readiness: Readiness }} */ { native, readiness }) => {
    readiness.close()
    addon.subscriberClose(native)
    dropLeftMemory()
  },
)

/** Outside of the class: a function made in its constructor would keep the subscriber. @param {NativeSubscriber} native */
const readinessOf = (native) => new Readiness((callback, resource) => addon.pollSubscriber(native, callback, resource))

class Subscriber {
  /** @type {NativeSubscriber | null} */ #native
  #topic
  /** @type {Schema | null} */ #schema
  #ownType
  #timeout
  #signal
  #onSample
  #onClose
  #readiness
  /** @type {Sample | null} Taken while wait() looked whether there is one. */ #next = null
  #onAbort = () => this.close()

  /**
   * Made by Node.subscriber().
   *
   * @param {import('../native.cjs').NativeNode} node
   * @param {string} topic
   * @param {Schema | null} schema
   * @param {object | undefined} given
   * @param {(subscriber: Subscriber) => void} onClose
   */
  constructor(node, topic, schema, given, onClose) {
    const options = readOptions('subscriber', given, defaults)
    const queue = integer('queue', options.queue, 1, 1024)
    const history = options.history === undefined ? -1 : integer('history', options.history, 0, 64)
    if (options.overflow !== 'drop_oldest' && options.overflow !== 'block') {
      throw invalid(`overflow: expected "drop_oldest" or "block", got ${JSON.stringify(options.overflow)}`)
    }
    if (options.onSample !== undefined && typeof options.onSample !== 'function') {
      throw invalid(`onSample: expected a function, got ${describe(options.onSample)}`)
    }
    this.#timeout = milliseconds('timeout', options.timeout)
    this.#signal = abortSignal(options.signal)
    this.#signal?.throwIfAborted()
    this.#topic = topic
    this.#schema = schema
    this.#ownType = schema === null ? null : Schema.typesOf(schema).root
    this.#onSample = options.onSample
    this.#onClose = onClose
    const nativeSchema = schema === null ? null : Schema.nativeOf(schema)
    const native = addon.subscriberOpen(node, topic, nativeSchema, queue, history, options.overflow === 'block')
    this.#native = native
    this.#readiness = readinessOf(native)
    orphans.register(this, { native, readiness: this.#readiness }, this)
    if (this.#onSample !== undefined) {
      this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
      this.#readiness.listen(() => this.#deliver())
    }
  }

  get topic() {
    return this.#topic
  }
  /** The schema given, else the topic's; null on untyped topics and before the first publisher. */
  get schema() {
    if (this.#schema === null) {
      const native = addon.subscriberSchema(this.#open())
      if (native !== null) this.#schema = new Schema(native)
    }
    return this.#schema
  }
  /** The oldest message that has arrived, or null. Release it: `sample.release()`, or `using`. */
  take() {
    const native = this.#open()
    if (this.#next !== null) {
      const sample = this.#next
      this.#next = null
      return sample
    }
    return addon.subscriberTake(native) ? new Sample(0, this.#topic, this.#ownType) : null
  }
  /** The newest message that has arrived, taken or not, or null; consumes nothing. Release it. */
  latest() {
    return addon.subscriberLatest(this.#open()) ? new Sample(0, this.#topic, this.#ownType) : null
  }
  /**
   * Until there is something to take. False: not in time.
   *
   * @param {{ timeout?: number, signal?: AbortSignal }} [options]
   */
  async wait(options) {
    const { timeout, signal } = readOptions('wait', options, { timeout: undefined, signal: undefined })
    this.#open()
    const limit = milliseconds('timeout', timeout)
    // Asking the descriptor alone would not do: only a take that finds nothing arms it.
    const attempt = () => {
      this.#next ??= this.take()
      return this.#next !== null ? true : NOT_YET
    }
    if (abortSignal(signal)?.aborted) throw signal.reason
    if (attempt() === true) return true
    return limit === 0 ? false : until(this.#readiness, attempt, limit, signal, () => false)
  }
  get lost() {
    return this.stats.lost
  }
  get stats() {
    return addon.subscriberStats(this.#open())
  }
  /** Waiting here keeps the process alive, which is so from the start. */
  ref() {
    this.#readiness.ref(true)
    return this
  }
  /** Waiting here does not keep the process alive. */
  unref() {
    this.#readiness.ref(false)
    return this
  }
  /** Loops end. Samples that are held stay valid. */
  close() {
    const native = this.#native
    if (native === null) return
    this.#native = null
    orphans.unregister(this)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#next?.release()
    this.#next = null
    this.#readiness.close() // before the descriptor it waits for
    addon.subscriberClose(native)
    dropLeftMemory()
    this.#onClose(this)
  }
  [Symbol.dispose]() {
    this.close()
  }
  async [Symbol.asyncDispose]() {
    this.close()
  }

  /**
   * Each sample is released when the loop asks for the next one, unless it was retained. Leaving the loop leaves the
   * subscriber open, so that another one can go on.
   *
   * @returns {AsyncIterableIterator<Sample>}
   */
  [Symbol.asyncIterator]() {
    if (this.#onSample !== undefined) {
      throw invalid(`the subscriber of topic ${this.#topic} has onSample, which gets its messages`)
    }
    /** @type {Sample[]} Given and not let go: one, unless next() was called without waiting. */
    const given = []
    let isDone = false
    const letGo = () => {
      for (const sample of given.splice(0)) Sample.letGo(sample)
    }
    /** @param {Sample | null} sample @returns {IteratorResult<Sample>} */
    const give = (sample) => {
      if (sample === null) {
        isDone = true
        return DONE
      }
      given.push(sample)
      return { done: false, value: sample }
    }
    const attempt = () => {
      if (this.#native === null || isDone) return give(null)
      const sample = this.take()
      return sample === null ? NOT_YET : give(sample)
    }
    return {
      next: async () => {
        letGo()
        this.#signal?.throwIfAborted()
        const now = attempt()
        if (now !== NOT_YET) return /** @type {IteratorResult<Sample>} */ (now)
        return until(this.#readiness, attempt, this.#timeout, this.#signal, () => give(null))
      },
      return: async () => {
        letGo()
        isDone = true
        return DONE
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  #open() {
    if (this.#native === null) throw closed(`the subscriber of topic ${this.#topic} is closed`)
    return this.#native
  }

  /** What arrived goes to the callback; then the event loop gets its turn before the next batch. */
  #deliver() {
    if (this.#native === null) return
    const count = addon.subscriberTakeMany(this.#native)
    // All at once: callbacks may take from other subscribers, which uses the same records.
    const samples = []
    for (let i = 0; i < count; ++i) samples.push(new Sample(i, this.#topic, this.#ownType))
    for (const sample of samples) {
      if (this.#native === null) sample.release()
      else callWith(/** @type {Function} */ (this.#onSample), sample)
    }
  }
}

/** Calls back with a sample and lets it go: at once, or when the promise that it returned is settled. @param {Function} onSample @param {Sample} sample */
function callWith(onSample, sample) {
  try {
    const result = onSample(sample)
    if (typeof result?.then === 'function') {
      result.then(
        () => Sample.letGo(sample),
        (/** @type {unknown} */ error) => {
          Sample.letGo(sample)
          throw error // unhandled, as it would be without us
        },
      )
      return
    }
  } catch (error) {
    // Uncaught, as in any callback of the event loop, but the messages after it are not lost by it.
    process.nextTick(() => {
      throw error
    })
  }
  Sample.letGo(sample)
}

module.exports = { Subscriber }
