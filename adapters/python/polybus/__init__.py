"""Polybus: one bus, every language.

Programs of one machine exchange typed messages through shared memory, without copying them and with nothing to set up.

    import polybus

    Imu = polybus.load_schema("imu.capnp").Imu

    with polybus.Node("producer") as node:
        publisher = node.publisher("sensors/imu", Imu)
        publisher.publish(frameId="base", accel=[0.1, 0.2, 9.8])

    with polybus.Node("consumer") as node:
        for sample in node.subscriber("sensors/imu", timeout=1.0):
            print(sample.seq, sample.msg.frameId, sample.msg.accel)

Times are nanoseconds (`_ns`), timeouts seconds. Errors are subclasses of `polybus.Error`, one per code. numpy is not
needed, and never imported; lists of numbers are buffers that `numpy.asarray` views without a copy.
"""

from collections.abc import Sequence as _Sequence

from ._core import (
    AnyPointer,
    Draft,
    List,
    ListBuilder,
    Message,
    MessageBuilder,
    Node,
    Publisher,
    Region,
    Sample,
    Schema,
    SchemaFile,
    Subscriber,
    Watch,
    __version__,
    load_schema,
    to_dict,
    to_json,
    which,
)
from .errors import (
    BadMessageError,
    BadSchemaError,
    ClosedError,
    DisconnectedError,
    Error,
    ExclusiveError,
    FieldError,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    InvalidTopicError,
    IoError,
    LimitError,
    NoBusError,
    NoMemoryError,
    PermissionError,
    SchemaMismatchError,
    TimeoutError,
    TooLargeError,
    TooManyLoansError,
    TooManySamplesError,
    VersionMismatchError,
)
from .stats import PublisherStats, SubscriberStats

_Sequence.register(List)

__all__ = [
    "AnyPointer",
    "BadMessageError",
    "BadSchemaError",
    "ClosedError",
    "DisconnectedError",
    "Draft",
    "Error",
    "ExclusiveError",
    "FieldError",
    "ForkedError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidTopicError",
    "IoError",
    "LimitError",
    "List",
    "ListBuilder",
    "Message",
    "MessageBuilder",
    "NoBusError",
    "NoMemoryError",
    "Node",
    "PermissionError",
    "Publisher",
    "PublisherStats",
    "Region",
    "Sample",
    "Schema",
    "SchemaFile",
    "SchemaMismatchError",
    "Subscriber",
    "SubscriberStats",
    "TimeoutError",
    "TooLargeError",
    "TooManyLoansError",
    "TooManySamplesError",
    "VersionMismatchError",
    "Watch",
    "__version__",
    "load_schema",
    "to_dict",
    "to_json",
    "which",
]
