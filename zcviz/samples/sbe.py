"""What two venues of SBE would say: one of futures, as CME would; one of options, as Deribit would.

The schemas are our own (``futures.xml``, ``options.xml``), and so are the templates' numbers: what
is alike is the framing, the message header, and the style of the messages.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..codec import encode_message
from ..schema import read_schema
from ..spec import Message, Protocol
from .telling import Story, Teller
from .venue import Event

__all__ = ["SCHEMAS", "Futures", "Options"]

_HERE = Path(__file__).parent
SCHEMAS = {"mdp3": _HERE / "futures.xml", "deribit": _HERE / "options.xml"}
"""Feed to the schema that its samples need."""

_NEWEST = {"mdp3": 3, "deribit": 2}
_NEW, _CHANGE, _DELETE = range(3)


class _Sbe(Teller):
    # In the words of a schema.

    def __init__(self, feed: Protocol, messages: int, seed: int) -> None:
        super().__init__(read_schema(SCHEMAS[feed.name], feed), messages, seed)
        self.levels: dict[tuple[int, int], dict[int, int]] = {}
        self.newest = _NEWEST[feed.name]

    def _say(self, name: str, version: int | None = None, **values: Any) -> Story:
        # By a writer of an older or newer version than the schema's, if asked.
        version = self.newest if version is None else version
        message = _as_of(self.feed[name], version)
        later = [each.offset for each in message.fields if each.since > version]
        whole = min(later, default=message.size + 4 * max(0, version - self.newest))
        header = {"schema_id": self.feed.schema_id, "version": version}
        values = {**header, "block_length": whole - message.block, **values}
        return [(self.time, encode_message(message, values))]

    def _changes(self, event: Event) -> list[tuple[int, int, int, int]]:
        # Of each level that the event touched: action, price, shares, rank from the best.
        known = self.levels.setdefault((event.security, event.side), {})
        told = []
        for price, shares in event.levels:
            action = _CHANGE if price in known else _NEW
            known[price] = shares
            rank = sorted(known, reverse=not event.side).index(price) + 1
            if not shares:
                action = _DELETE
                del known[price]
            told.append((action, price, shares, rank))
        return told


@cache
def _as_of(message: Message, version: int) -> Message:
    return replace(message, groups=tuple(g for g in message.groups if g.since <= version))


class Futures(_Sbe):
    """Levels, trades with the orders in them, definitions."""

    reports = 0

    def opening(self) -> Story:
        """Say what is said before the first event."""
        said = self._say("Heartbeat")
        for n in range(len(self.names)):
            legs = [
                {"LegSecurityID": leg + 1, "LegRatioQty": 1 - 2 * (leg % 2),
                 "NoLegAlternatives": [{"LegAlternativeID": 10 * leg + k} for k in range(leg)]}
                for leg in range(3 * (n % 2))
            ]  # fmt: skip
            option: dict[str, Any] = {"StrikePrice": 250_000_000, "DailyVolatility": 0.25}
            said += self._say(
                "SecurityDefinition", SecurityID=n + 1, Symbol=self.names[n],
                MaturityMonthYear_year=2026, MaturityMonthYear_month=3 * (n % 4 + 1),
                MinPriceIncrement=100_000, ContractMultiplier_mantissa=5,
                ContractMultiplier_exponent=1, SecurityUpdateAction=b"A", NoLegs=legs,
                SecurityDesc=b"Future on " + self.names[n], EncodedText="größer".encode(),
                **(option if n % 2 else {}),
            )  # fmt: skip
            said += [each for version in range(1, 5) for each in self._status(n, 17, version)]
        return said

    def _status(self, n: int, status: int, version: int = 3) -> Story:
        return self._say(
            "SecurityStatus", version, TransactTime=self.time, SecurityID=n + 1,
            TradingStatus=status, TradeDate=20_456,
        )  # fmt: skip

    def tell(self, event: Event) -> Story:
        """Say what happened."""
        n, said = event.security, []
        if event.kind in ("execute", "trade"):
            orders = [{"OrderID": event.order, "Text": b"resting"}] if event.order else []
            half = event.size // 2
            fills = [
                {"FillQty": event.size - half, "NoOrders": orders, "FillText": b""},
                {"FillQty": half, "NoOrders": [], "FillText": b"the rest"},
            ]
            said += self._say(
                "TradeSummary", TransactTime=self.time, SecurityID=n + 1,
                LastPx=event.price * 1000, LastQty=event.size,
                AggressorSide=2 - event.side if event.order else 0, NoFills=fills,
            )  # fmt: skip
        entries = [self._entry(n, event.side, *change) for change in self._changes(event)]
        if entries:
            version = 1 if not self.chance.below(20) else 3
            more = {} if version < 2 else {
                "NoOrderIDEntries": [{"OrderID": event.order, "LastQty": event.size}]
            }  # fmt: skip
            said += self._say(
                "BookUpdate", version, TransactTime=self.time, MatchEventIndicator=0x84,
                NoMDEntries=entries, **more,
            )  # fmt: skip
        return said

    def _entry(self, n: int, side: int, action: int, price: int, shares: int, rank: int
               ) -> dict[str, Any]:  # fmt: skip
        self.reports += 1
        size = {"MDEntrySize": shares} if shares else {}
        return {
            "MDEntryPx": price * 1000, "SecurityID": n + 1, "RptSeq": self.reports,
            "MDPriceLevel": rank, "MDUpdateAction": action, "MDEntryType": b"01"[side : side + 1],
            **size,
        }  # fmt: skip

    def closing(self) -> Story:
        """Say what is said after the last event."""
        said = [each for n in range(len(self.names)) for each in self._status(n, 18)]
        return said + self._say("Heartbeat")


class Options(_Sbe):
    """Levels, trades with their legs, tickers."""

    changed = 0

    def _milliseconds(self) -> int:
        return self.time // 1_000_000

    def opening(self) -> Story:
        """Say what is said before the first event."""
        said: Story = []
        for n in range(len(self.names)):
            strike: dict[str, Any] = {"strikePrice": 25.0 * n} if n % 2 else {}
            said += self._say(
                "instrument", instrumentId=n + 1, baseCurrency=b"ZCV", tickSize=0.01,
                creationTimestampMs=self._milliseconds(), **strike,
                instrumentName=self.names[n] + b"-27MAR26",
            )  # fmt: skip
        return said + self._say("snapshotEnd") + self._ticker(0, 1) + self._ticker(0, 3)

    def tell(self, event: Event) -> Story:
        """Say what happened."""
        n, said = event.security, []
        if event.kind in ("execute", "trade"):
            legs = [{"legInstrumentId": n + 1}, {"legInstrumentId": 1, "legPrice": 0.5}]
            trade = {
                "direction": 1 - event.side, "price": event.price / 10_000, "amount": event.size,
                "timestampMs": self._milliseconds(), "tradeId": event.trade,
                "legsList": legs[: event.trade % 3], "note": b"block" * (event.trade % 2),
            }  # fmt: skip
            said += self._say("trades", instrumentId=n + 1, tradesList=[trade])
        changes = [
            {"side": 1 - event.side, "change": action, "price": price / 10_000, "amount": shares}
            for action, price, shares, _ in self._changes(event)
        ]
        if changes:
            self.changed += 1
            said += self._say(
                "book", instrumentId=n + 1, timestampMs=self._milliseconds(),
                changeId=self.changed, isLast=1, changesList=changes,
            )  # fmt: skip
        if not self.chance.below(5):
            said += self._ticker(n)
        return said

    def _ticker(self, n: int, version: int = 2) -> Story:
        quote = self.venue.quote(n)
        prices = {"bestBidPrice": quote.bid / 10_000, "bestAskPrice": quote.ask / 10_000}
        return self._say(
            "ticker", version, instrumentId=n + 1, timestampMs=self._milliseconds(),
            bestBidAmount=quote.bid_size, bestAskAmount=quote.ask_size, lastPrice=0.5,
            **{name: price for name, price in prices.items() if price},
        )  # fmt: skip

    def closing(self) -> Story:
        """Say what is said after the last event."""
        return self._say("snapshotEnd")
