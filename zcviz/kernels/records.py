"""Capture files into packets: one step from record to record, nothing copied, every bound checked.

Layouts come from the protocol tables: the constants below are offsets into their messages.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..protocols import pcap, pcapng
from ._jit import COMPILED, inner, jit
from .loads import u16, u32
from .simd import prefetch
from .tally import CUT, END, FULL, Tally, note

__all__ = [
    "CAPTURED",
    "FIRST",
    "FRAME",
    "INTERFACE",
    "LINK",
    "NO_LINK",
    "OFFSET",
    "ORDER",
    "ORIGINAL",
    "RECORD",
    "RESOLUTION",
    "SECTION",
    "STATE",
    "scan_pcap",
    "scan_pcapng",
]

Array = NDArray[Any]

RECORD, FRAME, CAPTURED, LINK, ORIGINAL = range(5)
"""Columns of the packets table: where the record starts, where the packet does, where its captured
bytes end, what kind of link it was on, how long it was there."""
STATE = 4
"""What a scan of pcapng remembers of its section: big-endian?, its offset, the row of its first
interface, how many it has."""
INTERFACE = 7
"""What it remembers of an interface: of its section the offset, the byte order and the row of the
first interface; link type, snap length, resolution as the option has it, offset of its times [s].
"""

_BIG, _SECTION, _FIRST, _INTERFACES = range(STATE)
SECTION, ORDER, FIRST, _LINK, _SNAP, RESOLUTION, OFFSET = range(INTERFACE)

_PACKETS, _BAD_HEADER = int(Tally.PACKETS), int(Tally.BAD_HEADER)
_CAPTURE_BLOCK, _UNKNOWN_INTERFACE = int(Tally.CAPTURE_BLOCK), int(Tally.INTERFACE)

_AHEAD = 4096  # bytes; measured: a third of the time of waiting for memory at each step
_LINE = 64

_PCAP = pcap.RECORD_LITTLE.size
_PCAP_CAPTURED = pcap.RECORD_LITTLE["captured_length"].offset
_PCAP_ORIGINAL = pcap.RECORD_LITTLE["original_length"].offset

_NEW_SECTION, _NEW_INTERFACE = pcapng.SECTION, pcapng.INTERFACE
_ENHANCED, _SIMPLE, _OBSOLETE = pcapng.ENHANCED, pcapng.SIMPLE, pcapng.OBSOLETE
_LENGTH = pcapng.LITTLE[pcapng.ENHANCED]["block_length"].offset
_TRAILER = pcapng.LITTLE[pcapng.ENHANCED]["block_length"].type.size
_SHORTEST = pcapng.LITTLE[pcapng.SIMPLE]["original_length"].offset + _TRAILER
_MAGIC, _MAGIC_AT = pcapng.BYTE_ORDER, pcapng.LITTLE[pcapng.SECTION]["byte_order"].offset
_SWAPPED = int.from_bytes(_MAGIC.to_bytes(4, "big"), "little")
_DESCRIPTION = pcapng.LITTLE[pcapng.INTERFACE].size
_LINK_TYPE = pcapng.LITTLE[pcapng.INTERFACE]["link_type"].offset
_SNAP_LENGTH = pcapng.LITTLE[pcapng.INTERFACE]["snap_length"].offset
_OPTION = pcapng.OPTION_LITTLE.size
_IS_RESOLUTION, _IS_OFFSET, _MICROSECONDS = pcapng.RESOLUTION, pcapng.OFFSET, pcapng.MICROSECONDS
_PACKET = pcapng.LITTLE[pcapng.ENHANCED].size  # the obsolete block is as long
_NUMBER = pcapng.LITTLE[pcapng.ENHANCED]["interface"].offset
_CAPTURED = pcapng.LITTLE[pcapng.ENHANCED]["captured_length"].offset
_ORIGINAL = pcapng.LITTLE[pcapng.ENHANCED]["original_length"].offset
_SIMPLE_PACKET = pcapng.LITTLE[pcapng.SIMPLE].size
_SIMPLE_ORIGINAL = pcapng.LITTLE[pcapng.SIMPLE]["original_length"].offset
NO_LINK = 0xFFFF
"""Link type of an interface whose description is too short; the registry reserves the number."""


@inner
def _fetch(data: Array, fetched: int, until: int) -> int:
    # Whatever comes after the records needs the packets too, so it is every line of the cache.
    if COMPILED:
        while fetched < until + _AHEAD:
            prefetch(data, fetched)
            fetched += _LINE
    return fetched


@jit
def scan_pcap(
    data: Array, position: int, big: bool, link: int, packets: Array, problems: Array, tally: Array
) -> tuple[int, int, int]:
    """Scan a classic capture from `position` until the end or until the table is full.

    Parameters
    ----------
    data : (n_bytes,) uint8
    position : int
        Where a record starts.
    big : bool
        Whether the file's headers are big-endian.
    link : int
        The file's link type.
    packets : (n, 5) integers of 64 bits
        Filled from the front: offset of the record, of the packet's first byte, of the first one
        after those captured; link type; bytes on the wire.
    problems : (n, 4) int64
        Kind, offset, expected, found; the first n are written.
    tally : (len(Tally),) int64
        Counted up.

    Returns
    -------
    tuple of int
        Where it stopped, why (`END`, `FULL`, `CUT`), and how many packets it found.
    """
    end = len(data)
    count = 0
    why = FULL
    fetched = position
    while count < len(packets):
        frame = position + _PCAP
        if frame > end:
            why = END if position == end else CUT
            break
        after = frame + u32(data, position + _PCAP_CAPTURED, big)
        if after > end:
            why = CUT
            break
        fetched = _fetch(data, fetched, after)
        packets[count, 0] = position
        packets[count, 1] = frame
        packets[count, 2] = after
        packets[count, 3] = link
        packets[count, 4] = u32(data, position + _PCAP_ORIGINAL, big)
        count += 1
        position = after
    tally[_PACKETS] += count
    return position, why, count


@jit
def scan_pcapng(
    data: Array,
    position: int,
    state: Array,
    interfaces: Array,
    packets: Array,
    problems: Array,
    tally: Array,
) -> tuple[int, int, int]:
    """Scan a capture of blocks from `position` until the end or until the table is full.

    A packet whose block contradicts itself is counted, and reported as a problem. Where a block's
    own length cannot be true there is no way to the next one: the scan stops as if cut off.

    Parameters
    ----------
    data, position, packets, problems, tally
        As in `scan_pcap`; `position` is where a block starts. At offset 0 a section does.
    state : (STATE,) int64
        Kept from call to call; zeros at first.
    interfaces : (n, INTERFACE) int64
        Kept from call to call; filled from the front, and never beyond n interfaces.

    Returns
    -------
    tuple of int
        Where it stopped, why (`END`, `FULL`, `CUT`), and how many packets it found. `FULL` also
        where there was a long row of other blocks.
    """
    end = len(data)
    count = 0
    fetched = position
    big = state[_BIG] != 0
    for _ in range(16 * len(packets)):  # so that Ctrl-C is heard in a desert of other blocks
        if count == len(packets):
            break
        if position + _SHORTEST > end:
            return position, END if position == end else CUT, count
        kind, magic = u32(data, position, big), u32(data, position + _MAGIC_AT, big)
        if kind == _NEW_SECTION and magic == _SWAPPED:
            big, magic = not big, _MAGIC
        size = u32(data, position + _LENGTH, big)
        after, body = position + size, position + size - _TRAILER
        if kind == _NEW_SECTION and magic != _MAGIC:
            lost, where, expected, found = 1, position + _MAGIC_AT, _MAGIC, magic
        elif size < _SHORTEST:
            lost, where, expected, found = 1, position, _SHORTEST, size
        elif after > end:
            return position, CUT, count
        else:
            fetched = _fetch(data, fetched, after)
            lost, where, expected, found = _check_length(data, position, size, big)
        if expected != found:
            note(problems, tally, _CAPTURE_BLOCK, where, expected, found)
        if lost:
            return position, CUT, count
        why = 0
        if kind == _NEW_SECTION:
            state[_BIG] = big
            state[_SECTION] = position
            state[_FIRST] += state[_INTERFACES]
            state[_INTERFACES] = 0
        elif kind == _NEW_INTERFACE:
            why, where, expected, found = _add_interface(
                data, position, body, big, state, interfaces
            )
        elif kind in (_ENHANCED, _SIMPLE, _OBSOLETE):
            tally[_PACKETS] += 1
            why, where, expected, found = _find_packet(
                data, position, body, kind, big, state, interfaces
            )
            if why:
                tally[_BAD_HEADER] += 1
            else:
                at = _SIMPLE_ORIGINAL if kind == _SIMPLE else _ORIGINAL
                packets[count, 0] = position
                packets[count, 1] = where
                packets[count, 2] = expected
                packets[count, 3] = interfaces[found, _LINK]
                packets[count, 4] = u32(data, position + at, big)
                count += 1
        if why:
            note(problems, tally, why, where, expected, found)
        position = after
    return position, FULL, count


@inner
def _check_length(data: Array, position: int, size: int, big: bool) -> tuple[int, int, int, int]:
    # Whether the next block is lost; where, what was expected, what was found.
    again = u32(data, position + size - _TRAILER, big)
    if again != size:
        return size & 3, position, size, again
    return 0, position, size & ~3, size


# What is in a block, up to its trailer at `body`. Both return four numbers: if the first is not 0,
# they are the kind of a problem, its offset, what was expected, what was found.


@inner
def _add_interface(
    data: Array, position: int, body: int, big: bool, state: Array, interfaces: Array
) -> tuple[int, int, int, int]:
    row = state[_FIRST] + state[_INTERFACES]
    if row == len(interfaces):
        return _UNKNOWN_INTERFACE, position, row, row + 1
    state[_INTERFACES] += 1
    interfaces[row, SECTION] = state[_SECTION]
    interfaces[row, ORDER] = big
    interfaces[row, FIRST] = state[_FIRST]
    interfaces[row, _LINK] = NO_LINK
    interfaces[row, _SNAP] = 0
    interfaces[row, RESOLUTION] = _MICROSECONDS
    interfaces[row, OFFSET] = 0
    at = position + _DESCRIPTION
    if at > body:
        return _CAPTURE_BLOCK, position, _DESCRIPTION + _TRAILER, body + _TRAILER - position
    interfaces[row, _LINK] = u16(data, position + _LINK_TYPE, big)
    interfaces[row, _SNAP] = u32(data, position + _SNAP_LENGTH, big)
    while at + _OPTION <= body:
        code, size = u16(data, at, big), u16(data, at + 2, big)
        if code == 0:
            break
        value = at + _OPTION
        needed = 1 if code == _IS_RESOLUTION else 8 if code == _IS_OFFSET else size
        if size != needed:
            return _CAPTURE_BLOCK, at, needed, size
        if value + size > body:
            return _CAPTURE_BLOCK, at, body - value, size
        if code == _IS_RESOLUTION:
            interfaces[row, RESOLUTION] = data[value]
        elif code == _IS_OFFSET:
            high = u32(data, value if big else value + 4, big)
            low = u32(data, value + 4 if big else value, big)
            interfaces[row, OFFSET] = (high - ((high & 0x8000_0000) << 1) << 32) + low
        at = value + (size + 3 & ~3)
    return 0, 0, 0, 0


@inner
def _find_packet(
    data: Array, position: int, body: int, kind: int, big: bool, state: Array, interfaces: Array
) -> tuple[int, int, int, int]:
    # Else they are 0, where the packet starts and its captured bytes end, the interface's row.
    size = _SIMPLE_PACKET if kind == _SIMPLE else _PACKET
    frame = position + size
    if frame > body:
        return _CAPTURE_BLOCK, position, size + _TRAILER, body + _TRAILER - position
    number = 0
    if kind == _ENHANCED:
        number = u32(data, position + _NUMBER, big)
    elif kind == _OBSOLETE:
        number = u16(data, position + _NUMBER, big)
    if number >= state[_INTERFACES]:
        return _UNKNOWN_INTERFACE, position, state[_INTERFACES], number
    row = state[_FIRST] + number
    if kind == _SIMPLE:
        captured = min(u32(data, position + _SIMPLE_ORIGINAL, big), body - frame)
        if 0 < interfaces[row, _SNAP] < captured:
            captured = interfaces[row, _SNAP]
    else:
        captured = u32(data, position + _CAPTURED, big)
    if captured > body - frame:
        return _CAPTURE_BLOCK, position, body - frame, captured
    return 0, frame, frame + captured, row
