// Finding a bus, and what is said when there is none.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Node } from 'polybus'
import { patience, runNode, startBus, withBus } from './support.mjs'

test('a bus that is not there is NO_BUS at once, and names what was tried', patience, () => {
  const node = new Node('n', { bus: 'nobody-is-here', autostart: false })
  assert.throws(() => node.publisher('t'), { name: 'BusError', code: 'NO_BUS', message: /nobody-is-here/ })
})

test('POLYBUS_AUTOSTART=0 and POLYBUS_BUS count where the program says nothing', patience, async () => {
  const source = `
    import { Node } from 'polybus'
    try { new Node('n').subscriber('t'); console.log('connected') } catch (error) { console.log(error.code, error.message) }`
  const ended = await runNode(source, { bus: { name: 'from-the-environment' } })
  assert.match(ended.stdout, /^NO_BUS .*from-the-environment/)
  await withBus(async (bus) => assert.equal((await runNode(source, { bus })).stdout, 'connected\n'))
})

test('making a node costs nothing and fails for nothing', () => {
  const node = new Node('n', { bus: 'nobody-is-here', autostart: false })
  assert.equal(node.name, 'n')
  assert.equal(node.connected, false)
  return node.close()
})

test('sockets that cannot be are told apart', patience, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'polybus-'))
  try {
    const attempt = async (path) => {
      const ended = await runNode(
        `process.env.POLYBUS_SOCKET = ${JSON.stringify(path)}
         const { Node } = await import('polybus')
         try { new Node('n', { autostart: false }).graph() } catch (error) { console.log(error.name, error.code, error.message) }`,
      )
      assert.equal(ended.code, 0, ended.stderr)
      return ended.stdout
    }
    assert.match(await attempt(join(folder, 'nothing.sock')), /^BusError NO_BUS .*nothing\.sock/)
    const file = join(folder, 'file.sock')
    writeFileSync(file, 'no socket')
    assert.match(await attempt(file), /^BusError (NO_BUS|IO) .*file\.sock/)
    const long = join(folder, 'x'.repeat(150))
    mkdirSync(long)
    assert.match(await attempt(join(long, 'bus.sock')), /^BusError (NO_BUS|IO|INVALID_ARGUMENT) /)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a bus is started by its first node, and ends after its last', patience, async () => {
  const name = `auto-${process.pid}`
  const node = new Node('first', { bus: name, autostart: true, timeout: 30_000 })
  const pid = node.graph().busd_pid
  try {
    const sub = node.subscriber('t')
    node.publisher('t').publishBytes(Uint8Array.of(1))
    assert.equal(sub.take().data[0], 1)
  } finally {
    await node.close()
    process.kill(pid, 'SIGTERM')
  }
})

test('a name that is no bus is refused', patience, () => {
  const node = new Node('n', { bus: 'not/a bus', autostart: false })
  assert.throws(() => node.graph(), { code: 'INVALID_ARGUMENT', message: /not\/a bus/ })
  assert.throws(() => new Node('x'.repeat(65), { bus: 'b', autostart: false }).graph(), { code: 'INVALID_ARGUMENT' })
})

test('when the registry goes away, data keeps flowing and the node says so', patience, async () => {
  const bus = await startBus()
  const node = new Node('n', bus.options)
  try {
    const sub = node.subscriber('t')
    const pub = node.publisher('t')
    const watch = node.watch()
    await bus.stop('SIGKILL')
    for await (const event of watch) if (event.event === 'registry_lost') break
    pub.publishBytes(Uint8Array.of(3))
    assert.equal(sub.take().data[0], 3)
    assert.equal(node.connected, false)
    assert.throws(() => node.subscriber('u'), { code: /DISCONNECTED|NO_BUS/ })
  } finally {
    await node.close()
  }
})
