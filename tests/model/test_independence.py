"""Independence: whatever the others do, dead or stopped at any step, a running process ends what it began in a few steps.

Speaks of Outlet::push, collect and ring, Inlet::pop and give_back, Bell, blocks.cpp (ring, release_producer) and iceoryx's
SoFi, all of which have loops. From every state that any order of steps leads to, each process is let run alone, as if all
others were stopped there for ever: it must end its operation within a bound. (While others run, the loops of SoFi are
repeated only if somebody else got on: the queue is lock-free. A send that waits for room waits by design, up to its
timeout, and is not part of this.)
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from state_search import Searched, assert_fails, assert_holds, search

BOUND = 40
SIZE = 2  # capacity 1: SoFi keeps one place free
IDLE, ARMED, RINGING = 0, 1, 2


class Local(NamedTuple):
    at: str = "idle"
    left: int = 2  # operations
    read: int = 0
    write: int = 0
    phase: int = 0


class State(NamedTuple):
    # publisher, another publisher of the same subscriber, subscriber, busd
    processes: tuple[Local, ...] = (Local(), Local(left=1), Local(), Local(left=1))
    queue_read: int = 0
    queue_write: int = 0
    returned_read: int = 0
    returned_write: int = 0
    bits: tuple[int, int] = (0, 0)
    bell: int = IDLE
    closing: bool = False
    # For what we do not do:
    lock: int | None = None
    free_places: int = 2
    used_places: int = 0


Program = Callable[[State, Local, int], tuple[State, Local]]


def ring(s: State, me: Local, done: str) -> tuple[State, Local] | None:
    """Bell::ring, the same for all."""
    if me.at == "look at the bell":
        return s, me._replace(at="mark" if s.bell == ARMED else "wake" if s.bell == RINGING else done)
    if me.at == "mark":
        return (s._replace(bell=RINGING), me._replace(at="wake")) if s.bell == ARMED else (s, me._replace(at=done))
    if me.at == "wake":
        return s, me._replace(at="clear")
    if me.at == "clear":
        return s._replace(bell=IDLE if s.bell == RINGING else s.bell), me._replace(at=done)
    return None


def publisher(s: State, me: Local, i: int) -> tuple[State, Local]:
    if me.at == "idle":
        return s, me._replace(at="state")
    if me.at == "state":
        return s, me._replace(at="collect" if not s.closing else "done")
    if me.at == "collect":  # SoFi::popIf, until there is none
        if s.returned_read == s.returned_write:
            return s, me._replace(at="push")
        return s, me._replace(at="collect: swap", read=s.returned_read)
    if me.at == "collect: swap":
        moved = s._replace(returned_read=me.read + 1) if s.returned_read == me.read else s
        return moved, me._replace(at="collect")
    if me.at == "push":  # SoFi::push
        return s._replace(queue_write=s.queue_write + 1), me._replace(at="push: full?")
    if me.at == "push: full?":
        full = s.queue_write >= s.queue_read + SIZE
        return s, me._replace(at="push: evict" if full else "bit", read=s.queue_read)
    if me.at == "push: evict":  # once; if it fails, the subscriber made room
        return s._replace(queue_read=me.read + 1) if s.queue_read == me.read else s, me._replace(at="bit")
    if me.at == "bit":
        return s._replace(bits=(1, s.bits[1])), me._replace(at="look at the bell")
    rung = ring(s, me, "done")
    assert rung is not None, me.at
    return rung


def other_publisher(s: State, me: Local, i: int) -> tuple[State, Local]:
    if me.at == "idle":
        return s._replace(bits=(s.bits[0], 1)), me._replace(at="look at the bell")
    rung = ring(s, me, "done")
    assert rung is not None, me.at
    return rung


def subscriber(s: State, me: Local, i: int) -> tuple[State, Local]:
    """A take that finds something or arms the bell, and a release."""
    if me.at == "idle":
        return s, me._replace(at="drain")
    if me.at == "drain":
        return s._replace(bits=(0, 0)), me._replace(at="pop")
    if me.at == "pop":
        return s, me._replace(at="pop: empty?", read=s.queue_read)
    if me.at == "pop: empty?":
        return s, me._replace(at="arm" if me.read == s.queue_write else "pop: swap")
    if me.at == "pop: swap":
        if s.queue_read != me.read:
            return s, me._replace(at="pop: empty?", read=s.queue_read)  # evicted meanwhile
        return s._replace(queue_read=me.read + 1), me._replace(at="give back")
    if me.at == "give back":  # SoFi::push; as many places as slots, never full
        return s._replace(returned_write=s.returned_write + 1), me._replace(at="done")
    assert me.at == "arm"  # Bell::arm
    return s._replace(bell=ARMED), me._replace(at="done")


def busd(s: State, me: Local, i: int) -> tuple[State, Local]:
    if me.at == "idle":  # Bell::ring_anyway, then release_producer
        return s._replace(bell=RINGING if s.bell == ARMED else s.bell), me._replace(at="wake")
    if me.at == "wake":
        return s, me._replace(at="clear")
    if me.at == "clear":
        return s._replace(bell=IDLE if s.bell == RINGING else s.bell), me._replace(at="release_producer")
    return s._replace(closing=True), me._replace(at="done")


# ---- what we do not do -----------------------------------------------------------------------------------------------
def with_lock(s: State, me: Local, i: int) -> tuple[State, Local]:
    """A push under a lock in shared memory; a robust one would help against the dead, not against the stopped."""
    if me.at == "idle":
        return (s, me) if s.lock is not None else (s._replace(lock=i), me._replace(at="push"))
    if me.at == "push":
        return s, me._replace(at="unlock")
    return s._replace(lock=None), me._replace(at="done")


def with_index_queue(s: State, me: Local, i: int) -> tuple[State, Local]:
    """Push of iceoryx's queue for several producers (resizeable_lockfree_queue.inl): it spins while there is no free place
    and the queue is not full, which is never over if another producer keeps a place to itself."""
    if me.at == "idle":
        if s.free_places:
            return s._replace(free_places=s.free_places - 1), me._replace(at="fill")
        if s.used_places == SIZE:
            return s._replace(used_places=s.used_places - 1), me._replace(at="fill")
        return s, me
    return s._replace(used_places=s.used_places + 1), me._replace(at="done")


PROGRAMS: tuple[Program, ...] = (publisher, other_publisher, subscriber, busd)


def advance(s: State, i: int, programs: tuple[Program, ...]) -> State:
    after, me = programs[i](s, s.processes[i], i)
    if me.at == "done":
        me = Local(left=me.left - 1)
    return after._replace(processes=(*s.processes[:i], me, *s.processes[i + 1 :]))


def wrong(s: State, programs: tuple[Program, ...]) -> str | None:
    for i, me in enumerate(s.processes):
        if me.left == 0:
            continue
        alone, steps = s, 0
        while alone.processes[i].left == me.left:
            alone, steps = advance(alone, i, programs), steps + 1
            if steps > BOUND:
                return f"{programs[i].__name__} at {me.at!r} waits for another process"
    return None


def look(programs: tuple[Program, ...], start: State) -> Searched:
    def steps(s: State) -> Iterator[tuple[str, Any]]:
        for i, me in enumerate(s.processes):
            if me.left:
                yield f"{programs[i].__name__}: {me.at}", advance(s, i, programs)

    return search(start, steps, lambda s: wrong(s, programs))


def test_every_operation_ends_by_itself_wherever_the_others_are_stopped() -> None:
    assert_holds(look(PROGRAMS, State()), 10_000)


@pytest.mark.parametrize("push", [with_lock, with_index_queue])
def test_it_does_not_with(push: Program) -> None:
    assert_fails(look((push, push), State(processes=(Local(), Local()))), "waits for another process")
