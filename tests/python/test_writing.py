"""What is accepted when a message is written, and what is not."""

import array
import math
from decimal import Decimal

import numpy as np
import polybus
import pytest


@pytest.fixture
def encode(words):
    return words.Everything.encode


@pytest.fixture
def written(words):
    def write(**fields):
        return words.Everything.decode(words.Everything.encode(**fields))

    return write


def test_an_int_is_taken_for_a_float(written):
    msg = written(f64=3, f32=np.int64(4), accel=[1, 2.5, np.float32(0.5)])
    assert (msg.f64, msg.f32) == (3.0, 4.0)
    assert list(msg.accel) == [1.0, 2.5, 0.5]


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint8, np.uint64])
def test_numpy_integers_are_taken_for_integers(written, kind):
    msg = written(i32=kind(5), u64=kind(6), counts=[kind(7)])
    assert (msg.i32, msg.u64, list(msg.counts)) == (5, 6, [7])


def test_numpy_bools_are_taken_for_bool(written):
    msg = written(ok=np.bool_(False), flags=np.array([True, False]))
    assert msg.ok is False
    assert msg.flags == [True, False]


def test_an_enum_is_taken_by_name_or_number(written):
    assert written(level="high").level == "high"
    assert written(level=0).level == "low"
    assert list(written(levels=["mid", np.uint8(2)]).levels) == ["mid", "high"]
    assert list(written(levels=np.array([0, 2], np.uint16)).levels) == ["low", "high"]


@pytest.mark.parametrize("blob", [b"ab", bytearray(b"ab"), memoryview(b"xaby")[1:3], np.frombuffer(b"ab", np.uint8)])
def test_data_takes_any_buffer(written, blob):
    assert bytes(written(blob=blob).blob) == b"ab"
    assert bytes(written(blobs=[blob]).blobs[0]) == b"ab"


def test_data_takes_what_does_not_lie_side_by_side(written):
    assert bytes(written(blob=memoryview(b"a-b-")[::2]).blob) == b"ab"


def test_a_struct_is_taken_as_dict_or_message(words, written):
    pose = words.Pose.decode(words.Pose.encode(x=3, label="p"))
    for value in ({"x": 3, "label": "p"}, pose):
        assert written(pose=value).pose == pose
        assert written(three=value).three == pose
        assert written(shape={"poly": [value, {}]}).shape.poly[0] == pose


def test_a_group_is_taken_as_dict_or_message(written):
    first = written(size={"w": 1, "h": 2}, shape={"square": {"a": 5}})
    again = written(size=first.size, shape=first.shape)
    assert again.size == first.size
    assert again.shape.square.a == 5.0


def test_a_whole_message_is_taken_as_dict_or_message(words):
    first = words.Imu.decode(words.Imu.encode({"frameId": "f", "accel": [1]}))
    assert words.Imu.decode(words.Imu.encode(first)) == first
    assert words.Imu.decode(words.Imu.encode({})) == words.Imu.decode(words.Imu.encode())


def test_lists_of_a_message_are_taken_for_lists(written):
    first = written(accel=[1, 2], hail=[{"mm": 1}], tags=["x"], matrix=[[1], [2, 3]], flags=[True], levels=["low"])
    again = written(
        accel=first.accel, hail=first.hail, tags=first.tags, matrix=first.matrix, flags=first.flags, levels=first.levels
    )
    assert again == first


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", ">f8", ">i4", "f2"])
def test_arrays_of_other_types_are_converted(written, dtype):
    values = np.array([0, 1, 100], dtype)
    assert list(written(accel=values).accel) == [0.0, 1.0, 100.0]
    if values.dtype.kind != "f":
        assert list(written(pixels=values).pixels) == [0, 1, 100]
        assert list(written(counts=values[::-1]).counts) == [100, 1, 0]


def test_arrays_need_not_lie_side_by_side(written):
    grid = np.arange(12.0).reshape(3, 4)
    assert list(written(accel=grid[:, 1]).accel) == [1.0, 5.0, 9.0]
    assert list(written(accel=grid[0, ::-1]).accel) == [3.0, 2.0, 1.0, 0.0]
    assert [list(row) for row in written(matrix=grid).matrix] == grid.tolist()


