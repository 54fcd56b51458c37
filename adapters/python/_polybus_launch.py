"""The commands `busd` and `bus-cli` of an installed wheel.

Beside the package, not in it, and with two imports: importing polybus first would cost a command 30 ms.
"""

import os
import sys
from typing import NoReturn


def _become(program: str) -> NoReturn:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "polybus", "bin", program)
    os.execv(path, [path, *sys.argv[1:]])


def busd() -> NoReturn:
    _become("busd")


def bus_cli() -> NoReturn:
    _become("bus-cli")
