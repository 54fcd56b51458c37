// Values into messages: objects become structs, arrays lists, and so on, written where the message is built.
'use strict'

const { Kind, numericArrays, scalarBits } = require('../schema/kinds.cjs')
const { checkScalar, scalarWriter } = require('./encode.cjs')
const { Copier } = require('./copy.cjs')
const { placeOfList } = require('./list.cjs')
const { NO_CAPABILITIES, Mistake, expected } = require('./mistake.cjs')
const { Struct } = require('./reader.cjs')

/** @typedef {import('./arena.cjs').Arena} Arena */
/** @typedef {import('./arena.cjs').Segment} Segment */
/** @typedef {import('../schema/types.cjs').StructType} StructType */
/** @typedef {import('../schema/types.cjs').TypeRef} TypeRef */
/** @typedef {import('../schema/types.cjs').Field} Field */

const STRUCT = 0
const LIST = 1
const BYTE = 2
const POINTER = 6
const COMPOSITE = 7
const COUNT_MAX = 2 ** 29 - 1 // Cap'n Proto counts elements in 29 bits
const EMPTY_STRUCT = -4 // offset -1: a pointer to nothing that is not null
// Cap'n Proto's code for the size of an element, by the bits it has.
/** @type {Record<number, number>} */
const sizeOfBits = { 0: 0, 1: 1, 8: 2, 16: 3, 32: 4, 64: 5 }

/** Where a struct is being built. As Place in frame.cjs, so that scalars are read the same way. */
class Site {
  /**
   * @param {Arena} arena
   * @param {Segment} segment
   * @param {number} data
   * @param {StructType} type
   * @param {string} path where it is in the message, for errors
   */
  constructor(arena, segment, data, type, path) {
    this.arena = arena
    this.frame = segment
    this.data = data
    this.dataBytes = 8 * type.dataWords
    this.pointers = data + 8 * type.dataWords
    this.type = type
    this.path = path
  }
  /** The group of this struct that `type` describes. @param {StructType} type @param {string} name */
  group(type, name) {
    return new Site(this.arena, this.frame, this.data, type, join(this.path, name))
  }
  /** @param {Field} field */
  pointerOf(field) {
    return this.pointers + 8 * field.pointerIndex
  }
}

/** @param {string} path @param {string} name */
const join = (path, name) => (path === '' ? name : `${path}.${name}`)

/** A new struct at a pointer. @param {Arena} arena @param {Segment} segment @param {number} position @param {StructType} type @param {string} path */
function initStruct(arena, segment, position, type, path) {
  const bytes = 8 * (type.dataWords + type.pointerCount)
  if (bytes === 0) {
    segment.view.setInt32(position, EMPTY_STRUCT, true)
    segment.view.setUint32(position + 4, 0, true)
    return new Site(arena, segment, position, type, path)
  }
  const room = arena.allocate(segment, position, bytes, STRUCT, type.dataWords + type.pointerCount * 0x10000, false)
  return new Site(arena, room.segment, room.position, type, path)
}

/** @param {Site} site @param {Field} field */
function clearPointer(site, field) {
  site.frame.view.setBigUint64(site.pointerOf(field), 0n)
}

/** @type {WeakMap<Field, (view: DataView, data: number, value: any) => void>} */
const writers = new WeakMap()

/** @param {Field} field */
function writerOf(field) {
  let write = writers.get(field)
  if (write === undefined) writers.set(field, (write = scalarWriter(field)))
  return write
}

/** Sets the bits of a field to zero, that is its default. @param {Site} site @param {Field} field */
function clearField(site, field) {
  const { view } = site.frame
  if (field.isGroup) {
    const group = field.type.struct
    for (const inner of group.fields) clearField(site, inner)
    if (group.hasUnion) view.setUint16(site.data + group.tagOffset, 0, true)
  } else if (!field.isScalar) {
    clearPointer(site, field)
  } else if (field.bits === 1) {
    const at = site.data + (field.bitOffset >>> 3)
    view.setUint8(at, view.getUint8(at) & ~(1 << (field.bitOffset & 7)))
  } else {
    const at = site.data + (field.bitOffset >>> 3)
    site.frame.bytes.fill(0, at, at + field.bits / 8)
  }
}

