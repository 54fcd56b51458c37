// Lists. Lists of numbers are typed arrays where they lie; the others read their elements when they are asked for, and can
// be used like a read-only array: `list[0]`, `list.length`, `for (const x of list)`, `list.map(…)`.
'use strict'

const { badMessage } = require('../errors.cjs')
const { Kind, numericArrays } = require('../schema/kinds.cjs')
const { Place } = require('./frame.cjs')
const { BIT, COMPOSITE, followList, readData, readText } = require('./pointer.cjs')

/** @typedef {import('./frame.cjs').ListPlace} ListPlace */
/** @typedef {import('../schema/types.cjs').TypeRef} TypeRef */

const PLACE = Symbol('place')
const ELEMENT = Symbol('element')

class List {
  /**
   * @param {ListPlace | null} place
   * @param {TypeRef} element
   */
  constructor(place, element) {
    // Symbols and not private names: the methods run on the proxy below.
    this[PLACE] = place
    this[ELEMENT] = element
  }
  get length() {
    const place = this[PLACE]
    if (place === null) return 0
    place.frame.check()
    return place.count
  }
  /** @param {number} index */
  at(index) {
    const { length } = this
    const whole = Math.trunc(index) || 0
    const position = whole < 0 ? whole + length : whole
    return position >= 0 && position < length ? readElement(this[ELEMENT], this[PLACE], position) : undefined
  }
  *[Symbol.iterator]() {
    const place = this[PLACE]
    const element = this[ELEMENT]
    for (let i = 0; i < this.length; ++i) yield readElement(element, place, i)
  }
  toArray() {
    return [...this]
  }
  [Symbol.for('nodejs.util.inspect.custom')]() {
    return plain.listToArray(this[PLACE], this[ELEMENT])
  }
  toJSON() {
    return plain.listToJSON(this[PLACE], this[ELEMENT])
  }
  get [Symbol.toStringTag]() {
    return 'List'
  }
}
// What does not change an array works on whatever has a length and elements.
// prettier-ignore
for (const name of ['concat', 'entries', 'every', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach',
  'includes', 'indexOf', 'join', 'keys', 'lastIndexOf', 'map', 'reduce', 'reduceRight', 'slice', 'some', 'values']) {
  Object.defineProperty(List.prototype, name, {
    value: /** @type {any} */ (Array.prototype)[name],
    configurable: true,
    writable: true,
  })
}

/** The index a property's name stands for, or -1. @param {string | symbol} key */
function indexOf(key) {
  if (typeof key !== 'string') return -1
  const first = key.charCodeAt(0)
  if (!(first >= 48 && first <= 57)) return -1
  const index = Number(key)
  return Number.isInteger(index) && String(index) === key ? index : -1
}

/** @type {ProxyHandler<List>} */
const byIndex = {
  get(list, key) {
    const index = indexOf(key)
    return index >= 0 ? list.at(index) : Reflect.get(list, key)
  },
  has(list, key) {
    const index = indexOf(key)
    return index >= 0 ? index < list.length : Reflect.has(list, key)
  },
  set(_list, key) {
    throw new TypeError(`a received message is read-only: cannot set ${String(key)}; copy what you want to change`)
  },
}

// Side by side even where larger elements are claimed, as Cap'n Proto reads them: lists of bits never grow.
/** @param {ListPlace} place @param {number} index */
const bitAt = (place, index) => (place.frame.view.getUint8(place.data + (index >>> 3)) & (1 << (index & 7))) !== 0
/** Where the pointer of an element lies. @param {ListPlace} place @param {number} index */
const pointerAt = (place, index) => place.data + (index * place.strideBits) / 8 + place.dataBytes

/**
 * A function that reads one element of a list of `element`.
 *
 * @param {TypeRef} element
 * @returns {(place: ListPlace, index: number) => unknown}
 */
