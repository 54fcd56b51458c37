"""A program on the bus that publishes, takes and checks, and may be killed at any moment: `bus-cli chaos` runs it.

The layout of the memory shared with bus-cli is board.hpp's, the words of a message are message.hpp's; what worker.cpp does, this
does in Python. One process imports the package and forks a worker for every slot whose number it reads.
"""

import collections
import ctypes
import mmap
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Literal, NoReturn, TypeVar

import polybus

BOARD_FD = 3
PAGE = 4096
DEEDS = 512  # where a worker's own part of its page begins
TOPICS = ("chaos/plain", "chaos/kept", "chaos/grown", "chaos/blocked")
PLAIN, KEPT, GROWN, BLOCKED = range(4)
KEPT_VALUES = 8
PLAIN_QUOTA_BYTES = 16 << 20
WHOLE_LOAN_BYTES = PLAIN_QUOTA_BYTES - 4096
BURST = 24
STORM, QUIET, DRAIN, BURST_PHASE, LAST, ROOM, LEAVE = range(7)
JOINING, OPENING, READY, CLOSING = range(1, 5)
(PID, STEP, TURNS, DONE, REFUSALS, ROOM_FOUND, PUBLISHED, RECEIVED, LOST, SUBSCRIBERS, PUBLISHERS) = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    10,
    14,
    18,
    22,
)
COMPLAINT, COMPLAINT_BYTES = 26 * 8, 512
NO_SABOTAGE, CORRUPT, REORDER, LOSE, HANG, FDS, HOLD, EXIT = range(8)
SABOTAGE_AFTER = 50
HEAD = struct.Struct("<QQQ")
WORD = struct.Struct("<Q")
TAKES_PER_TURN = 64

T = TypeVar("T")


