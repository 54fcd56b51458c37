"""Who is on the bus."""

import os
import threading

import polybus
import pytest


def test_the_graph_lists_nodes_topics_and_ends(bus, node, words):
    _pub = node.publisher("sensors/imu", words.Imu)
    with polybus.Node("listener") as listener:
        _sub = listener.subscriber("sensors/imu")
        graph = node.graph()
    assert graph["bus"] == bus
    assert {n["node"] for n in graph["nodes"]} >= {"test", "listener"}
    (topic,) = [t for t in graph["topics"] if t["topic"] == "sensors/imu"]
    assert topic["type"] == "words.capnp:Imu"
    assert topic["fingerprint"] == words.Imu.fingerprint
    (publisher,) = topic["publishers"]
    assert (publisher["node"], publisher["pid"]) == ("test", os.getpid())
    assert publisher["language"].startswith("python 3.")
    assert topic["subscribers"][0]["node"] == "listener"


def test_a_watch_tells_what_comes_and_goes(node):
    with node.watch(timeout=5) as watch:
        assert watch.take() is None
        node.publisher("news").close()
        seen = []
        for event in watch:
            seen.append((event["event"], event.get("topic")))
            if event["event"] == "publisher_removed":
                break
    assert ("publisher_added", "news") in seen
    assert watch.closed


def test_a_watch_ends_quietly_after_its_timeout(node):
    assert list(node.watch(timeout=0.02)) == []


def test_a_closed_watch_says_so(node):
    watch = node.watch()
    watch.close()
    watch.close()
    for use in (watch.take, lambda: next(watch), lambda: watch.fd, lambda: iter(watch)):
        with pytest.raises(polybus.ClosedError):
            use()


@pytest.mark.parametrize("what", ["watch", "subscriber"])
def test_closing_wakes_a_thread_that_waits(node, what):
    end = node.watch() if what == "watch" else node.subscriber("raw")
    waiting = threading.Event()
    raised = []

    def wait() -> None:
        waiting.set()
        try:
            end.take(timeout=None)
        except polybus.ClosedError as error:
            raised.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    end.close()
    thread.join()
    assert raised == ["CLOSED"]
