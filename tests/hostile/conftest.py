"""Frames to be damaged, one file for all languages."""

from pathlib import Path

import polybus
import pytest

from tests.conformance.test_conformance import MESSAGES, SCHEMA, native

FRAME_BYTES_MAX = 4096  # in a large one most changes hit numbers


def write_frames(path: Path) -> Path:
    """The conformance table's messages, each a 32-bit size and so many bytes."""
    types = polybus.load_schema(SCHEMA)
    encoded = [types.Everything.encode(native(message["set"], types)) for message in MESSAGES]
    small = [frame for frame in encoded if len(frame) <= FRAME_BYTES_MAX]
    path.write_bytes(b"".join(len(frame).to_bytes(4, "little") + frame for frame in small))
    return path


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("hostile") / "frames")
