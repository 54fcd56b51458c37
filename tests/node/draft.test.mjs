// Messages built field by field in memory on loan from the bus.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { patience, schemas, withBus } from './support.mjs'

const { Everything, Point, Hail } = schemas

/** A publisher and a subscriber of one topic: `body({ pub, sub, received })`. */
const onTopic = (schema, body, options) =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t', schema, options)
    await body({ pub, sub, received: () => sub.take().toObject() })
  })

test('fields of every kind can be set and read back, and arrive', patience, () =>
  onTopic(Everything, ({ pub, received }) => {
    const draft = pub.loan()
    const { msg } = draft
    msg.bool = true
    msg.boolTrue = false
    msg.int8 = -1
    msg.uint64 = 5n
    msg.float32 = 0.25
    msg.level = 'debug'
    msg.text = 'töxt'
    msg.data = Uint8Array.of(1, 2)
    msg.point.x = 4
    msg.point.name = 'inner'
    msg.place.room = 7
    msg.word = 'chosen'
    msg.shape = { square: { side: 3 } }
    msg.shape.square.name = 'sq'
    msg.float64s = [1, 2]
    msg.float64s[1] = 9
    msg.texts = ['a', 'b']
    msg.texts[1] = 'changed'
    msg.bools = [true, true]
    msg.bools[0] = false
    msg.levels = ['warn']
    msg.levels[0] = 'info'
    msg.points = [{ x: 1 }, { x: 2 }]
    msg.points[1].name = 'second'
    msg.points[0] = { y: 8 }
    msg.matrix = [[1], [2, 3]]
    msg.matrix[1][0] = 5
    assert.equal(msg.bool, true)
    assert.equal(msg.int8, -1)
    assert.equal(msg.int16, -30000)
    assert.equal(msg.level, 'debug')
    assert.equal(msg.text, 'töxt')
    assert.equal(msg.point.name, 'inner')
    assert.equal(msg.which(), 'word')
    assert.deepEqual([...msg.texts], ['a', 'changed'])
    assert.equal(msg.points.length, 2)
    assert.equal(msg.points.at(-1).name, 'second')
    assert.equal(msg.textDefault, 'héllo')
    assert.equal(msg.pointDefault.name, 'origin')
    const expected = msg.toObject()
    assert.equal(draft.publish(), 1n)
    const object = received()
    assert.deepEqual(object, expected)
    assert.deepEqual(object.points, [
      { x: 0, y: 8 },
      { x: 2, y: 2.5, name: 'second' },
    ])
    assert.deepEqual(object.matrix, [[1], [5, 3]])
    assert.deepEqual(object.bools, [false, true])
    assert.deepEqual(object.levels, ['info'])
    assert.deepEqual(object.shape, { square: { side: 3, name: 'sq' } })
    assert.deepEqual(object.place, { room: 7 })
    assert.equal(object.word, 'chosen')
  }),
)

test('init() makes lists, Data and structs to be filled in place', patience, () =>
  onTopic(Everything, ({ pub, received }) => {
    const draft = pub.loan(1 << 20)
    const { msg } = draft
    msg.init('float32s', 1000).fill(0.5)
    msg.float32s[3] = 2
    msg.init('data', 5).set([1, 2, 3], 1)
    const points = msg.init('points', 3)
    for (let i = 0; i < 3; ++i) points[i].x = i
    msg.init('texts', 2)[1] = 'second'
    const matrix = msg.init('matrix', 2)
    matrix.init(1, 2)[0] = 7
    msg.init('where').y = 6
    msg.shape.init('square').side = 1
    msg.init('point').name = 'p'
    draft.publish()
    const object = received()
    assert.equal(object.float32s.length, 1000)
    assert.equal(object.float32s[3], 2)
    assert.deepEqual([...object.data], [0, 1, 2, 3, 0])
    assert.deepEqual(
      object.points.map((point) => point.x),
      [0, 1, 2],
    )
    assert.deepEqual(object.texts, ['', 'second'])
    assert.deepEqual(object.matrix, [[], [7, 0]])
    assert.deepEqual(object.where, { x: 0, y: 6 })
    assert.deepEqual(object.shape, { square: { side: 1 } })
    assert.deepEqual(object.point, { x: 0, y: 2.5, name: 'p' })
  }),
)

