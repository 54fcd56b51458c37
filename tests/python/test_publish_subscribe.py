"""From publish to take, in one process and between two."""

import os
import select
import threading
import time

import numpy as np
import polybus
import pytest


def test_fields_a_dict_and_a_message_are_published(node, words):
    sub = node.subscriber("imu")
    pub = node.publisher("imu", words.Imu)
    assert pub.publish(frameId="base", accel=[1, 2]) == 1
    assert pub.publish({"frameId": "base", "accel": (1.0, 2.0)}) == 2
    first = sub.take(timeout=None)
    assert pub.publish(first.msg) == 3
    assert [first.msg, sub.take().msg, sub.take().msg] == [{"stampNs": 0, "frameId": "base", "accel": [1.0, 2.0]}] * 3
    assert sub.take() is None


def test_a_sample_says_where_it_comes_from(node, words):
    sub = node.subscriber("imu")
    pub = node.publisher("imu", words.Imu)
    before = time.time_ns()
    seq = pub.publish(stampNs=1)
    sample = sub.take(timeout=None)
    assert (sample.topic, sample.seq, sample.pid) == ("imu", seq, os.getpid())
    assert before <= sample.published_ns <= time.time_ns()
    assert 0 <= sample.latency_ns < 60e9
    assert sample.publisher_id > 0
    assert sample.size == len(sample.data)
    assert sample.schema == words.Imu == sub.schema == pub.schema
    assert words.Imu.decode(sample.data) == sample.msg


def test_bytes_travel_on_an_untyped_topic(node):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")
    for data in (b"abc", bytearray(b""), memoryview(b"x" * 100_000), np.arange(3, dtype=np.int32)):
        pub.publish_bytes(data)
        sample = sub.take(timeout=None)
        assert bytes(sample.data) == bytes(data)
        assert sample.data.readonly
        assert sample.msg is None
        assert sample.schema is None


def test_bytes_of_a_message_travel_on_a_typed_topic(node, words):
    sub = node.subscriber("imu")
    node.publisher("imu", words.Imu).publish_bytes(words.Imu.encode(frameId="f"))
    assert sub.take(timeout=None).msg.frameId == "f"


def test_messages_of_one_publisher_keep_their_order(node, words):
    sub = node.subscriber("imu", queue=100)
    pub = node.publisher("imu", words.Imu)
    assert [pub.publish(stampNs=i) for i in range(100)] == list(range(1, 101))
    assert [sub.take(timeout=None).msg.stampNs for _ in range(100)] == list(range(100))


def test_what_does_not_fit_the_queue_is_dropped_oldest_first_and_counted(node, words):
    sub = node.subscriber("imu", queue=4)
    pub = node.publisher("imu", words.Imu)
    for i in range(10):
        pub.publish(stampNs=i)
    assert [sub.take(timeout=None).msg.stampNs for _ in range(4)] == [6, 7, 8, 9]
    assert sub.lost == sub.stats.lost == 6
    assert sub.stats.taken == 4


def test_iteration_ends_quietly_after_the_timeout(node, words):
    sub = node.subscriber("imu", timeout=0.05)
    pub = node.publisher("imu", words.Imu)
    pub.publish(stampNs=1)
    pub.publish(stampNs=2)
    assert [s.msg.stampNs for s in sub] == [1, 2]
    assert sub.timeout == 0.05
    pub.publish(stampNs=3)
    assert [s.msg.stampNs for s in sub] == [3]


def test_take_waits_as_long_as_it_is_told(node):
    sub = node.subscriber("raw")
    assert sub.take() is None
    assert sub.take(0) is None
    start = time.monotonic()
    assert sub.take(timeout=0.05) is None
    assert time.monotonic() - start >= 0.05
    assert sub.wait(timeout=0) is False
    node.publisher("raw").publish_bytes(b"x")
    assert sub.wait() is True
    assert sub.wait(0) is True
    assert bytes(sub.take().data) == b"x"


def test_waiting_lets_other_threads_publish(node):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")
    thread = threading.Timer(0.02, pub.publish_bytes, [b"from a thread"])
    thread.start()
    assert bytes(sub.take(timeout=None).data) == b"from a thread"
    thread.join()


def test_latest_consumes_nothing(node, until):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")
    assert sub.latest() is None
    pub.publish_bytes(b"1")
    pub.publish_bytes(b"2")
    until(lambda: sub.latest() is not None and bytes(sub.latest().data) == b"2")
    assert [bytes(sub.take(timeout=None).data) for _ in range(2)] == [b"1", b"2"]
    assert bytes(sub.latest().data) == b"2"


def test_the_descriptor_is_readable_while_samples_wait(node):
    sub = node.subscriber("raw")
    fd = sub.fd
    pub = node.publisher("raw")
    assert sub.take() is None
    pub.publish_bytes(b"1")
    assert select.select([fd], [], [], 10)[0]
    assert sub.take() is not None
    assert sub.take() is None
    assert not select.select([fd], [], [], 0)[0]
    pub.publish_bytes(b"2")
    assert select.select([fd], [], [], 10)[0]


def test_kept_values_reach_a_late_subscriber_also_when_their_publisher_is_gone(node):
    pub = node.publisher("state", history=2)
    for data in (b"1", b"2", b"3"):
        pub.publish_bytes(data)
    pub.close()
    assert [bytes(s.data) for s in node.subscriber("state", timeout=0.2)] == [b"2", b"3"]
    assert [bytes(s.data) for s in node.subscriber("state", history=1, timeout=0.2)] == [b"3"]
    assert list(node.subscriber("state", history=0, timeout=0.05)) == []


