"""NASDAQ TotalView-ITCH 5.0: all 23 message types, in the order of the document.

Source: Nasdaq TotalView-ITCH 5.0 specification, edition of 19 February 2026; section numbers are
that edition's. Integers are big-endian and unsigned, text is left-justified and space-padded.
Timestamps count nanoseconds since midnight, US Eastern time.
"""

from ..spec import Field, Message, Protocol, alpha, char, u16, u32, u48, u64
from .binaryfile import BINARYFILE
from .moldudp64 import MOLDUDP64
from .soupbintcp import SOUPBINTCP

__all__ = ["ITCH50"]

_TITLE = "Nasdaq TotalView-ITCH 5.0, 2026-02-19"

SIDE = {b"B": "buy", b"S": "sell"}
YES_NO = {b"Y": "yes", b"N": "no"}
AVAILABLE = {b"Y": "yes", b"N": "no", b" ": "not available"}
CROSS = {b"O": "opening", b"C": "closing", b"H": "halted or IPO", b"A": "extended trading close"}


def _price(name: str, doc: str = "") -> Field:  # Price(4): at most 200,000.0000
    return u32(name, unit="USD", scale=4, doc=doc)


def _message(tag: bytes, name: str, size: int, section: str, *fields: Field) -> Message:
    # Every ITCH message starts with the same 11 bytes.
    head = (
        char("message_type"),
        u16("stock_locate", doc="The day's integer for a security; 0 where none is meant."),
        u16("tracking_number", doc="Nasdaq internal."),
        u48("timestamp", unit="ns", clock="midnight, US Eastern"),
    )
    return Message(name, size, f"{_TITLE}, §{section}", head + fields, tag)


