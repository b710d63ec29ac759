"""Three ways to receive with one call for each datagram: `recv`, `recv_into`, `recvmsg`."""

from __future__ import annotations

import socket
import struct

import numpy as np

from . import constants
from .batch import Batch
from .calling import CallingReceiver, SlotReceiver
from .rooms import Joined

__all__ = ["Recv", "RecvInto", "RecvMsg"]

_LARGEST = 65_535
_MORE = constants.DONT_WAIT | constants.REAL_LENGTH
_SECOND = 10**9
_TIME = struct.Struct("ll")  # struct timespec
_COUNT = struct.Struct("I")


class Recv(CallingReceiver):
    """``socket.recv``: a new bytes object for every datagram, joined into one more for the batch.

    It asks for 65,535 bytes each time, as is usual: nothing is cut, whatever `Where.slot` says.
    """

    name = "udp.recv"
    copies = (
        "two: by the kernel, into a new bytes object for each datagram; "
        "and into the bytes object in which those of a batch are joined"
    )
    copied = 2

    def _prepare(self) -> None:
        self._joined = Joined(self._at_once)

    def _take(self, flags: int) -> None:
        recv = self._socket.recv
        self._pieces: list[bytes] = []
        keep = self._pieces.append
        for number in range(self._at_once):
            keep(recv(_LARGEST, flags))
            self._calls = number + 1
            flags = constants.DONT_WAIT

    def _taken(self) -> Batch:
        return self._lend(*self._joined.join(self._pieces))


class RecvInto(SlotReceiver):
    """``socket.recv_into``: each datagram into a slot that was there before.

    Elsewhere than on Linux, a datagram that was cut cannot be told from one that just fits.
    """

    name = "udp.recv_into"

    def _take(self, flags: int) -> None:
        receive, sizes = self._socket.recv_into, self._slots.sizes
        flags |= constants.REAL_LENGTH
        for number, room in enumerate(self._slots.rooms):
            sizes[number] = receive(room, 0, flags)
            self._calls = number + 1
            flags = _MORE


class RecvMsg(SlotReceiver):
    """``socket.recvmsg_into``: into slots too, and the kernel tells about each datagram.

    Attributes
    ----------
    overflow : int
        ``SO_RXQ_OVFL``: how many had been dropped when the last datagram *was put into the queue*.
        After a burst it is behind, until one more comes; `counters` are not.
    """

    name = "udp.recvmsg"

    def _prepare(self) -> None:
        if not constants.LINUX:
            raise constants.missing("the kernel's time of receiving")
        super()._prepare()
        for option in (constants.SO_TIMESTAMPNS, constants.SO_RXQ_OVFL):
            self._socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self._rooms = [[room] for room in self._slots.rooms]
        self._times = np.zeros(self._at_once, np.int64)
        self._noted = memoryview(self._times)
        self._extra = socket.CMSG_SPACE(_TIME.size) + socket.CMSG_SPACE(_COUNT.size)
        self.overflow = 0

    def _take(self, flags: int) -> None:
        receive, extra = self._socket.recvmsg_into, self._extra
        sizes, times = self._slots.sizes, self._noted
        flags |= constants.REAL_LENGTH
        for number, room in enumerate(self._rooms):
            sizes[number], notes, _, _ = receive(room, extra, flags)
            for _, kind, value in notes:
                if kind == constants.SO_TIMESTAMPNS:
                    seconds, rest = _TIME.unpack(value)
                    times[number] = seconds * _SECOND + rest
                elif kind == constants.SO_RXQ_OVFL:
                    (self.overflow,) = _COUNT.unpack(value)
            self._calls = number + 1
            flags = _MORE

    def _taken(self) -> Batch:
        n = self._calls
        return self._lend(*self._slots.first(n), self._times[:n])
