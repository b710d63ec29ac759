"""Many datagrams with one call: `recvmmsg` of Linux."""

from __future__ import annotations

import ctypes
import os

import numpy as np
from numpy.typing import NDArray

from ..mmsg import HEADER, MOST, PIECE, call_named
from . import constants
from .batch import Batch
from .calling import SlotReceiver

__all__ = ["RecvMmsg"]


class RecvMmsg(SlotReceiver):
    """``recvmmsg``: waits for one datagram, and takes along what else is there, 1024 at most.

    Other threads run during the call; but when it returns, the interpreter has to be had again,
    for which a busy thread may let it wait for milliseconds (`sys.setswitchinterval`).
    """

    name = "udp.recvmmsg"
    _most = MOST

    def _prepare(self) -> None:
        call = call_named("recvmmsg")
        if call is None:
            raise constants.missing("recvmmsg")
        super()._prepare()
        count, size = len(self._headers), self.where.slot
        self._pieces = np.zeros(count, PIECE)
        self._pieces["base"] = self._slots.memory.ctypes.data + np.arange(0, count * size, size)
        self._pieces["size"] = size
        message = self._headers["message"]
        message["pieces"] = self._pieces.ctypes.data + np.arange(count) * PIECE.itemsize
        message["n_pieces"] = 1
        self._call, self._arguments = call, (self._headers.ctypes.data, count)
        self._received = 0

    def _sizes_of(self, count: int) -> NDArray[np.uint32]:
        self._headers = np.zeros(count, HEADER)
        return self._headers["size"]

    def _take(self, flags: int) -> None:
        flags |= constants.WAIT_FOR_ONE | constants.REAL_LENGTH
        received = self._call(self._socket.fileno(), *self._arguments, flags, None)
        if received < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._calls, self._received = 1, received

    def _taken(self) -> Batch:
        return self._lend(*self._slots.first(self._received))
