// The package's types. Messages are `any` unless a schema says more: `Schema<Imu>` with an interface of your own (or of
// `bus-cli gen typescript`) types everything that comes from it.

/** What went wrong; the same codes in every language. */
export type Code =
  | 'EMPTY'
  | 'TIMEOUT'
  | 'INVALID_ARGUMENT'
  | 'INVALID_TOPIC'
  | 'NO_BUS'
  | 'DISCONNECTED'
  | 'VERSION_MISMATCH'
  | 'BAD_SCHEMA'
  | 'SCHEMA_MISMATCH'
  | 'BAD_MESSAGE'
  | 'TOO_LARGE'
  | 'NO_MEMORY'
  | 'TOO_MANY_LOANS'
  | 'TOO_MANY_SAMPLES'
  | 'LIMIT'
  | 'EXCLUSIVE'
  | 'PERMISSION'
  | 'CLOSED'
  | 'FORKED'
  | 'IO'
  | 'INTERNAL'

/** The one error that this package throws. */
export class BusError extends Error {
  constructor(code: Code, message: string)
  readonly code: Code
}

/** The library's version. */
export const version: string

// ------------------------------------------------------------------------------------------------------------ schemas

/** The type of a topic's messages, with all it refers to. Nested types are its properties. */
export class Schema<Message = any> {
  private constructor()
  /** From what bundle() gave, here or in another process. */
  static fromBundle<Message = any>(bundle: Uint8Array): Schema<Message>
  /** "imu.capnp:Imu" */
  readonly typeName: string
  /** "Imu" */
  readonly name: string
  /** 64 hexadecimal digits: SHA-256 over what matters on the wire. */
  readonly fingerprint: string
  readonly id: bigint
  /** The schema as bytes: a CodeGeneratorRequest in stream framing. */
  bundle(): Uint8Array
  /** Only for the compiler: what its messages are. */
  readonly [messageType]?: Message
}
declare const messageType: unique symbol

/**
 * What `bus-cli gen typescript` says of a type: what reading gives, what building takes, what is published. An interface of
 * one's own does for all three.
 */
export interface Typed<Reader, Builder, Value> {
  readonly [faces]: { reader: Reader; builder: Builder; value: Value }
}
declare const faces: unique symbol
type IsAny<T> = 0 extends 1 & T ? true : false
export type ReaderOf<Message> =
  IsAny<Message> extends true
    ? any
    : Message extends Typed<infer Reader, any, any>
      ? Reader
      : Message & MessageMethods<Message>
export type BuilderOf<Message> =
  IsAny<Message> extends true
    ? any
    : Message extends Typed<any, infer Builder, any>
      ? Builder
      : Message & BuilderMethods<Message>
export type ValueOf<Message> =
  IsAny<Message> extends true
    ? any
    : Message extends Typed<infer Reader, infer Builder, infer Value>
      ? Value | Reader | Builder
      : Message
export type ObjectOf<Message> = Message extends Typed<any, any, any> ? any : Message

/** A list of a received message that is no typed array. */
export interface List<Element> extends ReadonlyArray<Element> {
  toArray(): Element[]
}
/** A list under construction that is no typed array. Its length is fixed by init(). */
export interface ListBuilder<Element> extends Iterable<Element> {
  [index: number]: any
  readonly length: number
  at(index: number): Element | undefined
  /** Makes the list at `index`, in a list of lists. */
  init(index: number, size: number): Element
}

/** The types of a .capnp file: `loadSchema('imu.capnp').Imu`. A name it does not have is BAD_SCHEMA. */
export interface SchemaFile {
  readonly [type: string]: any
}

/**
 * Parses a .capnp file; there is no generated code.
 * Imports are looked up relative to the file, then in `importPaths`, then in the system's folders.
 * Throws BAD_SCHEMA with file, line and column, or IO.
 * `Types`: what `bus-cli gen typescript` made of the file.
 */
export function loadSchema<Types = SchemaFile>(path: string | URL, options?: { importPaths?: readonly string[] }): Types

// ----------------------------------------------------------------------------------------------------------- messages

/** What every received struct has besides its fields. A field of the same name wins; then use the function. */
export interface MessageMethods<Message = any> {
  /** Name of the active member of the unnamed union; its number if only the writer knows it. */
  which(): string | number
  /** Whether toObject() has this field: set pointers, active union members, all scalars. */
  has(field: string): boolean
  /** A copy as plain values: schema order, active union member only, null pointers left out. */
  toObject(): Message
  /** What JSON.stringify() writes: 64-bit integers as strings, Data as base64. */
  toJSON(): any
}

/** What every struct under construction has besides its fields. */
export interface BuilderMethods<Message = any> {
  which(): string | number
  /** Makes a list of `size` elements, Data of `size` bytes, or a struct, and returns it to be filled in place. */
  init(field: string, size?: number): any
  toObject(): Message
  toJSON(): any
}

