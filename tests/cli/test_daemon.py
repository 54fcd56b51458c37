"""bus-cli daemon start, stop and status."""

import json
import os

from tests.support.bus import PrivateBus


def test_start_status_stop(no_bus: PrivateBus) -> None:
    assert no_bus.cli("daemon", "status").returncode == 6
    started = no_bus.cli("daemon", "start", "--json")
    assert started.returncode == 0, started.stderr
    first = json.loads(started.stdout)
    assert (first["v"], first["bus"], first["running"], first["state"]) == (1, no_bus.name, True, "started")
    again = json.loads(no_bus.cli("daemon", "start", "--json").stdout)
    assert (again["pid"], again["state"]) == (first["pid"], "running")
    status = no_bus.cli("daemon", "status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["pid"] == first["pid"]
    assert os.path.exists(f"/proc/{first['pid']}")
    stopped = no_bus.cli("daemon", "stop")
    assert stopped.returncode == 0
    assert not no_bus.answers()
    assert no_bus.cli("daemon", "status").returncode == 6
    assert no_bus.cli("daemon", "stop").returncode == 0


def test_status_says_where_it_listens(bus: PrivateBus) -> None:
    status = json.loads(bus.cli("daemon", "status", "--json").stdout)
    assert status["socket"] == bus.environment["POLYBUS_SOCKET"]
    assert status["pid"] == bus.processes[0].pid


def test_a_missing_busd_is_told(no_bus: PrivateBus) -> None:
    no_bus.environment["POLYBUS_BUSD"] = "/nowhere/busd"
    failed = no_bus.cli("daemon", "start")
    assert failed.returncode == 6
    assert "/nowhere/busd" in failed.stderr


def test_an_impossible_socket_is_told(no_bus: PrivateBus) -> None:
    no_bus.environment["POLYBUS_SOCKET"] = "/proc/nowhere/bus.sock"
    failed = no_bus.cli("daemon", "start")
    assert failed.returncode != 0
    assert failed.stderr
