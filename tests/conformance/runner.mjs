// JavaScript's part: `runner.mjs pub TOPIC SCHEMA CASES` or `runner.mjs sub TOPIC SCHEMA COUNT`. See test_conformance.py.
import assert from 'node:assert'
import { readFileSync, writeSync } from 'node:fs'
import { Node, loadSchema } from 'polybus'

const PATIENCE_MS = 60_000

// As docs/json.md says. JSON.stringify writes -0 as 0, so numbers are written here.
function canonical(value) {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return `"${value}"`
  if (typeof value === 'number') return number(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
  return `{${members.join()}}`
}

function number(value) {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0.0' : String(value)
}

// How the type of a field turns the JSON of a case into JavaScript's own values.
function native(value, name = '') {
  if (Array.isArray(value)) return value.map((element) => native(element, name))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, native(member, key)]))
  }
  if (typeof value !== 'string') return value
  if (/^(int64|uint64|count)/.test(name)) return BigInt(value)
  if (name.startsWith('float')) return Number(value)
  if (name.startsWith('data')) return new Uint8Array(Buffer.from(value, 'base64'))
  return value
}

async function publish(node, topic, schema, cases) {
  const publisher = node.publisher(topic, schema)
  assert(await publisher.waitForSubscribers(1, { timeout: PATIENCE_MS }))
  for (const line of readFileSync(cases, 'utf8').split('\n').filter(Boolean))
    publisher.publish(native(JSON.parse(line)))
}

async function subscribe(node, topic, count) {
  let seen = 0
  for await (const sample of node.subscriber(topic, { queue: 1024, timeout: PATIENCE_MS })) {
    writeSync(1, canonical(sample.toObject()) + '\n')
    seen += 1
    if (seen === count) break
  }
  assert.equal(seen, count)
}

const [mode, topic, schemaFile, rest] = process.argv.slice(2)
const node = new Node(`${mode}-js`)
if (mode === 'pub') await publish(node, topic, loadSchema(schemaFile).Everything, rest)
else await subscribe(node, topic, Number(rest))
await node.close()
