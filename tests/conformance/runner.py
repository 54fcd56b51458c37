"""Python's part of test_conformance.py: `runner.py MODE TOPIC SCHEMA CASES`. SCHEMA is FILE, whose type is Everything, or FILE:TYPE.

pub        publishes each case, as one object or field by field
sub        knows no schema; prints what it reads as docs/json.md says, a tab, and what it reads field by field
mistakes   prints the errors for each value, as one object and field by field
constants  prints the constants whose names the cases are
"""

import base64
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import polybus

PATIENCE_S = 60.0


def canonical(value: Any) -> Any:
    """What json.dumps writes as docs/json.md says; integers stay numbers, whatever their size."""
    if isinstance(value, polybus.Message):
        return canonical(value.to_dict())
    if isinstance(value, polybus.List):
        return canonical(value.tolist())
    if isinstance(value, dict):
        return {key: canonical(member) for key, member in value.items()}
    if isinstance(value, list):
        return [canonical(element) for element in value]
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


# How the type of a field turns the JSON of a case into Python's own values.
def native(value: Any, types: polybus.SchemaFile, name: str = "") -> Any:
    if isinstance(value, dict) and "$as" in value:
        return any_value(value["$as"], value["value"], types)
    if isinstance(value, dict):
        return {key: native(member, types, key) for key, member in value.items()}
    if isinstance(value, list):
        return [native(element, types, name) for element in value]
    if isinstance(value, str) and name.lower().startswith(("int64", "uint64", "count")):
        return int(value)
    if isinstance(value, str) and name.startswith("float") and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, str) and name.startswith("data"):
        return base64.b64decode(value)
    return value


def any_value(kind: str, value: Any, types: polybus.SchemaFile) -> Any:
    if kind == "Data":
        return base64.b64decode(value)
    if kind == "Point":
        return types.Point.decode(types.Point.encode(value))
    if kind == "List(Int32)":
        return types.Everything.decode(types.Everything.encode(int32s=value)).int32s
    return value


def fill(builder: polybus.MessageBuilder, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            fill(builder.init(name), value)
        elif isinstance(value, list) and len(value) < 1000:
            fill_list(builder.init(name, len(value)), value)
        else:
            setattr(builder, name, value)


def fill_list(builder: polybus.ListBuilder, values: list[Any]) -> None:
    for i, value in enumerate(values):
        if isinstance(value, dict):
            fill(builder[i], value)
        elif isinstance(value, list):
            fill_list(builder.init(i, len(value)), value)
        else:
            builder[i] = value


def at(message: Any, path: str, kind: str | None, types: polybus.SchemaFile) -> Any:
    value = message
    for name, index in re.findall(r"([A-Za-z0-9]+(?:\(\))?)|\[(\d+)\]", path):
        value = value[int(index)] if index else value.which() if name == "which()" else getattr(value, name)
    if kind is None:
        return canonical(value)
    if kind == "Point":
        return canonical(value.as_struct(types.Point))
    return canonical(
        {"Text": value.as_text, "Data": value.as_data}[kind]() if "(" not in kind else value.as_list(kind[5:-1])
    )


def publish(topic: str, types: polybus.SchemaFile, lines: list[Any], name: str = "Everything") -> None:
    with polybus.Node("publisher-py") as node:
        publisher = node.publisher(topic, types[name])
        assert publisher.wait_for_subscribers(1, PATIENCE_S)
        for line in lines:
            values = native(line["set"], types)
            if line["how"] == "object":
                publisher.publish(values)
            else:
                with publisher.loan() as draft:
                    fill(draft.msg, values)


def subscribe(topic: str, types: polybus.SchemaFile, lines: list[Any]) -> None:
    with polybus.Node("subscriber-py") as node:
        subscriber = node.subscriber(topic, queue=1024)
        for line in lines:
            sample = subscriber.take(timeout=PATIENCE_S)
            assert sample is not None, "nothing came"
            text = json.dumps(canonical(sample.msg.to_dict()))
            assert json.loads(sample.msg.to_json(), parse_float=str) == json.loads(
                polybus_json(sample.msg.to_dict()), parse_float=str
            )
            got = [at(sample.msg, get["path"], get.get("as"), types) for get in line["get"]]
            print(text, json.dumps(got), sep="\t", flush=True)


def polybus_json(values: dict[str, Any]) -> str:
    """to_json() as it follows from to_dict(): only the fields' names tell here which integers have 64 bits."""

    def convert(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: convert(member, key) for key, member in value.items()}
        if isinstance(value, list):
            return [convert(element, name) for element in value]
        wide = name.lower().startswith(("int64", "uint64", "count")) and not isinstance(value, bool)
        return str(value) if wide else canonical(value)

    return json.dumps(convert(values))


def error_of(write: Any) -> str:
    try:
        write()
    except polybus.InvalidArgumentError as error:
        return str(error)
    return "no error"


def mistakes(topic: str, types: polybus.SchemaFile, lines: list[Any]) -> None:
    with polybus.Node("mistakes-py") as node:
        publisher = node.publisher(topic, types.Everything)
        for line in lines:
            draft = publisher.loan()
            whole = error_of(lambda line=line: publisher.publish(line["set"]))
            print(json.dumps([whole, error_of(lambda line=line, draft=draft: fill(draft.msg, line["set"]))]))
            draft.discard()


def constants(_: str, types: polybus.SchemaFile, names: list[str]) -> None:
    values = {}
    for name in names:
        scope: Any = types
        for part in name.split("."):
            scope = getattr(scope, part)
        values[name] = canonical(scope)
    print(json.dumps(values))


if __name__ == "__main__":
    mode, topic, schema_file, cases = sys.argv[1:]
    lines = [json.loads(line) for line in Path(cases).read_text().splitlines()]
    modes = {"pub": publish, "sub": subscribe, "mistakes": mistakes, "constants": constants}
    schema_file, _, name = schema_file.partition(":")
    modes[mode](topic, polybus.load_schema(schema_file), lines, *([name] if name else []))
