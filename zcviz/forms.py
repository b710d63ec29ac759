"""Rows of native values: their layout, and the tables by which kernels make them of messages.

A *form* is a way to make a row that some processors have and others do not:

=========== ==============================================================================
avx512-vbmi all bytes of a message at once
ssse3       sixteen bytes at a time
scalar      field by field; any processor
fields      one field of all messages after the other, as `codec.gather` does; without numba too
=========== ==============================================================================

All of them give the same rows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codec.columns import column_dtype
from .codec.layout import on_wire
from .errors import SelectionError
from .kernels import COMPILED
from .kernels.permutation import PIECES, ZERO
from .kernels.simd import features
from .spec import Field, Message

__all__ = ["choose_form", "forms", "native_dtype_of", "tables_of"]

_LONGEST = 64
"""Of messages, and of rows, that tables are made for [bytes]."""
_PIECE = 16

Table = NDArray[np.uint8]


@cache
def native_dtype_of(message: Message) -> np.dtype[np.void]:
    """Return the structured dtype of a message in native byte order, each field aligned.

    Fields are named in the order of the wire, but lie largest first; a row's size is a multiple of
    eight bytes. 48-bit integers widen to 64 bits, text is ``S``. Constants do not appear.
    """
    fields = on_wire(message)
    types = {field.name: column_dtype(field) for field in fields}
    at, places = 0, {}
    for field in sorted(fields, key=_alignment, reverse=True):
        places[field.name] = at
        at += types[field.name].itemsize
    return np.dtype({
        "names": [field.name for field in fields],
        "formats": [types[field.name] for field in fields],
        "offsets": [places[field.name] for field in fields],
        "itemsize": -(-at // 8) * 8,
    })  # fmt: skip


def _alignment(field: Field) -> int:
    # The largest power of two in its size; text as long as a number lies like one.
    size = column_dtype(field).itemsize
    return min(size & -size, 8)


@cache
def forms() -> tuple[str, ...]:
    """Return the forms that run on this machine, the fastest first."""
    if not COMPILED or sys.byteorder != "little":
        return ("fields",)
    needed = {"avx512-vbmi": "avx512vbmi", "ssse3": "ssse3"}
    return (*(form for form, name in needed.items() if name in features()), "scalar", "fields")


def choose_form(form: str | None = None) -> str:
    """Return `form`, or the one that ``ZCVIZ_FORM`` names, or the fastest.

    Raises
    ------
    SelectionError
        It does not run on this machine, or there is no such form.
    """
    form = form or os.environ.get("ZCVIZ_FORM") or forms()[0]
    if form not in forms():
        raise SelectionError(f"no form {form!r} on this machine; it has {', '.join(forms())}")
    return form


def tables_of(messages: Sequence[Message], form: str) -> tuple[Table, dict[int, int]]:
    """Return the table for `kernels.permutation.permute`, and for whom it is.

    Returns
    -------
    table : (256, ...) uint8
    widths : dict of int to int
        Size of a row by tag [bytes], of the messages that the form can handle: up to 64 bytes, of
        a fixed layout, with a one-byte tag.
    """
    make = {"avx512-vbmi": _at_once, "ssse3": _in_pieces, "scalar": _by_field}[form]
    rows = {}
    for message in messages:
        width = native_dtype_of(message).itemsize
        if (
            message.block < 0
            and max(message.size, width) <= _LONGEST
            and not _widens_a_sign(message)
        ):
            rows[message.key] = make(message)
    most = max((len(row) for row in rows.values()), default=0)
    table = np.zeros((256, most, *next(iter(rows.values()), np.empty(0)).shape[1:]), np.uint8)
    for key, row in rows.items():
        table[key, : len(row)] = row
    return table, {m.key: native_dtype_of(m).itemsize for m in messages if m.key in rows}


def _widens_a_sign(message: Message) -> bool:
    return any(
        f.type.kind == "int" and f.type.size != column_dtype(f).itemsize for f in message.fields
    )


def _sources(message: Message) -> list[int]:
    # Of each byte of a row, which byte of the message it is; -1 for none.
    dtype: Any = native_dtype_of(message)
    sources = [-1] * _LONGEST
    for field in on_wire(message):
        turned = field.type.is_number and message.order == ">"
        for i in range(field.type.size):
            source = field.end - 1 - i if turned else field.offset + i
            sources[dtype.fields[field.name][1] + i] = source
    return sources


def _at_once(message: Message) -> Table:
    return np.array([ZERO if at < 0 else at for at in _sources(message)], np.uint8)


def _in_pieces(message: Message) -> Table:
    # Of each piece of a row, sixteen bytes at most: which of sixteen bytes, where those start,
    # where the piece goes, how many there are.
    width = native_dtype_of(message).itemsize
    sources = _sources(message)[:width]
    pieces, at = [], 0
    while at < width:
        stop = min(at + _PIECE, width)
        while _span(sources[at:stop]) > _PIECE:
            stop -= 1
        wanted = sources[at:stop]
        start = min([source for source in wanted if source >= 0] + [_LONGEST - _PIECE])
        which = [source - start if source >= 0 else ZERO for source in wanted]
        pieces.append([*which, *[ZERO] * (_PIECE - len(which)), start, at, 0])
        at = stop
    pieces += pieces[-1:] * (PIECES - len(pieces))
    pieces[0][-1] = len(pieces)
    table = np.zeros((len(pieces), 2, _PIECE), np.uint8)
    table.reshape(len(pieces), -1)[:, : _PIECE + 3] = pieces
    return table


def _span(sources: list[int]) -> int:
    there = [source for source in sources if source >= 0]
    return max(there) + 1 - min(there) if there else 0


def _by_field(message: Message) -> Table:
    # How many; of each word or less, where from, where to, how many bits it lacks, whether turned.
    dtype: Any = native_dtype_of(message)
    entries = []
    for field in on_wire(message):
        to = dtype.fields[field.name][1]
        for i in range(0, field.type.size, 8):
            size = min(8, field.type.size - i)
            turned = field.type.is_number and message.order == ">"
            entries.append((field.offset + i, to + i, 64 - 8 * size, turned))
    entries.sort(key=lambda entry: entry[1])
    return np.array([(len(entries), 0, 0, 0), *entries], np.uint8)
