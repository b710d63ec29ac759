"""Datagrams as they lie in the memory they were received into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import BufferLifetimeError
from ..kernels.messages import DATAGRAM

__all__ = ["Batch", "room_for"]

_COLUMNS = len(DATAGRAM)
_NOTHING = np.empty(0, np.uint8)


def room_for(datagrams: int) -> NDArray[np.int64]:
    """Return a table for so many datagrams: (n, 5) int64, allocated. Columns: `DATAGRAM`."""
    return np.zeros((datagrams, _COLUMNS), np.int64)


class Batch:
    """Datagrams that were received together, in the receiver's own memory.

    Indexing and iterating gives read-only memoryviews of the payloads.

    Parameters
    ----------
    memory : (n_bytes,) uint8
        Where the payloads lie; offsets count from its start.
    table : (n_datagrams, 5) int64
        For each: offset of its record, of its IP header, of its payload, of the payload's end, of
        what its end would be had nothing been cut off. See `kernels.messages.DATAGRAM`. What a
        path does not see, such as the IP header behind a socket, is where the payload starts.
    nbytes : int
        Bytes of all payloads, as far as they are here.
    times : (n_datagrams,) int64, optional [ns since 1970-01-01 UTC]
        When the kernel saw each.
    release : callable, optional
        Gives the memory back to whoever receives into it.

    Notes
    -----
    Memory: views of `memory`, valid until `release` or the receiver's next ``receive``; so are
    `table` and `times`, which debug mode does not watch. What is needed longer has to be copied
    (`copy`).
    """

    __slots__ = ("_give_back", "_memory", "_table", "_times", "_view", "nbytes", "released")

    def __init__(
        self,
        memory: NDArray[np.uint8],
        table: NDArray[np.int64],
        nbytes: int,
        times: NDArray[np.int64] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self._memory, self._table, self._times = memory, table, times
        self.nbytes = nbytes
        self._give_back = release
        self._view: memoryview | None = None
        self.released = False

    def _check(self) -> None:
        if self.released:
            raise BufferLifetimeError(
                "this batch was released, and its memory may hold other datagrams by now; "
                "copy() keeps one"
            )

    @property
    def memory(self) -> NDArray[np.uint8]:
        """The memory that offsets count in: (n_bytes,) uint8, read-only."""
        self._check()
        return self._memory

    @property
    def table(self) -> NDArray[np.int64]:
        """Where each datagram lies: (n_datagrams, 5) int64."""
        self._check()
        return self._table

    @property
    def times(self) -> NDArray[np.int64] | None:
        """When the kernel saw each [ns since 1970-01-01 UTC], where the path knows."""
        self._check()
        return self._times

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, number: int) -> memoryview:
        self._check()
        if self._view is None:
            self._view = memoryview(self._memory)
        row = self._table[number]
        return self._view[row[DATAGRAM.START] : row[DATAGRAM.STOP]]

    def __iter__(self) -> Iterator[memoryview]:
        return (self[number] for number in range(len(self)))

    def copy(self) -> Batch:
        """Return the same datagrams in memory of their own: one copy of each payload."""
        table = self.table
        sizes = table[:, DATAGRAM.STOP] - table[:, DATAGRAM.START]
        ends = np.cumsum(sizes)
        memory = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        copied = room_for(len(table))
        copied[:] = (ends - sizes)[:, None]
        copied[:, DATAGRAM.STOP] = ends
        copied[:, DATAGRAM.FULL] = ends + table[:, DATAGRAM.FULL] - table[:, DATAGRAM.STOP]
        for (at, stop), row in zip(copied[:, 2:4].tolist(), table.tolist(), strict=True):
            memory[at:stop] = self._memory[row[DATAGRAM.START] : row[DATAGRAM.STOP]]
        memory.flags.writeable = False
        return Batch(
            memory, copied, self.nbytes, None if self._times is None else self._times.copy()
        )

    def release(self) -> None:
        """Give the memory back: it will be overwritten. Once is enough.

        Raises
        ------
        BufferLifetimeError
            In debug mode: views of the memory are still alive; they are named.
        """
        if self.released:
            return
        if self._give_back is not None:
            self._view = None
            self._give_back()
        self.expire()

    def expire(self) -> None:
        """Let go of the memory without a word to whoever receives into it, who closes."""
        self._memory, self._view = _NOTHING, None
        self.released = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self.release()

    def __repr__(self) -> str:
        state = "released" if self.released else f"{self.nbytes:,} bytes"
        return f"<Batch of {len(self):,} datagrams, {state}>"

    @property
    def __zcviz_owner__(self) -> Any:
        return self.memory
