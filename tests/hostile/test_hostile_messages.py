"""Damaged messages, read to the last field in every language: no crash, no hang, no memory that stays.

POLYBUS_MUTATIONS=1000000 says how many per language, POLYBUS_SEED which. C++ reads its own in tests/unit/message/hostile_test.cpp
(POLYBUS_FUZZ_FACTOR) and in tests/fuzz.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.test_conformance import SCHEMA
from tests.support.bus import NODE

HERE = Path(__file__).parent
COUNT = os.environ.get("POLYBUS_MUTATIONS", "20000")
SEED = os.environ.get("POLYBUS_SEED", "1")
READERS = {
    "python": [sys.executable, HERE / "reader.py"],
    "js": [NODE, "--expose-gc", HERE / "reader.mjs"],
}


@pytest.mark.parametrize("language", READERS)
def test_damaged_messages_are_errors_or_other_values(language: str, frames: Path) -> None:
    done = subprocess.run(
        [*READERS[language], SCHEMA, frames, COUNT, SEED],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
