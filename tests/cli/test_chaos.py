"""bus-cli chaos: what it kills harms nobody, what it is to find it finds, and nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.support.bus import BUS_CLI, NODE, ROOT, PrivateBus, until

LANGUAGES = ("c++", "python", "node")


def environment(folder: Path) -> dict[str, str]:
    """Its bus is in a folder in this one."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("POLYBUS_")}
    return kept | {"XDG_RUNTIME_DIR": str(folder)}


def command(*arguments: str, python: str = sys.executable, node: str = NODE) -> list[str]:
    return [str(BUS_CLI), "chaos", "--json", "--python", python, "--node", node, *arguments]


def chaos(folder: Path, *arguments: str, **languages: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        command(*arguments, **languages),
        env=environment(folder),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def processes_of(folder: Path) -> list[int]:
    """Everything that runs on a bus in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # ended meanwhile
            continue
    return found


def test_two_hundred_kills_harm_nobody(tmp_path: Path) -> None:
    code, report = chaos(tmp_path, "--kills", "200", "--seed", "1")
    assert report["findings"] == []
    assert code == 0
    assert report["ok"] is True
    assert report["seed"] == "1"
    assert report["kills"] == 200
    assert report["skipped"] == []
    assert all(report["killed"][name] > 0 for name in (*LANGUAGES, "busd"))
    assert report["audits"] >= 2
    assert int(report["received"]) > 1000
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("sabotage", "kind"), [("corrupt", "wrong: message"), ("reorder", "came after"), ("lose", "loss: ")]
)
def test_a_message_that_is_wrong_late_or_missing_is_found(
    tmp_path: Path, language: str, sabotage: str, kind: str
) -> None:
    code, report = chaos(tmp_path, "--kills", "5", "--sabotage", sabotage, "--sabotaged", language)
    assert code == 1
    assert report["ok"] is False
    assert any(kind in finding and f"{language} survivor" in finding for finding in report["findings"])


@pytest.mark.parametrize(
    ("sabotage", "language", "kind"),
    [
        ("hang", "python", "hang: python survivor"),
        ("fds", "node", "descriptor of /dev/null"),
        ("hold", "c++", "leak: "),
        ("exit", "c++", "ended with exit code 3"),
        ("exit", "python", "ended with exit code 3"),
        ("exit", "node", "ended by signal 15"),
    ],
)
def test_hangs_leaks_and_ends_are_found(tmp_path: Path, sabotage: str, language: str, kind: str) -> None:
    code, report = chaos(tmp_path, "--kills", "20", "--bound", "5s", "--sabotage", sabotage, "--sabotaged", language)
    assert code == 1
    assert any(kind in finding for finding in report["findings"]), report["findings"]
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_without_a_language_it_says_so_and_goes_on(tmp_path: Path) -> None:
    code, report = chaos(tmp_path, "--kills", "5", python="/nowhere/python", node="/nowhere/node")
    assert report["findings"] == []
    assert code == 0
    assert len(report["skipped"]) == 2
    assert report["killed"]["python"] == report["killed"]["node"] == 0


def test_as_a_guest_it_harms_nobody_on_the_bus_and_leaves_nothing_there(bus: PrivateBus, node: polybus.Node) -> None:
    busd = bus.processes[0]
    publisher, subscriber = node.publisher("mine"), node.subscriber("mine")
    run = bus.start([*command("--kills", "60", "--seed", "3"), "--bus", bus.name], stdout=subprocess.PIPE)
    exchanged = 0
    while run.poll() is None:
        assert publisher.publish_bytes(b"x") == exchanged + 1
        sample = subscriber.take(timeout=30)
        assert sample is not None
        assert sample.seq == exchanged + 1
        exchanged += 1
    assert run.stdout is not None
    report = json.loads(run.stdout.read())
    assert report["findings"] == []
    assert run.returncode == 0
    assert report["kills"] == 60
    assert all(report["killed"][name] > 0 for name in LANGUAGES)
    assert report["killed"]["busd"] == 0
    assert exchanged > 100
    assert subscriber.lost == 0
    graph = node.graph()
    assert graph["busd_pid"] == busd.pid, "busd is the host's own"
    assert [topic["topic"] for topic in graph["topics"]] == ["mine"], "what it kept is gone, too"
    assert [path.name for path in bus.folder.iterdir() if "chaos" in path.name] == []


def test_it_is_a_guest_only_where_somebody_is_and_no_other_chaos(bus: PrivateBus, tmp_path: Path) -> None:
    nobody = subprocess.run(
        command("--bus", "nobody"), env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert nobody.returncode == 6
    assert "there is no bus nobody" in nobody.stderr
    assert list(tmp_path.iterdir()) == []
    first = bus.start([*command("--kills", "1000000"), "--bus", bus.name], stdout=subprocess.DEVNULL)
    until(lambda: "chaos/plain" in bus.cli("list").stdout, "a first chaos")
    second = bus.run(*command("--kills", "5"), "--bus", bus.name)
    assert second.returncode == 1
    assert "another chaos" in second.stderr
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: "chaos" not in bus.cli("node", "list").stdout, "the end of its programs")
    third = bus.run(*command("--kills", "5"), "--bus", bus.name)
    assert third.returncode == 0, third.stdout
    until(lambda: bus.cli("list").stdout == "", "the end of all it had on the bus")
    assert bus.processes[0].poll() is None


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_nothing_stays(tmp_path: Path, ending: signal.Signals) -> None:
    run = subprocess.Popen(
        command("--kills", "1000000"), env=environment(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: len(processes_of(tmp_path)) > 10, "workers")
        run.send_signal(ending)
        expected = -signal.SIGKILL if ending == signal.SIGKILL else 128 + ending
        assert run.wait(60) == expected
    finally:
        run.kill()
        run.wait()
    until(lambda: not processes_of(tmp_path), "the end of its processes")
    until(lambda: not list(tmp_path.iterdir()), "the end of its files")
