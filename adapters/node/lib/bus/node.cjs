// Nodes: a participant of a bus, and where publishers, subscribers and the rest come from.
'use strict'

const addon = require('../addon.cjs')
const { closed, invalid } = require('../errors.cjs')
const { boolean, describe, milliseconds, readOptions, string } = require('../options.cjs')
const { Schema } = require('../schema/schema.cjs')
const { dropLeftMemory } = require('./memories.cjs')
const { Publisher } = require('./publisher.cjs')
const { Region } = require('./region.cjs')
const { Subscriber } = require('./subscriber.cjs')
const { Watch, parseGraph } = require('./watch.cjs')

const TIMEOUT_DEFAULT_MS = 5000
const [major, minor] = process.versions.node.split('.')
const LANGUAGE = `node ${major}.${minor}`

class Node {
  /** @type {import('../native.cjs').NativeNode | null} */ #native = null
  #name
  #bus
  #timeout
  #autostart
  #isClosed = false
  /** @type {Set<WeakRef<{ close(): void }>>} What is to be closed with the node, if it is still there. */ #ends =
    new Set()
  #endsMax = 64

  /**
   * Connects at first use.
   *
   * @param {string} name
   * @param {{ bus?: string, timeout?: number, autostart?: boolean }} [options]
   */
  constructor(name, options) {
    const given = readOptions('Node', options, { bus: undefined, timeout: TIMEOUT_DEFAULT_MS, autostart: undefined })
    this.#name = string('name', name)
    this.#bus = given.bus === undefined ? undefined : string('bus', given.bus)
    this.#timeout = milliseconds('timeout', given.timeout)
    this.#autostart = given.autostart === undefined ? -1 : boolean('autostart', given.autostart) ? 1 : 0
  }

  get name() {
    return this.#name
  }
  /** The bus's name, from the environment where none was given. */
  get bus() {
    return addon.nodeBus(this.#open())
  }
  /** Whether the registry is there; data keeps flowing where it can while it is away. */
  get connected() {
    return this.#native !== null && addon.nodeConnected(this.#native)
  }
  get closed() {
    return this.#isClosed
  }
  /**
   * @param {string} topic
   * @param {any} [schema] without one the topic is untyped
   * @param {any} [options]
   */
  publisher(topic, schema, options) {
    const given = this.#endArguments(topic, schema, options)
    return this.#keep(new Publisher(this.#open(), topic, given.schema, given.options, this.#forget))
  }
  /**
   * @param {string} topic
   * @param {any} [schema] without one the topic's own, whatever it is
   * @param {any} [options]
   */
  subscriber(topic, schema, options) {
    const given = this.#endArguments(topic, schema, options)
    return this.#keep(new Subscriber(this.#open(), topic, given.schema, given.options, this.#forget))
  }
  /**
   * @param {string} name
   * @param {{ size?: number }} [options]
   */
  region(name, options) {
    string('name', name)
    return this.#keep(new Region(this.#open(), name, options, this.#forget))
  }
  /** Nodes, topics, their ends and connections, with counters. @returns {any} */
  graph() {
    return parseGraph(addon.nodeGraph(this.#open()))
  }
  /**
   * What comes and goes from now on.
   *
   * @param {{ timeout?: number, signal?: AbortSignal }} [options]
   */
  watch(options) {
    return this.#keep(new Watch(this.#open(), options, this.#forget))
  }
  /** Closes all that came from this node. Held samples stay valid. */
  async close() {
    this.#isClosed = true
    for (const end of [...this.#ends]) end.deref()?.close()
    this.#ends.clear()
    const native = this.#native
    this.#native = null
    if (native === null) return
    addon.nodeClose(native)
    dropLeftMemory()
  }
  [Symbol.dispose]() {
    void this.close() // synchronous, but for its promise
  }
  async [Symbol.asyncDispose]() {
    await this.close()
  }

  #open() {
    if (this.#isClosed) throw closed(`node ${this.#name} is closed`)
    return (this.#native ??= addon.nodeOpen(this.#name, this.#bus, this.#timeout, this.#autostart, LANGUAGE))
  }
  /** @param {unknown} topic @param {unknown} schema @param {unknown} options */
  #endArguments(topic, schema, options) {
    string('topic', topic)
    if (schema === undefined || schema === null || schema instanceof Schema) {
      return { schema: schema ?? null, options: /** @type {object | undefined} */ (options) }
    }
    if (typeof schema === 'object' && options === undefined && Object.getPrototypeOf(schema) === Object.prototype) {
      return { schema: null, options: schema }
    }
    throw invalid(`schema: expected a Schema, as loadSchema('…').Type is one, got ${describe(schema)}`)
  }
  /**
   * @template {{ close(): void }} End
   * @param {End} end
   */
  #keep(end) {
    if (this.#ends.size >= this.#endsMax) {
      for (const known of this.#ends) if (known.deref() === undefined) this.#ends.delete(known)
      this.#endsMax = Math.max(64, 2 * this.#ends.size)
    }
    this.#ends.add(new WeakRef(end))
    return end
  }
  /** @param {{ close(): void }} end */
  #forget = (end) => {
    for (const known of this.#ends) if (known.deref() === end) this.#ends.delete(known)
  }
}

module.exports = { Node }
