"""The copying traversal: packet out of file, datagram out of packet, message out of datagram.

This is how most programs read a capture, and each cut makes a new object. What a cut *costs*
depends on what is cut: slices of `bytes` and of a map are copies, slices of a memoryview are
views. The functions are the same, so that the two can be compared (``zcviz.pipelines``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from .capture import Capture
from .cutting import Bytes, Cutter, StreamCutter
from .damage import PROBLEMS, SKIPPED
from .kernels import Tally
from .links import datagram_bounds
from .report import Report

__all__ = ["FRAMES", "Bytes", "Walker", "walk"]

FRAMES = 64
"""Messages that stand in for a packet in a file that has none."""


class Block(NamedTuple):
    """One message as it was cut out: where it was, and its bytes."""

    offset: int
    data: Bytes


class Walker:
    """Cuts a capture into pieces, one packet after another.

    Parameters
    ----------
    capture : Capture
    report : Report, optional
        Filled along the way.
    copies : bool
        Whether pieces are cut out of the file as `bytes` of their own, or as memoryviews of it.

    Attributes
    ----------
    report : Report
        What was met beside messages.
    base : int [bytes]
        Where the piece that was cut last lies in the file.
    """

    def __init__(
        self, capture: Capture, report: Report | None = None, *, copies: bool = True
    ) -> None:
        self.capture = capture
        self.report = Report() if report is None else report
        self.base = self._position = capture.start
        self._copy = capture.source.cutter() if copies else None
        self._end = capture.source.size
        self._full = self._link = 0
        for each in capture.damage:
            self.report.note(each.offset, each.what, each.expected, each.found)
        if capture.records is None:
            self._stream = StreamCutter(capture.framing, capture.protocol)
        else:
            self._packets = capture.records.iter_packets(self.report)
            self._cutter = Cutter(capture.framing, capture.protocol)

    def packet(self) -> Bytes | None:
        """Cut out the next packet, or `FRAMES` messages of a file without. None at the end."""
        if self.capture.records is None:
            return self._frames()
        packet = next(self._packets, None)
        if packet is None:
            return None
        _, start, end, self._link, _ = packet
        return self._cut(self.capture.source.view, start, end)

    def _cut(self, view: memoryview, start: int, stop: int) -> Bytes:
        self.base, self._position = start, stop
        return view[start:stop] if self._copy is None else self._copy(slice(start, stop))

    def _frames(self) -> Bytes | None:
        view, start, stop = self.capture.source.view, self._position, self._position
        for _, _, stop in islice(self._stream.frames(view, start, self._end), FRAMES):  # noqa: B007
            pass
        if stop == start:
            self._end_stream(view)
            return None
        return self._cut(view, start, stop)

    def _end_stream(self, view: memoryview) -> None:
        at, end = self._position, self._end
        if self._stream.ends_at(view, at, end):
            after = at + self._stream.prefix
            self.report.ends += 1
            if after < end:
                self.report.note(after, PROBLEMS[Tally.AFTER_END], 0, end - after)
        elif at < end:
            self.report.truncated = at, end - at
        self._end = at  # the end is reported once

    def datagram(self, packet: Bytes) -> Bytes | None:
        """Cut the protocol's datagram out of a packet; None if there is none in it."""
        bounds = datagram_bounds(packet, self._link, self.base, self.report)
        if bounds is None:
            return None
        _, start, stop, full = bounds
        self._full = full - start
        datagram = packet[start:stop]
        if not self._cutter.accepts(datagram):
            self.report.skip(SKIPPED[Tally.OTHER])
            return None
        self.base += start
        self._cutter.note_header(datagram, self.report)
        return datagram

    def messages(self, piece: Bytes) -> list[Bytes]:
        """Cut every message out of a datagram, or out of a file's stand-in for a packet."""
        return [piece[start:stop] for start, stop in self.bounds(piece)]

    def bounds(self, piece: Bytes) -> list[tuple[int, int]]:
        """Return where each message starts and ends in the piece that was cut last.

        A message whose length contradicts its type is reported and left out.
        """
        if self.capture.records is None:
            return self._stream.bounds(piece, self.base, self.report)
        return self._cutter.bounds(piece, self._full, self.base, self.report)


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
    walker = Walker(capture, report)
    while (piece := walker.packet()) is not None:
        datagram = piece if capture.records is None else walker.datagram(piece)
        if datagram is not None:
            for start, stop in walker.bounds(datagram):
                yield Block(walker.base + start, datagram[start:stop])
