"""Packets to capture files: classic ones, and those of the next generation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Literal, NamedTuple

from ..codec import encode
from ..protocols import linktypes, pcap, pcapng
from .day import SECOND

__all__ = ["Interface", "Record", "pcap_of", "pcapng_of"]

MAGICS = {"us": 0xA1B2C3D4, "ns": 0xA1B23C4D}


class Record(NamedTuple):
    """A packet as captured.

    Attributes
    ----------
    time : int [ns since the Unix epoch]
    data : bytes
        What was kept of it.
    length : int [bytes]
        On the wire.
    interface : int
        That captured it, where there are several.
    """

    time: int
    data: bytes
    length: int
    interface: int = 0


def pcap_of(
    records: Iterable[Record], link: int = linktypes.ETHERNET, *, order: str = "<",
    unit: str = "ns", snap: int = 0, fcs: bool = False,
) -> bytes:  # fmt: skip
    """Return a classic capture file.

    Parameters
    ----------
    records : iterable of Record
    link : int
        Number of the link layer.
    order : {"<", ">"}
    unit : {"us", "ns"}
    snap : int [bytes]
        What was kept of a packet at most; 0 for all.
    fcs : bool
        Say that frames end with their check sequence, of two 16-bit words.
    """
    file, record = {
        "<": (pcap.FILE_LITTLE, pcap.RECORD_LITTLE), ">": (pcap.FILE_BIG, pcap.RECORD_BIG)
    }[order]  # fmt: skip
    out = [encode(
        file, magic=MAGICS[unit], version_major=2, version_minor=4, reserved1=0, reserved2=0,
        snap_length=snap or 65535, link_type=link | (2 << 28 | 1 << 26 if fcs else 0),
    )]  # fmt: skip
    for each in records:
        seconds, fraction = divmod(each.time, SECOND)
        out.append(encode(
            record, seconds=seconds, fraction=fraction // (1000 if unit == "us" else 1),
            captured_length=len(each.data), original_length=each.length,
        ) + each.data)  # fmt: skip
    return b"".join(out)


class Interface(NamedTuple):
    """Where packets were captured.

    Attributes
    ----------
    link : int
        Number of the link layer.
    resolution : int
        Units of its clock, as ``if_tsresol`` has them: 9 is nanoseconds, 0x80 | 20 is 2**-20 s.
    offset : int [s]
        That its clock counts from.
    snap : int [bytes]
        What is kept of a packet at most; 0 for all.
    """

    link: int = linktypes.ETHERNET
    resolution: int = 9
    offset: int = 0
    snap: int = 0

    def units(self, time: int) -> int:
        """Return a time [ns since the Unix epoch] as the clock shows it."""
        power = self.resolution & 0x7F
        base = 1 << power if self.resolution & 0x80 else 10**power
        return (time - self.offset * SECOND) * base // SECOND


def pcapng_of(
    sections: Iterable[tuple[str, Iterable[Record]]],
    interfaces: Sequence[Interface] = (Interface(),),
    blocks: Sequence[int] = (pcapng.ENHANCED,),
) -> bytes:
    """Return a capture file of the next generation.

    Parameters
    ----------
    sections : iterable of (str, iterable of Record)
        Byte order of each section, and its packets.
    interfaces : sequence of Interface
        Of every section.
    blocks : sequence of int
        Types of block that packets are written as, in turn. Simple packet blocks are for packets
        of interface 0 only; the others become enhanced ones.
    """
    out = []
    for order, records in sections:
        section = _Section(order)
        out.append(section.head())
        out += [section.interface(each) for each in interfaces]
        for kind, record in zip(cycle(blocks), records, strict=False):
            simple = kind == pcapng.SIMPLE and record.interface
            time = interfaces[record.interface].units(record.time)
            out.append(section.packet(pcapng.ENHANCED if simple else kind, record, time))
        out.append(section.statistics())
    return b"".join(out)


class _Section:
    # The blocks of one section, in its writer's byte order.

    def __init__(self, order: str) -> None:
        little = order == "<"
        self.tables = pcapng.LITTLE if little else pcapng.BIG
        self.option = pcapng.OPTION_LITTLE if little else pcapng.OPTION_BIG
        self.order: Literal["little", "big"] = "little" if little else "big"

    def _block(self, kind: int, body: bytes = b"", **fields: int) -> bytes:
        table = self.tables[kind]
        body = _padded(body)
        length = table.size + len(body) + 4
        head = encode(table, block_type=kind, block_length=length, **fields)
        return head + body + length.to_bytes(4, self.order)

    def head(self) -> bytes:
        return self._block(
            pcapng.SECTION, byte_order=pcapng.BYTE_ORDER, version_major=1, version_minor=0,
            section_length=-1,
        )  # fmt: skip

    def interface(self, interface: Interface) -> bytes:
        options = b""
        if interface.resolution != pcapng.MICROSECONDS:
            options += self._option(pcapng.RESOLUTION, bytes([interface.resolution]))
        if interface.offset:
            offset = interface.offset.to_bytes(8, self.order, signed=True)
            options += self._option(pcapng.OFFSET, offset)
        if options:
            options += self._option(0, b"")
        return self._block(
            pcapng.INTERFACE, options, link_type=interface.link, reserved=0,
            snap_length=interface.snap,
        )  # fmt: skip

    def _option(self, code: int, value: bytes) -> bytes:
        return encode(self.option, code=code, length=len(value)) + _padded(value)

    def packet(self, kind: int, record: Record, time: int) -> bytes:
        if kind == pcapng.SIMPLE:
            return self._block(kind, record.data, original_length=record.length)
        drops = {"drops": 0xFFFF} if kind == pcapng.OBSOLETE else {}
        return self._block(
            kind, record.data, interface=record.interface, timestamp_high=time >> 32,
            timestamp_low=time & 0xFFFFFFFF, captured_length=len(record.data),
            original_length=record.length, **drops,
        )  # fmt: skip

    def statistics(self) -> bytes:
        # A block that carries no packet: readers have to pass over it.
        numbers = (5, 24, 0, 0, 0, 24)
        return b"".join(number.to_bytes(4, self.order) for number in numbers)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