# fmt: off
SYSTEM_EVENT = _message(
    b"S", "system_event", 12, "1.1",
    char("event_code", codes={
        b"O": "start of messages", b"S": "start of system hours", b"Q": "start of market hours",
        b"M": "end of market hours", b"E": "end of system hours", b"C": "end of messages"}),
)
STOCK_DIRECTORY = _message(
    b"R", "stock_directory", 39, "1.2.1",
    alpha("stock", 8),
    char("market_category", codes={
        b"Q": "Nasdaq Global Select", b"G": "Nasdaq Global Market", b"S": "Nasdaq Capital Market",
        b"N": "NYSE", b"A": "NYSE American", b"P": "NYSE Arca", b"Z": "BATS Z", b"V": "IEX",
        b"M": "NYSE Texas", b" ": "not available"}),
    char("financial_status_indicator", codes={
        b"D": "deficient", b"E": "delinquent", b"Q": "bankrupt", b"S": "suspended",
        b"G": "deficient and bankrupt", b"H": "deficient and delinquent",
        b"J": "delinquent and bankrupt", b"K": "deficient, delinquent and bankrupt",
        b"C": "creations suspended", b"N": "normal", b" ": "not available"}),
    u32("round_lot_size", unit="shares"),
    char("round_lots_only", codes=YES_NO),
    char("issue_classification"),
    alpha("issue_sub_type", 2),
    char("authenticity", codes={b"P": "production", b"T": "test"}),
    char("short_sale_threshold_indicator", codes=AVAILABLE),
    char("ipo_flag", codes={**AVAILABLE, b"Z": "new listing, not an IPO"}),
    char("luld_reference_price_tier", codes={
        b"1": "tier 1", b"2": "tier 2", b" ": "not available"}),
    char("etp_flag", codes=AVAILABLE),
    u32("etp_leverage_factor"),
    char("inverse_indicator", codes=YES_NO),
)
TRADING_ACTION = _message(
    b"H", "trading_action", 25, "1.2.2",
    alpha("stock", 8),
    char("trading_state", codes={
        b"H": "halted", b"P": "paused", b"Q": "quotation only", b"T": "trading"}),
    char("reserved"),
    alpha("reason", 4),
)
REG_SHO_RESTRICTION = _message(
    b"Y", "reg_sho_restriction", 20, "1.2.3",
    alpha("stock", 8),
    char("reg_sho_action", codes={
        b"0": "no price test", b"1": "restriction in effect", b"2": "restriction remains"}),
)
MARKET_PARTICIPANT_POSITION = _message(
    b"L", "market_participant_position", 26, "1.2.4",
    alpha("mpid", 4),
    alpha("stock", 8),
    char("primary_market_maker", codes=YES_NO),
    char("market_maker_mode", codes={
        b"N": "normal", b"P": "passive", b"S": "syndicate", b"R": "pre-syndicate",
        b"L": "penalty"}),
    char("market_participant_state", codes={
        b"A": "active", b"E": "excused or withdrawn", b"W": "withdrawn", b"S": "suspended",
        b"D": "deleted"}),
)
MWCB_DECLINE_LEVEL = _message(
    b"V", "mwcb_decline_level", 35, "1.2.5.1",
    u64("level_1", unit="USD", scale=8),
    u64("level_2", unit="USD", scale=8),
    u64("level_3", unit="USD", scale=8),
)
MWCB_STATUS = _message(
    b"W", "mwcb_status", 12, "1.2.5.2",
    char("breached_level", codes={b"1": "level 1", b"2": "level 2", b"3": "level 3"}),
)
IPO_QUOTING_PERIOD = _message(
    b"K", "ipo_quoting_period", 28, "1.2.6",
    alpha("stock", 8),  # and yet the stock locate is always 0 in this message
    # Whole seconds, unlike every other time of the feed.
    u32("ipo_quotation_release_time", unit="s", clock="midnight, US Eastern"),
    char("ipo_quotation_release_qualifier", codes={
        b"A": "anticipated", b"C": "cancelled or postponed"}),
    _price("ipo_price"),
)
LULD_AUCTION_COLLAR = _message(
    b"J", "luld_auction_collar", 35, "1.2.7",
    alpha("stock", 8),
    _price("auction_collar_reference_price"),
    _price("upper_auction_collar_price"),
    _price("lower_auction_collar_price"),
    u32("auction_collar_extension", doc="How often the auction was extended."),
)
OPERATIONAL_HALT = _message(
    b"h", "operational_halt", 21, "1.2.8",
    alpha("stock", 8),
    char("market_code", codes={b"Q": "Nasdaq", b"B": "Nasdaq Texas (BX)", b"X": "PSX"}),
    char("operational_halt_action", codes={b"H": "halted", b"T": "resumed"}),
)
ADD_ORDER = _message(
    b"A", "add_order", 36, "1.3.1",
    u64("order_reference_number"),
    char("buy_sell_indicator", codes=SIDE),
    u32("shares", unit="shares"),
    alpha("stock", 8),
    _price("price"),
)
ADD_ORDER_MPID = _message(
    b"F", "add_order_mpid", 40, "1.3.2",
    u64("order_reference_number"),
    char("buy_sell_indicator", codes=SIDE),
    u32("shares", unit="shares"),
    alpha("stock", 8),
    _price("price"),
    alpha("attribution", 4),
)
ORDER_EXECUTED = _message(
    b"E", "order_executed", 31, "1.4.1",
    u64("order_reference_number"),
    u32("executed_shares", unit="shares"),
    u64("match_number"),
)
ORDER_EXECUTED_WITH_PRICE = _message(
    b"C", "order_executed_with_price", 36, "1.4.2",
    u64("order_reference_number"),
    u32("executed_shares", unit="shares"),
    u64("match_number"),
    char("printable", codes=YES_NO),
    _price("execution_price"),
)
ORDER_CANCEL = _message(
    b"X", "order_cancel", 23, "1.4.3",
    u64("order_reference_number"),
    u32("cancelled_shares", unit="shares"),
)
ORDER_DELETE = _message(b"D", "order_delete", 19, "1.4.4", u64("order_reference_number"))
ORDER_REPLACE = _message(
    b"U", "order_replace", 35, "1.4.5",
    u64("original_order_reference_number"),
    u64("new_order_reference_number"),
    u32("shares", unit="shares"),
    _price("price"),
)
TRADE = _message(
    b"P", "trade", 44, "1.5.1",
    u64("order_reference_number", doc="0 since 2010."),
    char("buy_sell_indicator", codes=SIDE, doc="Always B since 14 July 2014."),
    u32("shares", unit="shares"),
    alpha("stock", 8),
    _price("price"),
    u64("match_number"),
)
CROSS_TRADE = _message(
    b"Q", "cross_trade", 40, "1.5.2",
    u64("shares", unit="shares", doc="Eight bytes, where other messages have four."),
    alpha("stock", 8),
    _price("cross_price"),
    u64("match_number"),
    char("cross_type", codes=CROSS),
)
BROKEN_TRADE = _message(b"B", "broken_trade", 19, "1.5.3", u64("match_number"))
NOII = _message(
    b"I", "noii", 50, "1.6",
    u64("paired_shares", unit="shares"),
    u64("imbalance_shares", unit="shares"),
    char("imbalance_direction", codes={
        b"B": "buy", b"S": "sell", b"N": "none", b"O": "too few orders", b"P": "paused"}),
    alpha("stock", 8),
    _price("far_price"),
    _price("near_price"),
    _price("current_reference_price"),
    char("cross_type", codes=CROSS),
    char("price_variation_indicator", codes={
        b"L": "under 1 %", **{str(n).encode(): f"{n} to {n}.99 %" for n in range(1, 10)},
        b"A": "10 to 19.99 %", b"B": "20 to 29.99 %", b"C": "30 % or more",
        b" ": "cannot be calculated"}),
)
RETAIL_PRICE_IMPROVEMENT = _message(
    b"N", "retail_price_improvement", 20, "1.7",
    alpha("stock", 8),
    char("interest_flag", codes={
        b"B": "buy side", b"S": "sell side", b"A": "both sides", b"N": "none"}),
)
DIRECT_LISTING_PRICE_DISCOVERY = _message(
    b"O", "direct_listing_price_discovery", 48, "1.8",
    alpha("stock", 8),
    char("open_eligibility_status", codes={b"N": "not eligible", b"Y": "eligible"}),
    _price("minimum_allowable_price"),
    _price("maximum_allowable_price"),
    _price("near_execution_price"),
    u64("near_execution_time", unit="ns", clock="midnight, US Eastern"),
    _price("lower_price_range_collar"),
    _price("upper_price_range_collar"),
)

ITCH50 = Protocol("itch50", _TITLE, (
    SYSTEM_EVENT, STOCK_DIRECTORY, TRADING_ACTION, REG_SHO_RESTRICTION,
    MARKET_PARTICIPANT_POSITION, MWCB_DECLINE_LEVEL, MWCB_STATUS, IPO_QUOTING_PERIOD,
    LULD_AUCTION_COLLAR, OPERATIONAL_HALT, ADD_ORDER, ADD_ORDER_MPID, ORDER_EXECUTED,
    ORDER_EXECUTED_WITH_PRICE, ORDER_CANCEL, ORDER_DELETE, ORDER_REPLACE, TRADE, CROSS_TRADE,
    BROKEN_TRADE, NOII, RETAIL_PRICE_IMPROVEMENT, DIRECT_LISTING_PRICE_DISCOVERY,
), framings=(BINARYFILE, MOLDUDP64, SOUPBINTCP), symbol="stock", locate="stock_locate",
    zone="America/New_York")
# fmt: on