/** A message as Cap'n Proto's stream framing, without a bus. */
export function encode<Message = any>(schema: Schema<Message>, value: ValueOf<Message>): Uint8Array
/** A message read where it lies. Throws BAD_MESSAGE, here or where a field is read. */
export function decode<Message = any>(schema: Schema<Message>, bytes: Uint8Array): ReaderOf<Message>
export function which(message: object): string | number
export function has(message: object, field: string): boolean
export function init(message: object, field: string, size?: number): any
export function toObject(message: object): any
/** The JSON text of a message, as `bus-cli echo` prints it: JSON.stringify(message), with -0 as it is. */
export function stringify(message: object): string

/**
 * A field of type AnyPointer that is set (a null one is null): the program knows what lies there, the schema does not. Can be
 * assigned to an AnyPointer of another message, which copies all below it. BAD_MESSAGE if something else lies there.
 */
export class AnyPointer {
  private constructor()
  /** Text and Data are lists too. */
  readonly kind: 'struct' | 'list' | 'capability'
  asStruct<Message = any>(schema: Schema<Message>): ReaderOf<Message>
  /** `element`: a schema for structs, else the name of a type: "Int32", "Text", "List(Float32)". */
  asList(element: Schema | string): any
  asText(): string
  asData(): Uint8Array
}

// -------------------------------------------------------------------------------------------------------------- nodes

export interface NodeOptions {
  /** Default: $POLYBUS_BUS, else `default`. */
  bus?: string
  /** For connecting [ms]; default 5000. */
  timeout?: number
  /** Whether to start a registry where there is none; default: as $POLYBUS_AUTOSTART says. */
  autostart?: boolean
}

export interface PublisherOptions {
  /** Kept values for those who come later, 0 to 64; default 0. */
  history?: number
  /** Refuse a second publisher. */
  exclusive?: boolean
  /** How long publishAsync() waits for subscribers that asked to block [ms]; default: without limit. */
  timeout?: number
  /** Memory of this publisher [bytes]; default 1 GiB. */
  quota?: number | bigint
}

export interface SubscriberOptions<Message = any> {
  /** Messages that may wait, 1 to 1024; default 16. */
  queue?: number
  /** Kept values wanted at the start; default all there are, up to `queue`. */
  history?: number
  /** What happens when the queue is full; default `drop_oldest`. */
  overflow?: 'drop_oldest' | 'block'
  /** Loops end quietly after so long without a message [ms]; default never. */
  timeout?: number
  /** Gets each message, instead of a loop. The sample is released when it returns, or when its promise is settled. */
  onSample?: (sample: Sample<Message>) => unknown
  /** Loops throw its reason; a subscriber with onSample is closed. */
  signal?: AbortSignal
}

export interface WaitOptions {
  /** [ms]; default: without limit. */
  timeout?: number
  signal?: AbortSignal
}

