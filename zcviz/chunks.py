"""Where decoded messages go: of each type, chunk after chunk, so that nothing is counted before.

Fresh memory costs about as much as decoding does, so chunks are cut from few large pieces of it,
and a type that has few messages has small chunks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .forms import native_dtype_of
from .kernels.permutation import REACH
from .kernels.rows import CURSOR, DONE, LIMIT, ROOM, START, TURNED, WIDTH, columns_of_rows
from .spec import Message

__all__ = ["Chunk", "Chunks", "ColumnChunks", "RowChunks"]

Chunk = NDArray[np.void] | Mapping[str, NDArray[Any]]
"""Some messages of one type: an array of rows, or a column by field name."""

_LINE = 64
_LEAST, _MOST = 1 << 14, 1 << 22
"""Sizes of a chunk [bytes]; each is about as large as those of its type before it together."""
_SMALL, _LARGE = 1 << 19, 1 << 26
"""Sizes of a piece of memory that chunks are cut from [bytes]."""
_BIN = 2 * _LINE
"""Where the rows of types that are not wanted go, one over the other [bytes]."""


def _whole_lines(nbytes: int) -> int:
    return -(-nbytes // _LINE) * _LINE


class Chunks:
    """What kernels that make rows write into, and what came of it.

    Parameters
    ----------
    messages : mapping of int to Message
        Those that are wanted, by tag.
    widths : mapping of int to int
        Size of a row [bytes] by tag, of those that kernels make rows of.
    nbytes : int
        Size of what is to be decoded: a guess of how much memory will be needed.

    Attributes
    ----------
    types, fields, arena, out : ndarray
        As the kernels of ``kernels.rows`` want them.
    kept : dict of int to list of Chunk
        Complete after `finish`.
    """

    def __init__(
        self, messages: Mapping[int, Message], widths: Mapping[int, int], nbytes: int
    ) -> None:
        self.kept: dict[int, list[Chunk]] = {key: [] for key in messages}
        self.types = np.zeros((256, 6), np.int64)
        for key, width in widths.items():
            self.types[key, WIDTH], self.types[key, LIMIT] = width, -1
        self.fields = np.zeros((256, 0, 3), np.int64)
        self.arena = self.out = np.empty(_BIN, np.uint8)
        self._dtypes: dict[int, Any] = {key: native_dtype_of(m) for key, m in messages.items()}
        self._piece, self._used = np.empty(0, np.uint8), 0
        self._size_of_piece = min(max(2 * nbytes, _SMALL), _LARGE)
        self._before = dict.fromkeys(widths, 0)

    def make_room(self, key: int) -> bool:
        """Make room for more rows of a type if it is full; return whether it was."""
        full = bool(self.types[key, CURSOR] > self.types[key, LIMIT])
        if full:
            self._close(key)
            size = max(_LEAST, min(self._before[key] * int(self.types[key, WIDTH]), _MOST))
            self._open(key, size // int(self.types[key, WIDTH]))
        return full

    def add(self, key: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Keep messages of a type that kernels make no rows of."""
        raise NotImplementedError

    def finish(self) -> None:
        """Keep what is not kept yet."""
        for key in self._before:
            self._close(key)

    def _open(self, key: int, rows: int) -> None:
        raise NotImplementedError

    def _close(self, key: int) -> None:
        raise NotImplementedError

    def _take(self, nbytes: int) -> int:
        # Where so many bytes are free; `REACH` more follow them. All chunks that are being filled
        # are in the same piece of memory.
        nbytes = _whole_lines(nbytes + REACH)
        if self._used + nbytes > len(self._piece):
            for key in self._before:
                self._close(key)
            size = _BIN + max(self._size_of_piece, nbytes)
            whole = np.empty(size + _LINE, np.uint8)
            start = -whole.ctypes.data % _LINE
            self._piece, self._used = whole[start : start + size], _BIN
        self._used += nbytes
        return self._used - nbytes


