// A schema's tables, prepared for reading and writing: which fields a struct has, where each lies, what it is called.
'use strict'

const { BusError } = require('../errors.cjs')
const { Kind, kindNames, scalarBits } = require('./kinds.cjs')

/** Names come from other processes, so they are held against Cap'n Proto's own rule: letters and digits, a letter first
 * (and "_", which generators of other languages let through). What they cannot be matters: `__proto__`, for one. */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/

/** A type: `listDepth` lists around what `kind` and `index` say. */
class TypeRef {
  /**
   * @param {Types} types
   * @param {number} kind
   * @param {number} listDepth
   * @param {number} index
   */
  constructor(types, kind, listDepth, index) {
    this.types = types
    this.kind = kind
    this.listDepth = listDepth
    this.index = index
    /** @type {TypeRef | null} */
    this.element = listDepth > 0 ? new TypeRef(types, kind, listDepth - 1, index) : null
    /** @type {any} Reads an element of a list of this type; made at first use by message/list.cjs. */
    this.readElement = null
  }
  get struct() {
    return /** @type {StructType} */ (this.types.structs[this.index])
  }
  get enum() {
    return /** @type {EnumType} */ (this.types.enums[this.index])
  }
  /** As a .capnp file would say it. @returns {string} */
  get text() {
    if (this.element !== null) return `List(${this.element.text})`
    if (this.kind === Kind.STRUCT) return this.struct.name
    if (this.kind === Kind.ENUM) return this.enum.name
    return kindNames[this.kind] ?? '?'
  }
}

class Field {
  /**
   * @param {Types} types
   * @param {import('../native.cjs').FieldTable} table
   */
  constructor(types, table) {
    if (!NAME.test(table.name)) {
      throw new BusError('BAD_SCHEMA', `schema: ${JSON.stringify(table.name)} cannot be the name of a field`)
    }
    this.name = table.name
    this.type = new TypeRef(types, table.kind, table.listDepth, table.index)
    this.isGroup = table.isGroup
    this.isScalar = table.listDepth === 0 && table.kind <= Kind.ENUM
    /** The value of the union's tag that selects this field; -1: it is no member of one. */
    this.discriminant = table.discriminant
    this.bitOffset = table.bitOffset
    this.bits = this.isScalar ? /** @type {number} */ (scalarBits[table.kind]) : 0
    this.pointerIndex = table.pointerIndex
    this.defaultBits = table.defaultBits
    this.defaultFrame = table.defaultFrame
    /** Whether there are no values for it: a message carries no capabilities. */
    this.isOpaque = table.kind === Kind.INTERFACE
    this.isAny = table.kind === Kind.ANY && table.listDepth === 0
    /** @type {any} Reads it; made at first use by message/reader.cjs. */
    this.read = null
  }
}

class StructType {
  /**
   * @param {Types} types
   * @param {import('../native.cjs').StructTable} table
   */
  constructor(types, table) {
    this.name = table.name
    this.id = table.id
    this.isGroup = table.isGroup
    this.dataWords = table.dataWords
    this.pointerCount = table.pointerCount
    this.hasUnion = table.unionFieldCount > 0
    this.tagOffset = table.unionBitOffset / 8
    this.fields = table.fields.map((field) => new Field(types, field))
    /** @type {Map<string, Field>} */
    this.byName = new Map(this.fields.map((field) => [field.name, field]))
    /** @type {(Field | undefined)[]} Members of the union, by tag. */
    this.members = []
    for (const field of this.fields) if (field.discriminant >= 0) this.members[field.discriminant] = field
    /** @type {any} Classes made at first use: message/reader.cjs and message/builder.cjs. */
    this.Reader = null
    /** @type {any} */
    this.Builder = null
  }
  get fieldNames() {
    return this.fields.map((field) => field.name).join(', ')
  }
}

class EnumType {
  /** @param {import('../native.cjs').EnumTable} table */
  constructor(table) {
    this.name = table.name
    this.names = table.enumerants
    /** @type {Map<string, number>} */
    this.values = new Map(table.enumerants.map((name, value) => [name, value]))
  }
}

class Types {
  /** @param {import('../native.cjs').Tables} tables */
  constructor(tables) {
    /** @type {EnumType[]} */
    this.enums = tables.enums.map((table) => new EnumType(table))
    /** @type {StructType[]} */
    this.structs = []
    for (const table of tables.structs) this.structs.push(new StructType(this, table))
  }
  /** The type of whole messages. */
  get root() {
    return /** @type {StructType} */ (this.structs[0])
  }
}

module.exports = { Types, StructType, EnumType, TypeRef, Field }
