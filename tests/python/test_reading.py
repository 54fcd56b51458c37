"""Messages as they are read: attributes, lists, unions, dicts."""

import collections.abc
import copy
import gc
import json
import math
from pathlib import Path

import numpy as np
import polybus
import pytest

HERE = Path(__file__).parent


@pytest.fixture
def everything(words):
    def build(**fields):
        return words.Everything.decode(words.Everything.encode(**fields))

    return build


def test_fields_never_written_have_their_defaults(everything):
    msg = everything()
    assert msg.void is None
    assert msg.ok is True
    assert (msg.i8, msg.i32, msg.u64) == (0, -7, 0)
    assert (msg.f32, msg.f64) == (0.0, 0.5)
    assert msg.level == "mid"
    assert msg.text == ""
    assert bytes(msg.blob) == b""
    assert msg.pose.x == 0.0
    assert msg.pose.label == "origin"
    assert msg.accel == []
    assert msg.greeting == "hello"
    assert msg.primes == [2, 3, 5]
    assert (msg.start.x, msg.start.y, msg.start.label) == (1.0, 2.0, "origin")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("i8", (-128, 127)),
        ("i16", (-32768, 32767)),
        ("i32", (-(2**31), 2**31 - 1)),
        ("i64", (-(2**63), 2**63 - 1)),
        ("u8", (0, 255)),
        ("u16", (0, 65535)),
        ("u32", (0, 2**32 - 1)),
        ("u64", (0, 2**63, 2**64 - 1)),
        ("f64", (-math.inf, math.inf, -0.0, 5e-324, 1.7976931348623157e308)),
        ("f32", (-math.inf, math.inf, -0.0, 3.4028234663852886e38)),
        ("ok", (True, False)),
        ("level", ("low", "mid", "high")),
        ("text", ("", "grün", "日本語 \U0001f680", "nul\0inside")),
    ],
)
def test_values_come_back_as_they_went_at_their_extremes(everything, name, values):
    for value in values:
        read = getattr(everything(**{name: value}), name)
        assert read == value
        assert type(read) is type(value)
        if isinstance(value, float):
            assert math.copysign(1, read) == math.copysign(1, value)


def test_nan_comes_back_as_nan(everything):
    msg = everything(f32=math.nan, f64=math.nan, accel=[math.nan])
    assert all(math.isnan(x) for x in (msg.f32, msg.f64, msg.accel[0]))


def test_an_unknown_enumerant_is_its_number(everything):
    msg = everything(level=77, levels=["low", 9])
    assert msg.level == 77
    assert list(msg.levels) == ["low", 9]
    assert msg.to_dict()["level"] == 77


def test_data_is_a_read_only_memoryview(everything):
    blob = everything(blob=b"abc").blob
    assert isinstance(blob, memoryview)
    assert blob.readonly
    assert (bytes(blob), blob.format, blob.shape) == (b"abc", "B", (3,))


def test_a_list_of_numbers_is_a_sequence_and_a_buffer(everything):
    accel = everything(accel=[1.0, 2.0, 3.0]).accel
    assert isinstance(accel, collections.abc.Sequence)
    assert (len(accel), accel[0], accel[-1], accel[1:], accel[::-1]) == (3, 1.0, 3.0, [2.0, 3.0], [3.0, 2.0, 1.0])
    assert list(accel) == accel.tolist() == [1.0, 2.0, 3.0]
    assert accel == [1.0, 2.0, 3.0]
    assert accel == (1.0, 2.0, 3.0)
    assert accel != [1.0]
    assert 2.0 in accel
    assert (accel.index(2.0), accel.count(5.0)) == (1, 0)
    assert list(reversed(accel)) == [3.0, 2.0, 1.0]
    view = memoryview(accel)
    assert (view.format, view.itemsize, view.shape, view.readonly) == ("d", 8, (3,), True)
    with pytest.raises(IndexError):
        accel[3]
    with pytest.raises(IndexError):
        accel[-4]
    with pytest.raises(TypeError):
        hash(accel)


def test_numpy_sees_the_message_itself_read_only(words):
    frame = words.Everything.encode(accel=np.arange(4.0), levels=["high", "low"])
    start = np.frombuffer(frame, np.uint8).ctypes.data
    msg = words.Everything.decode(frame)
    array = np.asarray(msg.accel)
    assert array.dtype == np.float64
    assert array.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert not array.flags.writeable
    assert start <= array.ctypes.data < start + len(frame)
    assert np.asarray(msg.levels).dtype == np.uint16


@pytest.mark.parametrize("name", ["accel", "pixels", "counts", "levels", "hail", "blob"])
def test_an_empty_list_is_an_empty_array(everything, name):
    assert len(np.asarray(getattr(everything(), name))) == 0


def test_a_list_of_structs_is_a_sequence_of_messages_and_a_structured_array(everything):
    hail = everything(hail=[{"mm": 3, "at": 40, "name": "a"}, {"mm": 5}]).hail
    assert [h.mm for h in hail] == [3, 5]
    assert hail[0].name == "a"
    array = np.asarray(hail)
    assert array["mm"].tolist() == [3, 5]
    assert array["at"].tolist() == [40, 0]
    assert "name" not in array.dtype.names


