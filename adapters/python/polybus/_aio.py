"""`async for` over subscribers and watches, under asyncio and trio, without polling and without threads.

The library's descriptor is readable while something waits, and a take that finds nothing arms it again. So the stream takes
until there is nothing, and only then waits for the descriptor. What must not go wrong, and why the code is as it is:

* A wake-up is not a message: several messages may come with one, and a wake-up may come when all is taken. Every wake-up
  ends in a take, and only its result counts.
* Nothing is lost between the take that found nothing and the wait: the descriptor stays readable until something is taken.
* asyncio's readers are level-triggered: while nobody waits (the loop body is busy awaiting something else) the reader is
  taken off, or the event loop would spin. While somebody waits it stays on, which saves two system calls a message.
* The event loop owns a duplicate of the descriptor. The subscriber may be closed by any thread, at any time, and its number
  be used anew; the duplicate is closed in the loop's own thread.
* The event loop refers to the stream weakly: leaving the loop drops the stream, and with it the reader.
"""

from __future__ import annotations

import asyncio
import os
import sys
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from .errors import ClosedError


class _Source(Protocol):
    """What a stream reads from: a Subscriber or a Watch."""

    @property
    def fd(self) -> int: ...
    @property
    def timeout(self) -> float | None: ...
    def take(self, timeout: float | None = 0) -> Any: ...
    def _on_close(self, hook: Callable[[], None], /) -> None: ...
    def _forget_close(self, hook: Callable[[], None], /) -> None: ...


def samples(source: _Source) -> _Stream:
    """The async iterator of a subscriber. Gives each sample up when the loop moves on."""
    return _stream(source, lambda sample: sample.__exit__(None, None, None))


def events(source: _Source) -> _Stream:
    """The async iterator of a watch."""
    return _stream(source, lambda _: None)


def _stream(source: _Source, give_up: Callable[[Any], None]) -> _Stream:
    sniffio = sys.modules.get("sniffio")  # whoever runs trio has imported it
    is_trio = sniffio is not None and sniffio.current_async_library_cvar.get() == "trio"
    if not is_trio and "trio" in sys.modules:
        is_trio = bool(sys.modules["trio"].lowlevel.in_trio_run())
    return _TrioStream(source, give_up) if is_trio else _AsyncioStream(source, give_up)


class _Stream:
    """What both have in common: the item before the current one is given up when the next is asked for."""

    def __init__(self, source: _Source, give_up: Callable[[Any], None]) -> None:
        self._source = source
        self._give_up = give_up
        self._former: Any = None

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> Any:
        former, self._former = self._former, None
        if former is not None:
            self._give_up(former)
            del former
        item = self._source.take()
        if item is None:
            item = await self._wait()
        if item is None:
            raise StopAsyncIteration
        self._former = item
        return item

    async def _wait(self) -> Any:
        """The next item, or None after the source's timeout."""
        raise NotImplementedError


class _AsyncioStream(_Stream):
    def __init__(self, source: _Source, give_up: Callable[[Any], None]) -> None:
        super().__init__(source, give_up)
        self._loop = asyncio.get_running_loop()
        self._fd = -1
        self._is_reading = False
        self._waiter: asyncio.Future[Any] | None = None
        self._unclaimed: list[Any] = []  # handed to a task that was cancelled in the same moment

        me = weakref.ref(self)
        loop = self._loop

        def closed() -> None:  # in whatever thread closes the source
            if me() is not None and not loop.is_closed():
                loop.call_soon_threadsafe(_end, me)

        self._closed_hook = closed

    async def _wait(self) -> Any:
        if self._unclaimed:
            return self._unclaimed.pop()
        if self._waiter is not None:
            raise RuntimeError("another task is waiting in this loop; iterate over the subscriber anew in each task")
        self._start_reading()
        waiter = self._waiter = self._loop.create_future()
        timeout = self._source.timeout
        timer = None if timeout is None else self._loop.call_later(timeout, _set_result, waiter, None)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None and waiter.result() is not None:
                self._unclaimed.append(waiter.result())
            raise
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _start_reading(self) -> None:
        if self._fd < 0:
            self._fd = os.dup(self._source.fd)
            self._source._on_close(self._closed_hook)
        if not self._is_reading:
            self._loop.add_reader(self._fd, _readable, weakref.ref(self))
            self._is_reading = True

    def _stop_reading(self) -> None:
        if self._is_reading and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._is_reading = False

    def _on_readable(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._stop_reading()
            return
        try:
            item = self._source.take()
        except BaseException as error:
            waiter.set_exception(error)
            return
        if item is not None:
            waiter.set_result(item)

    def _on_closed(self) -> None:
        self._release_fd()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ClosedError("it was closed while a loop waited for its next message"))

    def _release_fd(self) -> None:
        self._stop_reading()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        if self._fd >= 0:
            self._source._forget_close(self._closed_hook)
            self._release_fd()


def _readable(me: weakref.ref[_AsyncioStream]) -> None:
    stream = me()
    if stream is not None:
        stream._on_readable()


def _end(me: weakref.ref[_AsyncioStream]) -> None:
    stream = me()
    if stream is not None:
        stream._on_closed()


def _set_result(waiter: asyncio.Future[Any], result: object) -> None:
    if not waiter.done():
        waiter.set_result(result)


class _TrioStream(_Stream):
    async def _wait(self) -> Any:
        import trio

        fd = os.dup(self._source.fd)

        def closed() -> None:  # possibly in another thread
            token.run_sync_soon(trio.lowlevel.notify_closing, fd)

        token = trio.lowlevel.current_trio_token()
        self._source._on_close(closed)
        try:
            with trio.move_on_after(float("inf") if self._source.timeout is None else self._source.timeout):
                while True:
                    try:
                        await trio.lowlevel.wait_readable(fd)
                    except trio.ClosedResourceError:
                        raise ClosedError("it was closed while a loop waited for its next message") from None
                    item = self._source.take()
                    if item is not None:
                        return item
        finally:
            self._source._forget_close(closed)
            os.close(fd)
        return None
