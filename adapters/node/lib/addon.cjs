// Finds and loads the native part: where a build of this repository puts it, where the environment says, or as it was
// packed into the package.
'use strict'

const { existsSync } = require('node:fs')
const { join } = require('node:path')
const { BusError } = require('./errors.cjs')

const root = join(__dirname, '..')
const places = [
  process.env['POLYBUS_NODE_ADDON'],
  join(root, '..', '..', 'build', 'node', 'polybus.node'),
  join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'polybus.node'),
]

function load() {
  const tried = places.filter((place) => place !== undefined && place !== '').map(String)
  let reason = 'there is none'
  for (const place of tried) {
    if (!existsSync(place)) continue
    try {
      return require(place)
    } catch (error) {
      reason = String(error instanceof Error ? error.message : error)
      break // the first one found is the one that is meant: a stale one further down would only confuse
    }
  }
  throw new Error(
    `polybus: no native addon for ${process.platform}-${process.arch} and Node ${process.versions.node}: ${reason}.\n` +
      `Looked at:\n  ${tried.join('\n  ')}\n` +
      `In the repository 'make' builds it; $POLYBUS_NODE_ADDON names one that lies elsewhere.`,
  )
}

/** @type {import('./native.cjs').Addon} */
const addon = load()
addon.initialize(BusError)

module.exports = addon
