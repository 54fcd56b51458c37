// Bytes that are no message, or none of the type: BAD_MESSAGE or values, within bounds, and never a write.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BusError, decode, encode } from 'polybus'
import { coreJson, patience, schemas } from './support.mjs'

const { Everything } = schemas

/** A message from words, each given as [low, high]. */
function words(...pairs) {
  const bytes = new Uint8Array(8 * pairs.length)
  const view = new DataView(bytes.buffer)
  pairs.forEach(([low, high], i) => {
    view.setUint32(8 * i, low >>> 0, true)
    view.setUint32(8 * i + 4, high >>> 0, true)
  })
  return bytes
}
const struct = (offset, data, pointers) => [(offset << 2) | 0, data | (pointers << 16)]
const list = (offset, size, count) => [(offset << 2) | 1, size | (count << 3)]
const far = (word, segment, isDouble = false) => [(word << 3) | (isDouble ? 4 : 0) | 2, segment]

const isBad = { name: 'BusError', code: 'BAD_MESSAGE' }

test('bytes that are no frame are refused', () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(8),
    new Uint8Array(23),
    words([0, 5], [0, 0]), // cut off
    words([0, 1], [0, 0], [0, 0]), // something behind it
    words([0, 0], [0, 0]), // no root pointer
    words([0xffffffff, 1], [0, 0]), // 2^32 segments
    words([600, 1], [0, 0]),
    words([1, 1], [1, 0]),
    words([0, 2], list(0, 2, 8), [0, 0]), // a list at the root
    words([0, 1], struct(0, 1, 0)), // a root that leads out
    words([0, 1], struct(-9, 1, 0)),
    words([0, 1], [3, 0]), // a capability
  ]) {
    assert.throws(() => decode(Everything, bytes).toObject(), isBad)
  }
  assert.throws(() => decode(Everything, 'text'), { code: 'INVALID_ARGUMENT' })
})

test('a null root reads as all defaults', () => {
  assert.equal(decode(Everything, words([0, 1], [0, 0])).int8, -7)
})

test('far pointers, single and double, lead to what they name', () => {
  const [low, high] = new Uint32Array(new TextEncoder().encode('far off\0').buffer)
  const text = [low, high]
  const single = words([1, 2], [2, 0], struct(0, 0, 1), far(0, 1), list(0, 2, 8), text)
  assert.equal(decode(schemas.Point, single).name, 'far off')
  const double = words([2, 2], [2, 1], struct(0, 0, 1), far(0, 1, true), far(0, 2), list(0, 2, 8), text)
  assert.equal(decode(schemas.Point, double).name, 'far off')
  assert.equal(coreJson(schemas.Point, double).name, 'far off')
})

test('far pointers that lead nowhere are refused', () => {
  for (const pointer of [far(0, 7), far(9, 0), far(1, 0, true), far(0, 0xffffffff)]) {
    assert.throws(() => decode(schemas.Chain, words([0, 2], struct(0, 0, 1), pointer)).next, isBad)
  }
})

test('far pointers to far pointers are refused', () => {
  const { Chain } = schemas
  assert.throws(() => decode(Chain, words([0, 3], struct(0, 0, 1), far(2, 0), far(1, 0))).next, isBad)
})

test('pointers that lead out, and others than expected, are refused', () => {
  const { Chain, Hail } = schemas
  for (const pointer of [struct(1, 1, 0), struct(0, 0xffff, 0xffff), struct(-100, 0, 1), list(0, 2, 4), [3, 0]]) {
    assert.throws(() => decode(Chain, words([0, 2], struct(0, 0, 1), pointer)).next, isBad)
  }
  for (const pointer of [
    list(0, 2, 4),
    list(0, 1, 0x1fffffff),
    list(0, 7, 0x1fffffff),
    struct(0, 0, 1),
    list(-3, 7, 1),
  ]) {
    assert.throws(() => [...decode(Hail, words([0, 2], struct(0, 0, 1), pointer)).hail].map((s) => s.toObject()), isBad)
  }
})

test('a text without its zero byte is refused', () => {
  const bytes = encode(schemas.Point, { name: 'abcdefg' })
  bytes[bytes.length - 1] = 65
  assert.throws(() => decode(schemas.Point, bytes).name, isBad)
})

