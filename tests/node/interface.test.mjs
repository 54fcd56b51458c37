// Messages of types that have fields of an interface type, which nothing on a bus can carry: the rest of them is read.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { decode, encode, loadSchema } from 'polybus'

const folder = mkdtempSync(join(tmpdir(), 'polybus-interface-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'door.capnp')
writeFileSync(
  path,
  `@0xd4f1c2b3a596877a;
struct Visit { guest @0 :Text; door @1 :Door; doors @2 :List(Door); }
interface Door { open @0 () -> (); }
`,
)
const { Visit } = loadSchema(path)

const NONE = 'a field of an interface type holds a capability, which a message on a bus cannot carry'
const refused = (read, message) =>
  assert.throws(read, (error) => {
    assert.equal(error.code, 'INVALID_ARGUMENT')
    assert.equal(error.message, message)
    return true
  })

// The root's pointer, its three pointers, a text, and a list of one pointer. Both capabilities
// are there, as a program that knows of no bus writes them.
const withCapabilities = new Uint8Array(
  new BigUint64Array([
    0x0000_0006_0000_0000n, // a table of one segment of 6 words
    0x0003_0000_0000_0000n, // the root: no data, three pointers
    0x0000_0022_0000_0009n, // guest: two words on, four bytes
    0x0000_0000_0000_0003n, // door: capability 0
    0x0000_000e_0000_0005n, // doors: one word on, one pointer
    0x0000_0000_0062_6f42n, // "Bob"
    0x0000_0001_0000_0003n, // capability 1
  ]).buffer,
)

test('a field of an interface type is refused by name where it is read, set or not', () => {
  for (const bytes of [encode(Visit, { guest: 'Bob' }), withCapabilities]) {
    const message = decode(Visit, bytes)
    assert.equal(message.guest, 'Bob')
    refused(() => message.door, `door: ${NONE}`)
    refused(() => message.doors, `doors: ${NONE}`)
    assert.equal(message.guest, 'Bob')
  }
})

test('a whole message says of an interface no more than that it is there', () => {
  assert.deepEqual(decode(Visit, encode(Visit, { guest: 'Bob' })).toObject(), { guest: 'Bob' })
  assert.deepEqual(decode(Visit, withCapabilities).toObject(), { guest: 'Bob', door: null, doors: null })
})
