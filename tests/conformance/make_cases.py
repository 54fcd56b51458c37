"""Writes cases.json: what every language sends to every language. Run it after changing it; the result is in git."""

import json
from pathlib import Path
from typing import Any

# All scalars, groups and union members of a message in which nothing is set; null pointers are left out.
UNSET: dict[str, Any] = {
    "bool": False,
    "int8": 0,
    "int16": 0,
    "int32": 0,
    "int64": "0",
    "uint8": 0,
    "uint16": 0,
    "uint32": 0,
    "uint64": "0",
    "float32": 0.0,
    "float64": 0.0,
    "nothing": None,
    "color": "red",
    "place": {"north": 0.0, "east": 0.0},
    "shape": {"none": None},
    "idle": None,
    "boolDefault": True,
    "int16Default": -7,
    "uint64Default": "18446744073709551615",
    "float32Default": 1.5,
    "float64Default": "-Infinity",
    "colorDefault": "blue",
}
UNION = ("idle", "count", "words", "flag")

FLOAT32_MAX = 3.4028234663852886e38
SUBNORMAL32, SUBNORMAL64 = 1.401298464324817e-45, 5e-324
TEXTS = [
    "",
    "a",
    "grüß dich",
    "日本語",
    "🚌💨",
    'tab\tquote"backslash\\slash/',
    "\u0001\u001f",
    "e\u0301",
    "\uffff",
    "zero\u0000inside",
]


def point(x: int = 0, y: float = 0.0, label: str | None = None) -> dict[str, Any]:
    return {"x": x, "y": y} | ({} if label is None else {"label": label})


def many_points(count: int) -> list[dict[str, Any]]:
    return [point(i - 50, i / 3, f"point {i}") for i in range(count)]


# Name -> what a publisher sets; a subscriber sees that and the rest of UNSET.
CASES: dict[str, dict[str, Any]] = {
    "nothing set": {},
    "smallest integers": {"int8": -128, "int16": -32768, "int32": -2147483648, "int64": "-9223372036854775808"},
    "largest integers": {
        "int8": 127,
        "int16": 32767,
        "int32": 2147483647,
        "int64": "9223372036854775807",
        "uint8": 255,
        "uint16": 65535,
        "uint32": 4294967295,
        "uint64": "18446744073709551615",
    },
    "around 2^53": {
        "int64": "-9007199254740993",
        "uint64": "9007199254740993",
        "int64s": ["9007199254740991", "9007199254740992", "9007199254740993"],
    },
    "booleans": {
        "bool": True,
        "boolDefault": False,
        "bools": [True, False, True, True, False, False, True, False, True],
    },
    "floats at their ends": {"float32": FLOAT32_MAX, "float64": 1.7976931348623157e308},
    "smallest floats": {
        "float32": SUBNORMAL32,
        "float64": SUBNORMAL64,
        "float32s": [-SUBNORMAL32, 1.1754943508222875e-38],
        "float64s": [-SUBNORMAL64, 2.2250738585072014e-308],
    },
    "not a number": {"float32": "NaN", "float64": "NaN", "float32s": ["NaN", 1.0, "NaN"], "float64s": ["NaN", 2.0]},
    "infinities": {
        "float32": "Infinity",
        "float64": "-Infinity",
        "float32s": ["Infinity", "-Infinity"],
        "float64s": ["-Infinity", "Infinity"],
    },
    "minus zero": {
        "float32": -0.0,
        "float64": -0.0,
        "float32s": [-0.0, 0.0],
        "float64s": [0.0, -0.0],
        "point": point(0, -0.0),
    },
    "inexact fractions": {
        "float32": 0.10000000149011612,
        "float64": 0.1,
        "float64s": [1 / 3, 1e21, 1e-7, 123456789.125, 9007199254740993.0],
    },
    "texts": {"text": "".join(TEXTS), "texts": TEXTS},
    "empty but there": {
        "text": "",
        "data": "",
        "texts": [],
        "datas": [],
        "points": [],
        "matrix": [],
        "point": point(),
        "float64s": [],
        "voids": [],
        "bools": [],
    },
    "lists of empty ones": {
        "texts": ["", ""],
        "datas": ["", ""],
        "matrix": [[], [1], []],
        "names": [[], [""]],
        "points": [point(), point()],
    },
    "data": {"data": "AAECA/8=", "datas": ["/w==", "", "AAAA", "gIGCgw=="]},
    "enums": {"color": "green", "colors": ["blue", "red", "green", "blue"], "colorDefault": "red"},
    "nested structs": {
        "point": point(-1, 2.5, "here"),
        "nested": UNSET | {"name": "inner", "int64": "-5", "nested": UNSET | {"name": "innermost", "texts": ["x"]}},
    },
    "group": {"place": {"north": 52.5, "east": -13.25, "city": "Köln"}},
    "union: number": {"shape": {"radius": 2.5}, "count": "-1"},
    "union: struct and list": {"shape": {"corner": point(9, 8.0, "corner")}, "words": ["one", "", "three"]},
    "union: text and flag": {"shape": {"title": "square"}, "flag": True},
    "union: list": {"shape": {"sides": [3, 4, 65535]}, "flag": False},
    "union: group": {"shape": {"box": {"width": 4294967295, "height": 1}}, "idle": None},
    "lists of scalars": {
        "int8s": [-128, 0, 127],
        "int16s": [-32768, 32767],
        "int32s": [-2147483648, 2147483647],
        "int64s": ["-9223372036854775808", "9223372036854775807", "0"],
        "uint8s": [0, 255],
        "uint16s": [0, 65535],
        "uint32s": [4294967295],
        "uint64s": ["18446744073709551615", "0"],
        "voids": [None, None, None],
    },
    "lists of structs": {"points": many_points(5)},
    "lists of lists": {
        "matrix": [[1, 2, 3], [-4], [], [2147483647, -2147483648]],
        "names": [["a", "ä"], [], ["", "🚌"]],
        "clouds": [many_points(2), [], many_points(1)],
        "flags": [[True], [], [False, True, False]],
    },
    "defaults written out": {
        "boolDefault": True,
        "int16Default": -7,
        "uint64Default": "18446744073709551615",
        "float32Default": 1.5,
        "float64Default": "-Infinity",
        "colorDefault": "blue",
        "textDefault": "grüß",
        "dataDefault": "AP+A",
        "pointDefault": point(3, -1.5, "p"),
        "listDefault": [1, -2, 3],
    },
    "defaults overwritten": {
        "boolDefault": False,
        "int16Default": 0,
        "uint64Default": "0",
        "float32Default": 0.0,
        "float64Default": 0.0,
        "textDefault": "",
        "dataDefault": "",
        "pointDefault": point(),
        "listDefault": [],
    },
    "large list": {
        "float64s": {"repeat": [0.5, -1.25, 1e300, 0.0, -0.0], "times": 40_000},
        "uint8s": {"repeat": [0, 127, 255], "times": 100_000},
    },
    "many structs": {"points": many_points(200)},
    "long text": {"text": {"repeat": "Straße 🚌 ", "times": 20_000}},
}


def main() -> None:
    cases = [{"name": name, "set": value} for name, value in CASES.items()]
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=True) for case in cases)
    text = f'{{\n"unset": {json.dumps(UNSET)},\n"union": {json.dumps(UNION)},\n"cases": [\n{lines}\n]\n}}\n'
    Path(__file__).with_name("cases.json").write_text(text)


if __name__ == "__main__":
    main()
