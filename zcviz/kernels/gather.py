"""One field of many messages into a native array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import COMPILED, inner, jit
from .frames import AHEAD
from .simd import LANES, Whole, get, load, pack, packs, prefetch, put, reversed_bytes, store

__all__ = ["LANES", "count", "gather_bytes", "gather_integers", "partition", "pick"]

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.unsignedinteger]
Column = NDArray[Any]
_CHUNK = 1 << 16
_AHEAD, _DENSE = 64, 256
"""What is asked for ahead: of values this close to each other [bytes], all that is between."""
_WORD = 8
_MANY = 1 << 16
"""From how many values on it pays to compile a kernel."""


@jit
def partition(tags: Bytes, offsets: Offsets, cursors: Column, found: Column, out: Offsets) -> int:
    """Sort `offsets` by tag, stably, into `out`.

    Parameters
    ----------
    tags, offsets : (n,) unsigned
    cursors : (256,) or (65536,) int64
        One for each tag there can be. Zeros, and zeros again in the end: of a few messages, only
        the tags that they have are looked at.
    found : (len(cursors), 3) int64
        Filled from the front with each tag that occurs, and where in `out` its messages start and
        end.
    out : (n,) unsigned

    Returns
    -------
    int
        How many tags occur.
    """
    kinds = 0
    for i in range(len(tags)):
        tag = tags[i]
        if cursors[tag] == 0:
            found[kinds, 0] = tag
            kinds += 1
        cursors[tag] += 1
    at = 0
    for kind in range(kinds):
        tag = found[kind, 0]
        found[kind, 1] = at
        at += cursors[tag]
        found[kind, 2] = at
        cursors[tag] = found[kind, 1]
    for i in range(len(tags)):
        where = cursors[tags[i]]
        out[where] = offsets[i]
        cursors[tags[i]] = where + 1
    for kind in range(kinds):
        cursors[found[kind, 0]] = 0
    return kinds


def count(tags: Column, tag: int) -> int:
    """Return how many of `tags` are `tag`. Memory: allocates a block's worth for a moment."""
    if tags.dtype == np.bool_ and tag == 1:
        return int(np.count_nonzero(tags))
    return sum(int(np.count_nonzero(tags[some] == tag)) for some in _chunks(tags, 1 << 18))


def pick(values: Column, tags: Column, tag: int = 1, out: Column | None = None) -> Column:
    """Return ``values[tags == tag]``, and of many values in a fraction of the time.

    Parameters
    ----------
    values : (n,) unsigned
    tags : (n,) unsigned, or bool
    tag : int
    out : (n + `LANES`,) array like `values`, optional
        Where to put them; what lies behind them there is overwritten.

    Notes
    -----
    Memory: allocates what is returned unless `out` is given; then it is a view of that.
    """
    if not COMPILED or (out is None and len(values) < _MANY):
        chosen: Column = values[tags == tag]
        return chosen
    if out is None:
        out = np.empty(count(tags, tag) + LANES, values.dtype)
    kernel = _pick_at_once if packs(values.itemsize) else _pick
    given = np.ascontiguousarray(tags)
    given = given.view(np.uint8) if given.dtype == np.bool_ else given
    return out[: kernel(np.ascontiguousarray(values), given, tag, out)]


@jit
def _pick(values: Column, tags: Column, tag: int, out: Column) -> int:
    # No branch depends on what is chosen: each value is written, and the next one over it. After
    # all that are chosen one more place is needed.
    found = 0
    for i in range(min(len(values), len(tags))):
        put(out, found, get(values, i))
        found += get(tags, i) == tag
    return found


@jit
def _pick_at_once(values: Column, tags: Column, tag: int, out: Column) -> int:
    # The same with a register full of values at a time; after those chosen, room for one more.
    found, done, lanes = 0, 0, 64 // values.itemsize
    number = min(len(values), len(tags))
    while done + lanes <= number:
        found += pack(values, done, tags, tag, out, found)
        done += lanes
    for i in range(done, number):
        put(out, found, get(values, i))
        found += get(tags, i) == tag
    return found


def gather_integers(
    data: Bytes, offsets: Offsets, at: int, size: int, order: str, out: Column
) -> None:
    """Fill `out` with the `size`-byte numbers at ``data[offsets + at]``, in native byte order.

    Floats are numbers too. `out` lies in one piece and has `size` bytes an entry, or 8 for 6.

    Raises
    ------
    IndexError
        A number would lie, in part, outside `data`.
    """
    if not _gather_words(data, offsets, at, size, order == ">", out):
        for some in _chunks(offsets):
            _gather_by_numpy(data, offsets[some], at, size, order, out[some])
    if size < out.itemsize and out.dtype.kind == "i":  # the sign bit is further up now
        out <<= 8 * (out.itemsize - size)
        out >>= 8 * (out.itemsize - size)


