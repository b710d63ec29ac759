"""Find every message of a file: one pass over the bytes, nothing copied, every bound checked.

Layouts come from the protocol tables: the constants below are offsets into their messages.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from numpy.typing import NDArray

from ..protocols import ethernet, ipv4, moldudp64, pcap, udp
from ._jit import jit

__all__ = ["CUT", "END", "FULL", "Tally", "scan_frames", "scan_packets"]

Array = NDArray[Any]

END, FULL, CUT = 0, 1, 2
"""Why a scan stopped: at the end, for want of room, at a record that the file cuts off."""


class Tally(IntEnum):
    """What a scan counts, as positions in its array of counters."""

    PROBLEMS = 0
    PACKETS = 1
    HEARTBEATS = 2
    ENDS = 3
    NOT_IPV4 = 4
    NOT_UDP = 5
    FRAGMENT = 6
    NOT_MOLD = 7
    BAD_HEADER = 8
    EMPTY_BLOCK = 9
    # The kinds of problem, as the kernels write them down.
    LENGTH = 10
    BLOCK = 11
    TRAILING = 12
    CUT_PACKET = 13
    IP_VERSION = 14
    IP_HEADER = 15
    IP_TOTAL = 16
    UDP_LENGTH = 17
    AFTER_END = 18


_PROBLEMS, _PACKETS = int(Tally.PROBLEMS), int(Tally.PACKETS)
_HEARTBEATS, _ENDS = int(Tally.HEARTBEATS), int(Tally.ENDS)
_NOT_IPV4, _NOT_UDP, _FRAGMENT = int(Tally.NOT_IPV4), int(Tally.NOT_UDP), int(Tally.FRAGMENT)
_NOT_MOLD, _BAD_HEADER = int(Tally.NOT_MOLD), int(Tally.BAD_HEADER)
_EMPTY_BLOCK, _LENGTH, _BLOCK = int(Tally.EMPTY_BLOCK), int(Tally.LENGTH), int(Tally.BLOCK)
_TRAILING, _CUT_PACKET = int(Tally.TRAILING), int(Tally.CUT_PACKET)
_IP_VERSION, _IP_HEADER = int(Tally.IP_VERSION), int(Tally.IP_HEADER)
_IP_TOTAL, _UDP_LENGTH = int(Tally.IP_TOTAL), int(Tally.UDP_LENGTH)
_AFTER_END = int(Tally.AFTER_END)

_RECORD = pcap.RECORD_LITTLE.size
_CAPTURED = pcap.RECORD_LITTLE["captured_length"].offset
_ETHERNET, _ETHERTYPE = ethernet.HEADER.size, ethernet.HEADER["ethertype"].offset
_VLAN, _VLAN_TYPE = ethernet.VLAN.size, ethernet.VLAN["ethertype"].offset
_TAG_1, _TAG_2 = ethernet.VLAN_TYPES
_IPV4 = ethernet.IPV4
_IP, _IP_SIZE = ipv4.HEADER.size, ipv4.HEADER["total_length"].offset
_IP_FLAGS, _IP_PROTOCOL = ipv4.HEADER["flags_fragment"].offset, ipv4.HEADER["protocol"].offset
_IS_FRAGMENT, _IS_UDP = ipv4.FRAGMENT_MASK, ipv4.UDP
_UDP, _UDP_SIZE = udp.HEADER.size, udp.HEADER["length"].offset
_MOLD, _SESSION = moldudp64.HEADER.size, moldudp64.HEADER["session"].type.size
_SEQUENCE, _COUNT = moldudp64.HEADER["sequence"].offset, moldudp64.HEADER["count"].offset
_END_OF_SESSION = moldudp64.END_OF_SESSION
_PREFIX = moldudp64.BLOCK.size  # the same two bytes as a BinaryFILE's


@jit
def _big16(data: Array, at: int) -> int:
    return data[at] << 8 | data[at + 1]  # type: ignore[no-any-return]


@jit
def _note(problems: Array, tally: Array, kind: int, offset: int, expected: int, found: int) -> None:
    row = tally[_PROBLEMS]
    if row < len(problems):
        problems[row, 0] = kind
        problems[row, 1] = offset
        problems[row, 2] = expected
        problems[row, 3] = found
    tally[_PROBLEMS] = row + 1


@jit
def scan_frames(
    data: Array,
    position: int,
    expected: Array,
    offsets: Array,
    sizes: Array,
    tags: Array,
    problems: Array,
    tally: Array,
) -> tuple[int, int, int]:
    """Scan a BinaryFILE from `position` until the end or until the arrays are full.

    Parameters
    ----------
    data : (n_bytes,) uint8
    position : int
        Where a frame's length starts.
    expected : (256,) uint16
        Documented size by tag; 0 for an unknown tag, which any length fits.
    offsets, sizes, tags : (room,) unsigned
        Filled from the front.
    problems : (n, 4) int64
        Kind, offset, expected, found; the first n are written.
    tally : (len(Tally),) int64
        Counted up.

    Returns
    -------
    tuple of int
        Where it stopped, why (`END`, `FULL`, `CUT`), and how many messages it found.
    """
    end = len(data)
    count = 0
    while count < len(offsets):
        if position + _PREFIX > end:
            return position, END if position == end else CUT, count
        size = data[position] << 8 | data[position + 1]
        body = position + _PREFIX
        if size == 0:  # the end of the session
            tally[_ENDS] += 1
            if body < end:
                _note(problems, tally, _AFTER_END, body, 0, end - body)
            return end, END, count
        if body + size > end:
            return position, CUT, count
        tag = data[body]
        documented = expected[tag]
        if documented == size or documented == 0:
            offsets[count] = body
            sizes[count] = size
            tags[count] = tag
            count += 1
        else:
            _note(problems, tally, _LENGTH, body, documented, size)
        position = body + size
    return position, FULL, count


@jit
def _find_datagram(
    data: Array, frame: int, end: int, problems: Array, tally: Array
) -> tuple[int, int]:
    # The UDP payload of a frame, as (start, documented end); (0, 0) for a frame that has none.
    ip = frame + _ETHERNET
    if ip > end:
        return _refuse(problems, tally, _CUT_PACKET, frame, _ETHERNET, end - frame)
    ethertype = _big16(data, frame + _ETHERTYPE)
    while ethertype in (_TAG_1, _TAG_2):
        if ip + _VLAN > end:
            return _refuse(problems, tally, _CUT_PACKET, frame, ip + _VLAN - frame, end - frame)
        ethertype = _big16(data, ip + _VLAN_TYPE)
        ip += _VLAN
    if ethertype != _IPV4:
        tally[_NOT_IPV4] += 1
        return 0, 0
    if ip + _IP > end:
        return _refuse(problems, tally, _CUT_PACKET, frame, ip + _IP - frame, end - frame)
    version, header = data[ip] >> 4, (data[ip] & 15) * 4
    total = _big16(data, ip + _IP_SIZE)
    if version != 4:
        return _refuse(problems, tally, _IP_VERSION, ip, 4, version)
    if header < _IP:
        return _refuse(problems, tally, _IP_HEADER, ip, _IP, header)
    if total < header:
        return _refuse(problems, tally, _IP_TOTAL, ip, header, total)
    if data[ip + _IP_PROTOCOL] != _IS_UDP:
        tally[_NOT_UDP] += 1
        return 0, 0
    if _big16(data, ip + _IP_FLAGS) & _IS_FRAGMENT:
        tally[_FRAGMENT] += 1
        return 0, 0
    start = ip + header
    if start + _UDP > end:
        return _refuse(problems, tally, _CUT_PACKET, frame, start + _UDP - frame, end - frame)
    size = _big16(data, start + _UDP_SIZE)
    if size < _UDP or start + size > ip + total:
        return _refuse(problems, tally, _UDP_LENGTH, start, total - header, size)
    return start + _UDP, start + size


@jit
def _refuse(
    problems: Array, tally: Array, kind: int, offset: int, expected: int, found: int
) -> tuple[int, int]:
    _note(problems, tally, kind, offset, expected, found)
    tally[_BAD_HEADER] += 1
    return 0, 0


@jit
def _is_session(data: Array, at: int) -> bool:
    # Printable characters, then NULs if any: ten of them where the sender keeps no session. Other
    # traffic on the wire (name look-ups, say) does not begin like this.
    padding = False
    for i in range(at, at + _SESSION):
        if data[i] == 0:
            padding = True
        elif padding or not 0x20 <= data[i] < 0x7F:
            return False
    return True


@jit
def scan_packets(
    data: Array,
    position: int,
    packets: int,
    big: bool,
    expected: Array,
    offsets: Array,
    sizes: Array,
    tags: Array,
    numbers: Array,
    datagrams: Array,
    number: int,
    problems: Array,
    tally: Array,
) -> tuple[int, int, int, int]:
    """Scan a capture from `position`: at most `packets` records, until the end or want of room.

    Parameters
    ----------
    data, position, expected, offsets, sizes, tags, problems, tally
        As in `scan_frames`; `position` is where a capture record starts.
    packets : int
        How many capture records to read at most.
    big : bool
        Whether capture headers are big-endian.
    numbers : (room,) uint32
        Filled with each message's datagram number.
    datagrams : (n, 5) uint64
        Filled from row `number`: offset of the capture record, of the datagram, its size there,
        its sequence number, how many blocks were found.
    number : int
        How many datagrams came before.

    Returns
    -------
    tuple of int
        Where it stopped, why, how many messages it found, and how many datagrams there are now.
    """
    end = len(data)
    count = 0
    for _ in range(packets):
        frame = position + _RECORD
        if frame > end:
            return position, END if position == end else CUT, count, number
        at = position + _CAPTURED
        if big:
            captured = data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
        else:
            captured = data[at + 3] << 24 | data[at + 2] << 16 | data[at + 1] << 8 | data[at]
        after = frame + captured
        if after > end:
            return position, CUT, count, number
        # A block takes two bytes at least, so this much room is certainly enough.
        if count + min(captured, 0xFFFF) // _PREFIX > len(offsets) or number == len(datagrams):
            return position, FULL, count, number
        tally[_PACKETS] += 1
        start, stop = _find_datagram(data, frame, after, problems, tally)
        if start:
            count, number = _scan_datagram(
                data, position, start, stop, after, expected, offsets, sizes, tags, numbers,
                count, datagrams, number, problems, tally,
            )  # fmt: skip
        position = after
    return position, FULL, count, number


@jit
def _scan_datagram(
    data: Array,
    record: int,
    start: int,
    stop: int,
    captured: int,
    expected: Array,
    offsets: Array,
    sizes: Array,
    tags: Array,
    numbers: Array,
    count: int,
    datagrams: Array,
    number: int,
    problems: Array,
    tally: Array,
) -> tuple[int, int]:
    cut = stop > captured
    if cut:
        _note(problems, tally, _CUT_PACKET, start, stop - start, captured - start)
        stop = captured
    if stop - start < _MOLD or not _is_session(data, start):
        tally[_NOT_MOLD] += 1
        return count, number
    blocks = _big16(data, start + _COUNT)
    if blocks == 0:
        tally[_HEARTBEATS] += 1
    if blocks == _END_OF_SESSION:
        tally[_ENDS] += 1
        blocks = 0
    found = 0
    at = start + _MOLD
    while found < blocks:
        if at + _PREFIX > stop:
            if not cut:
                _note(problems, tally, _BLOCK, at, _PREFIX, stop - at)
            break
        size = _big16(data, at)
        body = at + _PREFIX
        if body + size > stop:
            if not cut:
                _note(problems, tally, _BLOCK, at, size, stop - body)
            break
        found += 1
        at = body + size
        if size == 0:
            tally[_EMPTY_BLOCK] += 1
            continue
        tag = data[body]
        documented = expected[tag]
        if documented != size and documented != 0:
            _note(problems, tally, _LENGTH, body, documented, size)
            continue
        offsets[count] = body
        sizes[count] = size
        tags[count] = tag
        numbers[count] = number
        count += 1
    if found == blocks and at < stop:
        _note(problems, tally, _TRAILING, at, 0, stop - at)
    sequence = 0
    for i in range(start + _SEQUENCE, start + _SEQUENCE + 8):
        sequence = sequence << 8 | data[i]
    datagrams[number, 0] = record
    datagrams[number, 1] = start
    datagrams[number, 2] = stop - start
    datagrams[number, 3] = sequence
    datagrams[number, 4] = found
    return count, number + 1
