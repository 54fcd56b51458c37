// Reads damaged messages to the last field: `reader.mjs SCHEMA FRAMES COUNT SEED`. As reader.py; see test_hostile_messages.py.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { AnyPointer, BusError, decode, encode, loadSchema, stringify } from 'polybus'
import { damages, framesOf } from './damage.mjs'

const VISITS_MAX = 40 // per message, of fields one by one from any of them on; toObject() and stringify() visit all
const WARM_UP = 0.05 // of the messages, after which memory no longer grows
const GROWTH_BYTES_MAX = 96 << 20

const [schema, path, countText, seedText] = process.argv.slice(2)
const count = Number(countText)
const types = loadSchema(schema)

const { below, damaged } = damages(Number(seedText))

let values = 0
let errors = 0
let left = 0
function attempt(read) {
  try {
    const value = read()
    ++values
    return value
  } catch (error) {
    // Damaged here; not the active member; an interface.
    if (!(error instanceof BusError) || !['BAD_MESSAGE', 'INVALID_ARGUMENT'].includes(error.code)) throw error
    ++errors
    return null
  }
}

function* waysInto(value) {
  if (value instanceof AnyPointer) {
    yield () => value.asText()
    yield () => value.asData()
    yield () => value.asStruct(types.Everything)
    for (const kind of ['Int32', 'Text', 'List(Bool)', types.Point]) yield () => value.asList(kind)
  } else if (ArrayBuffer.isView(value)) {
    yield () => value.slice()
  } else if (typeof value.toArray === 'function') {
    for (let i = 0; i < Math.min(value.length, 8); ++i) yield () => value[i]
    yield () => value.at(-1)
  } else {
    yield () => value.which()
    const names = []
    for (const name in value) names.push(name)
    const first = below(names.length)
    for (const name of [...names.slice(first), ...names.slice(0, first)]) yield () => value[name]
  }
}

function visit(value) {
  for (const read of waysInto(value)) {
    if (--left < 0) return
    const inner = attempt(read)
    if (typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(value)) visit(inner)
  }
}

function readMessage(frame) {
  left = VISITS_MAX
  const message = attempt(() => decode(types.Everything, frame))
  if (message === null) return
  attempt(() => message.toObject())
  attempt(() => stringify(message))
  visit(message)
  attempt(() => encode(types.Everything, message))
}

// What is allocated outside of V8's heap counts, too; what waits to be collected does not.
function memoryBytes() {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

const frames = framesOf(readFileSync(path))
let afterWarmUp = 0
for (let i = 0; i < count; ++i) {
  if (i === Math.floor(count * WARM_UP)) afterWarmUp = memoryBytes()
  readMessage(damaged(frames))
}
const growth = memoryBytes() - afterWarmUp
console.log(`${count} messages: ${values} values, ${errors} errors, ${growth >> 10} KiB more than at first`)
assert.ok(values > count)
assert.ok(errors > count / 100)
assert.ok(growth < GROWTH_BYTES_MAX, `${growth}`)
