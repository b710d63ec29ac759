"""What IEX would say of a venue: as best prices (TOPS), as levels (DEEP), as orders (DEEP+)."""

from __future__ import annotations

from ..codec import encode
from ..spec import Protocol
from .day import SECOND
from .telling import Story, Teller
from .venue import Event, Quote

__all__ = ["Iex"]

_ODD_LOT, _SWEEP = 0x20, 0x80
_BEFORE_HOURS = 0x40


class Iex(Teller):
    """Says what the feed has words for."""

    def __init__(self, feed: Protocol, messages: int, seed: int) -> None:
        super().__init__(feed, messages, seed)
        self.quotes = [Quote()] * len(self.names)

    def _say(self, tag: str, security: int | None = None, **values: int | bytes) -> Story:
        if tag not in self.feed:
            return []
        if security is not None:
            values["symbol"] = self.names[security]
        return [(self.time, encode(self.feed[tag], timestamp=self.time, **values))]

    def _system(self, code: bytes) -> Story:
        self.time += SECOND
        return self._say("S", system_event=code)

    def opening(self) -> Story:
        """Say what is said before the first event."""
        said = self._system(b"O") + self._system(b"S")
        for n in range(len(self.names)):
            self.pause()
            said += self._status(n)
            said += self._say("Q", n, flags=_BEFORE_HOURS, **_words(Quote()))
        said += self._system(b"R")
        for n in range(len(self.names)):
            said += self._say("E", n, security_event=b"O")
        return said

    def _status(self, n: int) -> Story:
        poc = 250_000 * (n + 1)
        return [
            *self._say("D", n, flags=0x80 >> n % 4 & 0xE0, round_lot_size=100,
                      adjusted_poc_price=poc, luld_tier=n % 3),
            *self._say("H", n, trading_status=b"H", reason=b"T1"),
            *self._say("H", n, trading_status=b"T", reason=b""),
            *self._say("I", n, retail_liquidity_indicator=self.chance.one_of((b" ", b"A", b"C"))),
            *self._say("O", n, operational_halt_status=b"N"),
            *self._say("P", n, short_sale_price_test_status=n % 2, detail=(b" ", b"C")[n % 2]),
        ]  # fmt: skip

    def tell(self, event: Event) -> Story:
        """Say what happened."""
        n, said = event.security, []
        trade = {"size": event.size, "price": event.price, "trade_id": event.trade}
        if event.kind == "break":
            return self._say("B", n, sale_condition_flags=0, **trade)
        if event.kind in ("execute", "trade"):
            flags = _ODD_LOT if event.size < 100 else self.chance.one_of((0, _SWEEP))
            if event.order and "L" in self.feed:
                order = event.order
                said += self._say(
                    "L", n, sale_condition_flags=flags, order_id_reference=order, **trade
                )
            else:
                said += self._say("T", n, sale_condition_flags=flags, **trade)
        return said + self._book(event) + self._quote(n, event.quote)

    def _book(self, event: Event) -> Story:
        n, said = event.security, []
        last = len(event.levels) - 1
        for i, (price, size) in enumerate(event.levels):
            said += self._say("85"[event.side], n, event_flags=i == last, size=size, price=price)
        size, price = event.size, event.price
        if event.kind == "add":
            side = b"85"[event.side : event.side + 1]
            said += self._say("a", n, side=side, order_id=event.order, size=size, price=price)
        elif event.kind == "modify":
            said += self._say("M", n, modify_flags=event.keeps, order_id_reference=event.order,
                             size=size, price=price)  # fmt: skip
        elif event.kind == "delete":
            said += self._say("R", n, reserved=0, order_id_reference=event.order)
        return said

    def _quote(self, n: int, quote: Quote) -> Story:
        if quote == self.quotes[n]:
            return []
        self.quotes[n] = quote
        return self._say("Q", n, flags=0, **_words(quote))

    def closing(self) -> Story:
        """Say what is said after the last event."""
        said: Story = []
        for n in range(len(self.names)):
            self.pause()
            said += self._auction(n)
            said += self._say("C", n, reserved=0)
        self.pause()
        said += self._system(b"M")
        for n in range(len(self.names)):
            said += self._say("E", n, security_event=b"C")
        return said + self._system(b"E") + self._system(b"C")

    def _auction(self, n: int) -> Story:
        bid, ask = self.venue.quote(n)[1:3]
        price = max(bid, ask)
        prices = dict.fromkeys(
            ("reference_price", "indicative_clearing_price", "auction_book_clearing_price",
             "collar_reference_price"), price)  # fmt: skip
        return [
            *self._say(
                "A", n, auction_type=b"C", paired_shares=1000 * (n + 1), imbalance_shares=300,
                imbalance_side=b"BSN"[n % 3 : n % 3 + 1], extension_number=0, **prices,
                scheduled_auction_time=self.time // SECOND + 1,
                lower_auction_collar=price * 9 // 10, upper_auction_collar=price * 11 // 10,
            ),
            *self._say("X", n, price_type=b"M", official_price=price),
        ]  # fmt: skip


def _words(quote: Quote) -> dict[str, int]:
    return {
        "bid_size": quote.bid_size,
        "bid_price": quote.bid,
        "ask_price": quote.ask,
        "ask_size": quote.ask_size,
    }
