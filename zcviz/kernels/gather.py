"""One field of many messages into a native array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import COMPILED, jit

__all__ = ["gather_bytes", "gather_integers", "partition"]

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.unsignedinteger]
Column = NDArray[Any]
_CHUNK = 1 << 16


@jit
def partition(tags: Bytes, offsets: Offsets, cursors: Column, out: Offsets) -> None:
    """Sort `offsets` by tag, stably, into `out`.

    ``cursors[tag]`` says where in `out` the messages of a tag begin; afterwards, where they end.
    """
    for i in range(len(tags)):
        where = cursors[tags[i]]
        out[where] = offsets[i]
        cursors[tags[i]] = where + 1


def gather_integers(
    data: Bytes, offsets: Offsets, at: int, size: int, order: str, out: Column
) -> None:
    """Fill `out` with the `size`-byte integers at ``data[offsets + at]``, in native byte order."""
    if COMPILED:
        _COMPILED[size, order](data, offsets, at, out)
        return
    for some in _chunks(offsets):
        _gather_by_numpy(data, offsets[some], at, size, order, out[some])


def gather_bytes(data: Bytes, offsets: Offsets, at: int, size: int, out: Column) -> None:
    """Fill `out`, of a dtype of `size` bytes, with the bytes at ``data[offsets + at]``."""
    values = _overlapping(data, f"V{size}")
    for some in _chunks(offsets):
        out[some] = values[offsets[some] + at].view(out.dtype)


def _chunks(offsets: Offsets) -> Iterator[slice]:
    # numpy needs room for what it picks, and for where from: not for all of a column at once.
    return (slice(low, low + _CHUNK) for low in range(0, len(offsets), _CHUNK))


def _overlapping(data: Bytes, dtype: str) -> Column:
    # Every position of the buffer seen as the start of a value: bounds-checked, and no byte moves.
    form = np.dtype(dtype)
    return np.ndarray(max(0, len(data) - form.itemsize + 1), form, data, strides=(1,))


def _gather_by_numpy(
    data: Bytes, offsets: Offsets, at: int, size: int, order: str, out: Column
) -> None:
    if size != 6:
        form = f"{order}{out.dtype.str[1:]}"  # signed or not, as the column is
        out[:] = _overlapping(data, form)[offsets + at]
        return
    high, low = (0, 2) if order == ">" else (4, 0)
    out[:] = _overlapping(data, f"{order}u2")[offsets + (at + high)]
    out <<= 32
    out |= _overlapping(data, f"{order}u4")[offsets + (at + low)]


# One loop a width and byte order: the compiler turns each chain of shifts into one load.


@jit
def _one(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        out[i] = data[offsets[i] + at]


@jit
def _big2(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        out[i] = data[p] << 8 | data[p + 1]


@jit
def _big4(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        out[i] = data[p] << 24 | data[p + 1] << 16 | data[p + 2] << 8 | data[p + 3]


@jit
def _big6(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        high = data[p] << 8 | data[p + 1]
        out[i] = high << 32 | data[p + 2] << 24 | data[p + 3] << 16 | data[p + 4] << 8 | data[p + 5]


@jit
def _big8(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        high = data[p] << 24 | data[p + 1] << 16 | data[p + 2] << 8 | data[p + 3]
        low = data[p + 4] << 24 | data[p + 5] << 16 | data[p + 6] << 8 | data[p + 7]
        out[i] = high << 32 | low


@jit
def _little2(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        out[i] = data[p + 1] << 8 | data[p]


@jit
def _little4(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        out[i] = data[p + 3] << 24 | data[p + 2] << 16 | data[p + 1] << 8 | data[p]


@jit
def _little6(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        high = data[p + 5] << 8 | data[p + 4]
        out[i] = high << 32 | data[p + 3] << 24 | data[p + 2] << 16 | data[p + 1] << 8 | data[p]


@jit
def _little8(data: Bytes, offsets: Offsets, at: int, out: Column) -> None:
    for i in range(len(out)):
        p = offsets[i] + at
        high = data[p + 7] << 24 | data[p + 6] << 16 | data[p + 5] << 8 | data[p + 4]
        low = data[p + 3] << 24 | data[p + 2] << 16 | data[p + 1] << 8 | data[p]
        out[i] = high << 32 | low


_COMPILED = {
    (1, ">"): _one, (2, ">"): _big2, (4, ">"): _big4, (6, ">"): _big6, (8, ">"): _big8,
    (1, "<"): _one, (2, "<"): _little2, (4, "<"): _little4, (6, "<"): _little6, (8, "<"): _little8,
}  # fmt: skip
