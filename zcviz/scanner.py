"""A scan that goes on where it stopped: packets, datagrams, messages, a block at a time.

Each of the three steps runs over a block of some thousand packets before the next one does, so
that the block's bytes are still in the processor's cache. Every step has counters and a list of
problems of its own; they are put in the order of the file here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .capture import Capture
from .damage import PROBLEMS, SKIPPED
from .errors import Problem
from .framing import expected_sizes, layout_of, program_of
from .kernels import COMPILED, CUT, END, Tally, find_datagrams, scan_datagrams, scan_frames
from .kernels.messages import DATAGRAM, KEPT
from .records import open_records
from .report import MAX_PROBLEMS, Report

__all__ = ["Scanner", "count_into"]

PACKETS = 1 << 11
"""Packets in a block."""
STEP = 1 << 22 if COMPILED else 1 << 17
"""Messages of a file without packets, between two looks at the keyboard and the progress bar."""

_PROBLEMS = int(Tally.PROBLEMS)


class _Step:
    # What one step counted, and the first problems that it met.

    def __init__(self) -> None:
        self.tally = np.zeros(len(Tally), np.int64)
        self.problems = np.zeros((MAX_PROBLEMS, 4), np.int64)


class Scanner:
    """A scan of a capture, and what it met on the way.

    Parameters
    ----------
    capture : Capture
    packets : int
        How many packets to look at in one block.

    Attributes
    ----------
    finished : bool
    wants_room : bool
        Whether the last `scan` stopped for want of room.
    position : int [bytes]
        How far the scan is.
    """

    def __init__(self, capture: Capture, packets: int = PACKETS) -> None:
        self.capture = capture
        self.has_packets = capture.records is not None
        self.finished = self.wants_room = False
        self.position = capture.start
        self.offset_type = np.dtype(np.uint64 if capture.source.size > 0xFFFFFFFF else np.uint32)
        self._expected = expected_sizes(capture.protocol)
        self._links, self._messages = _Step(), _Step()
        self._steps: list[Any] = [self._messages]
        self._problems = list(capture.damage)
        self._problems_total = len(self._problems)
        self._datagrams_seen = 0
        self._cut = False
        if capture.records is None:
            self._carriers = _flags(capture.framing.carriers)
        else:
            records = open_records(capture.source)  # others may be scanning the same file
            assert records is not None
            self._records = records
            self._steps = [self._records, self._links, self._messages]
            self._layout = layout_of(capture.framing, capture.protocol)
            self._program = program_of(capture.framing, capture.protocol)
            self._packets = np.empty((packets, 5), np.int64)
            self._table = np.empty((packets, len(DATAGRAM)), np.int64)
            self._columns = np.empty((len(KEPT), packets), np.uint64)
            self._next = self._last = self._kept = 0

    def room(self, messages: int) -> list[NDArray[Any]]:
        """Return arrays for `messages` entries: offsets, sizes, tags."""
        types: list[Any] = [self.offset_type, np.uint16, f"u{self.capture.protocol.tag_size}"]
        return [np.empty(messages, each) for each in types]

    def scan(self, room: list[NDArray[Any]]) -> int:
        """Go on: fill arrays from the front, and return how many messages they now hold."""
        return self._scan_block(room) if self.has_packets else self._scan_stream(room)

    def _scan_stream(self, room: list[NDArray[Any]]) -> int:
        capture, step = self.capture, self._messages
        offsets, sizes, tags = (array[:STEP] for array in room)
        skip = capture.framing.counted
        self.position, why, count = scan_frames(
            capture.source.data, self.position, skip, self._expected, capture.protocol.may_grow,
            self._carriers, offsets, sizes, tags, step.problems, step.tally,
        )  # fmt: skip
        self.finished, self._cut = why in (CUT, END), why == CUT
        self.wants_room = not self.finished and len(offsets) < STEP
        self._collect()
        return int(count)

    def _scan_block(self, room: list[NDArray[Any]]) -> int:
        if self._next == self._last:
            self._look_for_datagrams()
        offsets, sizes, tags = room
        step = self._messages
        before = self._next
        self._next, self._kept, count = scan_datagrams(
            self.capture.source.data, self._table, before, self._last, self._columns.ravel(),
            self._layout, self._program, self._expected, offsets, sizes, tags, step.problems,
            step.tally,
        )  # fmt: skip
        self._datagrams_seen += self._kept
        self.wants_room = self._next < self._last
        self.position = self._records.position
        if self.wants_room:
            self.position = int(self._table[self._next, DATAGRAM.RECORD])
        else:
            self._collect()
        self.finished = self._records.finished and not self.wants_room
        return int(count)

    def _look_for_datagrams(self) -> None:
        packets = self._records.scan(self._packets)
        step = self._links
        self._next, self._last = 0, find_datagrams(
            self.capture.source.data, self._packets, packets, self._table, step.problems,
            step.tally,
        )  # fmt: skip

    def _collect(self) -> None:
        # What the steps wrote down about a block, in the order of the file, as a walk meets it.
        rows = []
        for step in self._steps:
            if found := int(step.tally[_PROBLEMS]):
                step.tally[_PROBLEMS] = 0
                self._problems_total += found
                rows += step.problems[: min(found, MAX_PROBLEMS)].tolist()
        rows.sort(key=lambda row: row[1])
        for kind, at, wanted, found in rows[: MAX_PROBLEMS - len(self._problems)]:
            self._problems.append(Problem(at, PROBLEMS[Tally(kind)], wanted, found))

    def datagrams(self) -> list[NDArray[Any]]:
        """Return the datagrams of the last block, as columns in the order of `index.Datagrams`.

        Positions of messages count from the front of the room that `scan` was given. The next scan
        overwrites them.
        """
        return list(self._columns[:, : self._kept])

    def report(self) -> Report:
        """Return what the scan met so far."""
        tally = np.sum([step.tally for step in self._steps], axis=0)
        report = Report(int(tally[Tally.PACKETS]), self._datagrams_seen)
        count_into(report, tally)
        report.problems, report.problems_total = self._problems, self._problems_total
        if self._cut or (self.has_packets and self._records.cut):
            report.truncated = self.position, self.capture.source.size - self.position
        return report


def count_into(report: Report, tally: NDArray[np.int64]) -> None:
    """Add to a report what the steps counted, problems aside."""
    report.heartbeats += int(tally[Tally.HEARTBEATS])
    report.ends += int(tally[Tally.ENDS])
    for reason, text in SKIPPED.items():
        if tally[reason]:
            report.skip(text, int(tally[reason]))


def _flags(letters: bytes) -> NDArray[np.uint8]:
    flags = np.zeros(256, np.uint8)
    flags[list(letters)] = 1
    return flags
