// Publishers and subscribers on a bus: what the package promises of them.
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { patience, schemas, withBus } from './support.mjs'

const { Everything, Point } = schemas
const soon = { timeout: 20_000 }

test('a message published in one node is read in another, with all it says of itself', patience, () =>
  withBus(async (bus, open) => {
    const before = BigInt(Date.now()) * 1_000_000n - 1_000_000n
    const pub = open('producer').publisher('sensors/point', Point)
    const sub = open('consumer').subscriber('sensors/point')
    assert.equal(pub.publish({ x: 1.5, name: 'eins' }), 1n)
    assert.equal(await sub.wait(soon), true)
    const sample = sub.take()
    assert.equal(sample.msg.x, 1.5)
    assert.equal(sample.msg.y, 2.5)
    assert.equal(sample.msg.name, 'eins')
    assert.deepEqual(sample.toObject(), { x: 1.5, y: 2.5, name: 'eins' })
    assert.equal(sample.topic, 'sensors/point')
    assert.equal(sample.seq, 1n)
    assert.equal(typeof sample.publisherId, 'bigint')
    assert.equal(sample.pid, process.pid)
    assert.equal(sample.size, sample.data.length)
    assert(sample.publishedNs > before && sample.publishedNs < before + 60_000_000_000n)
    assert(sample.latencyNs > 0 && sample.latencyNs < 60e9)
    sample.release()
    assert.equal(sub.take(), null)
    assert.equal(sub.schema.fingerprint, Point.fingerprint)
  }),
)

test('bytes travel on untyped topics', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('raw')
    const sub = node.subscriber('raw')
    assert.equal(sub.schema, null)
    pub.publishBytes(Buffer.from('hello'))
    pub.publishBytes(new Uint8Array(0))
    const first = sub.take()
    assert.equal(Buffer.from(first.data).toString(), 'hello')
    assert.equal(first.msg, null)
    assert.throws(() => first.toObject(), { code: 'INVALID_ARGUMENT', message: /untyped/ })
    assert.deepEqual(first.copy(), Uint8Array.from(Buffer.from('hello')))
    assert.equal(sub.take().size, 0)
    assert.throws(() => pub.publish({ a: 1 }), { code: 'INVALID_ARGUMENT', message: /raw is untyped: publishBytes/ })
    assert.throws(() => pub.publishBytes('text'), {
      code: 'INVALID_ARGUMENT',
      message: /expected Uint8Array, got string/,
    })
  }),
)

test('for await gives every message in order and releases it when the body ends', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t', { queue: 1024 })
    const pub = node.publisher('t')
    for (let i = 0; i < 1000; ++i) pub.publishBytes(Uint8Array.of(i & 255))
    let last = null
    let count = 0
    for await (const sample of sub) {
      if (last !== null) assert.equal(last.released, true)
      assert.equal(sample.data[0], count & 255)
      assert.equal(sample.seq, BigInt(++count))
      last = sample
      assert(sub.stats.held <= 1)
      if (count === 1000) break
    }
    assert.equal(last.released, true, 'also when the loop is left')
    assert.equal(sub.stats.held, 0)
    assert.equal(sub.lost, 0n)
    pub.publishBytes(Uint8Array.of(9))
    for await (const sample of sub) {
      assert.equal(sample.data[0], 9, 'another loop goes on')
      break
    }
  }),
)

test('a loop that is ahead waits, and the messages come as they are sent', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t')
    const received = []
    const loop = (async () => {
      for await (const sample of sub) {
        received.push(sample.data[0])
        if (received.length === 5) break
      }
    })()
    for (let i = 0; i < 5; ++i) {
      while (received.length < i) await turn()
      pub.publishBytes(Uint8Array.of(i))
    }
    await loop
    assert.deepEqual(received, [0, 1, 2, 3, 4])
  }),
)

test('retain() keeps a sample beyond its loop, and memory is safe after release', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t', Point)
    pub.publish({ name: 'kept' })
    pub.publish({ name: 'not' })
    const samples = []
    for await (const sample of sub) {
      samples.push(samples.length === 0 ? sample.retain() : sample)
      if (samples.length === 2) break
    }
    const [kept, gone] = samples
    const { msg } = kept
    assert.equal(msg.name, 'kept')
    assert.throws(() => gone.data, { name: 'BusError', code: 'CLOSED', message: /released.*retain/ })
    assert.throws(() => gone.msg, { code: 'CLOSED' })
    assert.throws(() => gone.toObject(), { code: 'CLOSED' })
    assert.throws(() => gone.copy(), { code: 'CLOSED' })
    assert.throws(() => gone.retain(), { code: 'CLOSED' })
    const view = kept.data
    kept.release()
    kept.release()
    assert.throws(() => msg.name, { code: 'CLOSED' })
    assert.throws(() => msg.toObject(), { code: 'CLOSED' })
    assert.equal(typeof view[0], 'number', 'an old view is unspecified, but safe')
  }),
)

