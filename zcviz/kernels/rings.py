"""Rings that the system's kernel fills: their entries into packets, every bound checked.

What nearly all packets are, UDP in plain Ethernet, is found in the same call: of a ring that hands
over packet by packet, calls are most of the cost.

Layouts: linux/if_packet.h (``tpacket_block_desc``, ``tpacket3_hdr``, ``tpacket2_hdr``) and
linux/if_xdp.h (``xdp_desc``). They are in the machine's order of bytes, which is little-endian
wherever rings are read.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..protocols import linktypes
from ._jit import inner, jit
from .fence import acquire, release
from .links import FARTHEST, FULL, START, STOP, find_plain
from .loads import u16, u32
from .records import CAPTURED, FRAME, LINK, ORIGINAL, RECORD

__all__ = [
    "BLOCK_STATUS",
    "SECONDS_2",
    "SECONDS_3",
    "Taken",
    "count_frames",
    "give_descriptors",
    "give_frames",
    "sum_up",
    "take_block",
    "take_descriptors",
    "take_frames",
]

Array = NDArray[Any]

_USER = 1  # the bit of a status that says: ours

BLOCK_STATUS = 8
"""Where in a block of version 3 its status is."""
_COUNT, _FIRST, _BLOCK = 12, 16, 48
_NEXT, SECONDS_3, _SNAP_3, _LENGTH_3, _MAC_3, _HEADER_3 = 0, 4, 12, 16, 24, 48
_LENGTH_2, _SNAP_2, _MAC_2, SECONDS_2, _HEADER_2 = 4, 8, 12, 16, 32
_DESCRIPTOR, _DESCRIBED = 16, 8

_ON_ETHERNET = linktypes.ETHERNET
_FARTHEST_FRAME = 0xFFFF - FARTHEST  # from the record's start, see there

# Each `take_…` answers with: how many packets it found, and the place of what contradicts the
# bounds or itself, or −1; then, as `sum_up` has it, how many datagrams and bytes are in them. If
# there are fewer datagrams than packets, one is not plain, and `find_datagrams` has to look.
Taken = tuple[int, int, int, int]


@jit
def take_block(
    data: Array, origin: int, block: int, size: int, packets: Array, datagrams: Array, times: Array
) -> Taken:
    """List the packets of a block of a ring of version 3, if it is ours.

    Parameters
    ----------
    data : (n_bytes,) uint8
    origin : int
        Its address: the status word is read from there.
    block, size : int
        Where the block lies.
    packets : (n, 5) int64
        Filled from the front, as `scan_pcap` does.
    datagrams : (n, 5) int64
        Filled from the front, as `find_datagrams` does.
    times : (n,) int64 [ns]
        Filled: when each datagram came.

    Returns
    -------
    tuple of int
        See above.
    """
    end = block + size
    if block < 0 or size < _BLOCK or end > len(data):
        return 0, block, 0, 0
    if not acquire(origin + block + BLOCK_STATUS) & _USER:
        return 0, -1, 0, 0
    count = u32(data, block + _COUNT, False)
    if not 0 < count <= len(packets):
        return 0, block + _COUNT, 0, 0
    at, after = block + u32(data, block + _FIRST, False), block + _BLOCK
    for i in range(count):
        if at < after or at + _HEADER_3 > end:
            return i, at, 0, 0
        frame = at + u16(data, at + _MAC_3, False)
        after = frame + u32(data, at + _SNAP_3, False)
        if frame < at + _HEADER_3 or frame > at + _FARTHEST_FRAME or after > end:
            return i, at, 0, 0
        packets[i, RECORD] = at
        packets[i, FRAME] = frame
        packets[i, CAPTURED] = after
        packets[i, LINK] = _ON_ETHERNET
        packets[i, ORIGINAL] = u32(data, at + _LENGTH_3, False)
        at += u32(data, at + _NEXT, False)
    found = find_plain(data, packets, count, datagrams)
    _read_times(data, datagrams, found, SECONDS_3, times)
    return count, -1, found, _bytes_of(datagrams, found)


@jit
def take_frames(
    data: Array, ring: Array, first: int, packets: Array, datagrams: Array, times: Array
) -> Taken:
    """List the packets of a ring of version 2 that are ours, from frame `first` on.

    Parameters
    ----------
    data : (n_bytes,) uint8
    ring : (5,) int64
        Address of `data`, where status words are read; how many frames there are, how many a block
        has, bytes of a block, bytes of a frame.
    first : int
        Number of a frame.
    packets, datagrams, times
        As for `take_block`. No more packets are taken than have room.

    Returns
    -------
    tuple of int
        See above.
    """
    origin, size = ring[0], ring[4]
    count = most = min(len(packets), ring[1])
    for i in range(most):
        at = _place(ring, first + i) - origin
        if size < _HEADER_2 or at < 0 or at + size > len(data):
            return i, at, 0, 0
        if not acquire(origin + at) & _USER:
            count = i
            break
        frame = at + u16(data, at + _MAC_2, False)
        after = frame + u32(data, at + _SNAP_2, False)
        if frame < at + _HEADER_2 or frame > at + _FARTHEST_FRAME or after > at + size:
            return i, at, 0, 0
        packets[i, RECORD] = at
        packets[i, FRAME] = frame
        packets[i, CAPTURED] = after
        packets[i, LINK] = _ON_ETHERNET
        packets[i, ORIGINAL] = u32(data, at + _LENGTH_2, False)
    found = find_plain(data, packets, count, datagrams)
    _read_times(data, datagrams, found, SECONDS_2, times)
    return count, -1, found, _bytes_of(datagrams, found)


@inner
def _place(ring: Array, number: int) -> int:
    within = number % ring[1]
    return ring[0] + within // ring[2] * ring[3] + within % ring[2] * ring[4]  # type: ignore[no-any-return]


@jit
def give_frames(ring: Array, first: int, count: int) -> int:
    """Give frames of a ring of version 2 back; return the number of the next one.

    Blocks of version 3 as well: frames, of which each block has one.
    """
    for number in range(first, first + count):
        release(_place(ring, number), 0)
    return (first + count) % ring[1]  # type: ignore[no-any-return]


@jit
def count_frames(ring: Array, first: int) -> int:
    """Return how many frames are ours, from `first` to the first one that is not."""
    count = 0
    while count < ring[1] and acquire(_place(ring, first + count)) & _USER:
        count += 1
    return count


@jit
def take_descriptors(
    data: Array, ring: Array, entries: Array, consumed: int, packets: Array, datagrams: Array
) -> Taken:
    """List the packets that a ring of AF_XDP describes, from entry `consumed` on.

    Parameters
    ----------
    data : (n_bytes,) uint8
        The memory that is described.
    ring : (4,) int64
        Addresses of the words that say how many entries were made, how many of them are done with,
        and how many chunks were handed out to be filled; bytes of a chunk.
    entries : (2 n,) int64
        An address, which counts from the start of `data`, and a length in the lower half of a
        word; n is a power of two.
    consumed : int
        How many of them are done with.
    packets, datagrams
        As for `take_block`. No more packets are taken than have room.

    Returns
    -------
    tuple of int
        See above; a place is the number of an entry.
    """
    mask = len(entries) // 2 - 1
    count = (acquire(ring[0]) - consumed) & 0xFFFFFFFF
    if count > mask + 1:
        return 0, consumed & mask, 0, 0
    count = min(count, len(packets))
    for i in range(count):
        entry = (consumed + i) & mask
        frame = entries[2 * entry] + 0
        size = entries[2 * entry + 1] & 0xFFFFFFFF
        if frame < 0 or frame > len(data) - size:
            return i, entry, 0, 0
        packets[i, RECORD] = frame
        packets[i, FRAME] = frame
        packets[i, CAPTURED] = frame + size
        packets[i, LINK] = _ON_ETHERNET
        packets[i, ORIGINAL] = size
    found = find_plain(data, packets, count, datagrams)
    return count, -1, found, _bytes_of(datagrams, found)


@jit
def give_descriptors(ring: Array, entries: Array, fill: Array, consumed: int, count: int) -> int:
    """Give the chunks of memory back that entries of a ring lie in.

    Parameters
    ----------
    ring, entries, consumed
        As for `take_descriptors`.
    fill : (n,) int64
        The ring of chunks to be filled: as many entries, and as many chunks.
    count : int
        How many more entries are done with.

    Returns
    -------
    int
        How many are done with now.
    """
    chunk = ring[3]
    for i in range(count):
        place = (consumed + i) & (len(fill) - 1)
        frame = entries[2 * place]
        fill[place] = frame - frame % chunk
    consumed = (consumed + count) & 0xFFFFFFFF
    release(ring[2], consumed + len(fill))
    release(ring[1], consumed)
    return consumed


@inner
def _bytes_of(datagrams: Array, count: int) -> int:
    nbytes = 0
    for i in range(count):
        nbytes += datagrams[i, STOP] - datagrams[i, START]
    return nbytes


@inner
def _read_times(data: Array, datagrams: Array, count: int, seconds: int, times: Array) -> None:
    for i in range(count):
        at = datagrams[i, RECORD] + seconds
        times[i] = u32(data, at, False) * 1_000_000_000 + u32(data, at + 4, False)


@jit
def sum_up(
    data: Array, datagrams: Array, count: int, seconds: int, times: Array
) -> tuple[int, int]:
    """Add up what a batch has, and read when its packets came.

    Parameters
    ----------
    data : (n_bytes,) uint8
    datagrams : (n, 5) int64
        As `find_datagrams` fills it.
    count : int
    seconds : int
        Where records have their time, in seconds and then nanoseconds, and inside of which they
        are; negative: nowhere.
    times : (n,) int64 [ns]
        Filled.

    Returns
    -------
    tuple of int
        Bytes of the payloads as far as they are here, and how many payloads are cut.
    """
    cut = 0
    for i in range(count):
        cut += datagrams[i, FULL] > datagrams[i, STOP]
    if seconds >= 0:
        _read_times(data, datagrams, count, seconds, times)
    return _bytes_of(datagrams, count), cut