@pytest.mark.parametrize("value", [(1, 2), range(1, 3), array.array("h", [1, 2]), b"\1\2", memoryview(b"\1\2")])
def test_lists_take_any_sequence_or_buffer(written, value):
    assert list(written(pixels=value).pixels) == [1, 2]


BAD = [
    ("u8", 256, "u8: expected UInt8 (0 to 255), got 256"),
    ("u8", -1, "u8: expected UInt8 (0 to 255), got -1"),
    ("i8", 128, "i8: expected Int8 (-128 to 127), got 128"),
    ("u64", 2**64, "u64: expected UInt64 (0 to 18446744073709551615), got 18446744073709551616"),
    ("i64", -(2**63) - 1, "i64: expected Int64"),
    ("i64", 10**5000, "i64: expected Int64"),
    ("u8", "3", "u8: expected UInt8, got string"),
    ("u8", True, "u8: expected UInt8, got boolean"),
    ("u8", np.bool_(True), "u8: expected UInt8, got boolean"),
    ("i32", 1.0, "i32: expected Int32 (-2147483648 to 2147483647), got 1.0"),
    ("i32", None, "i32: expected Int32, got null"),
    ("i32", np.float64(1), "i32: expected Int32 (-2147483648 to 2147483647), got 1.0"),
    ("i32", np.array([1, 2]), "i32: expected Int32, got ndarray"),
    ("ok", 1, "ok: expected Bool, got 1"),
    ("ok", "true", "ok: expected Bool, got string"),
    ("f64", "1", "f64: expected Float64, got string"),
    ("f64", True, "f64: expected Float64, got boolean"),
    ("f64", 1j, "f64: expected Float64, got complex"),
    ("f64", 10**400, "f64: expected Float64"),
    ("f32", 1e300, "f32: expected Float32"),
    ("level", "higher", 'level: expected Level (low, mid, high), got "higher"'),
    ("level", 65536, "level: expected Level (low, mid, high), got 65536"),
    ("level", 1.0, "level: expected Level (low, mid, high), got 1.0"),
    ("void", 0, "void: expected Void, got 0"),
    ("text", b"x", "text: expected Text, got bytes"),
    ("text", 5, "text: expected Text, got 5"),
    ("text", None, "text: expected Text, got null"),
    ("text", "\ud800", "text: the text has lone surrogates"),
    ("blob", "x", "blob: expected Data, got string"),
    ("blob", [1, 2], "blob: expected Data, got array"),
    ("pose", 3, "pose: expected Pose, got 3"),
    ("pose", {"z": 1}, 'pose: Pose has no field "z"; it has x, y, label'),
    ("pose", {"x": "1"}, "pose.x: expected Float64, got string"),
    ("pose", {1: 2}, "pose: expected field names as str, got 1"),
    ("accel", 3, "accel: expected List(Float64), got 3"),
    ("accel", "abc", "accel: expected List(Float64), got string"),
    ("accel", {"a": 1}, "accel: expected List(Float64), got object"),
    ("accel", {1.0}, "accel: expected List(Float64), got set"),
    ("accel", [1, "x"], "accel[1]: expected Float64, got string"),
    ("accel", np.zeros((2, 2)), "accel: expected an array of one dimension, got 2"),
    ("accel", np.array([True]), "accel[0]: expected Float64, got boolean"),
    ("accel", np.array(["x"]), "accel[0]: expected Float64, got string"),
    ("pixels", np.array([1, 256]), "pixels[1]: expected UInt8 (0 to 255), got 256"),
    ("pixels", np.array([1.0]), "pixels[0]: expected UInt8 (0 to 255), got 1.0"),
    ("counts", np.array([2**63], np.uint64), "counts[0]: expected Int64"),
    ("flags", np.array([1]), "flags[0]: expected Bool, got 1"),
    ("flags", [True, 1], "flags[1]: expected Bool, got 1"),
    ("levels", ["low", "up"], 'levels[1]: expected Level (low, mid, high), got "up"'),
    ("tags", ["a", b"b"], "tags[1]: expected Text, got bytes"),
    ("hail", [{}, {"mm": "x"}], "hail[1].mm: expected UInt8, got string"),
    ("hail", [{}, {"nn": 1}], 'hail[1]: Hail has no field "nn"'),
    ("hail", [3], "hail[0]: expected Hail, got 3"),
    ("matrix", [[1], [2, "x"]], "matrix[1][1]: expected Float32, got string"),
    ("shape", {"circle": 1, "none": None}, "shape: circle and none are members of one union"),
    ("shape", {"square": {"a": "x"}}, "shape.square.a: expected Float32, got string"),
    ("size", 3, "size: expected Everything.size, got 3"),
    ("any", 1, "any: expected AnyPointer (a message, a list of one, text or data), got 1"),
    ("nope", 1, 'Everything has no field "nope"; it has void, ok'),
]


