"""Texts the extension asks for: what messages look like when printed, and JSON."""

from __future__ import annotations

import base64
import json
import reprlib
from collections.abc import Mapping, Sequence

parse_json = json.loads


def dump_json(values: object) -> str:
    """Compact, and with every character as it is, as the library writes it."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


_short = reprlib.Repr()
_short.maxstring = 60
_short.maxother = 60
_short.maxlist = 8
_short.maxdict = 16
_short.maxlevel = 4


def message(type_name: str, values: Mapping[str, object]) -> str:
    """`Imu(frameId='base', accel=[0.1, 0.2])`, shortened where values are long."""
    fields = ", ".join(f"{name}={_short.repr(value)}" for name, value in values.items())
    return f"{type_name}({fields})"


def sequence(items: Sequence[object]) -> str:
    """The first elements of a list, without converting the rest."""
    head = [items[i] for i in range(min(len(items), _short.maxlist))]
    more = ", ..." if len(items) > len(head) else ""
    return f"[{', '.join(map(_short.repr, head))}{more}]"
