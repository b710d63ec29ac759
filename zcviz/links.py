"""From a captured packet to the datagram in it, step by step in plain Python.

The copying traversal goes this way; `kernels.links` goes it for the zero-copy one, and both find
the same and report the same.
"""

from __future__ import annotations

from .codec.flyweight import reader
from .damage import PROBLEMS, SKIPPED, Notes, RefusedError
from .kernels.links import FARTHEST
from .kernels.tally import Tally
from .protocols import cooked, ethernet, ipv4, ipv6, linktypes, loopback, udp
from .spec import Message

__all__ = ["datagram_bounds", "link_header"]

Bytes = bytes | memoryview

_LINKS = {
    linktypes.ETHERNET: (ethernet.HEADER, "ethertype"),
    linktypes.COOKED: (cooked.HEADER, "protocol"),
    linktypes.COOKED_2: (cooked.HEADER_2, "protocol"),
    linktypes.NULL: (loopback.HEADER_BIG, "family"),
    linktypes.LOOP: (loopback.HEADER_BIG, "family"),
}
_SIZES = {link: header.size for link, (header, _) in _LINKS.items()} | dict.fromkeys(
    linktypes.RAW, 0
)
_type_of = {link: reader(header, name) for link, (header, name) in _LINKS.items()}
_FAMILIES = {loopback.IPV4: ethernet.IPV4, **dict.fromkeys(loopback.IPV6, ethernet.IPV6)}
_swapped_family = reader(loopback.HEADER_LITTLE, "family")
_tagged_type = reader(ethernet.VLAN, "ethertype")
_version_ihl = reader(ipv4.HEADER, "version_ihl")
_total_length = reader(ipv4.HEADER, "total_length")
_fragment = reader(ipv4.HEADER, "flags_fragment")
_protocol = reader(ipv4.HEADER, "protocol")
_payload_length = reader(ipv6.HEADER, "payload_length")
_next_header = reader(ipv6.HEADER, "next_header")
_following = reader(ipv6.EXTENSION, "next_header")
_extension = reader(ipv6.EXTENSION, "length")
_udp_length = reader(udp.HEADER, "length")


class _PassedOver(Exception):
    """There is no datagram; says why."""


def datagram_bounds(
    frame: Bytes, link: int, base: int, report: Notes
) -> tuple[int, int, int, int] | None:
    """Find the UDP payload of a packet.

    Parameters
    ----------
    frame : bytes or memoryview
        What was captured of it.
    link : int
        What it begins with, as a link type.
    base : int [bytes]
        Where the packet lies in the file: offsets of problems count from there.
    report : Notes
        Is told what is wrong, and why a packet was passed over.

    Returns
    -------
    tuple of int, or None
        Offsets in `frame` of the IP header, of the payload, of its end among the captured bytes,
        and of its end. None for a packet without.

    Notes
    -----
    Memory: allocates nothing but the answer.
    """
    try:
        ip, ethertype = _find_ip(frame, link)
        find = _find_udp if ethertype == ethernet.IPV4 else _find_udp_6
        start, full = _find_payload(frame, *find(frame, ip))
    except _PassedOver as reason:
        report.skip(SKIPPED[reason.args[0]])
        return None
    except RefusedError as problem:
        report.note(base + problem.at, problem.what, problem.expected, problem.found)
        report.skip(SKIPPED[Tally.BAD_HEADER])
        return None
    if full > len(frame):
        what = PROBLEMS[Tally.CUT_PACKET]
        report.note(base + start, what, full - start, len(frame) - start)
    return ip, start, min(full, len(frame)), full


def link_header(link: int) -> Message | None:
    """Return the layout of what packets of a link type begin with; None for raw IP."""
    return _LINKS[link][0] if link in _LINKS else None


def _need(frame: Bytes, end: int) -> None:
    if end > len(frame):
        raise RefusedError(Tally.CUT_PACKET, 0, end, len(frame))


def _find_ip(frame: Bytes, link: int) -> tuple[int, int]:
    # Where IP starts, and which: as Ethernet numbers IPv4 and IPv6.
    if link not in _SIZES:
        raise _PassedOver(Tally.LINK)
    ip = _SIZES[link]
    _need(frame, max(ip, 1))
    if link in linktypes.RAW:
        return ip, ethernet.IPV6 if frame[0] >> 4 == 6 else ethernet.IPV4
    kind = _type_of[link](frame, 0)
    if link in (linktypes.NULL, linktypes.LOOP):
        if link == linktypes.NULL and kind > 0xFFFF:
            kind = _swapped_family(frame, 0)
        kind = _FAMILIES.get(kind, 0)
    else:
        while kind in ethernet.VLAN_TYPES:
            _need(frame, ip + ethernet.VLAN.size)
            kind = _tagged_type(frame, ip)
            ip += ethernet.VLAN.size
    if kind not in (ethernet.IPV4, ethernet.IPV6):
        raise _PassedOver(Tally.NOT_IP)
    return ip, kind


def _find_udp(frame: Bytes, ip: int) -> tuple[int, int]:
    # Where the header of UDP starts, and where the payload of IP ends.
    _need(frame, ip + ipv4.HEADER.size)
    version, words = divmod(_version_ihl(frame, ip), 16)
    header, total = words * 4, _total_length(frame, ip)
    if version != 4:
        raise RefusedError(Tally.IP_VERSION, ip, 4, version)
    if header < ipv4.HEADER.size:
        raise RefusedError(Tally.IP_HEADER, ip, ipv4.HEADER.size, header)
    if total < header:
        raise RefusedError(Tally.IP_TOTAL, ip, header, total)
    if _protocol(frame, ip) != ipv4.UDP:
        raise _PassedOver(Tally.NOT_UDP)
    if _fragment(frame, ip) & ipv4.FRAGMENT_MASK:
        raise _PassedOver(Tally.FRAGMENT)
    return ip + header, ip + total


def _find_udp_6(frame: Bytes, ip: int) -> tuple[int, int]:
    # The same, past the extension headers of IPv6.
    at = ip + ipv6.HEADER.size
    _need(frame, at)
    version, size = frame[ip] >> 4, _payload_length(frame, ip)
    if version != 6:
        raise RefusedError(Tally.IP_VERSION, ip, 6, version)
    if size == 0:
        raise RefusedError(Tally.IP_TOTAL, ip, ipv6.HEADER.size + udp.HEADER.size, ipv6.HEADER.size)
    following, stop = _next_header(frame, ip), at + size
    while following in ipv6.OPTIONS or following == ipv6.AUTHENTICATION:
        _need(frame, at + ipv6.EXTENSION.size)
        words, in_words = _extension(frame, at), following == ipv6.AUTHENTICATION
        following = _following(frame, at)
        at += (words + 2) * 4 if in_words else (words + 1) * 8
        if at > stop:
            raise RefusedError(Tally.IP_TOTAL, ip, at - ip, stop - ip)
    if following == ipv6.FRAGMENT:
        raise _PassedOver(Tally.FRAGMENT)
    if following != ipv4.UDP:
        raise _PassedOver(Tally.NOT_UDP)
    return at, stop


def _find_payload(frame: Bytes, header: int, stop: int) -> tuple[int, int]:
    start = header + udp.HEADER.size
    _need(frame, start)
    size = _udp_length(frame, header)
    if size < udp.HEADER.size or header + size > stop:
        raise RefusedError(Tally.UDP_LENGTH, header, stop - header, size)
    if start > FARTHEST:
        raise RefusedError(Tally.HEADERS, 0, FARTHEST, start)
    return start, header + size
