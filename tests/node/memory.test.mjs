// Shared memory: nothing is copied on the way, stray writes harm nobody, and memory that is gone is never touched.
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { addon, patience, runNode, schemas, withBus } from './support.mjs'

const { Everything, Point } = schemas

/** The line of /proc/self/maps that an address lies in. */
function mappingOf(address) {
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const [range] = line.split(' ')
    const [begin, end] = range.split('-').map((hex) => BigInt(`0x${hex}`))
    if (begin <= address && address < end) return line
  }
  return ''
}

test('what a sample shows lies in the shared memory itself', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t', Everything)
    const sub = open('b').subscriber('t')
    pub.publish({ uint8s: new Uint8Array(100_000).fill(7), float64s: [1, 2], data: Uint8Array.of(1, 2, 3) })
    const sample = sub.take()
    for (const view of [
      sample.data,
      sample.msg.uint8s,
      sample.msg.data,
      new Uint8Array(sample.msg.float64s.buffer, sample.msg.float64s.byteOffset),
    ]) {
      const mapping = mappingOf(addon.addressOf(view))
      assert.match(mapping, /memfd:/, 'a file in memory that the publisher has mapped too')
      assert.match(mapping, /^\S+ r--p /, 'which is private and read-only here')
    }
  }),
)

test('a draft lies in the shared memory itself, writable', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t', Everything)
    const draft = pub.loan(1 << 20)
    const pixels = draft.msg.init('uint8s', 1 << 20)
    assert.match(mappingOf(addon.addressOf(pixels)), /^\S+ rw-s .*memfd:/)
    draft.discard()
  }),
)

test('all samples of a publisher share one buffer', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const sub = node.subscriber('t')
    const buffers = new Set()
    for (let i = 0; i < 200; ++i) {
      pub.publishBytes(new Uint8Array(100))
      const sample = sub.take()
      buffers.add(sample.data.buffer)
      sample.release()
    }
    assert.equal(buffers.size, 1)
  }),
)

test('the whole buffer around a sample can be read, copied and cloned', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const sub = node.subscriber('t')
    for (const size of [10, 100_000, 5_000_000]) {
      pub.publishBytes(new Uint8Array(size).fill(1))
      const sample = sub.take()
      const { buffer } = sample.data
      assert(buffer.byteLength >= size)
      assert(buffer.byteLength < 2 ** 28, 'what is mapped but has no memory is left out')
      new Uint8Array(buffer).reduce((sum, byte) => sum + byte, 0)
      structuredClone(sample.data)
      sample.release()
    }
  }),
)

test('stray writes are survived, and other processes do not see them', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const mine = node.subscriber('t')
    let otherProcess
    // The other reader, in a process of its own: says when it is there, and then what it sees when asked.
    const other = runNode(
      `import { Node } from 'polybus'
       const sub = new Node('other').subscriber('t')
       await sub.wait()
       const sample = sub.take()
       console.log('before', sample.data.every((byte) => byte === 5))
       process.stdin.once('data', () => {
         console.log('after', sample.data.every((byte) => byte === 5))
         process.exit()
       })
       new Node('ready').publisher('ready', { history: 1 }).publishBytes(Uint8Array.of(1))`,
      { bus, onStart: (child) => (otherProcess = child) },
    )
    assert(await pub.waitForSubscribers(2, { timeout: 30_000 }))
    pub.publishBytes(new Uint8Array(65_536).fill(5))
    const ready = node.subscriber('ready')
    assert(await ready.wait({ timeout: 30_000 }))
    const { data } = mine.take()
    const { buffer, byteOffset: at } = data
    data[0] = 1
    for (let i = 0; i < 5000; ++i) data[i] = i
    data.fill(9, 8192, 20_000)
    data.set([1, 2, 3], 30_000)
    data.copyWithin(40_000, 0, 100)
    data.subarray(50_000, 50_100).sort().reverse()
    Buffer.from(buffer, at + 60_000, 100).write('stray')
    new TextEncoder().encodeInto('stray', data.subarray(61_000))
    new DataView(buffer, at).setFloat64(62_000, 1)
    Atomics.store(new Int32Array(buffer, at, 16_000), 15_000, 7)
    randomFillSync(data.subarray(45_000, 46_000))
    new Float64Array(buffer, at, 8000).fill(1.5, 2000, 3000)
    otherProcess.stdin.write('go\n')
    const { stdout, code, stderr } = await other
    assert.equal(stdout, 'before true\nafter true\n', stderr)
    assert.equal(code, 0)
  }),
)

