"""A ring of blocks, each with as many packets as have room: fewest steps for each packet."""

from __future__ import annotations

import struct

import numpy as np

from ..kernels.rings import BLOCK_STATUS, SECONDS_3, Taken, take_block
from .packet import PacketRing

__all__ = ["RingV3"]

_FRAME = 2048
_SMALLEST = 128  # bytes of the smallest packet with its header, as the system lays them out


class RingV3(PacketRing):
    """A packet ring of version 3: a batch is a block.

    A block is handed over when it is full, or `Where.retire` after its first packet: at low rates
    a packet waits for half of that, and most of each block is empty. Many small blocks lose less.

    Checksums are not looked at. Fragments are passed over, and counted nowhere.

    Parameters
    ----------
    where : Where
        `block`, `blocks` and `retire` count.

    Raises
    ------
    OSError
        The system refuses it: packet sockets take CAP_NET_RAW.

    Notes
    -----
    Memory: maps `block` × `blocks` bytes. A batch keeps one block from the system, which fills the
    others meanwhile and counts as lost what finds none.
    """

    name = "packet.ring_v3"
    _version = 2
    _seconds = SECONDS_3

    def _request(self) -> bytes:
        blocks, size = self.where.blocks, self._block
        self._layout = np.array([BLOCK_STATUS, blocks, 1, size, size], np.int64)
        self._most = size // _SMALLEST
        # Packets take what they need of a block; the size of a frame only has to divide it.
        frames = size // _FRAME * blocks
        return struct.pack("7I", size, blocks, _FRAME, frames, self.where.retire, 0, 0)

    def _take(self) -> Taken:
        ring, at = self._map, self._next * self._block
        taken = take_block(
            ring.data, ring.address, at, self._block, self._packets, self._found, self._times
        )
        self._held = int(taken[0] > 0 or taken[1] >= 0)
        return taken
