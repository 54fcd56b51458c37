// decode.mjs RUNS GENERATED: how long JavaScript takes to read one message, by Polybus and by others, in nanoseconds; one line of JSON.
// As decode.py, whose message it is. GENERATED is what capnp-es made of reading.capnp.
import assert from 'node:assert/strict'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as capnp from 'capnp-es'
import { decode, encode, loadSchema, toObject } from 'polybus'
import protobuf from 'protobufjs'

const { Reading: EsReading } = await import(pathToFileURL(process.argv[3]))
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const calls = 5_000
const value = {
  stampNs: 1_766_000_000_123_456_789n,
  sequence: 42n,
  name: 'front imu',
  x: 0.25,
  y: -9.81,
  z: 1e-3,
  values: Array.from({ length: 16 }, (_, i) => i / 7),
}
// JSON has no 64-bit integers: as strings, the way the bus writes them.
const plain = { ...value, stampNs: String(value.stampNs), sequence: String(value.sequence) }

// One function for each library, as in programs, which use one: else the engine finds none of them predictable.
const fieldsBy = (open) =>
  new Function(
    'open',
    'return () => { const m = open(); return [m.stampNs, m.sequence, m.name, m.x, m.y, m.z, m.values] }',
  )(open)

function polybusReaders() {
  const { Reading } = loadSchema(here('reading.capnp'))
  const frame = encode(Reading, value)
  return { fields: fieldsBy(() => decode(Reading, frame)), whole: () => toObject(decode(Reading, frame)) }
}

function capnpEsReaders() {
  const { Reading } = loadSchema(here('reading.capnp'))
  const frame = encode(Reading, value)
  return { fields: fieldsBy(() => new capnp.Message(frame, false).getRoot(EsReading)) }
}

function jsonReaders() {
  const text = JSON.stringify(plain)
  return { fields: fieldsBy(() => JSON.parse(text)), whole: () => JSON.parse(text) }
}

function protobufReaders() {
  const Reading = protobuf.loadSync(here('reading.proto')).lookupType('Reading')
  const frame = Reading.encode(Reading.fromObject(plain)).finish()
  return { fields: fieldsBy(() => Reading.decode(frame)), whole: () => Reading.toObject(Reading.decode(frame)) }
}

function timeOne(read) {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) read()
  return Number(process.hrtime.bigint() - start) / calls
}

const median = (of) => of.toSorted((a, b) => a - b)[of.length >> 1]

const libraries = {
  'polybus': polybusReaders(),
  'capnp-es': capnpEsReaders(),
  'json': jsonReaders(),
  'protobufjs': protobufReaders(),
}
for (const readers of Object.values(libraries)) {
  const [stamp, sequence, name, x, y, z, values] = readers.fields()
  assert.deepEqual([String(stamp), String(sequence)], [plain.stampNs, plain.sequence])
  assert.deepEqual([name, x, y, z, Array.from(values)], [value.name, value.x, value.y, value.z, value.values])
}
const times = {}
for (let run = 0; run < Number(process.argv[2]); run++)
  for (const [library, readers] of Object.entries(libraries))
    for (const [what, read] of Object.entries(readers)) (times[`${library} ${what}`] ??= []).push(timeOne(read))
console.log(JSON.stringify(Object.fromEntries(Object.entries(times).map(([what, of]) => [what, median(of)]))))