class RowChunks(Chunks):
    """Chunks that are arrays of rows, made where they stay."""

    def add(self, key: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Make rows of columns. Memory: copies them."""
        dtype = self._dtypes[key]
        rows = np.zeros(len(columns[dtype.names[0]]), dtype)
        for name in dtype.names:
            rows[name] = columns[name]
        self.kept[key].append(rows)

    def _open(self, key: int, rows: int) -> None:
        kind = self.types[key]
        kind[START] = kind[CURSOR] = self._take(rows * int(kind[WIDTH]))
        kind[LIMIT] = kind[START] + (rows - 1) * kind[WIDTH]
        self.arena = self._piece

    def _close(self, key: int) -> None:
        kind = self.types[key]
        rows = int(kind[CURSOR] - kind[START]) // int(kind[WIDTH])
        if rows:
            chunk = np.ndarray(rows, self._dtypes[key], self.arena, int(kind[START]))
            self.kept[key].append(chunk)
            self._before[key] += rows
        kind[START], kind[CURSOR], kind[LIMIT] = 0, 0, -1


class ColumnChunks(Chunks):
    """Chunks that are columns: rows are made in a place that stays in the cache, and turned."""

    def __init__(
        self, messages: Mapping[int, Message], widths: Mapping[int, int], nbytes: int
    ) -> None:
        super().__init__(messages, widths, nbytes)
        self._starts: dict[int, dict[str, int]] = {}
        pieces = [
            sum(-(-self._dtypes[key][name].itemsize // 8) for name in self._dtypes[key].names)
            for key in widths
        ]
        self.fields = np.zeros((256, max(pieces, default=0), 3), np.int64)
        at = _BIN
        for key, width in widths.items():
            kind = self.types[key]
            kind[START], kind[CURSOR], kind[LIMIT] = at, at, at + (TURNED - 1) * width
            at += _whole_lines(TURNED * width + REACH)
        self.arena = np.empty(at, np.uint8)

    def add(self, key: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Keep columns as they are."""
        self.kept[key].append({name: columns[name] for name in self._dtypes[key].names})

    def finish(self) -> None:
        """Turn what rows are left, and keep all columns."""
        for key in self._before:
            kind = self.types[key]
            rows = int(kind[CURSOR] - kind[START]) // int(kind[WIDTH])
            if kind[DONE] + rows > kind[ROOM]:
                self._close(key)
                self._open(key, rows)
            columns_of_rows(self.arena, key, rows, self.types, self.fields, self.out)
            kind[CURSOR], kind[DONE] = kind[START], kind[DONE] + rows
        super().finish()

    def _open(self, key: int, rows: int) -> None:
        dtype, room = self._dtypes[key], _whole_turns(rows)
        sizes = [_whole_lines(dtype[name].itemsize * room + REACH) for name in dtype.names]
        start = self._take(sum(sizes))
        self.out = self._piece
        starts = start + np.cumsum([0, *sizes])
        self._starts[key] = dict(zip(dtype.names, starts.tolist(), strict=False))
        # Words are moved. Of longer text, the last ones first: what they are too much is made good
        # by the others.
        pieces = [
            (dtype.fields[name][1] + i, dtype[name].itemsize, at + i)
            for name, at in self._starts[key].items()
            for i in reversed(range(0, dtype[name].itemsize, 8))
        ]
        self.fields[key, : len(pieces)] = pieces
        self.types[key, DONE], self.types[key, ROOM] = 0, room

    def _close(self, key: int) -> None:
        rows, dtype = int(self.types[key, DONE]), self._dtypes[key]
        if rows:
            places = self._starts[key].items()
            columns = {name: np.ndarray(rows, dtype[name], self.out, at) for name, at in places}
            self.kept[key].append(columns)
            self._before[key] += rows
        self.types[key, DONE] = self.types[key, ROOM] = 0


def _whole_turns(rows: int) -> int:
    return -(-rows // TURNED) * TURNED
