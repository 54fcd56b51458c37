// How programs end, and what keeps them running: no crash, no hang, nothing left behind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patience, runNode, withBus } from './support.mjs'

const prelude = `
import { Node, loadSchema } from 'polybus'
const { Everything, Point } = loadSchema('tests/node/everything.capnp')
const node = new Node('child')
const pub = node.publisher('t', Point, { history: 1 })
pub.publish({ x: 1, name: 'first' })
`

/** Ways for a program to end: [what, source, exit code, what it prints]. */
const endings = [
  ['by reaching its end with everything open', `const sub = node.subscriber('t'); const kept = sub.take(); console.log(kept.msg.x)`, 0, '1\n'],
  ['after closing its node', `node.subscriber('t'); await node.close(); console.log('closed')`, 0, 'closed\n'],
  ['by process.exit() at once', `node.subscriber('t'); process.exit(3)`, 3, ''],
  ['by process.exit() in onSample', `node.subscriber('t', { onSample: (s) => { console.log(s.msg.name); process.exit(4) } })`, 4, 'first\n'],
  ['by process.exit() in a loop', `for await (const s of node.subscriber('t')) process.exit(s.msg.x + 4)`, 5, ''],
  ['by process.exit() with a draft out and a sample held', `const d = pub.loan(); const s = node.subscriber('t').take().retain(); d.msg.x = s.msg.x; process.exit(6)`, 6, ''],
  ['by process.exit() while publishAsync() waits', `
    const sub = node.subscriber('t', { queue: 1, overflow: 'block' })
    try { for (;;) pub.publish({}) } catch {}
    pub.publishAsync({}).then(() => console.log('sent'))
    setTimeout(() => process.exit(7), 100)`, 7, ''],
  ['by process.exit() while waitForSubscribers() waits', `pub.waitForSubscribers(5); setTimeout(() => process.exit(8), 100)`, 8, ''],
  ['with a last message from an exit handler', `process.on('exit', () => { pub.publish({ x: 2 }); console.log('sent') })`, 0, 'sent\n'],
  ['by a signal of its own', `node.subscriber('t', { onSample: () => process.kill(process.pid, 'SIGTERM') })`, null, ''],
] // prettier-ignore
for (const [what, source, code, stdout] of endings) {
  test(`a program can end ${what}`, patience, () =>
    withBus(async (bus) => {
      const ended = await runNode(prelude + source, { bus })
      assert(!ended.hung, `it hung\n${ended.stderr}`)
      assert.equal(ended.signal, code === null ? 'SIGTERM' : null, ended.stderr)
      assert.equal(ended.code, code, ended.stderr)
      assert.equal(ended.stdout, stdout)
      assert.equal(ended.stderr, '')
    }),
  )
}

test('an error that nobody catches ends a program as usual', patience, () =>
  withBus(async (bus) => {
    for (const source of [
      `node.subscriber('t'); throw new Error('mine')`,
      `node.subscriber('t', { onSample() { throw new Error('mine') } })`,
      `node.subscriber('t', { async onSample() { throw new Error('mine') } })`,
      `for await (const s of node.subscriber('t')) throw new Error('mine')`,
    ]) {
      const ended = await runNode(prelude + source, { bus })
      assert(!ended.hung)
      assert.equal(ended.code, 1, ended.stderr)
      assert.match(ended.stderr, /Error: mine/)
    }
  }),
)

test('an error in onSample loses no other message', patience, () =>
  withBus(async (bus) => {
    const ended = await runNode(
      `${prelude}
       process.on('uncaughtException', (error) => console.log(error.message))
       const sub = node.subscriber('t', { queue: 8, history: 0, onSample(s) {
         if (s.msg.x === 11) throw new Error('eleven')
         console.log(s.msg.x)
         if (s.msg.x === 13) setImmediate(() => { console.log(sub.stats.held); sub.close() })
       } })
       for (const x of [10, 11, 12, 13]) pub.publish({ x })`,
      { bus },
    )
    assert.deepEqual(ended.stdout.split('\n').sort(), ['', '0', '10', '12', '13', 'eleven'].sort(), ended.stderr)
    assert.equal(ended.code, 0)
  }),
)

test('a loop and onSample keep a program running, unref() lets it go', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('outside').publisher('t')
    // Waits for a message that comes only once it is attached: nothing else keeps it running.
    for (const waiting of [
      `for await (const s of sub) { console.log(s.data[0]); break }`,
      `await sub.wait(); console.log(sub.take().data[0])`,
    ]) {
      const child = runNode(
        `import { Node } from 'polybus'; const sub = new Node('child').subscriber('t'); ${waiting}`,
        { bus },
      )
      assert(await pub.waitForSubscribers(1, { timeout: 30_000 }))
      pub.publishBytes(Uint8Array.of(7))
      const { stdout, code, stderr } = await child
      assert.equal(stdout, '7\n', stderr)
      assert.equal(code, 0)
      while (pub.stats.subscribers > 0) await new Promise(setImmediate)
    }
    const child = runNode(
      `import { Node } from 'polybus'
       const sub = new Node('child').subscriber('t', { onSample: (s) => { console.log(s.data[0]); sub.close() } })`,
      { bus },
    )
    assert(await pub.waitForSubscribers(1, { timeout: 30_000 }))
    pub.publishBytes(Uint8Array.of(8))
    assert.equal((await child).stdout, '8\n')
    for (const source of [
      `sub.unref(); (async () => { for await (const s of sub) void s })()`,
      `(async () => { for await (const s of sub) void s })(); sub.unref()`,
      `sub.wait(); sub.unref()`,
      `node.subscriber('u', { onSample() {} }).unref()`,
      `node.watch().unref()[Symbol.asyncIterator]().next()`,
      `(async () => { for await (const s of sub) break })(); node.publisher('t').publishBytes(new Uint8Array(1))`,
    ]) {
      const ended = await runNode(
        `import { Node } from 'polybus'; const node = new Node('child'); const sub = node.subscriber('t'); ${source}`,
        { bus },
      )
      assert(!ended.hung, source)
      assert.equal(ended.code, 0, ended.stderr)
    }
  }),
)

