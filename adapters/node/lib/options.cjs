// What callers give, checked: option objects, numbers in a range, names of what was given instead.
'use strict'

const { invalid } = require('./errors.cjs')

/** What something is, for an error's text. @param {unknown} value */
function describe(value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value !== 'object') return typeof value
  const name = /** @type {any} */ (value).constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'object'
}

/** What was given, for an error's text: the value where that is short. @param {unknown} value */
function show(value) {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? value.slice(0, 40) + '…' : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return describe(value)
}

/**
 * The options with their defaults filled in. Unknown names are errors: they are mostly misspelt ones.
 *
 * @template {Record<string, unknown>} Defaults
 * @param {string} what
 * @param {unknown} given
 * @param {Defaults} defaults
 * @returns {Record<keyof Defaults, any>}
 */
function readOptions(what, given, defaults) {
  if (given === undefined || given === null) return defaults
  if (typeof given !== 'object') throw invalid(`${what}: expected an object of options, got ${describe(given)}`)
  /** @type {any} */
  const options = { ...defaults }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      throw invalid(`${what}: there is no option ${show(name)}; there is: ${Object.keys(defaults).join(', ')}`)
    }
    if (value !== undefined) options[name] = value
  }
  return options
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 * @returns {number}
 */
function integer(name, value, min, max) {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw invalid(`${name}: expected an integer from ${min} to ${max}, got ${show(value)}`)
}

/**
 * A time in milliseconds; undefined and Infinity: no limit, which is -1.
 *
 * @param {string} name
 * @param {unknown} value
 */
function milliseconds(name, value) {
  if (value === undefined || value === Infinity) return -1
  if (typeof value === 'number' && value >= 0) return Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER)
  throw invalid(`${name}: expected milliseconds (0 or more, or Infinity), got ${show(value)}`)
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {boolean}
 */
function boolean(name, value) {
  if (typeof value === 'boolean') return value
  throw invalid(`${name}: expected true or false, got ${show(value)}`)
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string}
 */
function string(name, value) {
  if (typeof value === 'string') return value
  throw invalid(`${name}: expected a string, got ${show(value)}`)
}

/**
 * @param {unknown} value
 * @returns {AbortSignal | undefined}
 */
function abortSignal(value) {
  if (value === undefined || value instanceof AbortSignal) return value
  throw invalid(`signal: expected an AbortSignal, got ${describe(value)}`)
}

module.exports = { describe, show, readOptions, integer, milliseconds, boolean, string, abortSignal }
