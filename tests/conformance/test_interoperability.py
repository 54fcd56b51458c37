"""The bytes on the bus are standard Cap'n Proto: what others wrote reads and writes them.

Two strangers: the `capnp` tool of Cap'n Proto itself, and pycapnp, which brings a Cap'n Proto library of its own. Every case of cases.json
goes through both, and so do the schemas that Debian ships with Cap'n Proto.
"""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.support.bus import BUS_CLI, NODE, PATIENCE_S, PrivateBus

HERE = Path(__file__).parent
SCHEMA = HERE / "conformance.capnp"
needs_tool = pytest.mark.skipif(shutil.which("capnp") is None, reason="the capnp tool is not installed")

# pycapnp runs in a process of its own: two versions of Cap'n Proto need not share one.
STRANGER = """
import base64, capnp, json, sys
Everything = capnp.load(sys.argv[2]).Everything
for line in sys.stdin:
    frame = base64.b64decode(line)
    with Everything.from_bytes(frame) as message:
        if sys.argv[1] == "read":
            value = message.to_dict()
            print(json.dumps(value, default=lambda data: base64.b64encode(data).decode()), flush=True)
        else:  # a message of its own with the same content, laid out as it likes
            print(base64.b64encode(message.as_builder().copy().to_bytes()).decode(), flush=True)
"""


def expanded(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"repeat", "times"}:
            return value["repeat"] * value["times"]
        return {key: expanded(member) for key, member in value.items()}
    return [expanded(element) for element in value] if isinstance(value, list) else value


