// Publishing: back-pressure, wrong values, messages that are large, and the bounds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from 'polybus'
import { patience, schemas, withBus } from './support.mjs'

const { Everything, Point, Hail } = schemas

test('a subscriber that blocks makes publish() throw TIMEOUT and publishAsync() wait', patience, () =>
  withBus(async (bus, open) => {
    const sub = open('slow one').subscriber('t', { queue: 2, overflow: 'block' })
    const pub = open('p').publisher('t', Point)
    let sent = 0
    assert.throws(
      () => {
        for (; sent < 100; ++sent) pub.publish({ x: sent })
      },
      { code: 'TIMEOUT', message: /slow one/ },
    )
    await assert.rejects(pub.publishAsync({ x: sent }, { timeout: 60 }), { code: 'TIMEOUT' })
    const controller = new AbortController()
    const aborted = pub.publishAsync({ x: sent }, { signal: controller.signal })
    setImmediate(() => controller.abort())
    await assert.rejects(aborted, { name: 'AbortError' })
    const waiting = pub.publishAsync({ x: sent })
    const values = []
    for await (const sample of sub) {
      values.push(sample.msg.x)
      if (values.length === sent + 1) break
    }
    assert.equal(await waiting, BigInt(sent + 1))
    assert.deepEqual(
      values,
      Array.from({ length: sent + 1 }, (_, i) => i),
    )
    assert.equal(sub.lost, 0n)
  }),
)

test('publishAsync takes bytes on untyped topics', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t')
    assert.equal(await pub.publishAsync(Uint8Array.of(7)), 1n)
    assert.equal(sub.take().data[0], 7)
    await assert.rejects(pub.publishAsync({ a: 1 }), { code: 'INVALID_ARGUMENT', message: /untyped/ })
  }),
)

test('nothing is sent of a value that is wrong', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t', Hail)
    const wrong = { hail: [{ mm: 1 }, { mm: 'x' }] }
    const error = { name: 'BusError', code: 'INVALID_ARGUMENT', message: 'hail[1].mm: expected UInt8, got string' }
    assert.throws(() => pub.publish(wrong), error)
    await assert.rejects(pub.publishAsync(wrong), error)
    assert.equal(pub.publish({ hail: [{ mm: 2 }] }), 1n)
    assert.equal(sub.take().msg.hail.length, 1)
    assert.equal(sub.take(), null)
    assert.equal(pub.stats.loans, 0)
  }),
)

test('large messages go through memory on loan, and still come out the same', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t', Everything)
    for (const size of [10, 100_000, 1_000_000, 10, 3_000_000, 200]) {
      const value = {
        uint8s: new Uint8Array(size).map((_, i) => i * 7),
        texts: Array.from({ length: size % 977 }, (_, i) => `text ${i}`),
        float64s: Float64Array.of(size),
      }
      pub.publish(value)
      const sample = sub.take()
      assert.deepEqual(sample.msg.uint8s, value.uint8s)
      assert.deepEqual([...sample.msg.texts], value.texts)
      assert.equal(sample.msg.float64s[0], size)
      sample.release()
    }
    assert.equal(pub.stats.loans, 0)
    assert.equal(pub.stats.seq, 6n)
  }),
)

test('publishing from within a value of a publish works', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t', Point)
    const inner = {
      get name() {
        pub.publish({ name: 'inner' })
        return 'outer'
      },
    }
    pub.publish(inner)
    assert.equal(sub.take().msg.name, 'inner')
    assert.equal(sub.take().msg.name, 'outer')
  }),
)

test('a message larger than memory allows is TOO_LARGE, and the next one goes through', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t', undefined, { quota: 2 ** 20 })
    assert.throws(() => pub.publishBytes(new Uint8Array(2 ** 21)), { code: 'TOO_LARGE', message: /t/ })
    assert.throws(() => pub.loan(2 ** 21), { code: 'TOO_LARGE' })
    assert.equal(pub.publishBytes(new Uint8Array(8)), 1n)
  }),
)

test('bytes that are no message are refused on a typed topic', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('n').publisher('t', Point)
    assert.throws(() => pub.publishBytes(Buffer.from('no message')), { code: 'BAD_MESSAGE' })
    await assert.rejects(pub.publishAsync(Buffer.from('no message')), { code: 'BAD_MESSAGE' })
  }),
)

