"""Which messages a filter takes: by symbol, by time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codec.columns import gather
from .codec.flyweight import Flyweight, reader
from .errors import SelectionError
from .index import MessageIndex
from .kernels import first_seen
from .spec import Protocol
from .summary import symbol_text

__all__ = ["Selection", "nanoseconds", "symbols_of"]

_TIME = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?")
_NEVER = np.iinfo(np.uint64).max


def nanoseconds(time: int | str) -> int:
    """Return a time of day in nanoseconds since midnight.

    Examples
    --------
    >>> nanoseconds("09:30:00.5")
    34200500000000
    """
    if not isinstance(time, str):
        return int(time)
    match = _TIME.fullmatch(time.strip())
    if match is None:
        raise SelectionError(f"{time!r} is no time of day: expected HH:MM or HH:MM:SS.fff")
    hours, minutes, seconds, fraction = match.groups(default="0")
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole * 1_000_000_000 + int(fraction.ljust(9, "0"))


def symbols_of(data: NDArray[np.uint8], index: MessageIndex, protocol: Protocol) -> dict[int, str]:
    """Return stock locate to symbol, as the first message that carries both has it."""
    first = np.full(1 << 16, _NEVER, np.uint64)
    present = np.bincount(index.tags, minlength=256)
    for message in protocol:
        if message.tag is not None and "stock" in message.by_name and present[message.key]:
            offsets = index.of_type(message.key)
            first_seen(gather(data, offsets, message, "stock_locate"), offsets, first)
    view = memoryview(data)
    symbols = {}
    for locate in np.flatnonzero(first != _NEVER).tolist():
        at = int(first[locate])
        if locate:  # locate 0 means none, even beside a symbol
            message = protocol[bytes(view[at : at + 1])]
            symbols[locate] = symbol_text(reader(message, "stock")(view, at))
    return symbols


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter; false where it takes everything.

    Attributes
    ----------
    symbol : str or None
    locates : frozenset of int
        Those of the symbol. A message with locate 0 names it in its `stock` field, if at all.
    start, end : int or None [ns since midnight ET]
        Half-open.
    """

    symbol: str | None = None
    locates: frozenset[int] = frozenset()
    start: int | None = None
    end: int | None = None

    @classmethod
    def of(
        cls,
        symbol: str | None,
        start: int | str | None,
        end: int | str | None,
        symbols: Callable[[], Mapping[int, str]],
    ) -> Selection:
        """Make a filter from what a user says; `symbols` is asked only where it is needed."""
        return cls(
            symbol,
            frozenset() if symbol is None else _locates(symbol, symbols()),
            None if start is None else nanoseconds(start),
            None if end is None else nanoseconds(end),
        )

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.symbol, self.start, self.end))

    def takes(self, message: Flyweight) -> bool:
        """Whether the filter takes one message."""
        fields: Any = message
        return (
            (self.symbol is None or self._names(fields))
            and (self.start is None or fields.timestamp >= self.start)
            and (self.end is None or fields.timestamp < self.end)
        )

    def _names(self, fields: Any) -> bool:
        locate = fields.stock_locate
        stated = not locate and "stock" in fields.message.by_name
        return locate in self.locates or (stated and symbol_text(fields.stock) == self.symbol)

    def mask(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Return which messages of a table the filter takes: (n,) bool."""
        times = columns["timestamp"]
        taken = np.ones(len(times), np.bool_)
        if self.symbol is not None:
            locates = columns["stock_locate"]
            taken = np.isin(locates, list(self.locates))
            if "stock" in columns:
                unnumbered = np.flatnonzero(locates == 0)
                stocks = columns["stock"][unnumbered].tolist() if len(unnumbered) else []
                taken[unnumbered] = [symbol_text(stock) == self.symbol for stock in stocks]
        if self.start is not None:
            taken &= times >= self.start
        if self.end is not None:
            taken &= times < self.end
        return taken


def _locates(symbol: str, symbols: Mapping[int, str]) -> frozenset[int]:
    found = frozenset(locate for locate, known in symbols.items() if known == symbol)
    if not found:
        near = get_close_matches(symbol.upper(), set(symbols.values()), 3, 0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise SelectionError(f"no symbol {symbol!r} among the {len(symbols)} of this feed{hint}")
    return found
