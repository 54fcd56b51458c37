"""pycapnp's own test schemas and messages go through the bus in every language, value for value (pycapnp/README.md says whose they are).

The judge is the text that the `capnp` tool prints of a message; for the large one it is a file that came with the message.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import capnp
import polybus
import pytest

from tests.conformance.runner import native
from tests.conformance.test_conformance import RUNNERS, write_lines
from tests.support.bus import PATIENCE_S, PrivateBus

THEIRS = Path(__file__).parent / "pycapnp"
PERSON: dict[str, Any] = {
    "id": 123,
    "name": "Alice",
    "email": "alice@example.com",
    "phones": [{"number": "555-1212", "type": "mobile"}],
    "employment": {"school": "MIT"},
}
INNER: dict[str, Any] = {"int64Field": -(2**63), "textField": "x", "enumList": ["qux", "foo"], "structList": [{}]}


def tool(*arguments: str | Path, given: bytes) -> bytes:
    done = subprocess.run(["capnp", *arguments], input=given, capture_output=True, timeout=PATIENCE_S, check=True)
    return done.stdout


def written_by_pycapnp(file: str, type_: str, **fields: Any) -> bytes:
    capnp.remove_import_hook()
    return bytes(getattr(capnp.load(str(THEIRS / file)), type_).new_message(**fields).to_bytes())


def frames_of(file: str, type_: str) -> list[bytes]:
    if type_ == "TestAllTypes":
        packed = tool("convert", "packed:binary", given=(THEIRS / "all-types.packed").read_bytes())
        return [(THEIRS / "all-types.binary").read_bytes(), packed, written_by_pycapnp(file, type_)]
    if type_ == "UnionAllTypes":
        members: list[dict[str, Any]] = [{"unionStructField1": INNER}, {"unionStructField2": INNER}]
    elif type_ == "GroupedUnionAllTypes":
        members = [{"g1": {"unionStructField1": INNER}}, {"g2": {"unionStructField2": INNER}}]
    elif type_ == "NestedList":
        members = [{"list": [[1, 2], [], [-(2**31)]]}]
    else:
        boss = {**PERSON, "employment": {"employer": {"name": "ACME", "boss": PERSON}}}
        members = [{"people": [PERSON, boss, {"employment": {"selfEmployed": None}}]}]
    return [written_by_pycapnp(file, type_, **fields) for fields in members]


LANGUAGES = list(RUNNERS)
# The large message from each language to each, the small ones once around.
WAYS = [("all_types.capnp", "TestAllTypes", one, other) for one in LANGUAGES for other in LANGUAGES] + [
    (file, type_, language, LANGUAGES[(i + 1) % len(LANGUAGES)])
    for i, language in enumerate(LANGUAGES)
    for file, type_ in (
        ("all_types.capnp", "UnionAllTypes"),
        ("all_types.capnp", "GroupedUnionAllTypes"),
        ("addressbook.capnp", "AddressBook"),
        ("addressbook.capnp", "NestedList"),
    )
]


@pytest.mark.parametrize(("file", "type_", "publisher", "subscriber"), WAYS)
def test_what_pycapnp_tests_itself_with_goes_through_the_bus(
    file: str, type_: str, publisher: str, subscriber: str, bus: PrivateBus, tmp_path: Path
) -> None:
    schema, frames = f"{THEIRS / file}:{type_}", frames_of(file, type_)
    types = polybus.load_schema(THEIRS / file)
    messages = [
        {"how": how, "set": json.loads(types[type_].decode(frame).to_json()), "get": []}
        for frame in frames
        for how in ("object", "fields")
    ]
    cases = write_lines(tmp_path / "cases", messages)
    if publisher == "c":
        cases.write_bytes(b"".join(2 * (len(frame).to_bytes(4, "little") + frame) for frame in frames))
    wanted = (
        [schema, len(messages)] if subscriber == "c" else [THEIRS / file, write_lines(tmp_path / "wanted", messages)]
    )
    with (tmp_path / "output").open("w") as output:
        receiving = bus.start([*RUNNERS[subscriber], "sub", "theirs", *map(str, wanted)], stdout=output)
        sending = bus.start([*RUNNERS[publisher], "pub", "theirs", schema, str(cases)])
        assert sending.wait(PATIENCE_S) == 0
        assert receiving.wait(PATIENCE_S) == 0
    lines = (tmp_path / "output").read_text().splitlines()
    assert len(lines) == len(messages)
    for i, line in enumerate(lines):
        read = types[type_].encode(native(json.loads(line.partition("\t")[0]), types))
        assert text_of(file, type_, read) == text_of(file, type_, frames[i // 2])
        if (publisher, subscriber) == ("c", "c"):
            assert bytes.fromhex(line.partition("\t")[2]) == frames[i // 2]


def text_of(file: str, type_: str, frame: bytes) -> str:
    return tool("decode", THEIRS / file, type_, given=frame).decode()


def test_their_message_says_what_their_text_says() -> None:
    type_ = polybus.load_schema(THEIRS / "all_types.capnp").TestAllTypes
    for frame in frames_of("all_types.capnp", "TestAllTypes")[:2]:
        again = type_.encode(type_.decode(frame).to_dict())
        assert text_of("all_types.capnp", "TestAllTypes", again) == (THEIRS / "all-types.txt").read_text()


def test_an_interface_of_theirs_is_refused_with_the_fields_name() -> None:
    type_ = polybus.load_schema(THEIRS / "test_response.capnp").Bar
    with pytest.raises(polybus.InvalidArgumentError, match="foo: a field of an interface type holds a capability"):
        type_.encode(foo={})
