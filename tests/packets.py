"""Builders of captures and of what packets begin with, written down independently of zcviz.

As in `helpers`, nothing here imports the package: `struct` and literals only. Byte order is "<" or
">" throughout.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable

from tests.helpers import ethernet, ipv4, mold, packet, pcap, udp

__all__ = [
    "LINKS",
    "authentication",
    "block",
    "cooked",
    "cooked_2",
    "enhanced",
    "every_link",
    "extension",
    "flipped",
    "interface",
    "ipv6",
    "loop",
    "mutated",
    "null",
    "obsolete",
    "odd_frames",
    "option",
    "padded",
    "pcap",
    "pcapng",
    "resolution",
    "section",
    "simple",
    "truncated",
]

# --- what stands before IP -----------------------------------------------------------------------

IPV4, IPV6 = 0x0800, 0x86DD


def tags(vlans: tuple[tuple[int, int], ...], kind: int) -> tuple[int, bytes]:
    """The type that announces the first tag, and the tags: (type, identifier) of each."""
    types = [each for each, _ in vlans] + [kind]
    pairs = zip(vlans, types[1:], strict=True)
    return types[0], b"".join(struct.pack(">HH", one[1], following) for one, following in pairs)


def cooked(payload: bytes, kind: int = IPV4, vlans: tuple[tuple[int, int], ...] = ()) -> bytes:
    """Linux cooked capture v1 (113)."""
    first, between = tags(vlans, kind)
    return struct.pack(">HHH8sH", 1, 1, 6, b"\2\0\0\0\0\1", first) + between + payload


def cooked_2(payload: bytes, kind: int = IPV4, vlans: tuple[tuple[int, int], ...] = ()) -> bytes:
    """Linux cooked capture v2 (276)."""
    first, between = tags(vlans, kind)
    return struct.pack(">HHIHBB8s", first, 0, 3, 1, 1, 6, b"\2\0\0\0\0\1") + between + payload


def null(payload: bytes, family: int = 2, order: str = "<") -> bytes:
    """BSD loopback (0): the family in the writer's order."""
    return struct.pack(order + "I", family) + payload


def loop(payload: bytes, family: int = 2) -> bytes:
    """OpenBSD loopback (108): the family in network order."""
    return null(payload, family, ">")


# --- IPv6 ----------------------------------------------------------------------------------------


def extension(kind: int, words: int = 0) -> tuple[int, bytes]:
    """A header of 8 * (words + 1) bytes after IPv6: its number, and its bytes but the first."""
    return kind, bytes([words]) + bytes(8 * words + 6)


def authentication(words: int = 4) -> tuple[int, bytes]:
    """An authentication header of 4 * (words + 2) bytes."""
    return 51, bytes([words]) + bytes(4 * words + 6)


def ipv6(
    payload: bytes, *, protocol: int = 17, extensions: Iterable[tuple[int, bytes]] = (),
    length: int | None = None, first: int = 0x60,
) -> bytes:  # fmt: skip
    """`length` overrides what the header says of the payload."""
    extensions = list(extensions)
    kinds = [kind for kind, _ in extensions] + [protocol]
    chain = b"".join(
        bytes([following]) + rest
        for (_, rest), following in zip(extensions, kinds[1:], strict=True)
    )
    size = len(chain) + len(payload) if length is None else length
    fixed = struct.pack(">BBHHBB", first, 0, 0, size, kinds[0], 64)
    return fixed + bytes(15) + b"\1" + b"\xff\x0e" + bytes(13) + b"\2" + chain + payload


# --- pcapng --------------------------------------------------------------------------------------


def padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def block(
    kind: int, body: bytes, order: str = "<", *, length: int | None = None,
    trailer: int | None = None,
) -> bytes:  # fmt: skip
    """`length` and `trailer` are what the block says of itself at its beginning and at its end."""
    whole = 12 + len(body)
    length = whole if length is None else length
    trailer = whole if trailer is None else trailer
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", trailer)


def option(code: int, value: bytes, order: str = "<", length: int | None = None) -> bytes:
    return struct.pack(order + "HH", code, len(value) if length is None else length) + padded(value)


def section(order: str = "<", options: bytes = b"", length: int = -1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length) + options, order)


def resolution(value: int, order: str = "<") -> bytes:
    """The option if_tsresol."""
    return option(9, bytes([value]), order)


def offset(seconds: int, order: str = "<") -> bytes:
    """The option if_tsoffset."""
    return option(14, struct.pack(order + "q", seconds), order)


