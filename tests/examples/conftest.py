"""A private bus for every test."""

from collections.abc import Iterator

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
