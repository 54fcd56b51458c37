"""Signals, forks, threads and the end of the interpreter."""

import os
import signal
import threading
import time

import polybus
import pytest


@pytest.mark.parametrize(
    "wait",
    [
        "node.subscriber('raw').take(timeout=None)",
        "node.subscriber('raw').wait()",
        "next(iter(node.subscriber('raw')))",
        "node.publisher('raw').wait_for_subscribers(1)",
        "node.watch().take(timeout=None)",
    ],
)
def test_ctrl_c_interrupts_a_wait(bus, child, wait):
    other = child(
        f"""
node = polybus.Node("n")
node.connect()
print("waiting", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    )
    assert other.line() == "waiting"
    time.sleep(0.1)  # so that it mostly hits the wait itself; it must come through before and after, too
    other.process.send_signal(signal.SIGINT)
    assert other.line() == "interrupted"
    assert other.end()[0] == 0


@pytest.mark.parametrize("_round", range(8))
def test_ctrl_c_that_ends_a_stream_ends_its_reader_too(node, child, _round):
    """Both get it from the terminal; the reader may just be looking for the next message, awake."""
    publisher = node.publisher("raw")
    other = child(
        """
subscriber = polybus.Node("n").subscriber("raw")
print("waiting", flush=True)
try:
    for sample in subscriber:
        pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    )
    assert other.line() == "waiting"
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        publisher.publish_bytes(b"x")
    other.process.send_signal(signal.SIGINT)
    assert other.line() == "interrupted"
    assert other.end()[0] == 0


def test_a_signal_handler_that_does_not_raise_does_not_end_the_wait(node):
    handled = []
    former = signal.signal(signal.SIGUSR1, lambda *_: handled.append(1))
    try:
        sub = node.subscriber("raw")
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1))
        timer.start()
        start = time.monotonic()
        assert sub.take(timeout=0.2) is None
        assert time.monotonic() - start >= 0.2
        assert handled == [1]
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, former)


def test_a_node_made_before_a_fork_connects_after_it(bus, child):
    other = child(
        """
node = polybus.Node("lazy")
if os.fork() == 0:
    node.publisher("raw", history=1).publish_bytes(b"from the child")
    node.close()
    os._exit(0)
assert os.wait()[1] == 0
print(bytes(node.subscriber("raw").take(timeout=10).data))
"""
    )
    assert other.end() == (0, "b'from the child'\n", "")


