"""Whether the tail of a latency is the path's own, or its queue's, or the machine's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..live.publisher import RATE
from ..traffic import PathReading, edges
from ..traffic.words import share

__all__ = ["stalled", "verdict"]

_ENOUGH = 100  # datagrams, of which the slowest in a hundred is one
_STALLED = 0.05  # share of time from which on a tail may be the machine's
_FULL = 0.5  # share of a buffer from which on a tail is the queue's


def verdict(reading: PathReading, latency: NDArray[np.int64], stalls: NDArray[np.int64]) -> str:
    """Return a sentence on what made the tail; empty if too little was seen.

    Parameters
    ----------
    reading : PathReading
    latency, stalls : (BINS,) int64
        Of a `Sample`.
    """
    if latency.sum() < _ENOUGH:
        return ""
    times = f"Half within {_time(reading.median)}, 99 % within {_time(reading.p99)}. "
    waited, longest = stalled(stalls), _longest(stalls)
    full = reading.used / reading.capacity if reading.capacity > 0 else 0.0
    if reading.dropped > 0 or reading.lost > 0 or full > _FULL:
        how = f"is {share(full)} full" if full > _FULL else "overflows"
        return f"{times}The queue makes it: the buffer {how}, and each waits for all before it."
    if waited >= _STALLED and longest >= reading.p99 / 2:
        return (
            f"{times}The machine makes the tail, not the path: it let the receiver wait "
            f"{share(waited)} of the time."
        )
    much = share(waited) if waited else "none"
    return (
        f"{times}The tail is the path’s own: the machine let the receiver wait {much} of the time."
    )


def _longest(stalls: NDArray[np.int64]) -> float:
    # Microseconds: of all samples, the longest wait.
    (some,) = np.nonzero(stalls[1:])
    return float(edges()[some[-1] + 2]) / 1e3 if len(some) else 0.0


def stalled(stalls: NDArray[np.int64]) -> float:
    """Return the share of the time in which the receiver was ready and had no processor."""
    samples = int(stalls.sum())
    if not samples:
        return 0.0
    waited = float(stalls[1:] @ edges()[1:-1]) / 1e9
    return min(1.0, waited * RATE / samples)


def _time(micros: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if micros >= size:
            return f"{micros / size:.3g} {unit}"
    return f"{micros:.3g} µs"
