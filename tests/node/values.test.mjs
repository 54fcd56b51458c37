// Values that are no message of their type: a clear error with the path to what is wrong, and nothing else happens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BusError, decode, encode, loadSchema, Schema } from 'polybus'
import { schemas } from './support.mjs'

const { Everything, Hail } = schemas

/** @type {[string, object, object, string][]} */
const cases = [
  ['a string for a number', Hail, { hail: [{ mm: 1 }, { mm: 'x' }] }, 'hail[1].mm: expected UInt8, got string'],
  ['a number that is too large', Hail, { hail: [{ mm: 256 }] }, 'hail[0].mm: expected UInt8 (0 to 255), got 256'],
  ['a negative number', Everything, { uint32: -1 }, 'uint32: expected UInt32 (0 to 4294967295), got -1'],
  ['a fraction for an integer', Everything, { int16: 1.5 }, 'int16: expected Int16 (-32768 to 32767), got 1.5'],
  ['NaN for an integer', Everything, { int8: NaN }, 'int8: expected Int8 (-128 to 127), got NaN'],
  ['a boolean for a number', Everything, { int8: true }, 'int8: expected Int8, got boolean'],
  ['a number for Bool', Everything, { bool: 1 }, 'bool: expected Bool, got 1'],
  ['null for Bool', Everything, { bool: null }, 'bool: expected Bool, got null'],
  [
    '2^64',
    Everything,
    { uint64: 2n ** 64n },
    'uint64: expected UInt64 (0 to 18446744073709551615), got 18446744073709551616',
  ],
  [
    'a bigint that is too small',
    Everything,
    { int64: -(2n ** 63n) - 1n },
    /^int64: expected Int64 \(-9223372036854775808 to/,
  ],
  ['a fraction for 64 bits', Everything, { int64: 0.5 }, /^int64: expected Int64 .*got 0.5$/],
  ['a string for a float', Everything, { float64: '1' }, 'float64: expected Float64, got string'],
  ['too much for Float32', Everything, { float32: 1e39 }, 'float32: expected Float32 (up to 3.4028235e38), got 1e+39'],
  ['an unknown enumerant', Everything, { level: 'blue' }, 'level: expected Level (debug, info, warn), got "blue"'],
  ['an enum by object', Everything, { level: {} }, 'level: expected Level (debug, info, warn), got object'],
  ['something for Void', Everything, { void: 0 }, 'void: expected Void, got 0'],
  ['a number for Text', Everything, { text: 5 }, 'text: expected Text, got 5'],
  [
    'a Text that is no Unicode',
    Everything,
    { text: 'a\ud800' },
    'text: the text has lone surrogates, which UTF-8 cannot carry',
  ],
  ['a string for Data', Everything, { data: 'abc' }, 'data: expected Data, got string'],
  ['an array for Data', Everything, { data: [1] }, 'data: expected Data, got array'],
  ['a string for a list', Everything, { texts: 'abc' }, 'texts: expected List(Text), got string'],
  ['an object for a list', Everything, { int8s: { 0: 1 } }, 'int8s: expected List(Int8), got object'],
  ['a wrong element', Everything, { int8s: [0, 200] }, 'int8s[1]: expected Int8 (-128 to 127), got 200'],
  [
    'a wrong element of a typed array',
    Everything,
    { uint8s: Int16Array.of(-1) },
    'uint8s[0]: expected UInt8 (0 to 255), got -1',
  ],
  ['a hole', Everything, { texts: ['a', , 'b'] }, 'texts[1]: expected Text, got undefined'],
  [
    'a wrong element of a list of lists',
    Everything,
    { matrix: [[1], [2, 'x']] },
    'matrix[1][1]: expected Float32, got string',
  ],
  [
    'a wrong field far inside',
    Everything,
    { grid: [[{ x: 1 }, { x: 'a' }]] },
    'grid[0][1].x: expected Float64, got string',
  ],
  ['a number for a struct', Everything, { point: 3 }, 'point: expected Point, got 3'],
  ['an array for a struct', Everything, { point: [1, 2] }, 'point: expected Point, got array'],
  ['an unknown field', Everything, { colour: 1 }, /^Everything has no field "colour"; it has void, bool, /],
  ['an unknown field inside', Everything, { point: { z: 1 } }, 'point: Point has no field "z"; it has x, y, name'],
  [
    'an unknown field of an element',
    Hail,
    { hail: [{ at: { q: 1 } }] },
    'hail[0].at: Point has no field "q"; it has x, y, name',
  ],
  ['a number for a group', Everything, { place: 3 }, /^place: expected Everything\.place, got 3/],
  ['a wrong field of a group', Everything, { place: { room: 'x' } }, 'place.room: expected UInt16, got string'],
  [
    'two members of one union',
    Everything,
    { number: 1, word: 'x' },
    'number and word are members of one union: give one of them',
  ],
  [
    'two members of a named union',
    Everything,
    { shape: { circle: 1, square: {} } },
    'shape: circle and square are members of one union: give one of them',
  ],
  ['a symbol', Everything, { text: Symbol('x') }, 'text: expected Text, got symbol'],
]
for (const [what, schema, value, message] of cases) {
  test(`${what} is refused`, () =>
    assert.throws(() => encode(schema, value), { name: 'BusError', code: 'INVALID_ARGUMENT', message }))
}

test('what is no object at all is refused', () => {
  for (const value of [undefined, null, 3, 'x', [], new Uint8Array(3), () => {}]) {
    assert.throws(() => encode(Everything, value), {
      code: 'INVALID_ARGUMENT',
      message: /^expected Everything/,
    })
  }
})

test('a message of another type is refused', () => {
  const hail = decode(Hail, encode(Hail, {}))
  assert.throws(() => encode(Everything, hail), {
    code: 'INVALID_ARGUMENT',
    message: 'expected Everything, got a message of type Hail',
  })
  assert.throws(() => encode(Everything, { point: hail }), {
    message: 'point: expected Point, got a message of type Hail',
  })
})

test('errors of the program itself pass through unchanged', () => {
  const value = { get text() { throw new RangeError('mine') } } // prettier-ignore
  assert.throws(() => encode(Everything, value), RangeError)
})

test('a schema that is none is refused', () => {
  for (const schema of [undefined, null, {}, 'Imu', schemas]) {
    assert.throws(() => encode(schema, {}), { code: 'INVALID_ARGUMENT', message: /expected a Schema/ })
  }
})

test('a file that is not there is IO, and named', () => {
  assert.throws(() => loadSchema('/nowhere/at/all.capnp'), {
    name: 'BusError',
    code: 'IO',
    message: /\/nowhere\/at\/all\.capnp/,
  })
})

test('arguments of loadSchema are checked', () => {
  assert.throws(() => loadSchema(7), { code: 'INVALID_ARGUMENT', message: /path: expected/ })
  assert.throws(() => loadSchema('x.capnp', { importPaths: 'x' }), { code: 'INVALID_ARGUMENT', message: /importPaths/ })
  assert.throws(() => loadSchema('x.capnp', { imports: [] }), {
    code: 'INVALID_ARGUMENT',
    message: /no option "imports"; there is: importPaths/,
  })
})

test('a type that the file does not have is BAD_SCHEMA, and not an untyped topic', () => {
  assert.throws(() => schemas.Evrything, {
    code: 'BAD_SCHEMA',
    message: /has no type Evrything; there is: Point, .*Everything/,
  })
  assert.equal(schemas.then, undefined, 'so that it can be awaited')
})

test('a schema travels as a bundle', () => {
  const copy = Schema.fromBundle(Everything.bundle())
  assert.equal(copy.fingerprint, Everything.fingerprint)
  assert.equal(copy.id, Everything.id)
  assert.match(copy.typeName, /everything\.capnp:Everything$/)
  assert.equal(copy.name, 'Everything')
  assert.match(copy.fingerprint, /^[0-9a-f]{64}$/)
  assert.equal(decode(copy, encode(Everything, { text: 'x' })).text, 'x')
  assert.throws(() => Schema.fromBundle(new Uint8Array(24)), { code: 'BAD_SCHEMA' })
  assert.throws(() => Schema.fromBundle('x'), { code: 'INVALID_ARGUMENT' })
})

test('nested types are properties of their outer type', () => {
  assert.equal(schemas.Hail.Stone.name, 'Hail.Stone')
  assert.equal(decode(schemas.Hail.Stone, encode(schemas.Hail.Stone, { mm: 3 })).mm, 3)
})

test('BusError is an Error with a code', () => {
  const error = new BusError('NO_BUS', 'text')
  assert(error instanceof Error)
  assert.equal(String(error), 'BusError: text')
})
