"""What numbered datagrams tell when they arrive: what is missing, how long each was under way."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any

from numpy.typing import NDArray

from ._jit import inner, jit
from .loads import u64
from .messages import DATAGRAM

__all__ = ["ARRIVED", "BINS", "FIRST_BIT", "STEPS", "note_arrivals"]

Array = NDArray[Any]

FIRST_BIT = 8
"""The first bin begins at two to the power of this [ns]."""
STEPS = 4
"""Bins for each doubling."""
BINS = 26 * STEPS
"""Bins of a histogram: up to 17 s."""


class ARRIVED(IntEnum):
    """What is counted."""

    NEXT = 0  # the number that the next datagram should have
    GAPS = auto()
    MISSING = auto()  # datagrams
    DUPLICATES = auto()


_NEXT, _GAPS, _MISSING = int(ARRIVED.NEXT), int(ARRIVED.GAPS), int(ARRIVED.MISSING)
_DUPLICATES = int(ARRIVED.DUPLICATES)
_START, _STOP = int(DATAGRAM.START), int(DATAGRAM.STOP)
_FIRST_BIT, _STEPS, _BINS = FIRST_BIT, STEPS, BINS


@inner
def _bin(duration: int) -> int:
    # The place of the highest bit, and the two bits after it.
    if duration < 1 << _FIRST_BIT:
        return 0
    bit, rest = _FIRST_BIT, duration >> _FIRST_BIT
    while rest > 1:
        rest >>= 1
        bit += 1
    return min((bit - _FIRST_BIT) * _STEPS + (duration >> (bit - 2) & 3), _BINS - 1)


@jit
def note_arrivals(
    data: Array,
    datagrams: Array,
    sequence: int,
    messages: int,
    sent_at: Array,
    now: int,
    each: int,
    arrived: Array,
    histogram: Array,
) -> None:
    """Count datagrams that carry running numbers.

    Parameters
    ----------
    data : (n_bytes,) uint8
    datagrams : (n, 5) int64
        See `DATAGRAM`.
    sequence : int [bytes]
        Where in a datagram the number of its first message stands, 8 bytes, big-endian.
    messages : int
        In each datagram; the first one's first message has the number 1.
    sent_at : (a power of two,) int64 [ns]
        When each was sent, by its number modulo the length.
    now : int [ns]
        When the consumer got to the first of these, by the same clock.
    each : int [ns]
        What it spends on each.
    arrived : (len(ARRIVED),) int64
        Counted up.
    histogram : (BINS,) int64
        Counted up.
    """
    last = len(sent_at) - 1
    for row in range(len(datagrams)):
        start = datagrams[row, _START]
        now += each
        if datagrams[row, _STOP] - start < sequence + 8:
            continue
        number = (u64(data, start + sequence, True) - 1) // messages
        if number < 0:
            continue
        due = arrived[_NEXT]
        if number < due:
            arrived[_DUPLICATES] += 1
            continue
        if number > due:
            arrived[_GAPS] += 1
            arrived[_MISSING] += number - due
        arrived[_NEXT] = number + 1
        histogram[_bin(now - sent_at[number & last])] += 1