/** Makes a member of a union the active one. @param {Site} site @param {StructType} type @param {Field} field */
function select(site, type, field) {
  if (field.discriminant < 0) return
  const at = site.data + type.tagOffset
  const tag = site.frame.view.getUint16(at, true)
  if (tag === field.discriminant) return
  // Members share their memory: what the former one left would be the new one's value.
  const former = type.members[tag]
  if (former !== undefined) clearField(site, former)
  site.frame.view.setUint16(at, field.discriminant, true)
}

/**
 * @param {Site} site
 * @param {StructType} type of the struct or group that has the field
 * @param {Field} field
 * @param {unknown} value
 */
function writeField(site, type, field, value) {
  if (field.isScalar) {
    const checked = checkScalar(field.type, value)
    select(site, type, field)
    writerOf(field)(site.frame.view, site.data, checked)
    return
  }
  if (field.isOpaque && value !== null) {
    throw new Mistake(NO_CAPABILITIES)
  }
  select(site, type, field)
  if (field.isGroup) {
    const group = field.type.struct
    if (!isObject(value)) throw expected(group.name, value)
    clearField(site, field)
    writeObject(site.group(group, field.name), group, value)
  } else if (value === null) {
    clearPointer(site, field) // absent
  } else {
    writePointer(site.arena, site.frame, site.pointerOf(field), field.type, value)
  }
}

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value)
}

/**
 * Sets the fields that an object names; `undefined` counts as not named.
 *
 * @param {Site} site
 * @param {StructType} type
 * @param {object} object
 */
function writeObject(site, type, object) {
  const values = /** @type {Record<string, unknown>} */ (fieldsOf(type, object))
  /** @type {Field | null} */
  let member = null
  for (const name of Object.keys(values)) {
    const value = values[name]
    if (value === undefined) continue
    const field = type.byName.get(name)
    if (field === undefined) throw new Mistake(`${type.name} has no field "${name}"; it has ${type.fieldNames}`)
    if (field.discriminant >= 0) {
      if (member !== null) {
        throw new Mistake(`${member.name} and ${name} are members of one union: give one of them`)
      }
      member = field
    }
    try {
      writeField(site, type, field, value)
    } catch (error) {
      throw error instanceof Mistake ? error.in(name) : error
    }
  }
}

/** @param {StructType} type @param {object} object */
function fieldsOf(type, object) {
  const { Builder } = builder
  const isReader = Struct.isOne(object)
  if (!isReader && !Builder.isOne(object)) return object
  const given = isReader ? Struct.typeOf(object) : Builder.siteOf(object).type
  if (given.id !== type.id) throw new Mistake(`expected ${type.name}, got a message of type ${given.name}`)
  // By way of an object: its memory may be of an older or newer version of the type.
  return isReader ? plain.structToCopy(given, Struct.placeOf(object)) : builder.builderToCopy(object)
}

/**
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} position of the pointer
 * @param {TypeRef} type
 * @param {unknown} value
 */
function writePointer(arena, segment, position, type, value) {
  if (type.element !== null) return writeList(arena, segment, position, type, type.element, value)
  switch (type.kind) {
    case Kind.TEXT:
      return writeText(arena, segment, position, value)
    case Kind.DATA:
      return writeData(arena, segment, position, value)
    case Kind.STRUCT: {
      if (!isObject(value)) throw expected(type.struct.name, value)
      return writeObject(initStruct(arena, segment, position, type.struct, ''), type.struct, value)
    }
    case Kind.ANY:
      return writeAny(arena, segment, position, value)
    default:
      throw new Mistake(NO_CAPABILITIES)
  }
}

/**
 * Whatever says itself what it is; a part of a message is copied with all below it.
 *
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} position
 * @param {any} value
 */
