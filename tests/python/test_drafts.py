"""Messages built in memory on loan."""

import gc

import numpy as np
import polybus
import pytest


@pytest.fixture
def pub(node, words):
    return node.publisher("all", words.Everything)


@pytest.fixture
def sub(node, pub):
    return node.subscriber("all")


def test_a_draft_is_published_on_a_clean_exit(pub, sub):
    with pub.loan() as draft:
        draft.msg.text = "hello"
        assert draft.seq is None
        assert sub.take() is None
    assert draft.seq == 1
    assert sub.take(timeout=None).msg.text == "hello"


def test_a_draft_is_discarded_on_an_exception(pub, sub):
    def fail() -> None:
        with pub.loan() as draft:
            draft.msg.text = "never"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sub.take() is None
    assert pub.stats.loans == 0
    assert pub.publish() == 1


def test_a_draft_is_published_or_discarded_by_hand(pub, sub):
    draft = pub.loan()
    draft.msg.i8 = 3
    assert draft.publish() == 1
    pub.loan().discard()
    with pub.loan() as again:
        again.discard()
    with pub.loan() as third:
        third.publish()
    assert sub.take(timeout=None).msg.i8 == 3
    assert third.seq == 2


def test_a_dropped_draft_is_discarded(pub, sub):
    pub.loan()
    gc.collect()
    assert pub.stats.loans == 0


def test_a_draft_is_used_once(pub):
    draft = pub.loan()
    msg = draft.msg
    accel = msg.init("accel", 3)
    draft.publish()
    draft.discard()
    for use in (
        draft.publish, lambda: draft.msg, lambda: msg.text, lambda: msg.init("accel", 1), msg.to_dict, msg.which,
        lambda: setattr(msg, "i8", 1), lambda: accel[0], lambda: memoryview(accel), draft.__enter__,
    ):  # fmt: skip
        with pytest.raises(polybus.ClosedError, match="published or discarded"):
            use()
    assert "published" in repr(draft)


def test_fields_are_set_and_read_back(pub, sub):
    with pub.loan() as draft:
        msg = draft.msg
        msg.ok = False
        msg.i32 = 5
        msg.level = "high"
        msg.text = "t"
        msg.blob = b"abc"
        msg.accel = [1, 2]
        msg.tags = ["a", "b"]
        msg["u8"] = 9
        assert (msg.ok, msg.i32, msg.level, msg.text, bytes(msg.blob), msg["u8"]) == (False, 5, "high", "t", b"abc", 9)
        assert list(msg.accel) == [1.0, 2.0]
        assert (msg.i16, msg.f64, msg.greeting) == (0, 0.5, "hello")
        before = msg.to_dict()
    assert sub.take(timeout=None).msg.to_dict() == before


def test_nested_structs_are_made_as_they_are_reached(pub, sub):
    with pub.loan() as draft:
        draft.msg.pose.x = 1
        draft.msg.pose.label = "p"
        draft.msg.start.y = 7
        draft.msg.size.w = 3
    msg = sub.take(timeout=None).msg
    assert (msg.pose.x, msg.pose.label, msg.size.w) == (1.0, "p", 3)
    assert (msg.start.x, msg.start.y) == (1.0, 7.0), "a struct with a default starts from it"


def test_lists_of_structs_and_of_lists_are_filled_in_place(pub, sub):
    with pub.loan() as draft:
        hail = draft.msg.init("hail", 2)
        hail[0].mm = 1
        hail[-1] = {"mm": 2, "name": "last"}
        np.asarray(hail)["at"] = [10, 20]
        matrix = draft.msg.init("matrix", 2)
        np.asarray(matrix.init(0, 2))[:] = [1, 2]
        matrix[1] = [3]
        tags = draft.msg.init("tags", 2)
        tags[1] = "b"
        flags = draft.msg.init("flags", 3)
        flags[1] = True
        assert list(flags) == [False, True, False]
        assert len(hail) == 2
    msg = sub.take(timeout=None).msg
    assert [h.to_dict() for h in msg.hail] == [{"mm": 1, "at": 10}, {"mm": 2, "at": 20, "name": "last"}]
    assert [list(row) for row in msg.matrix] == [[1.0, 2.0], [3.0]]
    assert list(msg.tags) == ["", "b"]
    assert list(msg.flags) == [False, True, False]


