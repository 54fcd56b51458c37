"""The C library by itself, as a program loads and unloads it: no `import polybus`, nothing of this package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(os.environ.get("POLYBUS_BUILD") or Path(__file__).parents[2] / "build") / "lib" / "libpolybus.so"

PROGRAM = """
import ctypes, _ctypes, os, sys, threading

def is_mapped():
    return "libpolybus.so" in open("/proc/self/maps").read()

def threads():
    return [open(f"/proc/self/task/{tid}/comm").read().strip() for tid in os.listdir("/proc/self/task")]

def use_and_unload(closes):
    library = ctypes.CDLL(LIBRARY, mode=ctypes.RTLD_LOCAL)
    node, region = ctypes.c_void_p(), ctypes.c_void_p()
    assert library.polybus_node_open(b"loader", ctypes.byref(node), None) == 0
    assert library.polybus_region_create(node, b"settings", ctypes.c_size_t(64), ctypes.byref(region), None) == 0
    assert library.polybus_region_write(region, b"value", ctypes.c_size_t(5), None) == 0
    assert "polybus" in threads(), "it has a thread that goes on after dlclose"
    if closes:
        library.polybus_region_close(region)
        library.polybus_node_close(node)
    _ctypes.dlclose(library._handle)

assert not is_mapped()
for _ in range(3):
    use_and_unload(closes=CLOSES)
    assert is_mapped(), "dlclose took the code away that threads and fork handlers run in"
    # Handlers of the library run in fork, and destructors of its thread-local things when threads end.
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
print("went on")
"""


@pytest.mark.parametrize("closes", [True, False], ids=["after the node was closed", "with a node that lives"])
def test_a_program_that_unloads_the_library_goes_on(bus: str, closes: bool) -> None:
    program = f"LIBRARY, CLOSES = {str(LIBRARY)!r}, {closes}\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "went on\n"
