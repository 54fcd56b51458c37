// Messages in private memory: wherever they lie in it, and whatever lay there before.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decode, encode } from 'polybus'
import { schemas } from './support.mjs'

const { Everything } = schemas
const written = (text) => encode(Everything, { text, float64s: [text.length, 0.5] })

/** @param {ArrayBuffer} buffer @param {number} offset @param {Uint8Array} frame */
function placed(buffer, offset, frame) {
  const bytes = new Uint8Array(buffer, offset, frame.length)
  bytes.set(frame)
  return bytes
}

function assertReads(message, text) {
  assert.equal(message.text, text)
  assert.deepEqual([...message.float64s], [text.length, 0.5])
}

test('messages of one buffer are each read as themselves, also where others were', () => {
  const buffer = new ArrayBuffer(256 << 10)
  // Apart by what their views might be told by, and one that begins where no number may.
  const texts = { 0: 'first', 2048: 'two thousand and forty-eight', 4096: 'x', 65536: 'far', 70001: 'crooked' }
  const messages = Object.entries(texts).map(([offset, text]) =>
    decode(Everything, placed(buffer, Number(offset), written(text))),
  )
  for (const [i, text] of Object.values(texts).entries()) assertReads(messages[i], text)
  // Another size in the same place, then the first one again.
  assertReads(decode(Everything, placed(buffer, 2048, written('short'))), 'short')
  assertReads(decode(Everything, placed(buffer, 2048, written(texts[2048]))), texts[2048])
  assertReads(messages[0], 'first')
})

test('a message ends where its bytes end, not where its buffer does', () => {
  const buffer = new ArrayBuffer(4096)
  const frame = written('whole')
  placed(buffer, 0, frame)
  assertReads(decode(Everything, new Uint8Array(buffer, 0, frame.length)), 'whole')
  for (const size of [frame.length - 8, frame.length + 8, 8, 0]) {
    assert.throws(() => decode(Everything, new Uint8Array(buffer, 0, size)), { code: 'BAD_MESSAGE' })
  }
})

test('bytes whose buffer was given away are no message', () => {
  const bytes = Uint8Array.from(written('here'))
  assertReads(decode(Everything, bytes), 'here')
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  assert.throws(() => decode(Everything, bytes), { code: 'BAD_MESSAGE' })
})

test('a large buffer does not stay because a message was read from it', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  let gone = false
  const registry = new FinalizationRegistry(() => (gone = true))
  const readOne = () => {
    const buffer = new ArrayBuffer(2 << 20)
    registry.register(buffer, null)
    assertReads(decode(Everything, placed(buffer, 8, written('large'))), 'large')
  }
  readOne()
  for (const begin = performance.now(); !gone; await setImmediate()) {
    assert.ok(performance.now() - begin < 60_000, 'the buffer is still there')
    gc()
  }
})
