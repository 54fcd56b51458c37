// A message is bounded, reading it is not: what is read again and again runs into no limit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from 'polybus'
import { patience, schemas, withBus } from './support.mjs'

const { Everything } = schemas
const TIMES = 200_000
const values = {
  text: 't'.repeat(1000),
  int32s: Array.from({ length: 500 }, (_, i) => i),
  texts: ['', 'n'.repeat(1000)],
  points: Array.from({ length: 50 }, (_, i) => ({ x: i, y: -i, name: `p${i}` })),
  point: { x: 2.5, name: 'here' },
  shape: { square: { side: 2, name: 'sq' } },
}

// More than 4 kB each time, 800 MB together: Cap'n Proto's own limit is 64 MiB a message.
function readAgainAndAgain(message) {
  for (let i = 0; i < TIMES; ++i) {
    const { text, int32s, texts, points, point, shape } = message
    if (
      text.length !== 1000 ||
      int32s[499] !== 499 ||
      texts.at(1).length !== 1000 ||
      points.at(49).name !== 'p49' ||
      point.x !== 2.5 ||
      shape.square.name !== 'sq'
    ) {
      assert.fail(`read for the ${i}th time it is another message`)
    }
  }
}

test('bytes that were decoded may be read without end', patience, () => {
  const message = decode(Everything, encode(Everything, values))
  readAgainAndAgain(message)
  assert.deepEqual(message.toObject().points, values.points)
})

test('a message from the bus may be read without end', patience, () =>
  withBus(async (bus, open) => {
    const node = open('n')
    const pub = node.publisher('t', Everything)
    const sub = node.subscriber('t')
    pub.publish(values)
    const sample = sub.take()
    readAgainAndAgain(sample.msg)
    for (let i = 0; i < TIMES; ++i) if (sample.msg.point.name !== 'here') assert.fail(`the ${i}th`)
    assert.equal(sample.msg.text, values.text)
  }),
)
