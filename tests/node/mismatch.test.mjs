// Who does not fit a topic is told so in full: which field, which types, and which two processes.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BusError, loadSchema } from 'polybus'
import { patience, runNode, withBus } from './support.mjs'

const folder = mkdtempSync(join(tmpdir(), 'polybus-mismatch-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const fileOf = (name, kind) => {
  const path = join(folder, `${name}.capnp`)
  const text = `struct Main { number @0 :UInt32; pose @1 :Pose; struct Pose { x @0 :Float32; y @1 :${kind}; } }`
  writeFileSync(path, `@0xd4f1c2b3a5968779;\n${text}\n`)
  return path
}
const theirs = fileOf('theirs', 'Float64')
const ours = loadSchema(fileOf('ours', 'Text')).Main

const language = `node ${process.versions.node.split('.', 2).join('.')}`

// Another process: what it has is what the newcomers are held against.
const KEEPER = `
import { Node, loadSchema } from 'polybus'
const node = new Node('keeper')
const { Main } = loadSchema(process.argv[1])
const ends = [node.publisher('typed', Main), node.publisher('untyped'), node.subscriber('read', Main)]
process.stdout.write('ready')
for await (const _ of process.stdin);
for (const end of ends) end.close()
await node.close()
`

/** Runs `body(node, us, them)` beside the keeper; the latter two are both processes as a refusal names them. */
const besideAKeeper = (body) =>
  withBus(async (bus, open) => {
    let keeper
    let ended
    await new Promise((resolve, reject) => {
      const onStart = (child) => {
        keeper = child
        child.stdout.once('data', resolve)
      }
      ended = runNode(KEEPER, { bus, args: [theirs], onStart })
      ended.then(({ stderr }) => reject(new Error(`the keeper ended: ${stderr}`)))
    })
    const node = open('newcomer')
    try {
      assert.notEqual(keeper.pid, process.pid)
      await body(
        node,
        `node newcomer (pid ${process.pid}, ${language})`,
        `node keeper (pid ${keeper.pid}, ${language})`,
      )
    } finally {
      keeper.stdin.end()
    }
    const { code, stderr } = await ended
    assert.equal(code, 0, stderr)
  })

const refused = (open, message) =>
  assert.throws(open, (error) => {
    assert.ok(error instanceof BusError)
    assert.equal(error.code, 'SCHEMA_MISMATCH')
    assert.equal(error.message, message)
    return true
  })

test('a publisher of another type is told the field and both processes', patience, () =>
  besideAKeeper((node, us, them) => {
    refused(
      () => node.publisher('typed', ours),
      `topic typed: ours.capnp:Main of this publisher, ${us}, against theirs.capnp:Main of publisher ${them}: ` +
        'pose.y @1: Text here, Float64 there',
    )
    refused(
      () => node.publisher('read', ours),
      `topic read: ours.capnp:Main of this publisher, ${us}, against theirs.capnp:Main of subscriber ${them}: ` +
        'pose.y @1: Text here, Float64 there',
    )
  }),
)

test('a subscriber of another type is told the field and both processes', patience, () =>
  besideAKeeper((node, us, them) =>
    refused(
      () => node.subscriber('typed', ours),
      `topic typed: ours.capnp:Main of this subscriber, ${us}, against theirs.capnp:Main of publisher ${them}: ` +
        'pose.y @1: Text here, Float64 there',
    ),
  ),
)

test('a publisher of bytes does not fit a topic with a type', patience, () =>
  besideAKeeper((node, us, them) => {
    refused(
      () => node.publisher('typed'),
      `topic typed: untyped bytes of this publisher, ${us}, against theirs.capnp:Main of publisher ${them}: ` +
        'no schema here, one there',
    )
    refused(
      () => node.publisher('read'),
      `topic read: untyped bytes of this publisher, ${us}, against theirs.capnp:Main of subscriber ${them}: ` +
        'no schema here, one there',
    )
  }),
)

test('a typed end does not fit a topic of bytes', patience, () =>
  besideAKeeper((node, us, them) => {
    for (const end of ['publisher', 'subscriber']) {
      refused(
        () => node[end]('untyped', ours),
        `topic untyped: ours.capnp:Main of this ${end}, ${us}, against untyped bytes of publisher ${them}: ` +
          'a schema here, none there',
      )
    }
  }),
)

test('who was refused is not there, and keeps nobody who fits away', patience, () =>
  besideAKeeper((node) => {
    for (const schema of [ours, undefined])
      assert.throws(() => node.publisher('typed', schema), { code: 'SCHEMA_MISMATCH' })
    const topic = node.graph().topics.find((one) => one.topic === 'typed')
    assert.equal(topic.publishers.length, 1)
    const { Main } = loadSchema(theirs)
    const pub = node.publisher('typed', Main)
    const sub = node.subscriber('typed')
    pub.publish({ pose: { y: 2.5 } })
    assert.equal(sub.take().msg.pose.y, 2.5)
  }),
)
