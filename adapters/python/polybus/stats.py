"""Counters of the two kinds of ends, as plain values."""

from __future__ import annotations

from typing import NamedTuple


class PublisherStats(NamedTuple):
    """What a publisher has done and holds."""

    sequence: int
    """Of the last message; 0: none yet."""
    bytes: int
    """Payload published so far."""
    subscribers: int
    """Attached now."""
    loans: int
    """Drafts that are out."""
    memory_bytes: int
    """Shared memory in use."""
    quota_bytes: int
    """Shared memory it may use."""


class SubscriberStats(NamedTuple):
    """What a subscriber has received and holds."""

    taken: int
    """Messages taken."""
    lost: int
    """Messages missed: the queue was full, or the bus was away."""
    queued: int
    """Waiting to be taken."""
    held: int
    """Samples the program holds."""
    publishers: int
    """Attached now."""
