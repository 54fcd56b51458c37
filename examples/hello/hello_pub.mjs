// Says hello once a second. Start hello_sub, in any language, in a second terminal; nothing else has to run.
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Node, loadSchema } from 'polybus'

const { Hello } = loadSchema(fileURLToPath(new URL('hello.capnp', import.meta.url)))
const node = new Node('hello-node')
const hello = node.publisher('hello', Hello, { history: 1 }) // who comes later still gets the last one
for (let count = 1; ; count += 1) {
  hello.publish({ name: 'JavaScript', count })
  await setTimeout(1000)
}
