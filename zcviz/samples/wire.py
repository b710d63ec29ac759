"""Payloads to packets as they stand on any link: IPv4 and IPv6, whole or in fragments."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from ..codec import encode
from ..errors import SpecError
from ..protocols import cooked, ethernet, ipv4, ipv6, linktypes, loopback, udp
from .packets import GROUP, GROUP_MAC, PORT, SENDER, SENDER_MAC

__all__ = ["LINKS", "fcs_of", "fragments_of", "frame_of", "ip_of", "tcp_of"]

SHORTEST = 60  # bytes of an Ethernet frame
# Addresses set aside for documentation: RFC 3849 (sender), RFC 6676 (group).
SENDER_6 = bytes.fromhex("20010db8000000000000000000000001")
GROUP_6 = bytes.fromhex("ff0e000000000000000000000db80001")
_ROUTER_ALERT = bytes.fromhex("94040000")
_PADDING = bytes.fromhex("010400000000")  # an IPv6 option of six bytes
_WHOLE, _MORE = 0x4000, 0x2000  # flags of IPv4: "don't fragment", "more fragments"


# --- packets -------------------------------------------------------------------------------------


def _checksum(data: bytes) -> int:
    total = int(np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").sum())
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _udp(payload: bytes, side: int) -> bytes:
    length = udp.HEADER.size + len(payload)
    ports = {"source_port": PORT, "destination_port": PORT + side}
    return encode(udp.HEADER, **ports, length=length, checksum=0) + payload


def _ipv4(
    payload: bytes, side: int, options: bytes = b"", fragment: int = _WHOLE,
    protocol: int = ipv4.UDP,
) -> bytes:  # fmt: skip
    words = (ipv4.HEADER.size + len(options)) // 4

    def header(checksum: int) -> bytes:
        return encode(
            ipv4.HEADER, version_ihl=0x40 | words, type_of_service=0,
            total_length=4 * words + len(payload), identification=1, flags_fragment=fragment,
            time_to_live=16, protocol=protocol, checksum=checksum, source=SENDER,
            destination=_group(GROUP, side),
        ) + options  # fmt: skip

    return header(_checksum(header(0))) + payload


def _ipv6(payload: bytes, side: int, extension: bytes = b"") -> bytes:
    # Unlike over IPv4, UDP has to carry its checksum.
    group, at = _group(GROUP_6, side), udp.HEADER["checksum"]
    pseudo = SENDER_6 + group + len(payload).to_bytes(4, "big") + bytes([0, 0, 0, ipv4.UDP])
    total = _checksum(pseudo + payload) or 0xFFFF
    payload = extension + payload[: at.offset] + total.to_bytes(2, "big") + payload[at.end :]
    return encode(
        ipv6.HEADER, version_class_flow=6 << 28, payload_length=len(payload),
        next_header=ipv6.OPTIONS[0] if extension else ipv4.UDP, hop_limit=16, source=SENDER_6,
        destination=group,
    ) + payload  # fmt: skip


def _group(address: bytes, side: int) -> bytes:
    return address[:-1] + bytes([address[-1] + side])


def ip_of(payload: bytes, kind: str = "ipv4", side: int = 0) -> bytes:
    """Return a datagram in an IP packet.

    Parameters
    ----------
    payload : bytes
    kind : {"ipv4", "ipv4 options", "ipv6", "ipv6 extension"}
    side : int
        Which destination.
    """
    datagram = _udp(payload, side)
    if kind == "ipv4":
        return _ipv4(datagram, side)
    if kind == "ipv4 options":
        return _ipv4(datagram, side, _ROUTER_ALERT)
    if kind == "ipv6":
        return _ipv6(datagram, side)
    if kind == "ipv6 extension":
        extension = encode(ipv6.EXTENSION, next_header=ipv4.UDP, length=0, options=_PADDING)
        return _ipv6(datagram, side, extension)
    raise SpecError(f"no such packets: {kind!r}")


def fragments_of(payload: bytes, side: int = 0) -> list[bytes]:
    """Return a datagram in the fragments of an IPv4 packet: two of them.

    Raises
    ------
    SpecError
        It is too short for that.
    """
    datagram = _udp(payload, side)
    half = len(datagram) // 16 * 8
    if not half:
        raise SpecError(f"a datagram of {len(datagram)} bytes stays whole")
    first, second = datagram[:half], datagram[half:]
    return [_ipv4(first, side, fragment=_MORE), _ipv4(second, side, fragment=half // 8)]


def tcp_of(payload: bytes) -> bytes:
    """Return a packet of another protocol than UDP."""
    return _ipv4(bytes(12) + b"\x50" + bytes(7) + payload, 0, protocol=6)


# --- links ---------------------------------------------------------------------------------------


def _ethernet(packet: bytes, kind: int, tags: Sequence[tuple[int, int]] = ()) -> bytes:
    types = [each for each, _ in tags] + [kind]
    out = encode(ethernet.HEADER, destination=GROUP_MAC, source=SENDER_MAC, ethertype=types[0])
    for (_, control), following in zip(tags, types[1:], strict=True):
        out += encode(ethernet.VLAN, control=control, ethertype=following)
    return (out + packet).ljust(SHORTEST, b"\0")


def _cooked(packet: bytes, kind: int) -> bytes:
    address = SENDER_MAC + bytes(2)
    return encode(
        cooked.HEADER, packet_type=2, device_type=1, address_length=6, address=address,
        protocol=kind,
    ) + packet  # fmt: skip


def _cooked_2(packet: bytes, kind: int) -> bytes:
    address = SENDER_MAC + bytes(2)
    return encode(
        cooked.HEADER_2, protocol=kind, reserved=0, interface_index=2, device_type=1,
        packet_type=2, address_length=6, address=address,
    ) + packet  # fmt: skip


def _loopback(packet: bytes, kind: int, order: str) -> bytes:
    header = loopback.HEADER_LITTLE if order == "<" else loopback.HEADER_BIG
    return (
        encode(header, family=loopback.IPV4 if kind == ethernet.IPV4 else loopback.IPV6[-1])
        + packet
    )


_VLAN, _SERVICE = (0x8100, 100), (0x88A8, 7)

LINKS = {
    "ethernet": linktypes.ETHERNET,
    "vlan": linktypes.ETHERNET,
    "qinq": linktypes.ETHERNET,
    "sll": linktypes.COOKED,
    "sll2": linktypes.COOKED_2,
    "raw": linktypes.RAW[0],
    "null": linktypes.NULL,
    "loop": linktypes.LOOP,
}
"""Link layer to its number in a capture."""


def frame_of(packet: bytes, link: str, order: str = "<") -> bytes:
    """Return an IP packet as it stands on a link.

    Parameters
    ----------
    packet : bytes
    link : str
        A key of `LINKS`.
    order : {"<", ">"}
        Of the system that captures: loopback headers are in its order.
    """
    kind = ethernet.IPV6 if packet[0] >> 4 == 6 else ethernet.IPV4
    tags = {"ethernet": (), "vlan": (_VLAN,), "qinq": (_SERVICE, _VLAN)}
    if link in tags:
        return _ethernet(packet, kind, tags[link])
    if link == "sll":
        return _cooked(packet, kind)
    if link == "sll2":
        return _cooked_2(packet, kind)
    if link == "raw":
        return packet
    if link in LINKS:
        return _loopback(packet, kind, order if link == "null" else ">")
    raise SpecError(f"no such link: {link!r}; known: {', '.join(LINKS)}")


def fcs_of(frame: bytes) -> bytes:
    """Return the check sequence that ends an Ethernet frame on the wire."""
    return zlib.crc32(frame).to_bytes(4, "little")