def test_lists_of_bool_text_data_and_lists_are_sequences(everything):
    msg = everything(flags=[True, False] * 9, tags=["a", ""], blobs=[b"x", b""], matrix=[[1, 2], []])
    assert msg.flags == [True, False] * 9
    assert list(msg.tags) == ["a", ""]
    assert [bytes(b) for b in msg.blobs] == [b"x", b""]
    assert [list(row) for row in msg.matrix] == [[1.0, 2.0], []]
    assert np.asarray(msg.matrix[0]).tolist() == [1.0, 2.0]
    for name in ("flags", "tags", "matrix"):
        with pytest.raises(BufferError):
            memoryview(getattr(msg, name))


def test_which_names_the_active_member_and_others_raise(everything):
    msg = everything(two="zwei", shape={"circle": 2.5})
    assert msg.which() == "two"
    assert msg.two == "zwei"
    assert msg.shape.which() == "circle"
    assert msg.shape.circle == 2.5
    for read in (lambda: msg.one, lambda: msg["three"]):
        with pytest.raises(polybus.FieldError, match="two"):
            read()
    assert not hasattr(msg, "one")
    assert getattr(msg.shape, "square", None) is None
    with pytest.raises(polybus.InvalidArgumentError, match="no unnamed union"):
        msg.pose.which()


def test_groups_are_read_like_structs(everything):
    msg = everything(size={"w": 3, "h": 4}, shape={"square": {"a": 1, "b": "side"}})
    assert (msg.size.w, msg.size.h) == (3, 4)
    assert (msg.shape.square.a, msg.shape.square.b) == (1.0, "side")


def test_an_unknown_field_is_an_attribute_error_that_names_what_there_is(words, everything):
    msg = words.Imu.decode(words.Imu.encode())
    with pytest.raises(AttributeError, match=r"frameid.*stampNs, frameId") as caught:
        _ = msg.frameid
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(polybus.FieldError):
        msg["frameid"]


def test_field_names_win_over_methods(words):
    msg = words.Names.decode(words.Names.encode(which="w", toDict=4, init=3, data=True))
    assert (msg.which, msg["which"], msg.init, msg.data) == ("w", "w", 3, True)
    assert polybus.to_dict(msg) == {"which": "w", "toDict": 4, "init": 3, "data": True}


def test_names_that_are_equal_but_not_the_same_object_are_found(everything):
    assert getattr(everything(i8=3), "".join(["i", "8"])) == 3


def test_to_dict_has_the_schemas_order_and_leaves_out_null_pointers_and_inactive_members(words, everything):
    assert words.Imu.decode(words.Imu.encode(accel=[], stampNs=1)).to_dict() == {"stampNs": 1, "accel": []}
    full = everything(text="t", pose={"x": 1}, one=4, hail=[{"mm": 1}], blob=b"b").to_dict()
    assert list(full) == [n for n in words.Everything.fields if n in full]
    assert full["shape"] == {"none": None}
    assert full["size"] == {"w": 0, "h": 0}
    assert full["pose"] == {"x": 1.0, "y": 0.0}
    assert full["blob"] == b"b"
    assert "two" not in full
    assert "tags" not in full


def test_a_dict_so_made_publishes_the_same_message(words, everything):
    msg = everything(
        text="t", blob=b"b", pose={"label": "here"}, accel=[1], flags=[True], tags=["x"], blobs=[b"y"], two="z",
        hail=[{"name": "n"}], matrix=[[1.5]], shape={"poly": [{"x": 1}]}, levels=["high", 7], nothings=[None, None],
        inner={"value": 3}, other={"name": "far"}, f64=math.inf,
    )  # fmt: skip
    again = words.Everything.encode(msg.to_dict())
    assert words.Everything.decode(again) == msg
    assert words.Everything.encode(msg) == words.Everything.encode(words.Everything.decode(again))


def test_in_tells_what_to_dict_would_have(everything):
    msg = everything(two="", text="")
    assert "text" in msg
    assert "two" in msg
    assert "one" not in msg
    assert "blob" not in msg
    assert "nope" not in msg


def test_a_field_younger_than_the_writer_has_its_default(words):
    new = polybus.load_schema(HERE / "newer.capnp").New
    msg = new.decode(words.Old.encode(a=5))
    assert (msg.a, msg.b, msg.c) == (5, 9, "young")
    assert words.Old.decode(new.encode(a=6, b=1, c="x")).a == 6


