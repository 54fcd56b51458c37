"""Damaged messages: errors or other values, never a crash, never without bounds."""

import contextlib
import random

import polybus
import pytest


def read_everything(msg: polybus.Message) -> None:
    """Every way there is into a message; BadMessageError is the one thing that may go wrong."""
    with contextlib.suppress(polybus.BadMessageError):
        msg.to_dict()
    for name in dir(msg):
        if name.startswith("_"):
            continue
        with contextlib.suppress(polybus.BadMessageError, polybus.InvalidArgumentError):
            value = getattr(msg, name)
            if isinstance(value, polybus.List):
                for item in value[:3]:
                    repr(item)
                with contextlib.suppress(BufferError):
                    memoryview(value).tobytes()
                with contextlib.suppress(IndexError):
                    _ = value[-1]
            elif isinstance(value, memoryview):
                bytes(value[:100])
            else:
                with contextlib.suppress(polybus.BadMessageError):
                    repr(value)


@pytest.fixture(scope="module")
def frame(words) -> bytes:
    return words.Everything.encode(
        text="text", blob=b"blob", pose={"x": 1, "label": "p"}, accel=[1, 2, 3], pixels=b"123", counts=[1], flags=[True] * 9,
        levels=["low"], tags=["a", "b"], blobs=[b"x"], hail=[{"mm": 1, "name": "n"}] * 3, matrix=[[1, 2], [3]],
        shape={"poly": [{"x": 1}]}, two="two", inner={"value": 3}, other={"name": "far"}, nothings=[None] * 3,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_damaged_messages_raise_bad_message_or_read_as_something_else(words, frame, seed):
    chance = random.Random(seed)
    for _ in range(100):
        damaged = bytearray(frame)
        for _ in range(chance.choice((1, 1, 2, 8))):
            damaged[chance.randrange(len(damaged))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        with contextlib.suppress(polybus.BadMessageError):
            read_everything(words.Everything.decode(bytes(damaged)))


def test_damaged_messages_are_refused_or_copied_when_they_are_written(words, frame):
    chance = random.Random(1)
    for _ in range(300):
        damaged = bytearray(frame)
        damaged[chance.randrange(8, len(damaged))] = chance.randrange(256)
        with contextlib.suppress(polybus.Error):
            msg = words.Everything.decode(bytes(damaged))
            again = words.Everything.decode(words.Everything.encode(msg))
            read_everything(again)
            words.Everything.encode(hail=msg.hail, shape=msg.shape, pose=msg.pose)
