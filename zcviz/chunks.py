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
from .kernels.rows import columns_of_rows
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
_TURNED = 1 << 11
"""Rows that are turned into columns at once: they stay in the cache."""


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
    memory : (n,) uint8
    cursors, limits, widths : (256,) int64
        As the kernels of ``kernels.rows`` want them.
    kept : dict of int to list of Chunk
        Complete after `finish`.
    """

    def __init__(
        self, messages: Mapping[int, Message], widths: Mapping[int, int], nbytes: int
    ) -> None:
        self.kept: dict[int, list[Chunk]] = {key: [] for key in messages}
        self.memory = np.empty(_BIN, np.uint8)
        self.cursors, self.limits, self.widths = np.zeros((3, 256), np.int64)
        for key, width in widths.items():
            self.widths[key], self.limits[key] = width, -1
        self._dtypes: dict[int, Any] = {key: native_dtype_of(m) for key, m in messages.items()}
        self._piece, self._used = np.empty(0, np.uint8), 0
        self._size_of_piece = min(max(2 * nbytes, _SMALL), _LARGE)
        self._before = dict.fromkeys(messages, 0)

    def make_room(self, key: int) -> bool:
        """Make room for more rows of a type if it is full; return whether it was."""
        full = bool(self.cursors[key] > self.limits[key])
        if full:
            self._make_room(key)
        return full

    def add(self, key: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Keep messages of a type that kernels make no rows of."""
        raise NotImplementedError

    def finish(self) -> None:
        """Keep what is not kept yet."""
        raise NotImplementedError

    def _make_room(self, key: int) -> None:
        raise NotImplementedError

    def _take(self, nbytes: int) -> int:
        # Where in `_piece` so many bytes are free; `REACH` more follow them.
        nbytes = _whole_lines(nbytes + REACH)
        if self._used + nbytes > len(self._piece):
            size = _BIN + max(self._size_of_piece, nbytes)
            whole = np.empty(size + _LINE, np.uint8)
            start = -whole.ctypes.data % _LINE
            self._piece, self._used = whole[start : start + size], _BIN
        self._used += nbytes
        return self._used - nbytes

    def _rows_of_next(self, key: int) -> int:
        width = int(self.widths[key])
        return min(max(self._before[key] * width, _LEAST), _MOST) // width


class RowChunks(Chunks):
    """Chunks that are arrays of rows, made where they stay."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._starts: dict[int, int] = {}

    def _make_room(self, key: int) -> None:
        self._close(key)
        width, rows = int(self.widths[key]), self._rows_of_next(key)
        start = self._take(rows * width)
        if self._piece is not self.memory:  # all go on in the new piece
            self.finish()
            self.memory = self._piece
        self._starts[key] = self.cursors[key] = start
        self.limits[key] = start + (rows - 1) * width

    def add(self, key: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Make rows of columns. Memory: copies them."""
        dtype = self._dtypes[key]
        rows = np.zeros(len(columns[dtype.names[0]]), dtype)
        for name in dtype.names:
            rows[name] = columns[name]
        self.kept[key].append(rows)

    def finish(self) -> None:
        """Keep what rows there are of each type."""
        for key in list(self._starts):
            self._close(key)

    def _close(self, key: int) -> None:
        start = self._starts.pop(key, None)
        if start is None:
            return
        rows = int(self.cursors[key] - start) // int(self.widths[key])
        if rows:
            self.kept[key].append(np.ndarray(rows, self._dtypes[key], self.memory, start))
        self._before[key] += rows
        self.cursors[key], self.limits[key] = 0, -1


class ColumnChunks(Chunks):
    """Chunks that are columns: rows are made in a place that stays in the cache, and turned."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._starts: dict[int, int] = {}
        at = _BIN
        for key in np.flatnonzero(self.widths).tolist():
            width = int(self.widths[key])
            self._starts[key] = self.cursors[key] = at
            self.limits[key] = at + (_TURNED - 1) * width
            at += _whole_lines(_TURNED * width + REACH)
        self.memory = np.empty(at, np.uint8)
        self._open: dict[int, _Columns] = {}

    def _make_room(self, key: int) -> None:
        width, start = int(self.widths[key]), self._starts[key]
        rows = int(self.cursors[key] - start) // width
        columns = self._open.get(key)
        if columns is None or columns.done + rows > columns.room:
            self._close(key)
            room = max(rows, self._rows_of_next(key) // _TURNED * _TURNED)
            columns = self._open[key] = _Columns(self._dtypes[key], room)
            columns.place(self._take(columns.nbytes), self._piece)
        columns_of_rows(
            self.memory, start, rows, width, columns.pieces, columns.done, columns.memory
        )
        columns.done += rows
        self.cursors[key] = start

    def add(self, key: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Keep columns as they are."""
        self.kept[key].append({name: columns[name] for name in self._dtypes[key].names})

    def finish(self) -> None:
        """Turn what rows are left, and keep all columns."""
        for key, start in self._starts.items():
            if self.cursors[key] > start:
                self._make_room(key)
            self._close(key)

    def _close(self, key: int) -> None:
        columns = self._open.pop(key, None)
        if columns is not None:
            self.kept[key].append(columns.as_arrays())
            self._before[key] += columns.done


class _Columns:
    # Room for `room` values of each field, one column after the other.

    def __init__(self, dtype: Any, room: int) -> None:
        self._dtype, self.room, self.done = dtype, room, 0
        self.starts, self.nbytes = {}, 0
        for name in dtype.names:
            self.starts[name] = self.nbytes
            self.nbytes += _whole_lines(dtype[name].itemsize * room + REACH)

    def place(self, at: int, memory: NDArray[np.uint8]) -> None:
        self.memory = memory
        self.starts = {name: start + at for name, start in self.starts.items()}
        # The kernel writes words. Of longer text, the last first: what it writes too much is made
        # good by the others.
        self.pieces = np.array([
            (self._dtype.fields[name][1] + i, self._dtype[name].itemsize, start + i)
            for name, start in self.starts.items()
            for i in reversed(range(0, self._dtype[name].itemsize, 8))
        ])  # fmt: skip

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        return {
            name: np.ndarray(self.done, self._dtype[name], self.memory, start)
            for name, start in self.starts.items()
        }
