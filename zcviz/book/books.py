"""Order books out of feeds: of one security, or of all of them in one pass."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from ..kernels import COMPILED, levels
from ..kernels import book as kernel
from ..selection import first_of, numbers_of, spellings
from ..spec import Protocol
from ..summary import symbol_text
from .events import changes_of, events_in, number_of, security_of
from .order_book import Anomalies, Event, Kind, Level, OrderBook

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Books", "feed_book", "feed_books"]

Array = NDArray[Any]
Progress = Callable[[int, int], None]

_ROOM = 1 << 12  # rows of a table at first


class Books:
    """The open orders of all securities, moved along by compiled code.

    What `OrderBook` does with an event, this does too, for every security at once.

    Parameters
    ----------
    best : bool
        Keep the best bid and ask of every security up to date with each event. Securities must
        then be numbers below 65,536, and prices below 2**32.

    Notes
    -----
    Memory: 96 to 192 bytes an open order; with `best`, as much again a level and 1 MB.
    """

    def __init__(self, *, best: bool = False) -> None:
        self._random = secrets.randbits(62) | 1, secrets.randbits(62) | 1
        self._orders = np.zeros((_ROOM, len(kernel.ORDER)), np.int64)
        self._counts = np.zeros(len(kernel.COUNTS), np.int64)
        self._moves = np.zeros((0, len(kernel.MOVE)), np.int64)
        self._levels = np.full((_ROOM, len(levels.LEVEL)), levels.NONE)
        self._best = np.full(1 << 17 if best else 0, levels.NONE)
        self._state = np.zeros(len(levels.STATE), np.int64)

    def __len__(self) -> int:
        return int(self._counts[kernel.LIVE])

    @property
    def anomalies(self) -> Anomalies:
        """What the feed did that no correct feed does, of all securities together."""
        return Anomalies(*self._counts[kernel.LIVE + 1 :].tolist())

    @property
    def changes(self) -> int:
        """How often a best price, or the number of shares there, changed; 0 without `best`."""
        return int(self._state[levels.CHANGES])

    def feed(self, events: Array) -> None:
        """Apply events: (n, 7) int64, its columns being the fields of `Event`."""
        if len(self._best) and len(self._moves) < 2 * len(events):
            self._moves = np.zeros((2 * len(events), len(kernel.MOVE)), np.int64)
        at = 0
        while True:
            at, moved = kernel.follow_orders(
                events, at, self._orders, *self._random, self._counts, self._moves
            )
            self._track(moved)
            if at == len(events):
                return
            grown = np.zeros((2 * len(self._orders), len(kernel.ORDER)), np.int64)
            kernel.rehash_orders(self._orders, grown, *self._random)
            self._orders = grown

    def _track(self, moved: int) -> None:
        at = 0
        while at < moved:
            at = levels.track_levels(
                self._moves, at, moved, self._levels, *self._random, self._best, self._state
            )
            if at < moved:  # full, of levels that may be empty by now
                filled = np.count_nonzero(self._levels[:, levels.SHARES] > 0)
                rows = len(self._levels) * (2 if filled > len(self._levels) // 6 else 1)
                fresh = np.full((rows, len(levels.LEVEL)), levels.NONE)
                levels.rehash_levels(self._levels, fresh, *self._random, self._best, self._state)
                self._levels = fresh

    def best(self, security: int) -> tuple[Level | None, Level | None]:
        """Return the best bid and ask of a security; kept up to date, their orders not counted."""
        if not len(self._best):
            book = self.book(security)
            return book.best_bid, book.best_ask
        bid, ask = self._best[2 * security : 2 * security + 2].tolist()
        return self._level(bid), self._level(ask)

    def _level(self, row: int) -> Level | None:
        if row == levels.NONE:
            return None
        key, shares, *_ = self._levels[row].tolist()
        return Level(levels.price_of(key), shares, None)

    def book(self, security: int, symbol: str = "", scale: int = 4) -> OrderBook:
        """Return the book of one security as it is now. Memory: copies its orders."""
        taken = self._orders[:, kernel.OPEN] != 0
        taken &= self._orders[:, kernel.OWNER] == security
        orders = self._orders[taken]
        book = OrderBook(symbol, scale)
        for key, price, _, opened in orders[np.argsort(orders[:, kernel.KEY])].tolist():
            book.add(key, opened & 1, opened >> 1, price)
        return book


# --- from a feed ---------------------------------------------------------------------------------


def feed_books(
    feed: Feed,
    messages: int | None = None,
    *,
    best: bool = False,
    progress: Progress | None = None,
) -> Books:
    """Return the books of all securities, after the first messages of a feed.

    Parameters
    ----------
    feed : Feed
        Of a protocol that numbers securities and has single orders, such as ITCH 5.0.
    messages : int, optional
        All of them by default.
    best : bool
        Keep the best bid and ask of every security up to date with each message.
    progress : callable (messages done, messages in all), optional

    Returns
    -------
    Books
        By stock locate.

    Raises
    ------
    SelectionError
        Another protocol.
    """
    if not (_has_orders(feed.protocol) and feed.protocol.locate):
        raise SelectionError(f"{feed.protocol.name} does not number securities: name one")
    books = Books(best=best)
    for events in events_in(feed, _first(feed, messages), (), progress):
        books.feed(events)
    return books


def feed_book(
    feed: Feed, symbol: str, messages: int | None = None, *, progress: Progress | None = None
) -> OrderBook:
    """Return the book of one security, after the first messages of a feed.

    Parameters
    ----------
    feed : Feed
    symbol : str
    messages : int, optional
        How many messages of the feed to take into account, those of other securities included;
        all by default.
    progress : callable (messages done, messages in all), optional

    Returns
    -------
    OrderBook

    Raises
    ------
    SelectionError
        The feed does not have the symbol, or its protocol neither orders nor levels.

    Notes
    -----
    Messages count in the order of the file; what came twice counts twice. Where changes of an order
    do not name its security (ITCH 4.1), nobody can tell which of them dangle: none is counted.

    Memory: a block of events, then about 220 bytes an open order.
    """
    protocol = feed.protocol
    changes = changes_of(protocol)
    securities = _numbers(feed, symbol)
    total = _first(feed, messages)
    blocks = events_in(feed, total, securities, progress)
    if COMPILED and _has_orders(protocol):
        books = Books()
        for events in blocks:
            events[:, kernel.SECURITY] = 0  # there is only this one
            books.feed(events)
        book = books.book(0, symbol)
        book.anomalies = books.anomalies
    else:
        book = OrderBook(symbol)
        for events in blocks:
            for event in events.tolist():
                book.feed(Event._make(event))
    book.messages = total
    if not all(security_of(protocol, message) for message, _ in changes):
        book.anomalies.dangling = 0
    return book


def _first(feed: Feed, messages: int | None) -> int:
    return len(feed) if messages is None else first_of(messages, len(feed))


def _has_orders(protocol: Protocol) -> bool:
    return all(change.kind <= Kind.REPLACE for _, change in changes_of(protocol))


def _numbers(feed: Feed, symbol: str) -> list[int]:
    # What the events of a symbol have for a security: its locates, or its own characters.
    if feed.protocol.locate:
        return sorted(numbers_of(symbol, feed.symbols))
    known: dict[int, str] = {}
    for message, stocks in spellings(feed.data, feed.index, feed.protocol):
        known |= {number_of(stock, message): symbol_text(stock) for stock in stocks}
        if symbol in known.values():  # a directory comes first: most often it will do
            break
    return sorted(numbers_of(symbol, known))
