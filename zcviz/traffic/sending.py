"""What the sender's process does during a run."""

from __future__ import annotations

import contextlib
import ctypes
import sys
import time
from collections.abc import Sequence

import numpy as np

from .board import COUNTERS, RECEIVERS, SENDER, SENT_AT, Board, Count, Phase, Row
from .pace import Pace
from .shooting import Shooter
from .train import SLOTS, Train

__all__ = ["Sending"]

HOST = "127.0.0.1"
_POST = 10_000_000  # ns between two posts
_OPENING = 3.0  # seconds for which it waits for paths to open, once their processes are ready
_NAP = 0.002
_PR_SET_TIMERSLACK = 29  # linux/prctl.h


class Sending:
    """Send a train at the wanted pace to all receivers that are there.

    Parameters
    ----------
    board : Board
    stock : sequence of bytes
        Messages to send.
    """

    def __init__(self, board: Board, stock: Sequence[bytes]) -> None:
        self._board, self._row, self._stock = board, board.rows[SENDER], stock
        self._counters = np.zeros(COUNTERS, np.int64)
        _sleep_exactly()

    def warm_up(self) -> None:
        """Do once what would take long the first time."""
        Shooter(Train(self._stock, 1), [(HOST, 9)]).close()

    def run(self, generation: int) -> None:
        """Send until the run ends."""
        settings = self._board.settings
        self._counters[:] = 0
        self._train = Train(self._stock, settings.messages, settings.payload)
        ports = self._wait_for_paths(generation, len(settings.paths))
        self._row.enter(Phase.WORKING, generation)
        began = time.thread_time_ns()
        while self._board.goes_on(generation):
            if ports:
                shooter = Shooter(self._train, [(HOST, port) for port in ports])
                with contextlib.closing(shooter):
                    self._send(generation, shooter, ports, began)
            else:
                time.sleep(_NAP)
            ports = self._ports(generation)
        self._post(began)

    def _ports(self, generation: int) -> list[int]:
        rows = (self._board.rows[number] for number in RECEIVERS)
        return [row.port for row in rows if row.is_at(Phase.WORKING, generation) and row.port]

    def _wait_for_paths(self, generation: int, paths: int) -> list[int]:
        rows = [self._board.rows[number] for number in RECEIVERS[:paths]]
        until = time.monotonic() + _OPENING
        while time.monotonic() < until and self._board.goes_on(generation):
            if all(_is_settled(row, generation) for row in rows):
                break
            if any(row.phase == Phase.STARTING for row in rows):
                until = time.monotonic() + _OPENING
            time.sleep(_NAP)
        return self._ports(generation)

    def _send(self, generation: int, shooter: Shooter, ports: list[int], began: int) -> None:
        # Until the run ends or the receivers are others.
        counters, sent_at, train = self._counters, self._board.sent_at, self._train
        pace, looked = Pace(self._board, time.monotonic_ns()), 0
        sent, given_up = int(counters[Count.SENT]), int(counters[Count.GIVEN_UP])
        while True:
            now = time.monotonic_ns()
            if now - looked > _POST:
                looked = now
                counters[Count.SENT], counters[Count.GIVEN_UP] = sent, given_up + pace.given_up
                self._post(began)
                if not self._board.goes_on(generation) or self._ports(generation) != ports:
                    return
            due = pace.due(now)
            while due > 0:
                count = min(due, SLOTS - sent % SLOTS)
                here = train.number(sent, count)
                first = sent % SENT_AT
                sent_at[first : first + count] = time.monotonic_ns()
                shooter.shoot(here)
                sent += count
                due -= count
            if wait := pace.wait(time.monotonic_ns()):
                time.sleep(wait)

    def _post(self, began: int) -> None:
        self._counters[Count.AT] = time.monotonic_ns()
        self._counters[Count.CPU] = time.thread_time_ns() - began
        self._row.post(self._counters)


def _is_settled(row: Row, generation: int) -> bool:
    # Whether it has opened its path, or never will.
    opened = row.is_at(Phase.WORKING, generation) or row.is_at(Phase.REFUSED, generation)
    return opened or row.phase == Phase.GONE


def _sleep_exactly() -> None:
    # The system would wake a sleeper up to 50 µs late, to save wakings: several datagrams' time.
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
