// Messages written and read here, held against what the core says of the same bytes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { decode, encode, has, init, toObject, which, stringify } from 'polybus'
import { coreJson, schemas } from './support.mjs'

const { Everything } = schemas

const full = {
  void: null,
  bool: true,
  boolTrue: false,
  int8: -128,
  int16: 32767,
  int32: -2147483648,
  int64: -(2n ** 63n),
  uint8: 255,
  uint16: 65535,
  uint32: 4294967295,
  uint64: 2n ** 64n - 1n,
  float32: 0.5,
  float64: Math.PI,
  level: 'info',
  text: 'grüße, 世界 🎈',
  textDefault: '',
  data: Uint8Array.of(0, 1, 254, 255),
  dataDefault: new Uint8Array(0),
  point: { x: -0.5, y: 0, name: 'p' },
  pointDefault: { x: 1, y: 2.5 },
  int8s: [-128, 0, 127],
  int16s: [-32768, 32767],
  int32s: [-2147483648, 7],
  int64s: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8s: [0, 255],
  uint16s: [65535],
  uint32s: [4294967295, 0, 1],
  uint64s: [2n ** 64n - 1n],
  float32s: [1.5, -0.25],
  float64s: [Math.E, 1e300, -0],
  voids: [null, null, null],
  bools: [true, false, false, true, true, true, true, true, false, true],
  levels: ['debug', 'warn', 17],
  texts: ['', 'a', 'ünïcödé'],
  datas: [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)],
  points: [
    { x: 1, y: 1, name: 'one' },
    { x: 2, y: 2 },
  ],
  matrix: [[1, 2, 3], [], [4]],
  grid: [[{ x: 1, y: 2.5 }], [], [{ x: 3, y: 4, name: 'g' }]],
  int32sDefault: [],
  textsDefault: ['c'],
  empties: [{}, {}],
  place: { room: 9, label: 'kitchen' },
  number: -3n,
  shape: { square: { side: 2, name: 'sq' } },
  self: undefined,
}
delete full.self

test('a message with every kind of field reads back as it was written', () => {
  const bytes = encode(Everything, full)
  const object = decode(Everything, bytes).toObject()
  assert.deepEqual(object, full)
  assert.deepEqual(Object.keys(object), Object.keys(full), 'fields come in the order of the schema')
})

test('the core reads the same from it', () => {
  const bytes = encode(Everything, { ...full, self: { text: 'inner', where: { x: 4 } } })
  assert.deepEqual(decode(Everything, bytes).toJSON(), coreJson(Everything, bytes))
})

test('an empty message has the defaults, and the core agrees', () => {
  const bytes = encode(Everything, {})
  const msg = decode(Everything, bytes)
  const read = Object.fromEntries(
    [
      'void',
      'bool',
      'boolTrue',
      'int8',
      'int16',
      'int32',
      'int64',
      'uint8',
      'uint16',
      'uint32',
      'uint64',
      'float32',
      'float64',
    ].map((name) => [name, msg[name]]),
  )
  assert.deepEqual(read, {
    void: null,
    bool: false,
    boolTrue: true,
    int8: -7,
    int16: -30000,
    int32: -70000,
    int64: -5000000000n,
    uint8: 200,
    uint16: 60000,
    uint32: 3000000001,
    uint64: 18000000000000000000n,
    float32: 1.5,
    float64: -2.25,
  })
  assert.equal(msg.level, 'warn')
  assert.equal(msg.text, '')
  assert.equal(msg.textDefault, 'héllo')
  assert.deepEqual(msg.data, new Uint8Array(0))
  assert.deepEqual([...msg.dataDefault], [1, 2, 255])
  assert.deepEqual(msg.point.toObject(), { x: 0, y: 2.5 })
  assert.deepEqual(msg.pointDefault.toObject(), { x: 9, y: 2.5, name: 'origin' })
  assert.deepEqual(msg.int32sDefault, Int32Array.of(1, -2, 3))
  assert.deepEqual([...msg.textsDefault], ['a', 'b'])
  assert.deepEqual(msg.float64s, new Float64Array(0))
  assert.equal(msg.points.length, 0)
  assert.equal(msg.place.room, 3)
  assert.equal(msg.place.label, '')
  assert.deepEqual(msg.toJSON(), coreJson(Everything, bytes))
})