def test_any_pointers_are_read_as_what_the_program_knows_them_to_be(words, everything):
    assert everything().any is None
    assert everything(any="text").any.as_text() == "text"
    assert bytes(everything(any=b"data").any.as_data()) == b"data"
    pose = everything(any=everything(pose={"x": 3}).pose).any
    assert (pose.kind, pose.as_struct(words.Pose).x) == ("struct", 3.0)
    assert everything(any=pose).any.as_struct(words.Pose).x == 3.0
    numbers = everything(any=everything(accel=[1, 2]).accel).any
    assert (numbers.kind, numbers.as_list("Float64")) == ("list", [1.0, 2.0])
    rows = everything(any=everything(matrix=[[1], [2, 3]]).matrix).any
    assert rows.as_list("List(Float32)") == [[1.0], [2.0, 3.0]]
    hail = everything(any=everything(hail=[{"mm": 3}]).hail).any
    assert hail.as_list(words.Hail)[0].mm == 3


def test_any_pointers_to_something_else_are_bad_messages(words, everything):
    any_text = everything(any="text").any
    for wrong in (lambda: any_text.as_struct(words.Pose), lambda: any_text.as_list("List(Text)"),
                  lambda: everything(any=everything().pose).any.as_text()):  # fmt: skip
        with pytest.raises(polybus.BadMessageError):
            wrong()
    with pytest.raises(polybus.InvalidArgumentError, match='name of a type like "Int32"'):
        any_text.as_list("Nothing")


def test_json_is_what_the_mapping_says(everything):
    msg = everything(u64=2**64 - 1, f32=float("nan"), blob=b"\xff", counts=[1], any="x", text="grüß\n")
    parsed = json.loads(msg.to_json())
    assert (parsed["u64"], parsed["f32"], parsed["blob"], parsed["counts"]) == (
        "18446744073709551615",
        "NaN",
        "/w==",
        ["1"],
    )
    assert (parsed["any"], parsed["text"]) == (None, "grüß\n")
    assert list(parsed) == list(msg.to_dict())
    assert polybus.to_json(msg) == msg.to_json()


def test_messages_print_what_is_in_them_shortened(words):
    text = repr(words.Imu.decode(words.Imu.encode(frameId="base", pixels=bytes(10_000))))
    assert text.startswith("Imu(stampNs=0, frameId='base'")
    assert len(text) < 300
    assert repr(words.Imu.decode(words.Imu.encode(pixels=bytes(10_000))).pixels).endswith(", ...]")


def test_dir_lists_fields_and_methods(everything):
    assert {"accel", "shape", "to_dict", "which"} <= set(dir(everything()))


@pytest.mark.parametrize("frame", [b"", b"abc", b"\xff" * 64, b"\0\0\0\0\1\0\0\0"])
def test_bytes_that_are_no_message_are_a_bad_message(words, frame):
    with pytest.raises(polybus.BadMessageError):
        words.Imu.decode(frame).to_dict()


def test_decoding_wants_a_buffer(words):
    with pytest.raises(polybus.InvalidArgumentError, match="str"):
        words.Imu.decode("text")


def test_a_message_is_read_again_and_again_without_a_limit(words):
    msg = words.Imu.decode(words.Imu.encode(accel=np.zeros(1000)))
    for _ in range(20_000):
        _ = msg.accel
    assert len(msg.to_dict()["accel"]) == 1000


def test_claims_beyond_the_messages_own_size_are_refused(words):
    frame = bytearray(words.Everything.encode(nothings=[None]))
    msg = words.Everything.decode(bytes(frame))
    assert msg.to_dict()["nothings"] == [None]
    at = frame.rindex((1 << 35).to_bytes(8, "little")[4:])  # the list pointer's upper half: 1 element of no bits
    frame[at : at + 4] = ((2**29 - 1) << 3).to_bytes(4, "little")
    hostile = words.Everything.decode(bytes(frame))
    assert len(hostile.nothings) == 2**29 - 1
    for read in (hostile.to_dict, hostile.nothings.tolist):
        with pytest.raises(polybus.BadMessageError):
            read()


def test_views_keep_the_bytes_they_look_at(words):
    msg = words.Imu.decode(bytearray(words.Imu.encode(accel=[1, 2], frameId="x")))
    array = np.asarray(msg.accel)
    del msg
    gc.collect()
    assert array.tolist() == [1.0, 2.0]


def test_messages_cannot_be_made_or_copied_by_accident(words):
    for cls in (polybus.Message, polybus.List, polybus.Sample, polybus.Publisher, polybus.Subscriber, polybus.Draft):
        with pytest.raises(TypeError):
            cls()
    with pytest.raises(TypeError):
        copy.deepcopy(words.Imu.decode(words.Imu.encode()))


def test_an_active_member_that_is_null_is_none_in_a_dict_which_publishes_the_same(words):
    encode, decode = words.Everything.encode, words.Everything.decode
    for fields in ({"two": None}, {"three": None}, {"shape": {"poly": None}}, {"shape": {"square": {"a": 1.0}}}):
        (name, value), *_ = fields.items()
        msg = decode(encode(**fields))
        assert name in msg
        assert msg.to_dict()[name] == value
        assert encode(msg.to_dict()) == encode(**fields)
    null, empty = decode(encode(two=None)), decode(encode(two=""))
    assert (null.which(), null.two, null == empty) == ("two", "", False)
