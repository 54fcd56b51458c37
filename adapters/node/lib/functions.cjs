// Messages without a bus, and the methods of messages as functions, for types with fields of their names.
'use strict'

const { invalid } = require('./errors.cjs')
const { describe } = require('./options.cjs')
const { Arena } = require('./message/arena.cjs')
const { Builder } = require('./message/builder.cjs')
const { Frame } = require('./message/frame.cjs')
const { reporting } = require('./message/mistake.cjs')
const { Struct, readRoot } = require('./message/reader.cjs')
const { writeRoot } = require('./message/writer.cjs')
const { Schema } = require('./schema/schema.cjs')

/** @param {unknown} schema */
function typeOf(schema) {
  if (schema instanceof Schema) return Schema.typesOf(schema).root
  throw invalid(`schema: expected a Schema, as loadSchema('…').Type is one, got ${describe(schema)}`)
}

/**
 * A value as a message in stream framing.
 *
 * @param {Schema} schema
 * @param {object} value
 * @returns {Uint8Array}
 */
function encode(schema, value) {
  const type = typeOf(schema)
  const arena = new Arena(new ArrayBuffer(1024), true)
  reporting('', () => writeRoot(arena, type, value))
  return arena.snapshot()
}

/**
 * A message in stream framing, read where it lies.
 *
 * @param {Schema} schema
 * @param {Uint8Array} bytes
 * @returns {any}
 */
function decode(schema, bytes) {
  if (!(bytes instanceof Uint8Array)) throw invalid(`bytes: expected Uint8Array, got ${describe(bytes)}`)
  return readRoot(typeOf(schema), Frame.of(bytes))
}

/** @param {string} method @param {boolean} ofBuilders @returns {(message: any, ...rest: any[]) => any} */
function methodOf(method, ofBuilders) {
  const ofStruct = /** @type {any} */ (Struct.prototype)[method]
  const ofBuilder = ofBuilders ? /** @type {any} */ (Builder.prototype)[method] : undefined
  return (message, ...rest) => {
    const found = Struct.isOne(message) ? ofStruct : Builder.isOne(message) ? ofBuilder : undefined
    if (found === undefined) throw invalid(`${method}: expected a message, got ${describe(message)}`)
    return found.apply(message, rest)
  }
}

/**
 * The JSON text of a message, as `bus-cli echo` prints it. JSON.stringify(message) is the same but for minus zero, which it
 * writes as 0.
 *
 * @param {any} message
 * @returns {string}
 */
function stringify(message) {
  return textOf(methodOf('toJSON', true)(message))
}

/** @param {unknown} value @returns {string} */
function textOf(value) {
  if (Object.is(value, -0)) return '-0.0'
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${textOf(member)}`)
    .join()}}`
}

module.exports = {
  encode,
  decode,
  which: methodOf('which', true),
  has: methodOf('has', false),
  init: methodOf('init', true),
  toObject: methodOf('toObject', true),
  stringify,
}
