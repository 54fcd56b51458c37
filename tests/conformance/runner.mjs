// JavaScript's part of test_conformance.py: `runner.mjs MODE TOPIC SCHEMA CASES`, with the modes of runner.py.
import assert from 'node:assert/strict'
import { readFileSync, writeSync } from 'node:fs'
import { Node, decode, encode, loadSchema, stringify } from 'polybus'

const PATIENCE_MS = 60_000

// As docs/json.md says. JSON.stringify writes -0 as 0, so numbers are written here.
function canonical(value) {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return `"${value}"`
  if (typeof value === 'number') return number(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (ArrayBuffer.isView(value)) return `[${Array.from(value, canonical).join()}]`
  if (typeof value.toObject === 'function') return canonical(value.toObject())
  if (typeof value.toArray === 'function') return canonical(value.toArray())
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
function native(value, types, name = '') {
  if (Array.isArray(value)) return value.map((element) => native(element, types, name))
  if (value !== null && typeof value === 'object') {
    if ('$as' in value) return anyValue(value.$as, value.value, types)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, native(member, types, key)]))
  }
  if (typeof value !== 'string') return value
  if (/^(u?int64|count)/i.test(name)) return BigInt(value)
  if (name.startsWith('float') && /^(NaN|-?Infinity)$/.test(value)) return Number(value)
  if (name.startsWith('data')) return new Uint8Array(Buffer.from(value, 'base64'))
  return value
}

function anyValue(kind, value, types) {
  if (kind === 'Data') return new Uint8Array(Buffer.from(value, 'base64'))
  if (kind === 'Point') return decode(types.Point, encode(types.Point, value))
  if (kind === 'List(Int32)') return decode(types.Everything, encode(types.Everything, { int32s: value })).int32s
  return value
}

// A list of numbers is a typed array, which converts what it is given: only assigning the whole is checked.
const isNumeric = (values) => values.some((value) => typeof value === 'number' || typeof value === 'bigint')
const isPlain = (value) =>
  value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype

function fill(builder, values) {
  for (const [name, value] of Object.entries(values)) {
    if (isPlain(value)) fill(builder.init(name), value)
    else if (Array.isArray(value) && !isNumeric(value)) fillList(builder.init(name, value.length), value)
    else builder[name] = value
  }
}

function fillList(builder, values) {
  values.forEach((value, i) => {
    if (isPlain(value)) fill(builder[i], value)
    else if (Array.isArray(value) && !isNumeric(value)) fillList(builder.init(i, value.length), value)
    else builder[i] = value
  })
}

function at(message, { path, as }, types) {
  let value = message
  for (const [, name, index] of path.matchAll(/([A-Za-z0-9]+(?:\(\))?)|\[(\d+)\]/g)) {
    value = index !== undefined ? value[Number(index)] : name === 'which()' ? value.which() : value[name]
  }
  if (as === undefined) return canonical(value)
  if (as === 'Text') return canonical(value.asText())
  if (as === 'Data') return canonical(value.asData())
  return canonical(as === 'Point' ? value.asStruct(types.Point) : value.asList(as.slice(5, -1)))
}

async function pub(topic, types, lines, name = 'Everything') {
  const publisher = node.publisher(topic, types[name])
  assert(await publisher.waitForSubscribers(1, { timeout: PATIENCE_MS }))
  for (const { how, set } of lines) {
    const values = native(set, types)
    if (how === 'object') {
      publisher.publish(values)
    } else {
      const draft = publisher.loan()
      fill(draft.msg, values)
      draft.publish()
    }
  }
}

async function sub(topic, types, lines) {
  let seen = 0
  for await (const sample of node.subscriber(topic, { queue: 1024, timeout: PATIENCE_MS })) {
    const { get } = lines[seen++]
    const text = canonical(sample.toObject())
    assert.deepEqual(JSON.parse(stringify(sample.msg)), JSON.parse(text))
    writeSync(1, `${text}\t[${get.map((one) => at(sample.msg, one, types)).join()}]\n`)
    if (seen === lines.length) break
  }
  assert.equal(seen, lines.length)
}

function errorOf(write) {
  try {
    write()
  } catch (error) {
    assert.equal(error.code, 'INVALID_ARGUMENT')
    return error.message
  }
  return 'no error'
}

function mistakes(topic, types, lines) {
  const publisher = node.publisher(topic, types.Everything)
  for (const { set } of lines) {
    const draft = publisher.loan()
    const errors = [errorOf(() => publisher.publish(set)), errorOf(() => fill(draft.msg, set))]
    writeSync(1, JSON.stringify(errors) + '\n')
    draft.discard()
  }
}

function constants(_topic, types, names) {
  const values = names.map((name) => {
    let scope = types
    for (const part of name.split('.')) scope = scope[part]
    return `${JSON.stringify(name)}:${canonical(scope)}`
  })
  writeSync(1, `{${values.join()}}\n`)
}

const [mode, topic, schema, cases] = process.argv.slice(2)
const [schemaFile, typeName] = schema.split(':')
const node = new Node(`${mode}-js`)
const lines = readFileSync(cases, 'utf8').split('\n').filter(Boolean)
const modes = { pub, sub, mistakes, constants }
await modes[mode](
  topic,
  loadSchema(schemaFile),
  lines.map((line) => JSON.parse(line)),
  typeName,
)
await node.close()