test('lists of numbers are typed arrays on the message, without a copy', () => {
  const bytes = encode(Everything, full)
  const msg = decode(Everything, bytes)
  assert(msg.int64s instanceof BigInt64Array)
  assert(msg.float32s instanceof Float32Array)
  assert.equal(msg.float32s.buffer, bytes.buffer)
  assert.equal(msg.data.buffer, bytes.buffer)
})

test('other lists can be used like arrays', () => {
  const { points, texts, bools, matrix, levels } = decode(Everything, encode(Everything, full))
  assert.equal(points.length, 2)
  assert.equal(points[0].name, 'one')
  assert.equal(points.at(-1).x, 2)
  assert.equal(points[2], undefined)
  assert.equal(points.at(7), undefined)
  assert(1 in points && !(2 in points))
  assert.deepEqual([...texts], full.texts)
  assert.deepEqual(
    texts.map((text) => text.length),
    [0, 1, 7],
  )
  assert.equal(bools.filter(Boolean).length, 7)
  assert.deepEqual([...matrix[0]], [1, 2, 3])
  assert.equal(matrix[1].length, 0)
  assert.equal(levels[2], 17)
  assert.equal(texts.join('|'), '|a|ünïcödé')
  assert.deepEqual(
    points.slice(1).map((point) => point.y),
    [2],
  )
  let sum = 0
  for (const { x } of points) sum += x
  assert.equal(sum, 3)
})

test('unions know their active member, and the others throw', () => {
  const msg = decode(Everything, encode(Everything, { word: 'hi', shape: { circle: 2 } }))
  assert.equal(msg.which(), 'word')
  assert.equal(msg.word, 'hi')
  assert.throws(() => msg.number, { code: 'INVALID_ARGUMENT', message: /number: not the active member.*word/ })
  assert.equal(msg.shape.which(), 'circle')
  assert.throws(() => msg.shape.square, { code: 'INVALID_ARGUMENT' })
  assert.equal(msg.has('word'), true)
  assert.equal(msg.has('number'), false)
  assert.equal(msg.has('text'), false)
  assert.throws(() => msg.point.which(), { code: 'INVALID_ARGUMENT', message: /no unnamed union/ })
  assert.throws(() => msg.has('nope'), { code: 'INVALID_ARGUMENT' })
})

test('an active member that is a null pointer stays the active one, as null', () => {
  const bytes = encode(Everything, { word: null })
  const msg = decode(Everything, bytes)
  assert.equal(msg.which(), 'word')
  const object = msg.toObject()
  assert.equal(object.word, null)
  assert.equal(decode(Everything, encode(Everything, object)).which(), 'word')
  assert.deepEqual(msg.toJSON(), coreJson(Everything, bytes))
})

test('null pointers are left out, set ones are there even if empty', () => {
  const object = decode(Everything, encode(Everything, { text: '', point: {}, uint8s: [] })).toObject()
  assert.equal(object.text, '')
  assert.deepEqual(object.point, { x: 0, y: 2.5 })
  assert.deepEqual(object.uint8s, [])
  assert(!('data' in object) && !('points' in object) && !('textDefault' in object))
})

test('what toObject() gives publishes the same message', () => {
  const bytes = encode(Everything, full)
  assert.deepEqual(encode(Everything, decode(Everything, bytes).toObject()), bytes)
  assert.deepEqual(encode(Everything, decode(Everything, bytes)), bytes, 'and so does the message itself')
  const inner = encode(Everything, { point: decode(Everything, bytes).point })
  assert.deepEqual(decode(Everything, inner).point.toObject(), full.point)
})

test('JSON has 64-bit integers as strings, Data as base64, and words for what JSON has no numbers for', () => {
  const msg = decode(
    Everything,
    encode(Everything, { ...full, float32: NaN, float64: -Infinity, float64s: [Infinity, NaN, 1] }),
  )
  const json = msg.toJSON()
  assert.equal(json.int64, '-9223372036854775808')
  assert.deepEqual(json.uint64s, ['18446744073709551615'])
  assert.equal(json.data, 'AAH+/w==')
  assert.equal(json.float32, 'NaN')
  assert.equal(json.float64, '-Infinity')
  assert.deepEqual(json.float64s, ['Infinity', 'NaN', 1])
  assert.equal(json.void, null)
})

