"""hello and region: every language with every language."""

import subprocess
import sys

import pytest

from tests.support.bus import BUILD, EXAMPLES, NODE, PrivateBus, until

HELLO = EXAMPLES / "hello"
REGION = EXAMPLES / "region"
PYTHON = sys.executable
BIN = BUILD / "bin" / "examples"

SPEAKERS = {
    "Python": [PYTHON, HELLO / "hello_pub.py"],
    "JavaScript": [NODE, HELLO / "hello_pub.mjs"],
    "C++": [BIN / "hello-hello_pub"],
    "C": [BIN / "hello-hello_pub-c"],
}
LISTENERS = {
    "Python": [PYTHON, HELLO / "hello_sub.py"],
    "JavaScript": [NODE, HELLO / "hello_sub.mjs"],
    "C++": [BIN / "hello-hello_sub"],
    "C": [BIN / "hello-hello_sub-c"],
}


@pytest.mark.parametrize("listener", LISTENERS)
def test_everybody_hears_everybody(bus: PrivateBus, listener: str) -> None:
    hearing = bus.start(LISTENERS[listener], stdout=subprocess.PIPE)
    assert hearing.stdout is not None
    for speaker, command in SPEAKERS.items():
        bus.start(command, stdout=subprocess.DEVNULL)
        said = f'"{speaker}"' if listener == "C" else f"hello from {speaker},"
        assert any(said in line for line in hearing.stdout), speaker


WRITERS = {
    "package": [PYTHON, REGION / "write.py", "settings"],
    "ctypes": [PYTHON, REGION / "ctypes_region.py", "settings"],
    "koffi": [NODE, REGION / "koffi_region.mjs", "settings"],
}
READERS = {
    "c": [BIN / "region-read", "settings"],
    "js": [NODE, REGION / "read.mjs", "settings"],
    "ctypes": [PYTHON, REGION / "ctypes_region.py", "settings"],
    "koffi": [NODE, REGION / "koffi_region.mjs", "settings"],
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_region_is_read_after_its_writer_has_ended(bus: PrivateBus, writer: str) -> None:
    written = bus.run(*WRITERS[writer], f"brightness=80 by {writer}")
    assert written.returncode == 0, written.stderr
    for reader, command in READERS.items():
        read = bus.run(*command)
        assert (read.returncode, read.stdout) == (0, f"brightness=80 by {writer}\n"), reader + read.stderr


def test_a_region_nobody_has_written_is_empty(bus: PrivateBus) -> None:
    for command in READERS.values():
        assert "nobody has written" in bus.run(*command).stdout


def test_regions_start_the_bus_by_themselves(no_bus: PrivateBus) -> None:
    assert no_bus.run(*WRITERS["package"], "x").returncode == 0
    until(lambda: no_bus.run(*READERS["c"]).stdout == "x\n", "the value")
