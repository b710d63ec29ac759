"""Turn what a process posts into what it did lately."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..kernels.arrivals import FIRST_BIT, STEPS
from .bins import BINS, percentile
from .board import COUNTERS, Count, Phase, Row
from .decoding import copies_of
from .sample import NOTHING, PathReading, SenderReading
from .settings import Settings
from .stall import StallMeter

__all__ = ["PathWatch", "SenderWatch", "Window", "bin_of"]

WINDOW = 10  # seconds that histograms look back


class Window:
    """The last seconds of counts that only grow.

    Notes
    -----
    Memory: one row of counts a second, so many as the window has seconds.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[float, NDArray[np.int64]]] = deque(maxlen=WINDOW + 1)
        self._past.append((0.0, np.zeros(BINS, np.int64)))

    def since(self, t: float, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what was counted in the last seconds."""
        if t - self._past[-1][0] >= 1:
            self._past.append((t, counts.copy()))
        return counts - self._past[0][1]


class _Watch:
    def __init__(self, row: Row, pid: int | None) -> None:
        self._row = row
        self.now, self._before = np.zeros((2, COUNTERS), np.int64)
        self._stall = StallMeter(pid)
        self.waited = 0
        self.finished = False

    def look(self) -> float:
        """Read what was posted; return over how many seconds it tells something new, or 0."""
        if self.finished:
            return math.inf
        self.waited += self._stall.look()
        self._before, self.now = self.now, self._before
        self._row.read(self.now)
        passed = float(self.now[Count.AT] - self._before[Count.AT]) / 1e9
        if passed > 0 and self._before[Count.AT]:
            return passed
        if passed <= 0:  # nothing was posted meanwhile
            self.now[:] = self._before
        return 0.0

    def finish(self) -> None:
        """Take what was posted last; figures for each datagram are of the whole run then."""
        self._row.read(self.now)
        self._before[:] = 0
        self.finished = True

    def per(self, count: Count, over: float) -> float:
        """Return by how much a counter grew, divided by something; NaN if nobody knows."""
        if self.now[count] < 0 or over <= 0:
            return NOTHING
        return float(self.now[count] - max(0, int(self._before[count]))) / over

    def total(self, count: Count) -> float:
        """Return a counter; NaN if nobody knows."""
        return NOTHING if self.now[count] < 0 else float(self.now[count])

    def stalled(self, passed: float) -> float:
        """Return the share of the time in which it waited for a processor, and begin anew."""
        share = min(1.0, self.waited / 1e9 / passed)
        self.waited = 0
        return share


class SenderWatch(_Watch):
    """What the sender did lately."""

    reading = SenderReading()

    def take(self, rate: float) -> SenderReading:
        """Return the reading; the last one if nothing new was posted."""
        passed = self.look()
        if passed:
            sent = self.now[Count.SENT] - self._before[Count.SENT]
            self.reading = SenderReading(
                offered=rate or NOTHING,
                sending=self.per(Count.SENT, passed),
                late=self.per(Count.GIVEN_UP, passed),
                sent=self.total(Count.SENT),
                given_up=self.total(Count.GIVEN_UP),
                cpu=self.per(Count.CPU, 1e3 * float(sent)),
                stall=self.stalled(passed),
            )
        return self.reading


class PathWatch(_Watch):
    """What a receiver did lately.

    Parameters
    ----------
    row : Row
    pid : int or None
    settings : Settings
    path : str
    """

    reading = PathReading()

    def __init__(self, row: Row, pid: int | None, settings: Settings, path: str) -> None:
        super().__init__(row, pid)
        self._messages = settings.messages
        self._copies = copies_of(path, settings.pipeline, settings.messages)
        self._latency, self._stalls = Window(), Window()
        self._stalled = np.zeros(BINS, np.int64)
        self.latency, self.stalls = np.zeros((2, BINS), np.int64)

    def take(self, t: float, generation: int) -> PathReading:
        """Return the reading; the last one if nothing new was posted."""
        waited = self.waited
        passed = self.look()
        if passed and self.now[Count.AT]:
            if not self.finished:
                self._stalled[bin_of(self.waited - waited)] += 1
            self.latency = self._latency.since(t, self.now[-BINS:])
            self.stalls = self._stalls.since(t, self._stalled)
            self.reading = self._read(passed)
        self.reading = replace(self.reading, state=self._state(generation))
        return self.reading

    def offered(self, rate: float) -> SenderReading:
        """Return what the path offered to itself, where nobody sends."""
        came = float(self.now[Count.SENT] - self._before[Count.SENT])
        passed = float(self.now[Count.AT] - self._before[Count.AT]) / 1e9
        return SenderReading(
            offered=rate or NOTHING,
            sending=0.0 if self.finished or not passed else came / passed,
            sent=self.total(Count.SENT),
            given_up=self.total(Count.GIVEN_UP),
        )

    def _read(self, passed: float) -> PathReading:
        now, messages = self.now, self._messages
        came = float(now[Count.RECEIVED] - self._before[Count.RECEIVED])
        used, tail, capacity = (
            self.total(each) for each in (Count.USED, Count.TAIL, Count.CAPACITY)
        )
        return PathReading(
            received=came / passed,
            decoded=self.per(Count.MESSAGES, passed),
            dropped=self.per(Count.DROPPED, passed),
            lost=self.per(Count.LOST, passed),
            missing=messages * self.per(Count.MISSING, passed),
            bandwidth=self.per(Count.BYTES, passed),
            cpu=self.per(Count.CPU, 1e3 * came),
            decoding=self.per(Count.DECODING, 1e3 * came),
            syscalls=self.per(Count.SYSCALLS, came),
            copies=self._copies,
            used=used,
            capacity=capacity,
            head=NOTHING if math.isnan(tail) or not capacity else (tail + used) % capacity,
            tail=tail,
            stall=self.stalled(passed),
            median=percentile(self.latency, 0.5) / 1e3,
            p99=percentile(self.latency, 0.99) / 1e3,
            total_received=self.total(Count.RECEIVED),
            total_decoded=self.total(Count.MESSAGES),
            total_dropped=self.total(Count.DROPPED),
            total_lost=self.total(Count.LOST),
            total_missing=messages * self.total(Count.MISSING),
            queued=self.total(Count.QUEUED),
            gaps=self.total(Count.GAPS),
            duplicates=self.total(Count.DUPLICATES),
        )

    def _state(self, generation: int) -> float:
        phase, of = self._row.phase, self._row.generation
        if phase in {Phase.GONE, Phase.REFUSED}:
            return 4
        if phase == Phase.WORKING:
            return 2
        return 3 if phase == Phase.IDLE and of == generation else 1


def bin_of(duration: int) -> int:
    """Return the bin of a duration [ns]; the same as the kernel finds."""
    if duration < 1 << FIRST_BIT:
        return 0
    bit = duration.bit_length() - 1
    return min((bit - FIRST_BIT) * STEPS + (duration >> (bit - 2) & 3), BINS - 1)
