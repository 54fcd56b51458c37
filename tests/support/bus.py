"""A private bus for a test: its own name, socket folder and busd, and an end for every process that was started on it."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support import janitor

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("POLYBUS_BUILD") or ROOT / "build")
BUSD = BUILD / "bin" / "busd"
BUS_CLI = BUILD / "bin" / "bus-cli"
EXAMPLES = ROOT / "examples"
NODE = shutil.which("node", path=f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}") or "node"
PATIENCE_S = 30.0  # for what must come; nothing is measured against it


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Waits for what nothing announces; its value once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.01)
    return value


class PrivateBus:
    """Programs started here are on this bus, find nobody else's, and end with it."""

    def __init__(self, folder: str) -> None:
        self.name = f"t-{uuid.uuid4().hex[:12]}"
        self.folder = Path(folder)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("POLYBUS_")} | {
            "POLYBUS_BUS": self.name,
            "POLYBUS_SOCKET": str(self.folder / "bus.sock"),
            "POLYBUS_BUSD": str(BUSD),
            "PYTHONUNBUFFERED": "1",
        }
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, command: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        """Starts a program; it is ended with the bus."""
        process = subprocess.Popen(command, env=self.environment, cwd=ROOT, text=True, **options)
        self.processes.append(process)
        return process

    def start_busd(self, *arguments: str) -> subprocess.Popen[str]:
        process = self.start([BUSD, "--bus", self.name, *arguments])
        until(self.answers, "busd")
        return process

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.environment["POLYBUS_SOCKET"]) == 0

    def run(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end."""
        return subprocess.run(
            arguments,
            env=self.environment,
            cwd=ROOT,
            text=True,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            **options,
        )

    def cli(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.run(BUS_CLI, *arguments, **options)

    def close(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()


@contextlib.contextmanager
def private_bus(busd: bool = True) -> Iterator[PrivateBus]:
    # In memory, the counters lie beside the socket, and so go with it also where busd was killed.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="polybus-test-", dir=memory) as folder:
        janitor.note(folder)
        bus = PrivateBus(folder)
        try:
            if busd:
                bus.start_busd()
            yield bus
        finally:
            bus.cli("daemon", "stop")  # one that a program started by itself
            bus.close()
