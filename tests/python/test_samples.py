"""How long a sample, and what was taken from it, stays readable."""

import gc

import numpy as np
import polybus
import pytest


@pytest.fixture
def pub(node, words):
    return node.publisher("imu", words.Imu)


@pytest.fixture
def sub(node, pub):
    return node.subscriber("imu", timeout=0.05)


@pytest.fixture
def sample(sub, pub):
    pub.publish(frameId="base", accel=[1, 2, 3])
    return sub.take(timeout=None)


def test_dropping_the_last_reference_gives_the_memory_back(sub, pub):
    pub.publish(frameId="x")
    one = sub.take(timeout=None)
    assert sub.stats.held == 1
    del one
    assert sub.stats.held == 0


def test_nothing_keeps_a_sample_in_a_cycle(sub, pub):
    gc.disable()
    try:
        pub.publish(frameId="x", accel=[1])
        one = sub.take(timeout=None)
        _ = one.msg.accel, one.data, one.msg.to_dict(), repr(one.msg), one.schema
        _ = np.asarray(one.msg.accel).sum()
        del one, _
        assert sub.stats.held == 0
    finally:
        gc.enable()


def test_a_with_block_releases_its_sample(sub, pub):
    pub.publish(frameId="x")
    with sub.take(timeout=None) as one:
        assert one.msg.frameId == "x"
        assert not one.released
    assert one.released
    assert sub.stats.held == 0
    for access in (lambda: one.msg, lambda: one.data, one.retain, one.__enter__):
        with pytest.raises(polybus.ClosedError, match="retain"):
            access()
    assert one.seq > 0


def test_retain_keeps_a_sample_beyond_its_with_block(sub, pub):
    pub.publish(frameId="x")
    with sub.take(timeout=None) as one:
        assert one.retain() is one
    assert one.msg.frameId == "x"
    one.release()
    assert sub.stats.held == 0


def test_release_ends_messages_and_lists(sub, sample):
    msg, accel = sample.msg, sample.msg.accel
    sample.release()
    sample.release()
    assert sub.stats.held == 0
    for access in (
        lambda: msg.frameId, msg.to_dict, msg.which, lambda: "frameId" in msg, lambda: accel[0], accel.tolist,
        lambda: memoryview(accel), lambda: sample.msg, lambda: list(accel), lambda: accel == [1],
    ):  # fmt: skip
        with pytest.raises(polybus.ClosedError):
            access()
    assert "released" in repr(msg) + repr(accel)
    assert repr(sample).endswith("released>")


@pytest.mark.parametrize(
    "view",
    [
        lambda s: s.data,
        lambda s: memoryview(s.msg.accel),
        lambda s: np.asarray(s.msg.accel),
        lambda s: np.asarray(s.data),
    ],
    ids=["data", "memoryview", "list array", "data array"],
)
def test_release_is_refused_while_views_live(sub, sample, view):
    alive = view(sample)
    before = bytes(alive)
    with pytest.raises(BufferError, match="still see"):
        sample.release()
    assert bytes(alive) == before
    assert not sample.released
    del alive
    sample.release()
    assert sub.stats.held == 0


def test_a_view_that_outlives_its_sample_keeps_the_memory(sub, pub):
    pub.publish(accel=[1, 2, 3])
    array = np.asarray(sub.take(timeout=None).msg.accel)
    assert sub.stats.held == 1
    for i in range(100):
        pub.publish(accel=[i] * 3)
    assert array.tolist() == [1.0, 2.0, 3.0]
    del array
    assert sub.stats.held == 0


def test_a_message_that_outlives_its_sample_keeps_the_memory(sub, pub):
    pub.publish(frameId="x")
    with sub.take(timeout=None) as one:
        msg = one.msg
    for _ in range(100):
        pub.publish(frameId="other")
    assert msg.frameId == "x"
    del msg
    assert sub.stats.held == 0


def test_a_loop_releases_each_sample_when_it_moves_on(sub, pub):
    kept = []
    for i in range(5):
        pub.publish(stampNs=i)
    for one in sub:
        assert sub.stats.held == 1
        kept.append(one)
    assert len(kept) == 5
    assert all(one.released for one in kept)
    with pytest.raises(polybus.ClosedError):
        _ = kept[0].msg


def test_retain_keeps_a_sample_beyond_its_turn_of_the_loop(sub, pub):
    for i in range(5):
        pub.publish(stampNs=i)
    kept = [one.retain() for one in sub]
    assert [one.msg.stampNs for one in kept] == list(range(5))
    assert sub.stats.held == 5


def test_views_taken_in_a_loop_stay_readable(sub, pub):
    for i in range(3):
        pub.publish(accel=[i])
    arrays = [np.asarray(one.msg.accel) for one in sub]
    for _ in range(100):
        pub.publish(accel=[99])
    assert [a.tolist() for a in arrays] == [[0.0], [1.0], [2.0]]


def test_the_sample_of_a_loop_that_was_left_is_still_readable(sub, pub):
    pub.publish(frameId="this one")
    pub.publish(frameId="next")
    for one in sub:  # noqa: B007
        break
    assert one.msg.frameId == "this one"


def test_closing_subscriber_and_node_leaves_samples_alone(bus, words):
    node = polybus.Node("short")
    sub = node.subscriber("imu")
    node.publisher("imu", words.Imu).publish(frameId="still here", accel=[5])
    one = sub.take(timeout=None)
    array = np.asarray(one.msg.accel)
    sub.close()
    node.close()
    assert one.msg.frameId == "still here"
    assert array.tolist() == [5.0]
    del array
    one.release()


def test_a_subscriber_that_holds_too_many_samples_says_so_and_loses_nothing(node):
    sub = node.subscriber("raw", queue=1024)
    pub = node.publisher("raw")
    held = []

    def hoard() -> None:
        for _ in range(2000):
            pub.publish_bytes(b"x")
            held.append(sub.take(timeout=None))

    with pytest.raises(polybus.TooManySamplesError) as caught:
        hoard()
    assert caught.value.code == "TOO_MANY_SAMPLES"
    seq = held[-1].seq
    held.clear()
    assert sub.take(timeout=None).seq == seq + 1


def test_received_memory_is_read_only(sample):
    for view in (sample.data, memoryview(sample.msg.accel)):
        with pytest.raises(TypeError):
            view[0] = 1
    array = np.asarray(sample.msg.accel)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True
