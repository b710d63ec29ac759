"""When each datagram is due.

A *slot* is a datagram's place in the feed, counted on over all rounds: of n datagrams, the first
one of the second round has slot n. Times are nanoseconds since the slot that a pace starts with.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fixed", "Pace", "Recorded"]

Ints = NDArray[np.int64]

_SECOND = 10**9
_PAUSE = 1_000_000  # ns, at least, between two rounds at recorded pace
_NEVER = 1 << 62  # ns, or datagrams: more fits into no run, but still into a word


class Pace(Protocol):
    """What says when datagrams are due.

    Attributes
    ----------
    start : int
        The slot that is due at 0.
    paced : bool
        Whether there is anything to be late for.
    """

    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def paced(self) -> bool: ...  # noqa: D102

    def due(self, slots: Ints) -> Ints:
        """Return when slots are due: (n,) int64 [ns]."""

    def ready(self, elapsed: int) -> int:
        """Return the first slot that is not yet due after so many nanoseconds."""


def _whole(when: NDArray[np.floating[Any]]) -> Ints:
    due: Ints = np.ceil(np.minimum(when, _NEVER)).astype(np.int64)
    return due


@dataclass(frozen=True)
class Fixed:
    """A fixed rate.

    Attributes
    ----------
    rate : float [datagrams/s]
        Infinity: all at once.
    burst : int
        How many go out back to back, at the same rate on average.
    start : int
    """

    rate: float
    burst: int = 1
    start: int = 0

    @property
    def paced(self) -> bool:
        """Whether there is anything to be late for."""
        return math.isfinite(self.rate)

    def due(self, slots: Ints) -> Ints:
        """Return when slots are due: (n,) int64 [ns]."""
        trains = (np.asarray(slots) - self.start) // self.burst
        return _whole(trains * (self.burst * _SECOND / self.rate))

    def ready(self, elapsed: int) -> int:
        """Return the first slot that is not yet due after so many nanoseconds."""
        if not self.paced:
            return sys.maxsize
        trains = math.floor(min(elapsed * self.rate / _SECOND / self.burst, _NEVER)) + 1
        return self.start + trains * self.burst


class Recorded:
    """The pace of the recording, or a multiple of it.

    Parameters
    ----------
    times : (n,) int64 [ns]
        When each datagram was captured; never decreasing.
    factor : float
        How many times as fast.
    start : int
    """

    paced = True

    def __init__(self, times: Ints, factor: float = 1.0, start: int = 0) -> None:
        self.start, self.factor = start, factor
        self._since = times - times[0]
        span, n = int(self._since[-1]), len(times)
        # The next round follows the last datagram as one follows another.
        self._round = span + max(span // max(n - 1, 1), _PAUSE)
        self._before = 0
        self._before = int(self._recorded(np.array([start]))[0])

    def _recorded(self, slots: Ints) -> Ints:
        rounds, at = np.divmod(slots, len(self._since))
        when: Ints = rounds * self._round + self._since[at] - self._before
        return when

    def due(self, slots: Ints) -> Ints:
        """Return when slots are due: (n,) int64 [ns]."""
        return _whole(self._recorded(np.asarray(slots)) / self.factor)

    def ready(self, elapsed: int) -> int:
        """Return the first slot that is not yet due after so many nanoseconds."""
        rounds, rest = divmod(int(elapsed * self.factor) + self._before, self._round)
        return rounds * len(self._since) + int(np.searchsorted(self._since, rest, "right"))
