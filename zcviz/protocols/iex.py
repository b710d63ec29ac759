"""What the three feeds of IEX have in common: data types, and most of the messages.

Source: the specifications of TOPS, DEEP and DEEP+ (see `tops16`, `deep10`, `deepplus10`), whose
sections have no numbers: a message is cited by its heading. Integers are little-endian, text is
left-justified and space-padded. Prices are signed and carry four decimals, timestamps count
nanoseconds since 1970 UTC. Later editions may add fields at the end of any message.
"""

from dataclasses import replace

from ..spec import Field, Message, alpha, char, i64, u8, u32

__all__ = [
    "AUCTION_INFORMATION",
    "BUY_SELL",
    "OFFICIAL_PRICE",
    "OPERATIONAL_HALT_STATUS",
    "RETAIL_LIQUIDITY_INDICATOR",
    "SALE_CONDITION",
    "SECURITY_DIRECTORY",
    "SECURITY_EVENT",
    "SHORT_SALE_PRICE_TEST_STATUS",
    "SYSTEM_EVENT",
    "TRADE_BREAK",
    "TRADE_REPORT",
    "TRADING_STATUS",
    "edition",
    "message",
    "order_id",
    "price",
    "size",
]

EPOCH = "Unix epoch, UTC"

BUY_SELL = {b"8": "buy", b"5": "sell"}
SALE_CONDITION = {
    "intermarket_sweep": 0x80,
    "extended_hours": 0x40,
    "odd_lot": 0x20,
    "trade_through_exempt": 0x10,
    "single_price_cross": 0x08,
}


def price(name: str, doc: str = "") -> Field:
    """Declare a field of the type Price."""
    return i64(name, unit="USD", scale=4, doc=doc)


def size(name: str = "size", doc: str = "") -> Field:
    """Declare a number of shares."""
    return u32(name, unit="shares", doc=doc)


def order_id(name: str) -> Field:
    """Declare a number that names an order, or a trade."""
    return i64(name)


def message(
    tag: bytes, name: str, length: int, heading: str, second: Field, *fields: Field
) -> Message:
    """Declare a message about a security; `second` is the byte after its type."""
    head = (char("message_type"), second, i64("timestamp", unit="ns", clock=EPOCH))
    return Message(name, length, heading, (*head, alpha("symbol", 8), *fields), tag, "<")


def edition(title: str, *messages: Message) -> tuple[Message, ...]:
    """Say which document the messages are cited from."""
    return tuple(replace(each, source=f"{title}, § {each.source}") for each in messages)


# fmt: off
SYSTEM_EVENT = Message(
    "system_event", 10, "System Event Message", (
        char("message_type"),
        char("system_event", codes={
            b"O": "start of messages", b"S": "start of system hours",
            b"R": "start of regular market hours", b"M": "end of regular market hours",
            b"E": "end of system hours", b"C": "end of messages"}),
        i64("timestamp", unit="ns", clock=EPOCH),
    ), b"S", "<",
)
SECURITY_DIRECTORY = message(
    b"D", "security_directory", 31, "Security Directory Message",
    u8("flags", flags={"test_security": 0x80, "when_issued": 0x40, "etp": 0x20}),
    size("round_lot_size"),
    price("adjusted_poc_price", doc="Previous official close, adjusted for corporate actions."),
    u8("luld_tier", codes={0: "not applicable", 1: "tier 1", 2: "tier 2"}),
)
TRADING_STATUS = message(
    b"H", "trading_status", 22, "Trading Status Message",
    char("trading_status", codes={
        b"H": "halted", b"O": "halted, order acceptance period",
        b"P": "paused, order acceptance period", b"T": "trading"}),
    alpha("reason", 4, codes={
        b"T1  ": "news pending", b"IPO1": "IPO not yet trading", b"IPOD": "IPO deferred",
        b"MCB3": "market-wide circuit breaker, level 3", b"NA  ": "not available",
        b"T2  ": "news dissemination", b"IPO2": "IPO order acceptance period",
        b"IPO3": "IPO pre-launch period", b"MCB1": "market-wide circuit breaker, level 1",
        b"MCB2": "market-wide circuit breaker, level 2", b"    ": "none"}),
)
RETAIL_LIQUIDITY_INDICATOR = message(
    b"I", "retail_liquidity_indicator", 18, "Retail Liquidity Indicator Message",
    char("retail_liquidity_indicator", codes={
        b" ": "not applicable", b"A": "buy interest", b"B": "sell interest",
        b"C": "buy and sell interest"}),
)
OPERATIONAL_HALT_STATUS = message(
    b"O", "operational_halt_status", 18, "Operational Halt Status Message",
    char("operational_halt_status", codes={b"O": "halted on IEX", b"N": "not halted"}),
)
SHORT_SALE_PRICE_TEST_STATUS = message(
    b"P", "short_sale_price_test_status", 19, "Short Sale Price Test Status Message",
    u8("short_sale_price_test_status", codes={0: "not in effect", 1: "in effect"}),
    char("detail", codes={
        b" ": "no price test", b"A": "activated", b"C": "continued from the day before",
        b"D": "deactivated", b"N": "not available"}),
)
SECURITY_EVENT = message(
    b"E", "security_event", 18, "Security Event Message",
    char("security_event", codes={
        b"O": "opening process complete", b"C": "closing process complete"}),
)
TRADE_REPORT = message(
    b"T", "trade_report", 38, "Trade Report Message",
    u8("sale_condition_flags", flags=SALE_CONDITION),
    size(),
    price("price"),
    order_id("trade_id"),
)
TRADE_BREAK = message(
    b"B", "trade_break", 38, "Trade Break Message",
    u8("sale_condition_flags", flags=SALE_CONDITION),
    size(),
    price("price"),
    order_id("trade_id"),
)
OFFICIAL_PRICE = message(
    b"X", "official_price", 26, "Official Price Message",
    char("price_type", codes={b"Q": "official opening price", b"M": "official closing price"}),
    price("official_price"),
)
AUCTION_INFORMATION = message(
    b"A", "auction_information", 80, "Auction Information Message",
    char("auction_type", codes={
        b"O": "opening", b"C": "closing", b"I": "IPO", b"H": "halt", b"V": "volatility"}),
    size("paired_shares"),
    price("reference_price"),
    price("indicative_clearing_price"),
    size("imbalance_shares"),
    char("imbalance_side", codes={b"B": "buy", b"S": "sell", b"N": "none"}),
    u8("extension_number", doc="How often the auction was extended."),
    u32("scheduled_auction_time", unit="s", clock=EPOCH),
    price("auction_book_clearing_price"),
    price("collar_reference_price", doc="0 where there is no collar."),
    price("lower_auction_collar", doc="0 where there is no collar."),
    price("upper_auction_collar", doc="0 where there is no collar."),
)
# fmt: on
