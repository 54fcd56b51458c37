"""Reads damaged messages to the last field: `reader.py SCHEMA FRAMES COUNT SEED`. See test_hostile_messages.py.

A message is an error or other values, never a crash; what reading one costs is bounded by its size; nothing is left behind.
"""

import faulthandler
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polybus

VISITS_MAX = 40  # per message, of fields one by one from any of them on; to_dict() and to_json() visit all
HANGS_AFTER_S = 120
WARM_UP = 5  # per cent of the messages, after which memory no longer grows
GROWTH_BYTES_MAX = 48 << 20


def frames_of(path: str) -> list[bytes]:
    content = Path(path).read_bytes()
    found, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        found.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def damaged(frames: list[bytes], chance: random.Random) -> bytes:
    """Bits, bytes and words changed, mostly few; now and then the end cut off."""
    frame = bytearray(chance.choice(frames))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        how = chance.random()
        if how < 0.5:
            frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        elif how < 0.8:
            frame[chance.randrange(len(frame))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        else:
            to, source = (
                chance.randrange(0, len(frame), 8),
                chance.randrange(0, len(frame), 8),
            )
            frame[to : to + 8] = frame[source : source + 8]
    if chance.random() < 0.05:
        del frame[chance.randrange(len(frame) // 8) * 8 :]
    return bytes(frame)


class Reader:
    """Every way there is into a message."""

    def __init__(self, types: polybus.SchemaFile, chance: random.Random) -> None:
        self.types = types
        self.chance = chance
        self.errors = self.values = self.left = 0

    def attempt(self, read: Any) -> Any:
        try:
            value = read()
        except (
            polybus.BadMessageError,
            polybus.FieldError,
            polybus.InvalidArgumentError,
        ):
            self.errors += 1  # damaged here; not the active member; an interface
            return None
        self.values += 1
        return value

    def message(self, frame: bytes) -> None:
        self.left = VISITS_MAX
        msg = self.attempt(lambda: self.types.Everything.decode(frame))
        if msg is None:
            return
        self.attempt(msg.to_dict)
        self.attempt(msg.to_json)
        self.visit(msg)
        self.attempt(lambda: self.types.Everything.encode(msg))

    def visit(self, value: Any) -> None:
        for read in self.ways_into(value):
            self.left -= 1
            if self.left < 0:
                return
            inner = self.attempt(read)
            if isinstance(inner, polybus.Message | polybus.List | polybus.AnyPointer):
                self.visit(inner)
            elif isinstance(inner, memoryview):
                bytes(inner)

    def ways_into(self, value: Any) -> Iterator[Any]:
        if isinstance(value, polybus.Message):
            names = [name for name in dir(value) if not name.startswith("_")]
            first = self.chance.randrange(len(names))
            yield value.which
            yield from (lambda name=name: getattr(value, name) for name in names[first:] + names[:first])
        elif isinstance(value, polybus.List):
            yield lambda: self.copied(value)
            yield from (lambda i=i: value[i] for i in range(min(len(value), 8)))
            if len(value) > 0:
                yield lambda: value[-1]
        elif isinstance(value, polybus.AnyPointer):
            yield value.as_text
            yield value.as_data
            yield lambda: value.as_struct(self.types.Everything)
            yield from (
                lambda kind=kind: value.as_list(kind) for kind in ("Int32", "Text", "List(Bool)", self.types.Point)
            )

    @staticmethod
    def copied(numbers: polybus.List) -> int:
        try:
            return len(memoryview(numbers).tobytes())
        except (
            BufferError,
            NotImplementedError,
        ):  # no array form; memoryview does not copy records
            return 0


def memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main(schema: str, path: str, count: int, seed: int) -> None:
    frames, chance = frames_of(path), random.Random(seed)
    reader = Reader(polybus.load_schema(schema), chance)
    after_warm_up = 0
    for i in range(count):
        if i % 1000 == 0:
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
        if i == count * WARM_UP // 100:
            after_warm_up = memory_bytes()
        reader.message(damaged(frames, chance))
    faulthandler.cancel_dump_traceback_later()
    growth = memory_bytes() - after_warm_up
    print(f"{count} messages: {reader.values} values, {reader.errors} errors, {growth >> 10} KiB more than at first")
    assert reader.values > count
    assert reader.errors > count // 100
    assert growth < GROWTH_BYTES_MAX, growth


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
