// The one error of the package. Its codes and their meanings are the same in every language.
'use strict'

class BusError extends Error {
  /**
   * @param {import('./index.cjs').Code} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message)
    this.code = code
  }
}
Object.defineProperty(BusError.prototype, 'name', { value: 'BusError', configurable: true, writable: true })

/** @param {string} message */
const invalid = (message) => new BusError('INVALID_ARGUMENT', message)
/** @param {string} message */
const badMessage = (message) => new BusError('BAD_MESSAGE', message)
/** @param {string} message */
const closed = (message) => new BusError('CLOSED', message)

module.exports = { BusError, invalid, badMessage, closed }
