"""IEX TOPS 1.6: the best bid and offer, and trades.

Source: IEX TOPS specification, version 1.66 of 19 October 2021.
"""

from ..spec import Protocol, u8
from . import iex
from .iextp import iextp

__all__ = ["TOPS16"]

_TITLE = "IEX TOPS 1.66, 2021-10-19"

# fmt: off
QUOTE_UPDATE = iex.message(
    b"Q", "quote_update", 42, "Quote Update Message",
    # The document calls the first bit "symbol availability"; set, it means the opposite.
    u8("flags", flags={"unavailable": 0x80, "pre_post_market_session": 0x40}),
    iex.size("bid_size"),
    iex.price("bid_price"),
    iex.price("ask_price"),
    iex.size("ask_size"),
)

TOPS16 = Protocol("tops16", _TITLE, iex.edition(
    _TITLE, iex.SYSTEM_EVENT, iex.SECURITY_DIRECTORY, iex.TRADING_STATUS,
    iex.RETAIL_LIQUIDITY_INDICATOR, iex.OPERATIONAL_HALT_STATUS,
    iex.SHORT_SALE_PRICE_TEST_STATUS, QUOTE_UPDATE, iex.TRADE_REPORT, iex.OFFICIAL_PRICE,
    iex.TRADE_BREAK, iex.AUCTION_INFORMATION,
), framings=(iextp(0x8003),), may_grow=True, symbol="symbol", zone="America/New_York")
# fmt: on
