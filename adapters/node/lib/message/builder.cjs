// Messages under construction as objects: `draft.msg.level = 'warn'`, `draft.msg.pose.x = 1`, `draft.msg.hail[1].mm = 3`.
// Reading gives what is there; a struct that is not there yet comes into being when it is reached for.
'use strict'

const { invalid } = require('../errors.cjs')
const { integer } = require('../options.cjs')
const { Kind, numericArrays } = require('../schema/kinds.cjs')
const { Frame, Place } = require('./frame.cjs')
const { indexOf } = require('./list.cjs')
const { NO_CAPABILITIES, Mistake, reporting } = require('./mistake.cjs')
const plain = require('./plain.cjs')
const { Struct, TYPE, fieldReader, readerOf } = require('./reader.cjs')
const { rootPlace } = require('./pointer.cjs')
const { Site, clearField, initList, initStruct, join, select, writeElement, writeField } = require('./writer.cjs')

/** @typedef {import('./arena.cjs').Arena} Arena */
/** @typedef {import('./arena.cjs').Segment} Segment */
/** @typedef {import('../schema/types.cjs').StructType} StructType */
/** @typedef {import('../schema/types.cjs').TypeRef} TypeRef */
/** @typedef {import('../schema/types.cjs').Field} Field */

const FAR = 2
const COMPOSITE = 7
const COUNT_MAX = 2 ** 29 - 1

/**
 * What a pointer of ours leads to, or null. Pointers of a message under construction need no checks.
 *
 * @param {Arena} arena
 * @param {Segment} segment
 * @param {number} position
 */
function find(arena, segment, position) {
  let low = segment.view.getInt32(position, true)
  let high = segment.view.getUint32(position + 4, true)
  if (low === 0 && high === 0) return null
  if ((low & 3) === FAR) {
    segment = /** @type {Segment} */ (arena.segments[high])
    position = segment.begin + 8 * (low >>> 3)
    low = segment.view.getInt32(position, true)
    high = segment.view.getUint32(position + 4, true)
  }
  const begin = position + 8 + 8 * (low >> 2)
  return (high & 7) === COMPOSITE
    ? { segment, begin: begin + 8, count: segment.view.getUint32(begin, true) >>> 2 }
    : { segment, begin, count: high >>> 3 }
}

class Builder {
  /** @type {Site} */ #site

  /** @param {Site} site */
  constructor(site) {
    this.#site = site
  }
  /** @param {Builder} builder */
  static siteOf(builder) {
    return builder.#site
  }
  /** @param {unknown} value @returns {value is Builder} */
  static isOne(value) {
    return typeof value === 'object' && value !== null && #site in value
  }

