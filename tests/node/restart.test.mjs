// busd is killed under programs that are exchanging messages, and another one comes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from 'polybus'
import { patience, runNode, startBus, until } from './support.mjs'

const textOf = (sample) => Buffer.from(sample.data).toString()

const echo = (autostart) => `
  import { Node } from 'polybus'
  const node = new Node('echo', { autostart: ${autostart} })
  const pong = node.publisher('pong')
  for await (const sample of node.subscriber('ping')) pong.publishBytes(sample.data)`

const newcomer = `
  import { Node } from 'polybus'
  const node = new Node('newcomer')
  const pong = node.publisher('pong')
  const ping = node.subscriber('ping')
  await pong.waitForSubscribers(1)
  process.stdin.once('data', () => process.exit(0))
  for await (const sample of ping) {
    const text = Buffer.from(sample.data).toString()
    if (!text.startsWith('to the newcomer')) continue
    console.log(text)
    pong.publishBytes(Buffer.from('from the newcomer'))
  }`

/** This process, which sends to the echo and hears it. */
class Program {
  sent = 0
  constructor(node) {
    this.node = node
    this.ping = node.publisher('ping')
    this.pong = node.subscriber('pong')
    this.events = node.watch()[Symbol.asyncIterator]()
  }
  get names() {
    return this.node.graph().nodes.map((entry) => entry.node).sort() // prettier-ignore
  }
  get connections() {
    return this.node.graph().connections.length
  }
  /** The next message, whose handle is the caller's. */
  async next() {
    while (!(await this.pong.wait({ timeout: 30_000 })));
    return this.pong.take()
  }
  /** Whether the next message came back; one that was sent while ends are made anew may be lost. */
  async exchange() {
    const text = `${++this.sent}`.padEnd(4000)
    this.ping.publishBytes(Buffer.from(text))
    while (await this.pong.wait({ timeout: 200 })) {
      const sample = this.pong.take()
      const came = textOf(sample)
      sample.release()
      if (came === text) return true
    }
    return false
  }
  /** Waits for the next event about the registry, which is the wanted one. */
  async hears(wanted) {
    for (;;) {
      const { value } = await this.events.next()
      if (!value.event.startsWith('registry_')) continue
      assert.equal(value.event, wanted)
      return
    }
  }
}

for (const autostart of [true, false]) {
  const how = autostart ? 'its programs start' : 'somebody starts'
  test(`after the death of busd ${how} another one, which finds all that was on the bus`, patience, async () => {
    const bus = await startBus()
    const children = []
    const run = (source) => runNode(source, { bus, onStart: (child) => children.push(child) })
    const program = new Program(new Node('test', { ...bus.options, autostart }))
    let second
    let started
    try {
      const echoed = run(echo(autostart))
      await until(() => program.connections === 2)
      program.ping.publishBytes(Buffer.from('held'.padEnd(4000)))
      const held = (await program.next()).retain()

      process.kill(program.node.graph().busd_pid, 'SIGKILL')
      await program.hears('registry_lost')
      if (!autostart) {
        for (let i = 0; i < 100; ++i) assert(await program.exchange(), 'nobody is there, and nothing is lost')
        assert.equal(program.node.connected, false)
        second = await startBus(bus.name)
      }
      await program.hears('registry_back')
      const pid = program.node.graph().busd_pid
      assert.notEqual(pid, bus.pid)
      if (autostart) started = pid

      const came = run(newcomer)
      await until(() => program.names.join() === 'echo,newcomer,test' && program.connections === 4)
      program.ping.publishBytes(Buffer.from('to the newcomer'))
      await until(async () => textOf(await program.next()) === 'from the newcomer')
      children[1].stdin.write('\n')
      assert.equal((await came).stdout, 'to the newcomer\n')

      await until(() => program.exchange())
      for (let i = 0; i < 1000; ++i) assert(await program.exchange(), 'all are connected again')
      assert.equal(textOf(held), 'held'.padEnd(4000))
      held.release()
      children[0].kill()
      await echoed
    } finally {
      for (const child of children) child.kill('SIGKILL')
      await program.node.close()
      await bus.stop()
      await second?.stop()
      if (started !== undefined) process.kill(started, 'SIGTERM')
    }
  })
}