def test_wait_for_subscribers_tells_whether_they_came(node):
    pub = node.publisher("raw")
    assert pub.wait_for_subscribers(0, timeout=0) is True
    assert pub.wait_for_subscribers(1, timeout=0.02) is False
    sub = node.subscriber("raw")
    assert pub.wait_for_subscribers(1, timeout=None) is True
    assert pub.wait_for_subscribers() is True
    assert pub.subscribers == pub.stats.subscribers == 1
    assert sub.stats.publishers == 1


def test_a_publish_that_blocks_is_a_timeout_error_and_sends_nothing(node):
    sub = node.subscriber("raw", queue=1, overflow="block")
    pub = node.publisher("raw", timeout=0.05)

    def fill_up() -> None:
        for _ in range(100):  # the ring and the queue both have room
            pub.publish_bytes(b"more")

    with pytest.raises(TimeoutError) as caught:
        fill_up()
    assert caught.value.code == "TIMEOUT"
    assert "asked to block" in str(caught.value)
    assert " ms" not in str(caught.value)  # of the last step of the wait
    sent = pub.stats.sequence
    taken = sum(1 for _ in iter(sub.take, None))
    assert taken == sent
    assert sub.lost == 0


def test_a_publish_that_blocks_goes_on_when_the_subscriber_takes(node):
    sub = node.subscriber("raw", queue=2, overflow="block", timeout=0.5)
    pub = node.publisher("raw", timeout=30)
    thread = threading.Thread(target=lambda: [pub.publish_bytes(bytes([i])) for i in range(200)])
    thread.start()
    assert [s.data[0] for s in sub] == list(range(200))
    thread.join()


def test_an_exclusive_topic_refuses_a_second_publisher_and_names_the_first(node):
    first = node.publisher("one", exclusive=True)
    with pytest.raises(polybus.ExclusiveError, match="test"):
        node.publisher("one")
    first.close()
    node.publisher("one").close()


def test_a_subscriber_may_bring_its_own_copy_of_the_schema(node, words):
    own = polybus.load_schema(words.path).Imu
    sub = node.subscriber("imu", own)
    assert sub.schema == own
    node.publisher("imu", words.Imu).publish(frameId="f")
    sample = sub.take(timeout=None)
    assert sample.msg.frameId == "f"
    assert sample.schema == own


def test_two_processes_exchange_messages(node, words, child):
    other = child(
        """
Imu = polybus.load_schema("words.capnp").Imu
with polybus.Node("other") as node:
    pub = node.publisher("answers", Imu)
    sub = node.subscriber("questions")
    print("ready", flush=True)
    for sample in sub:
        pub.publish(frameId=sample.msg.frameId.upper(), accel=sample.msg.accel)
        if sample.msg.frameId == "end":
            break
"""
    )
    sub = node.subscriber("answers")
    pub = node.publisher("questions", words.Imu)
    assert other.line() == "ready"
    assert pub.wait_for_subscribers(1, timeout=None)
    for text in ("a", "b", "end"):
        pub.publish(frameId=text, accel=[1.5])
        answer = sub.take(timeout=None)
        assert (answer.msg.frameId, list(answer.msg.accel)) == (text.upper(), [1.5])
        assert answer.pid == other.process.pid
    code, _, err = other.end()
    assert (code, err) == (0, "")


def test_numpy_sees_another_process_memory_without_a_copy(node, child):
    sub = node.subscriber("imu")
    other = child(
        """
node = polybus.Node("other")
pub = node.publisher("imu", polybus.load_schema("words.capnp").Imu)
pub.publish(pixels=[i % 251 for i in range(200_000)])
sys.stdin.readline()
"""
    )
    sample = sub.take(timeout=None)
    array = np.asarray(sample.msg.pixels)
    assert array[:252].tolist() == [*range(251), 0]
    address = array.ctypes.data
    with open("/proc/self/maps") as maps:
        ranges = [(*(int(end, 16) for end in line.split()[0].split("-")), line) for line in maps]
    (line,) = [line for start, end, line in ranges if start <= address < end]
    assert "memfd:" in line, line
    assert " r--" in line, "received payload is mapped read-only"
    data = np.frombuffer(sample.data, np.uint8)
    assert data.ctypes.data <= address
    assert address + array.nbytes <= data.ctypes.data + data.nbytes
    other.tell()
    assert other.end()[0] == 0


def test_several_threads_take_each_message_once(node):
    sub = node.subscriber("raw", queue=1000)
    pub = node.publisher("raw")
    for i in range(1000):
        pub.publish_bytes(i.to_bytes(2, "little"))
    seen: list[int] = []

    def take_all() -> None:
        while (sample := sub.take(timeout=0.1)) is not None:
            seen.append(int.from_bytes(sample.data, "little"))

    threads = [threading.Thread(target=take_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1000))


def test_several_threads_publish_at_once(node, words):
    sub = node.subscriber("imu", queue=400)
    pub = node.publisher("imu", words.Imu)
    threads = [
        threading.Thread(target=lambda t=t: [pub.publish(stampNs=t * 100 + i, accel=[i] * 50) for i in range(100)])
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sub.take(timeout=None).msg.stampNs for _ in range(400)) == list(range(400))
