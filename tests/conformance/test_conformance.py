"""Every language publishes every case to every language, and the values are compared exactly.

One table (cases.json), one small runner per language. Runners get the cases as lines of JSON; subscribers print what they read as
docs/json.md says. C goes by the byte: it publishes frames that another encoder made, and what it receives from itself must be those
frames.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.conformance.runner import native
from tests.support.bus import BUILD, ROOT, PrivateBus

HERE = Path(__file__).parent
SCHEMA = HERE / "conformance.capnp"
POINT = HERE / "point.capnp"  # subscribers have no schema of what they read; this is for what lies in an AnyPointer
TABLE = json.loads((HERE / "cases.json").read_text())
PATIENCE_S = 90

RUNNERS = {
    "cpp": [str(BUILD / "bin/tests/conformance-runner")],
    "c": [str(BUILD / "bin/tests/conformance-runner-c")],
    "python": [sys.executable, str(HERE / "runner.py")],
    "js": [shutil.which("node", path=f"{ROOT}/.venv/bin") or "node", str(HERE / "runner.mjs")],
}


def expanded(value: Any) -> Any:
    """`{"repeat": x, "times": n}` written out."""
    if isinstance(value, dict):
        if value.keys() == {"repeat", "times"}:
            return value["repeat"] * value["times"]
        return {key: expanded(member) for key, member in value.items()}
    return [expanded(element) for element in value] if isinstance(value, list) else value


CASES = TABLE["cases"]
# Every case twice: as one object, and field by field.
MESSAGES = [
    {"how": how, "set": {"name": case["name"], **expanded(case["set"])}, "get": case.get("get", [])}
    for case in CASES
    for how in ("object", "fields")
]


def without_any(value: Any) -> Any:
    """JSON has nothing but null for an AnyPointer."""
    if isinstance(value, dict):
        return None if "$as" in value else {key: without_any(member) for key, member in value.items()}
    return [without_any(element) for element in value] if isinstance(value, list) else value


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """What is read: what was set, and everything else as when nothing is set."""
    case = without_any(case)
    unset = dict(TABLE["unset"])
    if any(member in case for member in TABLE["union"]):
        for member in TABLE["union"]:
            unset.pop(member, None)
    return unset | case


def exact(value: Any, name: str = "") -> Any:
    """A form in which == means the same bits: floats in hexadecimal, 64-bit integers as their digits."""
    if isinstance(value, dict):
        return {key: exact(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [exact(element, name) for element in value]
    if isinstance(value, bool) or value is None:
        return value
    if name.startswith(("int64", "uint64", "count")):
        return str(value)
    if isinstance(value, float) or (
        isinstance(value, int) and name.startswith(("float", "y", "north", "east", "radius"))
    ):
        return float(value).hex()
    return value


def parsed(line: str) -> Any:
    # "-0" is a number of its own; int() would lose its sign.
    return exact(json.loads(line, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits)))


@pytest.fixture(scope="session")
def frames() -> list[bytes]:
    types = polybus.load_schema(SCHEMA)
    return [types.Everything.encode(native(message["set"], types)) for message in MESSAGES]


def write_input(language: str, folder: Path, frames: list[bytes]) -> Path:
    path = folder / "cases"
    if language == "c":
        path.write_bytes(b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames))
    else:
        write_lines(path, MESSAGES)
    return path


def write_lines(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("subscriber", RUNNERS)
@pytest.mark.parametrize("publisher", RUNNERS)
def test_what_one_language_publishes_another_one_reads(
    publisher: str, subscriber: str, bus: PrivateBus, tmp_path: Path, frames: list[bytes]
) -> None:
    cases = write_input(publisher, tmp_path, frames)
    wanted = str(len(MESSAGES)) if subscriber == "c" else str(write_lines(tmp_path / "wanted", MESSAGES))
    output = tmp_path / "output"
    with output.open("w") as file:
        receiving = bus.start([*RUNNERS[subscriber], "sub", "conformance", str(POINT), wanted], stdout=file)
        sending = bus.start([*RUNNERS[publisher], "pub", "conformance", str(SCHEMA), str(cases)])
        assert sending.wait(PATIENCE_S) == 0
        assert receiving.wait(PATIENCE_S) == 0
    lines = output.read_text().splitlines()
    assert len(lines) == len(MESSAGES)
    for message, frame, line in zip(MESSAGES, frames, lines, strict=True):
        text, _, rest = line.partition("\t")
        name = f"{message['set']['name']}, {message['how']}"
        assert parsed(text) == exact(expected(message["set"])), name
        if subscriber != "c":
            assert json.loads(rest) == [get["is"] for get in message["get"]], name
        elif publisher == "c":
            assert bytes.fromhex(rest) == frame, name


@pytest.mark.parametrize("language", RUNNERS)
def test_a_wrong_value_is_told_in_the_same_words(language: str, bus: PrivateBus, tmp_path: Path) -> None:
    mistakes = TABLE["mistakes"]
    lines = [mistake["set"] if language == "c" else mistake for mistake in mistakes]
    told = run_mode(bus, language, "mistakes", write_lines(tmp_path / "mistakes", lines))
    assert len(told) == len(mistakes)
    for mistake, line in zip(mistakes, told, strict=True):
        whole, by_field = (line, None) if language == "c" else json.loads(line)
        assert whole == mistake["error"]
        if by_field is not None and not mistake.get("whole"):
            assert by_field == mistake["error"]


@pytest.mark.parametrize("language", [language for language in RUNNERS if language != "c"])
def test_constants_have_the_values_of_the_schema(language: str, bus: PrivateBus, tmp_path: Path) -> None:
    (line,) = run_mode(bus, language, "constants", write_lines(tmp_path / "names", TABLE["constants"]))
    values = json.loads(line)
    wide = {"least": str, "most": str}  # Python's integers have no width
    assert {name: wide.get(name, lambda value: value)(value) for name, value in values.items()} == TABLE["constants"]


def run_mode(bus: PrivateBus, language: str, mode: str, cases: Path) -> list[str]:
    done = subprocess.run(
        [*RUNNERS[language], mode, "conformance", str(SCHEMA), str(cases)],
        env=bus.environment,
        timeout=PATIENCE_S,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_runner_that_gets_nothing_says_so(bus: PrivateBus) -> None:
    usage = subprocess.run([*RUNNERS["cpp"], "pub"], env=bus.environment, timeout=PATIENCE_S, check=False)
    assert usage.returncode == 2