def key_of(life: int, number: int) -> bytes:
    return WORD.pack((life * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF)


def make_message(size: int, life: int, number: int) -> bytes:
    return HEAD.pack(size, life, number) + key_of(life, number) * ((size - HEAD.size) // 8)


def is_message(data: bytes, number: int) -> bool:
    if len(data) < HEAD.size or len(data) % 8 != 0:
        return False
    size, life, found = HEAD.unpack_from(data)
    return size == len(data) and found == number and data == make_message(size, life, number)


class Checker:
    """Every message whole, each publisher's in order and none twice, and what is missing counted."""

    PUBLISHERS_MAX = 1024

    def __init__(self) -> None:
        self.newest: collections.OrderedDict[int, int] = collections.OrderedDict()
        self.missing = 0

    def check(self, publisher: int, seq: int, data: bytes) -> str:
        name = f"message {seq} of publisher {publisher}"
        if not is_message(data, seq):
            return f"wrong: {name}, {len(data)} bytes, is not what was published"
        before = self.newest.get(publisher)
        if before is None:
            if len(self.newest) >= self.PUBLISHERS_MAX:
                self.newest.popitem(last=False)
        elif seq <= before:
            return f"order: {name} came after its message {before}"
        else:
            self.missing += seq - before - 1
        self.newest[publisher] = seq
        return ""

    def check_lost(self, lost: int) -> str:
        if self.missing <= lost:
            return ""
        return f"loss: {self.missing} messages are missing, {lost} were counted"


class Slot:
    """This worker's page of the board."""

    def __init__(self, board: mmap.mmap, index: int) -> None:
        self.board = board
        self.page = PAGE * (1 + index)
        orders = struct.unpack_from("<11Q", board, self.page)
        self.life, self.publishes, self.subscribes, self.pause_us, self.queue, self.hold = orders[:6]
        self.bytes_max, self.newcomer, self.sabotage, self.seed = orders[7:]
        self.figures = [0] * 26

    def word(self) -> int:
        """16 * the number of phases so far + the phase."""
        word: int = WORD.unpack_from(self.board, 0)[0]
        return word

    def write(self) -> None:
        struct.pack_into("<26Q", self.board, self.page + DEEDS, *self.figures)

    def set(self, figure: int, value: int) -> None:
        self.figures[figure] = value
        WORD.pack_into(self.board, self.page + DEEDS + 8 * figure, value)

    def complain(self, what: str) -> None:
        at = self.page + DEEDS + COMPLAINT
        text = what.encode(errors="replace")[: COMPLAINT_BYTES - 1]
        if text and self.board[at] == 0:
            self.board[at + 1 : at + len(text)] = text[1:]
            self.board[at] = text[0]


class Sender:
    def __init__(self, node: polybus.Node, topic: int, slot: Slot) -> None:
        self.topic, self.slot = topic, slot
        self.publisher = node.publisher(
            TOPICS[topic],
            history=KEPT_VALUES if topic == KEPT else 0,
            timeout=0.02 if topic == BLOCKED else 0.0,
            quota=PLAIN_QUOTA_BYTES if topic == PLAIN else None,
        )
        self.number = 0

    def send(self) -> bool:
        """False: a subscriber that asked to block has no room."""
        most = self.slot.bytes_max if self.topic == GROWN and random.randrange(16) == 0 else 2048
        message = make_message(64 + random.randrange(most // 8) * 8, self.slot.life, self.number + 1)
        try:
            if random.random() < 0.5:
                number = self.publisher.publish_bytes(message)
            else:
                draft = self.publisher.loan(len(message))
                try:
                    draft.data[: len(message)] = message
                    number = draft.publish()
                except polybus.TimeoutError:
                    draft.discard()
                    raise
        except polybus.TimeoutError:
            if self.topic != BLOCKED:
                raise
            return False
        self.number += 1
        if number != self.number:
            self.slot.complain(f"order: published as message {number}, which is the {self.number}th")
        self.slot.figures[PUBLISHED + self.topic] += 1
        return True

    def has_all_memory(self) -> bool:
        """Whether not one chunk is in use."""
        try:
            self.publisher.loan(WHOLE_LOAN_BYTES).discard()
        except polybus.NoMemoryError:
            return False
        return True


class Receiver:
    def __init__(self, node: polybus.Node, topic: int, slot: Slot) -> None:
        self.topic, self.slot = topic, slot
        overflow: Literal["block", "drop_oldest"] = "block" if topic == BLOCKED else "drop_oldest"
        self.subscriber = node.subscriber(TOPICS[topic], queue=slot.queue, overflow=overflow)
        self.checker = Checker()
        self.held: collections.deque[tuple[polybus.Sample, int]] = collections.deque()
        self.forgotten: list[object] = []
        self.taken = 0

    def take(self, most: int) -> int:
        for count in range(most):
            sample = self.subscriber.take()
            if sample is None:
                most = count
                break
            self.taken += 1
            if self.is_sabotaged(sample):
                continue
            self.slot.figures[RECEIVED + self.topic] += 1
            self.slot.complain(self.checker.check(sample.publisher_id, sample.seq, bytes(sample.data)))
            if self.slot.hold == 0:
                sample.release()
                continue
            if len(self.held) >= self.slot.hold:
                self.release_oldest()
            self.held.append((sample, sample.seq))
        lost = self.subscriber.lost
        self.slot.complain(self.checker.check_lost(lost))
        self.slot.figures[LOST + self.topic] = lost
        return most

    def is_sabotaged(self, sample: polybus.Sample) -> bool:
        what = self.slot.sabotage
        if what == NO_SABOTAGE or self.taken < SABOTAGE_AFTER:
            return False
        publisher, seq = sample.publisher_id, sample.seq
        if what == CORRUPT:
            data = bytearray(sample.data)
            data[-1] ^= 1
            self.slot.complain(self.checker.check(publisher, seq, bytes(data)))
        elif what == REORDER:
            life = HEAD.unpack_from(sample.data)[1]
            self.slot.complain(self.checker.check(publisher, seq + 1, make_message(64, life, seq + 1)))
        elif what == LOSE:
            sample.release()
            return True
        elif what == HANG:
            signal.pause()
        elif what == FDS and self.taken % 16 == 0:
            self.forgotten.append(os.open("/dev/null", os.O_RDONLY))
        elif what == HOLD and self.taken == SABOTAGE_AFTER:
            self.slot.complain(self.checker.check(publisher, seq, bytes(sample.data)))
            self.slot.figures[RECEIVED + self.topic] += 1
            self.forgotten.append(sample)
            return True
        elif what == EXIT:
            os._exit(3)
        return False

    def release_oldest(self) -> None:
        sample, seq = self.held.popleft()
        if not is_message(bytes(sample.data), seq):
            self.slot.complain(f"wrong: message {seq} changed while it was held")
        sample.release()

    def let_go(self) -> None:
        while self.held:
            self.release_oldest()


class Worker:
    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.senders: list[Sender] = []
        self.receivers: list[Receiver] = []
        self.burst_word = -1
        self.left: list[int] = []

    def insist(self, make: Callable[[], T]) -> T:
        """busd may be dead or stopped just then; everything else is an error."""
        while True:
            try:
                return make()
            except (polybus.NoBusError, polybus.DisconnectedError, polybus.TimeoutError):
                self.slot.set(REFUSALS, self.slot.figures[REFUSALS] + 1)
                self.slot.set(TURNS, self.slot.figures[TURNS] + 1)
                time.sleep(0.002)

    def run(self) -> None:
        slot = self.slot
        slot.set(STEP, JOINING)
        node = polybus.Node(f"chaos-{slot.life}")
        self.insist(node.connect)
        slot.set(STEP, OPENING)
        for topic in range(len(TOPICS)):
            if slot.subscribes >> topic & 1:
                self.receivers.append(self.insist(lambda topic=topic: Receiver(node, topic, slot)))  # type: ignore[misc]
            if slot.publishes >> topic & 1:
                self.senders.append(self.insist(lambda topic=topic: Sender(node, topic, slot)))  # type: ignore[misc]
        slot.figures[STEP] = READY
        while slot.word() % 16 != LEAVE:
            word = slot.word()
            done = self.turn(word)
            slot.figures[TURNS] += 1
            slot.write()
            if done and slot.figures[DONE] != word:  # after the figures that go with it
                slot.set(DONE, word)
        slot.set(STEP, CLOSING)
        for receiver in self.receivers:
            receiver.let_go()
        node.close()

    def turn(self, word: int) -> bool:
        """Whether this worker is through with the phase."""
        phase = word % 16
        done = True
        if phase == STORM:
            self.storm()
        elif phase == DRAIN:
            done = self.receive() == 0
        elif phase == BURST_PHASE:
            done = self.once(word, 0 if self.slot.newcomer else BURST)
        elif phase == LAST:
            done = self.once(word, 1 if self.slot.newcomer else 0)
        elif phase == ROOM:
            self.look_for_room()
        if phase != STORM and self.receive() == 0:
            self.rest()
        for sender in self.senders:
            self.slot.figures[SUBSCRIBERS + sender.topic] = sender.publisher.subscribers
        for receiver in self.receivers:
            self.slot.figures[PUBLISHERS + receiver.topic] = receiver.subscriber.stats.publishers
        return done

    def storm(self) -> None:
        for sender in self.senders:
            for _ in range(random.randrange(1, 8)):
                if not sender.send():
                    break
        if self.receive() == 0 or random.random() < 0.5:
            self.rest()

    def rest(self) -> None:
        if self.receivers:
            random.choice(self.receivers).subscriber.wait(0.002)
        time.sleep(0.001)

    def receive(self) -> int:
        return sum(receiver.take(TAKES_PER_TURN) for receiver in self.receivers)

    def once(self, word: int, messages: int) -> bool:
        if self.burst_word != word:
            self.burst_word = word
            self.left = [messages] * len(self.senders)
        for i, sender in enumerate(self.senders):
            while self.left[i] != 0 and sender.send():
                self.left[i] -= 1
        return not any(self.left)

    def look_for_room(self) -> None:
        for receiver in self.receivers:
            receiver.let_go()
        for sender in self.senders:
            if sender.topic == PLAIN:
                self.slot.figures[ROOM_FOUND] = int(sender.has_all_memory())


def work(board: mmap.mmap, index: int) -> NoReturn:
    slot = Slot(board, index)
    director = WORD.unpack_from(board, 8)[0]
    while os.getppid() != director:  # the process in between is about to end
        if not os.path.exists(f"/proc/{director}"):
            os._exit(0)
        time.sleep(0.0005)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    os.setpgid(0, 0)
    random.seed(slot.seed)
    slot.set(PID, os.getpid())
    code = 0
    try:
        if os.getppid() == director:
            Worker(slot).run()
    except BaseException as error:
        slot.complain(f"error: {type(error).__name__}: {error}")
        code = 1
    os._exit(code)


def main() -> None:
    board = mmap.mmap(BOARD_FD, 0)
    os.write(1, b"r")
    for line in sys.stdin:
        # By way of a process that ends at once, so that the worker becomes a child of bus-cli, which waits for it.
        between = os.fork()
        if between == 0:
            if os.fork() == 0:
                work(board, int(line))
            os._exit(0)
        os.waitpid(between, 0)


main()
