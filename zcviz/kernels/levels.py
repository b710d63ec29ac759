"""The best price of every side, kept up to date while levels change.

Levels lie in a hash table like that of the orders, except that a level of no shares stays until
the table is made anew. The levels of a side also form a pairing heap, linked by row numbers: a new
level is one comparison, and only when the best one empties does the heap give up the next. That
takes logarithmic time on the average of all that happens, whatever the prices; a sorted list could
be made to move all of its levels for each message.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._jit import inner, jit
from .book import DELTA, LIMIT, PLACE, slot
from .simd import prefetch

__all__ = ["LEVEL", "NONE", "STATE", "price_of", "rehash_levels", "track_levels"]

Array = NDArray[Any]

LEVEL = KEY, SHARES, CHILD, SIBLING = 0, 1, 2, 3
"""Columns of a level: side and rank, shares, and its place in the heap, as rows of the table."""

STATE = ROWS, CHANGES = 0, 1
"""What is counted: rows in use, changes of a best price or of the shares there."""

NONE = -1
_OUT = -2  # as a sibling: not in the heap

_AHEAD = 8


@inner
def _key(place: int, price: int) -> int:
    # Of two levels of a side the better one has the larger key; a price has 32 bits.
    return place << 32 | (0xFFFFFFFF - price if place & 1 else price)


def price_of(key: int) -> int:
    """Return the price of a level."""
    rank = key & 0xFFFFFFFF
    return 0xFFFFFFFF - rank if key >> 32 & 1 else rank


@inner
def _find(levels: Array, key: int, one: int, two: int) -> int:
    # The row of a level, or the free row that it would get.
    mask = len(levels) - 1
    at = slot(key, one, two, mask)
    while levels[at, KEY] != key and levels[at, KEY] != NONE:
        at = (at + 1) & mask
    return at


@inner
def _join(levels: Array, a: int, b: int) -> int:
    # Two heaps become one: the lesser top goes below the better.
    if a == NONE:
        return b
    if levels[a, KEY] < levels[b, KEY]:
        a, b = b, a
    levels[b, SIBLING] = levels[a, CHILD]
    levels[a, CHILD] = b
    levels[a, SIBLING] = NONE
    return a


@inner
def _without_top(levels: Array, top: int) -> int:
    # What was directly below the top is joined in pairs, and the pairs one after another.
    at, pairs = levels[top, CHILD], NONE
    levels[top, CHILD], levels[top, SIBLING] = NONE, _OUT
    while at != NONE:
        pair = at
        at = levels[at, SIBLING]
        if at != NONE:
            other = at
            at = levels[at, SIBLING]
            pair = _join(levels, pair, other)
        levels[pair, SIBLING] = pairs
        pairs = pair
    best = NONE
    while pairs != NONE:
        pair = pairs
        pairs = levels[pairs, SIBLING]
        levels[pair, SIBLING] = NONE
        best = _join(levels, best, pair)
    return best


@inner
def _insert(levels: Array, at: int, key: int, shares: int, best: Array) -> None:
    levels[at, KEY] = key
    levels[at, SHARES] = shares
    levels[at, CHILD] = NONE
    levels[at, SIBLING] = NONE
    best[key >> 32] = _join(levels, best[key >> 32], at)


@jit
def track_levels(
    moves: Array, start: int, stop: int, levels: Array, one: int, two: int, best: Array,
    state: Array,
) -> int:  # fmt: skip
    """Apply changes of levels, up to `stop` or until the table is a third full.

    Parameters
    ----------
    moves : (n, len(MOVE)) int64
        As `follow_orders` writes them; places count below 2**31, prices below 2**32.
    start, stop : int
    levels : (a power of two, 4) int64
        A row whose first column is `NONE` is free.
    one, two : int
        Random odd numbers; the same ones as long as the levels live.
    best : (n_places,) int64
        By place: the row of the best level, or `NONE`.
    state : (len(STATE),) int64
        Counted up.

    Returns
    -------
    int
        Where it stopped.
    """
    mask = len(levels) - 1
    for i in range(start, stop):
        if state[ROWS] >= len(levels) // 3:
            return i
        if i + _AHEAD < stop:
            soon = _key(moves[i + _AHEAD, PLACE], moves[i + _AHEAD, LIMIT])
            prefetch(levels, slot(soon, one, two, mask) * 32)
        place, delta = moves[i, PLACE], moves[i, DELTA]
        key = _key(place, moves[i, LIMIT])
        at, top = _find(levels, key, one, two), best[place]
        if levels[at, KEY] == NONE or levels[at, SIBLING] == _OUT:
            state[ROWS] += levels[at, KEY] == NONE
            _insert(levels, at, key, delta, best)
            state[CHANGES] += best[place] == at
        else:
            levels[at, SHARES] += delta
            if at == top:
                while top != NONE and levels[top, SHARES] == 0:
                    top = _without_top(levels, top)
                best[place] = top
                state[CHANGES] += delta != 0
    return stop


@jit
def rehash_levels(old: Array, new: Array, one: int, two: int, best: Array, state: Array) -> None:
    """Put the levels of one table that have shares into another, which is empty and has room."""
    state[ROWS] = 0
    for place in range(len(best)):
        best[place] = NONE
    for i in range(len(old)):
        if old[i, SHARES] > 0:
            _insert(new, _find(new, old[i, KEY], one, two), old[i, KEY], old[i, SHARES], best)
            state[ROWS] += 1
