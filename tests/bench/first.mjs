// first.mjs BUS: from nothing to the first message taken: starts busd, connects, publishes and takes. The caller times it.
import { Node } from 'polybus'

const node = new Node('first', { bus: process.argv[2] })
const publisher = node.publisher('bench/first')
const subscriber = node.subscriber('bench/first')
publisher.publishBytes(Buffer.from('first'))
process.exitCode = subscriber.take() ? 0 : 1
await node.close()
