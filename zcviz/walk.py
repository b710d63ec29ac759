"""The copying traversal: packet out of file, datagram out of packet, message out of datagram.

This is how most programs read a capture, and each cut makes a new object. What a cut *costs*
depends on what is cut: slices of `bytes` and of a map are copies, slices of a memoryview are
views. The functions are the same, so that the two can be compared (``zcviz.pipelines``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from . import capture as damage
from .buffers import Buffer
from .capture import Capture, Report
from .codec.flyweight import reader
from .protocols import ethernet, ipv4, moldudp64, udp

__all__ = ["FRAMES", "Walker", "block_bounds", "walk"]

FRAMES = 64
"""Messages that stand in for a packet in a BinaryFILE, which has none."""

Bytes = bytes | memoryview

_ethertype = reader(ethernet.HEADER, "ethertype")
_tagged_type = reader(ethernet.VLAN, "ethertype")
_version_ihl = reader(ipv4.HEADER, "version_ihl")
_total_length = reader(ipv4.HEADER, "total_length")
_fragment = reader(ipv4.HEADER, "flags_fragment")
_protocol = reader(ipv4.HEADER, "protocol")
_udp_length = reader(udp.HEADER, "length")
_session = reader(moldudp64.HEADER, "session")
_count = reader(moldudp64.HEADER, "count")
_length = reader(moldudp64.BLOCK, "length")
_PREFIX = moldudp64.BLOCK.size


class Block(NamedTuple):
    """One message as it was cut out: where it was, and its bytes."""

    offset: int
    data: Bytes


def block_bounds(datagram: Buffer, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield where each block of a MoldUDP64 datagram starts and ends, empty blocks too.

    It ends before a block that runs past `stop`; offsets count in `datagram`.
    """
    count = _count(datagram, start)
    at = start + moldudp64.HEADER.size
    for _ in range(0 if count == moldudp64.END_OF_SESSION else count):
        body = at + _PREFIX
        if body > stop:
            return
        at = body + _length(datagram, at)
        if at > stop:
            return
        yield body, at


