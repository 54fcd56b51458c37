// Watching what comes and goes on a bus, and the graph of all that is there.
'use strict'

const addon = require('../addon.cjs')
const { abortSignal, milliseconds, readOptions } = require('../options.cjs')
const { NOT_YET, Readiness, until } = require('./waiting.cjs')

const DONE = /** @type {const} */ ({ done: true, value: undefined })
// Members of the graph's JSON (docs/graph.md) that are strings there because they have 64 bits.
const WIDE = new Set(['id', 'seq', 'bytes', 'last_ns', 'taken', 'lost', 'publisher', 'subscriber'])

/** @param {string} json */
function parseGraph(json) {
  return JSON.parse(json, (key, value) =>
    WIDE.has(key) && typeof value === 'string' && /^[0-9]+$/.test(value) ? BigInt(value) : value,
  )
}

class Watch {
  /** @type {import('../native.cjs').NativeWatch | null} */ #native
  #readiness
  #timeout
  #signal
  #onClose

  /**
   * Made by Node.watch().
   *
   * @param {import('../native.cjs').NativeNode} node
   * @param {object | undefined} given
   * @param {(watch: Watch) => void} onClose
   */
  constructor(node, given, onClose) {
    const options = readOptions('watch', given, { timeout: undefined, signal: undefined })
    this.#timeout = milliseconds('timeout', options.timeout)
    this.#signal = abortSignal(options.signal)
    this.#signal?.throwIfAborted()
    this.#onClose = onClose
    const native = addon.watchOpen(node)
    this.#native = native
    this.#readiness = new Readiness((callback, resource) => addon.pollWatch(native, callback, resource))
  }
  ref() {
    this.#readiness.ref(true)
    return this
  }
  unref() {
    this.#readiness.ref(false)
    return this
  }
  close() {
    const native = this.#native
    if (native === null) return
    this.#native = null
    this.#readiness.close()
    addon.watchClose(native)
    this.#onClose(this)
  }
  [Symbol.dispose]() {
    this.close()
  }
  async [Symbol.asyncDispose]() {
    this.close()
  }
  /** Leaving the loop closes the watch: there is nothing else to do with one. @returns {AsyncIterableIterator<any>} */
  [Symbol.asyncIterator]() {
    const attempt = () => {
      if (this.#native === null) return DONE
      const json = addon.watchNext(this.#native)
      return json === null ? NOT_YET : { done: false, value: parseGraph(json) }
    }
    return {
      next: async () => {
        this.#signal?.throwIfAborted()
        const now = attempt()
        if (now !== NOT_YET) return /** @type {any} */ (now)
        return until(this.#readiness, attempt, this.#timeout, this.#signal, () => /** @type {any} */ (DONE))
      },
      return: async () => {
        this.close()
        return DONE
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }
}

module.exports = { Watch, parseGraph }
