"""The pipeline that makes no object for a message: an index, columns, sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codec.columns import gather
from ..codec.flyweight import reader
from ..feed import Feed
from ..framing import tag_reader
from ..index import MessageIndex
from ..kernels import add_totals, first_seen, partition
from ..kernels.totals import MASK
from ..scanner import PACKETS, Scanner
from ..spec import Message
from ..summary import Contribution, Summary, Totals, assemble, contributions_of
from ..trace.ledger import Part, array_part, parts
from ..walk import FRAMES
from .stage import Stage

__all__ = ["BLOCK", "Columns", "Sums", "columnar_stages"]

BLOCK = 1 << 16
"""Messages in a block at full speed: enough to forget the cost of a call, few enough that the
columns of a block stay in the processor's cache."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of the messages of one type.

    Attributes
    ----------
    message : Message
    offsets : (n,) unsigned [bytes]
        Where the messages start: derived, not from the wire.
    columns : dict of str to (n,) ndarray
        Native copies of wire fields.
    """

    message: Message
    offsets: Array
    columns: Mapping[str, Array]


@parts.register
def _gathered(columns: Columns) -> Iterator[Part]:
    yield array_part("derived", columns.offsets, 0)
    for name, column in columns.columns.items():
        yield array_part("wire", column, columns.message[name].type.size)


class Sums:
    """Totals by stock locate, as arrays: 65,536 entries each, one for every locate there can be."""

    def __init__(self) -> None:
        self.shares, self.notional, self.last, self.last_at = np.zeros((4, 1 << 16), np.uint64)
        self.overflow = np.zeros(1 << 16, np.uint8)
        self.named = np.zeros(1 << 16, np.uint8)
        self.first = np.full(1 << 16, MASK, np.uint64)

    @property
    def nbytes(self) -> int:
        """Memory taken [bytes]."""
        return sum(array.nbytes for array in vars(self).values())

    def add(self, columns: Columns, how: Contribution) -> None:
        """Add the messages of one type."""
        values, none = columns.columns, columns.offsets[:0]
        locates = values["stock_locate"]
        printable = values[how.printable].view(np.uint8) if how.printable else none
        prices = values[how.price] if how.price else none
        self.named[locates] = 1
        add_totals(
            locates, values[how.shares], prices, printable, columns.offsets, how.adds,
            self.shares, self.notional, self.last, self.last_at, self.overflow,
        )  # fmt: skip

    def totals(self) -> dict[int, Totals]:
        """Return the totals of every locate that a message named."""
        return {
            locate: Totals(
                shares=int(self.shares[locate]),
                notional=int(self.notional[locate]),
                last_trade=int(self.last[locate]) if self.last_at[locate] else None,
                overflow=bool(self.overflow[locate]),
            )
            for locate in np.flatnonzero(self.named).tolist()
        }


@parts.register
def _sums(sums: Sums) -> Iterator[Part]:
    for array in vars(sums).values():
        yield array_part("derived", array, 0)


class _Columnar:
    def __init__(self, feed: Feed, stepped: int) -> None:
        self._scanner = Scanner(feed.capture, int(stepped) or PACKETS)
        self._source, self._protocol = feed.source, feed.protocol
        self._room = BLOCK if self._scanner.has_packets else FRAMES * stepped or BLOCK
        self._types = {m.key: m for m in feed.protocol}
        self._tag_of = tag_reader(feed.protocol)
        self._contributions = contributions_of(feed.protocol)
        self.done = 0
        self._messages = np.zeros(1 << 8 * feed.protocol.tag_size, np.int64)
        self._sums: Sums | None = None  # made by the stage that fills it, and counted there
        self._first, self._last = MASK, -1
        self.stages = (
            Stage("index", "Notes where every message is, in arrays of numbers.", self._index),
            Stage("gather", "Copies the fields that count into native columns.", self._gather),
            Stage("summary", "Adds the columns up.", self._add),
        )

    def _index(self) -> MessageIndex | None:
        scanner = self._scanner
        if scanner.finished:
            return None
        room = scanner.room(self._room)
        count = scanner.scan(room)
        if not count and self._scanner.finished:  # not `scanner`: it has moved on
            return None
        self.done += count
        offsets, sizes, tags = (array[:count] for array in room)
        return MessageIndex(offsets, sizes, tags)

    def _gather(self, index: MessageIndex) -> list[Columns]:
        counts = np.bincount(index.tags, minlength=len(self._messages))
        self._messages += counts
        ends = np.cumsum(counts)
        by_type = np.empty_like(index.offsets)
        partition(index.tags, index.offsets, ends - counts, by_type)
        gathered = []
        for tag in np.flatnonzero(counts).tolist():
            message = self._types.get(tag)
            if message is not None:
                offsets = by_type[ends[tag] - counts[tag] : ends[tag]]
                names = self._fields_that_count(message)
                data = self._source.data
                columns = {name: gather(data, offsets, message, name) for name in names}
                gathered.append(Columns(message, offsets, columns))
        return gathered

    def _add(self, gathered: list[Columns]) -> Sums:
        sums = self._sums = self._sums or Sums()
        for each in gathered:
            times = each.columns.get(self._protocol.time)
            if times is not None:
                self._first = min(self._first, int(times.min()))
                self._last = max(self._last, int(times.max()))
            if self._names(each.message):
                first_seen(each.columns[self._protocol.locate], each.offsets, sums.first)
            contribution = self._contributions.get(each.message.key)
            if contribution is not None:
                sums.add(each, contribution)
        return sums

    def result(self) -> Summary:
        counts = {tag: int(self._messages[tag]) for tag in np.flatnonzero(self._messages).tolist()}
        sums = self._sums or Sums()
        locates = sums.totals()
        symbols = self._symbols(locates, sums.first)
        return assemble(self._protocol, counts, locates, symbols, self._first, self._last)

    def _symbols(self, locates: Iterable[int], first: Array) -> dict[int, bytes]:
        view, symbols = self._source.view, {}
        for locate in locates:
            at = int(first[locate])
            if at != MASK:
                message = self._types[self._tag_of(view, at)]
                symbols[locate] = reader(message, self._protocol.symbol)(view, at)
        return symbols

    def _names(self, message: Message) -> bool:
        return {self._protocol.locate, self._protocol.symbol} <= message.by_name.keys()

    def _fields_that_count(self, message: Message) -> tuple[str, ...]:
        # The time, if it has one; the locate, if a name or a sum goes with it; what is summed.
        time, locate = self._protocol.time, self._protocol.locate
        names = (time,) if time in message.by_name else ()
        contribution = self._contributions.get(message.key)
        if contribution is not None:
            return (*names, locate, *contribution.fields)
        return (*names, locate) if self._names(message) else names


def columnar_stages(feed: Feed, stepped: int) -> _Columnar:
    """Index, gather, add up: so many packets at a time, or (0) in blocks."""
    return _Columnar(feed, stepped)
