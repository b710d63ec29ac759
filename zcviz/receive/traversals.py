"""Two ways through a batch: as through a file, by notes of positions or by cutting out pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cutting import Bytes, Cutter
from ..damage import PROBLEMS, SKIPPED
from ..errors import DecodeError
from ..framing import expected_sizes, layout_of, program_of
from ..index import Datagrams, MessageIndex
from ..kernels import Tally, scan_datagrams
from ..kernels.messages import DATAGRAM, KEPT
from ..kernels.sequences import run_of
from ..pipelines.stage import Stage
from ..report import MAX_PROBLEMS, Report
from ..spec import Framing, Protocol
from .batch import Batch
from .tracker import Tracker

__all__ = ["BatchScan", "BatchWalk", "Stream"]

_NO_BYTES = np.empty(0, np.uint8)
_NO_ROWS = np.empty((0, len(DATAGRAM)), np.int64)
_PROBLEMS = int(Tally.PROBLEMS)
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_ROOM = 1 << 16  # messages of a block: more than a datagram can hold


class Stream:
    """What came so far, and the batch that is there now.

    Parameters
    ----------
    protocol : Protocol
    framing : Framing

    Attributes
    ----------
    report : Report
    tracker : Tracker
    memory : (n_bytes,) uint8
    table : (n_datagrams, 5) int64
        Of the batch; empty when there is none.
    runs : list of int
        Rows at which the datagrams of the batch stop to lie one after another.
    passed : int
        Bytes of the datagrams of earlier batches.
    """

    def __init__(self, protocol: Protocol, framing: Framing) -> None:
        self.protocol, self.framing = protocol, framing
        self.report, self.tracker = Report(), Tracker(framing)
        self.passed = 0
        self._let_go()

    def _let_go(self) -> None:
        self.memory: NDArray[np.uint8] = _NO_BYTES
        self.table: NDArray[np.int64] = _NO_ROWS
        self.runs: list[int] = []

    def begin(self, batch: Batch) -> None:
        """Go on with a batch."""
        memory, table = batch.memory, batch.table
        self.runs = _runs_of(table, len(memory))
        self.memory, self.table = memory, table
        self.report.packets += len(table)

    def end(self) -> None:
        """Let go of its memory."""
        spans = self.table[:, DATAGRAM.STOP] - self.table[:, DATAGRAM.START]
        self.passed += int(spans.sum())
        self._let_go()


class BatchScan:
    """Notes where messages are, as `scanner.Scanner` does of files.

    A block is of datagrams that lie in memory in the order in which they came: nearly always, the
    whole batch.

    Attributes
    ----------
    before : int
        See `pipelines.inputs.Scanning`: places grow, though memory is used again.
    tally : (len(Tally),) int64

    Notes
    -----
    Memory: owns room for a block, which the next block is written over.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.before = 0
        self.tally = np.zeros(len(Tally), np.int64)
        self._problems = np.zeros((MAX_PROBLEMS, 4), np.int64)
        self._expected = expected_sizes(stream.protocol)
        self._layout = layout_of(stream.framing, stream.protocol)
        self._program = program_of(stream.framing, stream.protocol)
        tag = f"u{stream.protocol.tag_size}"
        self._room: list[NDArray[Any]] = [np.empty(_ROOM, each) for each in ("u4", "u2", tag)]
        self._kept = np.empty(0, np.uint64)
        self._row = self._rows = self._found = self._count = 0
        self._place = 1  # of the next run; 0 is no place

    @property
    def data(self) -> NDArray[np.uint8]:
        """The memory of the batch."""
        return self._stream.memory

    def rewind(self) -> None:
        """Begin with the batch that is there now."""
        self._row, self._run, self._rows = 0, -1, len(self._stream.table)
        self._found = self._count = 0
        if len(self._kept) < len(KEPT) * self._rows:
            self._kept = np.empty(len(KEPT) * self._rows, np.uint64)
        if len(self.data) > 0xFFFFFFFF and self._room[0].itemsize == 4:
            self._room[0] = np.empty(_ROOM, np.uint64)

    def block(self) -> MessageIndex | None:
        """Return the messages of the next block, in the room; None at the end of the batch."""
        stream, row = self._stream, self._row
        if row == self._rows:
            return None
        table = stream.table
        if self._run < 0 or row == stream.runs[self._run]:
            self._run += 1
            self._begin_run(table, row, stream.runs[self._run])
        offsets, sizes, tags = self._room
        self._row, self._found, self._count = scan_datagrams(
            stream.memory, table, row, stream.runs[self._run], self._kept, self._layout,
            self._program, self._expected, offsets, sizes, tags, self._problems, self.tally,
        )  # fmt: skip
        stream.report.datagrams += self._found
        stream.tracker.take(stream.memory, self._kept, self._rows, self._found)
        if self.tally[_PROBLEMS]:
            self._collect(table[:, DATAGRAM.START], table[:, DATAGRAM.STOP], row)
        count = self._count
        return MessageIndex(offsets[:count], sizes[:count], tags[:count])

    def _begin_run(self, table: NDArray[np.int64], row: int, stop: int) -> None:
        self.before = max(0, self._place - int(table[row, DATAGRAM.START]))
        self._place = self.before + int(table[stop - 1, DATAGRAM.STOP])

    def copied(self) -> MessageIndex:
        """Return the last block in memory of its own, with its datagrams."""
        table = self._kept[: len(KEPT) * self._rows].reshape(len(KEPT), self._rows)
        wide = self._room[0].dtype
        kinds: list[Any] = [wide, wide, np.uint64, *[np.uint16] * 4]
        columns = zip(table[:, : self._found], kinds, strict=True)
        cut = [column.astype(kind) for column, kind in columns]
        offsets, sizes, tags = (array[: self._count].copy() for array in self._room)
        return MessageIndex(offsets, sizes, tags, Datagrams(*cut))

    def _collect(self, starts: NDArray[np.int64], stops: NDArray[np.int64], row: int) -> None:
        # Problems of the rows from `row` on, which lie in memory in that order.
        report, total = self._stream.report, int(self.tally[_PROBLEMS])
        self.tally[_PROBLEMS] = 0
        noted = min(total, MAX_PROBLEMS - len(report.problems))
        report.problems_total += total - noted
        if noted:
            passed = np.cumsum(stops - starts) - (stops - starts) + self._stream.passed
            for kind, at, wanted, found in self._problems[:noted].tolist():
                of = row + int(np.searchsorted(starts[row : self._row], at, "right")) - 1
                place = int(passed[of]) + at - int(starts[of])
                report.note(place, PROBLEMS[Tally(kind)], wanted, found)


