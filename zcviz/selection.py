"""Which messages a filter takes: by symbol, by time; one that tells no time is in no span of it."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .codec.columns import gather
from .codec.flyweight import Flyweight, reader
from .codec.layout import absent
from .dates import midnight
from .errors import SelectionError
from .framing import tag_reader
from .index import MessageIndex
from .kernels import first_seen
from .kernels.totals import NEVER
from .spec import Field, Message, Protocol
from .summary import symbol_text

if TYPE_CHECKING:
    from .feed import Feed
    from .table import Table

__all__ = ["Selection", "first_of", "nanoseconds", "numbers_of", "spellings", "symbols_of"]

_TIME = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?")


def nanoseconds(time: int | str) -> int:
    """Return a time of day in nanoseconds since midnight.

    Examples
    --------
    >>> nanoseconds("09:30:00.5")
    34200500000000
    """
    if not isinstance(time, str):
        with suppress(TypeError):
            return operator.index(time)
        raise SelectionError(f"{time!r} is no time: expected a whole number or text")
    match = _TIME.fullmatch(time.strip())
    if match is None:
        raise SelectionError(f"{time!r} is no time of day: expected HH:MM or HH:MM:SS.fff")
    hours, minutes, seconds, fraction = match.groups(default="0")
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole * 1_000_000_000 + int(fraction.ljust(9, "0"))


def symbols_of(data: NDArray[np.uint8], index: MessageIndex, protocol: Protocol) -> dict[int, str]:
    """Return locate to symbol, as the first message that carries both has it."""
    first, new = np.full(1 << 16, NEVER, np.int64), np.empty(1 << 16, np.uint16)
    known = 0
    present = index.counts()
    both = {protocol.locate, protocol.symbol}
    messages = {m.key: m for m in protocol if both <= m.by_name.keys() and m.key in present}
    for tag, message in messages.items():
        offsets = index.of_type(tag)
        locates = gather(data, offsets, message, protocol.locate)
        known = first_seen(locates, offsets, 0, first, new, known)
    view, tag_of = memoryview(data), tag_reader(protocol)
    symbols = {}
    for locate in np.sort(new[:known]).tolist():
        at = int(first[locate])
        if locate:  # locate 0 means none, even beside a symbol
            message = messages[tag_of(view, at)]
            symbols[locate] = symbol_text(reader(message, protocol.symbol)(view, at))
    return symbols


def symbol_names(
    data: NDArray[np.uint8], index: MessageIndex, protocol: Protocol
) -> frozenset[str]:
    """Return every symbol that a message of the feed carries."""
    found = spellings(data, index, protocol)
    return frozenset(symbol_text(stock) for _, stocks in found for stock in stocks)


def spellings(
    data: NDArray[np.uint8], index: MessageIndex, protocol: Protocol
) -> Iterator[tuple[Message, list[bytes]]]:
    """Yield each type of message with a symbol, and every symbol in it as it stands there."""
    for message in protocol:
        if protocol.symbol in message.by_name:
            stocks = gather(data, index.of_type(message.key), message, protocol.symbol)
            distinct = np.unique(stocks).tolist()
            yield message, [stock.ljust(stocks.itemsize, b"\0") for stock in distinct]


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter; false where it takes everything.

    Attributes
    ----------
    feed : Feed
    symbol : str or None
    locates : frozenset of int
        Those of the symbol. A message with locate 0 names it in its own field, if at all.
    start, end : int, str or None
        Half-open.
    """

    feed: Feed
    symbol: str | None = None
    locates: frozenset[int] = frozenset()
    start: int | str | None = None
    end: int | str | None = None

    @classmethod
    def of(
        cls, feed: Feed, symbol: str | None, start: int | str | None, end: int | str | None
    ) -> Selection:
        """Make a filter from what a user says."""
        for time in (start, end):
            if time is not None and not feed.protocol.time:
                raise SelectionError(f"messages of {feed.protocol.name} carry no time to select by")
            if time is not None:
                nanoseconds(time)  # refuse nonsense now, not at the first message
        locates = frozenset[int]()
        if symbol is not None:
            if not feed.protocol.symbol:
                raise SelectionError(f"messages of {feed.protocol.name} carry no symbol")
            if feed.protocol.locate:
                locates = numbers_of(symbol, feed.symbols)
            else:
                check_known(symbol, feed._symbol_names)
        return cls(feed, symbol, locates, start, end)

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.symbol, self.start, self.end))

    def takes(self, message: Flyweight) -> bool:
        """Whether the filter takes one message."""
        time = self.feed.protocol.time
        if self.symbol is not None and not self._names(message):
            return False
        if self.start is None and self.end is None:
            return True
        if time not in message.message.by_name:
            return False
        return bool(self._within(message.message, getattr(message, time)))

    def _names(self, message: Flyweight) -> bool:
        protocol, fields = self.feed.protocol, message.message.by_name
        locate = getattr(message, protocol.locate) if protocol.locate in fields else 0
        if locate or protocol.symbol not in fields:
            return locate in self.locates
        return symbol_text(getattr(message, protocol.symbol)) == self.symbol

    def mask(self, columns: Table) -> NDArray[np.bool_]:
        """Return which messages of a table the filter takes: (n,) bool."""
        taken = np.ones(len(columns), np.bool_)
        if self.symbol is not None:
            taken = self._of_symbol(columns)
        if self.start is not None or self.end is not None:
            time = self.feed.protocol.time
            if time not in columns.message.by_name:
                raise SelectionError(f"{columns.message.name} has no time to select by")
            taken &= self._within(columns.message, columns[time])
        return taken

    def _of_symbol(self, columns: Table) -> NDArray[np.bool_]:
        protocol = self.feed.protocol
        taken = np.zeros(len(columns), np.bool_)
        unnumbered = np.arange(len(columns))
        if protocol.locate in columns:
            locates = columns[protocol.locate]
            taken = np.isin(locates, list(self.locates))
            unnumbered = np.flatnonzero(locates == 0)
        if protocol.symbol in columns and len(unnumbered):
            # A feed repeats few symbols, so each is looked at once.
            stocks, which = np.unique(columns[protocol.symbol][unnumbered], return_inverse=True)
            named = [symbol_text(stock) == self.symbol for stock in stocks.tolist()]
            taken[unnumbered] = np.array(named, np.bool_)[which]
        return taken

    def _within(self, message: Message, times: Any) -> Any:
        # Of one time, or an array of them; the null of an SBE field is a time in no span.
        field = message[self.feed.protocol.time]
        start, end = self._count(self.start, field), self._count(self.end, field)
        within = times != absent(field) if message.block else True
        if start is not None:
            within = within & (times >= start)
        if end is not None:
            within = within & (times < end)
        return within

    def _count(self, time: int | str | None, field: Field) -> int | None:
        # What the field would count at that time.
        if time is None or not isinstance(time, str):
            return time
        since_midnight = nanoseconds(time)
        if "midnight" not in (field.clock or ""):
            since_midnight += self._midnight()
        # Rounded up: the first count that is not before it.
        return -(-since_midnight // {"s": 10**9, "ms": 10**6, "us": 10**3}.get(field.unit or "", 1))

    def _midnight(self) -> int:
        day = self.feed.date
        if day is None:
            raise SelectionError("a time of day says nothing where the date is not known")
        return midnight(day, self.feed.protocol.zone)


def first_of(messages: int, there_are: int) -> int:
    """Return how many the first so many messages are.

    Raises
    ------
    SelectionError
        Not a whole number, or below 0.
    """
    with suppress(TypeError):
        if operator.index(messages) >= 0:
            return min(operator.index(messages), there_are)
    raise SelectionError(f"no first {messages!r} messages: expected a whole number, 0 or more")


def numbers_of(symbol: str, symbols: Mapping[int, str]) -> frozenset[int]:
    """Return the numbers of a symbol.

    Raises
    ------
    SelectionError
        It has none; the message names symbols that read alike.
    """
    check_known(symbol, frozenset(symbols.values()))
    return frozenset(locate for locate, known in symbols.items() if known == symbol)


def check_known(symbol: object, known: frozenset[str]) -> None:
    """Raise `SelectionError` for a symbol that is not known, and name those that are near."""
    if not isinstance(symbol, str):
        raise SelectionError(f"{symbol!r} is no symbol: expected text, such as 'ABC'")
    if symbol not in known:
        near = get_close_matches(symbol.upper(), known, 3, 0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise SelectionError(f"no symbol {symbol!r} among the {len(known)} of this feed{hint}")
