import polybus from './index.cjs'

export const {
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
  version,
} = polybus
