// However a program or a part of it ends, the others on the bus go on.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { patience, runNode, until, withBus } from './support.mjs'

const worker = (body) =>
  `new Worker(${JSON.stringify(`
    const { Node } = require('polybus')
    const node = new Node('worker')
    const held = node.subscriber('t').take()
    node.subscriber('ping')
    ${body}`)}, { eval: true, execArgv: [] })`
const go = `require('node:worker_threads').parentPort.once('message', () => `

/** Ways to end while others exchange messages: [what, source that ends it on a line from stdin, code, signal, who stays]. */
const endings = [
  ...['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGABRT', 'SIGSEGV'].map((signal) => [`by ${signal}`, '', null, signal, []]),
  ['by process.exit()', `process.stdin.once('data', () => process.exit(3))`, 3, null, []],
  ['by an error that nobody catches', `process.stdin.once('data', () => { throw new Error('mine') })`, 1, null, []],
  ['by process.exit() while a worker uses the bus', `
    ${worker('setInterval(() => {}, 1000)')}
    process.stdin.once('data', () => process.exit(3))`, 3, null, []],
  ['by an error that nobody catches in a worker', `
    const worker = ${worker(`${go} { throw new Error('mine') })`)}
    process.stdin.once('data', () => worker.postMessage('go'))`, 1, null, []],
  ['in one of its workers by process.exit()', `
    const worker = ${worker(`${go} process.exit(5))`)}
    process.stdin.once('data', () => worker.postMessage('go'))`, 0, null, ['child']],
  ['in one of its workers by an error that is caught outside', `
    const worker = ${worker(`${go} { throw new Error('mine') })`)}
    worker.on('error', () => {})
    process.stdin.once('data', () => worker.postMessage('go'))`, 0, null, ['child']],
] // prettier-ignore
for (const [what, source, code, signal, stays] of endings) {
  test(`others go on exchanging messages when a program ends ${what}`, patience, () =>
    withBus(async (bus, open) => {
      const here = open('here')
      const ping = here.publisher('ping')
      const pong = here.subscriber('pong')
      let echo
      const echoed = runNode(
        `import { Node } from 'polybus'
         const node = new Node('echo')
         const pong = node.publisher('pong')
         for await (const sample of node.subscriber('ping')) pong.publishBytes(sample.data)`,
        { bus, onStart: (child) => (echo = child) },
      )
      let child
      const threads = source.includes('new Worker') ? 1 : 0
      const ended = runNode(
        `import { Worker } from 'node:worker_threads'
         import { Node } from 'polybus'
         const node = new Node('child')
         const pub = node.publisher('t', { history: 1 })
         pub.publishBytes(Uint8Array.of(1))
         const held = node.subscriber('t').take()
         node.subscriber('ping')
         process.stdin.resume()
         process.stdin.on('end', () => process.exit(0))
         ${source}`,
        { bus, onStart: (started) => (child = started) },
      )
      // Each has come with all it is to have: its ends, and a sample of topic t that it holds.
      const isThere = (entry) => entry.node === 'echo' || entry.node === 'child' || entry.node === 'worker'
      await until(() => here.graph().nodes.filter(isThere).length === 2 + threads)
      await until(() => here.graph().connections.length === 3 + threads + (1 + threads))
      const holders = () => here.graph().topics.find((entry) => entry.topic === 't')?.subscribers ?? []
      await until(() => holders().filter((entry) => entry.held === 1).length === 1 + threads)

      if (signal !== null) {
        execFileSync('prlimit', ['--core=0', '--pid', `${child.pid}`]) // leaves no file
        child.kill(signal)
      }
      if (signal === null) child.stdin.write('end\n')
      const names = () => here.graph().nodes.map((entry) => entry.node).sort() // prettier-ignore
      await until(() => names().join() === [...stays, 'echo', 'here'].join())
      await until(() => here.graph().connections.length === 2 + 2 * stays.length)
      for (let i = 0; i < 100; ++i) {
        ping.publishBytes(Uint8Array.of(i))
        assert(await pong.wait({ timeout: 30_000 }))
        const sample = pong.take()
        assert.equal(sample.data[0], i)
        sample.release()
      }
      child.stdin.end()
      const { stderr, ...ending } = await ended
      assert.deepEqual([ending.code, ending.signal], [code, signal], stderr)
      echo.kill()
      assert.equal((await echoed).signal, 'SIGTERM')
    }),
  )
}
