"""busd is killed under programs that are exchanging messages, and another one comes."""

import os
import signal
import subprocess
from collections.abc import Iterator

import polybus
import pytest

from tests.python.conftest import BUSD, wait_until

ECHO = """
node = polybus.Node("echo", autostart={autostart})
pong, ping = node.publisher("pong"), node.subscriber("ping")
for sample in ping:
    pong.publish_bytes(sample.data)
"""

NEWCOMER = """
node = polybus.Node("newcomer")
pong, ping = node.publisher("pong"), node.subscriber("ping")
pong.wait_for_subscribers(1)
print("here", flush=True)
print(bytes(ping.take(timeout=None).data).decode(), flush=True)
pong.publish_bytes(b"from the newcomer")
sys.stdin.readline()
"""


class Program:
    """This process, which sends to the echo and hears it."""

    def __init__(self, autostart: bool) -> None:
        self.node = polybus.Node("test", autostart=autostart)
        self.ping, self.pong = self.node.publisher("ping"), self.node.subscriber("pong")
        self.watch = self.node.watch()
        self.sent, self.started_pid = 0, 0

    def exchange(self) -> bool:
        """Whether the next message came back; one that was sent while ends are made anew may be lost."""
        self.sent += 1
        text = f"{self.sent:<4000}".encode()
        self.ping.publish_bytes(text)
        while (sample := self.pong.take(timeout=0.2)) is not None:
            if bytes(sample.data) == text:
                return True
        return False

    def names(self) -> list[str]:
        return [entry["node"] for entry in self.node.graph()["nodes"]]

    def connections(self) -> int:
        return len(self.node.graph()["connections"])

    def hears(self, wanted: str) -> None:
        """Waits for the next event about the registry, which is the wanted one."""
        while not (event := self.watch.take(timeout=None))["event"].startswith("registry_"):
            pass
        assert event["event"] == wanted


@pytest.fixture(params=["autostart", "by hand"])
def autostart(request: pytest.FixtureRequest) -> bool:
    return request.param == "autostart"


@pytest.fixture
def program(bus: str, autostart: bool) -> Iterator[Program]:
    program = Program(autostart)
    with program.node:
        yield program
    if program.started_pid:  # nobody's child: it would end by itself, seconds later
        os.kill(program.started_pid, signal.SIGTERM)


def test_a_bus_that_restarts_is_found_again_with_all_that_was_on_it(bus, autostart, program, child):
    _echo = child(ECHO.format(autostart=autostart))
    wait_until(lambda: program.connections() == 2)
    program.ping.publish_bytes(b"held".ljust(4000))
    held = program.pong.take(timeout=None)
    killed = program.node.graph()["busd_pid"]
    daemon = None
    try:
        os.kill(killed, signal.SIGKILL)
        program.hears("registry_lost")
        if not autostart:
            assert all(program.exchange() for _ in range(100)), "nobody is there, and nothing is lost"
            assert not program.node.connected
            with pytest.raises((polybus.DisconnectedError, polybus.NoBusError)):
                polybus.Node("too early").publisher("late")
            daemon = subprocess.Popen([BUSD, "--bus", bus])
        program.hears("registry_back")
        pid = program.node.graph()["busd_pid"]
        assert pid != killed
        if autostart:
            program.started_pid = pid

        newcomer = child(NEWCOMER)
        assert newcomer.line() == "here"
        wait_until(lambda: sorted(program.names()) == ["echo", "newcomer", "test"])
        wait_until(lambda: program.connections() == 4)
        program.ping.publish_bytes(b"to the newcomer")
        assert newcomer.line() == "to the newcomer"
        wait_until(lambda: bytes(program.pong.take(timeout=None).data) == b"from the newcomer")
        newcomer.tell()

        wait_until(lambda: program.exchange())
        assert all(program.exchange() for _ in range(1000)), "all are connected again"
        assert bytes(held.data) == b"held".ljust(4000)
    finally:
        if daemon is not None:
            program.node.close()
            daemon.terminate()
            assert daemon.wait(10) == 0
