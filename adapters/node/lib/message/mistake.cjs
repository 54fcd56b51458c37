// What is wrong with a value, and where in it: `hail[1].mm: expected UInt8, got string`. Thrown where the value is looked
// at; those further out add where that was; it leaves the package as BusError INVALID_ARGUMENT.
'use strict'

const { invalid } = require('../errors.cjs')
const { show } = require('../options.cjs')

// Why there is no value for a field of an interface's type; the words are the library's.
const NO_CAPABILITIES = 'a field of an interface type holds a capability, which a message on a bus cannot carry'

class Mistake {
  /** @param {string} reason */
  constructor(reason) {
    this.reason = reason
    this.path = ''
  }
  /** @param {string | number} key */
  in(key) {
    const step = typeof key === 'number' ? `[${key}]` : key
    this.path = this.path === '' || this.path.startsWith('[') ? step + this.path : `${step}.${this.path}`
    return this
  }
  toError() {
    return invalid(this.path === '' ? this.reason : `${this.path}: ${this.reason}`)
  }
}

/**
 * @param {string} what
 * @param {unknown} got
 */
const expected = (what, got) => new Mistake(`expected ${what}, got ${describeFully(got)}`)

/** In the words that every language uses: numbers as they are, of all else the type. @param {unknown} value */
function describeFully(value) {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' || typeof value === 'boolean' ? typeof value : show(value)
}

/**
 * Runs `write`; its mistakes become BusErrors.
 *
 * @template Result
 * @param {string} path where the value belongs
 * @param {() => Result} write
 */
function reporting(path, write) {
  try {
    return write()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    throw (path === '' ? error : error.in(path)).toError()
  }
}

module.exports = { NO_CAPABILITIES, Mistake, expected, reporting }
