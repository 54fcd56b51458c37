"""decode.py RUNS: how long Python takes to read one message, by Polybus and by others, in nanoseconds; one line of JSON.

Each figure is the median over RUNS of one call's time in a loop, the libraries taking turns. "fields" opens the message and reads
its seven fields by attribute or key, the list included; "whole" makes a plain dict of it.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import capnp  # type: ignore[import-untyped]
import msgpack  # type: ignore[import-untyped]
import polybus
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = Path(__file__).parent
CALLS = 2_000
VALUE: dict[str, Any] = {
    "stampNs": 1_766_000_000_123_456_789,
    "sequence": 42,
    "name": "front imu",
    "x": 0.25,
    "y": -9.81,
    "z": 1e-3,
    "values": [i / 7 for i in range(16)],
}
NAMES = tuple(VALUE)


def polybus_readers() -> dict[str, Callable[[], Any]]:
    schema = polybus.load_schema(HERE / "reading.capnp").Reading
    frame = schema.encode(VALUE)

    def fields() -> Any:
        m = schema.decode(frame)
        return m.stampNs, m.sequence, m.name, m.x, m.y, m.z, m.values

    return {"fields": fields, "whole": lambda: schema.decode(frame).to_dict()}


def pycapnp_readers() -> dict[str, Callable[[], Any]]:
    schema = capnp.load(str(HERE / "reading.capnp")).Reading
    frame = schema.new_message(**VALUE).to_bytes()

    def fields() -> Any:
        with schema.from_bytes(frame) as m:
            return m.stampNs, m.sequence, m.name, m.x, m.y, m.z, m.values

    def whole() -> Any:
        with schema.from_bytes(frame) as m:
            return m.to_dict()

    return {"fields": fields, "whole": whole}


def by_key(decode: Callable[[Any], dict[str, Any]], frame: Any) -> dict[str, Callable[[], Any]]:
    def fields() -> Any:
        m = decode(frame)
        return m["stampNs"], m["sequence"], m["name"], m["x"], m["y"], m["z"], m["values"]

    return {"fields": fields, "whole": lambda: decode(frame)}


def protobuf_type() -> Any:
    """The class protoc would write: the same run-time library reads with it."""
    types = {"stampNs": "INT64", "sequence": "UINT64", "name": "STRING", "values": "DOUBLE"}
    file = descriptor_pb2.FileDescriptorProto(name="reading.proto", syntax="proto3")
    reading = file.message_type.add(name="Reading")
    for number, name in enumerate(NAMES, 1):
        reading.field.add(
            name=name,
            number=number,
            type=f"TYPE_{types.get(name, 'DOUBLE')}",
            label="LABEL_REPEATED" if name == "values" else "LABEL_OPTIONAL",
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Reading"))


def protobuf_readers() -> dict[str, Callable[[], Any]]:
    reading = protobuf_type()
    frame = reading(**VALUE).SerializeToString()

    def fields() -> Any:
        m = reading.FromString(frame)
        return m.stampNs, m.sequence, m.name, m.x, m.y, m.z, m.values

    return {"fields": fields, "whole": lambda: json_format.MessageToDict(reading.FromString(frame))}


def time_one(read: Callable[[], Any]) -> float:
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        read()
    return (time.perf_counter_ns() - start) / CALLS


def first_decode_ns() -> int:
    """Of a type never seen before: from the bundle the bus handed on to the first field read."""
    schema = polybus.load_schema(HERE / "reading.capnp").Reading
    bundle, frame = schema.bundle, schema.encode(VALUE)
    start = time.perf_counter_ns()
    assert polybus.Schema.from_bundle(bundle).decode(frame).sequence == VALUE["sequence"]
    return time.perf_counter_ns() - start


def main() -> None:
    first = first_decode_ns()
    libraries = {
        "polybus": polybus_readers(),
        "pycapnp": pycapnp_readers(),
        "json": by_key(json.loads, json.dumps(VALUE)),
        "msgpack": by_key(msgpack.unpackb, msgpack.packb(VALUE)),
        "protobuf": protobuf_readers(),
    }
    for readers in libraries.values():  # they agree, but for how they name and order things
        assert list(readers["fields"]())[:6] == [VALUE[name] for name in NAMES[:6]]
        assert list(readers["fields"]()[6]) == VALUE["values"]
    times: dict[str, list[float]] = {}
    for _ in range(int(sys.argv[1])):
        for library, readers in libraries.items():
            for what, read in readers.items():
                times.setdefault(f"{library} {what}", []).append(time_one(read))
    print(json.dumps({what: statistics.median(of) for what, of in times.items()} | {"first": first}))


if __name__ == "__main__":
    main()