function elementReader(element) {
  const inner = element.element
  if (inner !== null) {
    return (place, i) => readList(followList(place.frame, place.segment, pointerAt(place, i), place.depth), element)
  }
  switch (element.kind) {
    case Kind.VOID:
      return () => null
    case Kind.BOOL:
      return bitAt
    case Kind.ENUM: {
      const { names } = element.enum
      return (place, i) => {
        const value = place.frame.view.getUint16(place.data + (i * place.strideBits) / 8, true)
        return names[value] ?? value
      }
    }
    case Kind.TEXT:
      return (place, i) => readText(place.frame, place.segment, pointerAt(place, i)) ?? ''
    case Kind.ANY:
      return (place, i) => any.readAny(place.frame, place.segment, pointerAt(place, i), place.depth)
    case Kind.DATA:
      return (place, i) => readData(place.frame, place.segment, pointerAt(place, i)) ?? new Uint8Array(0)
    default: {
      return (place, i) => new (reader.readerOf(element.struct))(structAt(place, i))
    }
  }
}

/**
 * @param {TypeRef} element
 * @param {ListPlace | null} place
 * @param {number} index
 * @returns {any}
 */
function readElement(element, place, index) {
  return (element.readElement ??= elementReader(element))(place, index)
}

/** @param {ListPlace} place @param {number} index */
function structAt(place, index) {
  const begin = place.data + (index * place.strideBits) / 8
  return new Place(
    place.frame,
    place.segment,
    begin,
    place.dataBytes,
    begin + place.dataBytes,
    place.pointerCount,
    place.depth,
  )
}

/**
 * Whether what is there can be read as a list of `element`: lists grow by Cap'n Proto's rules, from numbers or pointers to
 * structs that begin with them.
 *
 * @param {ListPlace} place
 * @param {TypeRef} element
 */
function checkElements(place, element) {
  const { kind } = element
  const isList = element.listDepth > 0
  let fits
  if (isList || kind === Kind.TEXT || kind === Kind.DATA || kind === Kind.ANY) {
    fits = place.pointerCount > 0
  } else if (kind === Kind.STRUCT) {
    fits = place.size !== BIT
  } else if (kind === Kind.BOOL) {
    fits = place.size !== COMPOSITE && place.strideBits > 0 && place.pointerCount === 0
  } else if (kind === Kind.VOID) {
    fits = true
  } else {
    fits = place.dataBytes >= (kind === Kind.ENUM ? 2 : /** @type {any} */ (numericArrays[kind]).BYTES_PER_ELEMENT)
  }
  if (!fits) throw badMessage(`there is another list where List(${element.text}) is expected`)
}

/**
 * The list at `place` (null: an empty one) as a value of type `list`.
 *
 * @param {ListPlace | null} place
 * @param {TypeRef} list
 * @returns {any}
 */
function readList(place, list) {
  const element = /** @type {TypeRef} */ (list.element)
  if (place !== null) checkElements(place, element)
  const numbers = element.listDepth === 0 ? numericArrays[element.kind] : undefined
  if (numbers === undefined) return new Proxy(new List(place, element), byIndex)
  if (place === null) return new numbers(0)
  const { frame, data, count, strideBits } = place
  const bytes = numbers.BYTES_PER_ELEMENT
  if (strideBits === 8 * bytes) {
    return new numbers(/** @type {ArrayBuffer} */ (frame.memory.buffer), frame.offset + data, count)
  }
  // The elements do not lie side by side, since the writer's are structs or larger numbers: this one has to be a copy.
  const copy = new numbers(count)
  const target = new Uint8Array(copy.buffer)
  const source = new Uint8Array(/** @type {ArrayBuffer} */ (frame.memory.buffer), frame.offset, frame.size)
  for (let i = 0; i < count; ++i) {
    const from = data + (i * strideBits) / 8
    target.set(source.subarray(from, from + bytes), i * bytes)
  }
  return copy
}

/** @param {unknown} value @returns {ListPlace | null | undefined} undefined: it is no such list */
const placeOfList = (value) => (value instanceof List ? value[PLACE] : undefined)

module.exports = { List, readList, readElement, indexOf, placeOfList }

// These need this file in turn: so they come after its exports. Not where they are used: require() costs microseconds.
const any = require('./any.cjs')
const plain = require('./plain.cjs')
const reader = require('./reader.cjs')
