// JavaScript's part: for each line "TOPIC SCHEMA" of standard input, what a subscriber (`refused.mjs
// publisher`: a publisher) with that file's Main is told.
import { readFileSync, writeSync } from 'node:fs'
import { Node, loadSchema } from 'polybus'

const node = new Node('refused')
for (const line of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const [topic, path] = line.split(' ')
  try {
    node[process.argv[2]](topic, loadSchema(path).Main).close()
    writeSync(1, 'fits\n')
  } catch (error) {
    writeSync(1, `${error.code} ${error.message}\n`)
  }
}
await node.close()
