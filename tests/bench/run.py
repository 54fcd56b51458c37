"""`make bench`: every figure beside that of a peer measured in the same run, because machines are shared and noisy.

Medians over interleaved runs. Prints a table and writes build/bench.json. Ratios are Polybus / peer: below 1 is faster.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"
HERE = Path(__file__).resolve().parent
IDLE_SECONDS = 10
PARTS = ["cpp", "languages", "decode", "topics", "first", "idle"]


@contextmanager
def busd() -> Iterator[str]:
    """A bus of this run's own; its process ends with the block."""
    name = f"bench-{secrets.token_hex(4)}"
    process = subprocess.Popen([BIN / "busd", "--bus", name], stderr=subprocess.DEVNULL)
    try:
        yield name
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextmanager
def roudi() -> Iterator[bool]:
    """iceoryx's daemon, where its package is installed; it needs /tmp and /dev/shm of this machine for itself."""
    try:
        process = subprocess.Popen(
            ["iox-roudi", "--log-level", "off"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        yield False
        return
    try:
        assert process.stdout is not None
        process.stdout.readline()  # "RouDi is ready for clients"
        yield True
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def run_json(command: list[object]) -> dict[str, float]:
    text = subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout
    return dict(json.loads(text.strip().splitlines()[-1]))


def pair(transport: str, other: str, name: str, size: int, rounds: int) -> dict[str, float]:
    """A Python ping against a pong in Python or Node."""
    pong = (
        [sys.executable, HERE / "pingpong.py", "pong", transport, name, size, 0]
        if other == "python"
        else ["node", HERE / "pong.mjs", transport, name, size]
    )
    answering = subprocess.Popen([str(part) for part in pong])
    try:
        return run_json(
            [
                sys.executable,
                HERE / "pingpong.py",
                "ping",
                transport,
                name,
                size,
                rounds,
            ]
        )
    finally:
        try:
            answering.wait(20)
        except subprocess.TimeoutExpired:
            answering.kill()


def median(figures: list[float]) -> float:
    return statistics.median(figures)


class Report:
    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(
        self,
        what: str,
        polybus: float,
        peer_name: str,
        peer: float,
        goal: float,
        unit: str,
    ) -> None:
        ratio = polybus / peer if peer else float("nan")
        self.rows.append(
            {
                "what": what,
                "polybus": polybus,
                "peer": peer_name,
                "peer_value": peer,
                "ratio": ratio,
                "goal": goal,
            }
        )
        verdict = "ok" if ratio <= goal else "MISSED"
        print(
            f"{what:44} {polybus:10.1f} {unit:3} {peer_name:>18} {peer:10.1f} {unit:3}  ratio {ratio:5.2f}"
            f"  goal {goal:5.2f}  {verdict}",
            flush=True,
        )


def cpp_latency(report: Report, runs: int, rounds: int) -> None:
    figures: dict[tuple[str, str, int], list[float]] = {}
    sizes = (64, 1 << 20)
    with roudi() as has_iceoryx:
        transports = ["polybus", "zeromq"] + (["iceoryx"] if has_iceoryx else [])
        for _ in range(runs):
            for size in sizes:
                for mode in ("blocking", "polling"):
                    for transport in transports:
                        with busd() as name:
                            count = rounds if transport != "zeromq" or size == 64 else rounds // 10
                            result = run_json(
                                [
                                    BIN / "bench" / "pingpong",
                                    transport,
                                    name,
                                    mode,
                                    size,
                                    count,
                                ]
                            )
                        figures.setdefault((transport, mode, size), []).append(result["p50_ns"])
    for size in sizes:
        for mode, goal in (("blocking", 0.75), ("polling", 1.0)):
            ours = median(figures["polybus", mode, size])
            if has_iceoryx:
                report.add(
                    f"C++ {mode} {size} B, p50",
                    ours,
                    "raw iceoryx",
                    median(figures["iceoryx", mode, size]),
                    goal,
                    "ns",
                )
            report.add(
                f"C++ {mode} {size} B, p50",
                ours,
                "ZeroMQ",
                median(figures["zeromq", mode, size]),
                1.0,
                "ns",
            )
    small, large = (median(figures["polybus", "blocking", size]) for size in sizes)
    report.add("C++ blocking, 1 MiB against 64 B", large, "Polybus 64 B", small, 1.2, "ns")


def language_latency(report: Report, runs: int, rounds: int) -> None:
    for other in ("python", "node"):
        figures: dict[tuple[str, int], list[float]] = {}
        for _ in range(runs):
            for size in (64, 1 << 20):
                for transport in ("polybus", "zeromq", "unix"):
                    with busd() as name:
                        count = rounds if size == 64 else rounds // 10
                        figures.setdefault((transport, size), []).append(
                            pair(transport, other, name, size, count)["p50_ns"]
                        )
        label = f"Python to {other.capitalize()}"
        ours = median(figures["polybus", 64])
        report.add(
            f"{label} 64 B, p50",
            ours,
            "ZeroMQ",
            median(figures["zeromq", 64]),
            1.0,
            "ns",
        )
        report.add(
            f"{label} 64 B, p50",
            ours,
            "bare Unix socket",
            median(figures["unix", 64]),
            1.1,
            "ns",
        )
        report.add(
            f"{label} 1 MiB, p50",
            median(figures["polybus", 1 << 20]),
            "ZeroMQ",
            median(figures["zeromq", 1 << 20]),
            0.2,
            "ns",
        )


def decoding(report: Report, runs: int) -> None:
    """One message of seven fields, read by attribute; "whole": as a dict or object, the way the others always give it."""
    python = run_json([sys.executable, HERE / "decode.py", runs])
    generated = HERE / "node_modules" / ".generated"
    shutil.rmtree(generated, ignore_errors=True)
    subprocess.run(
        [HERE / "node_modules" / ".bin" / "capnp-es", f"-ojs:{generated}", HERE / "reading.capnp"],
        check=True,
        capture_output=True,
    )
    (reading,) = generated.rglob("reading.js")
    node = run_json(["node", HERE / "decode.mjs", runs, reading])
    with busd() as name:
        cpp = run_json([BIN / "bench" / "decode", name, runs])
    goals = {"pycapnp": 1 / 8, "json": 1 / 8, "msgpack": 1.0, "protobuf": 1.0}
    for peer, goal in goals.items():
        report.add("Python, 7 fields", python["polybus fields"], peer, python[f"{peer} fields"], goal, "ns")
    report.add("Python, whole", python["polybus whole"], "pycapnp", python["pycapnp whole"], 1.0, "ns")
    for peer, goal in {"capnp-es": 1 / 10, "json": 1 / 4, "protobufjs": 1.0}.items():
        report.add("JavaScript, 7 fields", node["polybus fields"], peer, node[f"{peer} fields"], goal, "ns")
    report.add("JavaScript, whole", node["polybus whole"], "protobufjs", node["protobufjs whole"], 1.0, "ns")
    report.add("Python, first of a new type", python["first"], "goal", 1e6, 1.0, "ns")
    report.add("C++ by name, 7 fields", cpp["by_name"], "generated code", cpp["generated"], float("inf"), "ns")
    report.add("C++ by field, 7 fields", cpp["by_field"], "generated code", cpp["generated"], float("inf"), "ns")


def many_topics(report: Report, runs: int) -> None:
    one, many, field = [], [], "instructions"
    for _ in range(runs):
        with busd() as name:
            os.environ["POLYBUS_BUS"] = name
            one.append(run_json([BIN / "bench" / "topics", 1, 100_000]))
            many.append(run_json([BIN / "bench" / "topics", 1000, 100_000]))
    if not one[0]["instructions"]:
        field = "ns"  # this machine does not count instructions
    report.add(
        f"{field} per message, 1,000 topics open", median([m[field] for m in many]), "1 topic open",
        median([m[field] for m in one]), 1.1, "",
    )  # fmt: skip


def first_message(report: Report, runs: int) -> None:
    """From starting the program with no daemon running to its end, first message delivered; busd ends by itself."""
    commands = {
        "C++": ([BIN / "bench" / "first"], 50),
        "Python": ([sys.executable, HERE / "first.py"], 250),
        "Node": (["node", HERE / "first.mjs"], 250),
    }
    for language, (command, goal_ms) in commands.items():
        times = []
        for _ in range(runs):
            name = f"bench-{secrets.token_hex(4)}"
            start = time.perf_counter()
            subprocess.run([*map(str, command), name], check=True, timeout=60)
            times.append((time.perf_counter() - start) * 1000)
            subprocess.run(
                [BIN / "bus-cli", "daemon", "stop"],
                check=False,
                env={**os.environ, "POLYBUS_BUS": name},
                capture_output=True,
            )
        report.add(
            f"{language}: no daemon to first message",
            median(times),
            "goal",
            goal_ms,
            1.0,
            "ms",
        )


def idle(report: Report) -> None:
    """busd with nothing to do: its memory, and its processor time over some seconds."""
    with busd() as name:
        os.environ["POLYBUS_BUS"] = name
        pid = int(
            json.loads(subprocess.check_output([BIN / "bus-cli", "daemon", "status", "--json"], text=True))["pid"]
        )
        ticks = os.sysconf("SC_CLK_TCK")
        before = cpu_ticks(pid)
        time.sleep(IDLE_SECONDS)  # the measurement itself
        share = (cpu_ticks(pid) - before) / ticks / IDLE_SECONDS
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    report.add("idle busd, PSS in KiB", pss, "goal", 8192, 1.0, "KiB")
    report.add("idle busd, percent of a core", 100 * share, "goal", 0.1, 1.0, "%")


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=20_000)
    parser.add_argument(
        "--only",
        choices=PARTS,
        action="append",
    )
    arguments = parser.parse_args()
    wanted = arguments.only or PARTS
    report = Report()
    if "cpp" in wanted:
        cpp_latency(report, arguments.runs, arguments.rounds)
    if "languages" in wanted:
        language_latency(report, arguments.runs, arguments.rounds // 4)
    if "decode" in wanted:
        decoding(report, arguments.runs)
    if "topics" in wanted:
        many_topics(report, arguments.runs)
    if "first" in wanted:
        first_message(report, arguments.runs)
    if "idle" in wanted:
        idle(report)
    (ROOT / "build" / "bench.json").write_text(json.dumps(report.rows, indent=1))


if __name__ == "__main__":
    main()
