// Structs of received messages: one class for each struct type, made from the schema at run time, whose properties read
// where the message lies.
'use strict'

const { invalid } = require('../errors.cjs')
const { Kind } = require('../schema/kinds.cjs')
const { Frame } = require('./frame.cjs')
const { readList } = require('./list.cjs')
const { NO_CAPABILITIES } = require('./mistake.cjs')
const { emptyPlace, followList, followStruct, positionOf, readData, readText, rootPlace } = require('./pointer.cjs')
const { scalarReader } = require('./scalar.cjs')

/** @typedef {import('./frame.cjs').Place} Place */
/** @typedef {import('../schema/types.cjs').StructType} StructType */
/** @typedef {import('../schema/types.cjs').Field} Field */

const TYPE = Symbol('type')

/** Fields win over the methods: for a field called `which` there is the function of that name in index.cjs. */
class Struct {
  /** @type {Place} */ #place

  /** @param {Place} place */
  constructor(place) {
    this.#place = place
  }
  /** @param {Struct} struct @returns {Place} */
  static placeOf(struct) {
    return struct.#place
  }
  /** @param {unknown} value @returns {value is Struct} */
  static isOne(value) {
    return typeof value === 'object' && value !== null && #place in value
  }
  /** @param {Struct} struct @returns {StructType} */
  static typeOf(struct) {
    return /** @type {any} */ (struct)[TYPE]
  }