class Walker:
    """Cuts a capture into pieces, one packet after another.

    Parameters
    ----------
    capture : Capture
    copies : bool
        Whether pieces are cut out of the file as `bytes` of their own, or as memoryviews of it.

    Attributes
    ----------
    report : Report
        What was met beside messages.
    base : int [bytes]
        Where the piece that was cut last lies in the file.
    """

    def __init__(self, capture: Capture, *, copies: bool = True) -> None:
        self.capture = capture
        self.report = Report()
        self.base = self._position = capture.start
        self._copy = capture.source.cutter() if copies else None
        self._end = capture.source.size
        self._sizes = {m.key: m.size for m in capture.protocol if m.tag is not None}
        self._full = 0
        if capture.record is not None:
            self._captured = reader(capture.record, "captured_length")
        for each in capture.damage:
            self.report.note(each.offset, each.what, each.expected, each.found)

    def packet(self) -> Bytes | None:
        """Cut out the next frame; in a BinaryFILE, the next `FRAMES` messages. None at the end."""
        if self.capture.record is None:
            return self._frames()
        start = self._position + self.capture.record.size
        view = self.capture.source.view
        stop = start if start > self._end else start + self._captured(view, self._position)
        if stop > self._end or start > self._end:
            if self._position < self._end:
                self.report.truncated = self._position, self._end - self._position
                self._end = self._position
            return None
        self.report.packets += 1
        return self._cut(view, start, stop)

    def _cut(self, view: memoryview, start: int, stop: int) -> Bytes:
        self.base, self._position = start, stop
        return view[start:stop] if self._copy is None else self._copy(slice(start, stop))

    def _frames(self) -> Bytes | None:
        view = self.capture.source.view
        at = start = self._position
        for _ in range(FRAMES):
            body = at + _PREFIX
            size = _length(view, at) if body <= self._end else 0
            if body > self._end or body + size > self._end:
                if at < self._end:
                    self.report.truncated = at, self._end - at
                    self._end = at
                break
            if size == 0:
                if at == start:  # else the messages before it go first, and are reported first
                    self._end_session(body)
                break
            at = body + size
        if at == start:
            return None
        return self._cut(view, start, at)

    def _end_session(self, body: int) -> None:
        self.report.ends += 1
        if body < self._end:
            what = damage.AFTER_END
            self.report.note(body, what, 0, self._end - body)
        self._end = body - _PREFIX

    def datagram(self, frame: Bytes) -> Bytes | None:
        """Cut the MoldUDP64 datagram out of an Ethernet frame; None if there is none in it."""
        bounds = self._datagram_bounds(frame)
        if bounds is None:
            return None
        start, stop = bounds
        self._full = stop - start
        if stop > len(frame):
            what = damage.CUT_PACKET
            self.report.note(self.base + start, what, stop - start, len(frame) - start)
        datagram = frame[start:stop]
        name = bytes(_session(datagram, 0)) if len(datagram) >= moldudp64.HEADER.size else b""
        if not (name and _is_session(name)):
            self.report.skip("not moldudp64")
            return None
        self.base += start
        self.report.datagrams += 1
        self.report.heartbeats += _count(datagram, 0) == moldudp64.HEARTBEAT
        self.report.ends += _count(datagram, 0) == moldudp64.END_OF_SESSION
        return datagram

    def _datagram_bounds(self, frame: Bytes) -> tuple[int, int] | None:
        end, ip = len(frame), ethernet.HEADER.size
        if ip > end:
            return self._refuse(damage.CUT_PACKET, 0, ip, end)
        ethertype = _ethertype(frame, 0)
        while ethertype in ethernet.VLAN_TYPES:
            if ip + ethernet.VLAN.size > end:
                return self._refuse(damage.CUT_PACKET, 0, ip + ethernet.VLAN.size, end)
            ethertype = _tagged_type(frame, ip)
            ip += ethernet.VLAN.size
        if ethertype != ethernet.IPV4:
            return self._pass_over("not ipv4")
        if ip + ipv4.HEADER.size > end:
            return self._refuse(damage.CUT_PACKET, 0, ip + ipv4.HEADER.size, end)
        version, words = divmod(_version_ihl(frame, ip), 16)
        header, total = words * 4, _total_length(frame, ip)
        if version != 4:
            return self._refuse(damage.IP_VERSION, ip, 4, version)
        if header < ipv4.HEADER.size:
            return self._refuse(damage.IP_HEADER, ip, ipv4.HEADER.size, header)
        if total < header:
            return self._refuse(damage.IP_TOTAL, ip, header, total)
        if _protocol(frame, ip) != ipv4.UDP:
            return self._pass_over("not udp")
        if _fragment(frame, ip) & ipv4.FRAGMENT_MASK:
            return self._pass_over("ip fragment")
        return self._udp_bounds(frame, ip + header, ip + total)

    def _udp_bounds(self, frame: Bytes, start: int, stop: int) -> tuple[int, int] | None:
        payload = start + udp.HEADER.size
        if payload > len(frame):
            return self._refuse(damage.CUT_PACKET, 0, payload, len(frame))
        size = _udp_length(frame, start)
        if size < udp.HEADER.size or start + size > stop:
            return self._refuse(damage.UDP_LENGTH, start, stop - start, size)
        return payload, start + size

    def _pass_over(self, reason: str) -> tuple[int, int] | None:
        self.report.skip(reason)
        return None

    def _refuse(self, what: str, at: int, expected: int, found: int) -> tuple[int, int] | None:
        self.report.note(self.base + at, what, expected, found)
        return self._pass_over("bad header")

    def messages(self, piece: Bytes) -> list[Bytes]:
        """Cut every message out of a datagram, or out of a BinaryFILE's stand-in for a packet."""
        return [piece[start:stop] for start, stop in self.bounds(piece)]

    def bounds(self, piece: Bytes) -> list[tuple[int, int]]:
        """Return where each message starts and ends in the piece that was cut last.

        A message whose length contradicts its type is reported and left out.
        """
        sizes = self._sizes
        kept = []
        blocks = self._frame_bounds(piece) if self.capture.record is None else self._blocks(piece)
        for bounds in blocks:
            start, stop = bounds
            if start == stop:
                self.report.skip("empty block")
            elif sizes.get(piece[start], stop - start) == stop - start:
                kept.append(bounds)
            else:
                documented = sizes[piece[start]]
                self.report.note(self.base + start, damage.LENGTH, documented, stop - start)
        return kept

    def _frame_bounds(self, piece: Bytes) -> Iterator[tuple[int, int]]:
        at = 0
        while at < len(piece):
            start = at + _PREFIX
            at = start + _length(piece, at)
            yield start, at

    def _blocks(self, datagram: Bytes) -> Iterator[tuple[int, int]]:
        found, at, stop = 0, moldudp64.HEADER.size, len(datagram)
        for start, after in block_bounds(datagram, 0, stop):
            yield start, after
            found, at = found + 1, after
        count = _count(datagram, 0)
        if found < (0 if count == moldudp64.END_OF_SESSION else count):
            if stop == self._full:  # a packet that the capture cut was reported as such
                self._report_overrun(datagram, at, stop)
        elif at < stop:
            self.report.note(self.base + at, damage.TRAILING, 0, stop - at)

    def _report_overrun(self, datagram: Bytes, at: int, stop: int) -> None:
        whole = at + _PREFIX <= stop
        needed = _length(datagram, at) if whole else _PREFIX
        left = stop - at - (_PREFIX if whole else 0)
        self.report.note(self.base + at, damage.BLOCK, needed, left)


def _is_session(name: bytes) -> bool:
    # As the index has it: printable, then NULs if any.
    text = name.rstrip(b"\0")
    return text.isascii() and text.decode().isprintable()


def walk(capture: Capture, report: Report | None = None) -> Iterator[Block]:
    """Yield every message of a capture as bytes of its own.

    Parameters
    ----------
    capture : Capture
    report : Report, optional
        Filled along the way.

    Notes
    -----
    Memory: copies each packet, each datagram, each message.
    """
    walker = Walker(capture)
    if report is not None:
        vars(report).update(vars(walker.report))
        walker.report = report
    while (piece := walker.packet()) is not None:
        datagram = piece if capture.record is None else walker.datagram(piece)
        if datagram is not None:
            for start, stop in walker.bounds(datagram):
                yield Block(walker.base + start, datagram[start:stop])
