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


def as_type(name: str, value: Any) -> dict[str, Any]:
    """What an AnyPointer is set to: JSON has no value for it, so runners are told."""
    return {"$as": name, "value": value}


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
    "an enumerant nobody knows": {"color": 7, "colors": ["red", 65535]},
    "union: a member that is null": {"words": None, "shape": {"title": None}},
    "lists of lists of lists": {"cube": [[[1, -2], []], [], [[3]]]},
    "generic types": {
        "pointBox": {"value": point(1, 2.0, "p"), "entries": [{"it": point(3)}, {}]},
        "textBox": {"value": "t", "entries": [{"it": "x"}, {"it": ""}]},
        "textBoxes": [{"value": "a"}, {}, {"entries": []}],
    },
    "AnyPointer to text": {"any": as_type("Text", "grüß dich")},
    "AnyPointer to data": {"any": as_type("Data", "AP+A")},
    "AnyPointer to a struct": {"any": as_type("Point", point(7, 0.5, "any"))},
    "AnyPointer to a list": {"any": as_type("List(Int32)", [1, -2, 3])},
    "an unbound type parameter": {"anyBox": {"value": as_type("Point", point(8)), "entries": [{}]}},
    "long text": {"text": {"repeat": "Straße 🚌 ", "times": 20_000}},
}


