"""Datagrams to a capture file: on which link, in which container, and what was kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SpecError
from ..protocols import pcapng
from .chance import Chance
from .containers import Interface, Record, pcap_of, pcapng_of
from .sender import Datagram
from .train import spread, truth_of
from .wire import LINKS, fcs_of, fragments_of, frame_of, ip_of, tcp_of

__all__ = ["Wire", "recorded"]


@dataclass(frozen=True)
class Wire:
    """How datagrams are captured.

    Attributes
    ----------
    links : tuple of str
        Keys of `LINKS`. A pcapng file has an interface for each, and they take turns.
    ip : {"ipv4", "ipv4 options", "ipv6", "ipv6 extension"}
    fcs : bool
        Whether the check sequences of Ethernet frames are kept.
    snap : int [bytes]
        How much of a packet is kept; 0 for all.
    fragments : int
        Datagrams that travel in two pieces, and are passed over for it.
    strangers : int
        Packets among the others that are not UDP.
    order : str
        Byte order of the file, or of each section of a pcapng file: ``"<>"`` makes two.
    unit : {"us", "ns"}
        Of times in a pcap file.
    resolutions : tuple of int
        Of times in a pcapng file, the interfaces in turn; see `Interface`.
    offset : int [s]
        That the clocks of a pcapng file count from.
    blocks : tuple of int
        Types of block of a pcapng file, in turn.
    """

    links: tuple[str, ...] = ("ethernet",)
    ip: str = "ipv4"
    fcs: bool = False
    snap: int = 0
    fragments: int = 0
    strangers: int = 0
    order: str = "<"
    unit: str = "ns"
    resolutions: tuple[int, ...] = (9,)
    offset: int = 0
    blocks: tuple[int, ...] = (pcapng.ENHANCED,)

    def __post_init__(self) -> None:
        unknown = set(self.links) - LINKS.keys()
        if unknown or not self.links:
            raise SpecError(f"no such links: {', '.join(unknown)}; known: {', '.join(LINKS)}")
        if self.fcs and not set(self.links) <= {"ethernet", "vlan", "qinq"}:
            raise SpecError("only Ethernet frames end with a check sequence")


def recorded(
    train: Sequence[Datagram], container: str, wire: Wire, chance: Chance
) -> tuple[bytes, dict[str, Any]]:
    """Return a capture file of the datagrams, and what `info` has to say of it."""
    pieces = spread(wire.fragments, len(train), chance)
    strangers = spread(wire.strangers, len(train), chance)
    sections: list[list[Record]] = [[] for _ in wire.order]
    arrived = []
    for n, each in enumerate(train):
        section = n * len(sections) // len(train)
        packets = [ip_of(each.payload, wire.ip, each.side)]
        if n in pieces:
            packets = fragments_of(each.payload, each.side)
        if n in strangers:
            packets.append(tcp_of(b"hello"))
        place = n % len(wire.links)
        frames = [_frame(packet, wire, place, wire.order[section]) for packet in packets]
        sections[section] += [
            Record(each.time, frame[: wire.snap or None], len(frame), place) for frame in frames
        ]
        if n not in pieces:
            arrived.append(_kept(each, frames[0], wire.snap))
    truth = truth_of(arrived)
    passed_over = {"ip fragment": 2 * len(pieces), "not udp": len(strangers)}
    truth["skipped"] |= {reason: times for reason, times in passed_over.items() if times}
    truth["packets"] = sum(map(len, sections))
    return _file(container, sections, wire), truth


def _frame(packet: bytes, wire: Wire, place: int, order: str) -> bytes:
    frame = frame_of(packet, wire.links[place], order)
    return frame + fcs_of(frame) if wire.fcs else frame


def _kept(datagram: Datagram, frame: bytes, snap: int) -> Datagram:
    if not 0 < snap < len(frame):
        return datagram
    room = snap - frame.index(datagram.payload)
    whole = tuple(message for message in datagram.messages if message[1] <= room)
    return datagram._replace(messages=whole)


def _file(container: str, sections: Sequence[Sequence[Record]], wire: Wire) -> bytes:
    numbers = [LINKS[link] for link in wire.links]
    if container == "pcapng":
        interfaces = [
            Interface(number, wire.resolutions[n % len(wire.resolutions)], wire.offset, wire.snap)
            for n, number in enumerate(numbers)
        ]
        return pcapng_of(list(zip(wire.order, sections, strict=True)), interfaces, wire.blocks)
    if len(numbers) > 1 or len(sections) > 1:
        raise SpecError("a pcap file has one section, and one link")
    (records,) = sections
    return pcap_of(
        records, *numbers, order=wire.order, unit=wire.unit, snap=wire.snap, fcs=wire.fcs
    )
