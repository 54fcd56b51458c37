"""first.py BUS: from nothing to the first message taken: starts busd, connects, publishes and takes. The caller times it."""

import sys

import polybus

with polybus.Node("first", bus=sys.argv[1]) as node:
    publisher = node.publisher("bench/first")
    subscriber = node.subscriber("bench/first")
    publisher.publish_bytes(b"first")
    sys.exit(0 if subscriber.take(timeout=5) else 1)
