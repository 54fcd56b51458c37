// A program on the bus that publishes, takes and checks, and may be killed at any moment: `bus-cli chaos` runs it.
//
// The layout of the memory shared with bus-cli is board.hpp's, the words of a message are message.hpp's; what worker.cpp
// does, this does in JavaScript. It waits for the number of its slot first.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { createRequire } = require('node:module')

// The package where the user stands, as a program there would find it; else where NODE_PATH says.
function loadPolybus() {
  try {
    return createRequire(path.join(process.cwd(), 'chaos.cjs'))('polybus')
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
    return require('polybus')
  }
}

const { Node } = loadPolybus()

const BOARD_FD = 3
const PAGE = 4096
const DEEDS = 512 // where a worker's own part of its page begins
const TOPICS = ['chaos/plain', 'chaos/kept', 'chaos/grown', 'chaos/blocked']
const [PLAIN, KEPT, GROWN, BLOCKED] = [0, 1, 2, 3]
const KEPT_VALUES = 8
const PLAIN_QUOTA_BYTES = 16 << 20
const WHOLE_LOAN_BYTES = PLAIN_QUOTA_BYTES - 4096
const BURST_MESSAGES = 24
const [STORM, DRAIN, BURST, LAST, ROOM, LEAVE] = [0, 2, 3, 4, 5, 6]
const [JOINING, OPENING, READY, CLOSING] = [1, 2, 3, 4]
const [PID, STEP, TURNS, DONE, REFUSALS, ROOM_FOUND] = [0, 1, 2, 3, 4, 5]
const [PUBLISHED, RECEIVED, LOST, SUBSCRIBERS, PUBLISHERS] = [6, 10, 14, 18, 22]
const FIGURES = 26
const COMPLAINT = FIGURES * 8
const COMPLAINT_BYTES = 512
const SABOTAGE = { corrupt: 1n, reorder: 2n, lose: 3n, hang: 4n, fds: 5n, hold: 6n, exit: 7n }
const SABOTAGE_AFTER = 50
const TAKES_PER_TURN = 64
const PUBLISHERS_MAX = 1024

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const phaseOf = (word) => Number(word % 16n)
const below = (bound) => Math.floor(Math.random() * bound)

// ------------------------------------------------------------------------------------------------------------ messages

function makeMessage(size, life, number) {
  const message = Buffer.allocUnsafe(size)
  message.writeBigUInt64LE(BigInt(size), 0)
  message.writeBigUInt64LE(life, 8)
  message.writeBigUInt64LE(number, 16)
  const key = Buffer.allocUnsafe(8)
  key.writeBigUInt64LE(BigInt.asUintN(64, life * 0x9e3779b97f4a7c15n + number * 0xbf58476d1ce4e5b9n))
  return message.fill(key, 24)
}

function isMessage(data, number) {
  if (data.length < 24 || data.length % 8 !== 0) return false
  const life = data.readBigUInt64LE(8)
  return makeMessage(data.length, life, number).equals(data)
}

// Every message whole, each publisher's in order and none twice, and what is missing counted.
class Checker {
  newest = new Map()
  missing = 0n

  check(publisher, seq, data) {
    const name = `message ${seq} of publisher ${publisher}`
    if (!isMessage(data, seq)) return `wrong: ${name}, ${data.length} bytes, is not what was published`
    const before = this.newest.get(publisher)
    if (before === undefined) {
      if (this.newest.size >= PUBLISHERS_MAX) this.newest.delete(this.newest.keys().next().value)
    } else if (seq <= before) {
      return `order: ${name} came after its message ${before}`
    } else {
      this.missing += seq - before - 1n
    }
    this.newest.set(publisher, seq)
    return ''
  }

  checkLost(lost) {
    if (this.missing <= lost) return ''
    return `loss: ${this.missing} messages are missing, ${lost} were counted`
  }
}

// ------------------------------------------------------------------------------------------------------------ the board

// This worker's page of the board.
class Slot {
  constructor(index) {
    this.page = PAGE * (1 + index)
    const bytes = Buffer.alloc(11 * 8)
    fs.readSync(BOARD_FD, bytes, 0, bytes.length, this.page)
    const orders = Array.from({ length: 11 }, (_, i) => bytes.readBigUInt64LE(8 * i))
    this.life = orders[0]
    ;[this.publishes, this.subscribes, , this.queue, this.hold] = orders.slice(1, 6).map(Number)
    this.bytesMax = Number(orders[7])
    this.isNewcomer = orders[8] === 1n
    this.sabotage = orders[9]
    this.figures = new BigUint64Array(FIGURES)
    this.figures[PID] = BigInt(process.pid)
    this.complained = false
  }

