"""Says hello once a second. Start hello_sub, in any language, in a second terminal; nothing else has to run."""

import itertools
import time
from pathlib import Path

import polybus

Hello = polybus.load_schema(Path(__file__).with_name("hello.capnp")).Hello

try:
    with polybus.Node("hello-python") as node:
        hello = node.publisher("hello", Hello, history=1)  # who comes later still gets the last one
        for count in itertools.count(1):
            hello.publish(name="Python", count=count)
            time.sleep(1)
except KeyboardInterrupt:
    pass
