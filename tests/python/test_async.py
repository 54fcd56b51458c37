"""`async for` under asyncio and trio."""

import asyncio
import gc
import os
import threading

import polybus
import pytest


async def test_async_for_ends_quietly_after_the_timeout(node, words):
    sub = node.subscriber("imu", timeout=0.1)
    pub = node.publisher("imu", words.Imu)
    for i in range(3):
        pub.publish(stampNs=i)
    assert [s.msg.stampNs async for s in sub] == [0, 1, 2]


async def test_messages_that_come_while_the_loop_waits_are_seen(node):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")

    async def publish() -> None:
        for i in range(500):
            pub.publish_bytes(bytes([i % 256]))
            await asyncio.sleep(0)

    task = asyncio.create_task(publish())
    seen = 0
    async for sample in sub:
        assert sample.data[0] == seen % 256
        seen += 1
        if seen == 500:
            break
    await task
    assert sub.lost == 0


async def test_messages_from_another_process_arrive_while_the_loop_body_is_busy_or_not(bus, child):
    # A wake-up that comes between two waits must not be lost: the publisher waits for each answer.
    with polybus.Node("async") as node:
        sub = node.subscriber("ping")
        pub = node.publisher("pong")
        other = child(
            """
with polybus.Node("ping") as node:
    sub, pub = node.subscriber("pong"), node.publisher("ping")
    pub.wait_for_subscribers(1)
    for i in range(300):
        pub.publish_bytes(i.to_bytes(2, "little"))
        sub.take(timeout=None)
"""
        )
        await asyncio.to_thread(pub.wait_for_subscribers, 1)
        count = 0
        async for sample in sub:
            assert int.from_bytes(sample.data, "little") == count
            count += 1
            pub.publish_bytes(b"")
            if count % 3 == 0:
                await asyncio.sleep(0.0002)
            if count == 300:
                break
        assert (await asyncio.to_thread(other.end))[0] == 0


async def test_a_sample_is_released_when_the_loop_moves_on(node):
    sub = node.subscriber("raw", timeout=0.05)
    pub = node.publisher("raw")
    for _ in range(4):
        pub.publish_bytes(b"x")
    kept = []
    async for sample in sub:
        kept.append(sample.retain() if len(kept) == 1 else sample)
    assert [s.released for s in kept] == [True, False, True, True]


async def test_a_busy_loop_body_does_not_make_the_event_loop_spin(node):
    sub = node.subscriber("raw", timeout=0.05)
    pub = node.publisher("raw")
    loop = asyncio.get_running_loop()
    calls = 0
    real = loop._run_once

    def counted() -> None:
        nonlocal calls
        calls += 1
        real()

    async for _ in sub:
        pytest.fail("nothing was sent")
    stream = aiter(sub)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    pub.publish_bytes(b"1")
    await first
    loop._run_once = counted
    pub.publish_bytes(b"2")  # readable, while nobody asks
    await asyncio.sleep(0.1)
    del loop._run_once
    assert calls < 20
    assert bytes((await anext(stream)).data) == b"2"


async def test_cancelling_a_wait_loses_nothing(node):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")
    stream = aiter(sub)
    for i in range(50):
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        pub.publish_bytes(bytes([i]))
        await asyncio.sleep(0)
        if i % 2:
            await asyncio.sleep(0.001)
        waiting.cancel()
        try:
            sample = await waiting
        except asyncio.CancelledError:
            sample = await anext(stream)
        assert sample.data[0] == i


async def test_two_tasks_share_a_subscriber(node):
    sub = node.subscriber("raw", timeout=0.2, queue=100)
    pub = node.publisher("raw")

    async def count() -> int:
        return len([s async for s in sub])

    tasks = [asyncio.create_task(count()) for _ in range(2)]
    for i in range(60):
        pub.publish_bytes(bytes([i]))
        await asyncio.sleep(0.001)
    assert sum(await asyncio.gather(*tasks)) == 60


@pytest.mark.parametrize("from_thread", [False, True])
async def test_closing_ends_a_waiting_loop_with_closed_error(node, from_thread):
    sub = node.subscriber("raw")

    async def read() -> None:
        async for _ in sub:
            pytest.fail("nothing was sent")

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    if from_thread:
        threading.Thread(target=sub.close).start()
    else:
        sub.close()
    with pytest.raises(polybus.ClosedError):
        await task


async def test_leaving_the_loop_leaves_no_reader_and_no_descriptor(node):
    sub = node.subscriber("raw")
    pub = node.publisher("raw")

    async def read_one() -> None:
        asyncio.get_running_loop().call_later(0.002, pub.publish_bytes, b"x")
        async for _ in sub:
            break

    await read_one()  # the bus hands descriptors on while the first message is on its way
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(20):
        await read_one()
    gc.collect()
    more = {
        fd: os.readlink(f"/proc/self/fd/{fd}")
        for fd in set(os.listdir("/proc/self/fd")) - before
        if os.path.exists(f"/proc/self/fd/{fd}")
    }
    assert len(more) < 20, more


async def test_a_watch_is_iterated_asynchronously(node):
    watch = node.watch(timeout=0.5)
    pub = node.publisher("seen")
    events = []
    async for event in watch:
        events.append((event["event"], event.get("topic")))
        if event["event"] == "publisher_added":
            pub.close()
        if event["event"] == "publisher_removed":
            break
    assert events[-1] == ("publisher_removed", "seen")


def test_trio_iterates_too(node):
    trio = pytest.importorskip("trio")
    sub = node.subscriber("raw", timeout=0.2)
    pub = node.publisher("raw")

    async def main() -> list[int]:
        seen = []

        async def publish() -> None:
            for i in range(20):
                pub.publish_bytes(bytes([i]))
                await trio.sleep(0.001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish)
            async for sample in sub:
                seen.append(sample.data[0])
        return seen

    assert trio.run(main) == list(range(20))


def test_closing_ends_a_waiting_trio_loop_with_closed_error(node):
    trio = pytest.importorskip("trio")
    sub = node.subscriber("raw")

    async def main() -> None:
        threading.Timer(0.02, sub.close).start()
        async for _ in sub:
            pytest.fail("nothing was sent")

    with pytest.raises(polybus.ClosedError):
        trio.run(main)
