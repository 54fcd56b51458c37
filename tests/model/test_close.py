"""Closing is a handshake: a connection's block and a publisher's extent are free only when nobody will touch them again.

Speaks of ConnectionState (bus/transport/layout.hpp), PublisherPort::attach, close and detach, SubscriberPort::connect,
close and publisher_gone, Inlet (kept by the port and by every sample), and of busd: introductions.cpp and departures.cpp.

One connection, from the moment its subscriber is told. Both processes close their ends, die, are stopped, or lose their
socket while they live on; messages between them and busd are on their way for any time, in order.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from state_search import Searched, assert_fails, assert_holds, search

# The key steps; each can be left out.
KEY_STEPS = (
    "waits_for_publisher",  # the block is busd's when the publisher's process has detached it or is done
    "waits_for_subscriber",  # ... and the subscriber's has closed it
    "lost_is_not_dead",  # a process without a socket may still touch its memory
    "counts_mappings",  # the extent is free when nobody has it mapped
    "close_drops_outlets",  # PublisherPort::close: a `detach` on its way finds nothing any more
    "inlet_lives_with_samples",  # the connection is not closed before the last sample of it is released
)


class State(NamedTuple):
    # The two processes. life: runs, stopped, dead. socket: busd hears them.
    pub: str = "runs"
    pub_socket: bool = True
    pub_open: bool = True
    pub_mapped: bool = True  # the port or a loan is there
    outlet: bool = False
    pushing: bool = False  # between the look at the connection's state and the push
    sub: str = "runs"
    sub_socket: bool = True
    sub_open: bool = True
    inlet: bool = False  # the port's
    held: bool = False  # a sample
    heard_gone: bool = False
    # Shared memory
    word: str = "open"  # ConnectionState
    queued: int = 0
    # On their way
    to_pub: tuple[str, ...] = ()
    from_pub: tuple[str, ...] = ()
    to_sub: tuple[str, ...] = ("connect",)
    from_sub: tuple[str, ...] = ()
    # busd's records
    stage: str = "connecting"
    pub_gone: bool = False
    sub_gone: bool = False
    pub_dead: bool = False
    sub_dead: bool = False
    pub_done: bool = False
    sub_done: bool = False
    goodbye_sent: bool = False
    detach_sent: bool = False
    block_free: bool = False
    holders: frozenset[str] = frozenset({"pub", "sub"})
    extent_free: bool = False
    objection: str = ""


def touch(s: State, who: str) -> State:
    return s._replace(objection=f"{who} touches a block that is busd's") if s.block_free else s


def inlet_gone_if_unused(s: State, o: frozenset[str]) -> State:
    if s.inlet or (s.held and "inlet_lives_with_samples" in o) or "connection_closed" in s.from_sub or s.sub_done:
        return s
    return s._replace(from_sub=(*s.from_sub, "connection_closed", "unmapped"))


# ---- busd ------------------------------------------------------------------------------------------------------------
def free_if_unused(s: State, o: frozenset[str]) -> State:
    pub_done = s.pub_done or "waits_for_publisher" not in o
    sub_done = s.sub_done or "waits_for_subscriber" not in o
    if (s.pub_done or s.sub_done) and pub_done and sub_done:
        s = s._replace(block_free=True)
    if s.block_free and s.pub_gone and not (s.holders and "counts_mappings" in o):
        s = s._replace(extent_free=True)
    return s


def goodbye(s: State) -> State:
    if s.goodbye_sent:
        return s
    return s._replace(goodbye_sent=True, to_sub=(*s.to_sub, "publisher_gone"))


def end_for_subscriber(s: State, o: frozenset[str], lost: bool) -> State:
    return free_if_unused(goodbye(s)._replace(pub_done=s.pub_done or not lost), o)


def publisher_gone(s: State, o: frozenset[str], lost: bool) -> State:
    if s.pub_gone:
        return s
    s = s._replace(pub_gone=True)
    if s.block_free:
        return free_if_unused(s, o)
    return s if not lost and s.stage == "attaching" else end_for_subscriber(s, o, lost)


def subscriber_gone(s: State) -> State:  # release_producer; after it the publisher does not push or wait
    if s.sub_gone:
        return s
    return s._replace(sub_gone=True, word=s.word if s.block_free else "subscriber_closing")


def finish_subscriber_side(s: State, o: frozenset[str]) -> State:
    s = s._replace(sub_done=True, pub_done=s.pub_done or s.stage == "connecting")
    if not s.pub_done and not s.detach_sent:
        s = s._replace(detach_sent=True, to_pub=(*s.to_pub, "detach"))
    return free_if_unused(s, o)


def busd_hears(s: State, o: frozenset[str], who: str, what: str) -> State:
    if what == "unmapped":
        return free_if_unused(s._replace(holders=s.holders - {who}), o)
    if what == "close_publisher":
        return publisher_gone(s, o, lost=False)
    if what == "close_subscriber":
        return subscriber_gone(s)
    if s.block_free:
        return s
    if what == "connected" and not s.sub_done and s.stage == "connecting" and not s.pub_gone and not s.sub_gone:
        return s._replace(stage="attaching", to_pub=(*s.to_pub, "attach"))
    if what == "attached" and s.stage == "attaching":
        s = s._replace(stage="open")
        return end_for_subscriber(s, o, lost=False) if s.pub_gone else s
    if what == "connection_closed" and not s.sub_done:
        return finish_subscriber_side(s, o)
    if what == "detached" and s.detach_sent:
        return free_if_unused(s._replace(pub_done=True), o)
    return s


def socket_gone(s: State, o: frozenset[str], who: str, died: bool) -> State:
    """process_lost and process_died."""
    died = died or "lost_is_not_dead" not in o
    if who == "pub":
        s = publisher_gone(s._replace(pub_socket=False, to_pub=(), from_pub=(), pub_dead=died), o, lost=True)
        if s.stage == "attaching" and not s.goodbye_sent:
            s = end_for_subscriber(s, o, lost=True)
        return free_if_unused(s._replace(pub_done=True, holders=s.holders - {"pub"}), o) if died else s
    s = subscriber_gone(s._replace(sub_socket=False, to_sub=(), from_sub=(), sub_dead=died))
    if not died:
        return s
    s = s if s.block_free else finish_subscriber_side(s, o)
    return free_if_unused(s._replace(holders=s.holders - {"sub"}), o)


# ---- the processes ---------------------------------------------------------------------------------------------------
def publisher_steps(s: State, o: frozenset[str]) -> Iterator[tuple[str, State]]:
    if s.to_pub and not s.pushing:
        what, rest = s.to_pub[0], s._replace(to_pub=s.to_pub[1:])
        if what == "attach":
            attached = touch(rest, "attach")._replace(outlet=True) if s.pub_open else rest
            yield "publisher: attach", attached._replace(from_pub=(*s.from_pub, "attached"))
        else:
            detached = rest
            if s.outlet:
                detached = touch(rest, "detach")._replace(outlet=False, word="subscriber_closing")
            yield "publisher: detach", detached._replace(from_pub=(*s.from_pub, "detached"))
    if s.pushing:
        full = touch(s, "push")._replace(pushing=False, queued=1)
        yield "publisher: push", full._replace(objection="push into an extent that is free") if s.extent_free else full
    elif s.pub_open:
        if s.outlet and touch(s, "look").word == "open" and not s.queued:
            yield "publisher: look", touch(s, "look")._replace(pushing=True)
        closed = s._replace(pub_open=False, from_pub=(*s.from_pub, "close_publisher"))
        if s.outlet:
            word = "publisher_done" if s.word == "open" else s.word
            closed = touch(closed, "close")._replace(word=word, outlet="close_drops_outlets" not in o)
        yield "publisher: close", closed
    elif s.pub_mapped:
        yield "publisher: last loan", s._replace(pub_mapped=False, outlet=False, from_pub=(*s.from_pub, "unmapped"))


def subscriber_steps(s: State, o: frozenset[str]) -> Iterator[tuple[str, State]]:
    if s.to_sub:
        what, rest = s.to_sub[0], s._replace(to_sub=s.to_sub[1:])
        if what == "connect" and s.sub_open:
            yield (
                "subscriber: connect",
                touch(rest._replace(inlet=True, from_sub=(*s.from_sub, "connected")), "connect"),
            )
        elif what == "connect":
            yield (
                "subscriber: too late",
                inlet_gone_if_unused(touch(rest._replace(word="subscriber_closing"), "connect"), o),
            )
        else:
            yield "subscriber: hears of the end", rest._replace(heard_gone=True)
    if s.inlet and s.queued and not s.held:
        yield "subscriber: take", touch(s, "take")._replace(queued=0, held=True)
    if s.inlet and s.heard_gone and not s.queued:
        yield "subscriber: retire", inlet_gone_if_unused(s._replace(inlet=False), o)
    if s.held:
        released = touch(s, "release")._replace(held=False)
        yield "subscriber: release", inlet_gone_if_unused(released, o)
    if s.sub_open:
        closed = s._replace(sub_open=False)
        if s.inlet:
            word = "subscriber_closing" if s.word == "open" else s.word
            closed = inlet_gone_if_unused(touch(closed, "close")._replace(word=word, inlet=False), o)
        yield "subscriber: close", closed._replace(from_sub=(*closed.from_sub, "close_subscriber"))


def steps(s: State, o: frozenset[str]) -> Iterator[tuple[str, State]]:
    for who, process in (("pub", publisher_steps), ("sub", subscriber_steps)):
        if getattr(s, who) == "runs":
            for label, after in process(s, o):
                if not getattr(after, who + "_socket"):  # what it says is heard by nobody
                    after = after._replace(**{"from_" + who: ()})
                yield label, after
            for life in ("dead", "stopped"):
                yield f"{who} {life}", s._replace(**{who: life})
            if getattr(s, who + "_socket"):
                yield f"{who} lost", socket_gone(s, o, who, died=False)
        if getattr(s, who) == "dead" and not getattr(s, who + "_dead"):
            yield f"busd: {who} is dead", socket_gone(s, o, who, died=True)
        if waiting := getattr(s, "from_" + who):
            yield f"busd: {waiting[0]}", busd_hears(s._replace(**{"from_" + who: waiting[1:]}), o, who, waiting[0])


def wrong(s: State, o: frozenset[str]) -> str | None:
    if s.objection:
        return s.objection
    if s.extent_free and s.sub == "runs" and s.held:
        return "the extent of a sample that is held is free"
    if s.extent_free and s.pub == "runs" and s.pub_mapped:
        return "the extent of a loan is free"
    over = [s.pub == "dead" or not s.pub_mapped, s.sub == "dead" or not (s.sub_open or s.held)]
    heard = (s.pub_socket or s.pub_dead) and (s.sub_socket or s.sub_dead)
    if all(over) and heard and s.pub != "stopped" and s.sub != "stopped" and not any(True for _ in steps_left(s, o)):
        return None if s.block_free and s.extent_free else "never free"
    return None


def steps_left(s: State, o: frozenset[str]) -> Iterator[str]:
    """Steps that are bound to come, as against deaths, stops and lost sockets."""
    return (
        label for label, _ in steps(s, o) if not label.endswith((" dead", " stopped", " lost")) or "is dead" in label
    )


def look(o: frozenset[str]) -> Searched:
    return search(State(), lambda s: steps(s, o), lambda s: wrong(s, o))


def test_memory_is_free_when_and_only_when_nobody_will_touch_it() -> None:
    assert_holds(look(frozenset(KEY_STEPS)), 1000)


@pytest.mark.parametrize("step", KEY_STEPS)
def test_somebody_touches_what_is_free_without(step: str) -> None:
    found = look(frozenset(KEY_STEPS) - {step})
    assert_fails(found, "free" if step in ("counts_mappings", "lost_is_not_dead") else "busd's")