test('a held sample outlives its subscriber, its node and its publisher', patience, () =>
  withBus(async (bus, open) => {
    const producer = open('producer')
    const consumer = open('consumer')
    const pub = producer.publisher('t', Everything)
    const sub = consumer.subscriber('t')
    pub.publish({ text: 'still here', float64s: [1, 2, 3] })
    const sample = sub.take()
    const { float64s } = sample.msg
    sub.close()
    await consumer.close()
    await producer.close()
    assert.equal(sample.msg.text, 'still here')
    assert.deepEqual(float64s, Float64Array.of(1, 2, 3))
    sample.release()
  }),
)

test('onSample gets the messages and lets go of them', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const kept = []
    let count = 0
    let done
    const all = new Promise((resolve) => (done = resolve))
    const sub = node.subscriber('t', {
      queue: 1024,
      onSample(sample) {
        if (++count % 100 === 0) kept.push(sample.retain())
        if (count === 500) done()
      },
    })
    for (let i = 0; i < 500; ++i) pub.publishBytes(Uint8Array.of(i & 255))
    await all
    assert.equal(kept.length, 5)
    assert.equal(sub.stats.held, 5)
    assert.equal(kept[0].data[0], 99)
    for (const sample of kept) sample.release()
    assert.throws(() => sub[Symbol.asyncIterator](), { code: 'INVALID_ARGUMENT', message: /onSample/ })
  }),
)

test('an onSample that returns a promise keeps its sample until that is settled', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    let go
    const gate = new Promise((resolve) => (go = resolve))
    const seen = new Promise((resolve) => {
      node.subscriber('t', {
        onSample: async (sample) => {
          resolve(sample)
          await gate
          assert.equal(sample.data[0], 5)
        },
      })
    })
    pub.publishBytes(Uint8Array.of(5))
    const sample = await seen
    await turn()
    assert.equal(sample.released, false)
    go()
    while (!sample.released) await turn()
  }),
)

test('latest() gives the newest and consumes nothing', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    assert.equal(sub.latest(), null)
    const pub = node.publisher('t')
    for (const byte of [1, 2, 3]) pub.publishBytes(Uint8Array.of(byte))
    const newest = sub.latest()
    assert.equal(newest.data[0], 3)
    assert.equal(sub.take().data[0], 1)
    assert.equal(sub.latest().data[0], 3)
  }),
)

test('a full queue drops the oldest and counts them', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t', { queue: 4 })
    const pub = node.publisher('t')
    for (let i = 0; i < 20; ++i) pub.publishBytes(Uint8Array.of(i))
    const left = []
    for (let sample = sub.take(); sample !== null; sample = sub.take()) {
      left.push(sample.data[0])
      sample.release()
    }
    assert.equal(left.at(-1), 19)
    assert.equal(sub.lost, 20n - BigInt(left.length))
    assert.equal(sub.stats.taken, BigInt(left.length))
  }),
)

test('kept values reach who comes later', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t', Point, { history: 3 })
    for (let x = 0; x < 5; ++x) pub.publish({ x })
    const taken = (options) => {
      const sub = open('b').subscriber('t', options)
      const values = []
      for (let sample = sub.take(); sample !== null; sample = sub.take()) values.push(sample.msg.x)
      return values
    }
    assert.deepEqual(taken(), [2, 3, 4])
    assert.deepEqual(taken({ history: 1 }), [4])
    assert.deepEqual(taken({ history: 0 }), [])
  }),
)

test('a loop with a timeout ends quietly after so long without a message', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t', { timeout: 50 })
    node.publisher('t').publishBytes(Uint8Array.of(1))
    let count = 0
    for await (const sample of sub) count += sample.data[0]
    assert.equal(count, 1)
  }),
)

