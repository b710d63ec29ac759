"""The open orders of every security, in one hash table that events move along.

An *event* is a row of numbers that no longer tells what message it was. Orders are found by
reference and security: open addressing, linear probing, a row of 32 bytes each. An order that
leaves is closed up behind, so the table holds nothing that is gone. Where a reference hashes to
depends on two random numbers of the caller's, so no file can be written whose references collide.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import COMPILED, inner, jit
from .simd import load, prefetch, reversed_bytes

__all__ = [
    "COUNTS",
    "EVENT",
    "MOVE",
    "ORDER",
    "SLOT",
    "Kind",
    "follow_orders",
    "read_events",
    "rehash_orders",
    "slot",
]

Array = NDArray[Any]


class Kind(IntEnum):
    """What an event does to a book; `follow_orders` knows the first four."""

    ADD = 1
    REDUCE = 2
    REMOVE = 3
    REPLACE = 4
    LEVEL = 5
    CLEAR = 6


_ADD, _REDUCE, _REPLACE = int(Kind.ADD), int(Kind.REDUCE), int(Kind.REPLACE)

EVENT = KIND, SECURITY, REFERENCE, SIDE, SHARES, PRICE, NEW = 0, 1, 2, 3, 4, 5, 6
"""Columns of an event. A side is 0 for bids, 1 for asks, 2 for neither; `NEW` is a reference."""

SLOT = WORD, SHIFT, MASK, VALUE = 0, 1, 2, 3
"""How to get a column out of a message: which eight bytes, in them how far right, which bits of
that; and what to add where the message does not say."""

ORDER = KEY, AT, OWNER, OPEN = 0, 1, 2, 3
"""Columns of an order: reference, price, security, twice the open shares plus the side."""

COUNTS = LIVE, DUPLICATE, DANGLING, OVERDRAWN, INVALID = 0, 1, 2, 3, 4
"""What is counted: live orders, and whatever a correct feed does not do."""

MOVE = PLACE, LIMIT, DELTA = 0, 1, 2
"""Columns of a change of a level: twice the security plus the side, price, shares."""

_AHEAD = 8  # events between asking for an order's row and looking at it


def read_events(
    data: Array, offsets: Array, tags: Array, layouts: Array, sides: Array, order: str,
    wanted: Array, events: Array,
) -> int:  # fmt: skip
    """Write down the events of some messages, and leave out what says nothing of a book.

    Parameters
    ----------
    data : (n_bytes,) uint8
    offsets, tags : (n,) unsigned
        Of the messages; a tag is below 256.
    layouts : (256, len(EVENT), len(SLOT)) int64
        By tag, how to get each column. A kind of 0 is no event; the word that the kind is taken
        from must be the last that lies in the message.
    sides : (256,) uint8
        Side by its code on the wire.
    order : {">", "<"}
        Byte order of the feed.
    wanted : (n_securities,) int64
        Sorted; leave out the messages that name another security. None of them: leave out none.
    events : (n, len(EVENT)) int64
        Filled from the front.

    Returns
    -------
    int
        How many events there are.
    """
    at = offsets.astype(np.int64)
    if COMPILED:
        return _read_events(data, at, tags, layouts, sides, order == ">", wanted, events)
    slots = layouts[tags]
    known = slots[:, KIND, VALUE] != 0
    known &= at + slots[:, KIND, WORD] + 8 <= len(data)
    slots = slots[known]
    # The eight bytes that start at each byte, as a number.
    words = np.ndarray(max(0, len(data) - 7), f"{order}i8", data, strides=(1,))
    found = words[at[known, None] + slots[:, :, WORD]]
    found = found >> slots[:, :, SHIFT] & slots[:, :, MASK] | slots[:, :, VALUE]
    if len(wanted):
        found = found[np.isin(found[:, SECURITY], wanted) | (slots[:, SECURITY, MASK] == 0)]
    events[: len(found)] = found
    events[: len(found), SIDE] = sides[found[:, SIDE]]
    return len(found)


@inner
def _column(data: Array, at: int, layouts: Array, tag: int, column: int, big: bool) -> int:
    word = load(data, at + layouts[tag, column, WORD])
    if big:
        word = reversed_bytes(word)
    word = word >> layouts[tag, column, SHIFT] & layouts[tag, column, MASK]
    return word | layouts[tag, column, VALUE]  # type: ignore[no-any-return]


@inner
def _is_among(wanted: Array, number: int) -> bool:
    low, high = 0, len(wanted)
    while low < high:
        middle = (low + high) >> 1
        if wanted[middle] < number:
            low = middle + 1
        else:
            high = middle
    return low < len(wanted) and wanted[low] == number


@jit
def _read_events(
    data: Array, offsets: Array, tags: Array, layouts: Array, sides: Array, big: bool,
    wanted: Array, events: Array,
) -> int:  # fmt: skip
    count = 0
    for i in range(len(offsets)):
        tag = tags[i]
        at = offsets[i]
        if layouts[tag, KIND, VALUE] == 0 or at + layouts[tag, KIND, WORD] + 8 > len(data):
            continue
        if len(wanted) and layouts[tag, SECURITY, MASK] != 0:
            security = _column(data, at, layouts, tag, SECURITY, big)
            if not _is_among(wanted, security):
                continue
        for column in range(len(EVENT)):
            events[count, column] = _column(data, at, layouts, tag, column, big)
        events[count, SIDE] = sides[events[count, SIDE]]
        count += 1
    return count


@inner
def slot(number: int, one: int, two: int, mask: int) -> int:
    """Return where in a table of ``mask + 1`` rows, below 2**31, to look for a number first.

    Each product carries low bits up, each shift brings them down again; with fewer rounds, some
    regular sequences of numbers crowd together. Plain Python, whose products do not overflow, finds
    the same, for what machine code loses is cut off here.
    """
    mixed = number * one >> 1 & 0x7FFF_FFFF_FFFF_FFFF
    mixed = (mixed ^ mixed >> 32) * two & 0x7FFF_FFFF_FFFF_FFFF
    return (mixed ^ mixed >> 32) * one >> 32 & mask


@inner
def _home(reference: int, security: int, one: int, two: int, mask: int) -> int:
    return slot(reference ^ security * two, one, two, mask)


@inner
def _find(orders: Array, reference: int, security: int, one: int, two: int) -> int:
    # The row of an order; where there is none, -1 minus the row that it would get.
    mask = len(orders) - 1
    at = _home(reference, security, one, two, mask)
    while orders[at, OPEN] != 0:
        if orders[at, KEY] == reference and orders[at, OWNER] == security:
            return at
        at = (at + 1) & mask
    return -1 - at


@inner
def _put(orders: Array, at: int, key: int, price: int, owner: int, opened: int) -> None:
    orders[at, KEY] = key
    orders[at, AT] = price
    orders[at, OWNER] = owner
    orders[at, OPEN] = opened


@inner
def _take_out(orders: Array, hole: int, one: int, two: int) -> None:
    # Rows behind move up into the hole, but none to before where looking for it begins.
    mask = len(orders) - 1
    at = (hole + 1) & mask
    while orders[at, OPEN] != 0:
        key, owner = orders[at, KEY], orders[at, OWNER]
        if (at - _home(key, owner, one, two, mask)) & mask >= (at - hole) & mask:
            _put(orders, hole, key, orders[at, AT], owner, orders[at, OPEN])
            hole = at
        at = (at + 1) & mask
    orders[hole, OPEN] = 0


@inner
def _add(
    orders: Array, reference: int, security: int, side: int, shares: int, price: int, one: int,
    two: int, counts: Array,
) -> bool:  # fmt: skip
    if side > 1 or shares == 0:
        counts[INVALID] += 1
        return False
    at = _find(orders, reference, security, one, two)
    if at >= 0:
        counts[DUPLICATE] += 1
        return False
    _put(orders, -1 - at, reference, price, security, shares << 1 | side)
    counts[LIVE] += 1
    return True


@inner
def _move(moves: Array, moved: int, place: int, price: int, delta: int) -> int:
    if not len(moves):
        return 0
    moves[moved, PLACE] = place
    moves[moved, LIMIT] = price
    moves[moved, DELTA] = delta
    return moved + 1


@jit
def follow_orders(
    events: Array, start: int, orders: Array, one: int, two: int, counts: Array, moves: Array
) -> tuple[int, int]:
    """Apply events, from `start` until the last or until the table of orders is a third full.

    Parameters
    ----------
    events : (n, len(EVENT)) int64
    start : int
    orders : (a power of two, len(ORDER)) int64
        A row without open shares is free.
    one, two : int
        Random odd numbers; the same ones as long as the orders live.
    counts : (len(COUNTS),) int64
        Counted up.
    moves : (2 n, len(MOVE)) int64
        Filled with what becomes of the levels; with no rows, not.

    Returns
    -------
    tuple of int
        Where it stopped, and how many changes of levels it wrote.
    """
    moved = 0
    mask = len(orders) - 1
    for i in range(start, len(events)):
        if counts[LIVE] >= len(orders) // 3:
            return i, moved
        if i + _AHEAD < len(events):
            soon = events[i + _AHEAD, REFERENCE], events[i + _AHEAD, SECURITY]
            prefetch(orders, _home(soon[0], soon[1], one, two, mask) * 32)
        kind, security, reference = events[i, KIND], events[i, SECURITY], events[i, REFERENCE]
        side, shares, price = events[i, SIDE], events[i, SHARES], events[i, PRICE]
        if kind != _ADD:
            at = _find(orders, reference, security, one, two)
            if at < 0:
                counts[DANGLING] += 1
                continue
            side = orders[at, OPEN] & 1
            gone = orders[at, OPEN] >> 1
            if kind == _REDUCE:
                counts[OVERDRAWN] += shares > gone
                gone = min(shares, gone)
            moved = _move(moves, moved, security << 1 | side, orders[at, AT], -gone)
            orders[at, OPEN] -= gone << 1
            if orders[at, OPEN] > 1:
                continue
            _take_out(orders, at, one, two)
            counts[LIVE] -= 1
            if kind != _REPLACE:
                continue
            reference = events[i, NEW]
        if _add(orders, reference, security, side, shares, price, one, two, counts):
            moved = _move(moves, moved, security << 1 | side, price, shares)
    return len(events), moved


@jit
def rehash_orders(old: Array, new: Array, one: int, two: int) -> None:
    """Put the orders of one table into another, which is empty and has room."""
    for i in range(len(old)):
        if old[i, OPEN] != 0:
            key, owner = old[i, KEY], old[i, OWNER]
            at = -1 - _find(new, key, owner, one, two)
            _put(new, at, key, old[i, AT], owner, old[i, OPEN])
