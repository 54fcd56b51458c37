"""What takes too long for `make test`: thousands of kills, and hours at full rate. `make soak DURATION=seconds` runs it.

    run.py --kills 10000 --seeds 1,2,3 --duration 1800 --record

Prints what it finds. With --record it writes the figures into docs/reliability.md, between the marks there. Exit 0 only if every run
was clean and nothing grew.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support.bus import BUS_CLI, NODE, ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"
MIB = 1 << 20
# A slope is that of the second half, so that what fills up once (pools, caches, the allocator's arenas) does not count. Over that
# half memory may grow by so much; V8's heap breathes between two collections.
GROWTH_MAX, NODE_GROWTH_MAX = MIB, 12 * MIB
SAMPLES = 120


def run_chaos(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [str(BUS_CLI), "chaos", "--json", "--python", sys.executable, "--node", NODE, *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("POLYBUS_")}
    return subprocess.Popen(
        command, env=environment | {"XDG_RUNTIME_DIR": str(folder)}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def finish(run: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = run.communicate()
    if not output:
        sys.exit(f"bus-cli chaos ended with {run.returncode} and said nothing")
    report: dict[str, Any] = json.loads(output)
    return report


def storm(kills: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="polybus-soak-") as folder:
        report = finish(run_chaos(Path(folder), "--kills", str(kills), "--seed", str(seed)))
    killed = ", ".join(f"{count} {name}" for name, count in report["killed"].items())
    print(
        f"seed {seed}: {report['kills']} kills ({killed}) and {report['stops']} stops in {report['seconds']:.0f} s, "
        f"{report['received']} messages checked, {len(report['findings'])} findings",
        flush=True,
    )
    for finding in report["findings"]:
        print(f"  {finding}", flush=True)
    return report


def kills_of_one_kind(kills: int) -> list[str]:
    """Publishers flat out alone, then subscribers holding samples alone: what tests/fault/kills_test.cpp says of each."""
    command = [str(ROOT / "build" / "bin" / "tests" / "fault_tests"), "--gtest_filter=Kills.*"]
    done = subprocess.run(
        command, env=os.environ | {"POLYBUS_KILLS": str(kills)}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    found = [line for line in done.stdout.splitlines() if " kills; " in line]
    lines = [f"{whom}: {line}" for whom, line in zip(("publishers", "subscribers"), found, strict=True)]
    print("\n".join(lines), flush=True)
    return lines


@dataclass
class Series:
    """One process over time."""

    name: str
    seconds: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)
    fds: list[float] = field(default_factory=list)
    shared: list[float] = field(default_factory=list)

    def sample(self, pid: int, now: float) -> None:
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        shared_pages = next(line for line in rollup.splitlines() if line.startswith("Pss_Shmem:"))
        fds = len(os.listdir(f"/proc/{pid}/fd"))
        self.seconds.append(now)
        # Memory of its own; that of messages is in `shared`, by each process's share in it.
        self.resident.append((int(status["RssAnon"].split()[0]) + int(status["RssFile"].split()[0])) * 1024.0)
        self.shared.append(int(shared_pages.split()[1]) * 1024.0)
        self.fds.append(float(fds))

    def slope(self, values: list[float]) -> float:
        """Least squares over the second half, per minute."""
        half = len(values) // 2
        x, y = self.seconds[half:], values[half:]
        if len(x) < 3:
            return 0.0
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        spread = sum((a - mean_x) ** 2 for a in x)
        return 60 * sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread


def nodes(folder: Path) -> dict[int, str]:
    """Every process on the run's bus, by its number."""
    sockets = list(folder.glob("*/bus.sock"))
    if not sockets:
        return {}
    environment = os.environ | {"POLYBUS_SOCKET": str(sockets[0]), "POLYBUS_AUTOSTART": "0"}
    listed = subprocess.run([BUS_CLI, "node", "list", "--json"], env=environment, capture_output=True, text=True)
    found = {
        line["pid"]: f"{line['node']} ({line['language']})" for line in map(json.loads, listed.stdout.splitlines())
    }
    status = subprocess.run([BUS_CLI, "daemon", "status", "--json"], env=environment, capture_output=True, text=True)
    if status.returncode == 0:
        found[json.loads(status.stdout)["pid"]] = "busd"
    return found


