"""What goes wrong for reasons outside the message: names, buses, sockets, use after close."""

import os
import socket
import uuid

import polybus
import pytest


@pytest.mark.parametrize("topic", ["", "/", "/a", "a/", "a//b", "a b", "ä", "a" * 101, "a\nb", "a*", "a\0b"])
def test_a_wrong_topic_name_is_refused_with_what_is_allowed(node, topic):
    for opening in (node.publisher, node.subscriber, node.region):
        with pytest.raises(polybus.InvalidTopicError) as caught:
            opening(topic)
        assert caught.value.code == "INVALID_TOPIC"
        assert "100" in str(caught.value) or "A-Z" in str(caught.value)


@pytest.mark.parametrize("topic", [None, 3, b"bytes"])
def test_a_topic_name_is_a_str(node, topic):
    for opening in (node.publisher, node.subscriber, node.region):
        with pytest.raises(polybus.InvalidTopicError, match="expected str, got"):
            opening(topic)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 65, "ä", "a\0b"])
def test_a_wrong_bus_name_is_refused(name):
    with pytest.raises(polybus.InvalidArgumentError, match="bus"):
        polybus.Node("n", bus=name, autostart=False).connect()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name": 3}, "name: expected str, got int"),
        ({"name": "n", "bus": 3}, "bus: expected str, got int"),
        ({"name": "n", "timeout": "1"}, "timeout: expected seconds as a number"),
        ({"name": "n", "timeout": -1}, "timeout: expected seconds, 0 or more"),
        ({"name": "n", "timeout": float("nan")}, "timeout: expected seconds, 0 or more"),
        ({"name": "n", "autostart": 1}, "autostart: expected bool or None, got int"),
    ],
)
def test_wrong_options_of_a_node_are_refused_when_it_is_made(options, text):
    with pytest.raises(polybus.InvalidArgumentError) as caught:
        polybus.Node(**options)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"schema": "Imu"}, "schema: expected a polybus.Schema"),
        ({"history": -1}, "history"),
        ({"history": 65}, "history: expected 0 to 64, got 65"),
        ({"history": 1 << 80}, "history: expected 0 to 64, got 1208925819614629174706176"),
        ({"history": 1.0}, "history: expected 0 to 64, got float"),
        ({"timeout": -1}, "timeout"),
        ({"quota": 0}, "quota"),
        ({"quota": "1G"}, "quota"),
    ],
)
def test_wrong_options_of_a_publisher_are_refused(node, options, text):
    with pytest.raises((polybus.InvalidArgumentError, polybus.LimitError), match=text):
        node.publisher("raw", **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"schema": 3}, "schema: expected a polybus.Schema"),
        ({"queue": 0}, "queue"),
        ({"queue": 1025}, "queue: expected 1 to 1024, got 1025"),
        ({"queue": True}, "queue: expected 1 to 1024, got bool"),
        ({"history": -1}, "history"),
        ({"history": "all"}, "history"),
        ({"overflow": "wait"}, 'overflow: expected "drop_oldest" or "block", got \'wait\''),
        ({"timeout": "x"}, "timeout"),
    ],
)
def test_wrong_options_of_a_subscriber_are_refused(node, options, text):
    with pytest.raises((polybus.InvalidArgumentError, polybus.LimitError), match=text):
        node.subscriber("raw", **options)


def test_a_wrong_field_sends_nothing(node, words):
    sub = node.subscriber("imu")
    pub = node.publisher("imu", words.Imu)
    for fields in ({"accel": ["x"]}, {"frameID": "x"}, {"stampNs": 2**63}, {"frameId": 3}):
        with pytest.raises(polybus.InvalidArgumentError):
            pub.publish(**fields)
    assert sub.take() is None
    assert pub.publish() == 1
    assert pub.stats.loans == 0


def test_publish_needs_a_schema_and_publish_bytes_a_buffer(node, words):
    raw = node.publisher("raw")
    with pytest.raises(polybus.InvalidArgumentError, match="publish_bytes"):
        raw.publish(a=1)
    for data in ("text", 3, None, [1, 2]):
        with pytest.raises(polybus.InvalidArgumentError, match="buffer"):
            raw.publish_bytes(data)


@pytest.mark.parametrize("data", [b"", b"not a message", b"\xff" * 64])
def test_bytes_that_are_no_message_are_refused_on_a_typed_topic(node, words, data):
    sub = node.subscriber("imu")
    pub = node.publisher("imu", words.Imu)
    with pytest.raises(polybus.BadMessageError) as caught:
        pub.publish_bytes(data)
    assert caught.value.code == "BAD_MESSAGE"
    assert sub.take() is None


def test_a_message_larger_than_the_quota_is_too_large_and_says_so(node, words):
    pub = node.publisher("imu", words.Imu, quota=1 << 20)
    sub = node.subscriber("imu")
    for send in (lambda: pub.publish(pixels=bytes(2 << 20)), lambda: pub.loan(2 << 20)):
        with pytest.raises(polybus.TooLargeError, match="imu"):
            send()
    with pytest.raises((polybus.TooLargeError, polybus.NoMemoryError)), pub.loan() as draft:
        draft.msg.pixels = bytes(2 << 20)
    assert sub.take() is None
    pub.publish(pixels=bytes(1000))
    assert len(sub.take(timeout=None).msg.pixels) == 1000


