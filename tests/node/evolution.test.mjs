// Programs that know a topic's messages by different versions of the schema.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSchema } from 'polybus'
import { patience, withBus } from './support.mjs'

const soon = { timeout: 20_000 }
const folder = mkdtempSync(join(tmpdir(), 'polybus-evolution-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const load = (name, fields) => {
  const path = join(folder, `${name}.capnp`)
  writeFileSync(path, `@0xd4f1c2b3a5968774;\nstruct Main { ${fields} }\n`)
  return loadSchema(path).Main
}
const older = load('older', 'number @0 :UInt32; names @1 :List(Text);')
const newer = load('newer', 'number @0 :UInt32; names @1 :List(Text); level @2 :Int32 = 7; note @3 :Text;')

test('a newer reader finds defaults for what an older writer does not know', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t', older)
    const sub = node.subscriber('t', newer)
    pub.publish({ number: 3, names: ['a'] })
    assert.equal(await sub.wait(soon), true)
    assert.deepEqual(sub.take().toObject(), { number: 3, names: ['a'], level: 7 })
  }),
)

test('an older reader sees of a newer writer what it knows', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const sub = node.subscriber('t', older)
    const pub = node.publisher('t', newer)
    pub.publish({ number: 4, level: 1, note: 'unheard of' })
    assert.equal(await sub.wait(soon), true)
    assert.deepEqual(sub.take().toObject(), { number: 4 })
  }),
)

test('a reader without a schema reads each message by its writers', patience, () =>
  withBus(async (bus, open) => {
    const sub = open('reader').subscriber('t')
    const [one, two] = [open('one').publisher('t', older), open('two').publisher('t', newer)]
    two.publish({ note: 'new' })
    assert.equal(await sub.wait(soon), true)
    assert.equal(sub.take().msg.note, 'new')
    one.publish({ number: 6 })
    assert.equal(await sub.wait(soon), true)
    assert.deepEqual(sub.take().toObject(), { number: 6 })
  }),
)
