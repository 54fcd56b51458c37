"""A private bus for every test."""

from collections.abc import Iterator
from pathlib import Path

import polybus
import pytest

from tests.support.bus import PrivateBus, private_bus


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    with private_bus() as bus:
        yield bus


@pytest.fixture
def no_bus() -> Iterator[PrivateBus]:
    """The same without a busd: programs start one, or find that there is none."""
    with private_bus(busd=False) as bus:
        yield bus


@pytest.fixture
def node(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[polybus.Node]:
    """A node of this process on the private bus."""
    for name in ("POLYBUS_BUS", "POLYBUS_SOCKET"):
        monkeypatch.setenv(name, bus.environment[name])
    with polybus.Node("tester") as node:
        yield node


@pytest.fixture
def reading() -> polybus.Schema:
    return polybus.load_schema(Path(__file__).with_name("cli.capnp")).Reading