@pytest.mark.parametrize(("name", "value", "text"), BAD, ids=[f"{i}-{name}" for i, (name, _, _) in enumerate(BAD)])
def test_a_wrong_value_is_an_error_with_the_fields_path(encode, name, value, text):
    for give in (lambda: encode(**{name: value}), lambda: encode({name: value})):
        with pytest.raises(polybus.InvalidArgumentError) as caught:
            give()
        assert caught.value.code == "INVALID_ARGUMENT"
        assert str(caught.value).startswith(text)


def test_two_members_of_one_union_are_refused(encode):
    with pytest.raises(polybus.InvalidArgumentError, match="one and two are members of one union"):
        encode(one=1, two="x")


def test_a_message_of_another_type_is_refused(words, encode):
    imu = words.Imu.decode(words.Imu.encode())
    with pytest.raises(polybus.InvalidArgumentError, match="expected Everything, got a message of type Imu"):
        encode(imu)
    with pytest.raises(polybus.InvalidArgumentError, match="pose: expected Pose, got a message of type Imu"):
        encode(pose=imu)


def test_fields_and_a_value_together_are_refused(encode):
    with pytest.raises(polybus.InvalidArgumentError, match="either fields or one dict"):
        encode({}, i8=1)
    with pytest.raises(polybus.InvalidArgumentError):
        encode({}, {})
    with pytest.raises(polybus.InvalidArgumentError, match="expected Everything, got array"):
        encode([])


def test_fields_may_have_any_name(words):
    assert words.Names.decode(words.Names.encode(which="self", data=True)).which == "self"


def test_objects_that_convert_themselves_are_numbers(written):
    class Index:
        def __index__(self):
            return 5

    assert written(i8=Index(), f64=Index()).f64 == 5.0
    assert written(f64=Decimal("1.5")).f64 == 1.5


def test_a_value_that_raises_while_it_is_converted_is_refused(encode):
    class Bad:
        def __index__(self):
            raise RuntimeError("no")

    with pytest.raises(polybus.InvalidArgumentError, match="i8: expected Int8, got Bad"):
        encode(i8=Bad())


def test_a_list_that_changes_while_it_is_converted_does_no_harm(written):
    values: list[object] = []

    class Sly:
        def __index__(self):
            values.clear()
            return 3

    values.extend([Sly(), 1, 2])
    assert list(written(counts=values).counts) == [3, 1, 2]


def test_large_arrays_go_through_whole(written):
    pixels = np.random.default_rng(7).integers(0, 255, 1 << 20, np.uint8)
    msg = written(pixels=pixels, text="x" * 100_000, tags=["y" * 1000] * 100)
    assert np.array_equal(np.asarray(msg.pixels), pixels)
    assert len(msg.text) == 100_000
    assert len(msg.tags) == 100


def test_floats_keep_their_bits(written):
    values = [math.pi, -0.0, 5e-324, math.inf, -math.inf]
    assert written(accel=values).accel.tolist() == values
    assert math.copysign(1, written(accel=values).accel[1]) == -1.0
