// Scalars into memory: what JavaScript gives, checked, as the bits that a field or an element is stored with.
'use strict'

const { show } = require('../options.cjs')
const { Kind } = require('../schema/kinds.cjs')
const { Mistake, expected } = require('./mistake.cjs')

/** @typedef {import('../schema/types.cjs').TypeRef} TypeRef */
/** @typedef {import('../schema/types.cjs').Field} Field */

/** @type {(readonly [number, number] | undefined)[]} By kind. */
const ranges = []
ranges[Kind.INT8] = [-128, 127]
ranges[Kind.INT16] = [-32768, 32767]
ranges[Kind.INT32] = [-2147483648, 2147483647]
ranges[Kind.UINT8] = [0, 255]
ranges[Kind.UINT16] = [0, 65535]
ranges[Kind.UINT32] = [0, 4294967295]
const INT64 = /** @type {const} */ ([-(2n ** 63n), 2n ** 63n - 1n])
const UINT64 = /** @type {const} */ ([0n, 2n ** 64n - 1n])

/**
 * The value as a number, or a bigint where 64 bits need one.
 *
 * @param {TypeRef} type
 * @param {unknown} value
 * @returns {any}
 */
function checkScalar(type, value) {
  switch (type.kind) {
    case Kind.VOID:
      if (value === null) return 0
      throw expected('Void', value)
    case Kind.BOOL:
      if (typeof value === 'boolean') return value ? 1 : 0
      throw expected('Bool', value)
    case Kind.INT64:
      return checkWide(type, value, INT64)
    case Kind.UINT64:
      return checkWide(type, value, UINT64)
    case Kind.FLOAT32:
    case Kind.FLOAT64:
      return checkFloat(type, value)
    case Kind.ENUM:
      return checkEnum(type, value)
    default:
      return checkInteger(type, value)
  }
}

/** @param {TypeRef} type @param {unknown} value */
function checkInteger(type, value) {
  const [low, high] = /** @type {readonly [number, number]} */ (ranges[type.kind])
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number') throw expected(type.text, value)
  if (Number.isInteger(number) && number >= low && number <= high) return number
  throw expected(`${type.text} (${low} to ${high})`, value)
}

/** @param {TypeRef} type @param {unknown} value @param {readonly [bigint, bigint]} range */
function checkWide(type, value, [low, high]) {
  if (typeof value !== 'bigint' && typeof value !== 'number') throw expected(type.text, value)
  const wide = typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value) : high + 1n
  if (wide >= low && wide <= high) return wide
  throw expected(`${type.text} (${low} to ${high})`, value)
}

/** @param {TypeRef} type @param {unknown} value */
function checkFloat(type, value) {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number') throw expected(type.text, value)
  if (type.kind === Kind.FLOAT32 && Number.isFinite(number) && !Number.isFinite(Math.fround(number))) {
    throw expected('Float32 (up to 3.4028235e38)', value)
  }
  return number
}

/** By name or number. @param {TypeRef} type @param {unknown} value */
function checkEnum(type, value) {
  const number = typeof value === 'string' ? type.enum.values.get(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 65535) return number
  const what = `${type.text} (${type.enum.names.join(', ')})`
  throw typeof value === 'string' ? new Mistake(`expected ${what}, got ${show(value)}`) : expected(what, value)
}

const scratch = new DataView(new ArrayBuffer(8))

/**
 * A function that stores a checked value in a field: XORed with its default, so that a field nobody sets has it.
 *
 * @param {Field} field
 * @returns {(view: DataView, data: number, value: any) => void}
 */
function scalarWriter(field) {
  const at = field.bitOffset >>> 3
  const wide = field.defaultBits
  const low = Number(BigInt.asUintN(32, wide))
  switch (field.type.kind) {
    case Kind.VOID:
      return () => {}
    case Kind.BOOL: {
      const mask = 1 << (field.bitOffset & 7)
      return (view, data, value) => {
        const byte = view.getUint8(data + at)
        view.setUint8(data + at, (value ^ low) !== 0 ? byte | mask : byte & ~mask)
      }
    }
    case Kind.INT8:
    case Kind.UINT8:
      return (view, data, value) => view.setUint8(data + at, value ^ low)
    case Kind.INT16:
    case Kind.UINT16:
    case Kind.ENUM:
      return (view, data, value) => view.setUint16(data + at, value ^ low, true)
    case Kind.INT32:
    case Kind.UINT32:
      return (view, data, value) => view.setUint32(data + at, value ^ low, true)
    case Kind.INT64:
    case Kind.UINT64:
      return (view, data, value) => view.setBigUint64(data + at, BigInt.asUintN(64, value) ^ wide, true)
    case Kind.FLOAT32:
      if (low === 0) return (view, data, value) => view.setFloat32(data + at, value, true)
      return (view, data, value) => {
        scratch.setFloat32(0, value)
        view.setUint32(data + at, scratch.getUint32(0) ^ low, true)
      }
    default:
      if (wide === 0n) return (view, data, value) => view.setFloat64(data + at, value, true)
      return (view, data, value) => {
        scratch.setFloat64(0, value)
        view.setBigUint64(data + at, scratch.getBigUint64(0) ^ wide, true)
      }
  }
}

module.exports = { checkScalar, scalarWriter }
