// How values are stored: the numbers of polybus_kind in <polybus/polybus.h>.
'use strict'

const Kind = /** @type {const} */ ({
  VOID: 0,
  BOOL: 1,
  INT8: 2,
  INT16: 3,
  INT32: 4,
  INT64: 5,
  UINT8: 6,
  UINT16: 7,
  UINT32: 8,
  UINT64: 9,
  FLOAT32: 10,
  FLOAT64: 11,
  ENUM: 12,
  TEXT: 13,
  DATA: 14,
  STRUCT: 15,
  INTERFACE: 16,
  ANY: 17,
})

// prettier-ignore
const kindNames = ['Void', 'Bool', 'Int8', 'Int16', 'Int32', 'Int64', 'UInt8', 'UInt16', 'UInt32', 'UInt64', 'Float32',
  'Float64', 'enum', 'Text', 'Data', 'struct', 'interface', 'AnyPointer']

// Bits of a scalar, by kind.
const scalarBits = [0, 1, 8, 16, 32, 64, 8, 16, 32, 64, 32, 64, 16]

/** @typedef {Int8ArrayConstructor | Int16ArrayConstructor | Int32ArrayConstructor | BigInt64ArrayConstructor
 *   | Uint8ArrayConstructor | Uint16ArrayConstructor | Uint32ArrayConstructor | BigUint64ArrayConstructor
 *   | Float32ArrayConstructor | Float64ArrayConstructor} NumericArray */

// What a list of numbers is in JavaScript, by kind. Both sides are little-endian.
/** @type {(NumericArray | undefined)[]} */
const numericArrays = [
  undefined,
  undefined,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
]

/** @param {number} kind */
const isScalar = (kind) => kind <= Kind.ENUM

module.exports = { Kind, kindNames, scalarBits, numericArrays, isScalar }
