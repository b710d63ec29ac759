"""Packets into datagrams: through the link's header, IP and UDP; every bound checked.

Layouts come from the protocol tables: the constants below are offsets into their messages.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..protocols import cooked, ethernet, ipv4, ipv6, linktypes, loopback, udp
from ._jit import inner, jit
from .loads import u8, u16
from .records import CAPTURED, FRAME, LINK, RECORD
from .tally import Tally, note

__all__ = ["FARTHEST", "FULL", "IP", "RECORD", "START", "STOP", "find_datagrams", "find_plain"]

Array = NDArray[Any]

IP, START, STOP, FULL = range(1, 5)
"""Columns of the datagrams table after `RECORD`: offset of the IP header, of the UDP payload, where
its captured bytes end, where it does."""

_LINK, _NOT_IP, _NOT_UDP = int(Tally.LINK), int(Tally.NOT_IP), int(Tally.NOT_UDP)
_FRAGMENT, _BAD_HEADER = int(Tally.FRAGMENT), int(Tally.BAD_HEADER)
_CUT_PACKET, _IP_VERSION = int(Tally.CUT_PACKET), int(Tally.IP_VERSION)
_IP_HEADER, _IP_TOTAL = int(Tally.IP_HEADER), int(Tally.IP_TOTAL)
_UDP_LENGTH, _HEADERS = int(Tally.UDP_LENGTH), int(Tally.HEADERS)
_LAST_REASON = int(Tally.SESSION)

_ON_ETHERNET, _COOKED, _COOKED_2 = linktypes.ETHERNET, linktypes.COOKED, linktypes.COOKED_2
_NULL, _LOOP = linktypes.NULL, linktypes.LOOP
_RAW = linktypes.RAW
_ETHERNET, _ETHERTYPE = ethernet.HEADER.size, ethernet.HEADER["ethertype"].offset
_SLL, _SLL_TYPE = cooked.HEADER.size, cooked.HEADER["protocol"].offset
_SLL2, _SLL2_TYPE = cooked.HEADER_2.size, cooked.HEADER_2["protocol"].offset
_VLAN, _VLAN_TYPE = ethernet.VLAN.size, ethernet.VLAN["ethertype"].offset
_TAGS = ethernet.VLAN_TYPES
_TAG = _TAGS[0]
_IPV4, _IPV6 = ethernet.IPV4, ethernet.IPV6
_FAMILY, _FAMILY_4, _FAMILY_6 = loopback.HEADER_BIG.size, loopback.IPV4, loopback.IPV6
_IP, _IP_SIZE = ipv4.HEADER.size, ipv4.HEADER["total_length"].offset
_IP_FLAGS, _IP_PROTOCOL = ipv4.HEADER["flags_fragment"].offset, ipv4.HEADER["protocol"].offset
_IS_FRAGMENT, _IS_UDP = ipv4.FRAGMENT_MASK, ipv4.UDP
_NO_OPTIONS = 0x45  # version 4, five words
_IP6, _IP6_SIZE = ipv6.HEADER.size, ipv6.HEADER["payload_length"].offset
_IP6_NEXT = ipv6.HEADER["next_header"].offset
_EXTENSION, _NEXT = ipv6.EXTENSION.size, ipv6.EXTENSION["next_header"].offset
_WORDS = ipv6.EXTENSION["length"].offset
_OPTIONS, _AUTHENTICATION, _PIECE = ipv6.OPTIONS, ipv6.AUTHENTICATION, ipv6.FRAGMENT
_UDP, _UDP_SIZE = udp.HEADER.size, udp.HEADER["length"].offset

FARTHEST = 0xFF00
"""How far into a packet the payload may start: so that, with the record's own header, it is at
most 65,535 bytes from the start of the record."""


def find_datagrams(
    data: Array, packets: Array, count: int, datagrams: Array, problems: Array, tally: Array
) -> int:
    """Find the UDP payload of each packet that has one.

    Parameters
    ----------
    data : (n_bytes,) uint8
    packets : (n, 5) integers of 64 bits
        As `scan_pcap` fills them.
    count : int
        How many of them to look at.
    datagrams : (count or more, 5) integers of 64 bits
        Filled from the front: offset of the capture record, of the IP header, of the payload, of
        its end among the captured bytes, of its end.
    problems : (n, 4) int64
        Kind, offset, expected, found; the first n are written.
    tally : (len(Tally),) int64
        Counted up: what was passed over.

    Returns
    -------
    int
        How many datagrams there are.
    """
    # Many captures hold nothing but plain packets. The steps for all others, which take a second
    # to compile, are for those that do not.
    found = find_plain(data, packets, count, datagrams)
    if found < count:
        found = _find_any(data, packets, found, count, datagrams, problems, tally)
    return found


@jit
def find_plain(data: Array, packets: Array, count: int, datagrams: Array) -> int:
    """Do as `find_datagrams`, up to the first packet that is not plain; return how many were.

    Plain are packets on Ethernet with at most one tag, without options, and whole.
    """
    for i in range(count):  # adding 0 makes places signed, as differences have to be
        frame, end, link = packets[i, FRAME] + 0, packets[i, CAPTURED] + 0, packets[i, LINK] + 0
        ip = frame + _ETHERNET
        if link != _ON_ETHERNET or ip + _VLAN + _IP + _UDP > end:
            return i
        ethertype = u16(data, frame + _ETHERTYPE, True)
        if ethertype == _TAG:
            ethertype = u16(data, ip + _VLAN_TYPE, True)
            ip += _VLAN
        header = ip + _IP
        size = u16(data, header + _UDP_SIZE, True)
        if (
            ethertype != _IPV4
            or u8(data, ip, True) != _NO_OPTIONS
            or u8(data, ip + _IP_PROTOCOL, True) != _IS_UDP
            or u16(data, ip + _IP_FLAGS, True) & _IS_FRAGMENT
            or size < _UDP
            or _IP + size > u16(data, ip + _IP_SIZE, True)
            or header + size > end
        ):
            return i
        datagrams[i, 0] = packets[i, RECORD]
        datagrams[i, 1] = ip
        datagrams[i, 2] = header + _UDP
        datagrams[i, 3] = header + size
        datagrams[i, 4] = header + size
    return count


@jit
def _find_any(
    data: Array,
    packets: Array,
    found: int,
    count: int,
    datagrams: Array,
    problems: Array,
    tally: Array,
) -> int:
    # The same from packet `found` on, with whatever is unusual.
    for i in range(found, count):
        frame, end, link = packets[i, FRAME] + 0, packets[i, CAPTURED] + 0, packets[i, LINK] + 0
        why, ip, start, full = _find(data, frame, end, link)
        if why > _LAST_REASON:
            note(problems, tally, why, ip, start, full)
            why = _BAD_HEADER
        if why:
            tally[why] += 1
            continue
        if full > end:
            note(problems, tally, _CUT_PACKET, start, full - start, end - start)
        datagrams[found, 0] = packets[i, RECORD]
        datagrams[found, 1] = ip
        datagrams[found, 2] = start
        datagrams[found, 3] = min(full, end)
        datagrams[found, 4] = full
        found += 1
    return found


# Each step below returns four numbers. If the first is 0, the others are what was found; else it
# says what is wrong: a reason to pass over the packet, or the kind of a problem with its offset,
# what was expected and what was found. Handing down the tables too would cost seconds to compile.


@inner
def _find(data: Array, frame: int, end: int, link: int) -> tuple[int, int, int, int]:
    # Where IP starts, its payload's payload, and its end.
    why, ip, ethertype, found = _find_ip(data, frame, end, link)
    if why:
        return why, ip, ethertype, found
    if ethertype == _IPV4:
        why, header, stop, found = _find_udp(data, frame, ip, end)
    else:
        why, header, stop, found = _find_udp_6(data, frame, ip, end)
    if why:
        return why, header, stop, found
    start = header + _UDP
    if start > end:
        return _CUT_PACKET, frame, start - frame, end - frame
    size = u16(data, header + _UDP_SIZE, True)
    if size < _UDP or header + size > stop:
        return _UDP_LENGTH, header, stop - header, size
    if start - frame > FARTHEST:
        return _HEADERS, frame, FARTHEST, start - frame
    return 0, ip, start, header + size


@inner
def _find_ip(data: Array, frame: int, end: int, link: int) -> tuple[int, int, int, int]:
    # Where IP starts, and which: as Ethernet numbers IPv4 and IPv6.
    if link == _ON_ETHERNET:
        size, where = _ETHERNET, frame + _ETHERTYPE
    elif link == _COOKED:
        size, where = _SLL, frame + _SLL_TYPE
    elif link == _COOKED_2:
        size, where = _SLL2, frame + _SLL2_TYPE
    elif link in (_NULL, _LOOP):
        size, where = _FAMILY, frame
    elif link in _RAW:
        size, where = 0, frame
    else:
        return _LINK, 0, 0, 0
    ip = frame + size
    if ip + (size == 0) > end:  # of raw IP, the byte that has its version is needed
        return _CUT_PACKET, frame, max(size, 1), end - frame
    if size == 0:
        ethertype = _IPV6 if u8(data, ip, True) >> 4 == 6 else _IPV4
    elif size == _FAMILY:
        ethertype = _family_type(data, where, link == _NULL)
    else:
        ethertype = u16(data, where, True)
        while ethertype in _TAGS:
            if ip + _VLAN > end:
                return _CUT_PACKET, frame, ip + _VLAN - frame, end - frame
            ethertype = u16(data, ip + _VLAN_TYPE, True)
            ip += _VLAN
    if ethertype not in (_IPV4, _IPV6):
        return _NOT_IP, 0, 0, 0
    return 0, ip, ethertype, 0


@inner
def _family_type(data: Array, at: int, either: bool) -> int:
    high, low = u16(data, at, True), u16(data, at + 2, True)
    if either and high:  # then it is in the other byte order
        high, low = low, u16(data, at, False)
    if high == 0 and low == _FAMILY_4:
        return _IPV4
    return _IPV6 if high == 0 and low in _FAMILY_6 else 0


@inner
def _find_udp(data: Array, frame: int, ip: int, end: int) -> tuple[int, int, int, int]:
    # Where the header of UDP starts, and where the payload of IP ends.
    if ip + _IP > end:
        return _CUT_PACKET, frame, ip + _IP - frame, end - frame
    first, total = u8(data, ip, True), u16(data, ip + _IP_SIZE, True)
    if first >> 4 != 4:
        return _IP_VERSION, ip, 4, first >> 4
    header = (first & 15) * 4
    if header < _IP:
        return _IP_HEADER, ip, _IP, header
    if total < header:
        return _IP_TOTAL, ip, header, total
    if u8(data, ip + _IP_PROTOCOL, True) != _IS_UDP:
        return _NOT_UDP, 0, 0, 0
    if u16(data, ip + _IP_FLAGS, True) & _IS_FRAGMENT:
        return _FRAGMENT, 0, 0, 0
    return 0, ip + header, ip + total, 0


@inner
def _find_udp_6(data: Array, frame: int, ip: int, end: int) -> tuple[int, int, int, int]:
    # The same, past the extension headers of IPv6.
    at = ip + _IP6
    if at > end:
        return _CUT_PACKET, frame, at - frame, end - frame
    first, size = u8(data, ip, True), u16(data, ip + _IP6_SIZE, True)
    if first >> 4 != 6:
        return _IP_VERSION, ip, 6, first >> 4
    if size == 0:
        return _IP_TOTAL, ip, _IP6 + _UDP, _IP6
    following, stop = u8(data, ip + _IP6_NEXT, True), at + size
    while following in _OPTIONS or following == _AUTHENTICATION:
        if at + _EXTENSION > end:
            return _CUT_PACKET, frame, at + _EXTENSION - frame, end - frame
        words = u8(data, at + _WORDS, True)
        size = (words + 2) * 4 if following == _AUTHENTICATION else (words + 1) * 8
        following = u8(data, at + _NEXT, True)
        at += size
        if at > stop:
            return _IP_TOTAL, ip, at - ip, stop - ip
    if following == _PIECE:
        return _FRAGMENT, 0, 0, 0
    if following != _IS_UDP:
        return _NOT_UDP, 0, 0, 0
    return 0, at, stop, 0
