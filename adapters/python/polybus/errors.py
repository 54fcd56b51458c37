"""The errors of Polybus: one class per code, the same codes in every language.

`except polybus.Error as error:` catches all of them; `error.code` is the code's name. Those that mean what an exception of
Python's own means are that as well: `polybus.TimeoutError` is a `TimeoutError`.
"""

from __future__ import annotations

import builtins
from typing import ClassVar


class Error(Exception):
    """What every error of Polybus is. Its text names the thing, the bound and the remedy."""

    code: ClassVar[str] = "INTERNAL"


class TimeoutError(Error, builtins.TimeoutError):
    """Not in time: connecting, or a publish that waited for a full subscriber. Nothing was sent."""

    code = "TIMEOUT"


class InvalidArgumentError(Error, ValueError):
    """The caller's value is wrong; the text names it, and what is allowed. For a message's field it carries the path."""

    code = "INVALID_ARGUMENT"


class FieldError(InvalidArgumentError, AttributeError):
    """No such field or type, or a union member that is not the active one. `hasattr()` and `getattr()` know it."""


class InvalidTopicError(Error, ValueError):
    """Not a topic's name: segments of `A-Z a-z 0-9 _ . -` joined by single slashes, at most 100 bytes."""

    code = "INVALID_TOPIC"


class NoBusError(Error):
    """No registry (busd) is there and none could be started; the text says what was tried."""

    code = "NO_BUS"


class DisconnectedError(Error):
    """The registry went away and is not back yet. Data keeps flowing where it can."""

    code = "DISCONNECTED"


class VersionMismatchError(Error):
    """Library and registry cannot talk; the text names both versions and the package to update."""

    code = "VERSION_MISMATCH"


class BadSchemaError(Error):
    """Not a usable schema (with file:line:column), or no such type."""

    code = "BAD_SCHEMA"


class SchemaMismatchError(Error):
    """Incompatible with the topic's schema; the text names topic, field, both types and the other process."""

    code = "SCHEMA_MISMATCH"


class BadMessageError(Error):
    """The bytes are not a valid message of the schema."""

    code = "BAD_MESSAGE"


class TooLargeError(Error):
    """Larger than the publisher's quota or the region allows."""

    code = "TOO_LARGE"


class NoMemoryError(Error):
    """Shared memory is used up; the text names topic, size, limit, and who holds it."""

    code = "NO_MEMORY"


class TooManyLoansError(Error):
    """Too many drafts are out: publish or discard some."""

    code = "TOO_MANY_LOANS"


class TooManySamplesError(Error):
    """The program holds as many samples as a subscriber may: release some. Nothing is lost by it."""

    code = "TOO_MANY_SAMPLES"


class LimitError(Error):
    """A bounded resource is used up; the text names it, its bound, and the remedy."""

    code = "LIMIT"


class ExclusiveError(Error):
    """The topic has its one publisher; the text names it."""

    code = "EXCLUSIVE"


class PermissionError(Error, builtins.PermissionError):
    """Not allowed by the bus's access rules."""

    code = "PERMISSION"


class ClosedError(Error):
    """Used after it was closed, published, discarded or released."""

    code = "CLOSED"


class ForkedError(Error):
    """Used in a forked child of the process that opened it: open a node there instead."""

    code = "FORKED"


class IoError(Error, OSError):
    """The system refused; also a missing file."""

    code = "IO"


class InternalError(Error):
    """A bug in Polybus. Please report it."""

    code = "INTERNAL"


BY_CODE: dict[str, type[Error]] = {
    cls.code: cls
    for cls in (
        TimeoutError,
        InvalidArgumentError,
        InvalidTopicError,
        NoBusError,
        DisconnectedError,
        VersionMismatchError,
        BadSchemaError,
        SchemaMismatchError,
        BadMessageError,
        TooLargeError,
        NoMemoryError,
        TooManyLoansError,
        TooManySamplesError,
        LimitError,
        ExclusiveError,
        PermissionError,
        ClosedError,
        ForkedError,
        IoError,
        InternalError,
    )
}
"""Each code's class."""
