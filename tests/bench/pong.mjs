// pong.mjs TRANSPORT NAME BYTES: the answering end of pingpong.py, in Node. Message 0 ends it.
import net from 'node:net'
import { createRequire } from 'node:module'

const [transport, name, size] = process.argv.slice(2)
const bytes = Number(size)

async function polybus() {
  const { Node } = await import('polybus')
  const node = new Node('bench', { bus: name })
  const publisher = node.publisher('bench/pong')
  for await (const sample of node.subscriber('bench/ping')) {
    const number = new DataView(sample.data.buffer, sample.data.byteOffset).getBigUint64(0, true)
    const draft = publisher.loan(bytes)
    new DataView(draft.data.buffer, draft.data.byteOffset).setBigUint64(0, number, true)
    draft.publish(bytes)
    if (number === 0n) break
  }
  await node.close()
}

async function zeromq() {
  const { Pair } = createRequire(import.meta.url)('zeromq')
  const socket = new Pair()
  socket.connect(`ipc:///tmp/polybus-bench-${name}`)
  const answer = Buffer.alloc(bytes)
  for (;;) {
    const [message] = await socket.receive()
    const number = message.readBigUInt64LE(0)
    answer.writeBigUInt64LE(number, 0)
    await socket.send(answer)
    if (number === 0n) break
  }
  socket.close()
}

function unix() {
  const answer = Buffer.alloc(bytes)
  const connect = () => {
    const socket = net.connect(`/tmp/polybus-bench-${name}.sock`)
    socket.on('error', () => setTimeout(connect, 50))
    let pending = []
    let pendingBytes = 0
    socket.on('data', (chunk) => {
      pending.push(chunk)
      pendingBytes += chunk.length
      while (pendingBytes >= bytes) {
        const all = pending.length === 1 ? pending[0] : Buffer.concat(pending)
        const number = all.readBigUInt64LE(0)
        pending = all.length > bytes ? [all.subarray(bytes)] : []
        pendingBytes = all.length - bytes
        answer.writeBigUInt64LE(number, 0)
        socket.write(answer)
        if (number === 0n) socket.end()
      }
    })
  }
  connect()
}

await { polybus, zeromq, unix }[transport]()