/** A named participant of a bus. Connects at first use. */
export class Node {
  constructor(name: string, options?: NodeOptions)
  readonly name: string
  readonly bus: string
  /** Whether the registry is there. */
  readonly connected: boolean
  readonly closed: boolean
  /** Returns when the topic's subscribers are attached, at most after 1 s. */
  publisher<Message = any>(topic: string, schema: Schema<Message>, options?: PublisherOptions): Publisher<Message>
  publisher(topic: string, options?: PublisherOptions): Publisher
  publisher(topic: string, schema: null | undefined, options?: PublisherOptions): Publisher
  /** Returns when the topic's publishers are attached, at most after 1 s. */
  subscriber<Message = any>(
    topic: string,
    schema: Schema<Message>,
    options?: SubscriberOptions<Message>,
  ): Subscriber<Message>
  subscriber<Message = any>(topic: string, options?: SubscriberOptions<Message>): Subscriber<Message>
  subscriber<Message = any>(
    topic: string,
    schema: null | undefined,
    options?: SubscriberOptions<Message>,
  ): Subscriber<Message>
  /** One named current value of at most `size` bytes (default 64 KiB). */
  region(name: string, options?: { size?: number }): Region
  graph(): Graph
  watch(options?: WaitOptions): Watch
  /** Closes all that came from this node. Held samples stay valid. */
  close(): Promise<void>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

// --------------------------------------------------------------------------------------------------------- publishers

export interface PublisherStats {
  /** Of the last message; 0n: none yet. */
  seq: bigint
  bytes: bigint
  subscribers: number
  loans: number
  memoryBytes: number
  quotaBytes: number
}

export class Publisher<Message = any> {
  private constructor()
  readonly topic: string
  readonly schema: Schema<Message> | null
  readonly stats: PublisherStats
  /** Sends a message and returns its sequence. Never waits: TIMEOUT where a blocking subscriber has no room. */
  publish(value: ValueOf<Message>): bigint
  publishBytes(bytes: Uint8Array): bigint
  /** Waits for room where a subscriber asked to block, without blocking the event loop. */
  publishAsync(value: ValueOf<Message> | Uint8Array, options?: WaitOptions): Promise<bigint>
  /** Memory on loan. Untyped topics: exactly `size` bytes. Typed ones: a hint; default: as the messages before. */
  loan(size?: number): Draft<Message>
  /** False: not in time. */
  waitForSubscribers(count?: number, options?: WaitOptions): Promise<boolean>
  close(): void
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

/** A message being built in shared memory. Published or discarded exactly once; views of it are empty afterwards. */
export class Draft<Message = any> {
  private constructor()
  /** Typed topics: the message; null on untyped ones. */
  readonly msg: BuilderOf<Message>
  /** Untyped topics: the bytes, not zeroed; null on typed ones. */
  readonly data: Uint8Array
  /** `size`: bytes filled, on untyped topics. */
  publish(size?: number): bigint
  discard(): void
  /** Discards what was not published. */
  [Symbol.dispose](): void
}

// -------------------------------------------------------------------------------------------------------- subscribers

export interface SubscriberStats {
  taken: bigint
  lost: bigint
  /** Waiting to be taken. */
  queued: number
  /** Samples this program holds; at most 1024. */
  held: number
  publishers: number
}

export class Subscriber<Message = any> implements AsyncIterable<Sample<Message>> {
  private constructor()
  readonly topic: string
  /** The schema given, else the topic's; null on untyped topics and before the first publisher. */
  readonly schema: Schema<Message> | null
  readonly lost: bigint
  readonly stats: SubscriberStats
  /** The oldest message that has arrived, or null; never waits. To be released. */
  take(): Sample<Message> | null
  /** The newest message that has arrived, taken or not; consumes nothing. To be released. */
  latest(): Sample<Message> | null
  /** Until there is something to take. False: not in time. */
  wait(options?: WaitOptions): Promise<boolean>
  /** Waiting keeps the process alive, as a socket does; unref() lets go. */
  ref(): this
  unref(): this
  /** Loops end. Held samples stay valid. */
  close(): void
  /** Each sample is released when the loop's body ends, unless it was retained. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Sample<Message>>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

/** A received message. It holds its memory until it is released; access afterwards throws CLOSED. */
export class Sample<Message = any> {
  private constructor()
  readonly topic: string
  readonly seq: bigint
  /** 64 random bits that name the publisher. */
  readonly publisherId: bigint
  /** CLOCK_REALTIME [ns]. */
  readonly publishedNs: bigint
  /** From publish to take, on the monotonic clock [ns]. */
  readonly latencyNs: number
  /** Process that published it. */
  readonly pid: number
  /** Payload bytes. */
  readonly size: number
  readonly released: boolean
  /** The whole payload, in shared memory. Writing to it harms nobody, and shows nobody anything. */
  readonly data: Uint8Array
  /** The message, read where it lies; null on untyped topics. */
  readonly msg: ReaderOf<Message>
  toObject(): ObjectOf<Message>
  toJSON(): any
  /** The payload in memory of one's own. */
  copy(): Uint8Array
  /** Keeps it beyond its loop's body or callback, until release(). */
  retain(): this
  release(): void
  [Symbol.dispose](): void
}

// ------------------------------------------------------------------------------------------------- regions, the graph

/** One named current value: readers get the newest whole one and never block the writer. It outlives its writer. */
export class Region {
  private constructor()
  readonly name: string
  write(bytes: Uint8Array): void
  /** A copy; null before the first write. */
  read(): Uint8Array | null
  close(): void
  [Symbol.dispose](): void
}

/** docs/graph.md; what has 64 bits is a bigint here. */
export interface Graph {
  bus: string
  busd_pid: number
  nodes: { node: string; pid: number; language: string }[]
  topics: GraphTopic[]
  connections: { publisher: bigint; subscriber: bigint }[]
}
export interface GraphTopic {
  topic: string
  type: string | null
  fingerprint: string | null
  kept: number
  publishers: GraphPublisher[]
  subscribers: GraphSubscriber[]
}
export interface GraphEnd {
  node: string
  pid: number
  language: string
  id: bigint
  bytes: bigint
  last_ns: bigint
}
export interface GraphPublisher extends GraphEnd {
  history: number
  exclusive: boolean
  seq: bigint
  loans: number
  memory_bytes: number
  quota_bytes: number
  subscribers: number
}
export interface GraphSubscriber extends GraphEnd {
  queue: number
  overflow: 'drop_oldest' | 'block'
  taken: bigint
  lost: bigint
  level: number
  held: number
  publishers: number
}

export interface GraphEvent {
  event:
    | 'publisher_added'
    | 'publisher_removed'
    | 'subscriber_added'
    | 'subscriber_removed'
    | 'node_added'
    | 'node_removed'
    | 'registry_lost'
    | 'registry_back'
    | 'events_lost'
  topic?: string
  node?: string
  type?: string
  pid?: number
}

export class Watch implements AsyncIterable<GraphEvent> {
  private constructor()
  ref(): this
  unref(): this
  close(): void
  /** Leaving the loop closes the watch. */
  [Symbol.asyncIterator](): AsyncIterableIterator<GraphEvent>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}
