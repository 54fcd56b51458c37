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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.conformance.test_conformance import SCHEMA
from tests.hostile.conftest import write_frames
from tests.support.bus import NODE, ROOT

HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- hostile: begin -->", "<!-- hostile: end -->"
GROWTH_BYTES_MAX = 96 << 20
HANGS_AFTER_S = 6 * 3600
# Freed memory that the sanitizer keeps to find late uses is no growth: it is bounded, and full soon.
ASAN_OPTIONS = "detect_leaks=0:quarantine_size_mb=16"


def resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError):
        return 0


def watch(command: list[str], environment: dict[str, str]) -> tuple[int, float, int]:
    """Exit code, seconds, and what the last quarter of the run has more than the second."""
    begin, sizes = time.monotonic(), []
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT) as run:
            while run.poll() is None:
                sizes.append(resident_bytes(run.pid))
                if time.monotonic() - begin > HANGS_AFTER_S:
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


def unit_test(name: str, at_factor_1: int, count: int) -> tuple[list[str], dict[str, str]]:
    """One of tests/unit/message/hostile_test.cpp, which does so many at the factor 1."""
    command = [str(ROOT / "build-asan/bin/tests/unit_tests"), f"--gtest_filter=Hostile.{name}"]
    return command, {"POLYBUS_FUZZ_FACTOR": str(-(-count // at_factor_1))}


def in_interpreter(*command: str | Path) -> tuple[list[str], dict[str, str]]:
    """Interpreters are not built with the sanitizer, so it comes first by preloading."""
    libraries = [
        subprocess.run(["c++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    adapters = ROOT / "build-asan"
    return list(map(str, command)), {
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": f"{adapters / 'python'}:{ROOT}",
        "POLYBUS_NODE_ADDON": str(adapters / "node" / "polybus.node"),
    }


def runs(messages: int, bundles: int, seed: int, frames: Path) -> list[tuple[str, str, int, list[str], dict[str, str]]]:
    read = [SCHEMA, frames, str(messages), str(seed)]
    return [
        ("C++", "messages, by name", messages, *unit_test("messages_are_read_by_name_or_refused", 5000, messages)),
        ("C", "messages", messages, *unit_test("messages_are_read_refused_or_copied*", 5000, messages)),
        ("Python", "messages", messages, *in_interpreter(sys.executable, HERE / "reader.py", *read)),
        ("JavaScript", "messages", messages, *in_interpreter(NODE, "--expose-gc", HERE / "reader.mjs", *read)),
        ("C++", "bundles", bundles, *unit_test("bundles_are_loaded_or_refused", 1000, bundles)),
        ("Python", "bundles", bundles,
         *in_interpreter(sys.executable, HERE / "bundles.py", SCHEMA, str(bundles), str(seed))),
    ]  # fmt: skip


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
    rows, clean = [], True
    common = {key: value for key, value in os.environ.items() if not key.startswith("POLYBUS_")}
    with tempfile.TemporaryDirectory(prefix="polybus-hostile-") as folder:
        frames = write_frames(Path(folder) / "frames")
        for language, what, count, command, extra in runs(options.messages, options.bundles, options.seed, frames):
            code, seconds, growth = watch(command, common | {"ASAN_OPTIONS": ASAN_OPTIONS} | extra)
            good = code == 0 and growth < GROWTH_BYTES_MAX
            clean &= good
            verdict = "clean" if good else f"FAILED, exit {code}"
            rows.append(f"| {language} | {what} | {count:,} | {seconds:,.0f} | {growth >> 10:+,} KiB | {verdict} |")
            print(rows[-1], flush=True)
    if options.record:
        record(rows)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
