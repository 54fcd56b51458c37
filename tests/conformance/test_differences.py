"""What keeps two versions of a schema apart is said field by field, in the same words in every language and by bus-cli.

One table (differences.json) has the kinds of change. A Python process has a topic for each, with the one version; a process of each
language comes with the other one, and is refused with exactly this text, or not at all.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.support.bus import BUILD, NODE, PATIENCE_S, PrivateBus, until

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "differences.json").read_text())["cases"]
PROGRAMS = {
    "c++": [str(BUILD / "bin/tests/conformance-refused")],
    "c": [str(BUILD / "bin/tests/conformance-refused-c")],
    "python": [sys.executable, str(HERE / "refused.py")],
    "javascript": [NODE, str(HERE / "refused.mjs")],
}


def topic_of(case: dict[str, Any]) -> str:
    return "".join(character if character.isalnum() else "-" for character in case["name"])


def write(folder: Path, side: str, case: dict[str, Any]) -> Path:
    path = folder / side / topic_of(case) / "case.capnp"
    path.parent.mkdir(parents=True)
    path.write_text(f"@0xf0e1d2c3b4a59687;\n{case[side]}\n")
    return path


@pytest.fixture
def keeper(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[polybus.Node]:
    for name in ("POLYBUS_BUS", "POLYBUS_SOCKET", "POLYBUS_BUSD"):
        monkeypatch.setenv(name, bus.environment[name])
    with polybus.Node("keeper") as node:
        yield node


@pytest.fixture
def here(keeper: polybus.Node, tmp_path: Path) -> Iterator[list[Path]]:
    """The newcomer's files, one a case; the topics have the other ones."""
    publishers = []
    for case in CASES:
        there = None if case["there"] is None else polybus.load_schema(write(tmp_path, "there", case)).Main
        publishers.append(keeper.publisher(topic_of(case), there))
    yield [write(tmp_path, "here", case) for case in CASES]
    for publisher in publishers:
        publisher.close()


def expected(case: dict[str, Any], role: str, pid: int, language: str, keeper_language: str) -> str:
    if "mismatches" not in case:
        return "fits"
    there = "untyped bytes" if case["there"] is None else "case.capnp:Main"
    return (
        f"SCHEMA_MISMATCH topic {topic_of(case)}: case.capnp:Main of this {role}, node refused (pid {pid}, {language}), "
        f"against {there} of publisher node keeper (pid {os.getpid()}, {keeper_language}): {'; '.join(case['mismatches'])}"
    )


@pytest.mark.parametrize("role", ["subscriber", "publisher"])
@pytest.mark.parametrize("language", PROGRAMS)
def test_is_told_alike_in_every_language(
    language: str, role: str, bus: PrivateBus, keeper: polybus.Node, here: list[Path]
) -> None:
    lines = "".join(f"{topic_of(case)} {path}\n" for case, path in zip(CASES, here, strict=True))
    process = bus.start([*PROGRAMS[language], role], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said, _ = process.communicate(lines, timeout=PATIENCE_S)
    assert process.returncode == 0
    keeper_language = next(node["language"] for node in keeper.graph()["nodes"] if node["node"] == "keeper")
    node = subprocess.run([NODE, "-p", "process.versions.node"], capture_output=True, text=True, check=True).stdout
    own = {"python": keeper_language, "javascript": "node " + ".".join(node.split(".")[:2])}
    for case, line in zip(CASES, said.splitlines(), strict=True):
        assert line == expected(case, role, process.pid, own.get(language, language), keeper_language), case["name"]
        assert len(line.encode()) < 512


def test_holds_again_after_busd_was_killed(bus: PrivateBus, keeper: polybus.Node, here: list[Path]) -> None:
    refused = [(case, path) for case, path in zip(CASES, here, strict=True) if "mismatches" in case]
    newcomer = polybus.Node("refused")

    def attempt(topic: str, path: Path) -> str:
        with pytest.raises(polybus.SchemaMismatchError) as caught:
            newcomer.subscriber(topic, polybus.load_schema(path).Main)
        return str(caught.value)

    before = [attempt(topic_of(case), path) for case, path in refused]
    topics = {topic_of(case) for case in CASES}
    daemon = bus.processes[0]
    daemon.kill()
    daemon.wait(PATIENCE_S)

    def all_are_back() -> bool:
        try:
            graph = newcomer.graph()
        except polybus.Error:
            return False
        return graph["busd_pid"] != daemon.pid and topics <= {
            topic["topic"] for topic in graph["topics"] if topic["publishers"]
        }

    until(all_are_back, "a new busd that knows the topics")
    assert [attempt(topic_of(case), path) for case, path in refused] == before
    newcomer.close()
