"""The bytes on the bus are standard Cap'n Proto: what others wrote reads and writes them.

Two strangers: the `capnp` tool of Cap'n Proto itself, and pycapnp, which brings a Cap'n Proto library of its own. Every case of cases.json
goes through both, and so do the schemas that come with Cap'n Proto. pycapnp's own messages: test_pycapnp.py.
"""

import base64
import json
import math
import subprocess
from collections.abc import Iterator
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
SCHEMAS_SCHEMA = Path("/usr/include/capnp/schema.capnp")
INSTALLED = sorted(Path("/usr/include/capnp").glob("*.capnp"))
GROUPS = {"place", "shape", "box"}


@pytest.fixture(scope="module")
def types() -> polybus.SchemaFile:
    return polybus.load_schema(SCHEMA)


@pytest.fixture(scope="module")
def their() -> Any:
    capnp.remove_import_hook()
    return capnp.load(str(SCHEMA))


@pytest.fixture
def node(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[polybus.Node]:
    for name in ("POLYBUS_BUS", "POLYBUS_SOCKET"):
        monkeypatch.setenv(name, bus.environment[name])
    with polybus.Node("here") as node:
        yield node


def values_of(case: dict[str, Any], types: polybus.SchemaFile) -> dict[str, Any]:
    return native({"name": case["name"], **expanded(case["set"])}, types)


PLAIN = [case for case in CASES if "$as" not in json.dumps(case)]


def same(ours: Any, theirs: Any) -> bool:
    """Whether a value of ours, as to_dict() gives it, is of the same kind and value as the one that they read."""
    if isinstance(ours, dict):
        return same_struct(ours, theirs)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, capnp.lib.capnp._DynamicEnum):  # by name, and one that the schema does not name by number
        return bool(theirs.raw == ours) if isinstance(ours, int) else str(theirs) == ours
    if type(ours) is not type(theirs):  # among them bool and int, str and bytes, and None against all but Void
        return False
    if isinstance(ours, float):
        return math.isnan(theirs) if math.isnan(ours) else ours.hex() == theirs.hex()
    return bool(ours == theirs)


def same_struct(ours: dict[str, Any], theirs: Any) -> bool:
    """Ours has the fields that are set in theirs, of a union the active one, and no others."""
    alternatives = set(theirs.schema.union_fields)
    set_there = {name for name in theirs.schema.non_union_fields if theirs._has(name)}
    if alternatives:
        set_there.add(str(theirs.which()))
    return ours.keys() == set_there and all(
        same_field(theirs, name, value, name in alternatives) for name, value in ours.items()
    )


def same_field(struct: Any, name: str, ours: Any, is_alternative: bool) -> bool:
    theirs = struct._get(name)
    if isinstance(theirs, capnp.lib.capnp._DynamicObjectReader):
        return ours is None  # AnyPointer: plain values cannot say what it holds
    if is_alternative and not struct._has(name):  # a null pointer, though it is the active one
        return ours is None
    return same(ours, theirs)


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case["name"])
def test_pycapnp_reads_what_we_write(case: dict[str, Any], types: polybus.SchemaFile, their: Any) -> None:
    frame = types.Everything.encode(values_of(case, types))
    ours = types.Everything.decode(frame).to_dict()
    with their.Everything.from_bytes(frame, traversal_limit_in_words=2**30) as theirs:
        assert same(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"int32": 1}, {"int32": 2}),
        ({"int32": 1}, {"int32": 1, "text": "set"}),
        ({"int32": 1, "text": "set"}, {"int32": 1}),
        ({"text": "1"}, {"text": "2"}),
        ({"float64": 0.0}, {"float64": -0.0}),
        ({"float64": float("nan")}, {"float64": 0.0}),
        ({"color": "red"}, {"color": "blue"}),
        ({"count": 0}, {"flag": False}),
        ({"shape": {"none": None}}, {"shape": {"radius": 0.0}}),
        ({"shape": {"radius": 1.5}}, {"shape": {"radius": 2.5}}),
        ({"words": None}, {"words": []}),
        ({"any": None}, {"pointBox": {}}),
        ({"voids": [None]}, {"voids": [None, None]}),
        ({"points": [{"x": 1}]}, {"points": [{"x": 2}]}),
        ({"matrix": [[1], [2]]}, {"matrix": [[1], [3]]}),
    ],
)
def test_what_differs_is_not_the_same(
    ours: dict[str, Any], theirs: dict[str, Any], types: polybus.SchemaFile, their: Any
) -> None:
    everything = types.Everything
    here = [everything.decode(everything.encode(values)).to_dict() for values in (ours, theirs)]
    frames = [everything.encode(values) for values in (ours, theirs)]
    for i, value in enumerate(here):
        for j, frame in enumerate(frames):
            with their.Everything.from_bytes(frame) as message:
                assert same(value, message) == (i == j)


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


