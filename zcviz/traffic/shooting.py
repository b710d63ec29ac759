"""Send the datagrams of a train to several places, the same to each."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Sequence

import numpy as np

from ..mmsg import HEADER, PIECE, call_named
from .train import SLOTS, Train

__all__ = ["Shooter"]

_ADDRESS = np.dtype([("family", "=u2"), ("port", ">u2"), ("host", "u1", 4), ("zero", "u1", 8)])


class Shooter:
    """A socket, and all that ``sendmmsg`` wants to know, written down once.

    Parameters
    ----------
    train : Train
    places : sequence of (str, int)
        IPv4 addresses and ports.

    Raises
    ------
    OSError
        The system permits no UDP socket.

    Notes
    -----
    Memory: a table of headers, allocated once; the system reads datagrams where the train has them.
    """

    def __init__(self, train: Train, places: Sequence[tuple[str, int]]) -> None:
        self._train, self._places = train, tuple(places)
        self._each = len(self._places)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._call = call_named("sendmmsg")
        self._view = memoryview(train.memory)
        if self._call is not None and self._each:
            self._write_headers()

    def _write_headers(self) -> None:
        train = self._train
        self._pieces = np.zeros(SLOTS, PIECE)
        self._pieces["base"] = train.memory.ctypes.data + train.table[:, 2]
        self._pieces["size"] = train.sizes
        self._addresses = np.zeros(self._each, _ADDRESS)
        self._addresses["family"] = socket.AF_INET
        self._addresses["port"] = [port for _, port in self._places]
        self._addresses["host"] = [list(socket.inet_aton(host)) for host, _ in self._places]
        # For each datagram a header a place: what is sent to one is sent to the other at once.
        self._headers = np.zeros((SLOTS, self._each), HEADER)
        message = self._headers["message"]
        places, pieces = np.arange(self._each), np.arange(SLOTS)[:, None]
        message["name"] = self._addresses.ctypes.data + _ADDRESS.itemsize * places
        message["name_size"] = _ADDRESS.itemsize
        message["pieces"] = self._pieces.ctypes.data + PIECE.itemsize * pieces
        message["n_pieces"] = 1

    def shoot(self, here: slice) -> None:
        """Send datagrams of the train to every place.

        Raises
        ------
        OSError
            The system refuses to.
        """
        if not self._each:
            return
        if self._call is None:
            self._shoot_one_by_one(here)
            return
        at = self._headers.ctypes.data + here.start * self._each * HEADER.itemsize
        left = (here.stop - here.start) * self._each
        while left:
            done = self._call(self._socket.fileno(), at, left, 0)
            if done < 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
            left -= done
            at += done * HEADER.itemsize

    def _shoot_one_by_one(self, here: slice) -> None:
        for _, _, start, stop, _ in self._train.table[here].tolist():
            for place in self._places:
                self._socket.sendto(self._view[start:stop], place)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
