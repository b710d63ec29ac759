"""AF_XDP: packets that a program at the driver puts into memory of ours.

Source: Documentation/networking/af_xdp.rst of Linux, linux/if_xdp.h.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import time
from contextlib import ExitStack
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..buffers import Mapped
from ..kernels.fence import load_acquire
from ..kernels.rings import Taken, give_descriptors, take_descriptors
from .bpf import attach_program, create_map, load_program, put_socket, redirector
from .packet import interface_of, open_anchor
from .receiver import Occupancy
from .ring import Ring
from .sockets import memory_of
from .where import Where

__all__ = ["XdpCopy", "XdpZeroCopy"]

_AF_XDP, _SOL_XDP = 44, 283
_OFFSETS, _RX_RING, _MEMORY, _FILL_RING, _COMPLETION_RING, _STATISTICS = 1, 2, 4, 5, 6, 7
_FILL_AT = 0x1_0000_0000
_COPY, _ZEROCOPY = 1 << 1, 1 << 2
_BEFORE = 256 + 14 + 60 + 8  # bytes of a chunk: what the system keeps, headers up to UDP's
_QUEUE = 0
_PATIENCE = 0.4  # s; the system lets go of the queue a while after the one before was closed


class _Words:
    # A ring of entries that is shared with the system, and where the words that drive it are.

    def __init__(self, of: socket.socket, at: int, offsets: tuple[int, ...], words: int) -> None:
        producer, consumer, entries, _ = offsets
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        self._map = mmap.mmap(of.fileno(), entries + 8 * words, flags, offset=at)
        self.entries: NDArray[np.int64] = np.frombuffer(self._map, np.int64, words, entries)
        start = self.entries.ctypes.data - entries
        self.producer, self.consumer = start + producer, start + consumer

    def close(self) -> None:
        self.entries = np.empty(0, np.int64)
        self._map.close()


class XdpCopy(Ring):
    """AF_XDP with a copy into our memory: a batch is what is there, up to `Where.slots`.

    It takes what comes on receive queue 0 of the interface, untagged. What else comes for the
    address is counted as `Counters.dropped`, a packet longer than a chunk as `Counters.lost`.
    Checksums are not looked at.

    Parameters
    ----------
    where : Where
        `block`, `blocks`, `slot` and `slots` count: as many chunks with room for `slot` bytes,
        4 KiB at most, as fit into the blocks, down to a power of two.

    Raises
    ------
    OSError
        The system refuses it: it takes CAP_NET_RAW, CAP_BPF and CAP_NET_ADMIN.

    Notes
    -----
    Memory: allocates `block` × `blocks` bytes, which the system writes into. A batch keeps its
    chunks from the system, which fills the others meanwhile.
    """

    name = "xdp.copy"
    copies = (
        "one, by the system, from where the driver put the packet into our memory; no part of the "
        "system's own network stack has seen it"
    )
    _flags: ClassVar[int] = _COPY

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._chunk = 2048 if where.slot + _BEFORE <= 2048 else 4096
        self._chunks = 1 << (where.block * where.blocks // self._chunk).bit_length() - 1
        with ExitStack() as undo:
            self._anchor = undo.enter_context(open_anchor(where))
            self.address = self._anchor.getsockname()
            self._socket = undo.enter_context(socket.socket(_AF_XDP, socket.SOCK_RAW, 0))
            self._map = Mapped(mmap.mmap(-1, self._chunk * self._chunks), self.name)
            undo.callback(self._map.close, explain=False)
            self._share_memory(undo)
            interface = socket.if_nametoindex(where.interface or interface_of(where.host))
            self._make_room(min(where.slots, self._chunks))
            self._bind(interface)
            self._redirect(interface, undo)
            self._poll.register(self._socket, select.POLLIN | select.POLLERR)
            self._opened = undo.pop_all()

    def _share_memory(self, undo: ExitStack) -> None:
        chunks, ours = self._chunks, self._socket
        memory = struct.pack("2Q4I", self._map.address, self._map.size, self._chunk, 0, 0, 0)
        ours.setsockopt(_SOL_XDP, _MEMORY, memory)
        for ring, entries in (_FILL_RING, chunks), (_COMPLETION_RING, 1), (_RX_RING, chunks):
            ours.setsockopt(_SOL_XDP, ring, entries)
        at = struct.unpack("16Q", ours.getsockopt(_SOL_XDP, _OFFSETS, 128))
        self._ring = _Words(ours, 0, at[:4], 2 * chunks)
        undo.callback(self._ring.close)
        self._fill = _Words(ours, _FILL_AT, at[8:12], chunks)
        undo.callback(self._fill.close)
        words = self._ring.producer, self._ring.consumer, self._fill.producer, self._chunk
        self._words = np.array(words, np.int64)
        # All chunks are the system's to fill: as if a ring full of them had been read before.
        self._ring.entries[::2] = np.arange(chunks) * self._chunk
        self._consumed, self._held = -chunks, chunks
        self._hand_back()

    def _bind(self, interface: int) -> None:
        address = struct.pack("2H3I", _AF_XDP, self._flags, interface, _QUEUE, 0)
        call = ctypes.CDLL(None, use_errno=True).bind
        until = time.monotonic() + _PATIENCE
        while call(self._socket.fileno(), address, len(address)):
            why = ctypes.get_errno()
            if why != errno.EBUSY or time.monotonic() > until:
                raise OSError(why, f"{self.name}: {os.strerror(why)}")
            time.sleep(_PATIENCE / 20)

    def _redirect(self, interface: int, undo: ExitStack) -> None:
        sockets = create_map(_QUEUE + 1)
        undo.callback(os.close, sockets)
        put_socket(sockets, _QUEUE, self._socket.fileno())
        program = load_program(redirector(self.where, self.address[1], sockets))
        undo.callback(os.close, program)
        undo.callback(os.close, attach_program(program, interface))

    def _take(self) -> Taken:
        taken = take_descriptors(
            self._map.data, self._words, self._ring.entries, self._consumed, self._packets,
            self._found,
        )  # fmt: skip
        self._held = taken[0] + (taken[1] >= 0)
        return taken

    def _hand_back(self) -> None:
        self._consumed = give_descriptors(
            self._words, self._ring.entries, self._fill.entries, self._consumed, self._held
        )
        self._held = 0

    def _occupied(self) -> Occupancy:
        used = load_acquire(self._ring.producer) - self._consumed & 0xFFFFFFFF
        return Occupancy(used, self._chunks, self._consumed % self._chunks)

    def _losses(self) -> tuple[int, int | None]:
        seen = self._socket.getsockopt(_SOL_XDP, _STATISTICS, 48)
        without_room, _, _, ring_full, _, _ = struct.unpack("6Q", seen)
        passed = memory_of(self._anchor)
        return without_room + ring_full, passed and passed[1]


class XdpZeroCopy(XdpCopy):
    """AF_XDP where the driver itself writes into our memory, or an `OSError` where it cannot.

    See `XdpCopy` for the rest. Few drivers can; those of virtual interfaces answer EOPNOTSUPP.
    """

    name = "xdp.zerocopy"
    copies = "none: the interface writes into our memory"
    copied = 0
    _flags = _ZEROCOPY
