"""pingpong.py ping|pong TRANSPORT NAME BYTES ROUNDS: one end of a round trip in Python; the other may be in any language.

Prints, as the ping end, one line of JSON with the one-way latency (half a round trip) in nanoseconds. Message 0 ends it.
"""

import json
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Protocol

NUMBER = struct.Struct("<Q")


class Link(Protocol):
    def send(self, number: int) -> None: ...

    def receive(self) -> int: ...


class PolybusLink:
    def __init__(self, is_ping: bool, name: str, size: int) -> None:
        import polybus

        self.node = polybus.Node("bench", bus=name)
        mine, theirs = ("ping", "pong") if is_ping else ("pong", "ping")
        self.publisher = self.node.publisher(f"bench/{mine}")
        self.subscriber = self.node.subscriber(f"bench/{theirs}")
        self.publisher.wait_for_subscribers(1, 20.0)
        self.size = size
        self.message = bytearray(size) if size <= 4096 else None

    def send(self, number: int) -> None:
        if self.message is not None:
            NUMBER.pack_into(self.message, 0, number)
            self.publisher.publish_bytes(self.message)
        else:  # in place: what is large is not copied
            with self.publisher.loan(size=self.size) as draft:
                NUMBER.pack_into(draft.data, 0, number)

    def receive(self) -> int:
        sample = self.subscriber.take(timeout=20.0)
        assert sample is not None
        (number,) = NUMBER.unpack_from(sample.data, 0)
        return int(number)


class ZeromqLink:
    def __init__(self, is_ping: bool, name: str, size: int) -> None:
        import zmq

        self.socket = zmq.Context().socket(zmq.PAIR)
        address = f"ipc:///tmp/polybus-bench-{name}"
        if is_ping:
            self.socket.bind(address)
        else:
            self.socket.connect(address)
        self.message = bytearray(size)

    def send(self, number: int) -> None:
        NUMBER.pack_into(self.message, 0, number)
        self.socket.send(self.message, copy=len(self.message) < 4096)

    def receive(self) -> int:
        return int(NUMBER.unpack_from(self.socket.recv(copy=False).buffer, 0)[0])


class UnixLink:
    """A bare Unix stream socket: what the two languages can do at best through the kernel."""

    def __init__(self, is_ping: bool, name: str, size: int) -> None:
        path = f"/tmp/polybus-bench-{name}.sock"
        if is_ping:
            listener = socket.socket(socket.AF_UNIX)
            Path(path).unlink(missing_ok=True)
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(20)
            self.socket, _ = listener.accept()
            self.socket.settimeout(None)
            Path(path).unlink()
        else:
            self.socket = connect_when_there(path)
        self.message = bytearray(size)

    def send(self, number: int) -> None:
        NUMBER.pack_into(self.message, 0, number)
        self.socket.sendall(self.message)

    def receive(self) -> int:
        data = self.socket.recv(len(self.message), socket.MSG_WAITALL)
        return int(NUMBER.unpack_from(data, 0)[0])


def connect_when_there(path: str) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(path)
            return made
        except OSError:
            made.close()
            if time.monotonic() > end:
                raise


LINKS = {"polybus": PolybusLink, "zeromq": ZeromqLink, "unix": UnixLink}


def ping(link: Link, rounds: int) -> list[int]:
    times = []
    for number in range(1, rounds + 1):
        start = time.perf_counter_ns()
        link.send(number)
        assert link.receive() == number
        times.append(time.perf_counter_ns() - start)
    link.send(0)
    link.receive()
    return sorted(times)


def pong(link: Link) -> None:
    number = 1
    while number:
        number = link.receive()
        link.send(number)


def main() -> None:
    role, transport, name, size, rounds = sys.argv[1:]
    link: Link = LINKS[transport](role == "ping", name, int(size))
    if role == "pong":
        pong(link)
        return
    times = ping(link, int(rounds))
    figures = {
        "transport": transport,
        "bytes": int(size),
        "p50_ns": times[len(times) // 2] / 2,
        "min_ns": times[0] / 2,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
