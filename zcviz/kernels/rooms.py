"""Where datagrams lie that a socket put into our memory: the table of them, from their sizes."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._jit import inner, jit
from .messages import DATAGRAM

__all__ = ["list_pieces", "list_segments"]

Array = NDArray[Any]

_RECORD, _IP, _START = int(DATAGRAM.RECORD), int(DATAGRAM.IP), int(DATAGRAM.START)
_STOP, _FULL = int(DATAGRAM.STOP), int(DATAGRAM.FULL)


@inner
def _put(datagrams: Array, row: int, start: int, stop: int, full: int) -> None:
    datagrams[row, _RECORD] = datagrams[row, _IP] = datagrams[row, _START] = start
    datagrams[row, _STOP] = stop
    datagrams[row, _FULL] = full


@jit
def list_pieces(sizes: Array, count: int, room: int, datagrams: Array) -> tuple[int, int]:
    """List datagrams of known sizes.

    Parameters
    ----------
    sizes : (n,) unsigned [bytes]
        On the wire.
    count : int
        How many of them to look at.
    room : int [bytes]
        Each has a room of its own, so large, and what had no room in it is cut off. 0: they lie one
        after the other.
    datagrams : (count or more, 5) int64
        Filled from the front, see `DATAGRAM`.

    Returns
    -------
    tuple of int
        Bytes that are here, and how many datagrams are cut.
    """
    nbytes = cut = 0
    for i in range(count):
        size = full = sizes[i] + 0  # signed, as differences have to be
        start = i * room if room else nbytes
        if room and size > room:
            size = room
            cut += 1
        _put(datagrams, i, start, start + size, start + full)
        nbytes += size
    return nbytes, cut


@jit
def list_segments(trains: Array, count: int, room: int, datagrams: Array) -> tuple[int, int]:
    """List the datagrams of trains: of one size each, but the last of a train may be shorter.

    Parameters
    ----------
    trains : (n, 2) int64 [bytes]
        Size of each train, and of its segments.
    count : int
        How many of them to look at.
    room : int [bytes]
        From one train to the next.
    datagrams : (n_rows, 5) int64
        Filled from the front, see `DATAGRAM`.

    Returns
    -------
    tuple of int
        How many datagrams there are, and their bytes. What has no room in the table is left out.
    """
    row = nbytes = 0
    for i in range(count):
        start, size, segment = i * room, trains[i, 0], trains[i, 1]
        stop = start + size
        if segment <= 0 or segment > size:  # one that came alone; it may be empty
            segment = max(size, 1)
        while row < len(datagrams):
            end = min(start + segment, stop)
            _put(datagrams, row, start, end, end)
            nbytes += end - start
            row += 1
            start = end
            if start >= stop:
                break
    return row, nbytes
