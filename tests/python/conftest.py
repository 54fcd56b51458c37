"""A private bus for each test that wants one, and a watchdog for all."""

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import polybus
import pytest

from tests.support import janitor

HERE = Path(__file__).parent
BUSD = Path(os.environ.get("POLYBUS_TEST_BUSD") or HERE.parent.parent / "build/bin/busd")
PATIENCE_S = 60  # no test may take longer, and none of their waits; far beyond what any of them needs


@pytest.fixture(autouse=True)
def _watchdog() -> Iterator[None]:
    def bark(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the test took more than {PATIENCE_S} s")

    former = signal.signal(signal.SIGALRM, bark)
    signal.alarm(PATIENCE_S)
    faulthandler.dump_traceback_later(2 * PATIENCE_S, exit=True)  # where the alarm cannot be raised
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


@pytest.fixture(scope="session", autouse=True)
def _folder_of_sockets() -> Iterator[None]:
    """What a killed busd leaves behind goes with the session."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="polybus-test-", dir=memory) as folder:
        janitor.note(folder)
        former = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = folder
        yield
        if former is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = former


@pytest.fixture(scope="session")
def words() -> polybus.SchemaFile:
    return polybus.load_schema(HERE / "words.capnp")


def wait_until(condition: Callable[[], Any]) -> Any:
    """Waits for a condition; the watchdog ends what never comes."""
    while not (result := condition()):
        time.sleep(0.002)
    return result


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], Any]], Any]:
    return wait_until


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bus of the test's own, with its busd in the foreground; also the default of this process and its children."""
    name = f"test-python-{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("POLYBUS_BUS", name)
    monkeypatch.setenv("POLYBUS_AUTOSTART", "0")
    daemon = subprocess.Popen([BUSD, "--bus", name])

    def is_up() -> bool:
        assert daemon.poll() is None, "busd ended at once"
        with contextlib.suppress(polybus.NoBusError), polybus.Node("probe", autostart=False) as node:
            node.connect()
            return True
        return False

    try:
        wait_until(is_up)
        yield name
    finally:
        daemon.terminate()
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise


@pytest.fixture
def node(bus: str) -> Iterator[polybus.Node]:
    with polybus.Node("test") as node:
        yield node


class Child:
    """A Python process running a text, with polybus imported and pipes to talk through."""

    def __init__(self, code: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", f"import os, sys, signal, polybus\n{code}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            cwd=HERE,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, f"the child ended: {self.process.communicate(timeout=PATIENCE_S)[1]}"
        return text.strip()

    def tell(self, text: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def start(code: str, **environment: str) -> Child:
        children.append(Child(code, **environment))
        return children[-1]

    yield start
    for one in children:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