test('lists that claim half a billion elements without size cost nothing', () => {
  const { Hail } = schemas
  const claimed = words([0, 3], struct(0, 0, 1), list(0, 7, 0), struct(0x1fffffff, 0, 0))
  const start = process.cpuUsage()
  assert.throws(() => decode(Hail, claimed).hail.length, isBad)
  assert.throws(() => decode(Hail, claimed).toObject(), isBad)
  assert(process.cpuUsage(start).user < 5e6)
})

test('pointers that all lead to one list do not blow a message up', () => {
  // A list of 4000 texts, and one of 32 KiB.
  const count = 4000
  const bytes = encode(Everything, { texts: Array(count).fill(''), text: 'x'.repeat(32768) })
  const view = new DataView(bytes.buffer)
  const at = bytes.indexOf(120) // where the text begins
  // Every element that lies in the same segment is made to point at the text.
  let patched = 0
  for (let position = 16; position + 8 <= bytes.length && patched < count; position += 8) {
    const low = view.getInt32(position, true)
    const high = view.getUint32(position + 4, true)
    if ((low & 3) !== 1 || high !== (2 | (1 << 3))) continue
    view.setInt32(position, 1 | (((at - position - 8) / 8) << 2), true)
    view.setUint32(position + 4, 2 | (32769 << 3), true)
    ++patched
  }
  assert(patched > 0)
  assert.throws(() => decode(Everything, bytes).toObject(), isBad)
})

test('a message that contains itself ends', () => {
  assert.throws(() => decode(schemas.Chain, words([0, 2], struct(0, 0, 1), struct(-1, 0, 1))).toObject(), isBad)
})

/** Reproducible random numbers. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const rich = {
  text: 'some text', data: new Uint8Array(40), point: { x: 1, name: 'n' }, int8s: [1, 2, 3], int64s: [1n, 2n], float32s: [1, 2],
  bools: [true, false], levels: ['info'], texts: ['a', 'bb'], datas: [new Uint8Array(3)], points: [{ x: 1 }, { name: 'z' }],
  matrix: [[1], [2, 3]], grid: [[{ x: 3 }]], empties: [{}, {}], place: { label: 'l' }, where: { y: 1 }, shape: { square: { name: 's' } },
  self: { word: 'inner', points: [{ x: 5 }] },
} // prettier-ignore

test(
  'random changes of a message give BAD_MESSAGE or values, never another error, and nothing is written',
  patience,
  () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    const next = random(seed)
    const below = (n) => Math.floor(next() * n)
    const flat = encode(Everything, rich)
    const grown = encode(Everything, {
      ...rich,
      float64s: new Float64Array(700),
      self: { ...rich.self, data: new Uint8Array(6000) },
    })
    let good = 0
    for (let round = 0; round < 20_000; ++round) {
      const bytes = (round % 8 === 0 ? grown : flat).slice()
      for (let change = 1 + below(4); change > 0; --change)
        bytes[below(Math.min(bytes.length, 1200))] = next() < 0.5 ? below(256) : 1 << below(8)
      const before = bytes.slice()
      try {
        const msg = decode(Everything, bytes)
        msg.toObject()
        JSON.stringify(msg)
        ++good
      } catch (error) {
        assert(
          error instanceof BusError && error.code === 'BAD_MESSAGE',
          `seed ${seed}, round ${round}: ${error.stack ?? error}`,
        )
      }
      assert.equal(Buffer.compare(bytes, before), 0, `seed ${seed}, round ${round}: reading wrote`)
    }
    assert(good > 1000, `seed ${seed}: only ${good} of 20000 could be read`)
  },
)

test('where both read a changed message, the core and this package read the same', patience, () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  const next = random(seed)
  const flat = encode(Everything, rich)
  let compared = 0
  for (let round = 0; round < 4000; ++round) {
    const bytes = flat.slice()
    bytes[16 + Math.floor(next() * (bytes.length - 16))] ^= 1 << Math.floor(next() * 8)
    let ours, core
    try {
      ours = decode(Everything, bytes).toJSON()
      core = coreJson(Everything, bytes)
    } catch {
      continue
    }
    assert.deepEqual(ours, core, `seed ${seed}, round ${round}`)
    ++compared
  }
  assert(compared > 500)
})
