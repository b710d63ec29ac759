"""An order book: orders by reference, levels by price. It is fed events and knows no wire format.

Plain Python, meant to be read, and what the compiled kernel is held against. `events` says which
messages are which events; `books` has the books of all securities at once.

References are 64 bits, prices integers on the scale of the feed. Whatever a correct feed does not
do is counted in `OrderBook.anomalies` and raises nothing:

- an order whose reference is in use already is passed over;
- an execution, a cancellation or a replacement of an order that is not there is passed over;
- more shares are taken from an order than are open: it is gone;
- an order without shares, or on neither side, is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, NamedTuple

from ..errors import SelectionError
from ..kernels.book import Kind
from ..render import escape, printable

__all__ = ["Anomalies", "Event", "Kind", "Level", "Order", "OrderBook", "Side"]

_REFERENCE = 0xFFFF_FFFF_FFFF_FFFF


class Side(IntEnum):
    """Which way an order is meant."""

    BID = 0
    ASK = 1


class Event(NamedTuple):
    """What one message does to a book; what its kind does not need is 0, the side 2.

    Attributes
    ----------
    kind : Kind
    security : int
        What the feed tells securities apart by; a book of one security does not look at it.
    reference : int
        64 bits; which is the sign does not matter.
    side : int
        A `Side`; 2 for neither.
    shares : int [shares]
    price : int
        On the scale of the feed.
    new : int
        Reference that takes the place of the other.
    """

    kind: int
    security: int = 0
    reference: int = 0
    side: int = 2
    shares: int = 0
    price: int = 0
    new: int = 0


class Order(NamedTuple):
    """An open order: side, open shares, price."""

    side: Side
    shares: int
    price: int


class Level(NamedTuple):
    """A price, the open shares there, and of how many orders; None where the feed does not say."""

    price: int
    shares: int
    orders: int | None


@dataclass(slots=True)
class Anomalies:
    """How often a feed did what no correct feed does.

    Attributes
    ----------
    duplicate : int
        Orders whose reference was in use.
    dangling : int
        Changes of an order, or of a level, that was not there.
    overdrawn : int
        Executions and cancellations of more shares than were open.
    invalid : int
        Orders without shares, or on neither side.
    """

    duplicate: int = 0
    dangling: int = 0
    overdrawn: int = 0
    invalid: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        counts = ((getattr(self, each.name), each.name) for each in fields(self))
        return ", ".join(f"{count:,} {name}" for count, name in counts if count)


class OrderBook:
    """The open orders of one security, and the price levels that they make.

    Parameters
    ----------
    symbol : str
    scale : int
        Decimal places that prices carry.

    Attributes
    ----------
    orders : dict of int to Order
        By reference. Empty where the feed has whole levels only.
    anomalies : Anomalies
    messages : int
        How many messages of the feed were taken into account, those of other securities included.

    Notes
    -----
    Memory: about 220 bytes an open order.

    Examples
    --------
    >>> book = OrderBook("AAPL")
    >>> book.add(1, Side.BID, 100, 3_201_400)
    >>> book.add(2, Side.ASK, 100, 3_203_000)
    >>> book.reduce(1, 75)
    >>> book
    <OrderBook AAPL: 320.1400 × 25 | 320.3000 × 100, levels 1 | 1>
    """

    def __init__(self, symbol: str = "", scale: int = 4) -> None:
        self.symbol = symbol
        self.scale = scale
        self.messages = 0
        self.orders: dict[int, Order] = {}
        self.anomalies = Anomalies()
        # By side, then by price: shares, and orders; 0 orders where the feed has levels only.
        self._levels: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})

    # --- events ----------------------------------------------------------------------------------

    def feed(self, event: Event) -> None:
        """Apply one event, whichever kind it is."""
        kind, _, reference, side, shares, price, new = event
        if kind == Kind.ADD:
            self.add(reference, side, shares, price)
        elif kind == Kind.REDUCE:
            self.reduce(reference, shares)
        elif kind == Kind.REMOVE:
            self.remove(reference)
        elif kind == Kind.REPLACE:
            self.replace(reference, new, shares, price)
        elif kind == Kind.LEVEL:
            self.set_level(side, shares, price)
        elif kind == Kind.CLEAR:
            self.clear()

    def add(self, reference: int, side: int, shares: int, price: int) -> None:
        """Open an order."""
        reference &= _REFERENCE
        if not shares or side not in (Side.BID, Side.ASK):
            self.anomalies.invalid += 1
        elif reference in self.orders:
            self.anomalies.duplicate += 1
        else:
            order = self.orders[reference] = Order(Side(side), shares, price)
            self._change(order, shares, 1)

    def reduce(self, reference: int, shares: int) -> None:
        """Take shares from an order: an execution or a cancellation of a part, or of all."""
        reference &= _REFERENCE
        order = self.orders.get(reference)
        if order is None:
            self.anomalies.dangling += 1
        elif shares < order.shares:
            self.orders[reference] = order._replace(shares=order.shares - shares)
            self._change(order, -shares, 0)
        else:
            self.anomalies.overdrawn += shares > order.shares
            self.remove(reference)

    def remove(self, reference: int) -> Order | None:
        """Close an order, and return it as it was."""
        order = self.orders.pop(reference & _REFERENCE, None)
        if order is None:
            self.anomalies.dangling += 1
        else:
            self._change(order, -order.shares, -1)
        return order

    def replace(self, reference: int, new: int, shares: int, price: int) -> None:
        """Close an order and open another on its side, under the same reference or a new one."""
        order = self.remove(reference)
        if order is not None:
            self.add(new, order.side, shares, price)

    def set_level(self, side: int, shares: int, price: int) -> None:
        """State what is open at a price, in a feed that has no orders; no shares: nothing."""
        if side not in (Side.BID, Side.ASK):
            self.anomalies.invalid += 1
        elif shares:
            self._levels[side][price] = [shares, 0]
        elif self._levels[side].pop(price, None) is None:
            self.anomalies.dangling += 1

    def clear(self) -> None:
        """Close everything."""
        self.orders.clear()
        for levels in self._levels:
            levels.clear()

    def _change(self, order: Order, shares: int, orders: int) -> None:
        levels = self._levels[order.side]
        level = levels.setdefault(order.price, [0, 0])
        level[0] += shares
        level[1] += orders
        if level[0] <= 0:
            del levels[order.price]

    # --- levels ----------------------------------------------------------------------------------

    def bids(self, depth: int | None = None) -> list[Level]:
        """Return the levels of the buyers, highest price first; the first `depth` of them."""
        return self._sorted(Side.BID, depth)

    def asks(self, depth: int | None = None) -> list[Level]:
        """Return the levels of the sellers, lowest price first; the first `depth` of them."""
        return self._sorted(Side.ASK, depth)

    @property
    def best_bid(self) -> Level | None:
        """The level of the highest bid."""
        return self._level(Side.BID, max(self._levels[Side.BID], default=None))

    @property
    def best_ask(self) -> Level | None:
        """The level of the lowest ask."""
        return self._level(Side.ASK, min(self._levels[Side.ASK], default=None))

    @property
    def depth(self) -> tuple[int, int]:
        """How many levels there are: of bids, of asks."""
        bids, asks = self._levels
        return len(bids), len(asks)

    @property
    def is_crossed(self) -> bool:
        """Whether a bid is above an ask, as it may be outside of trading hours."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid.price > ask.price

    def to_dict(self, depth: int | None = None) -> dict[str, Any]:
        """Return what ``zcviz book --json`` prints: levels as [price, shares, orders]."""
        return {
            "symbol": self.symbol,
            "messages": self.messages,
            "bids": [list(level) for level in self.bids(depth)],
            "asks": [list(level) for level in self.asks(depth)],
        }

    def _sorted(self, side: Side, depth: int | None) -> list[Level]:
        if depth is not None and depth < 0:
            raise SelectionError(f"a depth of {depth} levels: it takes 0 or more")
        prices = sorted(self._levels[side], reverse=side == Side.BID)
        return [level for price in prices[:depth] if (level := self._level(side, price))]

    def _level(self, side: Side, price: int | None) -> Level | None:
        if price is None:
            return None
        shares, orders = self._levels[side][price]
        return Level(price, shares, orders or None)

    # --- to be looked at -------------------------------------------------------------------------

    def to_text(self, depth: int | None = 10) -> str:
        """Return the ladder for a terminal: asks above bids, the best of both in the middle."""
        rows = [_HEAD, *self._ladder(depth)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.rjust, row, widths)).rstrip() for row in rows)
        return "\n".join([printable(self._title()), *lines])

    def _ladder(self, depth: int | None) -> list[tuple[str, ...]]:
        asks = [("", "", *_cells(level, self.scale)) for level in reversed(self.asks(depth))]
        bids = [(*reversed(_cells(level, self.scale)), "", "") for level in self.bids(depth)]
        return asks + bids

    def _title(self) -> str:
        bids, asks = self.depth
        title = f"{self.symbol} after {self.messages:,} messages: {bids:,} bid levels, {asks:,} ask"
        if self.is_crossed:
            title += ", crossed"
        return f"{title}; anomalies: {self.anomalies}" if self.anomalies else title

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{name}</th>" for name in _HEAD)
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._ladder(10))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            f"<table><caption>{escape(self._title())}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        best = " | ".join(
            f"{_decimal(level.price, self.scale)} × {level.shares:,}" if level else "none"
            for level in (self.best_bid, self.best_ask)
        )
        bids, asks = self.depth
        return f"<OrderBook {printable(self.symbol)}: {best}, levels {bids:,} | {asks:,}>"


_HEAD = ("orders", "bids", "price", "asks", "orders")


def _cells(level: Level, scale: int) -> tuple[str, str, str]:
    orders = "?" if level.orders is None else f"{level.orders:,}"
    return _decimal(level.price, scale), f"{level.shares:,}", orders


def _decimal(value: int, scale: int) -> str:
    # Exactly, which a float of a 64-bit price is not.
    whole, part = divmod(abs(value), 10**scale)
    return f"{'-' if value < 0 else ''}{whole:,}" + (f".{part:0{scale}d}" if scale else "")
