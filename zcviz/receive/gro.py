"""Many datagrams in one: `UDP_GRO` of Linux hands over what the kernel had put together."""

from __future__ import annotations

import socket
import struct

import numpy as np

from ..kernels.rooms import list_segments
from . import constants
from .batch import Batch, room_for
from .calling import CallingReceiver
from .rooms import Slots

__all__ = ["Gro"]

_ROOM = 1 << 16  # bytes: no train is longer, and none has more segments
_TRAINS = 256  # at most; the memory for one that is never so long is never touched
_SIZE = struct.Struct("i")


class Gro(CallingReceiver):
    """``recvmsg_into`` with ``UDP_GRO``: datagrams of one flow and size come as one, in segments.

    The kernel puts together what the device (or a sender on this machine with ``UDP_SEGMENT``)
    delivers as a train; a datagram that came alone is a train of one. The segments of a train are
    rows of the batch's table.

    Nothing is cut, whatever `Where.slot` says: a train has 64 KiB of room. Trains are taken until
    there are `Where.slots` datagrams, or a few more.
    """

    name = "udp.gro"
    copies = "one: by the kernel, a train of datagrams at a time"

    def _prepare(self) -> None:
        if not constants.LINUX:
            raise constants.missing("UDP_GRO")
        self._socket.setsockopt(constants.SOL_UDP, constants.UDP_GRO, 1)
        count = min(self._at_once, _TRAINS)
        self._trains = np.zeros((count, 2), np.int64)
        self._sizes = memoryview(self._trains[:, 0])
        self._segments = memoryview(self._trains[:, 1])
        self._table = room_for(self._at_once + _ROOM)
        self._slots = Slots(count, _ROOM, np.zeros(count, np.uint32))
        self._rooms = [[room] for room in self._slots.rooms]
        self._extra = socket.CMSG_SPACE(_SIZE.size)
        self._taken()  # what has to be compiled is compiled before anything comes in

    def _own_views(self) -> tuple[object, ...]:
        return self._slots.own_views

    def _take(self, flags: int) -> None:
        receive, extra = self._socket.recvmsg_into, self._extra
        datagrams = 0
        for number, room in enumerate(self._rooms):
            size, notes, _, _ = receive(room, extra, flags)
            segment = _SIZE.unpack(notes[0][2])[0] if notes else 0
            self._sizes[number], self._segments[number] = size, segment
            self._calls = number + 1
            datagrams += size // segment + 1 if segment else 1
            if datagrams >= self._at_once:
                break
            flags = constants.DONT_WAIT

    def _taken(self) -> Batch:
        rows, nbytes = list_segments(self._trains, self._calls, _ROOM, self._table)
        return self._lend(self._slots.memory, self._table[:rows], nbytes)
