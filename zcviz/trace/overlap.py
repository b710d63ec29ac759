"""Which bytes two objects have in common: by address, whatever they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .holdings import holdings
from .memory import Runs, bounds, runs_of

__all__ = ["array_over", "bounds", "overlap", "shares_memory", "union"]

_MOST_WORK = 100_000  # candidates that numpy may try on strided views, before bounds decide
_LARGEST_SPAN = 1 << 28  # bytes marked one by one to count the overlap of strided views

Interval = tuple[int, int]


def shares_memory(a: object, b: object) -> bool:
    """Tell whether two objects have at least one byte in common.

    Parameters
    ----------
    a, b : object
        As `holdings` takes them.

    Notes
    -----
    Memory: views only. Exact for strided views too: two that interleave share nothing. Where that
    would take too long to establish, views whose ranges overlap are said to share.
    """
    return any(_share(one, other) for one, other in _meeting(_arrays(a), _arrays(b)))


def overlap(a: object, b: object) -> int:
    """Count the bytes that two objects have in common, each once.

    Parameters
    ----------
    a, b : object
        As `holdings` takes them.

    Notes
    -----
    Memory: strided views are counted in a map of their span, a byte for a byte; beyond 256 MiB the
    overlap of the ranges is returned instead, which is never too small.
    """
    pair = [[runs_of(array) for array in _arrays(each)] for each in (a, b)]
    common = _common(*(union((each.address, each.end) for each in runs) for runs in pair))
    return sum(_count(pair, low, high) for low, high in common)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return intervals as the fewest that cover the same, in ascending order; empty ones vanish."""
    found: list[Interval] = []
    for low, high in sorted(each for each in intervals if each[0] < each[1]):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def array_over(obj: Any) -> NDArray[Any]:
    """Return what `obj` shows as one array over the same memory; never a copy.

    Raises
    ------
    TypeError
        It shows no memory that could be asked for, or several pieces of it.
    BufferLifetimeError
        Its memory has been released.
    """
    first, *more = holdings(obj)
    if more:
        raise TypeError(f"this {type(obj).__name__} consists of {1 + len(more)} pieces of memory")
    return first.array


def _arrays(obj: object) -> list[NDArray[Any]]:
    return [each.array for each in holdings(obj) if each.array.nbytes]


def _meeting(
    ones: list[NDArray[Any]], others: list[NDArray[Any]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    # Pairs whose ranges overlap: all ranges are passed once, by ascending address.
    events = sorted(
        (
            (*bounds(array), side, number)
            for side, arrays in enumerate((ones, others))
            for number, array in enumerate(arrays)
        )
    )
    still: tuple[dict[int, int], dict[int, int]] = ({}, {})  # number: where it ends
    for low, high, side, number in events:
        opposite = still[1 - side]
        for each in [each for each, end in opposite.items() if end <= low]:
            del opposite[each]
        for each in opposite:
            one, other = (each, number) if side else (number, each)
            yield ones[one], others[other]
        still[side][number] = high


def _share(one: NDArray[Any], other: NDArray[Any]) -> bool:
    try:
        return np.shares_memory(one, other, max_work=_MOST_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return bool(np.may_share_memory(one, other))


def _common(ones: list[Interval], others: list[Interval]) -> Iterator[Interval]:
    # Where two ascending lists of intervals overlap.
    one = other = 0
    while one < len(ones) and other < len(others):
        low = max(ones[one][0], others[other][0])
        high = min(ones[one][1], others[other][1])
        if low < high:
            yield low, high
        if ones[one][1] == high:
            one += 1
        else:
            other += 1


def _count(pair: list[list[Runs]], low: int, high: int) -> int:
    here = [[each for each in runs if each.address < high and low < each.end] for runs in pair]
    strided = [each for runs in here for each in runs if each.steps]
    start = min((each.address for each in strided), default=low)
    end = max((each.end for each in strided), default=high)
    if not strided or end - start > _LARGEST_SPAN:
        return high - low
    start, end = min(start, low), max(end, high)
    marks, marks_other = (_marks(runs, start, end)[low - start : high - start] for runs in here)
    return int(np.count_nonzero(marks & marks_other))


def _marks(several: list[Runs], start: int, end: int) -> NDArray[np.uint8]:
    # One byte for each byte of a range: 1 where an item lies.
    marks = np.zeros(end - start, np.uint8)
    for runs in several:
        if not runs.steps:
            marks[max(0, runs.address - start) : runs.end - start] = 1
            continue
        shape = (*(count for count, _ in runs.steps), runs.length)
        strides = (*(stride for _, stride in runs.steps), 1)
        np.ndarray(shape, np.uint8, marks, runs.address - start, strides)[...] = 1
    return marks
