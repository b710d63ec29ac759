"""The pipeline that makes no object for a message: an index, columns, sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codec.columns import Gatherer
from ..codec.flyweight import reader
from ..framing import tag_reader
from ..index import MessageIndex
from ..kernels import add_times, add_totals, first_seen, partition
from ..kernels.totals import NEVER
from ..spec import Message
from ..summary import Contribution, Summary, Totals, assemble, contributions_of
from ..trace.ledger import Part, array_part, parts
from .inputs import Input
from .stage import Stage

__all__ = ["Columns", "Sums", "columnar_stages"]

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
        self.shares, self.notional, self.last = np.zeros((3, 1 << 16), np.uint64)
        self.overflow = np.zeros(1 << 16, np.uint8)
        self.named = np.zeros(1 << 16, np.uint8)
        self.last_at = np.zeros(1 << 16, np.int64)
        self.first = np.full(1 << 16, NEVER, np.int64)
        self.new = np.empty(1 << 16, np.uint16)

    @property
    def nbytes(self) -> int:
        """Memory taken [bytes]."""
        return sum(array.nbytes for array in vars(self).values())

    def add(self, columns: Columns, how: Contribution, before: int) -> None:
        """Add the messages of one type; their places are their offsets plus `before`."""
        values, none = columns.columns, columns.offsets[:0]
        locates = values["stock_locate"]
        printable = values[how.printable].view(np.uint8) if how.printable else none
        prices = values[how.price] if how.price else none
        add_totals(
            locates, values[how.shares], prices, printable, columns.offsets, before,
            how.adds, self.shares, self.notional, self.last, self.last_at, self.overflow,
            self.named,
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
    def __init__(self, source: Input, stepped: int) -> None:
        self._scan = source.scanning(stepped)
        self._protocol = source.protocol
        self._tag_of = tag_reader(source.protocol)
        self._contributions = contributions_of(source.protocol)
        together = not stepped  # whoever steps looks at one column after another
        self._gatherers = {
            m.key: Gatherer(m, self._fields_that_count(m), together=together)
            for m in source.protocol
        }
        self.done = 0
        self._messages: defaultdict[int, int] = defaultdict(int)
        tags = 1 << 8 * source.protocol.tag_size
        self._cursors, self._found = np.zeros(tags, np.int64), np.empty((tags, 3), np.int64)
        self._sums: Sums | None = None  # made by the stage that fills it, and counted there
        self._symbols: dict[int, bytes] = {}
        self._spans: dict[np.dtype[Any], Array] = {}  # of times, by how they are written
        self.stages = (
            Stage("index", "Notes where every message is, in arrays of numbers.", self._index),
            Stage("gather", "Copies the fields that count into native columns.", self._gather),
            Stage("summary", "Adds the columns up.", self._add),
        )

    def _index(self) -> MessageIndex | None:
        index = self._scan.block()
        if index is not None:
            self.done += len(index)
        return index

    def _gather(self, index: MessageIndex) -> list[Columns]:
        data, by_type, gathered = self._scan.data, np.empty_like(index.offsets), []
        kinds = partition(index.tags, index.offsets, self._cursors, self._found, by_type)
        for tag, start, stop in sorted(self._found[:kinds].tolist()):
            self._messages[tag] += stop - start
            gather = self._gatherers.get(tag)
            if gather is not None:
                offsets = by_type[start:stop]
                gathered.append(Columns(gather.message, offsets, gather(data, offsets)))
        return gathered

    def _add(self, gathered: list[Columns]) -> Sums:
        sums = self._sums = self._sums or Sums()
        before, new = self._scan.before, 0
        for each in gathered:
            times = each.columns.get(self._protocol.time)
            if times is not None:
                add_times(times, self._span(times.dtype))
            if each.message.key in self._naming:
                locates = each.columns[self._protocol.locate]
                new = first_seen(locates, each.offsets, before, sums.first, sums.new, new)
            contribution = self._contributions.get(each.message.key)
            if contribution is not None:
                sums.add(each, contribution, before)
        for locate in sums.new[:new].tolist():  # while its message is there
            self._symbols[locate] = self._symbol_at(int(sums.first[locate]) - before)
        return sums

    def let_go(self) -> None:
        pass  # columns and sums are copies

    def result(self) -> Summary:
        locates = (self._sums or Sums()).totals()
        spans = [span.tolist() for span in self._spans.values()]
        first, last = min((a for a, _ in spans), default=0), max((b for _, b in spans), default=-1)
        return assemble(self._protocol, self._messages, locates, self._symbols, first, last)

    def _span(self, kind: np.dtype[Any]) -> Array:
        if kind not in self._spans:
            whole = np.iinfo(kind)
            self._spans[kind] = np.array([whole.max, whole.min], kind)
        return self._spans[kind]

    def _symbol_at(self, at: int) -> bytes:
        view = memoryview(self._scan.data)
        message = self._gatherers[self._tag_of(view, at)].message
        symbol: bytes = reader(message, self._protocol.symbol)(view, at)
        return symbol

    @cached_property
    def _naming(self) -> frozenset[int]:
        both = {self._protocol.locate, self._protocol.symbol}
        return frozenset(m.key for m in self._protocol if both <= m.by_name.keys())

    def _fields_that_count(self, message: Message) -> tuple[str, ...]:
        # The time, if it has one; the locate, if a name or a sum goes with it; what is summed.
        time, locate = self._protocol.time, self._protocol.locate
        names = (time,) if time in message.by_name else ()
        contribution = self._contributions.get(message.key)
        if contribution is not None:
            return (*names, locate, *contribution.fields)
        return (*names, locate) if message.key in self._naming else names


def columnar_stages(source: Input, stepped: int) -> _Columnar:
    """Index, gather, add up: so many packets at a time, or (0) in blocks."""
    return _Columnar(source, stepped)
