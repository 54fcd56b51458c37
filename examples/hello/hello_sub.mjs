// Prints every hello, whatever language it comes from. The schema comes with the topic.
import { Node } from 'polybus'

const node = new Node('hello-listener-node')
for await (const sample of node.subscriber('hello')) {
  console.log(`hello from ${sample.msg.name}, number ${sample.msg.count}`)
}