test('after a stray write and release the memory shows what is sent next', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t')
    const sub = node.subscriber('t')
    for (let round = 0; round < 50; ++round) {
      pub.publishBytes(new Uint8Array(10_000).fill(round))
      const sample = sub.take()
      assert(
        sample.data.every((byte) => byte === round),
        `round ${round}`,
      )
      sample.data.fill(255)
      sample.release()
    }
  }),
)

test('views of released samples are safe when the publisher and all its memory are gone', patience, () =>
  withBus(async (bus, open) => {
    const consumer = open('consumer')
    const sub = consumer.subscriber('t')
    const views = []
    for (let round = 0; round < 20; ++round) {
      const producer = open('producer')
      const pub = producer.publisher('t', Everything)
      pub.publish({ uint8s: new Uint8Array(200_000).fill(round), text: 'x' })
      assert(await sub.wait({ timeout: 20_000 }))
      const sample = sub.take()
      assert.equal(sample.msg.uint8s[199_999], round)
      views.push(sample.data, sample.msg.uint8s)
      sample.release()
      await producer.close()
      await turn()
      for (const view of views) assert.equal(typeof (view[view.length - 1] ?? 0), 'number')
    }
    // Mappings of publishers that are gone do not pile up.
    sub.close()
    await consumer.close()
    for (const view of views) assert.equal(typeof (view[0] ?? 0), 'number')
    const last = open('last')
    const lastSub = last.subscriber('t')
    last.publisher('t', Everything).publish({ text: 'y' })
    lastSub.take().msg.text
    const left = readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => /r--p .*memfd:/.test(line))
    assert(left.length <= 8, `${left.length} mappings are left:\n${left.join('\n')}`)
  }),
)

test('a publisher that is killed leaves held samples readable', patience, () =>
  withBus(async (bus, open) => {
    const sub = open('n').subscriber('t')
    const child = await runNode(
      `import { Node, loadSchema } from 'polybus'
       const { Point } = loadSchema('tests/node/everything.capnp')
       const pub = new Node('victim').publisher('t', Point)
       pub.publish({ x: 42, name: 'last words' })
       process.kill(process.pid, 'SIGKILL')`,
      { bus },
    )
    assert.equal(child.signal, 'SIGKILL')
    assert(await sub.wait({ timeout: 20_000 }))
    const sample = sub.take()
    assert.equal(sample.msg.x, 42)
    assert.equal(sample.msg.name, 'last words')
    assert.notEqual(sample.pid, process.pid)
    sample.release()
  }),
)

test('half a million messages leave neither memory nor loans behind', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t', Point)
    const sub = node.subscriber('t', { queue: 64 })
    const run = async (count) => {
      for (let i = 0; i < count; ++i) {
        pub.publish({ x: i, name: 'point' })
        if (i % 32 !== 31) continue
        for (let sample = sub.take(); sample !== null; sample = sub.take()) {
          void sample.msg.name
          sample.release()
        }
      }
      await turn()
    }
    await run(100_000)
    const before = process.memoryUsage().rss
    await run(400_000)
    const grown = process.memoryUsage().rss - before
    assert(grown < 80 * 2 ** 20, `grew by ${grown} bytes`)
    assert.equal(sub.stats.held, 0)
    assert.equal(sub.lost, 0n)
    assert.equal(pub.stats.loans, 0)
    assert(pub.stats.memoryBytes < 2 ** 20)
  }),
)
