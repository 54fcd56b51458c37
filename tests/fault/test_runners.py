"""Tests that are killed in the middle, with SIGKILL, leave nothing: neither what they started nor what they made."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.support.bus import BUILD, NODE, ROOT, until

CTEST = [
    "ctest",
    "--test-dir",
    BUILD,
    "-j",
    "3",
    "-R",
    "Stopped.processes_are|Victims.killed_at_any|Blocking.nothing_is",
]
PYTEST = [sys.executable, "-m", "pytest", "-c", "adapters/python/pyproject.toml", "--rootdir", ROOT, "-q", "-n", "2"]
RUNNERS = {
    "ctest": CTEST,
    "pytest": [*PYTEST, "-p", "no:cacheprovider", "tests/python/test_regions.py", "tests/python/test_processes.py"],
    "node": [NODE, "--test", "tests/node/bus.test.mjs", "tests/node/process.test.mjs"],
}


class Traces:
    """The processes of a run, by what they all inherit, and the files they were seen to use."""

    def __init__(self) -> None:
        self.mark = f"KILLED_RUN={uuid.uuid4().hex}"
        self.files: set[Path] = set()

    def processes(self) -> dict[int, str]:
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                if self.mark.encode() not in environment:
                    continue
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
                self._note_files(entry, environment)
            except (OSError, UnicodeDecodeError):  # ended meanwhile
                continue
        return found

    def _note_files(self, process: Path, environment: list[bytes]) -> None:
        for text in (process / "maps").read_text().splitlines():
            if counters := re.search(r"/\S+\.stat$", text):
                self.files.add(Path(counters[0]))
        for socket in re.findall(r"--socket\0([^\0]+)", (process / "cmdline").read_text()):
            self.files.add(Path(socket).parent)
        self.files.update(
            Path(os.fsdecode(entry.partition(b"=")[2]))
            for entry in environment
            if entry.startswith(b"XDG_RUNTIME_DIR=") and b"polybus-" in entry
        )

    def left(self) -> list[object]:
        return [*self.processes().items(), *(path for path in self.files if path.exists())]


@pytest.mark.parametrize("runner", RUNNERS)
def test_tests_that_are_killed_leave_no_process_and_no_file(runner: str) -> None:
    traces = Traces()
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "XDG_RUNTIME_DIR"))}
    name, _, value = traces.mark.partition("=")
    run = subprocess.Popen(
        RUNNERS[runner], cwd=ROOT, env=outside | {name: value}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: any("busd" in command.split(" ")[0] for command in traces.processes().values()), "a busd")
        until(lambda: bool(traces.files) and bool(traces.processes()), "its files")
        assert run.poll() is None, "it was over before it was killed"
    finally:
        run.kill()
        run.wait()
    until(lambda: not traces.left(), "the end of everything it had")
