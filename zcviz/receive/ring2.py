"""A ring of frames, one packet in each: handed over at once."""

from __future__ import annotations

import struct

import numpy as np

from ..kernels.rings import SECONDS_2, Taken, take_frames
from .packet import PacketRing

__all__ = ["RingV2"]

_BEFORE = 80 + 60 + 8  # bytes of a frame before the payload: the ring's header, IP's at most, UDP's
_ALIGNED = 16


class RingV2(PacketRing):
    """A packet ring of version 2: a batch is what is there, up to `Where.slots`.

    Checksums are not looked at. Fragments are passed over, and counted nowhere.

    Parameters
    ----------
    where : Where
        `block`, `blocks`, `slot` and `slots` count: as many frames with room for `slot` bytes as
        fit into the blocks.

    Raises
    ------
    OSError
        The system refuses it: packet sockets take CAP_NET_RAW.

    Notes
    -----
    Memory: maps `block` × `blocks` bytes. A batch keeps its frames from the system, which fills the
    others meanwhile and counts as lost what finds none.
    """

    name = "packet.ring_v2"
    _version = 1
    _seconds = SECONDS_2

    def _request(self) -> bytes:
        blocks = self.where.blocks
        size = -(-(_BEFORE + self.where.slot) // _ALIGNED) * _ALIGNED
        frames = self._block // size * blocks
        self._layout = np.array([0, frames, self._block // size, self._block, size], np.int64)
        self._most = min(self.where.slots, frames)
        return struct.pack("4I", self._block, blocks, size, frames)

    def _take(self) -> Taken:
        taken = take_frames(
            self._map.data, self._layout, self._next, self._packets, self._found, self._times
        )
        self._held = taken[0] + (taken[1] >= 0)
        return taken