def gather_bytes(data: Bytes, offsets: Offsets, at: int, size: int, out: Column) -> None:
    """Fill `out`, of a dtype of `size` bytes, with the bytes at ``data[offsets + at]``.

    Raises
    ------
    IndexError
        Some of them would lie outside `data`.
    """
    if not _gather_words(data, offsets, at, size, False, out):
        values = _overlapping(data, f"V{size}")
        for some in _chunks(offsets):
            out[some] = values[offsets[some] + at].view(out.dtype)


def _gather_words(
    data: Bytes, offsets: Offsets, at: int, size: int, turn: bool, out: Column
) -> bool:
    if len(out) != len(offsets):
        raise ValueError(f"room for {len(out)} values of {len(offsets)} messages")
    # Of a word that starts with a value and one that ends with it, one is inside two words' room.
    if not COMPILED or max(size, out.itemsize) > _WORD or min(len(data), out.nbytes) < 2 * _WORD:
        return False
    places = np.ascontiguousarray(offsets)
    done = _words(data, places, at, size, turn, out.view(np.uint8), out.itemsize)
    if done < len(offsets):
        raise IndexError(f"{size} bytes at {int(offsets[done]) + at} of {len(data)}")
    return True


@jit
def _words(
    data: Bytes, offsets: Offsets, at: int, size: int, turn: bool, out: Bytes, step: int
) -> int:
    # Whatever the size, a word is read and a word is written: what is too much of it is shifted
    # out, or overwritten by the next value.
    count, last = len(offsets), len(data) - _WORD
    lacks = np.uint64(8 * (_WORD - size))
    room = min(count, (len(out) - _WORD) // step + 1)
    span = np.int64(get(offsets, count - 1)) - np.int64(get(offsets, 0))
    dense = span < count * _DENSE
    i = 0
    while i < count:
        while i < room:
            where = np.int64(get(offsets, i)) + at
            if where < 0 or where > last:
                break
            if dense:
                prefetch(data, where + AHEAD)
            else:
                prefetch(data, np.int64(get(offsets, min(i + _AHEAD, count - 1))) + at)
            word = load(data, where)
            store(out, i * step, reversed_bytes(word) >> lacks if turn else word << lacks >> lacks)
            i += 1
        if i < count:
            where = np.int64(get(offsets, i)) + at
            if where < 0 or where + size > len(data):
                return i
            _word_at_an_end(data, where, size, turn, out, i * step, step)
            i += 1
    return count


@inner
def _word_at_an_end(
    data: Bytes, where: Whole, size: int, turn: bool, out: Bytes, to: int, step: int
) -> None:
    # Where a word that starts with the value does not fit, the word that ends with it does.
    lacks, spare = np.uint64(8 * (_WORD - size)), np.uint64(8 * (_WORD - step))
    if where + _WORD <= len(data):
        word = load(data, where)
        value = reversed_bytes(word) >> lacks if turn else word << lacks >> lacks
    else:
        word = load(data, where + size - _WORD)
        value = reversed_bytes(word) << lacks >> lacks if turn else word >> lacks
    if to + _WORD <= len(out):
        store(out, to, value)
    else:
        to += step - _WORD
        others = (np.uint64(1) << spare) - np.uint64(1)
        store(out, to, load(out, to) & others | value << spare)


def _chunks(offsets: Offsets, size: int = _CHUNK) -> Iterator[slice]:
    # numpy needs room for what it picks, and for where from: not for all of a column at once.
    return (slice(low, low + size) for low in range(0, len(offsets), size))


def _overlapping(data: Bytes, dtype: str) -> Column:
    # Every position of the buffer seen as the start of a value: bounds-checked, and no byte moves.
    form = np.dtype(dtype)
    return np.ndarray(max(0, len(data) - form.itemsize + 1), form, data, strides=(1,))


def _gather_by_numpy(
    data: Bytes, offsets: Offsets, at: int, size: int, order: str, out: Column
) -> None:
    if size != 6:
        form = f"{order}{out.dtype.str[1:]}"  # signed, unsigned or a float, as the column is
        out[:] = _overlapping(data, form)[offsets + at]
        return
    high, low = (0, 2) if order == ">" else (4, 0)
    out[:] = _overlapping(data, f"{order}u2")[offsets + (at + high)]
    out <<= 32
    out |= _overlapping(data, f"{order}u4")[offsets + (at + low)]
