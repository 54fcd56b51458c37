"""No wake is lost, whoever is stopped or killed at whatever step: doorbell.py, and the order of memory it counts on."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from doorbell import Options, look, put
from state_search import assert_fails, assert_holds, search

CRASHES = Options()
THREADS = Options(messages=(2,), threads=2, stops=())
DESCRIPTOR = Options(descriptor=True)
LATE = Options(descriptor=True, late_descriptor=True, stops=(), kills=())
THREE = Options(messages=(1, 1, 1), stops=(1,), kills=(), starts_asleep=True)


@pytest.mark.parametrize(
    "options", [CRASHES, THREADS, DESCRIPTOR, LATE, THREE], ids=["crashes", "threads", "fd", "late", "three"]
)
def test_no_message_of_a_running_or_dead_publisher_is_left_with_its_subscriber_asleep(options: Options) -> None:
    assert_holds(look(options), 1000)


@pytest.mark.parametrize(
    ("options", "without"),
    [
        (CRASHES, "looks_again"),
        (CRASHES, "bit_before_look"),
        (CRASHES, "bit_down_before_pop"),
        (CRASHES._replace(stops=()), "death_rings"),
        (CRASHES._replace(stops=()), "death_sets_bit"),
        (CRASHES._replace(kills=()), "clears_last"),  # stopped before its wake, it would silence the others
        (DESCRIPTOR._replace(kills=()), "clears_last"),
        (THREE, "numbers"),  # one that is late would end another's ringing
        (THREADS, "numbers"),  # a thread about to sleep would take another's arming for its own
        (LATE, "late_descriptor_rings"),
    ],
)
def test_a_wake_is_lost_without(options: Options, without: str) -> None:
    assert_fails(look(options._replace(**{without: False})), "lost wake")


def test_a_late_write_keeps_a_subscriber_spinning_unless_take_always_reads() -> None:
    assert_fails(look(DESCRIPTOR._replace(always_reads=False)), "awake for ever")


# ---- the fences ----------------------------------------------------------------------------------------------------
# x86 keeps a processor's own stores in a buffer: its later loads may overtake them. P2 and S2 empty the buffer in between.
@pytest.mark.parametrize(("p2", "s2"), list(itertools.product([True, False], repeat=2)))
def test_both_fences_are_needed_between_the_store_and_the_look(p2: bool, s2: bool) -> None:
    fences = (p2, s2)

    # Each side: step 0 stores into its buffer, 1 the fence, 2 loads the other's word. A buffered store lands at any time.
    def tso(state: Any) -> Iterator[tuple[str, Any]]:
        at, buffered, memory, saw = state
        for me in (0, 1):
            if buffered[me]:
                yield f"{me} lands", (at, put(buffered, me, False), put(memory, me, 1), saw)
            after = put(at, me, at[me] + 1)
            if at[me] == 0:
                yield f"{me} stores", (after, put(buffered, me, True), memory, saw)
            elif at[me] == 1 and not (fences[me] and buffered[me]):
                yield f"{me} fence", (after, buffered, memory, saw)
            elif at[me] == 2:
                yield f"{me} looks", (after, buffered, memory, put(saw, me, memory[1 - me]))

    start = ((0, 0), (False, False), (0, 0), (None, None))
    found = search(start, tso, lambda s: "lost wake" if s[3] == (0, 0) else None)
    assert (found.wrong is None) == (p2 and s2)
