// Not run: what programs write must pass the compiler, and what is wrong must not.
import { BusError, Node, Schema, decode, encode, loadSchema, type Code, type GraphEvent, type Sample } from 'polybus'

interface Alert {
  level: 'debug' | 'info' | 'warn'
  value: number
  since?: bigint
}

export async function untyped(): Promise<void> {
  const node = new Node('dashboard')
  const pub = node.publisher('alerts', loadSchema('alert.capnp').Alert)
  const seq: bigint = pub.publish({ level: 'warn', value: 93.5 })
  const draft = pub.loan(1 << 20)
  draft.msg.level = 'warn'
  draft.publish()
  for await (const sample of node.subscriber('sensors/imu')) {
    console.log(sample.msg.frameId, sample.seq, sample.msg.accel, sample.toObject(), seq)
    const kept: Sample = sample.retain()
    kept.release()
  }
  const sub = node.subscriber('sensors/imu', { onSample: (sample) => console.log(sample.msg.x), queue: 4 })
  using taken = sub.take()
  const newest = sub.latest()
  const lost: bigint = sub.lost
  console.log(taken?.data.length, newest?.latencyNs, lost)
  sub.unref().ref().close()
  for await (const event of node.watch({ signal: AbortSignal.timeout(1000) })) {
    const name: GraphEvent['event'] = event.event
    console.log(name, event.topic)
  }
  const value: Uint8Array | null = node.region('settings', { size: 4096 }).read()
  console.log(value, node.graph().topics[0]?.publishers[0]?.seq)
  await pub.publishAsync({ level: 'info' }, { timeout: 10, signal: AbortSignal.timeout(5) })
  const there: boolean = await pub.waitForSubscribers(2, { timeout: 100 })
  console.log(there)
  await node.close()
}

export async function typed(AlertSchema: Schema<Alert>): Promise<void> {
  await using node = new Node('typed', { bus: 'b', timeout: 100, autostart: false })
  using pub = node.publisher('alerts', AlertSchema, { history: 1, exclusive: true })
  pub.publish({ level: 'warn', value: 1 })
  // @ts-expect-error no such level
  pub.publish({ level: 'blue', value: 1 })
  // @ts-expect-error a value is missing
  pub.publish({ level: 'warn' })
  const sub = node.subscriber('alerts', AlertSchema, { overflow: 'block' })
  for await (const { msg } of sub) {
    const level: 'debug' | 'info' | 'warn' = msg.level
    console.log(level, msg.which(), msg.toObject().value)
    // @ts-expect-error no such field
    console.log(msg.colour)
  }
  const back: Alert = decode(AlertSchema, encode(AlertSchema, { level: 'info', value: 2 }))
  console.log(back)
  // @ts-expect-error no such option
  node.subscriber('alerts', { depth: 3 })
  // @ts-expect-error made by a node only
  new Schema()
}

export function codes(error: unknown): Code | undefined {
  if (!(error instanceof BusError)) return undefined
  // @ts-expect-error no such code
  if (error.code === 'NO_DAEMON') return undefined
  return error.code === 'NO_BUS' ? error.code : 'TIMEOUT'
}
