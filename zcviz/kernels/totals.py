"""Sums per security over columns, modulo 2**64, with overflow flagged."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._jit import jit

__all__ = ["MASK", "SHARES", "add_totals", "first_seen"]

Column = NDArray[Any]
MASK = 0xFFFF_FFFF_FFFF_FFFF
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
    adds: int,
    total: Column,
    notional: Column,
    last: Column,
    last_at: Column,
    overflow: Column,
) -> None:
    """Add the messages of one type to the totals, arrays with one entry a stock locate.

    `prices` and `printable` may be empty where `adds` says they are not looked at. Types come one
    after another though their messages are mixed in the feed, so `last_at` keeps the offset of the
    message that set `last`: later in the feed is further on.
    """
    for i in range(len(locates)):
        where = locates[i]
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
        if adds != NOTIONAL and offsets[i] > last_at[where]:
            last[where] = price
            last_at[where] = offsets[i]


@jit
def first_seen(locates: Column, offsets: Column, first: Column) -> None:
    """Lower ``first[locate]`` to the smallest offset of a message that has the locate."""
    for i in range(len(locates)):
        if offsets[i] < first[locates[i]]:
            first[locates[i]] = offsets[i]
