// Scalars out of a struct's data section. A field is stored XORed with its default, and one that the writer did not know
// lies behind the end of its section: it reads as zero bits, which is the default.
'use strict'

const { Kind } = require('../schema/kinds.cjs')

/** @typedef {import('./frame.cjs').Place} Place */
/** @typedef {import('../schema/types.cjs').Field} Field */

// Turns bits into floats.
const scratch = new DataView(new ArrayBuffer(8))
/** @param {number} bits */
const asFloat32 = (bits) => (scratch.setUint32(0, bits), scratch.getFloat32(0))
/** @param {bigint} bits */
const asFloat64 = (bits) => (scratch.setBigUint64(0, bits), scratch.getFloat64(0))

/**
 * A function that reads `field` of a place. Closures and not code made from text: they are as fast, and names of a schema
 * that comes from elsewhere stay data.
 *
 * @param {Field} field
 * @returns {(place: Place) => any}
 */
function scalarReader(field) {
  const at = field.bitOffset >>> 3
  const end = at + (field.bits >>> 3)
  const wide = field.defaultBits
  const low = Number(BigInt.asUintN(32, wide))
  switch (field.type.kind) {
    case Kind.VOID:
      return () => null
    case Kind.BOOL: {
      const mask = 1 << (field.bitOffset & 7)
      const inverted = low !== 0
      return ({ frame, data, dataBytes }) =>
        (at < dataBytes && (frame.view.getUint8(data + at) & mask) !== 0) !== inverted
    }
    case Kind.INT8:
      return ({ frame, data, dataBytes }) =>
        (((end <= dataBytes ? frame.view.getInt8(data + at) : 0) ^ low) << 24) >> 24
    case Kind.INT16:
      return ({ frame, data, dataBytes }) =>
        (((end <= dataBytes ? frame.view.getInt16(data + at, true) : 0) ^ low) << 16) >> 16
    case Kind.INT32:
      return ({ frame, data, dataBytes }) => (end <= dataBytes ? frame.view.getInt32(data + at, true) : 0) ^ low
    case Kind.UINT8:
      return ({ frame, data, dataBytes }) => (end <= dataBytes ? frame.view.getUint8(data + at) : 0) ^ low
    case Kind.UINT16:
      return ({ frame, data, dataBytes }) => (end <= dataBytes ? frame.view.getUint16(data + at, true) : 0) ^ low
    case Kind.UINT32:
      return ({ frame, data, dataBytes }) =>
        ((end <= dataBytes ? frame.view.getUint32(data + at, true) : 0) ^ low) >>> 0
    case Kind.INT64: {
      const value = BigInt.asIntN(64, wide)
      return ({ frame, data, dataBytes }) =>
        end > dataBytes
          ? value
          : value === 0n
            ? frame.view.getBigInt64(data + at, true)
            : frame.view.getBigInt64(data + at, true) ^ value
    }
    case Kind.UINT64:
      return ({ frame, data, dataBytes }) =>
        end > dataBytes
          ? wide
          : wide === 0n
            ? frame.view.getBigUint64(data + at, true)
            : frame.view.getBigUint64(data + at, true) ^ wide
    case Kind.FLOAT32:
      if (low === 0) {
        return ({ frame, data, dataBytes }) => (end <= dataBytes ? frame.view.getFloat32(data + at, true) : 0)
      }
      return ({ frame, data, dataBytes }) =>
        asFloat32(((end <= dataBytes ? frame.view.getUint32(data + at, true) : 0) ^ low) >>> 0)
    case Kind.FLOAT64:
      if (wide === 0n) {
        return ({ frame, data, dataBytes }) => (end <= dataBytes ? frame.view.getFloat64(data + at, true) : 0)
      }
      return ({ frame, data, dataBytes }) =>
        asFloat64((end <= dataBytes ? frame.view.getBigUint64(data + at, true) : 0n) ^ wide)
    default: {
      const { names } = field.type.enum
      return ({ frame, data, dataBytes }) => {
        const value = (end <= dataBytes ? frame.view.getUint16(data + at, true) : 0) ^ low
        return names[value] ?? value // a newer writer's enumerant: its number
      }
    }
  }
}

module.exports = { scalarReader }