test('the bits of NaN, zeros and defaults survive', () => {
  const values = [0, -0, NaN, Infinity, -Infinity, 1.5, 3.4028234663852886e38, 1e-45]
  for (const value of values) {
    const msg = decode(Everything, encode(Everything, { float32: value, float64: value }))
    assert(Object.is(msg.float32, Math.fround(value)), `Float32 ${value}`)
    assert(Object.is(msg.float64, value), `Float64 ${value}`)
  }
})

test('a message that outgrows its first segment is read the same', () => {
  const value = {
    text: 'x'.repeat(3000),
    points: Array.from({ length: 200 }, (_, i) => ({ x: i, y: -i, name: `point ${i}` })),
    float64s: Float64Array.from({ length: 5000 }, (_, i) => i / 3),
    texts: Array.from({ length: 300 }, (_, i) => 'ß'.repeat(i % 40)),
    self: { data: new Uint8Array(9000).fill(7), self: { word: 'deep' } },
  }
  const bytes = encode(Everything, value)
  assert(new DataView(bytes.buffer).getUint32(0, true) > 2, 'several segments, far pointers between them')
  const msg = decode(Everything, bytes)
  assert.equal(msg.text, value.text)
  assert.deepEqual(msg.float64s, value.float64s)
  assert.deepEqual([...msg.texts], value.texts)
  assert.deepEqual(
    msg.points.toArray().map((p) => p.toObject()),
    value.points,
  )
  assert.equal(msg.self.self.word, 'deep')
  assert.deepEqual(msg.toJSON(), coreJson(Everything, bytes))
})

test('typed arrays, arrays, sets and lists of other messages are taken for lists', () => {
  const source = decode(Everything, encode(Everything, full))
  const bytes = encode(Everything, {
    uint8s: new Uint16Array([1, 2]),
    float32s: Float32Array.of(0.5),
    float64s: new Set([1, 2]),
    int32s: source.int32s,
    texts: source.texts,
    points: source.points,
    bools: source.bools,
    data: Buffer.from('abc').buffer.slice(0, 0),
    int64s: [1, 2n],
  })
  const object = decode(Everything, bytes).toObject()
  assert.deepEqual(object.uint8s, [1, 2])
  assert.deepEqual(object.float64s, [1, 2])
  assert.deepEqual(object.points, full.points)
  assert.deepEqual(object.bools, full.bools)
  assert.deepEqual(object.texts, full.texts)
  assert.deepEqual(object.int64s, [1n, 2n])
})

test('undefined counts as not given', () => {
  assert.deepEqual(encode(Everything, { text: undefined, int8: undefined }), encode(Everything, {}))
})

test('a reader of an older writer has defaults for what came later', () => {
  const bytes = encode(schemas.Old, { count: 3, values: [7, 8], names: ['a'] })
  const msg = decode(schemas.New, bytes)
  assert.equal(msg.count, 3)
  assert.equal(msg.added, 42)
  assert.equal(msg.addedText, 'new')
  assert.deepEqual(
    msg.values.map((v) => [v.value, v.unit]),
    [
      [7, ''],
      [8, ''],
    ],
  )
  assert.equal(msg.names[0].name, 'a')
  assert.deepEqual(msg.toJSON(), coreJson(schemas.New, bytes))
})

test('a reader of a newer writer sees what it knows', () => {
  const bytes = encode(schemas.New, {
    count: 3,
    values: [{ value: 7, unit: 'm' }, { value: 9 }],
    names: [{ name: 'n' }],
    added: 1,
  })
  const msg = decode(schemas.Old, bytes)
  assert.deepEqual(msg.values, Uint32Array.of(7, 9))
  assert.deepEqual([...msg.names], ['n'])
  assert.deepEqual(msg.toJSON(), coreJson(schemas.Old, bytes))
})

