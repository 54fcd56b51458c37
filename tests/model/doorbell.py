"""The doorbell of bus/transport/layout.hpp and bell.hpp, for threads that wait and for a descriptor.

    publisher (Outlet::push, Outlet::ring)           subscriber (SubscriberPort::wait, for the descriptor: take)
    push   P1                                        arm    S1, a number of its own each time
    bit    P3, the connection's ready bit            snap   S3, State::drain: ready bits down, then pop
    see    P4, armed? then `ringing` ...             sleep  S4, futex_wait on the number; for the descriptor: poll
    wake   ... futex_wake_all or a write ...
    clear  ... then idle, if it is still this one
    death: busd rings, SubscriberPort::publisher_gone sets the ready bit and rings

Publishers are stopped for ever or killed at every step. A stopped one may keep its own messages from being seen, nobody
else's; a dead one not even these.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from state_search import Searched, search

IDLE, ARMED, RINGING = 0, 1, 2


class Options(NamedTuple):
    descriptor: bool = False  # an eventfd instead of the futex
    late_descriptor: bool = False  # publisher 0 gets it (Outlet::set_wake_fd) when it is at work already
    messages: tuple[int, ...] = (2, 1)  # of each publisher
    threads: int = 1  # of the subscriber; with 2 each takes one message and is busy for ever
    starts_asleep: bool = False  # (fewer states)
    stops: tuple[int, ...] = (0,)  # publishers that may be stopped for ever
    kills: tuple[int, ...] = (0,)
    # The key steps:
    looks_again: bool = True
    bit_before_look: bool = True  # P3 before P4
    bit_down_before_pop: bool = True
    clears_last: bool = True  # `ringing` in between; else armed goes down first, then the wake
    numbers: bool = True  # an arming has a number
    death_sets_bit: bool = True
    death_rings: bool = True
    late_descriptor_rings: bool = True
    always_reads: bool = True  # take() empties the descriptor also if it is armed


class Publisher(NamedTuple):
    at: str
    left: int
    life: str = "runs"
    current: bool = False  # the arming it rings is the one there is now
    has_fd: bool = True


class Thread(NamedTuple):
    at: str = "enter"
    snap: tuple[int, ...] = ()
    more: bool = False
    armed: bool = False  # looks for the second time
    current: bool = False  # no newer arming since its own


class State(NamedTuple):
    publishers: tuple[Publisher, ...]
    queues: tuple[int, ...]
    bits: tuple[int, ...]
    threads: tuple[Thread, ...]
    busd: tuple[str, bool, bool] = ("idle", False, False)  # at, current, a death to tell
    bell: int = IDLE
    ring: int = 0
    fd: int = 0
    lock: bool = False


def put(values: tuple[Any, ...], i: int, value: Any) -> tuple[Any, ...]:
    return (*values[:i], value, *values[i + 1 :])


def woken(s: State, o: Options) -> State:
    if o.descriptor:
        return s._replace(fd=1)
    return s._replace(threads=tuple(t._replace(at="enter") if t.at == "asleep" else t for t in s.threads))


def cleared(s: State, o: Options, current: bool) -> State:
    return s._replace(bell=IDLE) if o.clears_last and s.bell == RINGING and current else s


def newly_armed(s: State, o: Options) -> State:
    """All numbers there are become old ones; whether an old one was this or that makes no difference any more."""
    if not o.numbers:
        return s._replace(bell=ARMED)
    return s._replace(
        bell=ARMED,
        publishers=tuple(p._replace(current=False) for p in s.publishers),
        threads=tuple(t._replace(current=False) for t in s.threads),
        busd=(s.busd[0], False, s.busd[2]),
    )


def publisher_step(s: State, o: Options, i: int) -> tuple[str, State]:
    p = s.publishers[i]

    def then(at: str, after: State = s, **changes: Any) -> tuple[str, State]:
        return f"publisher {i}: {p.at}", after._replace(publishers=put(s.publishers, i, p._replace(at=at, **changes)))

    if p.at == "push":
        return then("bit" if o.bit_before_look else "see", s._replace(queues=put(s.queues, i, s.queues[i] + 1)))
    if p.at == "bit":
        return then("see" if o.bit_before_look else "sent", s._replace(bits=put(s.bits, i, 1)))
    done = "sent" if o.bit_before_look else "bit"
    if p.at == "see":
        if s.bell == IDLE or not p.has_fd:
            return then(done)
        return then("wake", s._replace(bell=RINGING if o.clears_last else IDLE), current=True)
    if p.at == "wake":
        after = woken(s, o)
        return f"publisher {i}: wake", after._replace(publishers=put(after.publishers, i, p._replace(at="clear")))
    if p.at == "clear":
        return then(done, cleared(s, o, p.current))
    return then("push" if p.left > 1 else "done", left=p.left - 1)  # sent


def busd_step(s: State, o: Options) -> tuple[str, State]:
    at, current, told = s.busd
    if at == "idle":
        dead = tuple(
            1 if p.life == "dead" and o.death_sets_bit else b for p, b in zip(s.publishers, s.bits, strict=True)
        )
        return "death: bit", s._replace(bits=dead, busd=("ring" if o.death_rings else "idle", False, False))
    if at == "ring":  # whatever the bell says
        bell = (RINGING if o.clears_last else IDLE) if s.bell == ARMED else s.bell
        return "death: ring", s._replace(bell=bell, busd=("wake", True, told))
    if at == "wake":
        return "death: wake", woken(s, o)._replace(busd=("clear", current, told))
    return "death: clear", cleared(s, o, current)._replace(busd=("idle", False, told))


def thread_step(s: State, o: Options, i: int) -> tuple[str, State] | None:
    t = s.threads[i]

    def then(at: str, after: State = s, **changes: Any) -> tuple[str, State]:
        return f"subscriber {i}: {t.at}", after._replace(threads=put(after.threads, i, t._replace(at=at, **changes)))

    if t.at == "enter":
        return None if s.lock else then("snap", s._replace(lock=True), armed=False, snap=(), more=False)
    if t.at == "snap":
        return then("drain", snap=s.bits, more=False)
    if t.at == "drain":
        i_ready = next((k for k, bit in enumerate(t.snap) if bit), None)
        if i_ready is None:
            if t.more:
                return then("snap")
            if s.ring:
                rung = t.armed and o.descriptor  # take() found something after arming: the descriptor stays readable
                return then("take", s._replace(bell=IDLE, fd=1) if rung else s, snap=())
            return then("sleep" if t.armed else "read", s._replace(lock=s.lock and not t.armed), snap=())
        if o.bit_down_before_pop:
            return then("pop", s._replace(bits=put(s.bits, i_ready, 0)))
        return then("pop")
    if t.at == "pop":
        k = next(k for k, bit in enumerate(t.snap) if bit)
        popped = s.queues[k] > 0
        queues = put(s.queues, k, s.queues[k] - popped)
        return then(
            "drain" if o.bit_down_before_pop else "down",
            s._replace(queues=queues, ring=s.ring + popped, bits=put(s.bits, k, 1) if popped else s.bits),
            snap=put(t.snap, k, 0) if o.bit_down_before_pop else t.snap,
            more=t.more or popped,
        )
    if t.at == "down":  # only without bit_down_before_pop
        k = next(k for k, bit in enumerate(t.snap) if bit)
        return then("drain", s if t.more else s._replace(bits=put(s.bits, k, 0)), snap=put(t.snap, k, 0))
    if t.at == "take":
        return then("enter" if o.threads == 1 else "busy", s._replace(ring=s.ring - 1, lock=False), armed=False)
    if t.at == "read":
        if not o.descriptor:
            return then("arm")
        if o.always_reads or s.bell == IDLE:
            return then("arm", s._replace(fd=0))
        return then("sleep", s._replace(lock=False))
    if t.at == "arm":
        s = s if s.bell == ARMED else newly_armed(s, o)
        at = "snap" if o.looks_again else "sleep"
        return then(at, s._replace(lock=o.looks_again), armed=True, current=True)
    if t.at == "sleep":
        if o.descriptor:
            return then("enter") if s.fd else None
        return then("asleep" if s.bell == ARMED and t.current else "enter")
    return None  # asleep, busy


def steps(s: State, o: Options) -> Iterator[tuple[str, State]]:
    for i, p in enumerate(s.publishers):
        if p.life != "runs":
            continue
        if o.descriptor and not p.has_fd and p.at in ("push", "done"):
            got = p._replace(has_fd=True)
            yield (
                "late descriptor",
                s._replace(publishers=put(s.publishers, i, got), fd=s.fd or o.late_descriptor_rings),
            )
        if p.at == "done":
            continue
        yield publisher_step(s, o, i)
        if i in o.stops:
            yield f"publisher {i} is stopped", s._replace(publishers=put(s.publishers, i, Publisher("", 0, "stopped")))
        if i in o.kills:
            busd = (*s.busd[:2], True)
            yield (
                f"publisher {i} dies",
                s._replace(publishers=put(s.publishers, i, Publisher("", 0, "dead")), busd=busd),
            )
    if s.busd[0] != "idle" or s.busd[2]:
        yield busd_step(s, o)
    for i in range(len(s.threads)):
        if (step := thread_step(s, o, i)) is not None:
            yield step


def wrong(s: State, o: Options) -> str | None:
    if (
        any(p.life == "runs" and (p.at != "done" or not p.has_fd) for p in s.publishers)
        or s.busd[0] != "idle"
        or s.busd[2]
    ):
        return None
    if o.descriptor and s.fd and s.threads[0].at == "sleep":  # alone now, the subscriber must come to rest
        for _ in range(200):
            step = thread_step(s, o, 0)
            if step is None:
                break
            s = step[1]
        else:
            return "awake for ever with nothing to do"
    if any(thread_step(s, o, i) for i in range(len(s.threads))) or all(t.at == "busy" for t in s.threads):
        return None
    waiting = any(q and p.life != "stopped" for q, p in zip(s.queues, s.publishers, strict=True))
    return "lost wake" if waiting or s.ring else None


def look(o: Options) -> Searched:
    publishers = tuple(Publisher("push", n, has_fd=i > 0 or not o.late_descriptor) for i, n in enumerate(o.messages))
    n = len(publishers)
    if o.starts_asleep:
        start = State(publishers, (0,) * n, (0,) * n, (Thread("asleep", current=True),), bell=ARMED)
    else:
        start = State(publishers, (0,) * n, (0,) * n, (Thread(),) * o.threads)
    return search(start, lambda s: steps(s, o), lambda s: wrong(s, o))
