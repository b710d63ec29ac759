"""The blocks of a pcapng file, one after another in plain Python.

The copying traversal goes this way; `kernels.records` goes it for the zero-copy one, and both find
the same and report the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .codec.flyweight import reader
from .damage import PROBLEMS, SKIPPED, Notes, RefusedError
from .kernels.records import NO_LINK
from .kernels.tally import Tally
from .protocols import pcapng

__all__ = ["INTERFACES", "Packet", "iter_blocks"]

INTERFACES = 1 << 16
"""How many interfaces a file may describe, in all its sections; packets of others are refused."""

_TRAILER = 4  # the length once more
_SHORTEST = 12
_LENGTHS = {pcapng.RESOLUTION: 1, pcapng.OFFSET: 8}  # of options that say when
_PACKETS = (pcapng.ENHANCED, pcapng.SIMPLE, pcapng.OBSOLETE)
_SWAPPED = int.from_bytes(pcapng.BYTE_ORDER.to_bytes(4, "big"), "little")


class Packet(NamedTuple):
    """A packet of a capture.

    Attributes
    ----------
    record, start, end : int [bytes]
        Where its record starts, where it does, where the captured bytes of it end.
    link : int
        What kind of link it was on.
    original : int [bytes]
        How long it was there.
    """

    record: int
    start: int
    end: int
    link: int
    original: int


class _Section:
    # What has to be known of a section to read its blocks. Of an interface: link type, snap length.

    def __init__(self, *, big: bool) -> None:
        self.big = big
        self.interfaces: list[tuple[int, int]] = []

    def read(self, kind: int, name: str) -> Callable[[memoryview, int], Any]:
        return reader((pcapng.BIG if self.big else pcapng.LITTLE)[kind], name)

    def describe(self, view: memoryview, at: int, body: int) -> None:
        """Add an interface; `body` is where the block's contents end."""
        size = pcapng.LITTLE[pcapng.INTERFACE].size
        self.interfaces.append((NO_LINK, 0))
        _fit(at, size, body)
        names = ("link_type", "snap_length")
        link, snap = (self.read(pcapng.INTERFACE, name)(view, at) for name in names)
        self.interfaces[-1] = link, snap
        table = pcapng.OPTION_BIG if self.big else pcapng.OPTION_LITTLE
        at += size
        while at + table.size <= body:
            code, length = reader(table, "code")(view, at), reader(table, "length")(view, at)
            if code == 0:
                break
            needed, room = _LENGTHS.get(code, length), body - at - table.size
            if length != needed:
                raise RefusedError(Tally.CAPTURE_BLOCK, at, needed, length)
            if length > room:
                raise RefusedError(Tally.CAPTURE_BLOCK, at, room, length)
            at += table.size + (length + 3 & ~3)

    def packet(self, view: memoryview, kind: int, at: int, body: int) -> Packet:
        """Return the packet of a block."""
        simple = kind == pcapng.SIMPLE
        size = pcapng.LITTLE[kind].size
        _fit(at, size, body)
        start = at + size
        number = 0 if simple else self.read(kind, "interface")(view, at)
        if number >= len(self.interfaces):
            raise RefusedError(Tally.INTERFACE, at, len(self.interfaces), number)
        link, snap = self.interfaces[number]
        original = self.read(kind, "original_length")(view, at)
        if simple:
            captured = min(original, body - start, snap or original)
        else:
            captured = self.read(kind, "captured_length")(view, at)
        if captured > body - start:
            raise RefusedError(Tally.CAPTURE_BLOCK, at, body - start, captured)
        return Packet(at, start, start + captured, link, original)


def _fit(at: int, size: int, body: int) -> None:
    if at + size > body:
        raise RefusedError(Tally.CAPTURE_BLOCK, at, size + _TRAILER, body + _TRAILER - at)


def iter_blocks(view: memoryview, report: Notes) -> Iterator[Packet]:
    """Yield the packets of a pcapng file.

    Parameters
    ----------
    view : memoryview
        The file; its first block is a section.
    report : Notes
        Is told what is wrong.

    Notes
    -----
    Memory: allocates nothing but the packets' places, and remembers the interfaces of a section.
    """
    section, earlier = _Section(big=False), 0
    at, end = 0, len(view)
    while at + _SHORTEST <= end:
        kind = section.read(pcapng.SECTION, "block_type")(view, at)
        magic = section.read(pcapng.SECTION, "byte_order")(view, at)
        if kind == pcapng.SECTION:
            if magic not in (pcapng.BYTE_ORDER, _SWAPPED):
                what = PROBLEMS[Tally.CAPTURE_BLOCK]
                report.note(at + 8, what, pcapng.BYTE_ORDER, magic)
                break
            earlier += len(section.interfaces)
            section = _Section(big=section.big == (magic == pcapng.BYTE_ORDER))
        after = _block_end(view, at, section, report)
        if after is None:
            break
        try:
            if kind == pcapng.INTERFACE:
                if earlier + len(section.interfaces) == INTERFACES:
                    raise RefusedError(Tally.INTERFACE, at, INTERFACES, INTERFACES + 1)
                section.describe(view, at, after - _TRAILER)
            elif kind in _PACKETS:
                report.packets += 1
                yield section.packet(view, kind, at, after - _TRAILER)
        except RefusedError as problem:
            report.note(problem.at, problem.what, problem.expected, problem.found)
            if kind in _PACKETS:
                report.skip(SKIPPED[Tally.BAD_HEADER])
        at = after
    if at < end:
        report.truncated = at, end - at


def _block_end(view: memoryview, at: int, section: _Section, report: Notes) -> int | None:
    # Where the next block starts; None where its own length does not tell.
    length, what = section.read(pcapng.SECTION, "block_length"), PROBLEMS[Tally.CAPTURE_BLOCK]
    size: int = length(view, at)
    after = at + size
    if size < _SHORTEST:
        report.note(at, what, _SHORTEST, size)
    if size < _SHORTEST or after > len(view):
        return None
    again = length(view, after - 8)  # the same field, seen from four bytes before the trailer
    if again != size:
        report.note(at, what, size, again)
        return None if size % 4 else after
    if size % 4:
        report.note(at, what, size & ~3, size)
    return after
