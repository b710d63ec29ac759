"""What a receiver's process does during a run: receive, decode, spend the wanted delay, count."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from .. import receive
from ..errors import ZcvizError
from ..kernels.arrivals import ARRIVED, note_arrivals
from ..live.worker import explain
from ..receive import Batch, Receiver
from .bins import BINS
from .board import COUNTERS, SENDER, Board, Count, Phase
from .decoding import decoder_named
from .offered import Offered
from .sending import HOST
from .settings import Settings
from .train import SEQUENCE, Train

__all__ = ["Receiving"]

_POST = 10_000_000  # ns between two posts
_WAIT = 0.01  # seconds for which a path waits for datagrams
_DRAIN = 0.1  # seconds in which what still waits in the buffer is decoded, then only counted
_SLOTS = 64
_BLOCK = 1 << 16  # bytes of a ring's block: few datagrams, or at low rates most of it stays empty
_SENDER_ENDS = 0.1  # seconds


class Receiving:
    """One receive path during a run.

    Parameters
    ----------
    board : Board
    number : int
        Its row on the board.
    stock : sequence of bytes
        Messages, for the path that needs no sender.
    """

    def __init__(self, board: Board, number: int, stock: Sequence[bytes]) -> None:
        self._board, self._row, self._number = board, board.rows[number], number
        self._stock = stock
        self._counters = np.zeros(COUNTERS, np.int64)
        self._histogram = self._counters[-BINS:]
        self._arrived = np.zeros(len(ARRIVED), np.int64)
        self._receiver: Receiver | None = None

    def warm_up(self) -> None:
        """Do once what would take long the first time: compile, and load the usual classes."""
        train = Train(self._stock, 2)
        train.number(0, 3)
        batch = Batch(train.memory, train.table[:3], 100)
        for pipeline in ("copying", "flyweight", "columnar"):
            decoder_named(pipeline)(batch)
        sent_at = np.ones_like(self._board.sent_at)
        note_arrivals(
            batch.memory, batch.table, SEQUENCE, 2, sent_at, 1, 0, self._arrived, self._histogram
        )
        for name in ("udp.recv_into", "udp.recvmmsg", "packet.ring_v3"):
            with _Passing():
                receive.path_named(name)

    def run(self, generation: int) -> None:
        """Receive until the run ends, then what is still on its way."""
        if not self.begin(generation):
            return
        try:
            while self._board.goes_on(generation):
                self.turn(_WAIT)
            self._drain(generation)
        finally:
            self.finish()

    def begin(self, generation: int) -> bool:
        """Open the path; say on the board how that went."""
        settings = self._board.settings
        if self._number > len(settings.paths):
            return False
        self._counters[:] = 0
        self._arrived[:] = 0
        for name in ("DROPPED", "LOST", "SYSCALLS", "USED", "CAPACITY", "TAIL", "QUEUED"):
            self._counters[Count[name]] = -1
        self._messages_each = settings.messages
        self._received = self._bytes = self._messages = 0
        self._cpu = self._decoding = self._posted = self._queued = 0
        self._generation = generation
        try:
            self._decode = decoder_named(settings.pipeline)
            self._receiver = self._open(settings)
        except (OSError, ZcvizError, ImportError) as error:
            number = (error.errno if isinstance(error, OSError) else 0) or 0
            self._row.refuse(generation, _explained(error), number)
            return False
        receiver = self._receiver
        self._sent_at = receiver.sent_at if isinstance(receiver, Offered) else self._board.sent_at
        self._post()
        self._row.remark(getattr(receiver, "clamped", ""))
        self._row.enter(Phase.WORKING, generation, receiver.address[1])
        return True

    def _open(self, settings: Settings) -> Receiver:
        path = settings.paths[self._number - 1]
        if path == "replay":
            train = Train(self._stock, settings.messages, settings.payload)
            return Offered(self._board, train)
        blocks = 64 if settings.buffer is None else max(2, settings.buffer // _BLOCK)
        return receive.open(
            path, host=HOST, buffer=settings.buffer, slots=_SLOTS, block=_BLOCK, blocks=blocks
        )

    def turn(self, wait: float, *, delayed: bool = True) -> bool:
        """Take what comes within `wait` seconds; return whether anything did."""
        assert self._receiver is not None
        clock = time.thread_time_ns
        before = clock()
        batch = self._receiver.receive(wait)
        after = clock()
        self._cpu += after - before
        if batch is not None:
            self._messages += self._decode(batch)
            took = clock() - after
            self._cpu += took
            self._decoding += took
            self._note(batch, self._board.delay if delayed else 0.0)
        if time.monotonic_ns() - self._posted > _POST:
            self._post()
        return batch is not None

    def _note(self, batch: Batch, delay: float) -> None:
        now, each = time.monotonic_ns(), int(1000 * delay)
        note_arrivals(
            batch.memory, batch.table, SEQUENCE, self._messages_each, self._sent_at, now,
            each, self._arrived, self._histogram,
        )  # fmt: skip
        self._received += len(batch)
        self._bytes += batch.nbytes
        if each:
            self._spin(now + each * len(batch))

    def _spin(self, until: int) -> None:
        # What a slow consumer does. It is not charged to the path, and ends with the run.
        while (now := time.monotonic_ns()) < until and self._board.goes_on(self._generation):
            if now - self._posted > _POST:
                self._post()

    def _drain(self, generation: int) -> None:
        sender = self._board.rows[SENDER]
        until = time.monotonic() + _SENDER_ENDS
        while sender.is_at(Phase.WORKING, generation) and time.monotonic() < until:
            self.turn(0.001, delayed=False)
        if isinstance(self._receiver, Offered):
            return
        until = time.monotonic() + _DRAIN
        while self.turn(2 * _WAIT, delayed=False):
            if time.monotonic() > until:
                self._count_the_rest(until + _DRAIN)
                return

    def _count_the_rest(self, until: float) -> None:
        # What takes too long to decode.
        assert self._receiver is not None
        while time.monotonic() < until and (batch := self._receiver.receive(0)) is not None:
            self._queued += len(batch)

    def finish(self) -> None:
        """Post what was counted for the last time, and close the path."""
        if self._receiver is not None:
            self._counters[Count.QUEUED] = self._queued
            self._post()
            del self._decode  # its flyweights still look into the path's memory
            self._receiver.close()
            self._receiver = None

    def _post(self) -> None:
        receiver, counters = self._receiver, self._counters
        assert receiver is not None
        known = receiver.counters
        if isinstance(receiver, Offered):
            counters[Count.SENT], counters[Count.GIVEN_UP] = receiver.sent, receiver.given_up
        counters[Count.RECEIVED], counters[Count.BYTES] = self._received, self._bytes
        counters[Count.MESSAGES] = self._messages
        counters[Count.CPU], counters[Count.DECODING] = self._cpu, self._decoding
        for count, value in (
            (Count.DROPPED, known.dropped),
            (Count.LOST, known.lost),
            (Count.SYSCALLS, known.syscalls),
        ):
            counters[count] = -1 if value is None else value
        full = receiver.occupancy()
        if full is not None:
            counters[Count.USED : Count.TAIL + 1] = full
        arrived = self._arrived
        counters[Count.GAPS : Count.DUPLICATES + 1] = arrived[ARRIVED.GAPS :]
        counters[Count.AT] = self._posted = time.monotonic_ns()
        self._row.post(counters)


class _Passing:
    # A path that cannot be loaded is a refusal when it is asked for.
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, Exception)


def _explained(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.removesuffix(".")
    return explain(error)