test('an aborted signal ends a loop with its reason', patience, () =>
  withBus(async (bus, open) => {
    const controller = new AbortController()
    const sub = open('n').subscriber('t', { signal: controller.signal })
    setImmediate(() => controller.abort(new Error('enough')))
    await assert.rejects(async () => {
      for await (const sample of sub) void sample
    }, /enough/)
    await assert.rejects(async () => {
      for await (const sample of sub) void sample
    }, /enough/)
    assert.throws(() => open('m').subscriber('t', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  }),
)

test('wait() says whether there is something, and takes nothing away', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t')
    const pub = node.publisher('t')
    assert.equal(await sub.wait({ timeout: 0 }), false)
    assert.equal(await sub.wait({ timeout: 20 }), false)
    const waiting = sub.wait()
    pub.publishBytes(Uint8Array.of(1))
    assert.equal(await waiting, true)
    assert.equal(await sub.wait(), true)
    pub.publishBytes(Uint8Array.of(2))
    assert.equal(sub.take().data[0], 1)
    assert.equal(sub.take().data[0], 2)
    const controller = new AbortController()
    const aborted = sub.wait({ signal: controller.signal })
    controller.abort()
    await assert.rejects(aborted, { name: 'AbortError' })
    await assert.rejects(sub.wait({ signal: AbortSignal.abort() }), { name: 'AbortError' })
    await assert.rejects(sub.wait({ timeout: -1 }), { code: 'INVALID_ARGUMENT' })
  }),
)

test('closing a subscriber ends its loops and wakes who waits', patience, () =>
  withBus(async (bus, open) => {
    const sub = open('n').subscriber('t')
    const loop = (async () => {
      for await (const sample of sub) void sample
      return 'ended'
    })()
    const waiting = sub.wait()
    await turn()
    sub.close()
    assert.equal(await loop, 'ended')
    await assert.rejects(waiting, { code: 'CLOSED' })
  }),
)

test('closing twice is fine, use after close is CLOSED', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t', Point)
    const sub = node.subscriber('t')
    const region = node.region('r', { size: 64 })
    pub.close()
    pub.close()
    sub.close()
    sub.close()
    region.close()
    region.close()
    const isClosed = { name: 'BusError', code: 'CLOSED' }
    assert.throws(() => pub.publish({}), isClosed)
    assert.throws(() => pub.publishBytes(new Uint8Array(1)), isClosed)
    assert.throws(() => pub.loan(), isClosed)
    assert.throws(() => pub.stats, isClosed)
    await assert.rejects(pub.publishAsync({}), isClosed)
    await assert.rejects(pub.waitForSubscribers(), isClosed)
    assert.throws(() => sub.take(), isClosed)
    assert.throws(() => sub.latest(), isClosed)
    assert.throws(() => sub.lost, isClosed)
    await assert.rejects(sub.wait(), isClosed)
    assert.throws(() => region.read(), isClosed)
    assert.throws(() => region.write(new Uint8Array(1)), isClosed)
    await node.close()
    await node.close()
    assert.equal(node.closed, true)
    assert.throws(() => node.publisher('t'), isClosed)
    assert.throws(() => node.subscriber('t'), isClosed)
    assert.throws(() => node.graph(), isClosed)
    assert.throws(() => node.watch(), isClosed)
    assert.throws(() => node.region('r'), isClosed)
  }),
)

test('closing a node closes all that came from it', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const sub = node.subscriber('t')
    const draft = pub.loan(8)
    const loop = (async () => {
      for await (const sample of sub) void sample
    })()
    await node.close()
    await loop
    assert.throws(() => pub.publishBytes(new Uint8Array(1)), { code: 'CLOSED' })
    assert.throws(() => sub.take(), { code: 'CLOSED' })
    assert.throws(() => draft.publish(), { code: 'CLOSED' })
  }),
)

test('waitForSubscribers says whether they came', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t')
    assert.equal(await pub.waitForSubscribers(1, { timeout: 10 }), false)
    assert.equal(await pub.waitForSubscribers(0), true)
    const waiting = pub.waitForSubscribers(2, soon)
    open('b').subscriber('t')
    open('c').subscriber('t')
    assert.equal(await waiting, true)
    const controller = new AbortController()
    const aborted = pub.waitForSubscribers(3, { signal: controller.signal })
    controller.abort()
    await assert.rejects(aborted, { name: 'AbortError' })
    const closed = pub.waitForSubscribers(3)
    pub.close()
    await assert.rejects(closed, { code: 'CLOSED' })
  }),
)