def native(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: native(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [native(element, name) for element in value]
    if isinstance(value, str) and name.startswith(("int64", "uint64", "count")):
        return int(value)
    if isinstance(value, str) and name.startswith("float"):
        return float(value)
    return base64.b64decode(value) if isinstance(value, str) and name.startswith("data") else value


UNSAID = ("an enumerant nobody knows", "union: a member that is null")
CASES = [
    native({"name": case["name"], **expanded(case["set"])})
    for case in json.loads((HERE / "cases.json").read_text())["cases"]
    # An AnyPointer is nothing a dict could say, and the strangers have no word for what UNSAID has.
    if "$as" not in json.dumps(case) and case["name"] not in UNSAID
]


@pytest.fixture(scope="session")
def everything() -> polybus.Schema:
    return polybus.load_schema(SCHEMA).Everything


@pytest.fixture
def node(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[polybus.Node]:
    for name in ("POLYBUS_BUS", "POLYBUS_SOCKET"):
        monkeypatch.setenv(name, bus.environment[name])
    with polybus.Node("here") as node:
        yield node


def same(a: Any, b: Any) -> bool:
    """Equal, NaN with NaN."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def tool(*arguments: str | Path, given: bytes) -> bytes:
    done = subprocess.run(["capnp", *arguments], input=given, capture_output=True, timeout=PATIENCE_S, check=True)
    return done.stdout


def stranger(mode: str, frames: list[bytes]) -> list[str]:
    pytest.importorskip("capnp", reason="pycapnp is not installed")
    lines = "".join(base64.b64encode(frame).decode() + "\n" for frame in frames)
    command = [sys.executable, "-c", STRANGER, mode, str(SCHEMA)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def published(bus: PrivateBus, node: polybus.Node, everything: polybus.Schema) -> list[bytes]:
    """Every case as it lies in shared memory."""
    publisher, subscriber = node.publisher("cases", everything), node.subscriber("cases", queue=1024)
    for case in CASES:
        publisher.publish(case)
    return [bytes(subscriber.take(timeout=PATIENCE_S).data) for _ in CASES]


@needs_tool
def test_the_capnp_tool_decodes_what_echo_raw_dumps(
    bus: PrivateBus, node: polybus.Node, everything: polybus.Schema
) -> None:
    publisher = node.publisher("cases", everything, history=1)
    for case in CASES:
        publisher.publish(case)
        raw = subprocess.run(
            [BUS_CLI, "echo", "cases", "--raw", "--latest"],
            env=bus.environment, capture_output=True, timeout=PATIENCE_S, check=True,
        ).stdout  # fmt: skip
        text = tool("decode", SCHEMA, "Everything", given=raw)
        assert f'name = "{case["name"]}"'.encode() in text
        again = tool("encode", SCHEMA, "Everything", given=text)
        assert same(everything.decode(again).to_dict(), everything.decode(everything.encode(case)).to_dict()), case[
            "name"
        ]


def test_pycapnp_reads_what_the_bus_carries(bus: PrivateBus, node: polybus.Node, everything: polybus.Schema) -> None:
    frames = published(bus, node, everything)
    for case, frame, line in zip(CASES, frames, stranger("read", frames), strict=True):
        ours = json.loads(
            json.dumps(everything.decode(frame).to_dict(), default=lambda data: base64.b64encode(data).decode())
        )
        theirs = json.loads(line)
        assert theirs["name"] == case["name"]
        # Theirs has empty lists and structs where ours leaves null pointers out.
        assert same({key: theirs[key] for key in ours if not isinstance(ours[key], dict)},
                    {key: value for key, value in ours.items() if not isinstance(value, dict)}), case["name"]  # fmt: skip


def test_pycapnp_writes_what_every_reader_takes(
    bus: PrivateBus, node: polybus.Node, everything: polybus.Schema
) -> None:
    publisher = node.publisher("theirs", everything)
    subscriber = node.subscriber("theirs", queue=1024)
    echo = bus.start(
        [BUS_CLI, "echo", "theirs", "-n", str(len(CASES))],
        stdout=subprocess.PIPE,
    )
    assert publisher.wait_for_subscribers(2, timeout=PATIENCE_S)
    for line in stranger("write", [everything.encode(case) for case in CASES]):
        publisher.publish_bytes(base64.b64decode(line))
    said, _ = echo.communicate(timeout=PATIENCE_S)
    for case, line in zip(CASES, said.splitlines(), strict=True):
        expected = everything.decode(everything.encode(case)).to_dict()
        assert same(subscriber.take(timeout=PATIENCE_S).msg.to_dict(), expected), case["name"]
        assert json.loads(line)["name"] == case["name"]


@needs_tool
def test_the_schemas_that_come_with_capnproto_go_through_the_bus(bus: PrivateBus, node: polybus.Node) -> None:
    """A schema's own nodes, as the compiler wrote them, published as messages of schema.capnp, which the topic then shows."""
    file = Path("/usr/include/capnp/schema.capnp")
    request = polybus.load_schema(file).CodeGeneratorRequest
    compiled = subprocess.run(["capnp", "compile", "-o-", file], capture_output=True, check=True).stdout
    publisher, subscriber = node.publisher("requests", request), node.subscriber("requests")
    publisher.publish_bytes(compiled)
    sample = subscriber.take(timeout=PATIENCE_S)
    assert bytes(sample.data) == compiled
    names = [node_.displayName for node_ in sample.msg.nodes]
    assert any(name.endswith("schema.capnp:Node") for name in names)
    text = tool("decode", file, "CodeGeneratorRequest", given=bytes(sample.data))
    assert all(name.encode() in text for name in names)
    assert len(names) == text.count(b"displayName = ")


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


@needs_tool
@pytest.mark.parametrize("name", ["schema", "rpc", "rpc-twoparty", "persistent", "c++", "stream"])
def test_what_the_compiler_writes_is_read_alike_in_every_language(
    name: str, bus: PrivateBus, node: polybus.Node
) -> None:
    """The compiled schemas of Debian's capnproto: nested structs, groups, unions, enums and lists, thousands of values."""
    request = polybus.load_schema("/usr/include/capnp/schema.capnp").CodeGeneratorRequest
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
