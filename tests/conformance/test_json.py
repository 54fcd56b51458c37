"""`bus-cli echo --json | bus-cli pub --stdin` reproduces every message of the table that JSON can carry, byte for byte in canonical form.

The judge is the `capnp` tool of another make, which brings messages into canonical form. What JSON cannot carry is listed in
docs/json.md and here, and shown to differ.
"""

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import polybus
import pytest

from tests.conformance.test_conformance import CASES, MESSAGES, SCHEMA, frames
from tests.support.bus import BUS_CLI, PATIENCE_S, PrivateBus, until

__all__ = ["frames"]  # a fixture

EXACT = {case["name"]: "notExact" not in case for case in CASES}


def canonical(frame: bytes) -> bytes:
    done = subprocess.run(
        ["capnp", "convert", "binary:canonical", SCHEMA, "Everything"],
        input=frame,
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=True,
    )
    return done.stdout


def through_json(bus: PrivateBus, sent: list[bytes]) -> list[tuple[str, bytes]]:
    """Each message as JSON, as echo printed it, and as pub made it from that again."""
    schema = polybus.load_schema(SCHEMA).Everything
    with polybus.Node("json", bus=bus.name) as node:
        publisher = node.publisher("from", schema, history=64)
        subscriber = node.subscriber("to", schema, queue=1024)
        for frame in sent:
            publisher.publish(schema.decode(frame))
        echo = bus.start(
            [BUS_CLI, "echo", "from", "-n", str(len(sent)), "--json"],
            stdout=subprocess.PIPE,
        )
        lines, _ = echo.communicate(timeout=PATIENCE_S)
        copying = bus.run(
            BUS_CLI,
            "pub",
            "to",
            "--stdin",
            "--schema",
            f"{SCHEMA}:Everything",
            input=lines,
        )
        assert copying.returncode == 0, copying.stderr
        until(lambda: subscriber.stats.queued == len(sent), "all messages")
        made = [bytes(sample.data) for sample in (subscriber.take() for _ in sent) if sample is not None]
    texts = [json.dumps(json.loads(line)["msg"]) for line in lines.splitlines()]
    return list(zip(texts, made, strict=True))


@pytest.fixture
def on_bus(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> PrivateBus:
    for name, value in bus.environment.items():
        if name.startswith("POLYBUS_"):
            monkeypatch.setenv(name, value)
    return bus


def test_every_exact_case_comes_back_byte_for_byte(on_bus: PrivateBus, frames: list[bytes]) -> None:
    sent = [
        (message["set"]["name"], frame)
        for message, frame in zip(MESSAGES, frames, strict=True)
        if message["how"] == "object"
    ]
    schema = polybus.load_schema(SCHEMA).Everything
    for (name, before), (text, after) in zip(sent, through_json(on_bus, [frame for _, frame in sent]), strict=True):
        assert (canonical(before) == canonical(after)) == EXACT[name], name
        assert json.loads(text) == json.loads(schema.decode(before).to_json()), name


def test_the_table_says_why_a_case_is_not_exact() -> None:
    page = (Path(__file__).parents[2] / "docs/json.md").read_text()
    reasons = {case["notExact"] for case in CASES if "notExact" in case}
    assert reasons == {"AnyPointer"}
    assert all(reason in page for reason in reasons)


def replaced(frame: bytes, old: bytes, new: bytes) -> bytes:
    assert frame.count(old) == 1
    return frame.replace(old, new)


ODD: dict[str, Callable[[polybus.Schema], bytes]] = {
    "which NaN it was": lambda schema: replaced(
        schema.encode(float64=1.2345678e-99),
        struct.pack("<d", 1.2345678e-99),
        bytes.fromhex("efbeadde0000f87f"),
    ),
    "text that is not UTF-8": lambda schema: replaced(schema.encode(text="MARK"), b"MARK", b"\xff\xfe\xc0K"),
    "an element that is a null pointer": lambda schema: schema.encode(nulls(schema)),
}


def nulls(schema: polybus.Schema) -> polybus.Message:
    """A list of two texts, neither of which is set."""
    frame = schema.encode(texts=["MARKER_1", "MARKER_2"])
    words = [frame[i : i + 8] for i in range(0, len(frame), 8)]
    first = next(i for i, word in enumerate(words) if word == b"MARKER_1") - 2
    words[first : first + 2] = [bytes(8), bytes(8)]
    return schema.decode(b"".join(words))


@pytest.mark.parametrize("what", ODD)
def test_what_json_cannot_carry_comes_back_as_something_else(on_bus: PrivateBus, what: str) -> None:
    frame = ODD[what](polybus.load_schema(SCHEMA).Everything)
    ((_, made),) = through_json(on_bus, [frame])
    assert canonical(made) != canonical(frame)
    # The second time round nothing changes any more.
    ((_, again),) = through_json(on_bus, [made])
    assert canonical(again) == canonical(made)
