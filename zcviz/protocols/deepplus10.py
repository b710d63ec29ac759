"""IEX DEEP+ 1.0: every displayed order, and trades.

Source: IEX DEEP+ specification, version 1.04 of 4 June 2026.
"""

from ..spec import Protocol, char, u8
from . import iex
from .iextp import iextp

__all__ = ["DEEPPLUS10"]

_TITLE = "IEX DEEP+ 1.04, 2026-06-04"

# fmt: off
ADD_ORDER = iex.message(
    b"a", "add_order", 38, "Add Order Message",
    char("side", codes=iex.BUY_SELL),
    iex.order_id("order_id"),
    iex.size(),
    iex.price("price"),
)
ORDER_MODIFY = iex.message(
    b"M", "order_modify", 38, "Order Modify Message",
    u8("modify_flags", flags={"maintain_priority": 0x01}),
    iex.order_id("order_id_reference"),
    iex.size(doc="The new total."),
    iex.price("price"),
)
ORDER_DELETE = iex.message(
    b"R", "order_delete", 26, "Order Delete Message",
    u8("reserved"),
    iex.order_id("order_id_reference"),
)
ORDER_EXECUTED = iex.message(
    b"L", "order_executed", 46, "Order Executed Message",
    u8("sale_condition_flags", flags=iex.SALE_CONDITION),
    iex.order_id("order_id_reference"),
    iex.size(),
    iex.price("price", doc="May be better than the displayed price of the order."),
    iex.order_id("trade_id"),
)
# The layout of the other feeds' trade report: here, of two orders that were not displayed.
TRADE = iex.message(
    b"T", "trade", 38, "Trade Message",
    u8("sale_condition_flags", flags=iex.SALE_CONDITION),
    iex.size(),
    iex.price("price"),
    iex.order_id("trade_id"),
)
CLEAR_BOOK = iex.message(b"C", "clear_book", 18, "Clear Book Message", u8("reserved"))

DEEPPLUS10 = Protocol("deepplus10", _TITLE, iex.edition(
    _TITLE, iex.SYSTEM_EVENT, iex.SECURITY_DIRECTORY, iex.TRADING_STATUS,
    iex.RETAIL_LIQUIDITY_INDICATOR, iex.OPERATIONAL_HALT_STATUS,
    iex.SHORT_SALE_PRICE_TEST_STATUS, iex.SECURITY_EVENT, ADD_ORDER, ORDER_MODIFY, ORDER_DELETE,
    ORDER_EXECUTED, TRADE, iex.TRADE_BREAK, CLEAR_BOOK,
), framings=(iextp(0x8005),), may_grow=True, symbol="symbol", zone="America/New_York")
# fmt: on