  // 16 * the number of phases so far + the phase.
  word() {
    const bytes = Buffer.allocUnsafe(8)
    fs.readSync(BOARD_FD, bytes, 0, 8, 0)
    return bytes.readBigUInt64LE(0)
  }

  write() {
    fs.writeSync(BOARD_FD, new Uint8Array(this.figures.buffer), 0, FIGURES * 8, this.page + DEEDS)
  }

  set(figure, value) {
    this.figures[figure] = BigInt(value)
    this.write()
  }

  complain(what) {
    if (what === '' || this.complained) return
    this.complained = true
    const text = Buffer.from(what).subarray(0, COMPLAINT_BYTES - 1)
    fs.writeSync(BOARD_FD, text, 0, text.length, this.page + DEEDS + COMPLAINT)
  }
}

// ----------------------------------------------------------------------------------------------------------------- ends

class Sender {
  number = 0n

  constructor(node, topic, slot) {
    this.topic = topic
    this.slot = slot
    const options = { history: topic === KEPT ? KEPT_VALUES : 0 }
    if (topic === PLAIN) options.quota = PLAIN_QUOTA_BYTES
    this.publisher = node.publisher(TOPICS[topic], options)
  }

  // False: a subscriber that asked to block has no room.
  send() {
    const most = this.topic === GROWN && below(16) === 0 ? this.slot.bytesMax : 2048
    const message = makeMessage(64 + below(most / 8) * 8, this.slot.life, this.number + 1n)
    let number
    try {
      number = below(2) === 0 ? this.publisher.publishBytes(message) : this.sendInPlace(message)
    } catch (error) {
      if (error.code === 'TIMEOUT' && this.topic === BLOCKED) return false
      throw error
    }
    this.number += 1n
    if (number !== this.number) {
      this.slot.complain(`order: published as message ${number}, which is the ${this.number}th`)
    }
    this.slot.figures[PUBLISHED + this.topic] += 1n
    return true
  }

  sendInPlace(message) {
    const draft = this.publisher.loan(message.length)
    try {
      draft.data.set(message)
      return draft.publish()
    } catch (error) {
      draft.discard()
      throw error
    }
  }

  // Whether not one chunk is in use.
  hasAllMemory() {
    try {
      this.publisher.loan(WHOLE_LOAN_BYTES).discard()
      return true
    } catch (error) {
      if (error.code !== 'NO_MEMORY') throw error
      return false
    }
  }
}

class Receiver {
  checker = new Checker()
  held = []
  forgotten = []
  taken = 0

  constructor(node, topic, slot) {
    this.topic = topic
    this.slot = slot
    this.subscriber = node.subscriber(TOPICS[topic], {
      queue: slot.queue,
      overflow: topic === BLOCKED ? 'block' : 'drop_oldest',
    })
  }

  take(most) {
    let count = 0
    for (; count < most; ++count) {
      const sample = this.subscriber.take()
      if (sample === null) break
      this.taken += 1
      if (this.isSabotaged(sample)) continue
      this.accept(sample)
      if (this.slot.hold === 0) {
        sample.release()
        continue
      }
      if (this.held.length >= this.slot.hold) this.releaseOldest()
      this.held.push(sample)
    }
    const lost = this.subscriber.lost
    this.slot.complain(this.checker.checkLost(lost))
    this.slot.figures[LOST + this.topic] = lost
    return count
  }

  accept(sample) {
    this.slot.figures[RECEIVED + this.topic] += 1n
    this.slot.complain(this.checker.check(sample.publisherId, sample.seq, Buffer.from(sample.data)))
  }

  // True: the message is gone.
  isSabotaged(sample) {
    const what = this.slot.sabotage
    if (what === 0n || this.taken < SABOTAGE_AFTER) return false
    if (what === SABOTAGE.corrupt) {
      const data = Buffer.from(sample.data)
      data[data.length - 1] ^= 1
      this.slot.complain(this.checker.check(sample.publisherId, sample.seq, data))
    } else if (what === SABOTAGE.reorder) {
      const life = Buffer.from(sample.data).readBigUInt64LE(8)
      const next = sample.seq + 1n
      this.slot.complain(this.checker.check(sample.publisherId, next, makeMessage(64, life, next)))
    } else if (what === SABOTAGE.lose) {
      sample.release()
      return true
    } else if (what === SABOTAGE.hang) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    } else if (what === SABOTAGE.fds && this.taken % 16 === 0) {
      this.forgotten.push(fs.openSync('/dev/null'))
    } else if (what === SABOTAGE.hold && this.taken === SABOTAGE_AFTER) {
      this.accept(sample)
      this.forgotten.push(sample)
      return true
    } else if (what === SABOTAGE.exit) {
      process.kill(process.pid, 'SIGTERM')
    }
    return false
  }

  releaseOldest() {
    const sample = this.held.shift()
    if (!isMessage(Buffer.from(sample.data), sample.seq)) {
      this.slot.complain(`wrong: message ${sample.seq} changed while it was held`)
    }
    sample.release()
  }

  letGo() {
    while (this.held.length > 0) this.releaseOldest()
  }
}

