"""Programs that know a topic's messages by different versions of the schema."""

from pathlib import Path

import polybus
import pytest

OLDER = """@0xd4f1c2b3a5968773;
struct Main {
  number @0 :UInt64;
  place @1 :Place;
  state @2 :State;
  union { none @3 :Void; count @4 :UInt32; }
  struct Place { x @0 :Float32; }
  enum State { calm @0; busy @1; }
}
"""
NEWER = """@0xd4f1c2b3a5968773;
struct Main {
  number @0 :UInt64;
  place @1 :Place;
  state @2 :State;
  union { none @3 :Void; count @4 :UInt32; remark @6 :Text; }
  level @5 :Int32 = 7;
  values @7 :List(UInt16);
  struct Place { x @0 :Float32; y @1 :Float32 = 0.5; }
  enum State { calm @0; busy @1; upset @2; }
}
"""


@pytest.fixture
def older(tmp_path: Path) -> polybus.Schema:
    return load(tmp_path, "older.capnp", OLDER)


@pytest.fixture
def newer(tmp_path: Path) -> polybus.Schema:
    return load(tmp_path, "newer.capnp", NEWER)


def load(folder: Path, name: str, text: str) -> polybus.Schema:
    (folder / name).write_text(text)
    return polybus.load_schema(folder / name).Main


def test_a_newer_reader_finds_defaults_for_what_an_older_writer_does_not_know(node, older, newer):
    pub, sub = node.publisher("t", older), node.subscriber("t", newer)
    pub.publish(number=3, place={"x": 1.5}, state="busy", count=9)
    sample = sub.take(timeout=None)
    assert sample.msg.to_dict() == {
        "number": 3,
        "place": {"x": 1.5, "y": 0.5},
        "state": "busy",
        "count": 9,
        "level": 7,
    }
    assert sample.schema == newer
    assert list(sample.msg.values) == []


def test_an_older_reader_sees_of_a_newer_writer_what_it_knows(node, older, newer):
    sub, pub = node.subscriber("t", older), node.publisher("t", newer)
    pub.publish(number=4, place={"x": 1, "y": 2}, state="upset", count=5, level=1, values=[1, 2])
    assert sub.take(timeout=None).msg.to_dict() == {"number": 4, "place": {"x": 1.0}, "state": 2, "count": 5}
    pub.publish(remark="unheard of")
    msg = sub.take(timeout=None).msg
    assert msg.which() not in ("none", "count")
    assert "remark" not in msg.to_dict()


def test_a_reader_without_a_schema_reads_each_message_by_its_writers(bus, older, newer):
    with polybus.Node("a") as a, polybus.Node("b") as b:
        sub = a.subscriber("t")
        one, two = a.publisher("t", older), b.publisher("t", newer)
        two.publish(level=8)
        assert sub.take(timeout=None).msg.level == 8
        one.publish(number=6)
        sample = sub.take(timeout=None)
        assert sample.schema == older
        assert "level" not in sample.msg.to_dict()


def test_a_third_version_must_fit_all_that_are_in_use(node, older, newer, tmp_path):
    third = load(tmp_path, "third.capnp", OLDER.replace("union {", "note @5 :Text; union {"))
    ends = [node.publisher("t", older), node.subscriber("t", third)]
    with pytest.raises(polybus.SchemaMismatchError, match="level @5: Int32 here, note :Text there"):
        node.subscriber("t", newer)
    assert len(ends) == 2
