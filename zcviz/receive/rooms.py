"""What datagrams are put into, and the table of where they lie in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..kernels.rooms import list_pieces
from .batch import room_for

__all__ = ["Joined", "Slots"]

Listed = tuple[NDArray[np.uint8], NDArray[np.int64], int]


class Slots:
    """Memory that is divided into slots, one for a datagram.

    Parameters
    ----------
    count : int
    size : int [bytes]
        Of a slot.
    sizes : (count,) uint32
        Will hold how long each datagram was on the wire.

    Attributes
    ----------
    memory : (count * size,) uint8
        Read-only: what a batch looks into.
    rooms : list of memoryview
        The slots, writable. Made once: to slice takes an allocation.
    sizes : memoryview of uint32
        Through which a size is set faster than through numpy.
    cut : int
        How many had no room in their slot, so far.
    """

    def __init__(self, count: int, size: int, sizes: NDArray[np.uint32]) -> None:
        self._size = size
        self._writable = np.zeros(count * size, np.uint8)
        self.memory: NDArray[np.uint8] = self._writable.view()
        self.memory.flags.writeable = False
        view = memoryview(self._writable)
        self.rooms = [view[at : at + size] for at in range(0, count * size, size)]
        self._sizes, self.sizes = sizes, memoryview(sizes)
        self.cut = 0
        self._table = room_for(count)
        self.own_views = (self._writable, self.memory, view, *self.rooms)
        self.first(0)  # what has to be compiled is compiled before anything comes in

    def first(self, count: int) -> Listed:
        """Return memory, table and bytes of the first datagrams, whose sizes are there."""
        nbytes, cut = list_pieces(self._sizes, count, self._size, self._table)
        self.cut += cut
        return self.memory, self._table[:count], nbytes


class Joined:
    """Bytes objects, joined for each batch. Memory: allocates the joined bytes; they stay as is."""

    def __init__(self, count: int) -> None:
        self._sizes = np.zeros(count, np.uint32)
        self._table = room_for(count)
        self.join(())

    def join(self, pieces: Sequence[bytes]) -> Listed:
        """Copy the pieces into one memory, and return that, the table, and the bytes in all."""
        count = len(pieces)
        self._sizes[:count] = [len(piece) for piece in pieces]
        nbytes, _ = list_pieces(self._sizes, count, 0, self._table)
        return np.frombuffer(b"".join(pieces), np.uint8), self._table[:count], nbytes
