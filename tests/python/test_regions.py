"""One named current value."""

import threading

import numpy as np
import polybus
import pytest


def test_a_region_has_no_value_before_the_first_write(node):
    with node.region("settings", size=64) as region:
        assert region.read() is None
        assert (region.name, region.size) == ("settings", 64)


def test_a_reader_sees_the_newest_value(node):
    with polybus.Node("other") as other:
        writer = node.region("settings", size=64)
        reader = other.region("settings", size=64)
        for value in (b"one", bytearray(b"two"), np.frombuffer(b"three", np.uint8), b""):
            writer.write(value)
            assert bytes(reader.read()) == bytes(value)
            assert bytes(reader.read()) == bytes(value)
        assert reader.read().readonly


def test_a_value_read_stays_as_it_was(node):
    region = node.region("settings", size=64)
    region.write(b"old")
    value = region.read()
    for i in range(100):
        region.write(str(i).encode())
    assert bytes(value) == b"old"
    region.close()
    assert bytes(value) == b"old"


def test_the_value_outlives_its_writer(bus):
    with polybus.Node("writer") as writer:
        writer.region("settings").write(b"still here")
    with polybus.Node("reader") as reader:
        assert bytes(reader.region("settings").read()) == b"still here"


def test_a_reader_never_sees_half_a_value(node):
    region = node.region("big", size=100_000)
    region.write(b"\0" * 100_000)
    done = threading.Event()

    def write() -> None:
        for i in range(300):
            region.write(bytes([i % 256]) * 100_000)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        value = np.asarray(region.read())
        assert value.min() == value.max()
    thread.join()


def test_a_value_beyond_the_size_is_too_large(node):
    region = node.region("small", size=10)
    with pytest.raises(polybus.TooLargeError, match="10"):
        region.write(b"x" * 11)
    region.write(b"x" * 10)


def test_a_region_wants_bytes(node):
    region = node.region("small")
    with pytest.raises(polybus.InvalidArgumentError, match="str"):
        region.write("text")
    with pytest.raises(polybus.InvalidArgumentError, match="size"):
        node.region("other", size=-1)
    with pytest.raises(polybus.InvalidTopicError):
        node.region("/bad/")


def test_a_closed_region_says_so(node):
    region = node.region("small")
    region.close()
    region.close()
    assert region.closed
    for use in (region.read, lambda: region.write(b"x"), region.__enter__):
        with pytest.raises(polybus.ClosedError):
            use()