function writeAny(arena, segment, position, value) {
  const list = placeOfList(value)
  if (value instanceof any.AnyPointer) {
    const from = any.placeOf(value)
    new Copier(arena, from.frame).pointer(segment, position, from.segment, from.position, from.depth)
  } else if (Struct.isOne(value)) {
    const place = Struct.placeOf(value)
    place.frame.check()
    new Copier(arena, place.frame).struct(segment, position, place)
  } else if (builder.Builder.isOne(value)) {
    const { type } = builder.Builder.siteOf(value)
    writeObject(initStruct(arena, segment, position, type, ''), type, value)
  } else if (list !== undefined) {
    if (list === null) throw new Mistake('this list is null in its own message')
    list.frame.check()
    new Copier(arena, list.frame).list(segment, position, list)
  } else if (typeof value === 'string') {
    writeText(arena, segment, position, value)
  } else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const { BYTES_PER_ELEMENT: width, length } = /** @type {Uint8Array} */ (/** @type {unknown} */ (value))
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    writeBytes(arena, segment, position, bytes, /** @type {number} */ (sizeOfBits[8 * width]), length)
  } else {
    throw expected('AnyPointer (a message, a list of one, text or data)', value)
  }
}

/** @param {number} bytes */
const padded = (bytes) => bytes + (-bytes & 7)

/** @param {Arena} arena @param {Segment} segment @param {number} position @param {unknown} value */
function writeText(arena, segment, position, value) {
  if (typeof value !== 'string') throw expected('Text', value)
  // Absent before Node 20, which is our oldest.
  if (!(/** @type {any} */ (value).isWellFormed())) {
    throw new Mistake('the text has lone surrogates, which UTF-8 cannot carry')
  }
  const size = Buffer.byteLength(value)
  checkCount(size + 1)
  const bytes = padded(size + 1)
  const room = arena.allocate(segment, position, bytes, LIST, BYTE + (size + 1) * 8, true)
  const target = room.segment
  target.view.setBigUint64(room.position + bytes - 8, 0n)
  target.bytes.utf8Write(value, room.position, size)
}

/** @param {Arena} arena @param {Segment} segment @param {number} position @param {unknown} value */
function writeData(arena, segment, position, value) {
  let bytes
  if (ArrayBuffer.isView(value)) {
    bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  } else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    bytes = new Uint8Array(value)
  } else {
    throw expected('Data', value)
  }
  writeBytes(arena, segment, position, bytes, BYTE, bytes.length)
}

/**
 * A list whose elements are `bytes`.
 *
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} position
 * @param {Uint8Array} bytes
 * @param {number} size
 * @param {number} count
 */
function writeBytes(arena, segment, position, bytes, size, count) {
  checkCount(count)
  const whole = padded(bytes.length)
  const room = arena.allocate(segment, position, whole, LIST, size + count * 8, true)
  if (whole === 0) return
  room.segment.view.setBigUint64(room.position + whole - 8, 0n)
  room.segment.bytes.set(bytes, room.position)
}

/** @param {number} count */
function checkCount(count) {
  if (count > COUNT_MAX) throw new Mistake(`a list has at most ${COUNT_MAX} elements, this one has ${count}`)
}

/**
 * A new list of zeros.
 *
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} position
 * @param {TypeRef} element
 * @param {number} count
 * @returns {import('./arena.cjs').Room} where its elements begin
 */
function initList(arena, segment, position, element, count) {
  checkCount(count)
  if (element.listDepth > 0 || element.kind === Kind.TEXT || element.kind === Kind.DATA) {
    return arena.allocate(segment, position, 8 * count, LIST, POINTER + count * 8, false)
  }
  if (element.kind === Kind.STRUCT) {
    const { dataWords, pointerCount } = element.struct
    const words = count * (dataWords + pointerCount)
    checkCount(words)
    const room = arena.allocate(segment, position, 8 + 8 * words, LIST, COMPOSITE + words * 8, false)
    room.segment.view.setUint32(room.position, STRUCT + count * 4, true)
    room.segment.view.setUint32(room.position + 4, dataWords + pointerCount * 0x10000, true)
    room.position += 8
    return room
  }
  const bits = scalarBits[element.kind]
  if (element.kind === Kind.ANY) throw new Mistake('lists of AnyPointer can be read, but not written')
  if (bits === undefined) throw new Mistake(NO_CAPABILITIES)
  const bytes = 8 * Math.ceil((count * bits) / 64)
  return arena.allocate(segment, position, bytes, LIST, /** @type {number} */ (sizeOfBits[bits]) + count * 8, false)
}

