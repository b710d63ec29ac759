"""IEX DEEP 1.0: price levels, and trades.

Source: IEX DEEP specification, version 1.08 of 19 October 2021.
"""

from ..spec import Message, Protocol, u8
from . import iex
from .iextp import iextp

__all__ = ["DEEP10"]

_TITLE = "IEX DEEP 1.08, 2021-10-19"


def _price_level_update(tag: bytes, side: str) -> Message:
    return iex.message(
        tag,
        f"price_level_update_{side}",
        30,
        "Price Level Update Message",
        u8("event_flags", flags={"event_processing_complete": 0x01}),
        iex.size(doc="Of all orders at the price; 0 removes the level."),
        iex.price("price"),
    )


# fmt: off
DEEP10 = Protocol("deep10", _TITLE, iex.edition(
    _TITLE, iex.SYSTEM_EVENT, iex.SECURITY_DIRECTORY, iex.TRADING_STATUS,
    iex.RETAIL_LIQUIDITY_INDICATOR, iex.OPERATIONAL_HALT_STATUS,
    iex.SHORT_SALE_PRICE_TEST_STATUS, iex.SECURITY_EVENT, _price_level_update(b"8", "buy"),
    _price_level_update(b"5", "sell"), iex.TRADE_REPORT, iex.OFFICIAL_PRICE, iex.TRADE_BREAK,
    iex.AUCTION_INFORMATION,
), framings=(iextp(0x8004),), may_grow=True, symbol="symbol", zone="America/New_York")
# fmt: on