def test_what_pycapnp_writes_every_reader_on_the_bus_takes(
    bus: PrivateBus, node: polybus.Node, types: polybus.SchemaFile, their: Any
) -> None:
    publisher = node.publisher("theirs", types.Everything)
    subscriber = node.subscriber("theirs", queue=1024)
    core = bus.start([BUS_CLI, "echo", "theirs", "-n", str(len(WRITTEN)), "--json"], stdout=subprocess.PIPE)
    assert publisher.wait_for_subscribers(2, timeout=PATIENCE_S)
    for case in WRITTEN:
        message = their.Everything.new_message()
        fill(message, values_of(case, types))
        publisher.publish_bytes(message.to_bytes())
    said, _ = core.communicate(timeout=PATIENCE_S)
    for case, line in zip(WRITTEN, said.splitlines(), strict=True):
        expected = json.loads(types.Everything.decode(types.Everything.encode(values_of(case, types))).to_json())
        sample = subscriber.take(timeout=PATIENCE_S)
        assert sample is not None
        assert json.loads(sample.msg.to_json()) == expected, case["name"]
        assert json.loads(line)["msg"] == expected, case["name"]


def test_the_capnp_tool_decodes_what_echo_dumps(bus: PrivateBus, node: polybus.Node, types: polybus.SchemaFile) -> None:
    frames = [types.Everything.encode(values_of(case, types)) for case in CASES]
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
    request = polybus.load_schema(SCHEMAS_SCHEMA).CodeGeneratorRequest
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
        BUS_CLI, "pub", "schemas", "--file", bundle, "--schema", f"{SCHEMAS_SCHEMA}:CodeGeneratorRequest",
        "--wait-subs", "1",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    line, _ = echo.communicate(timeout=PATIENCE_S)
    assert json.loads(line)["msg"] == python
    for path in INSTALLED:
        assert bus.cli("gen", "typescript", str(path), "-o", "-").returncode == 0
    with capnp.load(str(SCHEMAS_SCHEMA), imports=["/usr/include"]).CodeGeneratorRequest.from_bytes(
        request.bundle
    ) as theirs:
        assert same(request.decode(request.bundle).to_dict(), theirs)


# JavaScript's view of any topic's next message, without a schema file.
JAVASCRIPT = """
import { Node } from 'polybus'
const node = new Node('there')
for await (const sample of node.subscriber(process.argv[1], { timeout: 30000 })) {
  console.log(JSON.stringify(sample))
  break
}
await node.close()
"""


@pytest.mark.parametrize("name", ["schema", "rpc", "rpc-twoparty", "persistent", "c++", "stream"])
def test_what_the_compiler_writes_is_read_alike_in_every_language(
    name: str, bus: PrivateBus, node: polybus.Node
) -> None:
    """The compiled schemas of Debian's capnproto: nested structs, groups, unions, enums and lists, thousands of values."""
    request = polybus.load_schema(SCHEMAS_SCHEMA).CodeGeneratorRequest
    source = f"/usr/include/capnp/{name}.capnp"
    compiled = subprocess.run(["capnp", "compile", "-o-", source], capture_output=True, check=True).stdout
    publisher, subscriber = node.publisher("requests", request), node.subscriber("requests")
    core = bus.start([BUS_CLI, "echo", "requests", "--once"], stdout=subprocess.PIPE)
    javascript = bus.start([NODE, "--input-type=module", "-e", JAVASCRIPT, "requests"], stdout=subprocess.PIPE)
    assert publisher.wait_for_subscribers(3, timeout=PATIENCE_S)
    publisher.publish_bytes(compiled)
    read_by_core = json.loads(core.communicate(timeout=PATIENCE_S)[0])
    assert len(read_by_core["nodes"]) > 1
    assert json.loads(javascript.communicate(timeout=PATIENCE_S)[0]) == read_by_core
    message = subscriber.take(timeout=PATIENCE_S).msg
    assert in_json(message.to_dict()) == read_by_core
    # Encoded anew from plain values it is the same message, if not the same bytes. (AnyPointer is not among plain values.)
    if "anyPointer" not in json.dumps(read_by_core):
        assert request.decode(request.encode(message.to_dict())) == message


def in_json(value: Any) -> Any:
    """As docs/json.md writes what to_dict() gives: nothing here knows the schema, so 64-bit integers are told by name."""
    if isinstance(value, dict):
        return {key: in_json_field(key, member) for key, member in value.items()}
    return [in_json(element) for element in value] if isinstance(value, list) else value


def in_json_field(name: str, value: Any) -> Any:
    if name in ("id", "scopeId", "typeId", "int64", "uint64", "paramStructType", "resultStructType") and isinstance(
        value, int
    ):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return in_json(value)
