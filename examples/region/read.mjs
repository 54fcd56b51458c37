// Prints the current value of a region. Usage: read.mjs [NAME]
import { Node } from 'polybus'

const node = new Node('region-reader-node')
const name = process.argv[2] ?? 'settings'
const value = node.region(name, { size: 4096 }).read()
console.log(value === null ? `(nobody has written to ${name} yet)` : Buffer.from(value).toString())
process.exitCode = value === null ? 1 : 0
await node.close()