def interface(link: int = 1, snap: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(
    frame: bytes, number: int = 0, units: int = 0, order: str = "<", *,
    original: int | None = None, captured: int | None = None, options: bytes = b"", **lies: int,
) -> bytes:  # fmt: skip
    lengths = len(frame) if captured is None else captured, original or len(frame)
    head = struct.pack(order + "IIIII", number, units >> 32, units & 0xFFFFFFFF, *lengths)
    return block(6, head + padded(frame) + options, order, **lies)


def obsolete(
    frame: bytes, number: int = 0, units: int = 0, order: str = "<", *,
    original: int | None = None, captured: int | None = None, options: bytes = b"", **lies: int,
) -> bytes:  # fmt: skip
    lengths = len(frame) if captured is None else captured, original or len(frame)
    head = struct.pack(order + "HHIIII", number, 7, units >> 32, units & 0xFFFFFFFF, *lengths)
    return block(2, head + padded(frame) + options, order, **lies)


def simple(frame: bytes, order: str = "<", *, original: int | None = None, **lies: int) -> bytes:
    head = struct.pack(order + "I", len(frame) if original is None else original)
    return block(3, head + padded(frame), order, **lies)


def pcapng(*frames: bytes, order: str = "<", link: int = 1, snap: int = 0) -> bytes:
    """A capture of these packets, one second apart, in enhanced blocks of one interface."""
    blocks = [enhanced(frame, 0, n * 10**6, order) for n, frame in enumerate(frames, 1)]
    return section(order) + interface(link, snap, order=order) + b"".join(blocks)


# --- one of each ---------------------------------------------------------------------------------

DATAGRAM = mold(1, b"D" + bytes(18), b"S" + bytes(11))
DOUBLE = ((0x88A8, 5), (0x8100, 142))

LINKS = {
    "ethernet": (1, packet(DATAGRAM)),
    "vlan": (1, packet(DATAGRAM, vlans=((0x8100, 141),))),
    "qinq": (1, packet(DATAGRAM, vlans=DOUBLE)),
    "five tags": (1, packet(DATAGRAM, vlans=(*DOUBLE, (0x9100, 3), *DOUBLE))),
    "ipv4 options": (1, ethernet(ipv4(udp(DATAGRAM), options=b"\x94\x04\0\0"))),
    "kept fcs": (1, packet(DATAGRAM) + b"\xde\xad\xbe\xef"),
    "padding": (1, packet(b"tiny")),
    "ethernet ipv6": (1, ethernet(ipv6(udp(DATAGRAM)), kind=IPV6)),
    "extensions": (
        1,
        ethernet(
            ipv6(
                udp(DATAGRAM),
                extensions=[extension(0, 1), extension(43), authentication(), extension(60)],
            ),
            kind=IPV6,
        ),
    ),
    "cooked": (113, cooked(ipv4(udp(DATAGRAM)))),
    "cooked vlan": (113, cooked(ipv4(udp(DATAGRAM)), vlans=((0x8100, 1),))),
    "cooked ipv6": (113, cooked(ipv6(udp(DATAGRAM)), IPV6)),
    "cooked 2": (276, cooked_2(ipv4(udp(DATAGRAM)))),
    "cooked 2 vlan": (276, cooked_2(ipv4(udp(DATAGRAM)), vlans=DOUBLE)),
    "raw": (101, ipv4(udp(DATAGRAM))),
    "raw ipv6": (101, ipv6(udp(DATAGRAM))),
    "raw 12": (12, ipv4(udp(DATAGRAM))),
    "raw 14": (14, ipv6(udp(DATAGRAM))),
    "raw 228": (228, ipv4(udp(DATAGRAM))),
    "raw 229": (229, ipv6(udp(DATAGRAM))),
    "null little": (0, null(ipv4(udp(DATAGRAM)))),
    "null big": (0, null(ipv4(udp(DATAGRAM)), order=">")),
    "null macos": (0, null(ipv6(udp(DATAGRAM)), 30)),
    "null freebsd": (0, null(ipv6(udp(DATAGRAM)), 28, ">")),
    "loop": (108, loop(ipv4(udp(DATAGRAM)))),
    "loop ipv6": (108, loop(ipv6(udp(DATAGRAM)), 24)),
}  # fmt: skip
"""A sound packet for each way to carry a datagram: link type and bytes. All carry `DATAGRAM`, but
for "padding", which carries b"tiny"."""


def every_link() -> list[tuple[int, bytes]]:
    return list(LINKS.values())


def odd_frames() -> dict[str, tuple[int, bytes, str]]:
    """Packets without a datagram: link type, bytes, and the reason."""
    whole = udp(DATAGRAM)
    eth6 = {"kind": IPV6}
    far = tuple((0x8100, 1) for _ in range(17_000))
    return {
        "token ring": (6, packet(DATAGRAM), "unknown link type"),
        "the link type that is reserved": (0xFFFF, packet(DATAGRAM), "unknown link type"),
        "arp": (1, ethernet(bytes(28), kind=0x0806), "not ip"),
        "llc": (1, ethernet(bytes(28), kind=60), "not ip"),
        "cooked arp": (113, cooked(bytes(28), 0x0806), "not ip"),
        "appletalk on loopback": (0, null(bytes(40), 16), "not ip"),
        "both halves of a family": (0, null(bytes(40), 0x00020002), "not ip"),
        "little-endian loop": (108, null(ipv4(whole)), "not ip"),
        "tcp": (1, ethernet(ipv4(bytes(20), protocol=6)), "not udp"),
        "tcp on ipv6": (1, ethernet(ipv6(bytes(20), protocol=6), **eth6), "not udp"),
        "no next header": (1, ethernet(ipv6(b"x", protocol=59), **eth6), "not udp"),
        "first fragment": (1, ethernet(ipv4(whole, fragment=0x2000)), "ip fragment"),
        "last fragment": (1, ethernet(ipv4(whole, fragment=0x0003)), "ip fragment"),
        "ipv6 fragment": (
            1, ethernet(ipv6(whole, extensions=[extension(44)]), **eth6), "ip fragment"
        ),
        "version 5": (1, ethernet(ipv4(whole, first=0x55)), "bad header"),
        "raw version 5": (101, ipv4(whole, first=0x55), "bad header"),
        "ipv4 as ipv6": (1, ethernet(ipv4(whole), **eth6), "bad header"),
        "ipv6 as ipv4": (1, ethernet(ipv6(whole)), "bad header"),
        "short header": (1, ethernet(ipv4(whole, first=0x44)), "bad header"),
        "short total": (1, ethernet(ipv4(whole, total=19)), "bad header"),
        "jumbogram": (
            1, ethernet(ipv6(whole, extensions=[extension(0)], length=0), **eth6), "bad header"
        ),
        "extensions beyond the payload": (
            1, ethernet(ipv6(whole, extensions=[extension(0, 9)], length=79), **eth6), "bad header"
        ),
        "udp length 0": (1, ethernet(ipv4(udp(DATAGRAM, length=0))), "bad header"),
        "udp length 7": (1, ethernet(ipv4(udp(DATAGRAM, length=7))), "bad header"),
        "udp beyond ip": (1, ethernet(ipv4(udp(DATAGRAM, length=4000))), "bad header"),
        "udp beyond ipv6": (1, ethernet(ipv6(udp(DATAGRAM, length=4000)), **eth6), "bad header"),
        "too many tags": (1, packet(DATAGRAM, vlans=far), "bad header"),
        "nothing": (1, b"", "bad header"),
        "nothing raw": (101, b"", "bad header"),
        "nothing on loopback": (0, b"\2\0\0", "bad header"),
    }  # fmt: skip


# --- damage --------------------------------------------------------------------------------------


def truncated(content: bytes) -> Iterable[bytes]:
    """`content` cut before each of its bytes."""
    return (content[:cut] for cut in range(len(content)))


def flipped(content: bytes, stop: int | None = None) -> Iterable[bytes]:
    """`content` with each of its bytes, up to `stop`, turned round: all bits of it, and one."""
    data = bytearray(content)
    for at in range(len(data))[:stop]:
        for bits in (0xFF, 1 << at % 8):
            data[at] ^= bits
            yield bytes(data)
            data[at] ^= bits


def mutated(content: bytes, noise: random.Random, aligned: int = 1) -> bytes:
    """`content` with a few places overwritten by numbers that break things, cut out or doubled."""
    data = bytearray(content)
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(0, len(data) + 1, aligned)
        length = noise.choice([1, 2, 4, 4, 8]) if aligned == 1 else 4 * noise.randint(1, 3)
        piece = bytes(data[at : at + length])
        data[at : at + length] = noise.choice(
            [b"", piece * 2, noise.randbytes(length), bytes(length), b"\xff" * length,
             noise.randint(0, 64).to_bytes(length, "little"),
             noise.randint(0, 64).to_bytes(length, "big")]
        )  # fmt: skip
    return bytes(data)
