"""What every pipeline computes, and the one place that says which fields it needs for that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from .kernels.totals import IF_PRINTABLE, MASK, NOTIONAL, SHARES, TRADE, YES
from .spec import Protocol
from .trace.ledger import Part, parts

__all__ = [
    "Accumulator",
    "Contribution",
    "Summary",
    "Totals",
    "assemble",
    "contributions_of",
    "symbol_text",
]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one message type adds to its security's totals.

    Attributes
    ----------
    adds : int
        One of ``kernels.totals``: shares; and notional; and last trade; the latter if printable.
    shares, price, printable : str
        Names of the fields that say so; empty where there is none.
    """

    adds: int
    shares: str
    price: str = ""
    printable: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that are read, beside locate and timestamp."""
        return tuple(name for name in (self.shares, self.price, self.printable) if name)


# E carries no price: its order's is not looked up here, that is the order book's work. A and F
# quote, so they add to notional and set no last trade. Of feeds that are not listed, a summary
# counts the messages.
_ITCH50: Mapping[int, Contribution] = {
    ord("A"): Contribution(NOTIONAL, "shares", "price"),
    ord("F"): Contribution(NOTIONAL, "shares", "price"),
    ord("E"): Contribution(SHARES, "executed_shares"),
    ord("C"): Contribution(IF_PRINTABLE, "executed_shares", "execution_price", "printable"),
    ord("P"): Contribution(TRADE, "shares", "price"),
    ord("Q"): Contribution(TRADE, "shares", "cross_price"),
}


def contributions_of(protocol: Protocol) -> Mapping[int, Contribution]:
    """Return what each message of a feed adds, by tag."""
    return _ITCH50 if protocol.name == "itch50" else {}


@dataclass(slots=True)
class Totals:
    """One security's part of a `Summary`.

    Attributes
    ----------
    symbol : str
        Empty where no message of this locate carried one.
    shares : int [shares]
        From A, F, E, C, P and Q, modulo 2**64.
    notional : int [USD / 10000 · shares]
        From A, F, printable C, P and Q, modulo 2**64.
    last_trade : int or None [USD / 10000]
        Price of the last printable C, P or Q.
    overflow : bool
        Whether a sum or a product went past 2**64.
    """

    symbol: str = ""
    shares: int = 0
    notional: int = 0
    last_trade: int | None = None
    overflow: bool = False


@dataclass(frozen=True)
class Summary:
    """What is in a feed: the same from every pipeline, to the last digit.

    Attributes
    ----------
    messages : dict of str to int
        By message type as on the wire, unknown ones too.
    locates : dict of int to Totals
        By stock locate, for those that any of A, F, E, C, P, Q named.
    first_timestamp, last_timestamp : int or None
        Smallest and largest over all messages of a known type, as the feed counts time (ITCH: ns
        since midnight ET).
    """

    messages: dict[str, int] = field(default_factory=dict)
    locates: dict[int, Totals] = field(default_factory=dict)
    first_timestamp: int | None = None
    last_timestamp: int | None = None

    @property
    def overflow(self) -> bool:
        """Whether any security's sums went past 2**64."""
        return any(totals.overflow for totals in self.locates.values())

    def __str__(self) -> str:
        count = sum(self.messages.values())
        return f"Summary of {count:,} messages of {len(self.messages)} types, " + (
            f"{len(self.locates):,} securities"
        )


class Accumulator:
    """Builds a `Summary` from messages, one at a time: from records or from flyweights alike."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._contributions = contributions_of(protocol)
        self.messages = [0] * (1 << 8 * protocol.tag_size)
        self.locates: dict[int, Totals] = {}
        self.symbols: dict[int, bytes] = {}
        self.first = MASK
        self.last = -1
        both = {protocol.locate, protocol.symbol}
        self._naming = {m.key for m in protocol if both <= m.by_name.keys()}
        # How to read the time; None of every message where any has none.
        self._time = _time_reader(protocol)

    def add(self, messages: Iterable[tuple[int, Any]]) -> None:
        """Take in messages with their tags; None stands for one of an unknown type.

        Only the fields that count are read, and each of them once.
        """
        counts, naming, symbols = self.messages, self._naming, self.symbols
        contributions, time_of = self._contributions, self._time
        for tag, message in messages:
            counts[tag] += 1
            if message is None:
                continue
            time = time_of(message)
            if time is not None:
                if time < self.first:
                    self.first = time
                if time > self.last:
                    self.last = time
            how = contributions.get(tag)
            if how is None and tag not in naming:
                continue
            locate = message.stock_locate
            if tag in naming and locate not in symbols:
                symbols[locate] = message.stock
            if how is not None:
                self._contribute(locate, message, how)

    def _contribute(self, locate: int, message: Any, how: Contribution) -> None:
        totals = self.locates.get(locate)
        if totals is None:
            totals = self.locates[locate] = Totals()
        shares = getattr(message, how.shares)
        totals.shares += shares
        if totals.shares > MASK:
            totals.shares &= MASK
            totals.overflow = True
        adds = how.adds
        if adds == SHARES or (adds == IF_PRINTABLE and message.printable[0] != YES):
            return
        price = getattr(message, how.price)
        totals.notional += shares * price
        if totals.notional > MASK:
            totals.notional &= MASK
            totals.overflow = True
        if adds != NOTIONAL:
            totals.last_trade = price

    def result(self) -> Summary:
        """Return the summary of what was added so far."""
        counts = {tag: n for tag, n in enumerate(self.messages) if n}
        return assemble(self._protocol, counts, self.locates, self.symbols, self.first, self.last)


def _time_reader(protocol: Protocol) -> Callable[[Any], int | None]:
    name = protocol.time
    if name and all(name in message.by_name for message in protocol):
        return attrgetter(name)
    return lambda message: getattr(message, name, None) if name else None


@parts.register
def _sums(into: Accumulator) -> Iterator[Part]:
    # The tables' own sizes; the integers in them are left out, as they are everywhere.
    tables = into.messages, into.locates, into.symbols
    own = sum(sys.getsizeof(table) for table in tables)
    yield Part("derived", own + sum(map(sys.getsizeof, into.locates.values())))


def assemble(
    protocol: Protocol,
    messages: Mapping[int, int],
    locates: dict[int, Totals],
    symbols: Mapping[int, bytes],
    first: int,
    last: int,
) -> Summary:
    """Put a `Summary` together; `last` below `first` says that there was no timestamp."""
    for locate, totals in locates.items():
        totals.symbol = symbol_text(symbols[locate]) if locate and locate in symbols else ""
    counts = {protocol.tag_text(tag): int(n) for tag, n in sorted(messages.items()) if n}
    some = last >= first
    return Summary(
        counts, dict(sorted(locates.items())), first if some else None, last if some else None
    )


def symbol_text(stock: bytes) -> str:
    """Return a symbol from the wire as text that is safe to print: padding off, the rest escaped.

    It is still hostile in HTML: escape it there.
    """
    text = stock.rstrip(b" \0")
    return "".join(chr(each) if 0x20 <= each < 0x7F else f"\\x{each:02x}" for each in text)
