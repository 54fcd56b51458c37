// Regions: one named current value. Reading gives the newest whole one and never blocks who writes.
'use strict'

const addon = require('../addon.cjs')
const { closed, invalid } = require('../errors.cjs')
const { describe, integer, readOptions } = require('../options.cjs')

const SIZE_DEFAULT = 64 * 1024

class Region {
  /** @type {import('../native.cjs').NativeRegion | null} */ #native
  #name
  #onClose

  /**
   * Made by Node.region().
   *
   * @param {import('../native.cjs').NativeNode} node
   * @param {string} name
   * @param {object | undefined} given
   * @param {(region: Region) => void} onClose
   */
  constructor(node, name, given, onClose) {
    const { size } = readOptions('region', given, { size: SIZE_DEFAULT })
    this.#name = name
    this.#onClose = onClose
    this.#native = addon.regionCreate(node, name, integer('size', size, 1, Number.MAX_SAFE_INTEGER))
  }
  get name() {
    return this.#name
  }
  /** @param {Uint8Array} bytes */
  write(bytes) {
    if (!(bytes instanceof Uint8Array)) throw invalid(`write: expected Uint8Array, got ${describe(bytes)}`)
    addon.regionWrite(this.#open(), bytes)
  }
  /** A copy of the newest value, or null before the first one. */
  read() {
    return addon.regionRead(this.#open())
  }
  /** The value stays. */
  close() {
    const native = this.#native
    if (native === null) return
    this.#native = null
    addon.regionClose(native)
    this.#onClose(this)
  }
  [Symbol.dispose]() {
    this.close()
  }
  #open() {
    if (this.#native === null) throw closed(`region ${this.#name} is closed`)
    return this.#native
  }
}

module.exports = { Region }
