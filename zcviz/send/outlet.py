"""Pieces of memory to the system, as datagrams: many in one call where there is such a call.

No byte of a message is copied here: the system is told where its pieces lie in the feed's memory.
It copies each datagram once, into a buffer of its own (an skb); that is where zero-copy ends.
MSG_ZEROCOPY would pin the pages instead, which costs more than copying datagrams does, and over
loopback the system copies all the same; sendfile feeds streams only.
"""

from __future__ import annotations

import ctypes
import os
import socket

import numpy as np
from numpy.typing import NDArray

from ..mmsg import HEADER, PIECE, call_named
from .cargo import Cargo
from .faults import FLIP

__all__ = ["SLOTS", "Many", "Outlet", "Single", "outlet_for"]

Ints = NDArray[np.int64]

SLOTS = 256
"""Datagrams that are made ready at a time."""


class Outlet:
    """Room to make datagrams ready in, and a socket that they go out of.

    Parameters
    ----------
    cargo : Cargo
    socket : socket
        Connected.

    Attributes
    ----------
    headers : (SLOTS, header) uint8
        Headers of the datagrams that are ready; of no width where these lie in the feed's memory.
    flipped : (SLOTS, 1) uint8
        A damaged byte of each, where there is one.
    sizes : (SLOTS,) int64 [bytes]
        Of the datagrams that are ready, headers included.
    untold : int
        Errors that the system kept to itself.

    Notes
    -----
    Memory: allocates its room once.
    """

    def __init__(self, cargo: Cargo, socket: socket.socket) -> None:
        self.cargo, self.socket = cargo, socket
        self.headers = np.zeros((SLOTS, cargo.header_size), np.uint8)
        self.flipped = np.zeros((SLOTS, 1), np.uint8)
        self.sizes = np.zeros(SLOTS, np.int64)
        self.untold = 0

    def aim(self, which: Ints, flips: Ints) -> None:
        """Make datagrams ready.

        Parameters
        ----------
        which : (n,) int64
            At most `SLOTS`.
        flips : (n,) int64 [bytes]
            Where in each a bit is turned round; -1: nowhere.
        """
        cargo, n, header = self.cargo, len(which), self.cargo.header_size
        starts, sizes = cargo.starts[which], cargo.sizes[which]
        np.add(sizes, header, out=self.sizes[:n])
        if cargo.headers is not None:
            np.take(cargo.headers, which, axis=0, out=self.headers[:n])
        before = sizes
        if (flips >= 0).any():
            before = self._flip(starts, sizes, flips)
        self._place(starts, before, sizes)

    def _flip(self, starts: Ints, sizes: Ints, flips: Ints) -> Ints:
        # Where the damaged byte is put between two pieces; behind the only one, if there is none.
        in_header = np.flatnonzero((flips >= 0) & (flips < self.cargo.header_size))
        self.headers[in_header, flips[in_header]] ^= FLIP
        behind = flips - self.cargo.header_size
        rows = np.flatnonzero((flips >= 0) & (behind >= 0))
        self.flipped[rows, 0] = self.cargo.data[starts[rows] + behind[rows]] ^ FLIP
        before = sizes.copy()
        before[rows] = behind[rows]
        return before

    def _place(self, starts: Ints, before: Ints, sizes: Ints) -> None:
        raise NotImplementedError

    def push(self, done: int, ready: int) -> int:
        """Hand over the datagrams from `done` to before `ready`; return how many were taken.

        Raises
        ------
        OSError
            The system took none.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the socket, and look into the feed's memory no more."""
        self.socket.close()
        del self.cargo


class Many(Outlet):
    """Through sendmmsg: one call for all that are ready."""

    def __init__(self, cargo: Cargo, socket: socket.socket) -> None:
        super().__init__(cargo, socket)
        call = call_named("sendmmsg")
        assert call is not None
        self._call = call
        # Header, what is before the damaged byte, that byte, what is behind: those that are of no
        # size cost nothing, and up to eight pieces the system keeps on its stack.
        self._pieces = np.zeros((SLOTS, 4), PIECE)
        self._messages = np.zeros(SLOTS, HEADER)
        self._pieces["base"][:, 0] = _addresses(self.headers)
        self._pieces["base"][:, 2] = _addresses(self.flipped)
        self._pieces["size"][:, 0] = cargo.header_size
        self._messages["message"]["pieces"] = _addresses(self._pieces)
        self._messages["message"]["n_pieces"] = 4
        self._base, self._size = self._pieces["base"], self._pieces["size"]
        self._stopped = False
        self._data, self._first = cargo.data.ctypes.data, self._messages.ctypes.data

    def _place(self, starts: Ints, before: Ints, sizes: Ints) -> None:
        n = len(starts)
        np.add(starts, self._data, out=self._base[:n, 1], casting="unsafe")
        self._size[:n, 1] = before
        if before is sizes:
            self._size[:n, 2:] = 0
            return
        flipped = before < sizes
        self._size[:n, 2] = flipped
        self._base[:n, 3] = self._data + starts + before + 1
        self._size[:n, 3] = sizes - before - flipped

    def push(self, done: int, ready: int) -> int:
        """Hand over the datagrams from `done` to before `ready`; return how many were taken.

        An error behind the first of them is not told, but ends the call. What lasts, the next call
        tells; an error that is gone by then was the answer to a datagram before.
        """
        first = self._first + HEADER.itemsize * done
        taken = self._call(self.socket.fileno(), first, ready - done, 0)
        stopped, self._stopped = self._stopped, 0 <= taken < ready - done
        if taken < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self.untold += stopped
        return taken


class Single(Outlet):
    """Through send, one call for each: where there is no call for many."""

    def __init__(self, cargo: Cargo, socket: socket.socket) -> None:
        super().__init__(cargo, socket)
        self._view = memoryview(cargo.data)

    def _place(self, starts: Ints, before: Ints, sizes: Ints) -> None:
        self._cuts = np.stack([starts, starts + before, starts + sizes], axis=1).tolist()

    def push(self, done: int, ready: int) -> int:
        """Hand over one datagram."""
        start, cut, stop = self._cuts[done]
        pieces = [self._view[start:cut]]
        if self.cargo.header_size:
            pieces.insert(0, memoryview(self.headers[done]))
        if cut < stop:
            pieces += [memoryview(self.flipped[done]), self._view[cut + 1 : stop]]
        if len(pieces) == 1:
            self.socket.send(pieces[0])
        elif hasattr(self.socket, "sendmsg"):
            self.socket.sendmsg(pieces)
        else:  # Windows: Python offers no other way there than to put them together
            self.socket.send(b"".join(pieces))
        return 1

    def close(self) -> None:
        """Close the socket, and look into the feed's memory no more."""
        super().close()
        self._view = memoryview(b"")


def outlet_for(cargo: Cargo, socket: socket.socket) -> Outlet:
    """Return the outlet that costs the least on this system."""
    return (Single if call_named("sendmmsg") is None else Many)(cargo, socket)


def _addresses(rows: NDArray[np.generic]) -> NDArray[np.uintp]:
    # Of the rows of an array that lies in one piece.
    return (rows.ctypes.data + np.arange(len(rows)) * rows.strides[0]).astype(np.uintp)
