"""NASDAQ TotalView-ITCH 4.1: all 18 message types, in the order of the document.

Source: Nasdaq TotalView-ITCH 4.1 specification, edition of 12 June 2014; section numbers are that
edition's. Integers are big-endian and unsigned, text is left-justified and space-padded. A time is
in two parts: the nanoseconds are in each message, the seconds in a message of their own before.
"""

from ..spec import Field, Message, Protocol, alpha, char, u32, u64
from . import itch50
from .binaryfile import BINARYFILE
from .moldudp64 import MOLDUDP64
from .soupbintcp import SOUPBINTCP

__all__ = ["ITCH41"]

_TITLE = "Nasdaq TotalView-ITCH 4.1, 2014-06-12"

CROSS = {
    b"O": "opening", b"C": "closing", b"H": "halted or IPO", b"I": "intraday or post-close"
}  # fmt: skip


def _message(tag: bytes, name: str, size: int, section: str, *fields: Field) -> Message:
    head = (
        char("message_type"),
        u32("timestamp_nanoseconds", unit="ns", clock="the last timestamp_seconds message"),
    )
    return Message(name, size, f"{_TITLE}, §{section}", head + fields, tag)


def _as_in_50(message: Message, size: int, section: str) -> Message:
    # What follows the head did not change between the editions.
    assert isinstance(message.tag, bytes)
    return _message(message.tag, message.name, size, section, *message.fields[4:])


# fmt: off
TIMESTAMP_SECONDS = Message(
    "timestamp_seconds", 5, f"{_TITLE}, §4.1",
    (char("message_type"), u32("second", unit="s", clock="midnight, US Eastern")), b"T",
)
SYSTEM_EVENT = _message(
    b"S", "system_event", 6, "4.2",
    char("event_code", codes={
        b"O": "start of messages", b"S": "start of system hours", b"Q": "start of market hours",
        b"M": "end of market hours", b"E": "end of system hours", b"C": "end of messages",
        b"A": "emergency halt", b"R": "emergency quotation only", b"B": "emergency over"}),
)
STOCK_DIRECTORY = _message(
    b"R", "stock_directory", 20, "4.3.1",
    alpha("stock", 8),
    char("market_category", codes={
        b"N": "NYSE", b"A": "NYSE Amex", b"P": "NYSE Arca", b"Q": "Nasdaq Global Select",
        b"G": "Nasdaq Global Market", b"S": "Nasdaq Capital Market", b"Z": "BATS BZX"}),
    char("financial_status_indicator", codes={
        b"D": "deficient", b"E": "delinquent", b"Q": "bankrupt", b"S": "suspended",
        b"G": "deficient and bankrupt", b"H": "deficient and delinquent",
        b"J": "delinquent and bankrupt", b"K": "deficient, delinquent and bankrupt",
        b" ": "compliant, or not listed on Nasdaq"}),
    u32("round_lot_size", unit="shares"),
    char("round_lots_only", codes=itch50.YES_NO),
)
CROSS_TRADE = _message(
    b"Q", "cross_trade", 34, "4.6.2",
    u64("shares", unit="shares", doc="Eight bytes, where other messages have four."),
    alpha("stock", 8),
    u32("cross_price", unit="USD", scale=4),
    u64("match_number"),
    char("cross_type", codes=CROSS),
)
NOII = _message(
    b"I", "noii", 44, "4.7",
    u64("paired_shares", unit="shares"),
    u64("imbalance_shares", unit="shares"),
    char("imbalance_direction", codes={
        b"B": "buy", b"S": "sell", b"N": "none", b"O": "too few orders"}),
    alpha("stock", 8),
    u32("far_price", unit="USD", scale=4),
    u32("near_price", unit="USD", scale=4),
    u32("current_reference_price", unit="USD", scale=4),
    char("cross_type", codes={code: CROSS[code] for code in (b"O", b"C", b"H")}),
    itch50.NOII["price_variation_indicator"],
)

ITCH41 = Protocol("itch41", _TITLE, (
    TIMESTAMP_SECONDS, SYSTEM_EVENT, STOCK_DIRECTORY,
    _as_in_50(itch50.TRADING_ACTION, 19, "4.3.2"),
    _as_in_50(itch50.REG_SHO_RESTRICTION, 14, "4.3.3"),
    _as_in_50(itch50.MARKET_PARTICIPANT_POSITION, 20, "4.3.4"),
    _as_in_50(itch50.ADD_ORDER, 30, "4.4.1"),
    _as_in_50(itch50.ADD_ORDER_MPID, 34, "4.4.2"),
    _as_in_50(itch50.ORDER_EXECUTED, 25, "4.5.1"),
    _as_in_50(itch50.ORDER_EXECUTED_WITH_PRICE, 30, "4.5.2"),
    _as_in_50(itch50.ORDER_CANCEL, 17, "4.5.3"),
    _as_in_50(itch50.ORDER_DELETE, 13, "4.5.4"),
    _as_in_50(itch50.ORDER_REPLACE, 29, "4.5.5"),
    _as_in_50(itch50.TRADE, 38, "4.6.1"),
    CROSS_TRADE,
    _as_in_50(itch50.BROKEN_TRADE, 13, "4.6.3"),
    NOII,
    _as_in_50(itch50.RETAIL_PRICE_IMPROVEMENT, 14, "4.8"),
), framings=(BINARYFILE, MOLDUDP64, SOUPBINTCP), time="", symbol="stock",
    zone="America/New_York")
# fmt: on
