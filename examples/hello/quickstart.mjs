import { Node, loadSchema } from 'polybus'

const { Hello } = loadSchema('examples/hello/hello.capnp')
const node = new Node('quickstart')

const hello = node.publisher('hello', Hello, { history: 1 }) // who comes later still gets the last one
hello.publish({ name: 'JavaScript', count: 1 })

for await (const sample of node.subscriber('hello', { timeout: 500 })) {
  console.log(sample.msg.name, sample.msg.count, sample.toObject()) // read in shared memory
}
await node.close()