// ------------------------------------------------------------------------------------------------------------ the worker

class Worker {
  senders = []
  receivers = []
  burstWord = -1n
  left = []

  constructor(slot) {
    this.slot = slot
  }

  // busd may be dead or stopped just then; everything else is an error.
  async insist(make) {
    for (;;) {
      try {
        return make()
      } catch (error) {
        if (!['NO_BUS', 'DISCONNECTED', 'TIMEOUT'].includes(error.code)) throw error
        this.slot.figures[REFUSALS] += 1n
        this.slot.figures[TURNS] += 1n
        this.slot.write()
        await sleep(2)
      }
    }
  }

  async run() {
    const { slot } = this
    slot.set(STEP, JOINING)
    const node = new Node(`chaos-${slot.life}`)
    slot.set(STEP, OPENING)
    for (let topic = 0; topic < TOPICS.length; ++topic) {
      if ((slot.subscribes >> topic) & 1) {
        this.receivers.push(await this.insist(() => new Receiver(node, topic, slot)))
      }
      if ((slot.publishes >> topic) & 1) {
        this.senders.push(await this.insist(() => new Sender(node, topic, slot)))
      }
    }
    slot.figures[STEP] = BigInt(READY)
    while (phaseOf(slot.word()) !== LEAVE) {
      const word = slot.word()
      const done = await this.turn(word)
      slot.figures[TURNS] += 1n
      slot.write()
      if (done && slot.figures[DONE] !== word) slot.set(DONE, word) // after the figures that go with it
    }
    slot.set(STEP, CLOSING)
    for (const receiver of this.receivers) receiver.letGo()
    await node.close()
  }

  // Whether this worker is through with the phase.
  async turn(word) {
    const { figures } = this.slot
    const phase = phaseOf(word)
    let done = true
    if (phase === STORM) await this.storm()
    else if (phase === DRAIN) done = this.receive() === 0
    else if (phase === BURST) done = this.once(word, this.slot.isNewcomer ? 0 : BURST_MESSAGES)
    else if (phase === LAST) done = this.once(word, this.slot.isNewcomer ? 1 : 0)
    else if (phase === ROOM) this.lookForRoom()
    if (phase !== STORM && this.receive() === 0) await this.rest()
    for (const sender of this.senders) {
      figures[SUBSCRIBERS + sender.topic] = BigInt(sender.publisher.stats.subscribers)
    }
    for (const receiver of this.receivers) {
      figures[PUBLISHERS + receiver.topic] = BigInt(receiver.subscriber.stats.publishers)
    }
    return done
  }

  async storm() {
    for (const sender of this.senders) {
      for (let left = 1 + below(8); left > 0 && sender.send(); --left);
    }
    if (this.receive() === 0 || below(2) === 0) await this.rest()
  }

  async rest() {
    if (this.receivers.length > 0) await this.receivers[below(this.receivers.length)].subscriber.wait({ timeout: 2 })
    await sleep(1)
  }

  receive() {
    return this.receivers.reduce((count, receiver) => count + receiver.take(TAKES_PER_TURN), 0)
  }

  once(word, messages) {
    if (this.burstWord !== word) {
      this.burstWord = word
      this.left = this.senders.map(() => messages)
    }
    this.senders.forEach((sender, i) => {
      while (this.left[i] !== 0 && sender.send()) this.left[i] -= 1
    })
    return this.left.every((left) => left === 0)
  }

  lookForRoom() {
    for (const receiver of this.receivers) receiver.letGo()
    for (const sender of this.senders) {
      if (sender.topic === PLAIN) this.slot.figures[ROOM_FOUND] = BigInt(sender.hasAllMemory())
    }
  }
}

async function work(index) {
  const slot = new Slot(index)
  try {
    await new Worker(slot).run()
  } catch (error) {
    slot.complain(`error: ${error.code ?? error.name}: ${error.message}`)
    process.exitCode = 1
  }
}

let line = ''
function onInput(text) {
  line += text
  if (!line.includes('\n')) return
  process.stdin.off('data', onInput).pause()
  work(Number(line))
}
process.stdin.setEncoding('utf8').on('data', onInput)
try {
  fs.writeSync(1, 'r')
} catch {
  // It is started for later, and its number came before it was up.
}
