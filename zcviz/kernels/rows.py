"""Whole messages into rows of native values, and rows into columns.

A row is made of a message by one permutation of its bytes, by a table that says all there is to
know about the message's type. So one kernel serves every type of every feed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._jit import jit
from .frames import AHEAD, LENGTH_SIZE
from .permutation import REACH, permute, stack1, stack2, stack4, stack8
from .simd import byte, get, load, prefetch, put, store

__all__ = ["LONGEST", "columns_of_rows", "rows_of_frames", "rows_of_messages"]

Array = NDArray[Any]

LONGEST = 0xFF
"""The longest message of which rows are made [bytes]."""
_MESSAGES_AHEAD = 64


@jit
def rows_of_frames(
    data: Array,
    position: int,
    stop: int,
    expected: Array,
    table: Array,
    widths: Array,
    arena: Array,
    cursors: Array,
    limits: Array,
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
    widths : (256,) int64
        Size of a row by tag; 0 for a type that is not wanted.
    arena : (n,) uint8
        Where rows are written.
    cursors, limits : (256,) int64
        Where in the arena the next row of a type goes, moved on, and where the last one may.
        `REACH` bytes from there are in the arena.

    Returns
    -------
    int
        Where it stopped: at `stop` or after, at a message for whose row there is no room, near the
        end of the data, or at anything unusual, to be looked at by `scan_frames`.
    """
    stop = min(stop, len(data) - LENGTH_SIZE - max(LONGEST, REACH))
    while position < stop:
        body = position + LENGTH_SIZE
        low = byte(data, position + 1)
        tag = byte(data, body)
        prefetch(data, body + AHEAD)
        to = cursors[tag]
        if (expected[tag] ^ low | byte(data, position) << 8) or to > limits[tag]:
            break
        permute(data, body, table, tag, arena, to)
        put(cursors, tag, to + widths[tag])
        position = body + low
    return position


@jit
def rows_of_messages(
    data: Array,
    offsets: Array,
    tags: Array,
    first: int,
    expected: Array,
    table: Array,
    widths: Array,
    arena: Array,
    cursors: Array,
    limits: Array,
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
    for i in range(first, count):
        prefetch(data, np.int64(get(offsets, min(i + _MESSAGES_AHEAD, count - 1))))
        at = np.int64(get(offsets, i))
        tag = byte(tags, i)
        to = cursors[tag]
        if to > limits[tag]:
            return i
        if 0 <= at <= len(data) - REACH:
            permute(data, at, table, tag, arena, to)
        elif at < 0 or at + expected[tag] > len(data):
            return i
        else:
            for j in range(len(data) - at):
                spare[j] = byte(data, at + j)
            permute(spare, 0, table, tag, arena, to)
        put(cursors, tag, to + widths[tag])
    return count


@jit
def columns_of_rows(
    arena: Array, at: int, count: int, width: int, fields: Array, done: int, out: Array
) -> None:
    """Turn `count` rows, which lie in `arena` from `at` on, into values of columns in `out`.

    Rows are read, and values written, up to the next multiple of eight.

    Parameters
    ----------
    width : int
        Size of a row [bytes].
    fields : (n_fields, 3) int64
        Of each field, where it is in a row, how many bytes it has, where its column starts in
        `out`. Of one of other than 1, 2, 4 or 8 bytes, eight are moved.
    done : int
        How many values the columns hold already.
    """
    for which in range(len(fields)):
        source = at + fields[which, 0]
        size = fields[which, 1]
        target = fields[which, 2] + done * size
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
        else:
            for i in range(count):
                store(out, target + i * size, load(arena, source + i * width))
