"""Chunk conservation: no chunk of a live publisher is lost, none is freed while somebody holds it, whoever dies when.

Speaks of Outlet (push, collect, its end), ChunkPools' private counts, Inlet::pop and give_back, iceoryx's SoFi (push and
popIf, which meet in a compare-and-swap on the read position), PublisherPort::attach, detach and rebind; the second model of
write_history_slot and read_kept_values (publisher_port.cpp, blocks.cpp). The subscriber is killed at every step, and another
one comes; busd is restarted.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from state_search import Searched, assert_fails, assert_holds, search

CHUNKS = 4  # of a run of the bus
DEPTH = 1


class Options(NamedTuple):
    messages: int = 3
    lives: int = 2  # of subscribers, one after the other
    restarts: int = 1
    # The key steps:
    # The table tells what a dead subscriber had. Else, as in iceoryx: what is queued and what it had noted to hold.
    table_tells: bool = True
    detach_takes_back: bool = True
    eviction_wins_first: bool = True  # what the subscriber popped meanwhile is not evicted
    returned_when_released: bool = True  # else as soon as it is popped
    new_run_new_memory: bool = True


class Sample(NamedTuple):
    slot: int
    chunk: int
    number: int  # of the message that was pushed with the slot


class State(NamedTuple):
    counts: tuple[int, ...] = (0,) * CHUNKS * 2
    content: tuple[int, ...] = (0,) * CHUNKS * 2
    run: int = 0
    sent: int = 0
    history: int | None = None  # one kept value
    sending: tuple[str, int] | None = None  # step, chunk
    # The connection: the publisher's private table, then what is shared. Slots are as many as can be lent.
    attached: bool = False
    table: tuple[int | None, ...] = (None,) * 3
    queue: tuple[Sample, ...] = ()
    read: int = 0
    returned: tuple[int, ...] = ()
    # The subscriber
    life: int = 0
    alive: bool = False
    head: tuple[int, Sample] | None = None  # between reading the oldest and taking it
    popped: Sample | None = None
    held: Sample | None = None
    held_of_old_run: Sample | None = None
    objection: str = ""


def add(s: State, chunk: int, by: int) -> State:
    return s._replace(counts=(*s.counts[:chunk], s.counts[chunk] + by, *s.counts[chunk + 1 :]))


def put(values: tuple[Any, ...], i: int, value: Any) -> tuple[Any, ...]:
    return (*values[:i], value, *values[i + 1 :])


def give_up(s: State, slot: int) -> State:
    """A slot that is lent no more. One given back twice is the other side's error, not ours."""
    chunk = s.table[slot]
    return s if chunk is None else add(s, chunk, -1)._replace(table=put(s.table, slot, None))


def collect(s: State) -> State:
    for slot in s.returned:
        s = give_up(s, slot)
    return s._replace(returned=())


def lend(s: State, chunk: int) -> State:
    slot = s.table.index(None)
    s = add(s, chunk, 1)._replace(table=put(s.table, slot, chunk))
    return s._replace(queue=(*s.queue, Sample(slot, chunk, s.content[chunk])))


def evict(s: State, o: Options, oldest: tuple[int, Sample]) -> State:
    if s.read == oldest[0]:
        return give_up(s, oldest[1].slot)._replace(queue=s.queue[1:], read=s.read + 1)
    return s if o.eviction_wins_first else give_up(s, oldest[1].slot)


def publisher_steps(s: State, o: Options) -> Iterator[tuple[str, State]]:
    ours = range(s.run * CHUNKS, (s.run + 1) * CHUNKS)
    if s.sending is None:
        free = [c for c in ours if s.counts[c] == 0]
        if s.sent < o.messages and not free:
            yield "loan", s._replace(objection="no chunk is left")
        elif s.sent < o.messages:
            filled = add(s, free[0], 1)._replace(content=put(s.content, free[0], s.sent + 1), sent=s.sent + 1)
            kept = add(filled, free[0], 1)._replace(history=free[0], sending=("push", free[0]))
            yield "loan, fill, keep", kept if s.history is None else add(kept, s.history, -1)
        if not s.attached and s.alive:
            fresh = s._replace(attached=True, table=State().table, queue=(), read=0, returned=())
            yield "attach", fresh if s.history is None else lend(fresh, s.history)
        if s.attached and not s.alive:  # busd tells
            slots = list(range(len(s.table)))
            if not o.table_tells:
                slots = [*(sample.slot for sample in s.queue), *s.returned, *([s.held.slot] if s.held else [])]
            after = s
            for slot in slots if o.detach_takes_back else []:
                after = give_up(after, slot)
            yield "detach", after._replace(attached=False, queue=(), returned=(), held=None)
        if s.run < o.restarts:
            first = CHUNKS if o.new_run_new_memory else 0
            again = s._replace(
                run=1 if o.new_run_new_memory else 0,
                counts=s.counts[:first] + (0,) * (2 * CHUNKS - first),
                attached=False,
                queue=(),
                returned=(),
                head=None,
                popped=None,
                held=None,
                held_of_old_run=s.held if s.alive else None,
            )
            if s.history is not None:  # copied
                number = s.content[s.history]
                again = add(again, first, 1)._replace(history=first, content=put(s.content, first, number))
            yield "rebind", again
        return
    step, chunk = s.sending
    if step == "push" and s.attached:
        lent = lend(collect(s), chunk)
        full = len(lent.queue) > DEPTH
        yield "push", lent._replace(sending=("evict" if full else "release", chunk))
    elif step == "evict":
        full = len(s.queue) > DEPTH
        if full:
            yield "evict", evict(s, o, (s.read, s.queue[0]))._replace(sending=("release", chunk))
        elif not o.eviction_wins_first and s.held is not None:
            yield "evict", evict(s, o, (-1, s.held))._replace(sending=("release", chunk))
        else:
            yield "the subscriber was faster", s._replace(sending=("release", chunk))
    else:
        yield "release", add(s, chunk, -1)._replace(sending=None)