def test_memory_that_readers_hold_is_named_when_it_is_used_up(node):
    pub = node.publisher("raw", quota=1 << 20)
    sub = node.subscriber("raw", queue=64)
    held = []

    def hoard() -> None:
        for _ in range(64):
            pub.publish_bytes(bytes(100_000))
            held.append(sub.take(timeout=None))

    with pytest.raises(polybus.NoMemoryError, match="raw") as caught:
        hoard()
    assert caught.value.code == "NO_MEMORY"
    held.clear()
    pub.publish_bytes(bytes(100_000))


def test_a_missing_bus_without_autostart_is_an_error_at_once_that_says_what_to_do(monkeypatch):
    monkeypatch.setenv("POLYBUS_AUTOSTART", "0")
    name = f"nobody-{uuid.uuid4().hex[:8]}"
    for node in (polybus.Node("n", bus=name), polybus.Node("n", bus=name, autostart=False)):
        with pytest.raises(polybus.NoBusError, match=name) as caught:
            node.publisher("raw")
        assert caught.value.code == "NO_BUS"
        assert "busd" in str(caught.value)


def test_a_node_that_did_not_find_its_bus_can_try_again(monkeypatch, bus):
    monkeypatch.setenv("POLYBUS_BUS", f"nobody-{uuid.uuid4().hex[:8]}")
    node = polybus.Node("n", autostart=False)
    with pytest.raises(polybus.NoBusError):
        node.connect()
    monkeypatch.setenv("POLYBUS_BUS", bus)
    node.connect()
    assert node.bus == bus


def test_a_socket_path_that_is_too_long_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("POLYBUS_SOCKET", str(tmp_path / ("x" * 300)))
    with pytest.raises((polybus.InvalidArgumentError, polybus.IoError)) as caught:
        polybus.Node("n").connect()
    assert "xxx" in str(caught.value) or "POLYBUS_SOCKET" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_socket_path_that_is_not_writable_is_an_error(monkeypatch, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    monkeypatch.setenv("POLYBUS_SOCKET", str(folder / "bus.sock"))
    with pytest.raises((polybus.PermissionError, polybus.IoError, polybus.NoBusError), match="locked"):
        polybus.Node("n").connect()


def test_a_socket_path_in_a_folder_that_cannot_be_made_is_an_error(monkeypatch):
    monkeypatch.setenv("POLYBUS_SOCKET", "/proc/nowhere/bus.sock")
    with pytest.raises((polybus.PermissionError, polybus.IoError, polybus.NoBusError), match="/proc/nowhere"):
        polybus.Node("n").connect()


def test_a_foreign_file_in_the_sockets_place_is_left_alone(monkeypatch, tmp_path):
    path = tmp_path / "bus.sock"
    path.write_text("mine")
    monkeypatch.setenv("POLYBUS_SOCKET", str(path))
    with pytest.raises(polybus.Error, match=r"bus\.sock"):
        polybus.Node("n").connect()
    assert path.read_text() == "mine"


def test_a_socket_that_is_somebody_elses_is_an_error_not_a_hang(monkeypatch, tmp_path):
    path = tmp_path / "bus.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        monkeypatch.setenv("POLYBUS_SOCKET", str(path))
        with pytest.raises(polybus.Error):
            polybus.Node("n", timeout=0.3).connect()


def test_closing_twice_does_nothing(node, words):
    for end in (node.publisher("raw"), node.subscriber("raw"), node.region("r"), node.watch(), polybus.Node("unused")):
        end.close()
        end.close()
        assert end.closed


def test_use_after_close_says_what_to_do(node, words):
    pub, sub = node.publisher("imu", words.Imu), node.subscriber("imu")
    pub.close()
    sub.close()
    for use in (
        pub.publish, lambda: pub.publish_bytes(b""), pub.loan, lambda: pub.wait_for_subscribers(0), lambda: pub.stats,
        pub.__enter__,
    ):  # fmt: skip
        with pytest.raises(polybus.ClosedError, match=r"node\.publisher") as caught:
            use()
        assert caught.value.code == "CLOSED"
    for use in (
        sub.take, sub.wait, sub.latest, lambda: sub.fd, lambda: sub.lost, lambda: iter(sub), lambda: aiter(sub),
        sub.__enter__,
    ):  # fmt: skip
        with pytest.raises(polybus.ClosedError, match=r"node\.subscriber"):
            use()


def test_closing_a_node_closes_its_ends(bus, words):
    node = polybus.Node("short")
    ends = [node.publisher("imu", words.Imu), node.subscriber("imu"), node.region("r"), node.watch()]
    node.close()
    node.close()
    assert all(end.closed for end in ends)
    for use in (lambda: node.publisher("x"), lambda: node.subscriber("x"), node.graph, node.connect, node.watch):
        with pytest.raises(polybus.ClosedError, match=r"polybus\.Node"):
            use()
    with pytest.raises(polybus.ClosedError), node:
        pass


def test_ends_live_on_when_their_node_object_is_dropped(bus, words):
    pub = polybus.Node("a").publisher("imu", words.Imu)
    sub = polybus.Node("b").subscriber("imu")
    pub.publish(stampNs=3)
    assert sub.take(timeout=None).msg.stampNs == 3


def test_schemas_that_do_not_match_are_refused(node, words):
    _pub = node.publisher("imu", words.Imu)
    with pytest.raises(polybus.SchemaMismatchError, match="imu") as caught:
        node.publisher("imu", words.Everything)
    assert caught.value.code == "SCHEMA_MISMATCH"


@pytest.mark.parametrize("cls", polybus.errors.BY_CODE.values())
def test_every_code_has_its_class(cls):
    assert issubclass(cls, polybus.Error)
    camel = "".join(part.capitalize() for part in cls.code.split("_")) + "Error"
    assert cls is getattr(polybus, camel)