/** The elements of whatever can stand for a list. @param {TypeRef} list @param {any} value @returns {ArrayLike<unknown>} */
function elementsOf(list, value) {
  if (Array.isArray(value)) return value
  if (typeof value !== 'object' || value === null || typeof value[Symbol.iterator] !== 'function') {
    throw expected(list.text, value)
  }
  return ArrayBuffer.isView(value) ? /** @type {any} */ (value) : Array.from(value)
}

/**
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} position
 * @param {TypeRef} list
 * @param {TypeRef} element
 * @param {unknown} value
 */
function writeList(arena, segment, position, list, element, value) {
  const numbers = element.listDepth === 0 ? numericArrays[element.kind] : undefined
  if (numbers !== undefined && value instanceof numbers) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    const size = /** @type {number} */ (sizeOfBits[8 * numbers.BYTES_PER_ELEMENT])
    return writeBytes(arena, segment, position, bytes, size, value.length)
  }
  const elements = elementsOf(list, value)
  const { length } = elements
  // Copied out: further rooms are found while the elements are written.
  const room = initList(arena, segment, position, element, length)
  const target = room.segment
  const begin = room.position
  const array = numbers === undefined ? null : new numbers(target.buffer, begin, length)
  for (let i = 0; i < length; ++i) {
    try {
      if (array !== null) array[i] = checkScalar(element, elements[i])
      else writeElement(arena, target, begin, element, i, elements[i])
    } catch (error) {
      throw error instanceof Mistake ? error.in(i) : error
    }
  }
}

/**
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} begin of the list's elements
 * @param {TypeRef} element
 * @param {number} index
 * @param {unknown} value
 */
function writeElement(arena, segment, begin, element, index, value) {
  if (element.listDepth > 0 || element.kind === Kind.TEXT || element.kind === Kind.DATA) {
    return writePointer(arena, segment, begin + 8 * index, element, value)
  }
  if (element.kind === Kind.STRUCT) {
    const type = element.struct
    if (!isObject(value)) throw expected(type.name, value)
    const at = begin + 8 * index * (type.dataWords + type.pointerCount)
    return writeObject(new Site(arena, segment, at, type, ''), type, value)
  }
  const checked = checkScalar(element, value)
  const { view } = segment
  switch (element.kind) {
    case Kind.VOID:
      return
    case Kind.BOOL: {
      const at = begin + (index >>> 3)
      const mask = 1 << (index & 7)
      view.setUint8(at, checked === 1 ? view.getUint8(at) | mask : view.getUint8(at) & ~mask)
      return
    }
    default: // enums: lists of numbers are typed arrays
      view.setUint16(begin + 2 * index, checked, true)
  }
}

/**
 * The root struct of a new message.
 *
 * @param {Arena} arena
 * @param {StructType} type
 */
function initRoot(arena, type) {
  return initStruct(arena, arena.first, 8, type, '')
}

/**
 * A whole message from one value.
 *
 * @param {Arena} arena
 * @param {StructType} type
 * @param {unknown} value
 */
function writeRoot(arena, type, value) {
  if (!isObject(value)) throw expected(type.name, value)
  writeObject(initRoot(arena, type), type, value)
}

module.exports = {
  Site,
  join,
  initStruct,
  initList,
  initRoot,
  writeRoot,
  writeField,
  writeElement,
  clearField,
  select,
}

// These need this file in turn: so they come after its exports. Not where they are used: require() costs microseconds.
const any = require('./any.cjs')
const builder = require('./builder.cjs')
const plain = require('./plain.cjs')
