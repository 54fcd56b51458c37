// Not run: the same from CommonJS.
import polybus = require('polybus')

export function first(): polybus.Sample | null {
  const node: polybus.Node = new polybus.Node('n')
  return node.subscriber('t').take()
}
