// What the tests share: schemas, and buses of their own.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { Node, loadSchema } from 'polybus'

const require = createRequire(import.meta.url)

/** The addon itself, to look behind the scenes. */
export const addon = require('../../adapters/node/lib/addon.cjs')
const { Schema } = require('../../adapters/node/lib/schema/schema.cjs')

export const schemas = loadSchema(new URL('everything.capnp', import.meta.url))

/** What the core makes of a message, to hold ours against it. */
export const coreJson = (schema, bytes) => JSON.parse(addon.schemaMessageJson(Schema.nativeOf(schema), bytes))

/** Every test has a deadline, so that a hang is a failure and not a hang of everything. */
export const patience = { timeout: 60_000 }

/** Waits for a condition; the test's deadline ends what never comes. */
export const until = async (condition) => {
  while (!(await condition())) await pause(2)
}

const repository = fileURLToPath(new URL('../../', import.meta.url))
const busd = process.env.POLYBUS_BUSD ?? `${repository}build/bin/busd`

// Sockets lie in a folder of this test file alone, which goes with it; in memory, where the counters lie beside them.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'polybus-node-'))
process.env.XDG_RUNTIME_DIR = folder
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

// What was started and made here goes with this process, also where it is killed; and it goes with the runner.
if (isMainThread) {
  const mark = randomBytes(16).toString('hex')
  const script = fileURLToPath(new URL('../support/janitor.sh', import.meta.url))
  const { TESTS_OF_POLYBUS: _, ...env } = process.env // nobody else's janitor ends ours
  const janitor = spawn(script, [mark], { env, stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  janitor.stdin.write(`${folder}\n`)
  janitor.unref()
  janitor.stdin.unref()
  process.env.TESTS_OF_POLYBUS = mark
  const runner = process.ppid
  setInterval(() => process.ppid === runner || process.exit(1), 500).unref()
}

/** Starts a registry for a bus of this test alone, and waits until it answers. `bus.stop()` ends it. */
export async function startBus(name = `node-${randomBytes(6).toString('hex')}`) {
  // Should this process be killed, it ends by itself, and keeps nobody waiting for the end of its output meanwhile.
  const daemon = spawn(busd, ['--bus', name, '--idle-exit', '10'], { stdio: ['ignore', 'ignore', 'pipe'] })
  daemon.stderr.pipe(process.stderr, { end: false })
  const ended = new Promise((resolve, reject) => {
    daemon.once('exit', resolve)
    daemon.once('error', reject)
  })
  const bus = {
    name,
    pid: daemon.pid,
    /** For `new Node(name, bus.options)`. */
    options: { bus: name, autostart: false },
    ended,
    async stop(signal = 'SIGTERM') {
      const timer = setTimeout(() => daemon.kill('SIGKILL'), 10_000)
      if (daemon.exitCode === null && daemon.signalCode === null) daemon.kill(signal)
      await ended
      clearTimeout(timer)
    },
  }
  for (;;) {
    const probe = new Node('probe', bus.options)
    try {
      probe.graph()
      return bus
    } catch (error) {
      if (error.code !== 'NO_BUS' || daemon.exitCode !== null) throw error
      await pause(5)
    } finally {
      await probe.close()
    }
  }
}

/** Runs `body(bus, open)` with a bus of its own, where open() makes nodes, and closes what was made. */
export async function withBus(body) {
  const bus = await startBus()
  const nodes = []
  try {
    await body(bus, (name, options = {}) => {
      const node = new Node(name, { ...bus.options, ...options })
      nodes.push(node)
      return node
    })
  } finally {
    for (const node of nodes) await node.close()
    await bus.stop()
  }
}

/** Runs a program in a Node of its own, on a bus, and gives what it printed and how it ended. */
export async function runNode(
  source,
  { bus, args = [], timeout = 30_000, kind = 'module', flags = [], onStart = () => {} } = {},
) {
  const child = spawn(process.execPath, [...flags, `--input-type=${kind}`, '-e', source, ...args], {
    cwd: repository,
    env: { ...process.env, ...(bus ? { POLYBUS_BUS: bus.name, POLYBUS_AUTOSTART: '0' } : {}) },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onStart(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  const [code, signal] = await new Promise((resolve) => child.once('close', (...ending) => resolve(ending)))
  clearTimeout(timer)
  return { code, signal, stdout, stderr, hung: signal === 'SIGKILL' }
}