test('AnyPointer is read as what the program knows it to be, and copied with all below it', () => {
  const { Point } = schemas
  const written = (any) => decode(Everything, encode(Everything, { any })).any
  assert.equal(written(null), null)
  assert.equal(written('text').asText(), 'text')
  assert.deepEqual(written(new Uint8Array([1, 2])).asData(), new Uint8Array([1, 2]))
  const point = written(decode(Point, encode(Point, { x: 3, name: 'p' })))
  assert.equal(point.kind, 'struct')
  assert.equal(written(point).asStruct(Point).name, 'p')
  assert.deepEqual(written(new Float32Array([1.5])).asList('Float32'), new Float32Array([1.5]))
  const lists = decode(
    Everything,
    encode(Everything, { texts: ['a', 'b'], points: [{ x: 1 }, {}], bools: [true, false] }),
  )
  assert.deepEqual(written(lists.texts).asList('Text').toArray(), ['a', 'b'])
  assert.equal(written(lists.points).asList(Point)[0].x, 1)
  assert.deepEqual(written(lists.bools).asList('Bool').toArray(), [true, false])
  const whole = decode(Everything, encode(Everything, { any: lists, text: 'outer' }))
  assert.equal(decode(Everything, encode(Everything, whole)).any.asStruct(Everything).texts[1], 'b')
})

test('AnyPointer to something else is a bad message, and a value without a type of its own is refused', () => {
  const { any } = decode(Everything, encode(Everything, { any: 'text' }))
  assert.throws(() => any.asStruct(schemas.Point), { code: 'BAD_MESSAGE' })
  assert.throws(() => any.asList('List(Text)'), { code: 'BAD_MESSAGE' })
  assert.throws(() => any.asList('Nothing'), { code: 'INVALID_ARGUMENT', message: /name of a type like "Int32"/ })
  for (const value of [1, [1], {}]) {
    assert.throws(() => encode(Everything, { any: value }), {
      code: 'INVALID_ARGUMENT',
      message: /^any: expected AnyPointer/,
    })
  }
})

test("stringify() is the core's own JSON", () => {
  const bytes = encode(Everything, { float64: -0, int64: -5n, data: new Uint8Array([255]), float32: NaN, text: 'ü"\n' })
  const text = stringify(decode(Everything, bytes))
  assert.deepEqual(JSON.parse(text), coreJson(Everything, bytes))
  assert.ok(text.includes('"float64":-0.0,'))
})

test('fields win over methods of the same name, which are functions too', () => {
  const msg = decode(
    schemas.Which,
    encode(schemas.Which, { which: 7, toObject: 'x', constructor: true, init: [1], has: -1 }),
  )
  assert.equal(msg.which, 7)
  assert.equal(msg.toObject, 'x')
  assert.equal(msg.constructor, true)
  assert.equal(msg.has, -1)
  assert.deepEqual(toObject(msg), { which: 7, toObject: 'x', constructor: true, init: [1], has: -1 })
  assert.equal(has(msg, 'which'), true)
  assert.throws(() => which(msg), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => init(msg, 'init', 2), { code: 'INVALID_ARGUMENT' })
})

test('printing a message shows its content', () => {
  assert.match(inspect(decode(Everything, encode(Everything, full))), /^Everything \{[^]*grüße/)
  assert.equal(
    inspect(decode(schemas.Hail, encode(schemas.Hail, { hail: [{ mm: 3 }] }))),
    'Hail { hail: [ { mm: 3 } ] }',
  )
})

test('a received message is read-only', () => {
  const msg = decode(Everything, encode(Everything, full))
  assert.throws(() => (msg.int8 = 1), TypeError)
  assert.throws(() => (msg.texts[0] = 'x'), TypeError)
})

test('deep messages are read up to the limit and refused beyond', () => {
  const chain = (depth) => {
    let value = {}
    for (let i = 1; i < depth; ++i) value = { next: value }
    return encode(schemas.Chain, value)
  }
  assert.doesNotThrow(() => decode(schemas.Chain, chain(60)).toObject())
  assert.throws(() => decode(schemas.Chain, chain(80)).toObject(), { code: 'BAD_MESSAGE', message: /nested/ })
})
