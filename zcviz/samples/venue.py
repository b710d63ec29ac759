"""A small exchange: orders come, change, trade and go, and the book never crosses.

It knows no wire format. What it says of one event is enough for a feed of orders, of price levels
or of best prices, so the feeds of one venue tell the same story in their own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from .chance import Chance

__all__ = ["NAMES", "ONE_OF_EACH", "TICK", "Event", "Kind", "Quote", "Venue"]

Kind = Literal["add", "modify", "delete", "execute", "trade", "break"]

NAMES = (b"ZCVIZ", b"ZALUBO", b"ZEKIRA", b"ZOMAVE", b"ZUDILO", b"ZANOKE", b"ZIRUMA", b"ZEBAVO")
"""Made up: no ticker of a real company has six letters."""

TICK = 100  # a cent, in 0.0001 USD
_LOT = 100
_FAIR = 250_000  # of the first security; the others cost more
_THIN, _THICK = 3, 12  # orders a side
# One of each kind before chance decides.
_FIRST: tuple[Kind, ...] = (
    "add", "add", "add", "add", "add", "add", "modify", "execute", "trade", "break", "delete"
)  # fmt: skip
ONE_OF_EACH = len(_FIRST)
"""Events until each kind has occurred."""
_SHARES: dict[Kind, int] = {"add": 40, "delete": 24, "modify": 14, "execute": 15, "trade": 7}
_MIX = tuple(kind for kind, share in _SHARES.items() for _ in range(share))


class Quote(NamedTuple):
    """The best prices of a security [0.0001 USD] and the shares there; 0 where there is none."""

    bid_size: int = 0
    bid: int = 0
    ask: int = 0
    ask_size: int = 0


class Event(NamedTuple):
    """What happened.

    Attributes
    ----------
    kind : str
    security : int
    side : {0, 1}
        Of the order: 0 buys, 1 sells.
    order : int
        0 where no displayed order is concerned.
    price : int [0.0001 USD]
    size : int [shares]
        Of the order from now on, or when it was deleted; of the trade, where there is one.
    keeps : bool
        Whether a modified order keeps its place in the queue.
    trade : int
        Number of the trade; 0 where there is none.
    levels : tuple of (price, shares)
        Every price on the order's side at which the shares changed, and how many they are now.
    quote : Quote
        After the event.
    """

    kind: Kind
    security: int
    side: int
    order: int
    price: int
    size: int
    keeps: bool
    trade: int
    levels: tuple[tuple[int, int], ...]
    quote: Quote


class _Order:
    __slots__ = ("number", "price", "shares")

    def __init__(self, number: int, price: int, shares: int) -> None:
        self.number, self.price, self.shares = number, price, shares


class Venue:
    """The order books of `securities` securities.

    Parameters
    ----------
    securities : int
    chance : Chance

    Attributes
    ----------
    orders, trades : int
        How many there have been; the last one has this number.
    """

    def __init__(self, securities: int, chance: Chance) -> None:
        self._chance = chance
        self._fair = [_FAIR * (n + 1) for n in range(securities)]
        # By security, then side; the oldest order first.
        self._books: list[tuple[list[_Order], list[_Order]]] = [([], []) for _ in self._fair]
        self.orders = self.trades = 0
        self._first = list(reversed(_FIRST))
        self._print: tuple[int, int, int, int] | None = None  # the last trade not broken
        self._make: dict[Kind, Callable[[int, int], Event]] = {
            "add": self._add, "modify": self._modify, "delete": self._delete,
            "execute": self._execute, "trade": self._trade, "break": self._break,
        }  # fmt: skip

    def event(self) -> Event:
        """Let something happen."""
        security = 0 if self._first else self._chance.below(len(self._fair))
        side = len(self._first) % 2 if self._first else self._chance.below(2)
        kind = self._first.pop() if self._first else self._wish(self._books[security][side])
        self._fair[security] += TICK * (self._chance.below(3) - 1)
        return self._make[kind](security, side)

    def quote(self, security: int) -> Quote:
        """Return the best prices."""
        bids, asks = self._books[security]
        bid = max((order.price for order in bids), default=0)
        ask = min((order.price for order in asks), default=0)
        return Quote(_shares(bids, bid), bid, ask, _shares(asks, ask))

    def emptying(self) -> Iterator[Event]:
        """Delete all orders."""
        for security, book in enumerate(self._books):
            for side, orders in enumerate(book):
                while orders:
                    yield self._delete(security, side)

    def _wish(self, orders: list[_Order]) -> Kind:
        if len(orders) < _THIN:
            return "add"
        if len(orders) > _THICK:
            return "delete"
        if self._print is not None and not self._chance.below(200):
            return "break"
        return self._chance.one_of(_MIX)

    def _add(self, security: int, side: int) -> Event:
        self.orders += 1
        order = _Order(self.orders, self._price(security, side), self._size())
        self._books[security][side].append(order)
        return self._say("add", security, side, order)

    def _modify(self, security: int, side: int) -> Event:
        orders = self._books[security][side]
        order = self._chance.one_of(orders)
        before = order.price
        keeps = order.shares > _LOT and bool(self._chance.below(2))
        if keeps:
            order.shares -= _LOT
        else:
            order.price, order.shares = self._price(security, side), self._size()
            orders.append(orders.pop(orders.index(order)))
        return self._say("modify", security, side, order, keeps=keeps, before=before)

    def _delete(self, security: int, side: int) -> Event:
        orders = self._books[security][side]
        order = orders.pop(self._chance.below(len(orders)))
        return self._say("delete", security, side, order)

    def _execute(self, security: int, side: int) -> Event:
        orders = self._books[security][side]
        best = (max, min)[side](order.price for order in orders)
        order = next(order for order in orders if order.price == best)
        size = 1 + self._chance.below(order.shares)
        order.shares -= size
        if not order.shares:
            orders.remove(order)
        self.trades += 1
        self._print = (security, order.price, size, self.trades)
        return self._say("execute", security, side, order, size=size, trade=self.trades)

    def _trade(self, security: int, side: int) -> Event:
        # Between orders that nobody saw, so no book changes.
        self.trades += 1
        self._print = (security, self._price(security, side), self._size(), self.trades)
        return self._tell("trade", self._print)

    def _break(self, _security: int, _side: int) -> Event:
        assert self._print is not None
        broken, self._print = self._print, None
        return self._tell("break", broken)

    def _price(self, security: int, side: int) -> int:
        away = TICK * (1 + self._chance.below(6))
        quote, fair = self.quote(security), self._fair[security]
        if side == 0:
            return min(fair - away, quote.ask - TICK) if quote.ask else fair - away
        return max(fair + away, quote.bid + TICK)

    def _size(self) -> int:
        return _LOT * (1 + self._chance.below(9))

    def _tell(self, kind: Kind, trade: tuple[int, int, int, int]) -> Event:
        security, price, size, number = trade
        quote = self.quote(security)
        return Event(kind, security, 0, 0, price, size, False, number, (), quote)

    def _say(
        self, kind: Kind, security: int, side: int, order: _Order, *,
        size: int | None = None, keeps: bool = False, trade: int = 0, before: int | None = None,
    ) -> Event:  # fmt: skip
        orders = self._books[security][side]
        prices = dict.fromkeys((order.price if before is None else before, order.price))
        return Event(
            kind, security, side, order.number, order.price,
            order.shares if size is None else size, keeps, trade,
            tuple((price, _shares(orders, price)) for price in prices), self.quote(security),
        )  # fmt: skip


def _shares(orders: list[_Order], price: int) -> int:
    return sum(order.shares for order in orders if order.price == price)
