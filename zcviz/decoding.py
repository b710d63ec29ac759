"""A stretch of a feed into rows or columns: what one thread does of a full decoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .capture import Capture
from .chunks import Chunks, ColumnChunks, RowChunks
from .codec.columns import gather_columns
from .errors import TruncatedError
from .forms import tables_of
from .framing import expected_sizes
from .index import MessageIndex
from .kernels.frames import LENGTH_SIZE
from .kernels.permutation import REACH
from .kernels.rows import rows_of_frames, rows_of_messages
from .scanner import Scanner

__all__ = ["Plan", "Stretch"]

Integers = NDArray[np.unsignedinteger]

_BLOCK = 1 << 16
"""Messages that are decoded between two looks at whether to go on."""
_FEW = 1 << 10
"""Messages that are looked at closely where one of them is unusual."""
_NEVER = 0xFFFF


class Plan:
    """What is to be decoded, and how.

    Parameters
    ----------
    capture : Capture
    tags : iterable of str or None
        Which types of messages; all of them.
    layout : {"rows", "columns"}
    form : str
        See ``zcviz.forms``.

    Attributes
    ----------
    messages : dict of int to Message
        Those that are wanted, by tag.
    interrupted : bool
        Set to end the work of all threads.
    """

    def __init__(
        self, capture: Capture, tags: Iterable[str] | None, layout: str, form: str
    ) -> None:
        protocol = capture.protocol
        wanted = protocol if tags is None else map(protocol.__getitem__, tags)
        self.capture = capture
        self.messages = {message.key: message for message in wanted}
        self.interrupted = False
        self.expected = expected_sizes(protocol)
        self.widths: dict[int, int] = {}
        if form != "fields" and protocol.head is None:
            self.table, self.widths = tables_of(tuple(self.messages.values()), form)
        self.form = form if self.widths else "fields"
        self.gathered = {k: m for k, m in self.messages.items() if k not in self.widths}
        # No length fits types that are not known, or that kernels make no rows of.
        self.fitting = np.where(self.expected > 0, self.expected, _NEVER).astype(np.uint16)
        self.fitting[list(self.gathered)] = _NEVER
        self._chunks = {"rows": RowChunks, "columns": ColumnChunks}[layout]

    def chunks(self, nbytes: int) -> Chunks:
        """Return where the messages of a stretch of so many bytes go."""
        return self._chunks(self.messages, self.widths, nbytes)


class Stretch:
    """A part of a feed that one thread decodes.

    Parameters
    ----------
    plan : Plan
    start, stop : int
        Of a stream, in bytes: where the first length starts, and where no more does. Of an index:
        numbers of messages.
    nbytes : int
        How long it is, about.

    Attributes
    ----------
    chunks : Chunks
    scanner : Scanner
        Of a stream: with how far it came, and what it met.
    unknown : (256,) int64
        Of a stream: how many messages there were of each type that is not known.
    """

    def __init__(self, plan: Plan, start: int, stop: int, nbytes: int) -> None:
        self._plan = plan
        self._data = plan.capture.source.data
        self._spare = np.zeros(REACH, np.uint8)
        self.start, self.stop = start, stop
        self.chunks = plan.chunks(nbytes)
        self.scanner = Scanner(plan.capture)
        self.unknown = np.zeros(256, np.int64)

    def decode_stream(self) -> None:
        """Decode messages of a BinaryFILE.

        Afterwards the scanner's position is where the next message's length starts.
        """
        position, stop = self.start, self.stop
        plan, chunks, data, scanner = self._plan, self.chunks, self._data, self.scanner
        room = scanner.room(_FEW if plan.widths else _BLOCK)
        longest = LENGTH_SIZE + int(plan.expected.max())
        while position < stop and not scanner.finished and not plan.interrupted:
            if plan.widths:
                position = rows_of_frames(
                    data, position, stop, plan.fitting, plan.table, chunks.types, chunks.arena,
                    chunks.fields, chunks.out,
                )  # fmt: skip
                body = position + LENGTH_SIZE
                if position >= stop or (body < len(data) and chunks.make_room(int(data[body]))):
                    continue
            # Not more messages than certainly start before `stop`, if they are as documented.
            few = len(room[0])
            if stop < len(data):
                few = min(max(1, (stop - position) // longest), few)
            scanner.position = position
            count = scanner.scan([array[:few] for array in room])
            position = scanner.position
            offsets, _, found = (array[:count] for array in room)
            offsets.flags.writeable = found.flags.writeable = False  # as in an index: one kernel
            self._place(offsets, found)
            self._count_unknown(found)
        scanner.position = position
        chunks.finish()

    def decode_messages(self, index: MessageIndex) -> None:
        """Decode messages of an index."""
        for low in range(self.start, self.stop, _BLOCK):
            if self._plan.interrupted:
                return
            some = slice(low, min(low + _BLOCK, self.stop))
            parts = (np.ascontiguousarray(each[some]) for each in (index.offsets, index.tags))
            self._place(*parts)
        self.chunks.finish()

    def _place(self, offsets: Integers, tags: Integers) -> None:
        plan, chunks, data = self._plan, self.chunks, self._data
        at = 0 if plan.widths else len(tags)
        while at < len(tags):
            at = rows_of_messages(
                data, offsets, tags, at, plan.expected, plan.table, chunks.types, chunks.arena,
                chunks.fields, chunks.out, self._spare,
            )  # fmt: skip
            if at < len(tags) and not chunks.make_room(int(tags[at])):
                message, offset = plan.messages.get(int(tags[at])), int(offsets[at])
                raise TruncatedError(
                    message.name if message else "message", offset=offset,
                    expected=f"{plan.expected[tags[at]]} bytes", found=len(data) - offset,
                    buffer=memoryview(data),
                )  # fmt: skip
        for key, message in plan.gathered.items():
            places = offsets[tags == key]
            if len(places):
                chunks.add(key, gather_columns(data, places, message))

    def _count_unknown(self, tags: Any) -> None:
        counts = np.bincount(tags, minlength=256)
        counts[self._plan.expected > 0] = 0
        self.unknown += counts
