"""The path without a network: datagrams that lie in memory, handed over at the offered rate."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from ..receive import Batch, Counters, Receiver, Where
from .board import SENT_AT, Board
from .pace import Pace
from .train import SLOTS, Train

__all__ = ["Offered"]

_NAP = 0.0005


class Offered(Receiver):
    """Datagrams of a train at the pace that the board asks for; nothing is sent.

    Parameters
    ----------
    board : Board
    train : Train

    Attributes
    ----------
    sent : int
        Datagrams that were due so far; all were handed over.
    sent_at : (SENT_AT,) int64 [ns]
        When each of the last was handed over, by its number.
    """

    name: ClassVar[str] = "replay"
    copies: ClassVar[str] = "none: the datagrams are read where they were prepared"

    def __init__(self, board: Board, train: Train) -> None:
        super().__init__(Where())
        self._train = train
        self.sent_at = np.zeros(SENT_AT, np.int64)  # beside another path, numbers are the sender's
        self._pace = Pace(board, time.monotonic_ns())
        self.sent = self._due = 0

    @property
    def given_up(self) -> int:
        """Datagrams that were due while the consumer was too far behind."""
        return self._pace.given_up

    def _wait(self, timeout: float | None) -> Batch | None:
        until = None if timeout is None else time.monotonic() + timeout
        while not self._due:
            now = time.monotonic_ns()
            self._due = self._pace.due(now)
            if self._due:
                break
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(min(_NAP, self._pace.wait(now)))
        count = min(self._due, SLOTS - self.sent % SLOTS)
        here = self._train.number(self.sent, count)
        first = self.sent % SENT_AT
        self.sent_at[first : first + count] = time.monotonic_ns()
        self.sent += count
        self._due -= count
        table = self._train.table[here]
        return self._lend(self._train.memory, table, int(self._train.sizes[here].sum()))

    def _count(self) -> Counters:
        return Counters(syscalls=0)

    def _close(self) -> None:
        pass
