"""Reads a region, or writes one, with nothing but Python's own ctypes and libpolybus.so: how any language with a
foreign-function interface can join. Usage: ctypes_region.py NAME [TEXT]. The library: POLYBUS_LIBRARY, else build/lib.
"""

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_int32, c_size_t, c_void_p
from pathlib import Path

EMPTY = 1
SIZE_MAX = 4096


class Error(ctypes.Structure):
    _fields_ = [("code", c_int32), ("message", c_char * 512)]


library = ctypes.CDLL(os.environ.get("POLYBUS_LIBRARY", Path(__file__).parents[2] / "build" / "lib" / "libpolybus.so"))
for function, arguments in {
    "polybus_node_open": [c_char_p, POINTER(c_void_p), POINTER(Error)],
    "polybus_region_create": [c_void_p, c_char_p, c_size_t, POINTER(c_void_p), POINTER(Error)],
    "polybus_region_write": [c_void_p, c_char_p, c_size_t, POINTER(Error)],
    "polybus_region_read": [c_void_p, c_char_p, c_size_t, POINTER(c_size_t), POINTER(Error)],
    "polybus_region_close": [c_void_p],
    "polybus_node_close": [c_void_p],
}.items():
    getattr(library, function).argtypes = arguments
    getattr(library, function).restype = None if function.endswith("close") else c_int


def check(code: int) -> int:
    if code not in (0, EMPTY):
        sys.exit(f"region: {error.message.decode()}")
    return code


error = Error()
node, region = c_void_p(), c_void_p()
name = sys.argv[1] if len(sys.argv) > 1 else "settings"
check(library.polybus_node_open(b"region-ctypes", byref(node), byref(error)))
check(library.polybus_region_create(node, name.encode(), SIZE_MAX, byref(region), byref(error)))
if len(sys.argv) > 2:
    value = " ".join(sys.argv[2:]).encode()
    check(library.polybus_region_write(region, value, len(value), byref(error)))
else:
    buffer, size = ctypes.create_string_buffer(SIZE_MAX), c_size_t()
    if check(library.polybus_region_read(region, buffer, SIZE_MAX, byref(size), byref(error))) == EMPTY:
        print(f"(nobody has written to {name} yet)")
    else:
        print(buffer.raw[: size.value].decode())
library.polybus_region_close(region)
library.polybus_node_close(node)
