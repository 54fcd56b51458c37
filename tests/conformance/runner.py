"""Python's part: `runner.py pub TOPIC SCHEMA CASES` or `runner.py sub TOPIC SCHEMA COUNT`. See test_conformance.py."""

import base64
import json
import math
import sys
from typing import Any

import polybus

PATIENCE_S = 60.0


def canonical(value: Any) -> Any:
    """What json.dumps writes as docs/json.md says; integers stay numbers, whatever their size."""
    if isinstance(value, dict):
        return {key: canonical(member) for key, member in value.items()}
    if isinstance(value, list):
        return [canonical(element) for element in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


# How the type of a field turns the JSON of a case into Python's own values.
def native(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: native(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [native(element, name) for element in value]
    if isinstance(value, str) and name.startswith(("int64", "uint64", "count")):
        return int(value)
    if isinstance(value, str) and name.startswith("float"):
        return float(value)
    if isinstance(value, str) and name.startswith("data"):
        return base64.b64decode(value)
    return value


def publish(topic: str, schema: polybus.Schema, cases: str) -> None:
    with polybus.Node("publisher-py") as node, open(cases) as lines:
        publisher = node.publisher(topic, schema)
        assert publisher.wait_for_subscribers(1, PATIENCE_S)
        for line in lines:
            publisher.publish(native(json.loads(line), ""))


def subscribe(topic: str, count: int) -> None:
    with polybus.Node("subscriber-py") as node:
        subscriber = node.subscriber(topic, queue=1024)
        for _ in range(count):
            sample = subscriber.take(timeout=PATIENCE_S)
            assert sample is not None, "nothing came"
            print(json.dumps(canonical(sample.msg.to_dict())), flush=True)


if __name__ == "__main__":
    mode, topic, schema_file, rest = sys.argv[1:]
    if mode == "pub":
        publish(topic, polybus.load_schema(schema_file).Everything, rest)
    else:
        subscribe(topic, int(rest))