test('a draft that outgrows its loan is moved once, and arrives whole', patience, () =>
  onTopic(Everything, ({ pub, received }) => {
    const draft = pub.loan(64)
    draft.msg.text = 'x'.repeat(10_000)
    draft.msg.init('float64s', 5000).fill(1.25)
    draft.msg.points = Array.from({ length: 100 }, (_, x) => ({ x, name: `${x}` }))
    draft.msg.points[99].name = 'last'
    draft.msg.self.text = 'inner'
    assert.equal(draft.msg.toObject().points[99].name, 'last')
    draft.publish()
    const object = received()
    assert.equal(object.text.length, 10_000)
    assert.equal(object.float64s[4999], 1.25)
    assert.equal(object.points[99].name, 'last')
    assert.equal(object.self.text, 'inner')
    assert.equal(pub.stats.loans, 0)
  }),
)

test('memory that was used before shows through nowhere', patience, () =>
  onTopic(Everything, ({ pub, sub, received }) => {
    for (let i = 0; i < 20; ++i) {
      pub.publish({ uint8s: new Uint8Array(3000).fill(255), text: 'ÿ'.repeat(500) })
      sub.take().release()
    }
    for (let i = 0; i < 20; ++i) {
      const draft = pub.loan(3500)
      draft.msg.init('points', 20)
      draft.msg.init('data', 777)
      draft.msg.text = 'x'
      draft.publish()
      const object = received()
      assert(object.points.every((point) => point.x === 0 && point.y === 2.5 && !('name' in point)))
      assert(object.data.every((byte) => byte === 0))
      assert.equal(object.text, 'x')
      assert.equal(object.int8, -7)
    }
  }),
)

test('switching a union leaves nothing of the former member', patience, () =>
  onTopic(Everything, ({ pub, received }) => {
    const draft = pub.loan()
    draft.msg.number = -1n
    draft.msg.word = 'w'
    assert.throws(() => draft.msg.number, { code: 'INVALID_ARGUMENT', message: /not the active member/ })
    draft.msg.number = 0n
    draft.msg.shape = { square: { side: 5, name: 'n' } }
    draft.msg.shape.circle = 1
    draft.publish()
    const object = received()
    assert.equal(object.number, 0n)
    assert.deepEqual(object.shape, { circle: 1 })
  }),
)

test('wrong values name their path, and the draft goes on', patience, () =>
  onTopic(Hail, ({ pub, received }) => {
    const draft = pub.loan()
    const invalid = (message) => ({ name: 'BusError', code: 'INVALID_ARGUMENT', message })
    const hail = draft.msg.init('hail', 2)
    assert.throws(() => (hail[1].mm = 'x'), invalid('hail[1].mm: expected UInt8, got string'))
    assert.throws(() => (draft.msg.hail[1].at.x = 'x'), invalid('hail[1].at.x: expected Float64, got string'))
    assert.throws(() => (hail[0] = { mm: 300 }), invalid('hail[0].mm: expected UInt8 (0 to 255), got 300'))
    assert.throws(() => (hail[0] = 3), invalid('hail[0]: expected Hail.Stone, got 3'))
    assert.throws(() => (hail[2] = { mm: 3 }), invalid(/^hail\[2\]: the list has 2 elements/))
    assert.throws(() => (draft.msg.hial = []), invalid('Hail has no field "hial"; it has hail'))
    assert.throws(() => (hail[0].at.z = 1), invalid('hail[0].at: Point has no field "z"; it has x, y, name'))
    assert.throws(() => draft.msg.init('nope', 1), invalid(/no field "nope"/))
    assert.throws(() => draft.msg.init('hail'), invalid(/hail: size: expected an integer/))
    assert.throws(() => draft.msg.init('hail', -1), invalid(/hail: size/))
    assert.throws(() => hail[0].init('mm', 1), invalid('hail[0].mm: UInt8 is set, not made: assign to it'))
    hail[1].mm = 7
    draft.publish()
    assert.deepEqual(
      received().hail.map((stone) => stone.mm),
      [0, 7],
    )
  }),
)

