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
const { decode, encode, has, init, toObject, which } = require('./functions.cjs')
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
  BusError,
  loadSchema,
  encode,
  decode,
  which,
  has,
  init,
  toObject,
  version: addon.version,
}
