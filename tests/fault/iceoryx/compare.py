"""The workload of `bus-cli chaos` on stock iceoryx 2.0.3 with iox-roudi, for comparison: publishers and subscribers are killed at
random, and those that are spared, and newcomers, must go on.

    compare.py --kills 200 --rounds 10

A round ends when something hangs or ends that was not killed, or after so many kills. Needs Debian's package iceoryx and the program
iceoryx-worker (`ninja iceoryx-worker`). Runs in mount and IPC namespaces of its own, since iceoryx's names are fixed.
"""

import argparse
import json
import mmap
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(os.environ.get("POLYBUS_BUILD") or ROOT / "build") / "bin" / "tests" / "iceoryx-worker"
BOUND_S = 10.0  # who makes no progress for so long hangs, as in `bus-cli chaos`
VICTIMS = ("publish", "publish", "publish", "subscribe", "subscribe", "subscribe")
KILL_EVERY_S = 0.04


def enter_namespaces() -> None:
    """Starts this program again where /tmp and /dev/shm are its own."""
    if os.environ.get("ICEORYX_COMPARISON") == "inside":
        return
    if shutil.which("iox-roudi") is None or not WORKER.exists():
        sys.exit("compare.py: iox-roudi (Debian: iceoryx) and iceoryx-worker (ninja iceoryx-worker) are needed")
    # The source folder may be below /tmp, so it gets a second name first.
    script = 'mount --bind "$0" /mnt && mount -t tmpfs t /tmp && mount -t tmpfs t /dev/shm && cd /mnt && exec "$@"'
    program = Path("/mnt") / Path(__file__).resolve().relative_to(ROOT)
    python = os.path.realpath(sys.executable)
    inside = ["sh", "-c", script, str(ROOT), python, str(program), *sys.argv[1:]]
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *user, "--mount", "--ipc", "--pid", "--fork", "--mount-proc", *inside]
    build = Path("/mnt") / WORKER.parents[2].resolve().relative_to(ROOT)
    os.execvpe("unshare", command, os.environ | {"ICEORYX_COMPARISON": "inside", "POLYBUS_BUILD": str(build)})


@dataclass
class Worker:
    process: subprocess.Popen[bytes]
    counters: mmap.mmap
    started: float
    moved: float
    kills: int  # when it last moved
    turns: int = 0

    def figures(self) -> tuple[int, int, int]:
        turns, messages, wrong = struct.unpack_from("<QQQ", self.counters, 0)
        return turns, messages, wrong

    def silence(self, kills: int) -> float:
        turns = self.figures()[0]
        now = time.monotonic()
        if turns != self.turns:
            self.turns, self.moved, self.kills = turns, now, kills
        return now - self.moved


class Round:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.lives = 0
        self.kills = 0
        self.received = 0
        self.finding = ""
        self.roudi = subprocess.Popen(["iox-roudi"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        self.survivors = [self.start(role) for role in ("publish", "subscribe")]
        self.victims = [self.start(role) for role in VICTIMS]

    def start(self, role: str) -> Worker:
        self.lives += 1
        path = self.folder / f"counters-{self.lives}"
        path.write_bytes(bytes(4096))
        with path.open("r+b") as file:
            counters = mmap.mmap(file.fileno(), 4096)
        command = [str(WORKER), role, f"chaos-{os.getpid()}-{self.lives}", str(path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        now = time.monotonic()
        return Worker(process, counters, now, now, self.kills)

    def watch(self) -> bool:
        """Whether all is still well."""
        for kind, workers in (("survivor", self.survivors), ("newcomer", self.victims)):
            for worker in workers:
                if worker.process.poll() is not None:
                    self.finding = f"{kind} ended with {worker.process.returncode}"
                elif worker.silence(self.kills) > BOUND_S:
                    joined = "at work" if worker.turns else "joining"
                    self.finding = f"{kind} hung while {joined}"
                elif worker.figures()[2]:
                    self.finding = f"{kind} got a wrong message"
                if self.finding:
                    self.kills = worker.kills
                    return False
        if self.roudi.poll() is not None:
            self.finding = f"iox-roudi ended with {self.roudi.returncode}"
        return not self.finding

    def run(self, kills: int) -> None:
        while self.watch() and self.kills < kills:
            time.sleep(self.random.uniform(0, 2 * KILL_EVERY_S))
            place = self.random.randrange(len(self.victims))
            victim = self.victims[place]
            if victim.figures()[0] == 0 and self.random.random() < 0.75:
                continue  # not at work yet
            victim.process.kill()
            victim.process.wait()
            self.received += victim.figures()[1]
            self.kills += 1
            self.victims[place] = self.start(VICTIMS[place])
        # What hangs shows after a while.
        end = time.monotonic() + BOUND_S
        while self.watch() and time.monotonic() < end:
            time.sleep(0.05)

    def close(self) -> None:
        for worker in (*self.survivors, *self.victims):
            self.received += worker.figures()[1]
            worker.process.kill()
            worker.process.wait()
            worker.counters.close()
        self.roudi.kill()
        self.roudi.wait()
        for leftover in Path("/dev/shm").iterdir():
            leftover.unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    enter_namespaces()
    results = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="iceoryx-comparison-") as folder:
            one = Round(Path(folder), options.seed + number)
            try:
                one.run(options.kills)
            finally:
                one.close()
        results.append(one)
        print(
            json.dumps({"round": number + 1, "kills": one.kills, "messages": one.received, "finding": one.finding}),
            flush=True,
        )
    failed = [one for one in results if one.finding]
    summary = {
        "rounds": len(results),
        "failed": len(failed),
        "kills_median_until_failure": statistics.median(one.kills for one in failed) if failed else None,
        "kills": sum(one.kills for one in results),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
