"""Runs the system monitor: three programs in three languages on one bus, until Ctrl-C or for --duration seconds.

Each is an ordinary program that can be started by hand; the first lines say how. A program that ends meanwhile is left ended:
the others go on, and pick it up when it is started again.
"""

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("POLYBUS_BUILD", ROOT / "build"))
PATIENCE_S = 10.0  # for a program to end after Ctrl-C, before it is killed


def short(path: str | Path) -> str:
    """The path as seen from the repository's root, where it is below."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@dataclass
class Program:
    """One of the three: how it is started, and what it said it has done."""

    language: str
    verb: str
    command: list[str]
    process: subprocess.Popen[str] = field(init=False)
    reader: threading.Thread = field(init=False)
    done: int = 0
    failed: bool = False

    @property
    def by_hand(self) -> str:
        """The command as one would type it at the repository's root."""
        return " ".join("node" if word == shutil.which("node") else short(word) for word in self.command)

    def start(self, lines: "queue.Queue[tuple[Program, str]]") -> None:
        # A process group of its own: a Ctrl-C at the terminal reaches this program only, which ends the three in order.
        # setpriv: if this program is killed, they end, too.
        guard = ["setpriv", "--pdeathsig", "INT", "--"] if shutil.which("setpriv") else []
        self.process = subprocess.Popen(
            [*guard, *self.command], cwd=ROOT, text=True, stdout=subprocess.PIPE, process_group=0
        )
        self.reader = threading.Thread(target=self._read, args=(lines,), daemon=True)
        self.reader.start()

    def _read(self, lines: "queue.Queue[tuple[Program, str]]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.put((self, line.rstrip("\n")))
        self.process.wait()
        lines.put((self, ""))  # it has ended

    def note(self, line: str) -> None:
        match = re.search(rf": (\d+) {self.verb}\b", line)
        if match:
            self.done = int(match[1])

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.failed = self.process.wait(PATIENCE_S) not in (0, 130, -signal.SIGINT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.failed = True
            print(f"demo: {self.language} did not end within {PATIENCE_S:.0f} s and was killed", file=sys.stderr)


def find_programs() -> list[Program]:
    # .venv/bin first: on machines without Node, that is where the set-up puts it.
    node = shutil.which("node", path=f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    processor = BUILD / "bin" / "examples" / "system_monitor-processor"
    if node is None or not processor.exists():
        missing = "node" if node is None else str(processor)
        sys.exit(f"demo: {missing} is not there; `make demo` installs and builds what is missing")
    return [
        Program("python", "published", [sys.executable, str(HERE / "producer.py")]),
        Program("c++", "processed", [str(processor)]),
        Program("node", "logged", [node, str(HERE / "consumer.mjs")]),
    ]


def supervise(programs: list[Program], lines: "queue.Queue[tuple[Program, str]]", deadline: float) -> None:
    """Shows what the programs say until the deadline, or until none of them is left."""
    running = set(range(len(programs)))
    while running:
        try:
            program, line = lines.get(timeout=max(0.0, min(1.0, deadline - time.monotonic())))
        except queue.Empty:
            if time.monotonic() >= deadline:
                return
            continue
        program.note(line)
        if line:
            print(line, flush=True)
        elif program.process.poll() is not None and programs.index(program) in running:
            running.discard(programs.index(program))
            print(f"demo: {program.language} has ended; start it again with: {program.by_hand}", flush=True)
        if time.monotonic() >= deadline:
            return


def drain(programs: list[Program], lines: "queue.Queue[tuple[Program, str]]") -> None:
    """Shows the last words of programs that have ended."""
    for program in programs:
        program.reader.join(2)
    while not lines.empty():
        program, line = lines.get()
        program.note(line)
        if line:
            print(line, flush=True)


def interrupt(signal_number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, help="stop after so many seconds (default: at Ctrl-C)")
    arguments = parser.parse_args()
    # Both set, since a shell starts what it puts in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    programs = find_programs()
    lines: queue.Queue[tuple[Program, str]] = queue.Queue()
    print("demo: three programs, each of which can be started by hand in a terminal of its own:")
    for program in programs:
        print(f"demo:   {program.by_hand}")
    print(f"demo: look at them with {short(BUILD / 'bin' / 'bus-cli')} list, or graph, or echo system/load", flush=True)
    started = []
    try:
        for program in reversed(programs):  # who listens first: nothing is missed
            program.start(lines)
            started.append(program)
        supervise(programs, lines, time.monotonic() + arguments.duration if arguments.duration else float("inf"))
    except KeyboardInterrupt:
        pass
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave programs behind
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for program in reversed(started):
        program.end()  # the producer first, so that the others see its last message
    drain(started, lines)
    print("demo: " + ", ".join(f"{program.language} {program.done} {program.verb}" for program in programs), flush=True)
    return 0 if all(program.done > 0 and not program.failed for program in programs) else 1


if __name__ == "__main__":
    sys.exit(main())
