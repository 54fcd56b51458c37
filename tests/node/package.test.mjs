// The package as users get it: ways to import it, one copy of it, its types.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import * as imported from 'polybus'
import { patience, runNode } from './support.mjs'

const require = createRequire(import.meta.url)

test('import and require give the same package', () => {
  const required = require('polybus')
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort())
  for (const name of Object.keys(required)) assert.equal(imported[name], required[name])
})

test('it works from CommonJS', patience, async () => {
  const ended = await runNode(
    `const { BusError, version } = require('polybus'); console.log(typeof BusError, version)`,
    { kind: 'commonjs' },
  )
  assert.match(ended.stdout, /^function \d+\.\d+\.\d+\n$/, ended.stderr)
})

test("its version is the library's", () => {
  assert.equal(imported.version, require('polybus/package.json').version)
})

test('importing it makes no node, no thread, and keeps nothing running', patience, async () => {
  const ended = await runNode(
    `import { readdirSync } from 'node:fs'
     await (await import('node:fs/promises')).readFile('/dev/null') // libuv has its threads from here on
     const before = readdirSync('/proc/self/task').length
     await import('polybus')
     console.log(readdirSync('/proc/self/task').length - before)`,
  )
  assert.equal(ended.stdout, '0\n', ended.stderr)
  assert.equal(ended.code, 0)
})

test('a missing addon is told with what was looked at', patience, async () => {
  const ended = await runNode(
    `process.env.POLYBUS_NODE_ADDON = '/nowhere/polybus.node'; await import('polybus').then(() => console.log('found'), (error) => console.log(error.message))`,
  )
  // Where this repository is built, the next place has one.
  assert.match(ended.stdout, /^found|no native addon[^]*\/nowhere\/polybus\.node/)
})

test('its types fit what programs write, under --strict', { timeout: 120_000 }, () => {
  const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url))
  const project = fileURLToPath(new URL('types/tsconfig.json', import.meta.url))
  execFileSync(tsc, ['-p', project], { stdio: 'pipe', encoding: 'utf8' })
})
