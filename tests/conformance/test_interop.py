"""What others wrote reads and writes the same messages: pycapnp, the `capnp` tool, the schemas that come with Cap'n Proto."""

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import capnp
import polybus
import pytest

from tests.conformance.runner import native
from tests.conformance.test_conformance import CASES, SCHEMA, expanded
from tests.conformance.test_json import canonical
from tests.support.bus import BUS_CLI, NODE, PATIENCE_S, PrivateBus

HERE = Path(__file__).parent
INSTALLED = sorted(Path("/usr/include/capnp").glob("*.capnp"))
GROUPS = {"place", "shape", "box"}


@pytest.fixture(scope="module")
def types() -> polybus.SchemaFile:
    return polybus.load_schema(SCHEMA)


@pytest.fixture(scope="module")
def their() -> Any:
    capnp.remove_import_hook()
    return capnp.load(str(SCHEMA))


def values_of(case: dict[str, Any], types: polybus.SchemaFile) -> dict[str, Any]:
    return native({"name": case["name"], **expanded(case["set"])}, types)


PLAIN = [case for case in CASES if "$as" not in json.dumps(case)]


def same(ours: Any, theirs: Any) -> bool:
    """Each field of ours, read by them."""
    if isinstance(ours, dict):
        return all(same(value, theirs._get(name) if value is not None else None) for name, value in ours.items())
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float):
        return (math.isnan(ours) and math.isnan(theirs)) or ours.hex() == float(theirs).hex()
    if ours is None:
        return True  # Void, and a union's member that is null
    return bool(theirs == ours) or str(theirs) == str(ours)


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case["name"])
def test_pycapnp_reads_what_we_write(case: dict[str, Any], types: polybus.SchemaFile, their: Any) -> None:
    frame = types.Everything.encode(values_of(case, types))
    ours = types.Everything.decode(frame).to_dict()
    with their.Everything.from_bytes(frame, traversal_limit_in_words=2**30) as theirs:
        assert same(ours, theirs)


def fill(builder: Any, values: dict[str, Any]) -> None:
    """As a program that uses pycapnp builds a message."""
    for name, value in values.items():
        if isinstance(value, dict):
            fill(builder.init(name) if name not in GROUPS else group(builder, name), value)
        elif isinstance(value, list):
            fill_list(builder.init(name, len(value)), value)
        else:
            setattr(builder, name, value)


def group(builder: Any, name: str) -> Any:
    return builder.init(name) if name == "box" else getattr(builder, name)


def fill_list(builder: Any, values: list[Any]) -> None:
    for i, value in enumerate(values):
        if isinstance(value, dict):
            fill(builder[i], value)
        elif isinstance(value, list):
            fill_list(builder.init(i, len(value)), value)
        else:
            builder[i] = value


# pycapnp sets neither Void nor a null member of a union, and enums by name or their own objects only.
WRITTEN = [
    case for case in PLAIN if "null" not in json.dumps(case["set"]) and case["name"] != "an enumerant nobody knows"
]


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case["name"])
def test_we_read_what_pycapnp_writes(case: dict[str, Any], types: polybus.SchemaFile, their: Any) -> None:
    values = values_of(case, types)
    message = their.Everything.new_message()
    fill(message, values)
    theirs = message.to_bytes()
    assert canonical(theirs) == canonical(types.Everything.encode(values))
    ours = types.Everything.decode(types.Everything.encode(values))
    assert types.Everything.decode(theirs).to_json() == ours.to_json()


def test_the_capnp_tool_decodes_what_echo_dumps(bus: PrivateBus, types: polybus.SchemaFile, monkeypatch: Any) -> None:
    for name, value in bus.environment.items():
        if name.startswith("POLYBUS_"):
            monkeypatch.setenv(name, value)
    frames = [types.Everything.encode(values_of(case, types)) for case in CASES]
    with polybus.Node("interop", bus=bus.name) as node:
        publisher = node.publisher("raw", types.Everything, history=64)
        for frame in frames:
            publisher.publish(types.Everything.decode(frame))
        echo = bus.start(
            [
                "bash",
                "-c",
                'exec "$0" echo raw -n "$1" --raw | capnp decode "$2" Everything',
                BUS_CLI,
                str(len(frames)),
                SCHEMA,
            ],
            stdout=subprocess.PIPE,
        )
        dumped, _ = echo.communicate(timeout=PATIENCE_S)
    assert echo.returncode == 0
    direct = subprocess.run(
        ["capnp", "decode", SCHEMA, "Everything"],
        input=b"".join(frames),
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=True,
    )
    assert dumped == direct.stdout.decode()
    assert dumped.count("name = ") >= len(frames)


def test_the_schemas_that_come_with_capn_proto_are_read_in_every_language(bus: PrivateBus, tmp_path: Path) -> None:
    assert len(INSTALLED) >= 5
    count = 0
    for path in INSTALLED:
        file = polybus.load_schema(path)
        for name in file.names:
            type_ = file[name]
            assert type_.decode(type_.encode(type_.decode(type_.encode()).to_dict())) == type_.decode(type_.encode())
            count += 1
    # Their largest message that is at hand: the schema of schemas, in the form of a CodeGeneratorRequest.
    request = polybus.load_schema("/usr/include/capnp/schema.capnp").CodeGeneratorRequest
    bundle = tmp_path / "bundle"
    bundle.write_bytes(request.bundle)
    python = json.loads(request.decode(request.bundle).to_json())
    js = bus.run(NODE, HERE / "interop.mjs", bundle, *INSTALLED)
    assert js.returncode == 0, js.stderr
    js_count, js_json = js.stdout.splitlines()
    assert int(js_count) == count
    assert json.loads(js_json) == python
    # C++: the frame as it is goes over the bus, and comes out as bus-cli's JSON.
    echo = bus.start([BUS_CLI, "echo", "schemas", "--once", "--json"], stdout=subprocess.PIPE)
    sent = bus.run(
        BUS_CLI, "pub", "schemas", "--file", bundle, "--schema", "/usr/include/capnp/schema.capnp:CodeGeneratorRequest",
        "--wait-subs", "1",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    line, _ = echo.communicate(timeout=PATIENCE_S)
    assert json.loads(line)["msg"] == python
    for path in INSTALLED:
        assert bus.cli("gen", "typescript", str(path), "-o", "-").returncode == 0
    with capnp.load("/usr/include/capnp/schema.capnp", imports=["/usr/include"]).CodeGeneratorRequest.from_bytes(
        request.bundle
    ) as theirs:
        assert same(request.decode(request.bundle).to_dict(), theirs)
