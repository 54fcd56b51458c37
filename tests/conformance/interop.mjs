// JavaScript's part of test_interoperability.py: `interop.mjs FRAME SCHEMA…` loads all types of all schemas, and prints how many there are
// and the CodeGeneratorRequest in FRAME as JSON.
import { readFileSync } from 'node:fs'
import { Schema, decode, encode, loadSchema, stringify } from 'polybus'

const [frame, ...files] = process.argv.slice(2)
let count = 0
function visit(scope) {
  for (const name of Object.keys(scope)) {
    const type = scope[name]
    if (type instanceof Schema) {
      ++count
      decode(type, encode(type, decode(type, encode(type, {})).toObject()))
    }
    if (typeof type === 'object' && /^[A-Z]/.test(name)) visit(type)
  }
}
for (const file of files) visit(loadSchema(file))
const { CodeGeneratorRequest } = loadSchema(files.find((file) => file.endsWith('/schema.capnp')))
console.log(count)
console.log(stringify(decode(CodeGeneratorRequest, readFileSync(frame))))
