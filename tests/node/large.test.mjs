// Messages beyond 2 GiB, in memory that is mapped and nearly nowhere touched.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patience, withBus } from './support.mjs'

process.env.POLYBUS_MEMORY = '64G' // of promises: what is not touched costs nothing

const GiB = 2 ** 30
/** A message of so many bytes, whose first, last and some between are marked with what they are asked for. */
function publishMarked(pub, size, marks) {
  const draft = pub.loan(size)
  for (const at of marks) draft.data[at] = (at % 251) + 1
  draft.publish()
}

function expectMarks(data, size, marks) {
  assert.equal(data.length, size)
  for (const at of marks) assert.equal(data[at], (at % 251) + 1, `byte ${at}`)
}

test('a message of up to 2 GiB is one view wherever it lies', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t', { quota: 8 * GiB })
    const sub = open('b').subscriber('t')
    const size = 2 * GiB - 4096
    const marks = [0, 1, 0.25 * GiB, 0.5 * GiB - 1, GiB, size - 1]
    const before = pub.loan(1.5 * GiB) // so that what follows lies across 2 GiB
    publishMarked(pub, size, marks)
    expectMarks(sub.take().data, size, marks)
    before.discard()
  }),
)

test('a larger message that does not fit into the view it begins in says so, and nothing else suffers', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t', { quota: 8 * GiB })
    const sub = open('b').subscriber('t')
    const before = pub.loan(1.5 * GiB)
    publishMarked(pub, 3 * GiB, [0])
    const sample = sub.take()
    assert.equal(sample.size, 3 * GiB)
    for (const read of [() => sample.data, () => sample.copy()])
      assert.throws(read, { code: 'TOO_LARGE', message: /beyond 2 GiB/ })
    sample.release()
    before.discard()
    pub.publishBytes(Uint8Array.of(1, 2, 3))
    assert.deepEqual([...sub.take().data], [1, 2, 3], 'the subscriber goes on')
  }),
)

test('a message of 3 GiB that begins where a view does is one view', patience, () =>
  withBus(async (bus, open) => {
    const pub = open('a').publisher('t', { quota: 8 * GiB })
    const sub = open('b').subscriber('t')
    const marks = [0, 2 * GiB - 1, 2 * GiB, 3 * GiB - 1]
    publishMarked(pub, 3 * GiB, marks)
    expectMarks(sub.take().data, 3 * GiB, marks)
  }),
)
