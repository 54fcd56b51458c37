// Waiting in Node's event loop for a descriptor to become readable, without polling and without a thread.
//
// The descriptor of a subscriber stays readable until a take finds nothing, which arms it again. So whoever waits tries
// first, and tries again whenever it became readable.
'use strict'

const { AsyncResource } = require('node:async_hooks')
const addon = require('../addon.cjs')

/** @typedef {import('../native.cjs').NativePoll} NativePoll */

class Readiness {
  /** @type {NativePoll | null} */ #poll = null
  #open
  /** @type {(() => void)[]} */ #waiting = []
  /** @type {(() => void) | null} */ #listener = null
  #isActive = false
  #isHolding = false
  #isWanted = true
  #isClosed = false

  /** @param {(callback: () => void, resource: object) => NativePoll} open */
  constructor(open) {
    this.#open = open
  }

  /** Calls back once, when there may be something, or when this is closed. @param {() => void} callback */
  once(callback) {
    if (this.#isClosed) {
      queueMicrotask(callback)
      return
    }
    this.#waiting.push(callback)
    this.#start()
  }
  /** @param {() => void} callback */
  forget(callback) {
    const at = this.#waiting.indexOf(callback)
    if (at >= 0) this.#waiting.splice(at, 1)
    if (!this.#hasWork()) this.#pause()
  }
  /** Calls back from now on. @param {() => void} listener */
  listen(listener) {
    this.#listener = listener
    this.#start()
  }
  /** Whether waiting keeps the process alive. @param {boolean} wanted */
  ref(wanted) {
    this.#isWanted = wanted
    this.#hold(wanted && this.#hasWork())
  }
  /** Those who wait are called, and find that all is closed. */
  close() {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#poll !== null) addon.pollClose(this.#poll)
    this.#poll = null
    this.#listener = null
    for (const callback of this.#waiting.splice(0)) callback()
  }
  get isWanted() {
    return this.#isWanted
  }

  #hasWork() {
    return this.#waiting.length > 0 || this.#listener !== null
  }
  #start() {
    if (this.#poll === null) {
      this.#poll = this.#open(() => this.#onReadable(), new AsyncResource('polybus'))
      this.#isHolding = true // as a new handle of the loop does
    }
    if (!this.#isActive) addon.pollStart(this.#poll)
    this.#isActive = true
    this.#hold(this.#isWanted)
  }
  #pause() {
    if (this.#poll === null) return
    if (this.#isActive) addon.pollStop(this.#poll)
    this.#isActive = false
    this.#hold(false)
  }
  #onReadable() {
    if (this.#listener !== null) this.#listener()
    // Nobody waits although it stays readable: whoever is busy with what came before starts it again.
    if (this.#waiting.length === 0 && this.#listener === null) return this.#pause()
    for (const callback of this.#waiting.splice(0)) callback()
    // It is left running: mostly they wait again before the loop's next turn, and starting and stopping costs system
    // calls. But what only runs for that must not keep the process alive.
    if (!this.#hasWork()) this.#hold(false)
  }
  /** @param {boolean} wanted */
  #hold(wanted) {
    if (this.#poll === null || this.#isHolding === wanted) return
    this.#isHolding = wanted
    addon.pollRef(this.#poll, wanted)
  }
}

/** What an attempt returns when there is nothing yet. */
const NOT_YET = Symbol('not yet')

/**
 * Attempts until there is something. A timeout gives `onTimeout`'s result, an aborted signal rejects with its reason.
 *
 * @template Result
 * @param {Readiness} readiness
 * @param {() => Result | typeof NOT_YET} attempt
 * @param {number} timeout in ms; below zero: none
 * @param {AbortSignal | undefined} signal
 * @param {() => Result} onTimeout
 * @returns {Promise<Result>}
 */
function until(readiness, attempt, timeout, signal, onTimeout) {
  return new Promise((resolve, reject) => {
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const finish = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const abort = () => {
      readiness.forget(look)
      finish()
      reject(signal?.reason)
    }
    const look = () => {
      try {
        const result = attempt()
        if (result === NOT_YET) return readiness.once(look)
        finish()
        resolve(/** @type {Result} */ (result))
      } catch (error) {
        finish()
        reject(error)
      }
    }
    if (signal?.aborted) return reject(signal.reason)
    signal?.addEventListener('abort', abort, { once: true })
    if (timeout >= 0) {
      timer = setTimeout(
        () => {
          readiness.forget(look)
          finish()
          resolve(onTimeout())
        },
        Math.min(timeout, 2 ** 31 - 1),
      )
      if (!readiness.isWanted) timer.unref()
    }
    readiness.once(look)
  })
}

module.exports = { Readiness, until, NOT_YET }
