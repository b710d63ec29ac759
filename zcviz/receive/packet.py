"""Sockets that see packets before the system's own UDP does, with a ring mapped into our memory.

Source: packet(7), and Documentation/networking/packet_mmap.rst of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import mmap
import select
import socket
import struct
from abc import abstractmethod
from contextlib import ExitStack
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..buffers import Mapped
from ..kernels.rings import count_frames, give_frames
from ..protocols import ethernet
from .bpf import NOTHING, attach_filter, chooser
from .receiver import Occupancy
from .ring import Ring
from .sockets import open_socket
from .where import Where

__all__ = ["PacketRing", "interface_of", "open_anchor"]

_SIOCGIFCONF = 0x8912
_SOL_PACKET = 263
_RX_RING, _STATISTICS, _VERSION, _IGNORE_OUTGOING = 5, 6, 10, 23
_MOST_ADDRESSES = 256
_ETHERNETS = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK


def open_anchor(where: Where) -> socket.socket:
    """Open a UDP socket that has the port and the membership of the group, and receives nothing.

    Without it the sender is told that nobody listens, and the switch that nobody wants the group.
    """
    made = open_socket(where)
    attach_filter(made, NOTHING)
    return made


def interface_of(host: str) -> str:
    """Return the name of the interface that has an address.

    Raises
    ------
    OSError
        None has.
    """
    import fcntl  # Windows has none

    if ipaddress.IPv4Address(host).is_loopback:
        return "lo"
    entry = struct.Struct("16s4x4s16x")  # struct ifreq of a 64-bit system
    room = ctypes.create_string_buffer(entry.size * _MOST_ADDRESSES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("iP", len(room), ctypes.addressof(room))
        (length,) = struct.unpack_from("i", fcntl.ioctl(any_socket, _SIOCGIFCONF, asked))
    for name, address in entry.iter_unpack(room.raw[:length]):
        if address == socket.inet_aton(host):
            return str(name.partition(b"\0")[0].decode().partition(":")[0])
    raise OSError(errno.EADDRNOTAVAIL, f"no interface has the address {host}: name one")


class PacketRing(Ring):
    """A packet socket with a ring that the system copies each packet into."""

    copies = (
        "one, by the system, from where the driver put the packet into the ring; reading the ring "
        "copies nothing"
    )
    _version: ClassVar[int]  # as the system numbers it, from 0
    _layout: NDArray[np.int64]  # of what has a status, see `take_frames`
    _most: int  # packets of a batch

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._block = -(-where.block // mmap.PAGESIZE) * mmap.PAGESIZE
        self._next = self._held = self._without_room = 0
        with ExitStack() as undo:
            anchor = undo.enter_context(open_anchor(where))
            self.address = anchor.getsockname()
            # Of no protocol it receives nothing yet, and so nothing before it is filtered.
            self._socket = undo.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self._map = self._map_ring(self._socket)
            undo.callback(self._map.close, explain=False)
            self._layout[0] += self._map.address
            self._make_room(self._most)
            self._bind(where.interface or interface_of(where.host))
            self._poll.register(self._socket, select.POLLIN | select.POLLERR)
            self._opened = undo.pop_all()

    def _map_ring(self, into: socket.socket) -> Mapped:
        attach_filter(into, chooser(self.where, self.address[1]))
        into.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        into.setsockopt(_SOL_PACKET, _VERSION, self._version)
        into.setsockopt(_SOL_PACKET, _RX_RING, self._request())
        return Mapped(mmap.mmap(into.fileno(), self._block * self.where.blocks), self.name)

    def _bind(self, interface: str) -> None:
        self._socket.bind((interface, ethernet.IPV4))
        if self._socket.getsockname()[3] not in _ETHERNETS:
            raise OSError(errno.EOPNOTSUPP, f"packets of {interface} do not begin with Ethernet")

    @abstractmethod
    def _request(self) -> bytes:
        """Set `_layout`, of the map from 0, and `_most`; return a ``tpacket_req`` that fits."""

    def _hand_back(self) -> None:
        self._next = give_frames(self._layout, self._next, self._held)
        self._held = 0

    def _occupied(self) -> Occupancy:
        used = count_frames(self._layout, self._next)
        return Occupancy(used, int(self._layout[1]), self._next)

    def _losses(self) -> tuple[int, int | None]:
        # The system starts anew at each look. Its second number is of those that found no room.
        seen = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12)
        self._without_room += int(struct.unpack_from("2I", seen)[1])
        return self._without_room, None
