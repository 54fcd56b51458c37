"""Publishes this machine's load on system/load, ten times a second, until Ctrl-C.

The schema is read at run time: no generated code, no build step. Start it in a terminal of its own, or let run.py do it.
"""

import argparse
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polybus
import psutil

SCHEMA = Path(__file__).with_name("system.capnp")


def interface_rates(seconds: float, before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    """Bytes per second of every network interface that was there all the time."""
    return [
        {
            "name": name,
            "receivedPerS": max(0, now[name].bytes_recv - before[name].bytes_recv) / seconds,
            "sentPerS": max(0, now[name].bytes_sent - before[name].bytes_sent) / seconds,
        }
        for name in sorted(now.keys() & before.keys())
    ]


def loads(interval_s: float) -> Iterator[dict[str, Any]]:
    """The machine's load, once per interval, for ever."""
    hostname = socket.gethostname()
    psutil.cpu_percent(percpu=True)  # the first call only sets the start
    network, measured = psutil.net_io_counters(pernic=True), time.monotonic()
    due = measured
    while True:
        due = max(due + interval_s, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        cores = psutil.cpu_percent(percpu=True)
        memory = psutil.virtual_memory()
        network_now, now = psutil.net_io_counters(pernic=True), time.monotonic()
        yield {
            "stampNs": time.time_ns(),
            "hostname": hostname,
            "cpuPercent": cores,
            "memoryUsed": memory.total - memory.available,
            "memoryTotal": memory.total,
            "interfaces": interface_rates(now - measured, network, network_now),
        }
        network, measured = network_now, now


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10.0, help="messages per second (default 10)")
    arguments = parser.parse_args()
    # Both set, since a shell starts what it puts in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    published = 0
    try:
        schema = polybus.load_schema(SCHEMA).SystemLoad
        with polybus.Node("producer") as node:
            publisher = node.publisher("system/load", schema, history=1)  # who comes later sees the last one at once
            print("producer: publishing on system/load", flush=True)
            for load in loads(1 / arguments.rate):
                publisher.publish(load)
                published += 1
    except KeyboardInterrupt:
        pass
    except polybus.Error as error:
        print(f"producer: {error}", file=sys.stderr)
        return 1
    print(f"producer: {published} published", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