def test_assigning_a_member_makes_it_the_active_one_and_clears_the_former(pub, sub):
    with pub.loan() as draft:
        msg = draft.msg
        msg.two = "zwei"
        assert msg.which() == "two"
        msg.three = {"x": 1}
        msg.one = 5
        with pytest.raises(polybus.FieldError, match="init"):
            _ = msg.two
        with pytest.raises(polybus.FieldError, match=r"shape\.square"):
            msg.shape.square.a = 1
        square = msg.shape.init("square")
        square.a = 2
        square.b = "side"
        assert msg.shape.which() == "square"
        msg.shape.none = None
        msg.shape.init("square")
    msg = sub.take(timeout=None).msg
    assert (msg.which(), msg.one) == ("one", 5)
    assert msg.shape.square.to_dict() == {"a": 0.0}, "nothing is left of the former member"


def test_del_sets_a_field_back_to_its_default(pub, sub):
    with pub.loan() as draft:
        draft.msg.i32 = 5
        draft.msg.text = "t"
        draft.msg.size.w = 2
        del draft.msg.i32
        del draft.msg["text"]
        del draft.msg.size
    msg = sub.take(timeout=None).msg
    assert (msg.i32, "text" in msg, msg.size.w) == (-7, False, 0)


def test_arrays_are_written_straight_into_shared_memory(pub, sub):
    frame = np.arange(1 << 20, dtype=np.uint8)
    with pub.loan(size=1 << 20) as draft:
        pixels = draft.msg.init("pixels", 1 << 20)
        array = np.asarray(pixels)
        assert array.flags.writeable
        array[:] = frame
        address = array.ctypes.data
        with open("/proc/self/maps") as maps:
            inside = [x for x in maps if int(x.split("-")[0], 16) <= address < int(x.split()[0].split("-")[1], 16)]
        assert "memfd:" in inside[0], inside
        np.asarray(draft.msg.pixels)[0] = 77
        del array
    received = np.asarray(sub.take(timeout=None).msg.pixels)
    assert received[0] == 77
    assert np.array_equal(received[1:], frame[1:])


def test_data_is_written_in_place(pub, sub):
    with pub.loan(100) as draft:
        blob = draft.msg.init("blob", 5)
        assert not blob.readonly
        blob[:] = b"12345"
        draft.msg.blob[0] = ord("x")
    assert bytes(sub.take(timeout=None).msg.blob) == b"x2345"


def test_an_array_may_outlive_its_draft(pub, sub):
    with pub.loan(size=8000) as draft:
        inside = np.asarray(draft.msg.init("accel", 1000))
        inside[:] = 1
    assert np.asarray(sub.take(timeout=None).msg.accel).sum() == 1000
    assert inside.sum() == 1000
    pub.close()
    assert len(inside) == 1000
    _ = inside.sum()


def test_an_array_of_a_message_that_outgrew_its_loan_may_outlive_it_too(pub, sub):
    with pub.loan(size=0) as draft:
        beyond = np.asarray(draft.msg.init("accel", 100_000))
        beyond[:] = 2
        draft.msg.text = "end"
    assert draft.seq == 1
    msg = sub.take(timeout=None).msg
    assert np.asarray(msg.accel).sum() == 200_000
    assert msg.text == "end"
    beyond[:] = 3
    assert np.asarray(msg.accel).sum() == 200_000
    del beyond, draft
    assert pub.stats.loans == 0


