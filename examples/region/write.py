"""Writes a value into a region: one named current value in shared memory. Usage: write.py [NAME [TEXT...]]

The value outlives this program for as long as the bus runs (some seconds longer than its last program, or for ever after
`bus-cli daemon start`). A reader sees a whole value, the old one or the new one.
"""

import sys

import polybus

name = sys.argv[1] if len(sys.argv) > 1 else "settings"
value = " ".join(sys.argv[2:]) or "brightness=80 volume=11"

with polybus.Node("region-writer-python") as node:
    node.region(name, size=4096).write(value.encode())