class BatchWalk:
    """Cuts datagrams out of batches, as `walk.Walker` does out of files.

    Attributes
    ----------
    cuts : tuple of Stage
    """

    def __init__(self, stream: Stream, *, copies: bool) -> None:
        self._stream = stream
        self._copies = copies
        self._cutter = Cutter(stream.framing, stream.protocol)
        self._rows: Iterator[list[int]] = iter(())
        self._view = memoryview(b"")
        self._seen: list[tuple[int, ...]] = []
        kind = "a copy" if copies else "a view"
        does = f"Takes the next datagram out of the batch: {kind}."
        self.cuts = (Stage("datagram", does, self._datagram),)

    def rewind(self) -> None:
        """Begin with the batch that is there now."""
        self._rows = iter(self._stream.table.tolist())
        self._view = memoryview(self._stream.memory)
        self._base, self._size = self._stream.passed, 0

    def _datagram(self) -> Bytes | None:
        report = self._stream.report
        for row in self._rows:
            _, _, start, stop, _ = row
            self._base += self._size
            self._size = stop - start
            piece = self._view[start:stop]
            datagram: Bytes = bytes(piece) if self._copies else piece
            if self._cutter.accepts(datagram):
                self._cutter.note_header(datagram, report)
                self._row = row
                return datagram
            report.skip(SKIPPED[Tally.OTHER])
        return None

    def messages(self, piece: Bytes) -> list[Bytes]:
        """Cut every message out of the datagram that was cut last."""
        return [piece[start:stop] for start, stop in self.bounds(piece)]

    def bounds(self, piece: Bytes) -> list[tuple[int, int]]:
        """Return where each message of the datagram that was cut last starts and ends."""
        cutter, (record, ip, start, _, full) = self._cutter, self._row
        bounds = cutter.bounds(piece, full - start, self._base, self._stream.report)
        # As in `KEPT`; the sequence number of some feeds has a sign.
        sequence = cutter.sequence(piece) & _MASK
        numbers = start, 0, sequence, start - record, start - ip, len(piece)
        self._seen.append((*numbers, cutter.found))
        return bounds

    def finish(self) -> None:
        """Let go of the batch, and account for its datagrams."""
        self._rows, self._view = iter(()), memoryview(b"")
        if self._seen:
            count, kept = len(self._seen), np.array(self._seen, np.uint64).T.ravel()
            self._stream.tracker.take(self._stream.memory, kept, count, count)
            self._seen.clear()


def _runs_of(table: NDArray[np.int64], size: int) -> list[int]:
    # Where the datagrams stop to lie one after another: nearly always at the end of the table.
    runs, row = [], 0
    while row < len(table):
        after = run_of(table, row, size)
        if after < 0:
            wrong = table[-1 - after].tolist()
            places = ", ".join(f"{each.name.lower()} {wrong[each]}" for each in DATAGRAM)
            raise DecodeError(
                f"datagram {-1 - after} of the batch", offset=wrong[DATAGRAM.START],
                expected=f"offsets that grow, up to {size} bytes of memory", found=places,
            )  # fmt: skip
        row = after
        runs.append(row)
    return runs
