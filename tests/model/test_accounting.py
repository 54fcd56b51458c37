"""Accounting: what was sent since the first attach = taken + lost, in order and nothing twice, over restarts of busd.

Speaks of Outlet::push (eviction and `dropped`), PublisherPort::attach and ::rebind, and of SubscriberPort::State: drain_one
and start (`newest`, `popped`, what an earlier run delivered), arrive (the ring), retire_drained, and ::rebind.

One publisher and one subscriber; busd is restarted up to twice. Both come over to the new run on their own, in any order
and at any time, so the publisher may still push into a connection of the run before, or the one before that. Kept values
(`history`) are pushed anew at each attach, and have been delivered already, or not.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from state_search import Searched, assert_fails, assert_holds, search


class Options(NamedTuple):
    history: int = 0
    wanted: int = 2  # kept values asked for
    depth: int = 1  # of queue and ring
    messages: int = 4
    restarts: int = 2
    # The key steps:
    gaps_are_lost: bool = True  # else what the publisher counted as evicted, were it delivered before or not
    base_is_start: bool = True  # a connection begins with what was sent before it, not with nothing
    old_run_first: bool = True  # what an earlier run still holds comes before the first message of the next
    keeps_until_told: bool = True  # a connection the publisher is done with is remembered until busd ends it
    ring_counts: bool = True


class Connection(NamedTuple):  # what lies in shared memory, and what the subscriber keeps of it (Inlet)
    base: int = 0
    queue: tuple[int, ...] = ()
    dropped: int = 0
    attached: bool = False
    done: bool = False  # publisher_done
    inlet: str = "none"  # then open, leaving (of an earlier run), retired
    started: bool = False
    popped: int = 0
    newest: int = 0
    skipped: int = 0


class State(NamedTuple):
    connections: tuple[Connection, ...]  # by run
    run: int = 0  # of busd, and of the two
    publisher_run: int = 0
    subscriber_run: int = 0
    sent: int = 0
    seen: int | None = None
    ring: tuple[int, ...] = ()
    first_base: int | None = None
    last_taken: int = 0
    taken: int = 0
    lost: int = 0
    objection: str = ""


def change(s: State, run: int, **changes: Any) -> State:
    connections = list(s.connections)
    connections[run] = connections[run]._replace(**changes)
    return s._replace(connections=tuple(connections))


def push(c: Connection, number: int, o: Options) -> Connection:
    queue = (*c.queue, number)
    full = len(queue) > o.depth
    return c._replace(queue=queue[full:], dropped=c.dropped + full)


def attach(s: State, o: Options) -> State:
    count = min(o.wanted, o.history, s.sent)
    if o.gaps_are_lost:
        count = min(count, o.depth)
    c = Connection(base=s.sent + 1 - count, inlet="open")._replace(attached=True)
    for number in range(c.base, s.sent + 1):
        c = push(c, number, o)
    return change(s, s.run, **c._asdict())


def record(s: State, run: int, o: Options) -> State:
    """Of a connection that ends here: what its successor has to know."""
    c = s.connections[run]
    if not c.started and c.attached and o.base_is_start:
        s = start(s, run, o)
    c = s.connections[run]
    if c.started or not o.base_is_start:
        s = s._replace(seen=max(s.seen or 0, c.newest))
    return s


def start(s: State, run: int, o: Options) -> State:
    if o.old_run_first:
        for old in range(run):
            if s.connections[old].inlet == "leaving":
                while s.connections[old].queue:
                    s = pop(s, old, o)
                s = change(record(s, old, o), old, inlet="retired")
    base = s.connections[run].base
    known = base - 1 if o.base_is_start else 0
    newest = known if s.seen is None else s.seen
    lost = max(0, base - newest - 1) if not o.gaps_are_lost and s.seen is not None else 0
    if s.first_base is None:
        s = s._replace(first_base=base)
    return change(s, run, started=True, popped=base - 1, newest=newest)._replace(lost=s.lost + lost)


def pop(s: State, run: int, o: Options) -> State:
    if not s.connections[run].started:
        s = start(s, run, o)
    c = s.connections[run]
    number = c.queue[0]
    s = change(s, run, queue=c.queue[1:], popped=number, skipped=c.skipped + number - c.popped - 1)
    if number <= c.newest:
        return s  # delivered by an earlier run
    lost = s.lost + (number - c.newest - 1 if o.gaps_are_lost else 0)
    s = change(s, run, newest=number)._replace(lost=lost, ring=(*s.ring, number))
    if len(s.ring) > o.depth:
        s = s._replace(ring=s.ring[1:], lost=s.lost + o.ring_counts)
    return s


def retire(s: State, run: int, o: Options) -> State:
    c = s.connections[run]
    if c.inlet == "leaving":
        s = record(s, run, o)
    lost = 0 if o.gaps_are_lost else c.dropped
    return change(s, run, inlet="retired")._replace(lost=s.lost + lost)


def steps(s: State, o: Options) -> Iterator[tuple[str, State]]:
    mine = s.connections[s.publisher_run]
    if s.sent < o.messages:
        sent = s._replace(sent=s.sent + 1)
        if mine.attached and not mine.done:
            sent = change(sent, s.publisher_run, **push(mine, sent.sent, o)._asdict())
        yield "send", sent
    if s.run < o.restarts:
        yield "restart", s._replace(run=s.run + 1)
    if s.publisher_run < s.run:
        yield "publisher rebinds", change(s, s.publisher_run, done=True)._replace(publisher_run=s.run)
    if s.subscriber_run < s.run:
        rebound = s._replace(subscriber_run=s.run)
        if s.connections[s.subscriber_run].inlet == "open":
            rebound = change(rebound, s.subscriber_run, inlet="leaving")
            if not o.base_is_start:  # as it once was: whatever this connection has delivered, if only nothing
                rebound = rebound._replace(seen=s.connections[s.subscriber_run].newest)
        yield "subscriber rebinds", rebound
    here = s.connections[s.run]
    if s.publisher_run == s.subscriber_run == s.run:
        if here.inlet == "none":
            yield "connect", change(s, s.run, inlet="open")
        elif here.inlet == "open" and not here.attached:
            yield "attach", attach(s, o)
    for run, c in enumerate(s.connections):
        if c.inlet not in ("open", "leaving"):
            continue
        if c.queue:
            yield f"pop from run {run}", pop(s, run, o)
        elif c.done and (c.inlet == "leaving" or not o.keeps_until_told):
            yield f"retire run {run}", retire(s, run, o)
    if s.ring:
        number = s.ring[0]
        taken = s._replace(ring=s.ring[1:], taken=s.taken + 1, last_taken=number)
        yield "take", taken if number > s.last_taken else taken._replace(objection="twice or out of order")


def wrong(s: State, o: Options) -> str | None:
    if s.objection:
        return s.objection
    here = s.connections[s.run]
    if s.ring or not here.started or here.newest != s.sent or any(c.queue for c in s.connections):
        return None  # not at rest, or what was sent last is not known yet
    alive = [] if o.gaps_are_lost else [c.dropped for c in s.connections if c.inlet in ("open", "leaving")]
    since_attach = s.sent - (s.first_base or 1) + 1
    counted = s.taken + s.lost + sum(alive)
    return None if counted == since_attach else f"counted {counted} of {since_attach}"


def look(o: Options) -> Searched:
    return search(State((Connection(),) * (o.restarts + 1)), lambda s: steps(s, o), lambda s: wrong(s, o))


OPTIONS = [Options(), Options(history=1), Options(history=2, depth=2, restarts=1), Options(history=2, messages=3)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_message_is_taken_once_in_order_or_counted_as_lost(options: Options) -> None:
    assert_holds(look(options), 1000)


@pytest.mark.parametrize(
    ("options", "without"),
    [
        (Options(history=1), "gaps_are_lost"),  # a kept value delivered before is evicted
        (Options(), "base_is_start"),  # all that was ever sent is counted as lost
        (Options(), "old_run_first"),
        (Options(history=1), "keeps_until_told"),  # kept values come again
        (Options(restarts=0), "ring_counts"),
    ],
)
def test_it_does_not_hold_without(options: Options, without: str) -> None:
    assert_fails(look(options._replace(**{without: False})), "counted")
