"""Several fields of many messages, each into a column, while the bytes are in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import jit
from .simd import get, load, prefetch, reversed_bytes, store

__all__ = ["gather_fields"]

Array = NDArray[Any]

_WORD = 8
_AHEAD = 32


@jit
def gather_fields(
    data: Array, offsets: Array, fields: Array, first: int, turn: bool, out: Array
) -> None:
    """Fill columns with fields of at most eight bytes, in native byte order.

    Parameters
    ----------
    data : (n_bytes,) uint8
    offsets : (n,) unsigned
        Where messages start. A word at each field of each of them is in `data`.
    fields : (n_fields, 4) int64
        Of each field, where it is in a message, how many bytes it has there and in its column, and
        where in `out` its column starts.
    first : int
        Number of the first message's values in the columns.
    turn : bool
        Whether the most significant byte comes first.
    out : (m,) uint8
        A column ends a word before the next one starts.
    """
    count = len(offsets)
    for i in range(min(_AHEAD, count)):
        prefetch(data, np.int64(get(offsets, i)))
    for low in range(0, count, _AHEAD):
        high = min(low + _AHEAD, count)
        for i in range(high, min(high + _AHEAD, count)):
            prefetch(data, np.int64(get(offsets, i)))
        for which in range(len(fields)):
            at, size = fields[which, 0], fields[which, 1]
            step = fields[which, 2]
            to = fields[which, 3] + first * step
            lacks = np.uint64(8 * (_WORD - size))
            for i in range(low, high):
                # What is too much of a word is shifted out, or overwritten by the next value.
                word = load(data, np.int64(get(offsets, i)) + at)
                value = reversed_bytes(word) >> lacks if turn else word << lacks >> lacks
                store(out, to + i * step, value)
