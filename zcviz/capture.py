"""Containers: what a file is, found out from its content and never from its name.

A `Capture` knows where the bytes are, who owns them, and how to step from record to record. Two
traversals start from it, which find the same messages and report the same damage: ``walk`` cuts
out pieces, ``index`` notes positions. What both count is a `Report`.

===================== ==================================================================
skipped               a whole frame, datagram or block that carries no message
===================== ==================================================================
not ipv4              another protocol on the wire
not udp               IPv4, but no UDP
ip fragment           a piece of a larger packet; pieces are not put together
not moldudp64         UDP, but too short for the header, or no session name where one belongs
bad header            a length in a header is impossible, or the capture cut the headers off
empty block           a MoldUDP64 block of no bytes; it uses up a sequence number
===================== ==================================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from .buffers import Buffer, HeldBytes, MappedFile, Source
from .codec.flyweight import reader
from .decompress import decompress
from .errors import BadMagicError, BufferLifetimeError, Problem, SelectionError, TruncatedError
from .protocols import FEEDS, binaryfile, pcap
from .spec import Message, Protocol

__all__ = ["MAX_PROBLEMS", "Capture", "Report", "open_capture"]

MAX_PROBLEMS = 100
"""How many problems are kept with their offsets; all are counted."""

# What a problem is about: the same words from both traversals.
LENGTH = "length of the message"
BLOCK = "block inside its datagram"
TRAILING = "bytes after the last block"
CUT_PACKET = "captured bytes of the packet"
IP_VERSION = "ip version"
IP_HEADER = "ipv4 header length"
IP_TOTAL = "ipv4 total length"
UDP_LENGTH = "udp length"
AFTER_END = "bytes after the end of the session"

_GZIP = b"\x1f\x8b"
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_ETHERNET = 1


@dataclass
class Report:
    """What a traversal met beside messages.

    Attributes
    ----------
    packets : int
        Capture records; 0 for a BinaryFILE.
    datagrams, heartbeats, ends : int
        MoldUDP64 datagrams in all, those that are heartbeats, those that end a session (in a
        BinaryFILE, the zero length that does).
    skipped : dict of str to int
    problems : list of Problem
        The first `MAX_PROBLEMS`.
    problems_total : int
    truncated : tuple of int or None
        Where the last, incomplete record starts, and how many bytes there are of it.
    """

    packets: int = 0
    datagrams: int = 0
    heartbeats: int = 0
    ends: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    problems_total: int = 0
    truncated: tuple[int, int] | None = None

    def note(self, offset: int, what: str, expected: int | str, found: int | str) -> None:
        """Count a problem, and keep it if it is among the first."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(offset, what, expected, found))
        self.problems_total += 1

    def skip(self, reason: str, times: int = 1) -> None:
        """Count something passed over."""
        self.skipped[reason] = self.skipped.get(reason, 0) + times


@dataclass(frozen=True)
class Capture:
    """Bytes, and how they are framed.

    Attributes
    ----------
    source : Source
        Owner of the (decompressed) bytes.
    container : {"binaryfile", "pcap"}
    protocol : Protocol
    compression : {None, "gzip"}
    start : int [bytes]
        Where the first record begins.
    record : Message or None
        Header of a capture record, in the file's byte order.
    tick : int [ns]
        Unit of the records' fraction of a second.
    damage : tuple of Problem
        What went wrong before the first record: in decompression.
    path : Path or None
        Where the bytes came from, if from a file; absolute.
    label : str
        The path as it was given, or the kind of object.
    """

    source: Source
    container: str
    protocol: Protocol
    compression: str | None = None
    start: int = 0
    record: Message | None = None
    tick: int = 0
    damage: tuple[Problem, ...] = ()
    path: Path | None = None
    label: str = ""


def open_capture(
    source: str | os.PathLike[str] | Buffer,
    protocol: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Capture:
    """Find out what `source` is.

    Parameters
    ----------
    source : path or bytes-like
    protocol : str, optional
        Take the messages for this protocol's, without a look at them.
    progress : callable (bytes done, bytes in all), optional
        Called while gzip is decompressed.

    Raises
    ------
    BadMagicError
        The content is of no known format.
    TruncatedError
        There is nothing, or less than a file header.
    SelectionError
        No such protocol.
    OSError
        The file cannot be read.

    Notes
    -----
    Memory: a file is mapped, a bytes-like object viewed. Gzip is decompressed once, into memory
    that the capture owns.
    """
    if protocol is not None and protocol not in FEEDS:
        raise SelectionError(f"unknown protocol {protocol!r}; known: {', '.join(FEEDS)}")
    path = Path(source).absolute() if isinstance(source, str | os.PathLike) else None
    owner = HeldBytes(source, _name_of(source)) if path is None else MappedFile(source)  # type: ignore[arg-type]
    label = owner.name
    try:
        if bytes(owner.view[:2]) != _GZIP:
            return replace(_sniff(owner, protocol), path=path, label=label)
        packed, (owner, damage) = owner, decompress(owner, progress)
        packed.close()
        found = _sniff(owner, protocol)
        return replace(found, path=path, label=label, compression="gzip", damage=damage)
    except BaseException:  # an interruption too, and a progress bar that fails
        with suppress(BufferLifetimeError):
            owner.close(explain=False)
        raise


def _name_of(source: object) -> str:
    return f"{type(source).__name__} object"


def _sniff(owner: Source, protocol: str | None) -> Capture:
    start = bytes(owner.view[:4])
    if not start:
        raise TruncatedError(owner.name, offset=0, expected="a market data file", found="no bytes")
    feed = FEEDS[protocol or "itch50"]
    if start in pcap.MAGICS:
        at, record, tick = _pcap_header(owner)
        return Capture(owner, "pcap", feed, None, at, record, tick)
    if start == _PCAPNG:
        raise BadMagicError(owner.name, offset=0, expected="pcap or BinaryFILE", found="pcapng")
    if protocol is None and not _looks_like_frames(owner.view, feed):
        raise BadMagicError(
            owner.name,
            offset=0,
            expected="a pcap file, or a BinaryFILE of ITCH 5.0, plain or in gzip",
            found=f"{start.hex(' ')} (name a protocol to read it anyway)",
            buffer=memoryview(bytes(owner.view[:64])),
        )
    return Capture(owner, "binaryfile", feed)


def _pcap_header(owner: Source) -> tuple[int, Message, int]:
    header, record, tick = pcap.MAGICS[bytes(owner.view[:4])]
    if len(owner) < header.size:
        raise TruncatedError(
            "pcap file header", offset=0, expected=f"{header.size} bytes", found=len(owner)
        )
    link = reader(header, "link_type")(owner.view, 0) & 0xFFFF
    if link != _ETHERNET:
        raise BadMagicError(
            "link type of the capture",
            offset=header["link_type"].offset,
            expected=f"{_ETHERNET} (Ethernet)",
            found=link,
        )
    return header.size, record, tick


def _looks_like_frames(view: memoryview, feed: Protocol, frames: int = 64) -> bool:
    # A chain of lengths, at least one of which fits its message's type. Bytes of another kind run
    # off the end of the file, or hit an unlikely length, long before one fits by chance.
    length = reader(binaryfile.FRAME, "length")
    sizes = {message.tag: message.size for message in feed}
    at = fitting = 0
    for _ in range(frames):
        if at + 3 > len(view):
            break
        size = length(view, at)
        if size == 0:
            return fitting > 0 or len(view) == 2
        fitting += sizes.get(bytes(view[at + 2 : at + 3])) == size
        at += 2 + size
    return fitting > 0 or bytes(view) == b"\0\0"