def soak(duration_s: float) -> tuple[dict[str, Any], list[Series]]:
    series: dict[int, Series] = {}
    with tempfile.TemporaryDirectory(prefix="polybus-soak-") as name:
        run = run_chaos(Path(name), "--kills", "0", "--for", f"{duration_s}s")
        begin = time.monotonic()
        # A moment for the first audit, whose newcomer is not part of it.
        time.sleep(min(5.0, duration_s / 10))
        for pid, process in nodes(Path(name)).items():
            series[pid] = Series(process)
        while run.poll() is None and (now := time.monotonic() - begin) < duration_s - 2:
            for pid, one in series.items():
                try:
                    one.sample(pid, now)
                except (OSError, StopIteration):  # the newcomer has left
                    continue
            time.sleep(duration_s / SAMPLES)
        report = finish(run)
    lasting = [one for one in series.values() if len(one.seconds) > SAMPLES / 2]
    return report, sorted(lasting, key=lambda one: one.name)


def table(series: list[Series]) -> list[str]:
    lines = [
        "| process | own memory | a minute | shared memory | a minute | descriptors | a minute |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in series:
        lines.append(
            f"| {one.name} | {one.resident[-1] / MIB:.1f} MiB | {one.slope(one.resident) / 1024:+.1f} KiB "
            f"| {one.shared[-1] / MIB:.1f} MiB | {one.slope(one.shared) / 1024:+.1f} KiB "
            f"| {one.fds[-1]:.0f} | {one.slope(one.fds):+.2f} |"
        )
    return lines


def grown(series: list[Series]) -> list[str]:
    wrong = []
    for one in series:
        for what, values, bound in (
            ("own memory", one.resident, NODE_GROWTH_MAX if "(node" in one.name else GROWTH_MAX),
            ("shared memory", one.shared, GROWTH_MAX),
            ("descriptors", one.fds, 1),
        ):
            grows = one.slope(values) * (one.seconds[-1] - one.seconds[0]) / 2 / 60
            if grows > bound:
                wrong.append(f"{one.name}: {what} grew by {grows:.0f} in the second half")
    return wrong


def record(
    storms: list[dict[str, Any]],
    alone: list[str],
    soaked: tuple[dict[str, Any], list[Series]] | None,
    duration_s: float,
) -> None:
    version = subprocess.run([BUS_CLI, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"{today}, version {version}, {os.cpu_count()} cores.", ""]
    if storms:
        lines += [
            "| seed | kills | C++ | Python | Node.js | busd | stops | kills a second | messages checked | counted as lost "
            "| longest without progress | findings |",
            "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for one in storms:
            killed = one["killed"]
            lines.append(
                f"| {one['seed']} | {one['kills']:,} | {killed['c++']:,} | {killed['python']:,} | {killed['node']:,} "
                f"| {killed['busd']:,} | {one['stops']:,} | {one['kills_per_s']:.1f} | {int(one['received']):,} "
                f"| {int(one['lost']):,} | {one['longest_silence_ms']:.0f} ms | {len(one['findings'])} |"
            )
        lines.append("")
    if alone:
        lines += ["Of one kind alone, in C++:", "", *(f"- {line}" for line in alone), ""]
    if soaked:
        report, series = soaked
        lines += [
            f"{duration_s / 60:.0f} minutes at full rate without kills: {int(report['received']):,} messages checked, "
            f"{int(report['lost']):,} counted as lost, {len(report['findings'])} findings. Slopes are those of the second half.",
            "",
            *table(series),
            "",
        ]
    text = DOCUMENT.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(before + BEGIN + "\n" + "\n".join(lines) + END + after)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=10_000, help="of each seed; 0: none")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--duration", type=float, default=1800, help="of the traffic without kills [s]; 0: none")
    parser.add_argument("--record", action="store_true", help="write the result into docs/reliability.md")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    storms = [storm(options.kills, seed) for seed in seeds] if options.kills else []
    alone = kills_of_one_kind(options.kills) if options.kills else []
    soaked = soak(options.duration) if options.duration else None
    wrong = [finding for one in storms for finding in one["findings"]]
    if soaked:
        print("\n".join(table(soaked[1])), flush=True)
        wrong += soaked[0]["findings"] + grown(soaked[1])
    if options.record:
        record(storms, alone, soaked, options.duration)
    if wrong:
        sys.exit("\n".join(["soak: FAILED", *wrong]))
    print("soak: clean")


if __name__ == "__main__":
    main()
