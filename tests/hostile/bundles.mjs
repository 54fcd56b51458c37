// Loads damaged schema bundles: `bundles.mjs SCHEMA COUNT SEED`. As bundles.py; see run.py.
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { BusError, Schema, decode, encode, loadSchema } from 'polybus'
import { damages } from './damage.mjs'

const [schema, countText, seedText] = process.argv.slice(2)
const count = Number(countText)
const type = loadSchema(schema).Everything
const { damaged } = damages(Number(seedText))
const bundles = [Uint8Array.from(type.bundle())]
const frame = encode(type, { name: 'whole' })

let loaded = 0
let errors = 0
function attempt(read, codes) {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof BusError) || !codes.includes(error.code)) throw error
    ++errors
    return null
  }
}

for (let i = 0; i < count; ++i) {
  if (i % 100 === 0) await setImmediate() // Node.js gives native memory back between turns of the loop only
  const damagedType = attempt(() => Schema.fromBundle(damaged(bundles)), ['BAD_SCHEMA'])
  if (damagedType === null) continue
  ++loaded
  attempt(() => decode(damagedType, frame).toObject(), ['BAD_MESSAGE', 'BAD_SCHEMA'])
}
console.log(`${count} bundles: ${loaded} loaded, ${errors} errors`)
assert.ok(loaded > 0)
assert.ok(errors > 0)