def subscriber_steps(s: State, o: Options) -> Iterator[tuple[str, State]]:
    if not s.alive:
        if s.life < o.lives and not s.attached:
            yield "subscriber comes", s._replace(alive=True, life=s.life + 1, held=None)
        return
    yield "subscriber killed", s._replace(alive=False, head=None, popped=None, held_of_old_run=None)
    if s.held_of_old_run is not None:  # its publisher's earlier memory, which nobody uses again
        yield "release of the earlier run", s._replace(held_of_old_run=None)
    if s.head is None and s.popped is None and s.held is None and s.queue:
        yield "read the oldest", s._replace(head=(s.read, s.queue[0]))
    if s.head is not None:
        read, sample = s.head
        if read != s.read:
            yield "evicted meanwhile", s._replace(head=None)
        else:
            early = () if o.returned_when_released else (sample.slot,)
            after = s._replace(head=None, popped=sample, queue=s.queue[1:], read=s.read + 1)
            yield "pop", after._replace(returned=s.returned + early)
    if s.popped is not None:
        yield "hold", s._replace(popped=None, held=s.popped)
    if s.held is not None:
        slots = (s.held.slot,) if o.returned_when_released else ()
        yield "release", s._replace(held=None, returned=s.returned + slots)


def wrong(s: State, o: Options) -> str | None:
    if s.objection:
        return s.objection
    for sample in (s.held, s.held_of_old_run):
        if s.alive and sample is not None and s.content[sample.chunk] != sample.number:
            return "a held sample changes"
    owners = [s.history, s.sending[1] if s.sending else None, *(s.table if s.attached else ())]
    for chunk in range(s.run * CHUNKS, (s.run + 1) * CHUNKS):
        if s.counts[chunk] != owners.count(chunk):
            return f"{owners.count(chunk)} own a chunk that is counted {s.counts[chunk]} times"
    return None


def look(o: Options) -> Searched:
    def steps(s: State) -> Iterator[tuple[str, State]]:
        yield from publisher_steps(s, o)
        yield from subscriber_steps(s, o)

    return search(State(), steps, lambda s: wrong(s, o))


def test_no_chunk_is_lost_and_none_is_freed_while_held() -> None:
    assert_holds(look(Options()), 1000)
    assert_holds(look(Options(messages=4, lives=1, restarts=0)), 500)


@pytest.mark.parametrize(
    ("without", "objection"),
    [
        ("table_tells", "own a chunk that is counted"),  # killed between the pop and the note
        ("detach_takes_back", "own a chunk that is counted"),
        ("eviction_wins_first", "a held sample changes"),
        ("returned_when_released", "a held sample changes"),
        ("new_run_new_memory", "a held sample changes"),
    ],
)
def test_it_does_not_hold_without(without: str, objection: str) -> None:
    assert_fails(look(Options(messages=5)._replace(**{without: False})), objection)


# ---- kept values of a publisher that is killed while it writes one ---------------------------------------------------
@pytest.mark.parametrize("zero_first", [True, False])
def test_busd_reads_whole_values_wherever_their_publisher_was_killed(zero_first: bool) -> None:
    names = ["sequence = 0", "chunk_offset", "sequence"] if zero_first else ["chunk_offset", "sequence"]

    # content of three chunks; two slots of (sequence, chunk); number of the message at work, step
    def steps(s: Any) -> Iterator[tuple[str, Any]]:
        content, slots, number, step = s
        chunk, slot = number % 3, number % 2
        if step < 2:
            yield "fill", (put(content, chunk, 0 if step == 0 else number), slots, number, step + 1)
        elif step < 2 + len(names):
            name = names[step - 2]
            sequence, offset = slots[slot]
            after = {"sequence = 0": (0, offset), "chunk_offset": (sequence, chunk), "sequence": (number, offset)}[name]
            yield name, (content, put(slots, slot, after), number, step + 1)
        elif number < 5:
            yield "next", (content, slots, number + 1, 0)

    def wrong_value(s: Any) -> str | None:  # killed here
        content, slots, _, _ = s
        return next((f"{n} is not whole" for n, chunk in slots if n != 0 and content[chunk] != n), None)

    found = search(((0, 0, 0), ((0, 0), (0, 0)), 1, 0), steps, wrong_value)
    assert (found.wrong is None) == zero_first, found