test('topics and options that are wrong are refused, by name', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    for (const topic of ['', '/a', 'a/', 'a//b', 'a b', 'ä', 'x'.repeat(101)]) {
      assert.throws(() => node.publisher(topic), { code: 'INVALID_TOPIC' }, topic)
      assert.throws(() => node.subscriber(topic), { code: 'INVALID_TOPIC' }, topic)
    }
    const invalid = (message) => ({ name: 'BusError', code: 'INVALID_ARGUMENT', message })
    assert.throws(() => node.publisher(7), invalid(/topic: expected a string/))
    assert.throws(() => node.publisher('t', 'Imu'), invalid(/schema: expected a Schema/))
    assert.throws(() => node.publisher('t', schemas), invalid(/schema: expected a Schema/))
    assert.throws(() => node.publisher('t', { histroy: 1 }), invalid(/no option "histroy"; there is: history/))
    assert.throws(
      () => node.publisher('t', { history: 65 }),
      invalid(/history: expected an integer from 0 to 64, got 65/),
    )
    assert.throws(() => node.publisher('t', { exclusive: 1 }), invalid(/exclusive/))
    assert.throws(() => node.publisher('t', { quota: 'x' }), invalid(/quota/))
    assert.throws(() => node.publisher('t', { quota: 5 }), invalid(/quota/))
    assert.throws(() => node.subscriber('t', { queue: 0 }), invalid(/queue: expected an integer from 1 to 1024, got 0/))
    assert.throws(() => node.subscriber('t', { queue: 2000 }), invalid(/queue/))
    assert.throws(
      () => node.subscriber('t', { overflow: 'drop' }),
      invalid(/overflow: expected "drop_oldest" or "block"/),
    )
    assert.throws(() => node.subscriber('t', { onSample: 3 }), invalid(/onSample: expected a function/))
    assert.throws(() => node.subscriber('t', { signal: {} }), invalid(/signal: expected an AbortSignal/))
    assert.throws(() => node.subscriber('t', { timeout: 'x' }), invalid(/timeout/))
    assert.throws(() => node.region('r', { size: 0 }), invalid(/size/))
    assert.throws(() => node.region(3), invalid(/name/))
    assert.throws(() => new Node(), invalid(/name: expected a string, got undefined/))
    assert.throws(() => new Node('n', { bus: 3 }), invalid(/bus/))
    assert.throws(() => new Node('n', { autostart: 'no' }), invalid(/autostart/))
    const badBus = new Node('n', { bus: 'no/such name', autostart: false })
    assert.throws(() => badBus.graph(), { code: 'INVALID_ARGUMENT' })
  }),
)

test('a second publisher of an exclusive topic is refused, by name', patience, () =>
  withBus(async (bus, open) => {
    open('the first').publisher('t', { exclusive: true })
    assert.throws(() => open('second').publisher('t'), { code: 'EXCLUSIVE', message: /the first/ })
  }),
)

test('too many drafts and too many held samples have names', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const drafts = []
    assert.throws(
      () => {
        for (;;) drafts.push(pub.loan(8))
      },
      { code: 'TOO_MANY_LOANS', message: /64/ },
    )
    assert.equal(drafts.length, 64)
    for (const draft of drafts) draft.discard()
    const sub = node.subscriber('t')
    const held = []
    assert.throws(
      () => {
        for (;;) {
          pub.publishBytes(new Uint8Array(8))
          held.push(sub.take())
        }
      },
      { code: 'TOO_MANY_SAMPLES', message: /1024/ },
    )
    for (const sample of held) sample.release()
    pub.publishBytes(new Uint8Array(8))
    assert.notEqual(sub.take(), null)
  }),
)

test('after a message that nearly filled the memory a small one still goes through', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('n').publisher('t', Everything, { quota: 2 ** 22 })
    pub.publish({ uint8s: new Uint8Array(3_800_000) })
    assert.equal(pub.publish({ text: 'small' }), 2n)
    assert.throws(() => pub.publish({ uint8s: new Uint8Array(5_000_000) }), { code: 'TOO_LARGE' })
    assert.equal(pub.stats.loans, 0)
  }),
)
