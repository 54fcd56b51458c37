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
  version,
} = polybus
