"""Datagrams that follow one another: in memory, and by their numbers."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import jit
from .loads import u8, u64
from .messages import DATAGRAM, KEPT

__all__ = ["RECENT", "STATE", "follow", "run_of"]

Array = NDArray[Any]


class STATE(IntEnum):
    """What is known of a channel, as positions in an array of uint64."""

    OPEN = 0
    """Whether there is a next number: 1 or 0."""
    NEXT = auto()
    PROMISED = auto()
    """The number that the newest heartbeat says is the next."""
    UNSEQUENCED = auto()
    SEEN = auto()
    """How many datagrams brought numbers."""
    BEFORE_IP = auto()


class RECENT(IntEnum):
    """What is kept of a datagram that came lately, as columns of uint64."""

    FIRST = 0
    NUMBERS = auto()
    SIZE = auto()
    TAIL = auto()
    """Its last eight bytes."""


_OPEN, _NEXT, _PROMISED = int(STATE.OPEN), int(STATE.NEXT), int(STATE.PROMISED)
_UNSEQUENCED, _SEEN, _BEFORE = int(STATE.UNSEQUENCED), int(STATE.SEEN), int(STATE.BEFORE_IP)
_FIRST, _NUMBERS = int(RECENT.FIRST), int(RECENT.NUMBERS)
_RECENT_SIZE, _TAIL = int(RECENT.SIZE), int(RECENT.TAIL)
_DATAGRAM, _SEQUENCE, _BLOCKS = int(KEPT.START), int(KEPT.SEQUENCE), int(KEPT.BLOCKS)
_BEFORE_IP, _SIZE = int(KEPT.BEFORE_IP), int(KEPT.SIZE)
_RECORD, _IP = int(DATAGRAM.RECORD), int(DATAGRAM.IP)
_START, _STOP, _FULL = int(DATAGRAM.START), int(DATAGRAM.STOP), int(DATAGRAM.FULL)

_MOST = 0xFFFF  # numbers that a datagram can bring
_TOP = 0xFFFF_FFFF_FFFF_FFFF - _MOST
_WORD = 8


@jit
def run_of(table: Array, at: int, size: int) -> int:
    """Return where the datagrams stop to lie one after another, from row `at` on.

    A row that says what cannot be, in memory of `size` bytes, is returned as ``-1 - row``.
    """
    end = 0
    for i in range(at, len(table)):
        start, stop = table[i, _START], table[i, _STOP]
        if i > at and start < end:
            return i
        first, before = table[i, _RECORD], table[i, _IP]
        nested = 0 <= first <= before <= start <= stop <= size and stop <= table[i, _FULL]
        if not nested or start - first > _MOST or stop - start > _MOST:
            return -1 - i
        end = stop
    return len(table)


@jit
def follow(
    data: Array,
    kept: Array,
    rows: int,
    row: int,
    last: int,
    numbers_packets: bool,
    unsequenced: int,
    by_address: bool,
    places: Array,
    name: Array,
    state: Array,
    recent: Array,
) -> int:
    """Take in datagrams `row` to `last` as long as each is the next of its channel.

    Parameters
    ----------
    data : (n_bytes,) uint8
    kept : (7 * rows,) uint64
        Columns as `scan_datagrams` fills them.
    numbers_packets : bool
        Whether a datagram brings one number, or as many as it has messages.
    unsequenced : int
        The number that means none; -1 where there is no such.
    by_address : bool
        Whether the IP header says which channel it is: then it is where that of the channel is.
    places : (k,) int64
        Where the name of the channel stands, from the start of a datagram.
    name : (k,) uint8
    state : (len(STATE),) uint64
        Brought up to date.
    recent : (m, 4) uint64
        Filled in turns; see `RECENT`.

    Returns
    -------
    int
        Where it stopped: `last`, or a datagram of another channel, or not the next of this one.
    """
    for i in range(row, last):
        if by_address and kept[_BEFORE_IP * rows + i] != state[_BEFORE]:
            return i
        start: Any = np.int64(kept[_DATAGRAM * rows + i])
        for j in range(len(places)):
            if u8(data, start + places[j], False) != name[j]:
                return i
        sequence = kept[_SEQUENCE * rows + i]
        if unsequenced >= 0 and sequence == np.uint64(unsequenced):
            state[_UNSEQUENCED] += np.uint64(1)
            continue
        numbers = np.uint64(1) if numbers_packets else kept[_BLOCKS * rows + i]
        if numbers == 0:
            state[_PROMISED] = sequence
            continue
        if state[_OPEN] == 0 or sequence != state[_NEXT] or sequence > _TOP:
            return i
        size = kept[_SIZE * rows + i]
        slot = np.int64(state[_SEEN] % np.uint64(len(recent)))
        recent[slot, _FIRST], recent[slot, _NUMBERS] = sequence, numbers
        recent[slot, _RECENT_SIZE] = size
        recent[slot, _TAIL] = u64(data, start + np.int64(size) - _WORD, False)
        state[_SEEN] += np.uint64(1)
        state[_NEXT] = sequence + numbers
    return last
