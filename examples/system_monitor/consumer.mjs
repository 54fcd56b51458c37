// Logs what comes on system/load and system/alerts, one line each, until Ctrl-C.
//
// The schemas come with the topics: this program has no .capnp file and no generated code.
import { Node } from 'polybus'

const color = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code, text) => (color ? `\x1b[${code}m${text}\x1b[0m` : text)

const clock = (stampNs) => new Date(Number(stampNs / 1_000_000n)).toISOString().slice(11, 21)
const bar = (percent) => '▁▂▃▄▅▆▇█'[Math.min(7, Math.floor(percent / 12.5))]
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

function amount(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000
    unit += 1
  }
  return `${bytes.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}

function loadLine(load) {
  const cores = Array.from(load.cpuPercent)
  const interfaces = Array.from(load.interfaces)
  const total = (field) => interfaces.reduce((sum, entry) => sum + entry[field], 0)
  const cpu = `cpu ${cores.slice(0, 32).map(bar).join('')} ${mean(cores).toFixed(0).padStart(3)} %`
  const memory = `memory ${amount(Number(load.memoryUsed))} of ${amount(Number(load.memoryTotal))}`
  const network = `network ↓ ${amount(total('receivedPerS'))}/s ↑ ${amount(total('sentPerS'))}/s`
  return `${clock(load.stampNs)}  ${load.hostname}  ${cpu}  ${memory}  ${network}`
}

function alertLine(alert) {
  const value = (x) => (alert.unit === 'B/s' ? `${amount(x)}/s` : `${x.toFixed(1)} ${alert.unit}`)
  const rose = alert.direction === 'above'
  const text = rose
    ? `▲ ${alert.source} ${value(alert.smoothed)}, above ${value(alert.threshold)}`
    : `▼ ${alert.source} ${value(alert.smoothed)}, back to usual`
  return `${clock(alert.stampNs)}  ${alert.hostname}  ${paint(rose ? 33 : 32, text)}`
}

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopping.abort())
process.stdout.on('error', () => stopping.abort()) // the reader went away

const logged = { loads: 0, alerts: 0 }

async function log(subscriber, kind, line) {
  for await (const sample of subscriber) {
    console.log(line(sample.msg))
    logged[kind] += 1
  }
}

const node = new Node('consumer')
try {
  const options = { queue: 64, signal: stopping.signal }
  console.log('consumer: logging system/load and system/alerts')
  await Promise.all([
    log(node.subscriber('system/load', options), 'loads', loadLine),
    log(node.subscriber('system/alerts', options), 'alerts', alertLine),
  ])
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(`consumer: ${error.message}`)
    process.exitCode = 1
  }
} finally {
  await node.close()
}
console.log(`consumer: ${logged.loads} logged, and ${logged.alerts} alerts`)