def test_elements_are_read_back_while_a_list_is_built(pub, sub):
    with pub.loan() as draft:
        tags = draft.msg.init("tags", 3)
        tags[1] = "middle"
        assert list(tags) == ["", "middle", ""]
        blobs = draft.msg.init("blobs", 2)
        blobs[1] = b"xyz"
        blobs[1][0] = ord("X")
        assert [bytes(blob) for blob in blobs] == [b"", b"Xyz"]
        matrix = draft.msg.init("matrix", 2)
        matrix[1] = [1, 2]
        matrix[1][0] = 9
        assert [list(row) for row in matrix] == [[], [9, 2]]
    msg = sub.take(timeout=None).msg
    assert msg.tags == ["", "middle", ""]
    assert bytes(msg.blobs[1]) == b"Xyz"
    assert msg.matrix == [[], [9.0, 2.0]]


def test_a_struct_that_is_made_anew_has_nothing_of_its_default(pub, sub):
    with pub.loan() as draft:
        draft.msg.init("start").y = 7
    assert sub.take(timeout=None).msg.start.to_dict() == {"x": 0.0, "y": 7.0}


def test_a_wrong_value_raises_with_the_path_and_the_draft_lives_on(pub, sub):
    with pub.loan() as draft:
        for write, text in [
            (lambda m: setattr(m, "u8", 300), "u8: expected UInt8 (0 to 255), got 300"),
            (lambda m: setattr(m.pose, "x", "1"), "pose.x: expected Float64, got string"),
            (lambda m: setattr(m, "nope", 1), 'Everything has no field "nope"; it has void'),
            (lambda m: setattr(m.pose, "z", 1), 'pose: Pose has no field "z"; it has x, y, label'),
            (lambda m: m.init("hail", 2)[1].__setattr__("mm", "x"), "hail[1].mm: expected UInt8, got string"),
            (lambda m: m.init("tags", 1).__setitem__(0, 3), "tags[0]: expected Text, got 3"),
            (lambda m: m.init("u8"), "u8: init() is for lists, Data, structs and groups"),
            (lambda m: m.init("accel"), "accel: init() wants a number of elements"),
            (lambda m: m.init("accel", -1), "accel: expected a size of 0 to 536870911, got -1"),
            (lambda m: m.init("accel", "x"), "accel: expected a number of elements, got string"),
            (lambda m: m.init("pose", 3), "pose: init() takes no size"),
            (lambda m: m.init("nope", 3), 'Everything has no field "nope"; it has void'),
            (lambda m: m["nope"], 'Everything has no field "nope"; it has void'),
        ]:
            with pytest.raises(polybus.InvalidArgumentError) as caught:
                write(draft.msg)
            assert str(caught.value).startswith(text)
        with pytest.raises(IndexError):
            draft.msg.init("accel", 2)[2] = 1.0
        draft.msg.u8 = 3
    assert sub.take(timeout=None).msg.u8 == 3


def test_the_bytes_of_an_untyped_draft_are_filled_in_place(node):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")
    with pub.loan(size=100) as draft:
        assert (len(draft.data), draft.size) == (100, 100)
        draft.data[:5] = b"hello"
        draft.size = 5
    assert bytes(sub.take(timeout=None).data) == b"hello"
    with pub.loan(size=4) as draft:
        np.frombuffer(draft.data, np.uint32)[:] = 7
        with pytest.raises(polybus.InvalidArgumentError, match="size"):
            draft.size = 1 << 40
        with pytest.raises(polybus.InvalidArgumentError, match="untyped"):
            _ = draft.msg
    assert bytes(sub.take(timeout=None).data) == b"\7\0\0\0"


def test_closing_the_publisher_discards_its_drafts(node, words):
    pub = node.publisher("all", words.Everything)
    draft = pub.loan()
    pub.close()
    with pytest.raises(polybus.ClosedError):
        draft.publish()
    draft.discard()


def test_too_many_loans_are_an_error_that_names_the_bound(pub):
    drafts = []

    def hoard() -> None:
        for _ in range(100):
            drafts.append(pub.loan())

    with pytest.raises(polybus.TooManyLoansError, match="64") as caught:
        hoard()
    assert caught.value.code == "TOO_MANY_LOANS"
    drafts.pop().discard()
    pub.loan().discard()
