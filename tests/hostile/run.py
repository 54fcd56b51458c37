"""Damaged messages and bundles by the million, under sanitizers: `make hostile MESSAGES=1000000 BUNDLES=100000` runs it.

    run.py --messages 1000000 --bundles 100000 --seed 1 --record

Works on what `make asan` built. Prints per language how many, how long, and how much memory stayed; with --record
it writes that into docs/reliability.md. Exit 0 only if nothing crashed, hung or grew.
"""

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.conformance.test_conformance import SCHEMA
from tests.hostile.conftest import write_frames
from tests.support.bus import NODE, ROOT

HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- hostile: begin -->", "<!-- hostile: end -->"
GROWTH_BYTES_MAX = 96 << 20
HANGS_AFTER_S = 600  # and 20 ms for each message
# Freed memory that the sanitizer keeps to find late uses is no growth: it is bounded, and full soon.
ASAN_OPTIONS = "detect_leaks=0:quarantine_size_mb=16"


def resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError):
        return 0


def watch(command: list[str], environment: dict[str, str], hangs_after_s: float) -> tuple[int, float, int]:
    """Exit code, seconds, and what the last quarter of the run has more than the second."""
    begin, sizes = time.monotonic(), []
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT) as run:
            while run.poll() is None:
                sizes.append(resident_bytes(run.pid))
                if time.monotonic() - begin > hangs_after_s:
                    run.kill()
                time.sleep(0.1)
        seconds = time.monotonic() - begin
        if run.returncode != 0:
            output.seek(0)
            print(output.read().decode(errors="replace")[-4000:], file=sys.stderr)
    sizes = [size for size in sizes if size > 0]
    quarter = max(1, len(sizes) // 4)
    growth = max(sizes[-quarter:], default=0) - max(sizes[quarter : 2 * quarter], default=0)
    return run.returncode, seconds, growth


@dataclass
class Run:
    language: str
    what: str
    count: int
    command: list[str]
    environment: dict[str, str]


def unit_test(name: str, factor: int, frames: Path) -> tuple[list[str], dict[str, str]]:
    """One of tests/unit/message/hostile_test.cpp, so many times what it does in `make test`."""
    command = [str(ROOT / "build-asan/bin/tests/unit_tests"), f"--gtest_filter=Hostile.{name}"]
    return command, {"POLYBUS_FUZZ_FACTOR": str(factor), "POLYBUS_HOSTILE_FRAMES": str(frames)}


def in_interpreter(*command: str | Path) -> tuple[list[str], dict[str, str]]:
    """Interpreters are not built with the sanitizer, so it comes first by preloading. Of each allocation it remembers where it was
    made, for good; where engines compile as they go that is ever new places, so only the last two callers are told apart."""
    libraries = [
        subprocess.run(["c++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    adapters = ROOT / "build-asan"
    return list(map(str, command)), {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": ASAN_OPTIONS + ":malloc_context_size=2",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": f"{adapters / 'python'}:{ROOT}",
        "POLYBUS_NODE_ADDON": str(adapters / "node" / "polybus.node"),
    }


def runs(options: argparse.Namespace, frames: Path) -> list[Run]:
    """The longest first: they run side by side."""
    seed = str(options.seed)
    # What hostile_test.cpp does at the factor 1: 5,000 messages, 2,000 copied, 1,000 bundles.
    messages, copied, bundles = -(-options.messages // 5000), -(-options.messages // 2000), -(-options.bundles // 1000)
    python, node = partial(in_interpreter, sys.executable), partial(in_interpreter, NODE, "--expose-gc")
    read, load = [SCHEMA, frames, str(options.messages), seed], [SCHEMA, str(options.bundles), seed]
    tests = (
        "messages_are_read_by_name_or_refused",
        "messages_are_read_refused_or_copied*",
        "messages_are_copied_or_refused",
    )
    loads = "bundles_are_loaded_or_refused", "bundles_are_loaded_or_refused_through_the_C_interface"
    return [
        Run("C++", "messages, read by name", messages * 5000, *unit_test(tests[0], messages, frames)),
        Run("JavaScript", "messages", options.messages, *node(HERE / "reader.mjs", *read)),
        Run("Python", "messages", options.messages, *python(HERE / "reader.py", *read)),
        Run("C", "messages, read by tables", messages * 5000, *unit_test(tests[1], messages, frames)),
        Run("C", "messages, copied", copied * 2000, *unit_test(tests[2], copied, frames)),
        Run("C++", "bundles", bundles * 1000, *unit_test(loads[0], bundles, frames)),
        Run("C", "bundles", bundles * 1000, *unit_test(loads[1], bundles, frames)),
        Run("Python", "bundles", options.bundles, *python(HERE / "bundles.py", *load)),
        Run("JavaScript", "bundles", options.bundles, *node(HERE / "bundles.mjs", *load)),
    ]


def measure(run: Run, common: dict[str, str]) -> str:
    environment = common | {"ASAN_OPTIONS": ASAN_OPTIONS} | run.environment
    code, seconds, growth = watch(run.command, environment, HANGS_AFTER_S + run.count / 50)
    verdict = "clean" if code == 0 and growth < GROWTH_BYTES_MAX else f"FAILED, exit {code}"
    row = f"| {run.language} | {run.what} | {run.count:,} | {seconds:,.0f} | {growth >> 10:+,} KiB | {verdict} |"
    print(row, flush=True)
    return row


def record(rows: list[str]) -> None:
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    head = f"{datetime.date.today()}, {os.cpu_count()} cores.\n\n"
    head += "| language | what | how many | seconds | memory grew by | |\n|---|---|---:|---:|---:|---|\n"
    DOCUMENT.write_text(before + BEGIN + "\n" + head + "\n".join(rows) + "\n" + END + after)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--bundles", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="write the result into docs/reliability.md")
    options = parser.parse_args()
    common = {key: value for key, value in os.environ.items() if not key.startswith("POLYBUS_")}
    with tempfile.TemporaryDirectory(prefix="polybus-hostile-") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        frames = write_frames(Path(folder) / "frames")
        rows = list(pool.map(lambda run: measure(run, common), runs(options, frames)))
    if options.record:
        record(rows)
    return 0 if all(row.endswith("clean |") for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
