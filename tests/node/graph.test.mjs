// The graph, watching it, and regions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patience, runNode, schemas, withBus } from './support.mjs'

const { Point } = schemas

test('graph() shows nodes, topics, ends and their figures', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('producer').publisher('sensors/point', Point, { history: 2 })
    const node = open('consumer')
    const sub = node.subscriber('sensors/point', { queue: 7 })
    pub.publish({ x: 1 })
    sub.take()
    const graph = node.graph()
    assert.equal(graph.bus, bus.name)
    assert.equal(graph.busd_pid, bus.pid)
    const names = graph.nodes.map((entry) => entry.node)
    assert(names.includes('producer') && names.includes('consumer'))
    assert.match(graph.nodes[0].language, /^node \d+/)
    assert.equal(graph.nodes[0].pid, process.pid)
    const topic = graph.topics.find((entry) => entry.topic === 'sensors/point')
    assert.match(topic.type, /everything\.capnp:Point$/)
    assert.equal(topic.fingerprint, Point.fingerprint)
    assert.equal(topic.publishers[0].node, 'producer')
    assert.equal(topic.publishers[0].history, 2)
    assert.equal(typeof topic.publishers[0].seq, 'bigint')
    assert.equal(topic.subscribers[0].queue, 7)
    assert.equal(topic.subscribers[0].overflow, 'drop_oldest')
    assert.equal(typeof topic.subscribers[0].taken, 'bigint')
    assert.equal(graph.connections[0].publisher, topic.publishers[0].id)
    assert.equal(node.bus, bus.name)
    assert.equal(node.connected, true)
  }),
)

test('watch() tells what comes and goes', patience, () =>
  withBus(async (bus, open) => {
    const watcher = open('watcher')
    const watch = watcher.watch()
    const other = open('other')
    other.publisher('t', Point).close()
    other.subscriber('t').close()
    const wanted = new Set([
      'node_added',
      'publisher_added',
      'publisher_removed',
      'subscriber_added',
      'subscriber_removed',
    ])
    for await (const event of watch) {
      if (event.node !== 'other') continue
      if (event.topic !== undefined) assert.equal(event.topic, 't')
      wanted.delete(event.event)
      if (wanted.size === 0) break
    }
    await assert.rejects(async () => {
      for await (const event of watcher.watch({ signal: AbortSignal.timeout(20) })) void event
    }, /abort|timeout/i)
    for await (const event of watcher.watch({ timeout: 20 })) void event
  }),
)

test('a region gives the newest whole value, to other processes too', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const region = node.region('settings', { size: 4096 })
    assert.equal(region.read(), null)
    region.write(Buffer.from('one'))
    region.write(Buffer.from('two'))
    assert.equal(Buffer.from(region.read()).toString(), 'two')
    const child = await runNode(
      `import { Node } from 'polybus'
       const region = new Node('child').region('settings', { size: 4096 })
       console.log(Buffer.from(region.read()).toString())
       region.write(Buffer.from('three'))`,
      { bus },
    )
    assert.equal(child.stdout, 'two\n', child.stderr)
    assert.equal(Buffer.from(region.read()).toString(), 'three', 'the value outlives its writer')
    assert.throws(() => region.write(new Uint8Array(5000)), { code: 'TOO_LARGE' })
    assert.throws(() => region.write('text'), { code: 'INVALID_ARGUMENT', message: /expected Uint8Array, got string/ })
    assert.throws(() => node.region('no good'), { code: 'INVALID_TOPIC' })
  }),
)
