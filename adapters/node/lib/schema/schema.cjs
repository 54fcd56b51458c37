// Schemas: the type of a topic's messages, from a .capnp file or from the registry.
'use strict'

const { fileURLToPath } = require('node:url')
const addon = require('../addon.cjs')
const { BusError, invalid } = require('../errors.cjs')
const { describe, readOptions } = require('../options.cjs')
const { Types } = require('./types.cjs')

/** @typedef {import('../native.cjs').NativeSchema} NativeSchema */

class Schema {
  /** @type {NativeSchema} */ #native
  #info
  /** @type {Types | null} */ #types = null

  /** @param {NativeSchema} native */
  constructor(native) {
    this.#native = native
    this.#info = addon.schemaInfo(native)
  }

  /** @param {Uint8Array} bundle a CodeGeneratorRequest in stream framing, as bundle() returns it */
  static fromBundle(bundle) {
    if (!(bundle instanceof Uint8Array)) throw invalid(`bundle: expected Uint8Array, got ${describe(bundle)}`)
    return new Schema(addon.schemaFromBundle(bundle))
  }

  /** "imu.capnp:Imu" */
  get typeName() {
    return this.#info.typeName
  }
  /** "Imu" */
  get name() {
    return this.#info.typeName.slice(this.#info.typeName.indexOf(':') + 1)
  }
  get fingerprint() {
    return this.#info.fingerprint
  }
  get id() {
    return this.#info.id
  }
  bundle() {
    return addon.schemaBundle(this.#native)
  }
  toString() {
    return this.typeName
  }
  [Symbol.for('nodejs.util.inspect.custom')]() {
    return `Schema <${this.typeName}>`
  }

  /** @param {Schema} schema */
  static nativeOf(schema) {
    return schema.#native
  }
  /** @param {Schema} schema */
  static typesOf(schema) {
    return (schema.#types ??= new Types(addon.schemaTables(schema.#native)))
  }
  /** @param {Schema} schema */
  static prefixOf(schema) {
    return schema.#info.prefix
  }
}

// One segment of one word, the null root: a message in which every field has its default.
const NOTHING_SET = new Uint8Array([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

/**
 * Constants are properties of the file or type they are written in; those that are there already win.
 *
 * @param {any} place
 * @param {Schema} constants a field for each, whose default is its value
 */
function defineConstants(place, constants) {
  const type = Schema.typesOf(constants).root
  const values = /** @type {any} */ (readRoot(type, Frame.of(NOTHING_SET)))
  for (const { name } of type.fields) {
    if (!(name in place)) Object.defineProperty(place, name, { get: () => values[name], enumerable: true })
  }
}

/**
 * Parses a .capnp file. The result has its types as properties, nested ones as properties of their outer type, and
 * constants likewise.
 *
 * @param {string | URL} path
 * @param {{ importPaths?: readonly string[] }} [options] where to look for imports, after the file's own folder
 * @returns {any}
 */
function loadSchema(path, options) {
  const { importPaths } = readOptions('loadSchema', options, { importPaths: [] })
  const file = path instanceof URL ? fileURLToPath(path) : path
  if (typeof file !== 'string') throw invalid(`path: expected a string or a URL, got ${describe(path)}`)
  if (!Array.isArray(importPaths) || !importPaths.every((folder) => typeof folder === 'string')) {
    throw invalid(`importPaths: expected strings, got ${describe(importPaths)}`)
  }
  /** @type {Record<string, any>} */
  const found = Object.create(null)
  const parsed = addon.schemaParse(file, importPaths)
  for (const [name, native, constants] of parsed) {
    const inner = name.split('.')
    const last = /** @type {string} */ (inner.pop())
    let place = found
    // What is nested in an interface, which is no type of messages, is found below its name all the same.
    for (const outer of inner) place = place[outer] ??= Object.create(null)
    // In a schema of its own: a nested type is a property of the outer one, beside `name` and `id`, which begin small.
    if (native !== null) Object.defineProperty(place, last, { value: new Schema(native), enumerable: true })
    if (constants !== null) defineConstants(native === null ? found : place[last], new Schema(constants))
  }
  return new Proxy(Object.freeze(found), {
    // A type that is not there must not become "no schema", which is an untyped topic.
    get(target, key) {
      if (typeof key === 'string' && /^[A-Z]/.test(key) && !(key in target)) {
        throw new BusError('BAD_SCHEMA', `${file} has no type ${key}; there is: ${Object.keys(target).join(', ')}`)
      }
      return Reflect.get(target, key)
    },
  })
}

// One by one: files that need each other hold this object while it is being filled.
exports.Schema = Schema
exports.loadSchema = loadSchema

// These need this file in turn: so they come after its exports.
const { Frame } = require('../message/frame.cjs')
const { readRoot } = require('../message/reader.cjs')