# What subscribers read field by field: paths, and what they give. Null pointers read as their defaults.
GET: dict[str, list[dict[str, Any]]] = {
    "nothing set": [
        {"path": "textDefault", "is": "grüß"},
        {"path": "dataDefault", "is": "AP+A"},
        {"path": "pointDefault", "is": point(3, -1.5, "p")},
        {"path": "pointDefault.label", "is": "p"},
        {"path": "listDefault", "is": [1, -2, 3]},
        {"path": "listDefault[1]", "is": -2},
        {"path": "textsDefault", "is": ["a", ""]},
        {"path": "pointsDefault[1].label", "is": "two"},
        {"path": "nested.nested.textDefault", "is": "grüß"},
        {"path": "point.x", "is": 0},
        {"path": "text", "is": ""},
        {"path": "data", "is": ""},
        {"path": "matrix", "is": []},
        {"path": "which()", "is": "idle"},
        {"path": "shape.which()", "is": "none"},
        {"path": "pointBox.value.label", "is": ""},
    ],
    "union: group": [
        {"path": "shape.which()", "is": "box"},
        {"path": "shape.box.width", "is": 4294967295},
        {"path": "which()", "is": "idle"},
    ],
    "lists of lists": [
        {"path": "names[2][1]", "is": "🚌"},
        {"path": "clouds[0][1].label", "is": "point 1"},
        {"path": "flags[2]", "is": [False, True, False]},
    ],
    "an enumerant nobody knows": [{"path": "color", "is": 7}, {"path": "colors[1]", "is": 65535}],
    "generic types": [
        {"path": "pointBox.entries[0].it.x", "is": 3},
        {"path": "pointBox.entries[1].it.x", "is": 0},
        {"path": "textBox.entries[0].it", "is": "x"},
    ],
    "AnyPointer to text": [{"path": "any", "as": "Text", "is": "grüß dich"}],
    "AnyPointer to data": [{"path": "any", "as": "Data", "is": "AP+A"}],
    "AnyPointer to a struct": [{"path": "any", "as": "Point", "is": point(7, 0.5, "any")}],
    "AnyPointer to a list": [{"path": "any", "as": "List(Int32)", "is": [1, -2, 3]}],
    "an unbound type parameter": [{"path": "anyBox.value", "as": "Point", "is": point(8)}],
}
# Why JSON does not bring the same message back.
NOT_EXACT = {
    "AnyPointer to text": "AnyPointer",
    "AnyPointer to data": "AnyPointer",
    "AnyPointer to a struct": "AnyPointer",
    "AnyPointer to a list": "AnyPointer",
    "an unbound type parameter": "AnyPointer",
}
CONSTANTS = {
    "yes": True,
    "least": "-9223372036854775808",
    "most": "18446744073709551615",
    "half": 0.5,
    "large": 1e300,
    "paint": "green",
    "greeting": "grüß dich",
    "bytes": "AP+A",
    "primes": [2, 3, 5],
    "corner": point(-4, 0.0, "corner"),
    "corners": [point(1), point(2)],
    "Everything.unit": "mm",
}
# What is wrong, and the words for it, the same in every language. "whole": as one object only, not field by field.
MISTAKES: list[dict[str, Any]] = [
    {"set": {"points": [{}, {}, {}, {"x": "one"}]}, "error": "points[3].x: expected Int32, got string"},
    {"set": {"point": {"y": "two"}}, "error": "point.y: expected Float64, got string"},
    {"set": {"uint8": 256}, "error": "uint8: expected UInt8 (0 to 255), got 256"},
    {"set": {"int8": -129}, "error": "int8: expected Int8 (-128 to 127), got -129"},
    {"set": {"int16": 1.5}, "error": "int16: expected Int16 (-32768 to 32767), got 1.5"},
    {"set": {"uint32": True}, "error": "uint32: expected UInt32, got boolean"},
    {"set": {"int32": None}, "error": "int32: expected Int32, got null"},
    {"set": {"bool": 1}, "error": "bool: expected Bool, got 1"},
    {"set": {"bool": "true"}, "error": "bool: expected Bool, got string"},
    {"set": {"nothing": 0}, "error": "nothing: expected Void, got 0"},
    {"set": {"float64": "much"}, "error": "float64: expected Float64, got string"},
    {"set": {"float64": []}, "error": "float64: expected Float64, got array", "whole": True},
    {"set": {"text": 5}, "error": "text: expected Text, got 5"},
    {"set": {"text": {}}, "error": "text: expected Text, got object", "whole": True},
    {"set": {"texts": ["a", "b", 7]}, "error": "texts[2]: expected Text, got 7"},
    {"set": {"data": 5}, "error": "data: expected Data, got 5"},
    {"set": {"color": "pink"}, "error": 'color: expected Color (red, green, blue), got "pink"'},
    {"set": {"color": False}, "error": "color: expected Color (red, green, blue), got boolean"},
    {"set": {"color": 65536}, "error": "color: expected Color (red, green, blue), got 65536"},
    {"set": {"colors": ["red", "pink"]}, "error": 'colors[1]: expected Color (red, green, blue), got "pink"'},
    {"set": {"point": 3}, "error": "point: expected Point, got 3"},
    {"set": {"points": {"x": 1}}, "error": "points: expected List(Point), got object", "whole": True},
    {"set": {"points": [3]}, "error": "points[0]: expected Point, got 3"},
    {"set": {"matrix": [[1], [2, "x"]]}, "error": "matrix[1][1]: expected Int32, got string"},
    {"set": {"place": {"north": "n"}}, "error": "place.north: expected Float64, got string"},
    {"set": {"place": 1}, "error": "place: expected Everything.place, got 1"},
    {"set": {"shape": {"box": {"width": -1}}}, "error": "shape.box.width: expected UInt32 (0 to 4294967295), got -1"},
    {
        "set": {"textBox": {"entries": [{"it": 1}]}},
        "error": "textBox.entries[0].it: expected Text, got 1",
    },
    {"set": {"point": {"z": 1}}, "error": 'point: Point has no field "z"; it has x, y, label'},
    {
        "set": {"shape": {"radius": 1.0, "title": "t"}},
        "error": "shape: radius and title are members of one union: give one of them",
        "whole": True,
    },
    {
        "set": {"calls": 1},
        "error": "calls: a field of an interface type holds a capability, which a message on a bus cannot carry",
    },
]


def make_case(name: str) -> dict[str, Any]:
    case: dict[str, Any] = {"name": name, "set": CASES[name]}
    if name in GET:
        case["get"] = GET[name]
    if name in NOT_EXACT:
        case["notExact"] = NOT_EXACT[name]
    return case


def main() -> None:
    cases = [make_case(name) for name in CASES]
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=True) for case in cases)
    table = {"unset": UNSET, "union": UNION, "constants": CONSTANTS, "mistakes": MISTAKES}
    head = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in table.items())
    text = f'{{\n{head}"cases": [\n{lines}\n]\n}}\n'
    Path(__file__).with_name("cases.json").write_text(text)


if __name__ == "__main__":
    main()
