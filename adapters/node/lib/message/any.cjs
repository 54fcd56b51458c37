// AnyPointer: what lies there, the program knows and the schema does not.
'use strict'

const { badMessage, invalid } = require('../errors.cjs')
const { describe } = require('../options.cjs')
const { Kind, kindNames } = require('../schema/kinds.cjs')
const { TypeRef } = require('../schema/types.cjs')
const { followList, followStruct, pointerKind, readData, readText } = require('./pointer.cjs')

/** @typedef {import('./frame.cjs').Frame} Frame */
/** @typedef {import('../schema/types.cjs').Types} Types */

const PLACE = Symbol('place')

/** A pointer that is set; a null one is null. */
class AnyPointer {
  /**
   * @param {Frame} frame
   * @param {number} segment
   * @param {number} position of the pointer
   * @param {number} depth of what contains it
   * @param {'struct' | 'list' | 'capability'} kind
   */
  constructor(frame, segment, position, depth, kind) {
    this.kind = kind
    Object.defineProperty(this, PLACE, { value: { frame, segment, position, depth } })
  }
  /** @param {unknown} schema */
  asStruct(schema) {
    const { frame, segment, position, depth } = placeOf(this)
    const type = typesOf(schema).root
    return new (reader.readerOf(type))(found(followStruct(frame, segment, position, depth)))
  }
  /** @param {unknown} element a Schema, or the name of a type: "Int32", "Text", "List(Float32)" */
  asList(element) {
    const { frame, segment, position, depth } = placeOf(this)
    return list.readList(found(followList(frame, segment, position, depth)), listOf(element))
  }
  asText() {
    const { frame, segment, position } = placeOf(this)
    return found(readText(frame, segment, position))
  }
  asData() {
    const { frame, segment, position } = placeOf(this)
    return found(readData(frame, segment, position))
  }
  toJSON() {
    return null
  }
}

/** @param {AnyPointer} any @returns {{ frame: Frame, segment: number, position: number, depth: number }} */
function placeOf(any) {
  const place = /** @type {any} */ (any)[PLACE]
  place.frame.check()
  return place
}

/** @template T @param {T | null} value @returns {T} */
function found(value) {
  if (value === null) throw badMessage('the pointer is null by now')
  return value
}

/** @param {unknown} schema @returns {Types} */
function typesOf(schema) {
  const { Schema } = schemas
  if (schema instanceof Schema) return Schema.typesOf(schema)
  throw invalid(`schema: expected a Schema, got ${describe(schema)}`)
}

/** @param {unknown} element */
function listOf(element) {
  if (typeof element !== 'string') return new TypeRef(typesOf(element), Kind.STRUCT, 1, 0)
  let name = element
  let depth = 1
  for (; name.startsWith('List(') && name.endsWith(')'); ++depth) name = name.slice(5, -1)
  const kind = kindNames.indexOf(name)
  if (kind < 0 || kind > Kind.DATA || kind === Kind.ENUM) {
    throw invalid(
      `element: expected a Schema or the name of a type like "Int32", "Text" or "List(Float32)", got "${element}"`,
    )
  }
  return new TypeRef(/** @type {any} */ (null), kind, depth, -1)
}

/**
 * @param {Frame} frame
 * @param {number} segment
 * @param {number} position
 * @param {number} depth
 */
function readAny(frame, segment, position, depth) {
  const kind = pointerKind(frame, segment, position)
  return kind === null ? null : new AnyPointer(frame, segment, position, depth, kind)
}

// One by one: files that need each other hold this object while it is being filled.
exports.AnyPointer = AnyPointer
exports.readAny = readAny
exports.placeOf = placeOf

// These need this file in turn: so they come after its exports.
const list = require('./list.cjs')
const reader = require('./reader.cjs')
const schemas = require('../schema/schema.cjs')
