"""Looks at every state that a small model can reach, whatever the order of its steps.

A model has states (any hashable value), `steps(state)`, which gives the label and the outcome of every step that any
process could take next, and `wrong(state)`, which names what must never be. Steps are atomic and in one order for all:
what the code's fences and atomic operations provide (test_wake.py shows what happens without).

A model earns its keep only if it fails when the key step is taken out; so each has a test for that, too.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

Steps = Callable[[Any], Iterable[tuple[str, Hashable]]]


class Searched(NamedTuple):
    states: int
    wrong: str | None  # what was wrong, if anything was
    trace: list[str]  # the shortest way there


def search(
    initial: Hashable, steps: Steps, wrong: Callable[[Any], str | None], states_max: int = 2_000_000
) -> Searched:
    came_from: dict[Hashable, tuple[Hashable, str] | None] = {initial: None}
    todo = deque([initial])
    while todo:
        state = todo.popleft()
        objection = wrong(state)
        if objection:
            trace: list[str] = []
            at: Hashable = state
            while (step := came_from[at]) is not None:
                trace.append(step[1])
                at = step[0]
            return Searched(len(came_from), objection, trace[::-1])
        for label, after in steps(state):
            if after not in came_from:
                came_from[after] = (state, label)
                todo.append(after)
        assert len(came_from) <= states_max, "the model is too large to be searched in seconds"
    return Searched(len(came_from), None, [])


def assert_holds(found: Searched, states_min: int = 100) -> None:
    """The whole of the model was looked at, and nothing was wrong. A model that hardly moves shows nothing."""
    assert found.wrong is None, f"{found.wrong}:\n  " + "\n  ".join(found.trace)
    assert found.states >= states_min, f"only {found.states} states"


def assert_fails(found: Searched, objection: str) -> None:
    assert found.wrong is not None, f"nothing wrong in {found.states} states"
    assert objection in found.wrong, f"{found.wrong}:\n  " + "\n  ".join(found.trace)
