"""Prints every hello, whatever language it comes from. The schema comes with the topic."""

import polybus

try:
    with polybus.Node("hello-listener-python") as node:
        for sample in node.subscriber("hello"):
            print(f"hello from {sample.msg.name}, number {sample.msg.count}", flush=True)
except KeyboardInterrupt:
    pass
