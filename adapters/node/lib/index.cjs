// The package. Its one copy of everything is here; `import` goes through index.js to the same.
'use strict'

const addon = require('./addon.cjs')
const { Draft } = require('./bus/draft.cjs')
const { Node } = require('./bus/node.cjs')
const { Publisher } = require('./bus/publisher.cjs')
const { Region } = require('./bus/region.cjs')
const { Sample } = require('./bus/sample.cjs')
const { Subscriber } = require('./bus/subscriber.cjs')
const { Watch } = require('./bus/watch.cjs')
const { BusError } = require('./errors.cjs')
const { decode, encode, has, init, stringify, toObject, which } = require('./functions.cjs')
const { AnyPointer } = require('./message/any.cjs')
const { Schema, loadSchema } = require('./schema/schema.cjs')

module.exports = {
  Node,
  Publisher,
  Subscriber,
  Draft,
  Sample,
  Region,
  Watch,
  Schema,
  AnyPointer,
  BusError,
  loadSchema,
  encode,
  decode,
  which,
  has,
  init,
  toObject,
  stringify,
  version: addon.version,
}
