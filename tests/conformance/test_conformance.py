"""Every language publishes every case to every language, and the values are compared exactly.

One table (cases.json), one small runner per language. Runners get the cases as lines of JSON; subscribers print what they read as
docs/json.md says. C goes by the byte: it publishes frames that another encoder made, and what it receives from itself must be those
frames.
"""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.support.bus import BUILD, ROOT, PrivateBus

HERE = Path(__file__).parent
SCHEMA = HERE / "conformance.capnp"
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


CASES = [{"name": case["name"], **expanded(case["set"])} for case in TABLE["cases"]]


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """What is read: what was set, and everything else as when nothing is set."""
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


def native(value: Any, name: str = "") -> Any:
    """The JSON of a case as Python's own values."""
    if isinstance(value, dict):
        return {key: native(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [native(element, name) for element in value]
    if isinstance(value, str) and name.startswith(("int64", "uint64", "count")):
        return int(value)
    if isinstance(value, str) and name.startswith("float"):
        return float(value)
    return base64.b64decode(value) if isinstance(value, str) and name.startswith("data") else value


@pytest.fixture(scope="session")
def frames() -> list[bytes]:
    schema = polybus.load_schema(SCHEMA).Everything
    return [schema.encode(native(case)) for case in CASES]


def write_input(language: str, folder: Path, frames: list[bytes]) -> Path:
    path = folder / "cases"
    if language == "c":
        path.write_bytes(b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames))
    else:
        path.write_text("".join(json.dumps(case) + "\n" for case in CASES))
    return path


@pytest.mark.parametrize("subscriber", RUNNERS)
@pytest.mark.parametrize("publisher", RUNNERS)
def test_what_one_language_publishes_another_one_reads(
    publisher: str, subscriber: str, bus: PrivateBus, tmp_path: Path, frames: list[bytes]
) -> None:
    cases = write_input(publisher, tmp_path, frames)
    common = ["conformance", str(SCHEMA)]
    output = tmp_path / "output"
    with output.open("w") as file:
        receiving = bus.start([*RUNNERS[subscriber], "sub", *common, str(len(CASES))], stdout=file)
        sending = bus.start([*RUNNERS[publisher], "pub", *common, str(cases)])
        assert sending.wait(PATIENCE_S) == 0
        assert receiving.wait(PATIENCE_S) == 0
    lines = output.read_text().splitlines()
    assert len(lines) == len(CASES)
    for case, frame, line in zip(CASES, frames, lines, strict=True):
        text, _, received = line.partition("\t")
        assert parsed(text) == exact(expected(case)), case["name"]
        if publisher == subscriber == "c":
            assert bytes.fromhex(received) == frame, case["name"]


def test_a_runner_that_gets_nothing_says_so(bus: PrivateBus) -> None:
    usage = subprocess.run([*RUNNERS["cpp"], "pub"], env=bus.environment, timeout=PATIENCE_S, check=False)
    assert usage.returncode == 2
