"""Whole messages into rows of native values, and rows into columns.

A row is made of a message by one permutation of its bytes, by a table that says all there is to
know about the message's type. So one kernel serves every type of every feed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import inner, jit
from .frames import AHEAD, LENGTH_SIZE
from .permutation import REACH, permute, stack1, stack2, stack4, stack8
from .simd import byte, get, load, prefetch, store

__all__ = [
    "CURSOR",
    "DONE",
    "LIMIT",
    "LONGEST",
    "ROOM",
    "START",
    "TURNED",
    "WIDTH",
    "columns_of_rows",
    "rows_of_frames",
    "rows_of_messages",
]

Array = NDArray[Any]

LONGEST = 0xFF
"""The longest message of which rows are made [bytes]."""
TURNED = 1 << 8
"""Rows that are turned into columns at once: a multiple of eight, and few enough for the nearest
cache."""
_MESSAGES_AHEAD = 64

CURSOR, LIMIT, WIDTH, START, DONE, ROOM = range(6)
"""Columns of the table of message types, a row a tag: where in the arena the next row goes, where
the last one may begin, and the size of a row, 0 for a type that is not wanted [bytes]. Where rows
are turned into columns: where the first one is, how many values the columns hold, and how many may
be in them; for types that stay rows there is room for none."""


@jit
def rows_of_frames(
    data: Array,
    position: int,
    stop: int,
    expected: Array,
    table: Array,
    types: Array,
    arena: Array,
    fields: Array,
    out: Array,
) -> int:
    """Make rows of the messages of a BinaryFILE, each as its length and tag are read.

    Parameters
    ----------
    data : (n_bytes,) uint8
    position : int
        Where a length starts.
    stop : int
        No message whose length starts here or later is read.
    expected : (256,) uint16
        Documented size by tag; more than `LONGEST` for a tag that is not known.
    table : (256, ...) uint8
        For `permutation.permute`.
    types : (256, 6) int64
        See `CURSOR`; brought up to date.
    arena : (n,) uint8
        Where rows are written; `REACH` bytes follow the limit of each type.
    fields : (256, n_fields, 3) int64
        See `columns_of_rows`.
    out : (n,) uint8
        Where columns are.

    Returns
    -------
    int
        Where it stopped: at `stop` or after, at a message for whose row there is no room, near the
        end of the data, or at anything unusual, to be looked at by `scan_frames`.
    """
    stop = min(stop, len(data) - LENGTH_SIZE - max(LONGEST, REACH))
    tag = 0
    going = position < stop
    while going:
        while position < stop:
            body = position + LENGTH_SIZE
            low = byte(data, position + 1)
            tag = byte(data, body)
            prefetch(data, body + AHEAD)
            to = types[tag, CURSOR]
            if (expected[tag] ^ low | byte(data, position) << 8) or to > types[tag, LIMIT]:
                break
            permute(data, body, table, tag, arena, to)
            types[tag, CURSOR] = to + types[tag, WIDTH]
            position = body + low
        going = position < stop and _make_room(tag, types, arena, fields, out)
    return position


@jit
def rows_of_messages(
    data: Array,
    offsets: Array,
    tags: Array,
    first: int,
    expected: Array,
    table: Array,
    types: Array,
    arena: Array,
    fields: Array,
    out: Array,
    spare: Array,
) -> int:
    """Make rows of messages that are found already, from number `first` on.

    Parameters
    ----------
    offsets, tags : (n_messages,) unsigned
        Where messages start and what they are; those of unknown types are passed over.
    spare : (REACH,) uint8
        For messages so near to the end of the data that `permute` would read past it.

    Others as for `rows_of_frames`.

    Returns
    -------
    int
        Number of the message it stopped at: all are done, there is no room for its row, or it
        reaches past the end of the data.
    """
    count = len(tags)
    i, tag = first, 0
    going = i < count
    while going:
        while i < count:
            prefetch(data, np.int64(get(offsets, min(i + _MESSAGES_AHEAD, count - 1))))
            at = np.int64(get(offsets, i))
            tag = byte(tags, i)
            to = types[tag, CURSOR]
            if to > types[tag, LIMIT]:
                break
            if 0 <= at <= len(data) - REACH:
                permute(data, at, table, tag, arena, to)
            elif at < 0 or at + expected[tag] > len(data):
                break
            else:
                for j in range(len(data) - at):
                    spare[j] = byte(data, at + j)
                permute(spare, 0, table, tag, arena, to)
            types[tag, CURSOR] = to + types[tag, WIDTH]
            i += 1
        going = i < count and _make_room(tag, types, arena, fields, out)
    return i


@inner
def _make_room(tag: int, types: Array, arena: Array, fields: Array, out: Array) -> bool:
    # If the type is full, all rows of it into its columns, if those have room for so many.
    done, start = types[tag, DONE], types[tag, START]
    if types[tag, CURSOR] <= types[tag, LIMIT] or done + TURNED > types[tag, ROOM]:
        return False
    _turn(arena, start, TURNED, types[tag, WIDTH], fields, tag, done, out)
    types[tag, DONE] = done + TURNED
    types[tag, CURSOR] = start
    return True


@jit
def columns_of_rows(
    arena: Array, tag: int, count: int, types: Array, fields: Array, out: Array
) -> None:
    """Turn the first `count` rows of a type into values of its columns, which have room for them.

    Rows are read, and values written, up to the next multiple of eight.

    Parameters
    ----------
    fields : (256, n_fields, 3) int64
        Of each field, by tag: where it is in a row, how many bytes it has, 0 for none, where its
        column starts in `out`. Of one of other than 1, 2, 4 or 8 bytes, eight are moved.

    Others as for `rows_of_frames`.
    """
    start, width, done = types[tag, START], types[tag, WIDTH], types[tag, DONE]
    _turn(arena, start, count, width, fields, tag, done, out)


@inner
def _turn(
    arena: Array, at: int, count: int, width: int, fields: Array, tag: int, done: int, out: Array
) -> None:
    for which in range(fields.shape[1]):
        source = at + fields[tag, which, 0]
        size = fields[tag, which, 1]
        target = fields[tag, which, 2] + done * size
        if size == 8:
            for i in range(0, count, 8):
                stack8(arena, source + i * width, width, out, target + i * 8)
        elif size == 4:
            for i in range(0, count, 8):
                stack4(arena, source + i * width, width, out, target + i * 4)
        elif size == 2:
            for i in range(0, count, 8):
                stack2(arena, source + i * width, width, out, target + i * 2)
        elif size == 1:
            for i in range(0, count, 8):
                stack1(arena, source + i * width, width, out, target + i)
        elif size:
            for i in range(count):
                store(out, target + i * size, load(arena, source + i * width))
