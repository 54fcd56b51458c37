// What src/*.cc exports: the C interface as functions, to be called with checked arguments only.

declare const kind: unique symbol
interface Handle<Name extends string> {
  readonly [kind]: Name
}
export type NativeSchema = Handle<'schema'>
export type NativeNode = Handle<'node'>
export type NativePublisher = Handle<'publisher'>
export type NativeDraft = Handle<'draft'>
export type NativeSubscriber = Handle<'subscriber'>
export type NativeRegion = Handle<'region'>
export type NativeWatch = Handle<'watch'>
export type NativePoll = Handle<'poll'>
export type NativeWait = Handle<'wait'>

export interface FieldTable {
  name: string
  kind: number
  listDepth: number
  index: number
  isGroup: boolean
  discriminant: number
  bitOffset: number
  pointerIndex: number
  defaultBits: bigint
  defaultFrame: Uint8Array | null
}
export interface StructTable {
  name: string
  id: bigint
  unionFieldCount: number
  unionBitOffset: number
  dataWords: number
  pointerCount: number
  isGroup: boolean
  fields: FieldTable[]
}
export interface EnumTable {
  name: string
  enumerants: string[]
}
export interface Tables {
  structs: StructTable[]
  enums: EnumTable[]
}

export interface Addon {
  version: string
  abiVersion: number
  initialize(error: Function): void
  scratch(size: number): ArrayBuffer

  schemaParse(path: string, importPaths: string[]): [string, NativeSchema | null, NativeSchema | null][]
  schemaFromBundle(bundle: Uint8Array): NativeSchema
  schemaBundle(schema: NativeSchema): Uint8Array
  schemaInfo(schema: NativeSchema): { typeName: string; fingerprint: string; prefix: bigint; id: bigint }
  schemaTables(schema: NativeSchema): Tables
  schemaMessageJson(schema: NativeSchema, message: Uint8Array): string

  nodeOpen(name: string, bus: string | undefined, timeout: number, autostart: number, language: string): NativeNode
  nodeClose(node: NativeNode): void
  nodeBus(node: NativeNode): string
  nodeConnected(node: NativeNode): boolean
  nodeGraph(node: NativeNode): string

  publisherOpen(
    node: NativeNode,
    topic: string,
    schema: NativeSchema | null,
    history: number,
    exclusive: boolean,
    quota: number | undefined,
  ): NativePublisher
  publisherClose(publisher: NativePublisher): void
  publisherPublish(publisher: NativePublisher, bytes: Uint8Array): bigint
  publisherPublishScratch(publisher: NativePublisher, size: number): bigint
  publisherStats(publisher: NativePublisher): import('./index.cjs').PublisherStats

  draftLoan(publisher: NativePublisher, size: number): { draft: NativeDraft; buffer: ArrayBuffer }
  draftPublish(draft: NativeDraft, size: number): bigint
  draftDiscard(draft: NativeDraft): void
  draftPublishAsync(
    publisher: NativePublisher,
    draft: NativeDraft,
    size: number,
    timeout: number,
  ): { promise: Promise<bigint | null>; wait: NativeWait }
  waitForSubscribers(
    publisher: NativePublisher,
    count: number,
    timeout: number,
  ): { promise: Promise<boolean>; wait: NativeWait }
  waitCancel(wait: NativeWait): void

  subscriberOpen(
    node: NativeNode,
    topic: string,
    schema: NativeSchema | null,
    queue: number,
    history: number,
    blocks: boolean,
  ): NativeSubscriber
  subscriberClose(subscriber: NativeSubscriber): void
  subscriberTake(subscriber: NativeSubscriber): boolean
  subscriberTakeMany(subscriber: NativeSubscriber): number
  subscriberLatest(subscriber: NativeSubscriber): boolean
  subscriberSchema(subscriber: NativeSubscriber): NativeSchema | null
  subscriberStats(subscriber: NativeSubscriber): import('./index.cjs').SubscriberStats

  records(): ArrayBuffer
  sampleRelease(slot: number): void
  sampleMemory(slot: number): { buffer: ArrayBuffer; begin: number }
  sampleSchema(slot: number): NativeSchema | null
  dropLeftMemory(): number[]
  addressOf(memory: ArrayBuffer | Uint8Array): bigint

  regionCreate(node: NativeNode, name: string, size: number): NativeRegion
  regionClose(region: NativeRegion): void
  regionWrite(region: NativeRegion, bytes: Uint8Array): void
  regionRead(region: NativeRegion): Uint8Array | null

  watchOpen(node: NativeNode): NativeWatch
  watchClose(watch: NativeWatch): void
  watchNext(watch: NativeWatch): string | null

  pollSubscriber(subscriber: NativeSubscriber, callback: () => void, resource: object): NativePoll
  pollWatch(watch: NativeWatch, callback: () => void, resource: object): NativePoll
  pollStart(poll: NativePoll): void
  pollStop(poll: NativePoll): void
  pollRef(poll: NativePoll, wanted: boolean): void
  pollClose(poll: NativePoll): void
}
