"""UDP sockets to receive from: bound, joined, with room, and asked what they had to drop."""

from __future__ import annotations

import os
import socket
import struct
from abc import abstractmethod
from contextlib import suppress

from . import constants
from .counters import Counters
from .receiver import Occupancy, Receiver
from .where import Where

__all__ = ["SocketReceiver", "memory_of", "open_socket"]


def open_socket(where: Where) -> socket.socket:
    """Open a UDP socket with the room, interface, address and group that `where` asks for.

    Raises
    ------
    OSError
        The system refuses it.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if where.buffer is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, where.buffer)
        if where.busy_poll and constants.LINUX:
            with suppress(OSError):  # some kernels want a privilege for it, some have it not
                opened.setsockopt(socket.SOL_SOCKET, constants.SO_BUSY_POLL, where.busy_poll)
        if where.interface:
            _need_linux("sockets bound to an interface")
            name = where.interface.encode() + b"\0"
            opened.setsockopt(socket.SOL_SOCKET, constants.SO_BINDTODEVICE, name)
        if where.group:
            _join(opened, where)
        else:
            opened.bind((where.host, where.port))
    except BaseException:
        opened.close()
        raise
    return opened


def _need_linux(what: str) -> None:
    if not constants.LINUX:
        raise constants.missing(what)


def _join(opened: socket.socket, where: Where) -> None:
    # Several may listen to a group; on a plain port the second one would rob the first.
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # At the group's own address no unicast comes in; Windows cannot.
    opened.bind((where.group if os.name == "posix" else "", where.port))
    group = socket.inet_aton(where.group)
    if constants.LINUX:
        # Else what others on this machine joined comes in too: by any interface, from any source.
        opened.setsockopt(socket.IPPROTO_IP, constants.IP_MULTICAST_ALL, 0)
    if where.source:
        _need_linux("these calls to join for one source")

    if where.interface:
        option = constants.MCAST_JOIN_SOURCE_GROUP if where.source else constants.MCAST_JOIN_GROUP
        request = struct.pack("@I0L", socket.if_nametoindex(where.interface))
        request += _sockaddr_storage(group)
        if where.source:
            request += _sockaddr_storage(socket.inet_aton(where.source))
    elif where.source:
        option = constants.IP_ADD_SOURCE_MEMBERSHIP
        request = group + socket.inet_aton(where.host) + socket.inet_aton(where.source)
    else:
        option, request = socket.IP_ADD_MEMBERSHIP, group + socket.inet_aton(where.host)
    opened.setsockopt(socket.IPPROTO_IP, option, request)


def _sockaddr_storage(address: bytes) -> bytes:
    return struct.pack("@HH4s120x", socket.AF_INET, 0, address)


def memory_of(opened: socket.socket) -> tuple[int, int] | None:
    """Ask the kernel about a socket's queue; None where it cannot be asked.

    Returns
    -------
    tuple of int
        Bytes that what waits is charged with, the kernel's own for each packet included; and how
        many datagrams were dropped so far because there was no room. Both are of this moment.
    """
    if not constants.LINUX:
        return None
    size = 4 * constants.MEMINFO_WORDS
    try:
        words = memoryview(opened.getsockopt(socket.SOL_SOCKET, constants.SO_MEMINFO, size))
    except OSError:  # before Linux 4.12
        return None
    numbers = words.cast("I")
    return numbers[constants.MEMINFO_QUEUED], numbers[constants.MEMINFO_DROPS]


class SocketReceiver(Receiver):
    """A path with a UDP socket.

    Parameters
    ----------
    where : Where

    Attributes
    ----------
    granted : int [bytes]
        How much may wait in the socket, as the kernel counts it. Linux grants double what was asked
        for, up to double ``net.core.rmem_max``, and charges each datagram with its own structures
        too: 832 bytes for 100 bytes of payload, say.
    busy_poll : int [µs]
        Granted; 0 where it may not be had.

    Raises
    ------
    OSError
        The system refuses it; `errno` says why.

    Notes
    -----
    Memory: what the path receives into, allocated once; the kernel holds what waits.
    """

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._socket = open_socket(where)
        self._closing = False
        self._syscalls = 0
        self._dropped: int | None = None
        self._at_once = where.slots if constants.DONT_WAIT else 1
        try:
            host, port = self._socket.getsockname()
            self.address = (host, port)
            self.granted: int = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            self.busy_poll = self._read_busy_poll()
            self._prepare()
        except BaseException:
            self._socket.close()
            raise

    def _read_busy_poll(self) -> int:
        if self.where.busy_poll and constants.LINUX:
            with suppress(OSError):
                return self._socket.getsockopt(socket.SOL_SOCKET, constants.SO_BUSY_POLL)
        return 0

    @property
    def clamped(self) -> str:
        """What was asked for and what was granted, if that is less; empty if not."""
        asked = self.where.buffer
        doubled = 2 if constants.LINUX else 1
        if asked is None or self.granted >= doubled * asked:
            return ""
        return (
            f"asked for a socket buffer of {asked:,} bytes, the system allows "
            f"{self.granted // doubled:,}; net.core.rmem_max limits it"
        )

    @property
    def queued(self) -> int | None:
        """Bytes that what waits in the socket is charged with now, of `granted`."""
        memory = None if self.closed else memory_of(self._socket)
        return memory and memory[0]

    def occupancy(self) -> Occupancy | None:
        """Return what waits in the socket, of what may."""
        queued = self.queued
        return None if queued is None else Occupancy(queued, self.granted)

    @abstractmethod
    def _prepare(self) -> None:
        """Set further options, and make room to receive into."""

    def _count(self) -> Counters:
        if not self.closed and (memory := memory_of(self._socket)):
            self._dropped = memory[1]
        return Counters(dropped=self._dropped, syscalls=self._syscalls)

    def _close(self) -> None:
        self._count()
        self._closing = True
        with suppress(OSError):  # it is not connected; but who waits for it wakes up
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
