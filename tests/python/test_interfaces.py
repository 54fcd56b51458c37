"""Messages of types that have fields of an interface type, which nothing on a bus can carry: the rest of them is read."""

import struct

import polybus
import pytest

DOOR = """@0xd4f1c2b3a596877a;
struct Visit { guest @0 :Text; door @1 :Door; doors @2 :List(Door); }
interface Door { open @0 () -> (); }
"""
NONE = "a field of an interface type holds a capability, which a message on a bus cannot carry"
# Both capabilities are there, as a program that knows of no bus writes them.
WITH_CAPABILITIES = struct.pack(
    "<7Q",
    0x0000_0006_0000_0000,  # a table of one segment of 6 words
    0x0003_0000_0000_0000,  # the root: no data, three pointers
    0x0000_0022_0000_0009,  # guest: two words on, four bytes
    0x0000_0000_0000_0003,  # door: capability 0
    0x0000_000E_0000_0005,  # doors: one word on, one pointer
    0x0000_0000_0062_6F42,  # "Bob"
    0x0000_0001_0000_0003,  # capability 1
)


@pytest.fixture
def visit(tmp_path):
    (tmp_path / "door.capnp").write_text(DOOR)
    return polybus.load_schema(tmp_path / "door.capnp").Visit


def refusal(read):
    with pytest.raises(polybus.InvalidArgumentError) as caught:
        read()
    assert caught.value.code == "INVALID_ARGUMENT"
    return str(caught.value)


def test_a_field_of_an_interface_type_is_refused_by_name_where_it_is_read_set_or_not(visit):
    for frame in (visit.encode(guest="Bob"), WITH_CAPABILITIES):
        message = visit.decode(frame)
        assert message.guest == "Bob"
        assert refusal(lambda message=message: message.door) == f"door: {NONE}"
        assert refusal(lambda message=message: message.doors) == f"doors: {NONE}"
        assert message.guest == "Bob"


def test_a_whole_message_says_of_an_interface_no_more_than_that_it_is_there(visit):
    assert visit.decode(visit.encode(guest="Bob")).to_dict() == {"guest": "Bob"}
    assert visit.decode(WITH_CAPABILITIES).to_dict() == {"guest": "Bob", "door": None, "doors": None}