  which() {
    const { type, frame, data, arena } = this.#site
    arena.check()
    if (!type.hasUnion) throw invalid(`${type.name} has no unnamed union; ask the group of a named one`)
    const tag = frame.view.getUint16(data + type.tagOffset, true)
    return type.members[tag]?.name ?? tag
  }
  /**
   * Makes a field's value anew, to be filled in place: a list of `size` elements, Data of `size` bytes, a struct; or
   * selects a group of a union. Returns it.
   *
   * @param {string} name
   * @param {number} [size]
   */
  init(name, size) {
    return initField(this.#site, name, size)
  }
  toObject() {
    return builderToObject(this)
  }
  toJSON() {
    return readerOn(this.#site).toJSON()
  }
  [Symbol.for('nodejs.util.inspect.custom')](
    /** @type {number} */ _depth,
    /** @type {any} */ options,
    /** @type {any} */ inspect,
  ) {
    const { type, arena } = this.#site
    return arena.isOpen
      ? `${type.name} ${inspect(builderToObject(this), options)}`
      : `${type.name} {published or discarded}`
  }
}
const { siteOf } = Builder

/** @param {Builder} builder */
const builderToObject = (builder) => readerOn(siteOf(builder)).toObject()
/** To be written into another message. @param {Builder} builder */
function builderToCopy(builder) {
  const reader = readerOn(siteOf(builder))
  return plain.structToCopy(siteOf(builder).type, Struct.placeOf(reader))
}

/** The struct as it is now, to be read. @param {Site} site @returns {any} */
function readerOn(site) {
  site.arena.check()
  const frame = Frame.of(site.arena.snapshot())
  const { index, begin } = site.frame
  const shift = frame.begin(index) - begin // segments lie elsewhere in a whole message
  const { type } = site
  const place = new Place(
    frame,
    index,
    site.data + shift,
    site.dataBytes,
    site.pointers + shift,
    type.isGroup ? 0xffff : type.pointerCount,
    1,
  )
  return new (readerOf(type))(place)
}

/** @param {Site} site @param {string} name @param {unknown} size */
function initField(site, name, size) {
  site.arena.check()
  const { type } = site
  const field = type.byName.get(name)
  if (field === undefined) throw invalid(`${type.name} has no field "${name}"; it has ${type.fieldNames}`)
  if (
    field.isScalar ||
    field.isOpaque ||
    field.isAny ||
    (field.type.kind === Kind.TEXT && field.type.listDepth === 0)
  ) {
    throw invalid(`${join(site.path, name)}: ${field.type.text} is set, not made: assign to it`)
  }
  const isSized = field.type.listDepth > 0 || field.type.kind === Kind.DATA
  const count = isSized ? integer(`${join(site.path, name)}: size`, size, 0, COUNT_MAX) : 0
  select(site, type, field)
  if (field.isGroup) {
    clearField(site, field)
  } else if (!isSized) {
    initStruct(site.arena, site.frame, site.pointerOf(field), field.type.struct, '')
  } else {
    const element = field.type.element ?? byteOf(field.type)
    reporting(join(site.path, name), () => initList(site.arena, site.frame, site.pointerOf(field), element, count))
  }
  return readField(site, field)
}

/** Data is a list of bytes. @param {TypeRef} data */
const byteOf = (data) => Object.assign(Object.create(Object.getPrototypeOf(data)), data, { kind: Kind.UINT8 })

/**
 * What a field holds. Numbers and lists of them as they are, structs and other lists as builders.
 *
 * @param {Site} site
 * @param {Field} field
 * @returns {any}
 */
function readField(site, field) {
  if (field.isScalar) return fieldReader(field)(/** @type {any} */ (site))
  const { type } = field
  if (field.isGroup) return new (builderOf(type.struct))(site.group(type.struct, field.name))
  if (field.isOpaque) throw invalid(`${join(site.path, field.name)}: ${NO_CAPABILITIES}`)
  if (field.isAny) {
    throw invalid(
      `${join(site.path, field.name)}: an AnyPointer can be assigned, but not read while a message is built`,
    )
  }
  const position = site.pointerOf(field)
  let found = find(site.arena, site.frame, position)
  if (found === null && field.defaultFrame !== null) {
    // A default that is reached for becomes the field's own value: it could be changed.
    writeField(site, site.type, field, defaultOf(field))
    found = find(site.arena, site.frame, position)
  }
  const path = join(site.path, field.name)
  if (type.element === null && type.kind === Kind.STRUCT) {
    if (found === null)
      return new (builderOf(type.struct))(initStruct(site.arena, site.frame, position, type.struct, path))
    return new (builderOf(type.struct))(new Site(site.arena, found.segment, found.begin, type.struct, path))
  }
  return readFound(site.arena, found, type, path)
}

/** @param {Field} field */
function defaultOf(field) {
  const { defaultFrame } = field
  const place = rootPlace(Frame.of(/** @type {Uint8Array} */ (defaultFrame)))
  return fieldReader(
    Object.assign(Object.create(Object.getPrototypeOf(field)), field, { pointerIndex: 0, read: null }),
  )(place)
}

/**
 * @param {Arena} arena
 * @param {ReturnType<typeof find>} found
 * @param {TypeRef} type Text, Data or a list
 * @param {string} path
 */
function readFound(arena, found, type, path) {
  if (type.element !== null) {
    const numbers = type.listDepth === 1 ? numericArrays[type.kind] : undefined
    if (numbers === undefined) return new Proxy(new ListBuilder(arena, found, type.element, path), byIndex)
    return found === null ? new numbers(0) : new numbers(found.segment.buffer, found.begin, found.count)
  }
  if (type.kind === Kind.TEXT) {
    return found === null ? '' : found.segment.bytes.utf8Slice(found.begin, found.begin + found.count - 1)
  }
  return found === null ? new Uint8Array(0) : new Uint8Array(found.segment.buffer, found.begin, found.count)
}

/** A list of structs, texts and so on under construction. Its length is what init() or an assignment gave it. */
class ListBuilder {
  /**
   * @param {Arena} arena
   * @param {ReturnType<typeof find>} found
   * @param {TypeRef} element
   * @param {string} path
   */
  constructor(arena, found, element, path) {
    this.arena = arena
    this.found = found
    this.element = element
    this.path = path
    for (const key of Object.keys(this)) Object.defineProperty(this, key, { enumerable: false })
  }
  get length() {
    this.arena.check()
    return this.found === null ? 0 : this.found.count
  }
  /** @param {number} index @returns {any} */
  at(index) {
    const position = index < 0 ? index + this.length : index
    return position >= 0 && position < this.length ? this.read(position) : undefined
  }
  /** @param {number} index */
  read(index) {
    const { arena, element, path } = this
    const { segment, begin } = /** @type {NonNullable<ReturnType<typeof find>>} */ (this.found)
    const inner = `${path}[${index}]`
    if (element.element === null) {
      switch (element.kind) {
        case Kind.VOID:
          return null
        case Kind.BOOL:
          return (segment.view.getUint8(begin + (index >>> 3)) & (1 << (index & 7))) !== 0
        case Kind.ENUM: {
          const value = segment.view.getUint16(begin + 2 * index, true)
          return element.enum.names[value] ?? value
        }
        case Kind.STRUCT: {
          const type = element.struct
          const at = begin + 8 * index * (type.dataWords + type.pointerCount)
          return new (builderOf(type))(new Site(arena, segment, at, type, inner))
        }
      }
    }
    return readFound(arena, find(arena, segment, begin + 8 * index), element, inner)
  }
  /** @param {number} index @param {unknown} value */
  write(index, value) {
    const { arena, element, found, path } = this
    if (found === null || index >= this.length) {
      throw invalid(`${path}[${index}]: the list has ${this.length} elements; init() gives it another length`)
    }
    if (element.listDepth === 0 && element.kind === Kind.STRUCT) clearStruct(Builder.siteOf(this.read(index)))
    reporting(path, () => {
      try {
        writeElement(arena, found.segment, found.begin, element, index, value)
      } catch (error) {
        throw error instanceof Mistake ? error.in(index) : error
      }
    })
  }
  *[Symbol.iterator]() {
    for (let i = 0; i < this.length; ++i) yield this.read(i)
  }
  /** Makes the list at `index`, in a list of lists. @param {number} index @param {number} size */
  init(index, size) {
    const { arena, element, found, path } = this
    if (element.element === null) throw invalid(`${path}: its elements are no lists`)
    if (found === null || !(index >= 0 && index < found.count)) {
      throw invalid(`${path}[${index}]: the list has ${this.length} elements`)
    }
    const inner = element.element
    const count = integer(`${path}[${index}]: size`, size, 0, COUNT_MAX)
    reporting(`${path}[${index}]`, () => initList(arena, found.segment, found.begin + 8 * index, inner, count))
    return this.read(index)
  }
  get [Symbol.toStringTag]() {
    return 'ListBuilder'
  }
}

/** @param {Site} site */
function clearStruct(site) {
  const { type } = site
  const bytes = 8 * (type.dataWords + type.pointerCount)
  site.frame.bytes.fill(0, site.data, site.data + bytes)
}

/** @type {ProxyHandler<ListBuilder>} */
const byIndex = {
  get(list, key) {
    const index = indexOf(key)
    if (index >= 0) return list.at(index)
    const value = Reflect.get(list, key)
    return typeof value === 'function' ? value.bind(list) : value
  },
  set(list, key, value) {
    const index = indexOf(key)
    if (index < 0) return false
    list.arena.check()
    list.write(index, value)
    return true
  },
}

/**
 * The class whose objects build structs of this type.
 *
 * @param {StructType} type
 * @returns {new (site: Site) => Builder}
 */
function builderOf(type) {
  if (type.Builder !== null) return type.Builder
  class TypedBuilder extends Builder {}
  Object.defineProperty(TypedBuilder, 'name', { value: `${type.name}Builder` })
  Object.defineProperty(TypedBuilder.prototype, TYPE, { value: type })
  for (const field of type.fields) {
    Object.defineProperty(TypedBuilder.prototype, field.name, {
      get() {
        const site = siteOf(this)
        site.arena.check()
        if (
          field.discriminant >= 0 &&
          site.frame.view.getUint16(site.data + type.tagOffset, true) !== field.discriminant
        ) {
          throw invalid(`${join(site.path, field.name)}: not the active member of its union; assign to it or init() it`)
        }
        return readField(site, field)
      },
      set(value) {
        const site = siteOf(this)
        site.arena.check()
        reporting(site.path, () => {
          try {
            writeField(site, type, field, value)
          } catch (error) {
            throw error instanceof Mistake ? error.in(field.name) : error
          }
        })
      },
      enumerable: true,
      configurable: true,
    })
  }
  type.Builder = TypedBuilder
  return TypedBuilder
}

// A misspelt field must not vanish into a property that nobody sends. At the end of the prototype chain, where only names
// arrive that are none of the type's, it costs the others nothing.
Object.setPrototypeOf(
  Builder.prototype,
  new Proxy(Object.create(Object.prototype), {
    set(_target, key, _value, builder) {
      const { type, path } = siteOf(builder)
      throw invalid(
        `${path === '' ? '' : `${path}: `}${type.name} has no field "${String(key)}"; it has ${type.fieldNames}`,
      )
    },
  }),
)

/** @param {Site} site */
function buildAt(site) {
  return new (builderOf(site.type))(site)
}

// One by one: files that need each other hold this object while it is being filled.
exports.Builder = Builder
exports.buildAt = buildAt
exports.builderToObject = builderToObject
exports.builderToCopy = builderToCopy