test('worker threads have the bus to themselves, and end without taking others along', patience, () =>
  withBus(async (bus) => {
    // Worker 0 ends by itself, the others are terminated with a sample held and a loop waiting.
    const worker = `
      const { parentPort, workerData } = require('node:worker_threads')
      const { Node } = require('polybus')
      const sub = new Node('worker').subscriber('t', { queue: 256 })
      parentPort.postMessage('ready')
      ;(async () => {
        let sum = 0
        for await (const sample of sub) {
          sum += sample.data[0]
          if (sample.data[0] !== 100) continue
          if (workerData > 0) globalThis.held = sample.retain()
          parentPort.postMessage(sum)
          if (workerData === 0) break
        }
      })()`
    const ended = await runNode(
      `import { Worker } from 'node:worker_threads'
       import { once } from 'node:events'
       import { Node } from 'polybus'
       const pub = new Node('main').publisher('t')
       for (let round = 0; round < 3; ++round) {
         const workers = [0, 1, 2].map((workerData) => new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [], workerData }))
         const exits = workers.map((worker) => once(worker, 'exit'))
         await Promise.all(workers.map((worker) => once(worker, 'message')))
         const sums = workers.map(async (worker) => (await once(worker, 'message'))[0])
         for (let i = 1; i <= 100; ++i) pub.publishBytes(Uint8Array.of(i))
         console.log((await Promise.all(sums)).join())
         for (const worker of workers.slice(1)) worker.terminate()
         await Promise.all(exits)
       }
       while (pub.stats.subscribers > 0) await new Promise(setImmediate)
       console.log('gone')`,
      { bus },
    )
    assert.equal(ended.stdout, '5050,5050,5050\n'.repeat(3) + 'gone\n', ended.stderr)
    assert.equal(ended.code, 0, ended.stderr)
  }),
)

test('only workers may use the package, and the last one takes nothing of the process along', patience, () =>
  withBus(async (bus) => {
    const worker = `
      const { Node } = require('polybus')
      const node = new Node('worker')
      const sub = node.subscriber('t')
      node.publisher('t').publishBytes(Uint8Array.of(1))
      sub.take().data[0] = 5`
    const ended = await runNode(
      `import { Worker } from 'node:worker_threads'
       import { once } from 'node:events'
       for (let i = 0; i < 3; ++i) await once(new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] }), 'exit')
       // A trap of WebAssembly goes through the same signal handler as a stray write.
       const bytes = Uint8Array.from([0,97,115,109,1,0,0,0,1,5,1,96,1,127,0,3,2,1,0,5,3,1,0,1,7,5,1,1,102,0,0,10,11,1,9,0,32,0,65,1,54,2,0,11])
       try { new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f(0x7ffffff0) } catch (error) { console.log(error.name) }`,
      { bus },
    )
    assert.equal(ended.stdout, 'RuntimeError\n', ended.stderr)
    assert.equal(ended.code, 0, ended.stderr)
  }),
)

test('child processes meet on the bus', patience, () =>
  withBus(async (bus, open) => {
    const sub = open('parent').subscriber('t', { queue: 64 })
    const children = await Promise.all(
      [1, 2, 3].map((x) =>
        runNode(
          `import { Node, loadSchema } from 'polybus'
           const { Point } = loadSchema('tests/node/everything.capnp')
           const pub = new Node('child').publisher('t', Point, { history: 1 })
           for (let i = 0; i < 10; ++i) pub.publish({ x: ${x}, y: i })`,
          { bus },
        ),
      ),
    )
    for (const child of children) assert.equal(child.code, 0, child.stderr)
    const seen = { 1: [], 2: [], 3: [] }
    while (Object.values(seen).some((list) => list.length < 10)) {
      assert(await sub.wait({ timeout: 20_000 }))
      const sample = sub.take()
      seen[sample.msg.x].push(sample.msg.y)
      sample.release()
    }
    for (const list of Object.values(seen)) assert.deepEqual(list, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'in order')
  }),
)

test('a subscriber that nobody can reach any more is closed, and lets go of its publishers', patience, () =>
  withBus(async (bus) => {
    const ended = await runNode(
      `${prelude}
       async function leave() {
         for await (const sample of node.subscriber('t', { overflow: 'block', queue: 1 })) break
       }
       await leave()
       const before = pub.stats.subscribers
       while (pub.stats.subscribers > 0) { gc(); await new Promise(setImmediate) }
       console.log(before, pub.stats.subscribers)`,
      { bus, flags: ['--expose-gc'] },
    )
    assert.equal(ended.stdout, '1 0\n', ended.stderr)
    assert.equal(ended.code, 0)
  }),
)

test('a node that nobody names stays as long as something of it is used', patience, () =>
  withBus(async (bus) => {
    const ended = await runNode(
      `${prelude}
       const sub = new Node('unnamed').subscriber('t')
       const other = new Node('unnamed too').publisher('t', Point)
       for (let i = 0; i < 5; ++i) { gc(); await new Promise(setImmediate) }
       other.publish({ x: 5 })
       sub.take().release()
       console.log(sub.take().msg.x)`,
      { bus, flags: ['--expose-gc'] },
    )
    assert.equal(ended.stdout, '5\n', ended.stderr)
  }),
)