test('a published or discarded draft is CLOSED, and its views are empty', patience, () =>
  onTopic(Point, ({ pub, sub }) => {
    const isClosed = { name: 'BusError', code: 'CLOSED' }
    const draft = pub.loan()
    const { msg } = draft
    msg.x = 1
    draft.publish()
    assert.throws(() => draft.publish(), isClosed)
    assert.throws(() => draft.discard(), isClosed)
    assert.throws(() => draft.msg, isClosed)
    assert.throws(() => (msg.x = 2), isClosed)
    assert.throws(() => msg.x, isClosed)
    assert.match(inspect(msg), /published or discarded/)
    assert.equal(sub.take().msg.x, 1)
    const unsent = pub.loan()
    unsent.msg.x = 5
    unsent.discard()
    assert.throws(() => unsent.publish(), isClosed)
    assert.equal(sub.take(), null)
    assert.equal(pub.stats.loans, 0)
  }),
)

test('a draft on an untyped topic is bytes', patience, () =>
  onTopic(undefined, ({ pub, sub }) => {
    const draft = pub.loan(100)
    assert.equal(draft.msg, null)
    const { data } = draft
    assert.equal(data.length, 100)
    data.set(Buffer.from('in place'))
    assert.throws(() => draft.publish(101), { code: 'INVALID_ARGUMENT', message: /size/ })
    draft.publish(8)
    assert.equal(data.length, 0, 'its view is empty')
    const sample = sub.take()
    assert.equal(Buffer.from(sample.data).toString(), 'in place')
    pub.loan(3).publish()
    assert.equal(sub.take().size, 3)
    assert.throws(() => pub.loan(), { code: 'INVALID_ARGUMENT', message: /size/ })
    assert.throws(() => pub.loan(-1), { code: 'INVALID_ARGUMENT', message: /size/ })
  }),
)

test('a draft that could not be sent stays as it is', patience, () =>
  withBus(async (bus, open) => {
    const sub = open('slow').subscriber('t', { queue: 1, overflow: 'block' })
    const pub = open('n').publisher('t', Point)
    const draft = pub.loan()
    draft.msg.name = 'patient'
    let sent = 0
    try {
      for (; sent < 50; ++sent) pub.publish({})
    } catch (error) {
      assert.equal(error.code, 'TIMEOUT')
    }
    assert.throws(() => draft.publish(), { code: 'TIMEOUT' })
    assert.equal(draft.msg.name, 'patient')
    for (let i = 0; i < sent; ++i) {
      await sub.wait({ timeout: 10_000 })
      sub.take().release()
    }
    draft.publish()
    assert.equal(sub.take().msg.name, 'patient')
  }),
)

test('leaving the scope of a draft discards what was not published', patience, () =>
  onTopic(Point, ({ pub }) => {
    const draft = pub.loan()
    draft[Symbol.dispose]()
    assert.equal(pub.stats.loans, 0)
    const sent = pub.loan()
    sent.publish()
    sent[Symbol.dispose]()
    assert.equal(pub.stats.seq, 1n)
  }),
)

test('messages and builders are taken as values', patience, () =>
  onTopic(Everything, ({ pub, sub, received }) => {
    pub.publish({ point: { x: 3 }, texts: ['a'], points: [{ name: 'b' }] })
    const sample = sub.take()
    const draft = pub.loan()
    draft.msg.point = sample.msg.point
    draft.msg.points = sample.msg.points
    draft.msg.texts = sample.msg.texts
    const other = pub.loan()
    other.msg.point = draft.msg.point
    other.msg.points = draft.msg.points
    other.publish()
    draft.discard()
    const object = received()
    assert.equal(object.point.x, 3)
    assert.deepEqual(object.points, [{ x: 0, y: 2.5, name: 'b' }])
    pub.publish(sample.msg)
    assert.deepEqual(received(), sample.toObject())
  }),
)
