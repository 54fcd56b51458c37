// Whole messages as plain values: objects, arrays, strings, numbers. Two styles of the same walk: toObject() for programs,
// toJSON() for JSON.stringify(), whose rules (64-bit integers as strings and so on) are those of every language.
'use strict'

const { badMessage } = require('../errors.cjs')
const { Kind, numericArrays } = require('../schema/kinds.cjs')
const { readElement } = require('./list.cjs')
const reader = require('./reader.cjs')

/** @typedef {import('./frame.cjs').Frame} Frame */
/** @typedef {import('./frame.cjs').Place} Place */
/** @typedef {import('./frame.cjs').ListPlace} ListPlace */
/** @typedef {import('../schema/types.cjs').StructType} StructType */
/** @typedef {import('../schema/types.cjs').TypeRef} TypeRef */

/** @typedef {{ number: (value: any) => any, data: (value: Uint8Array) => any, any: (value: any) => any }} Style */

/** @type {Style} */
const objects = {
  number: (value) => value,
  data: (value) => value.slice(),
  any: () => null, // only the program knows what it is
}
/** For values that are written into another message at once. @type {Style} */
const copies = {
  number: (value) => value,
  data: (value) => value,
  any: (value) => value,
}
/** @type {Style} */
const json = {
  number(value) {
    if (typeof value === 'bigint') return String(value)
    return typeof value !== 'number' || Number.isFinite(value) ? value : String(value)
  },
  data: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
  any: () => null,
}

/** Pointers may all lead to the same list: what one call makes of a message is bounded by the message's own size. */
class Budget {
  /** @param {Frame} frame */
  constructor(frame) {
    frame.check()
    this.left = frame.elementsMax + 8 * frame.size
  }
  /** @param {number} cost */
  spend(cost) {
    this.left -= cost
    if (this.left < 0) throw badMessage('the message claims more elements than its bytes could carry')
  }
}

/**
 * Fields in the schema's order; of a union the active member only, always; other null pointers left out; null for what
 * there are no values for (interfaces, and AnyPointer).
 *
 * @param {StructType} type
 * @param {Place} place
 * @param {Style} style
 * @param {Budget} budget
 */
function plainStruct(type, place, style, budget) {
  budget.spend(1)
  /** @type {Record<string, unknown>} */
  const object = {}
  for (const field of type.fields) {
    if (!reader.isActive(type, place, field)) continue
    if (!reader.isPresent(place, field)) {
      if (field.discriminant >= 0) object[field.name] = null
    } else {
      object[field.name] = field.isOpaque
        ? null
        : plainValue(field.type, reader.fieldReader(field)(place), style, budget)
    }
  }
  return object
}

/**
 * @param {TypeRef} type
 * @param {any} value what the field or element reads as
 * @param {Style} style
 * @param {Budget} budget
 * @returns {unknown}
 */
function plainValue(type, value, style, budget) {
  if (type.element !== null) return plainList(type.element, value, style, budget)
  switch (type.kind) {
    case Kind.TEXT:
      budget.spend(1 + value.length / 8)
      return value
    case Kind.DATA:
      budget.spend(1 + value.length / 8)
      return style.data(value)
    case Kind.ANY:
      return style.any(value)
    case Kind.STRUCT:
      return plainStruct(reader.Struct.typeOf(value), reader.Struct.placeOf(value), style, budget)
    default:
      return style.number(value)
  }
}

/**
 * @param {TypeRef} element
 * @param {any} list a typed array or a List
 * @param {Style} style
 * @param {Budget} budget
 */
function plainList(element, list, style, budget) {
  budget.spend(1 + list.length)
  /** @type {unknown[]} */
  const array = []
  if (element.listDepth === 0 && numericArrays[element.kind] !== undefined) {
    const { length } = list // by index: the iterator of a typed array costs ten times as much
    for (let i = 0; i < length; ++i) array.push(style.number(list[i]))
    return array
  }
  for (const value of list) array.push(plainValue(element, value, style, budget))
  return array
}

/**
 * @param {ListPlace | null} place
 * @param {TypeRef} element
 * @param {Style} style
 */
function plainElements(place, element, style) {
  if (place === null) return []
  const budget = new Budget(place.frame)
  budget.spend(1 + place.count)
  const array = []
  for (let i = 0; i < place.count; ++i) {
    array.push(plainValue(element, readElement(element, place, i), style, budget))
  }
  return array
}

// One by one: files that need each other hold this object while it is being filled.
/** @param {StructType} type @param {Place} place */
exports.structToCopy = (type, place) => plainStruct(type, place, copies, new Budget(place.frame))
/** @param {StructType} type @param {Place} place */
exports.structToObject = (type, place) => plainStruct(type, place, objects, new Budget(place.frame))
/** @param {StructType} type @param {Place} place */
exports.structToJSON = (type, place) => plainStruct(type, place, json, new Budget(place.frame))
/** @param {ListPlace | null} place @param {TypeRef} element */
exports.listToArray = (place, element) => plainElements(place, element, objects)
/** @param {ListPlace | null} place @param {TypeRef} element */
exports.listToJSON = (place, element) => plainElements(place, element, json)