def test_handles_used_in_a_forked_child_say_so_and_the_parent_is_unharmed(bus, child):
    other = child(
        """
node = polybus.Node("parent")
Imu = polybus.load_schema("words.capnp").Imu
pub, sub, region = node.publisher("imu", Imu), node.subscriber("imu"), node.region("r")
pub.publish(frameId="before")
sample = sub.take(timeout=None)
if os.fork() == 0:
    codes = []
    for use in (lambda: pub.publish(frameId="x"), sub.take, sub.latest, node.graph, lambda: node.publisher("y"),
                lambda: region.write(b"x"), pub.loan):
        try:
            use()
        except polybus.ForkedError as error:
            codes.append(error.code)
    del sample, pub, sub, region
    node.close()
    del node
    new = polybus.Node("child")
    new.publisher("other", history=1).publish_bytes(b"new")
    new.close()
    os._exit(len(codes))
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
assert sample.msg.frameId == "before"
pub.publish(frameId="after")
assert sub.take(timeout=10).msg.frameId == "after"
"""
    )
    assert other.end() == (0, "", "")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_made_by_multiprocessing_joins_the_bus(bus, child, tmp_path, method):
    # In a module, because spawn and forkserver import what they run.
    (tmp_path / "worker.py").write_text(
        """
import polybus

def work(name):
    with polybus.Node(name) as node:
        node.publisher("done", history=8).publish_bytes(name.encode())
"""
    )
    other = child(
        f"""
import multiprocessing
sys.path.insert(0, {str(tmp_path)!r})
import worker
node = polybus.Node("main")
sub = node.subscriber("done")
process = multiprocessing.get_context({method!r}).Process(target=worker.work, args=("made",))
process.start()
process.join()
assert process.exitcode == 0
print(bytes(sub.take(timeout=10).data))
"""
    )
    assert other.end() == (0, "b'made'\n", "")


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit(3)",
        "os._exit(0)",
        "raise SystemExit",
        "1 / 0",
        "os.kill(os.getpid(), 9)",
    ],
    ids=["end", "exit", "_exit", "SystemExit", "exception", "kill"],
)
def test_the_interpreter_ends_with_live_samples_views_and_threads(bus, child, ending):
    other = child(
        f"""
import threading
node = polybus.Node("n")
Imu = polybus.load_schema("words.capnp").Imu
pub, sub = node.publisher("imu", Imu), node.subscriber("imu")
pub.publish(accel=[1, 2], frameId="f")
sample = sub.take(timeout=None)
view, msg, draft = memoryview(sample.msg.accel), sample.msg, pub.loan()
builder = draft.msg
class Cycle: pass
cycle = Cycle()
cycle.me, cycle.sample, cycle.view = cycle, sample.retain(), view
threading.Thread(target=sub.take, kwargs=dict(timeout=None), daemon=True).start()
threading.Thread(target=lambda: [None for _ in sub], daemon=True).start()
{ending}
"""
    )
    code, _, err = other.end()
    assert code == {"sys.exit(3)": 3, "1 / 0": 1, "os.kill(os.getpid(), 9)": -9}.get(ending, 0), err
    assert "Fatal" not in err


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGABRT", "SIGSEGV"])
def test_a_process_that_a_signal_ends_leaves_the_others_alone(bus, node, words, child, until, name):
    sub, ping, pong = node.subscriber("imu"), node.publisher("ping"), node.subscriber("pong")
    witness = child(
        """
node = polybus.Node("witness")
pong, ping = node.publisher("pong"), node.subscriber("ping")
for sample in ping:
    pong.publish_bytes(sample.data)
"""
    )
    other = child(
        """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # a sanitizer has a handler of its own
node = polybus.Node("victim")
pub, sub = node.publisher("imu", polybus.load_schema("words.capnp").Imu), node.subscriber("back")
one_of_two = node.subscriber("ping")
pub.wait_for_subscribers(1)
pub.publish(frameId="last words", accel=[1, 2, 3])
held = sub.take(timeout=None)
print("holding", flush=True)
signal.pause()
"""
    )
    back = node.publisher("back")
    back.wait_for_subscribers(1)
    back.publish_bytes(b"x")
    assert other.line() == "holding"
    sample = sub.take(timeout=None)
    number = getattr(signal, name)
    other.process.send_signal(number)
    assert other.end()[0] == -number
    assert sample.msg.frameId == "last words"
    assert list(sample.msg.accel) == [1.0, 2.0, 3.0]
    until(lambda: back.subscribers == 0)
    until(lambda: {one["node"] for one in node.graph()["nodes"]} == {"test", "witness"})
    until(lambda: len(node.graph()["connections"]) == 2)
    for i in range(100):
        back.publish_bytes(b"y")
        ping.publish_bytes(str(i).encode())
        assert bytes(pong.take(timeout=None).data) == str(i).encode()
    node.publisher("imu", words.Imu).publish(frameId="new")
    assert sub.take(timeout=None).msg.frameId == "new"
    assert witness.process.poll() is None


def test_the_first_use_starts_busd_and_needs_no_daemon(monkeypatch, tmp_path):
    monkeypatch.delenv("POLYBUS_AUTOSTART", raising=False)
    monkeypatch.setenv("POLYBUS_SOCKET", str(tmp_path / "bus.sock"))
    with polybus.Node("first") as node:
        sub = node.subscriber("raw")
        node.publisher("raw").publish_bytes(b"x")
        assert bytes(sub.take(timeout=None).data) == b"x"
        pid = node.graph()["busd_pid"]
        assert pid != os.getpid()
    os.kill(pid, signal.SIGTERM)
