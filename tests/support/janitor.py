"""What tests start and make goes with them, also where they are killed: janitor.sh clears away what is left of this process."""

import ctypes
import os
import signal
import subprocess
import uuid
from pathlib import Path

MARK = "TESTS_OF_POLYBUS"  # not POLYBUS_…: tests keep those from programs they start
_PR_SET_PDEATHSIG = 1
_janitor: subprocess.Popen[bytes] | None = None


def hire() -> None:
    """From here on every program that this process starts carries its mark."""
    global _janitor
    mark = uuid.uuid4().hex
    script = Path(__file__).with_name("janitor.sh")
    # Without a mark of its own, which a worker of xdist has from its master: nobody else's janitor ends it.
    environment = {key: value for key, value in os.environ.items() if key != MARK}
    _janitor = subprocess.Popen(
        [script, mark], stdin=subprocess.PIPE, bufsize=0, start_new_session=True, env=environment
    )
    os.environ[MARK] = mark
    if "PYTEST_XDIST_WORKER" in os.environ:  # its master may be killed while it is in the middle of a test
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def note(folder: str) -> None:
    """A folder that is to go with this process, if nobody has removed it by then."""
    if _janitor is not None and _janitor.stdin is not None:
        _janitor.stdin.write(f"{folder}\n".encode())
