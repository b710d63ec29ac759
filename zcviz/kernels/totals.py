"""Sums per security over columns, modulo 2**64, with overflow flagged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import jit

__all__ = ["MASK", "NEVER", "SHARES", "add_times", "add_totals", "first_seen"]

Column = NDArray[Any]
MASK = 0xFFFF_FFFF_FFFF_FFFF
NEVER = 0x7FFF_FFFF_FFFF_FFFF
YES = ord("Y")

SHARES, NOTIONAL, TRADE, IF_PRINTABLE = 0, 1, 2, 3
"""What a message type adds: shares; and notional; and the last trade; the latter if printable."""


@jit
def add_totals(
    locates: Column,
    shares: Column,
    prices: Column,
    printable: Column,
    offsets: Column,
    before: int,
    adds: int,
    total: Column,
    notional: Column,
    last: Column,
    last_at: Column,
    overflow: Column,
    named: Column,
) -> None:
    """Add the messages of one type to the totals, arrays with one entry a stock locate.

    `prices` and `printable` may be empty where `adds` says they are not looked at. Types come one
    after another though their messages are mixed in the feed, so `last_at` keeps the place of the
    message that set `last`: later in the feed is further on. Places are offsets plus `before`, for
    in memory that is used again later need not be further on.
    """
    for i in range(len(locates)):
        where = locates[i]
        named[where] = 1
        size = shares[i]
        total_now = (total[where] + size) & MASK
        if total_now < size:
            overflow[where] = 1
        total[where] = total_now
        if adds == SHARES or (adds == IF_PRINTABLE and printable[i] != YES):
            continue
        price = prices[i]
        product = (size * price) & MASK
        # Only eight-byte shares can overflow here: two 32-bit factors fit into 64 bits.
        if size > 0xFFFFFFFF and price != 0 and product // price != size:
            overflow[where] = 1
        sum_now = (notional[where] + product) & MASK
        if sum_now < product:
            overflow[where] = 1
        notional[where] = sum_now
        place = np.int64(offsets[i]) + before
        if adds != NOTIONAL and place > last_at[where]:
            last[where] = price
            last_at[where] = place


@jit
def first_seen(
    locates: Column, offsets: Column, before: int, first: Column, new: Column, known: int
) -> int:
    """Lower ``first[locate]`` to the smallest place of a message that has the locate.

    Parameters
    ----------
    locates : (n,) uint16
    offsets : (n,) unsigned
    before : int
        What makes a place of an offset, see `add_totals`.
    first : (65536,) int64
        `NEVER` where no message had the locate so far.
    new : (65536,) uint16
        Filled from `known` on with the locates that are met for the first time.
    known : int

    Returns
    -------
    int
        How many locates stand in `new` now.
    """
    for i in range(len(locates)):
        where = locates[i]
        place = np.int64(offsets[i]) + before
        if first[where] == NEVER:
            new[known] = where
            known += 1
        if place < first[where]:
            first[where] = place
    return known


@jit
def add_times(times: Column, span: Column) -> None:
    """Stretch ``span``, the smallest and the largest so far, by some more.

    Both are (n,) and (2,) of the same type; a span of which the second is less is of none.
    """
    first, last = span[0], span[1]
    for i in range(len(times)):
        time = times[i]
        if time < first:
            first = time
        if time > last:
            last = time
    span[0], span[1] = first, last