  which() {
    return which(Struct.typeOf(this), this.#place)
  }
  /** @param {string} name */
  has(name) {
    return has(Struct.typeOf(this), this.#place, name)
  }
  toObject() {
    return plain.structToObject(Struct.typeOf(this), this.#place)
  }
  toJSON() {
    return plain.structToJSON(Struct.typeOf(this), this.#place)
  }
  [Symbol.for('nodejs.util.inspect.custom')](
    /** @type {number} */ _depth,
    /** @type {any} */ options,
    /** @type {any} */ inspect,
  ) {
    const { name } = Struct.typeOf(this)
    if (!this.#place.frame.isOpen) return `${name} {released}`
    return `${name} ${inspect(plain.structToObject(Struct.typeOf(this), this.#place), options)}`
  }
}
const { placeOf } = Struct

/** @param {StructType} type @param {Place} place */
function tagOf(type, place) {
  return type.tagOffset + 2 <= place.dataBytes ? place.frame.view.getUint16(place.data + type.tagOffset, true) : 0
}

/**
 * The name of the union's active member, or its number where the writer's schema knows one that ours does not.
 *
 * @param {StructType} type
 * @param {Place} place
 */
function which(type, place) {
  place.frame.check()
  if (!type.hasUnion) throw invalid(`${type.name} has no unnamed union; ask the group of a named one`)
  const tag = tagOf(type, place)
  return type.members[tag]?.name ?? tag
}

/**
 * Whether toObject() has this field.
 *
 * @param {StructType} type
 * @param {Place} place
 * @param {string} name
 */
function has(type, place, name) {
  place.frame.check()
  const field = type.byName.get(name)
  if (field === undefined) throw invalid(`${type.name} has no field "${name}"; it has ${type.fieldNames}`)
  return isActive(type, place, field) && isPresent(place, field)
}

/** @param {StructType} type @param {Place} place @param {Field} field */
function isActive(type, place, field) {
  return field.discriminant < 0 || tagOf(type, place) === field.discriminant
}

/** @param {Place} place @param {Field} field */
function isPresent(place, field) {
  if (field.isScalar || field.isGroup) return true
  const position = positionOf(place, field.pointerIndex)
  if (position < 0) return false
  const { view } = place.frame
  return view.getUint32(position, true) !== 0 || view.getUint32(position + 4, true) !== 0
}

/** @param {StructType} type @param {Place} place @param {Field} field */
function inactive(type, place, field) {
  return invalid(`${field.name}: not the active member of its union, which is ${which(type, place)} (see which())`)
}

/**
 * The value a pointer field has where its pointer is null.
 *
 * @param {Field} field
 */
function defaultReader(field) {
  const { defaultFrame } = field
  if (defaultFrame === null) return null
  const bare = Object.assign(Object.create(Object.getPrototypeOf(field)), field, {
    pointerIndex: 0,
    defaultFrame: null,
  })
  const read = pointerReader(bare)
  // The default's root is a struct with this one pointer.
  return () => read(rootPlace(Frame.of(defaultFrame)))
}

/**
 * A function that reads a field that is a pointer.
 *
 * @param {Field} field
 * @returns {(place: Place) => unknown}
 */
function pointerReader(field) {
  const { pointerIndex: index, type } = field
  const byDefault = defaultReader(field)
  if (field.isOpaque) {
    return () => {
      throw invalid(`${field.name}: ${NO_CAPABILITIES}`)
    }
  }
  if (field.isAny) {
    return (place) =>
      any.readAny(place.frame, place.segment, positionOf(place, index), place.depth) ?? byDefault?.() ?? null
  }
  if (type.listDepth > 0) {
    return (place) => {
      const list = followList(place.frame, place.segment, positionOf(place, index), place.depth)
      return list === null && byDefault !== null ? byDefault() : readList(list, type)
    }
  }
  if (type.kind === Kind.TEXT) {
    return (place) =>
      readText(place.frame, place.segment, positionOf(place, index)) ?? (byDefault === null ? '' : byDefault())
  }
  if (type.kind === Kind.DATA) {
    return (place) =>
      readData(place.frame, place.segment, positionOf(place, index)) ??
      (byDefault === null ? new Uint8Array(0) : byDefault())
  }
  return (place) => {
    const inner = followStruct(place.frame, place.segment, positionOf(place, index), place.depth)
    if (inner === null && byDefault !== null) return byDefault()
    return new (readerOf(type.struct))(inner ?? emptyPlace(place.frame, place.depth + 1))
  }
}

/**
 * A function that reads `field` of a place, whether or not it is its union's active member.
 *
 * @param {Field} field
 * @returns {(place: Place) => any}
 */
function fieldReader(field) {
  return (field.read ??= makeFieldReader(field))
}

/** @param {Field} field @returns {(place: Place) => any} */
function makeFieldReader(field) {
  if (field.isScalar) return scalarReader(field)
  if (field.isGroup) return (place) => new (readerOf(field.type.struct))(place)
  return pointerReader(field)
}

/** @param {StructType} type @param {Field} field */
function getterOf(type, field) {
  const read = fieldReader(field)
  if (field.discriminant < 0) {
    return function () {
      // @ts-ignore
      const place = placeOf(this)
      if (!place.frame.isOpen) place.frame.check()
      return read(place)
    }
  }
  return function () {
    // @ts-ignore
    const place = placeOf(this)
    place.frame.check()
    if (tagOf(type, place) !== field.discriminant) throw inactive(type, place, field)
    return read(place)
  }
}

/**
 * The class whose objects read structs of this type.
 *
 * @param {StructType} type
 * @returns {new (place: Place) => Struct}
 */
function readerOf(type) {
  if (type.Reader !== null) return type.Reader
  class Reader extends Struct {}
  Object.defineProperty(Reader, 'name', { value: type.name })
  Object.defineProperty(Reader.prototype, TYPE, { value: type })
  for (const field of type.fields) {
    Object.defineProperty(Reader.prototype, field.name, {
      get: getterOf(type, field),
      set() {
        throw new TypeError(`a received message is read-only: cannot set ${field.name}; toObject() copies it`)
      },
      enumerable: true,
      configurable: true,
    })
  }
  type.Reader = Reader
  return Reader
}

/**
 * The root of a message as an object of its type.
 *
 * @param {StructType} type
 * @param {Frame} frame
 */
function readRoot(type, frame) {
  return new (readerOf(type))(rootPlace(frame))
}

// One by one: files that need each other hold this object while it is being filled.
exports.Struct = Struct
exports.TYPE = TYPE
exports.readerOf = readerOf
exports.readRoot = readRoot
exports.fieldReader = fieldReader
exports.isActive = isActive
exports.isPresent = isPresent

// These need this file in turn: so they come after its exports. Not where they are used: require() costs microseconds.
const any = require('./any.cjs')
const plain = require('./plain.cjs')
