"""The tables, held against layouts typed from the exchanges' documents a second time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import helpers
from zcviz.codec import reference
from zcviz.errors import SpecError
from zcviz.protocols import FEEDS, deribit, iextp, mdp3, soupbintcp
from zcviz.protocols.binaryfile import BINARYFILE
from zcviz.protocols.itch50 import ITCH50
from zcviz.protocols.moldudp64 import MOLDUDP64
from zcviz.spec import Message

KINDS = {"u": "uint", "i": "int", "t": "alpha"}

# --- layouts: size, then name, kind (unsigned, signed, text), offset:length ----------------------

_TRADE = "size u18:4, price i22:8, trade_id i30:8"


def _iex(second: str, rest: str = "", kind: str = "t") -> str:
    head = f"message_type t0:1, {second} {kind}1:1, timestamp i2:8, symbol t10:8"
    return f"{head}, {rest}" if rest else head


EVERY_IEX = {
    "S": (10, "message_type t0:1, system_event t1:1, timestamp i2:8"),
    "D": (
        31,
        _iex("flags", "round_lot_size u18:4, adjusted_poc_price i22:8, luld_tier u30:1", "u"),
    ),
    "H": (22, _iex("trading_status", "reason t18:4")),
    "I": (18, _iex("retail_liquidity_indicator")),
    "O": (18, _iex("operational_halt_status")),
    "P": (19, _iex("short_sale_price_test_status", "detail t18:1", "u")),
    "B": (38, _iex("sale_condition_flags", _TRADE, "u")),
}  # fmt: skip
AUCTIONS = {
    "X": (26, _iex("price_type", "official_price i18:8")),
    "A": (
        80,
        _iex(
            "auction_type",
            "paired_shares u18:4, reference_price i22:8, indicative_clearing_price i30:8,"
            " imbalance_shares u38:4, imbalance_side t42:1, extension_number u43:1,"
            " scheduled_auction_time u44:4, auction_book_clearing_price i48:8,"
            " collar_reference_price i56:8, lower_auction_collar i64:8, upper_auction_collar i72:8",
        ),
    ),
}
LAYOUTS = {
    "tops16": {
        **EVERY_IEX, **AUCTIONS,
        "T": (38, _iex("sale_condition_flags", _TRADE, "u")),
        "Q": (42, _iex("flags", "bid_size u18:4, bid_price i22:8, ask_price i30:8, ask_size u38:4",
                       "u")),
    },
    "deep10": {
        **EVERY_IEX, **AUCTIONS,
        "E": (18, _iex("security_event")),
        "T": (38, _iex("sale_condition_flags", _TRADE, "u")),
        "8": (30, _iex("event_flags", "size u18:4, price i22:8", "u")),
        "5": (30, _iex("event_flags", "size u18:4, price i22:8", "u")),
    },
    "deepplus10": {
        **EVERY_IEX,
        "E": (18, _iex("security_event")),
        "T": (38, _iex("sale_condition_flags", _TRADE, "u")),
        "a": (38, _iex("side", "order_id i18:8, size u26:4, price i30:8")),
        "M": (38, _iex("modify_flags", "order_id_reference i18:8, size u26:4, price i30:8", "u")),
        "R": (26, _iex("reserved", "order_id_reference i18:8", "u")),
        "L": (46, _iex(
            "sale_condition_flags",
            "order_id_reference i18:8, size u26:4, price i30:8, trade_id i38:8", "u")),
        "C": (18, _iex("reserved", kind="u")),
    },
}  # fmt: skip

_HEAD = "message_type t0:1, timestamp_nanoseconds u1:4"
_ADD = (
    "order_reference_number u5:8, buy_sell_indicator t13:1, shares u14:4, stock t18:8, price u26:4"
)
LAYOUTS["itch41"] = {
    "T": (5, "message_type t0:1, second u1:4"),
    "S": (6, f"{_HEAD}, event_code t5:1"),
    "R": (20, f"{_HEAD}, stock t5:8, market_category t13:1, financial_status_indicator t14:1,"
              " round_lot_size u15:4, round_lots_only t19:1"),
    "H": (19, f"{_HEAD}, stock t5:8, trading_state t13:1, reserved t14:1, reason t15:4"),
    "Y": (14, f"{_HEAD}, stock t5:8, reg_sho_action t13:1"),
    "L": (20, f"{_HEAD}, mpid t5:4, stock t9:8, primary_market_maker t17:1,"
              " market_maker_mode t18:1, market_participant_state t19:1"),
    "A": (30, f"{_HEAD}, {_ADD}"),
    "F": (34, f"{_HEAD}, {_ADD}, attribution t30:4"),
    "E": (25, f"{_HEAD}, order_reference_number u5:8, executed_shares u13:4, match_number u17:8"),
    "C": (30, f"{_HEAD}, order_reference_number u5:8, executed_shares u13:4, match_number u17:8,"
              " printable t25:1, execution_price u26:4"),
    "X": (17, f"{_HEAD}, order_reference_number u5:8, cancelled_shares u13:4"),
    "D": (13, f"{_HEAD}, order_reference_number u5:8"),
    "U": (29, f"{_HEAD}, original_order_reference_number u5:8, new_order_reference_number u13:8,"
              " shares u21:4, price u25:4"),
    "P": (38, f"{_HEAD}, {_ADD}, match_number u30:8"),
    "Q": (34, f"{_HEAD}, shares u5:8, stock t13:8, cross_price u21:4, match_number u25:8,"
              " cross_type t33:1"),
    "B": (13, f"{_HEAD}, match_number u5:8"),
    "I": (44, f"{_HEAD}, paired_shares u5:8, imbalance_shares u13:8, imbalance_direction t21:1,"
              " stock t22:8, far_price u30:4, near_price u34:4, current_reference_price u38:4,"
              " cross_type t42:1, price_variation_indicator t43:1"),
    "N": (14, f"{_HEAD}, stock t5:8, interest_flag t13:1"),
}  # fmt: skip

HEADERS = {
    soupbintcp.PACKET: (3, ">", "length u0:2, packet_type t2:1"),
    soupbintcp.LOGIN_ACCEPTED: (30, ">", "session t0:10, sequence_number t10:20"),
    iextp.HEADER: (
        40, "<",
        "version u0:1, reserved u1:1, message_protocol_id u2:2, channel_id u4:4, session_id u8:4,"
        " payload_length u12:2, message_count u14:2, stream_offset i16:8,"
        " first_message_sequence_number i24:8, send_time i32:8",
    ),
    iextp.BLOCK: (2, "<", "length u0:2"),
    mdp3.PACKET: (12, "<", "msg_seq_num u0:4, sending_time u4:8"),
    mdp3.MESSAGE_SIZE: (2, "<", "length u0:2"),
    mdp3.HEAD: (8, "<", "block_length u0:2, template_id u2:2, schema_id u4:2, version u6:2"),
    deribit.PACKET: (8, "<", "packet_length u0:2, channel_id u2:2, sequence u4:4"),
    deribit.HEAD: (
        12, "<",
        "block_length u0:2, template_id u2:2, schema_id u4:2, version u6:2, num_groups u8:2,"
        " num_var_data_fields u10:2",
    ),
}  # fmt: skip

EVERY = [
    pytest.param(feed, tag, id=f"{feed}-{tag}") for feed, tags in LAYOUTS.items() for tag in tags
]
ALL_FIELDS = [
    pytest.param(message, field, id=f"{feed.name}-{message.name}-{field.name}")
    for feed in FEEDS.values()
    for message in feed
    for field in message.fields
]


def table_of(message: Message) -> list[tuple[str, str, int, int]]:
    return [(f.name, f.type.kind, f.offset, f.type.size) for f in message.fields]


def typed(fields: str) -> list[tuple[str, str, int, int]]:
    return [(name, KINDS[kind], at, size) for name, kind, at, size in helpers.layout(fields)]


@pytest.mark.parametrize(("feed", "tag"), EVERY)
def test_messages_lie_where_the_documents_say(feed, tag):
    size, fields = LAYOUTS[feed][tag]
    message = FEEDS[feed][tag]
    assert (message.tag, message.size) == (tag.encode(), size)
    assert table_of(message) == typed(fields)


@pytest.mark.parametrize("feed", LAYOUTS)
def test_a_feed_has_these_messages_and_no_others(feed):
    assert {message.tag_text for message in FEEDS[feed]} == LAYOUTS[feed].keys()
    assert {message.order for message in FEEDS[feed]} == {">" if "itch" in feed else "<"}


@pytest.mark.parametrize("header", HEADERS, ids=lambda m: m.name)
def test_headers_lie_where_their_documents_say(header):
    size, order, fields = HEADERS[header]
    assert (header.size, header.order) == (size, order)
    assert table_of(header) == typed(fields)


def test_itch_41_is_itch_50_without_six_bytes():
    # As the notes of edition 5.0 say: locate and tracking came, the time grew to six bytes.
    for message in FEEDS["itch41"]:
        if message.tag_text in "TR":
            continue
        newer = ITCH50[message.tag_text]
        assert (message.name, message.size) == (newer.name, newer.size - 6)
        assert [f.name for f in message.fields[2:]] == [f.name for f in newer.fields[4:]]
        assert [f.offset + 6 for f in message.fields[2:]] == [f.offset for f in newer.fields[4:]]


# --- what the fields mean ------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "field"), ALL_FIELDS)
def test_fields_say_what_they_count(message, field):
    if field.unit == "USD":
        assert field.scale == (8 if message.name == "mwcb_decline_level" else 4)
        # Signed at IEX, unsigned at Nasdaq.
        assert field.type.kind == ("int" if message.order == "<" else "uint")
    else:
        assert field.scale == 0
    priced = field.name.endswith(("price", "collar")) and field.type.is_number
    assert priced <= (field.unit == "USD")
    assert (field.clock is not None) == (field.unit in ("ns", "s"))
    shares = ("shares", "size")
    assert field.name.endswith(shares) <= (field.unit == "shares")


@pytest.mark.parametrize(("message", "field"), ALL_FIELDS)
def test_codes_and_flags_fit_their_fields(message, field):
    assert not (field.codes and field.flags)
    for value, meaning in field.codes.items():
        assert meaning
        if field.type.kind == "alpha":
            assert isinstance(value, bytes)
            assert len(value) == field.type.size
        else:
            assert 0 <= value < 256**field.type.size
    if field.flags:
        assert field.type.kind == "uint"
        assert all(mask.bit_count() == 1 for mask in field.flags.values())
        assert len(set(field.flags.values())) == len(field.flags)


@pytest.mark.parametrize(
    ("feed", "tag", "field", "codes"),
    [
        ("tops16", "S", "system_event", "OSRMEC"), ("tops16", "H", "trading_status", "HOPT"),
        ("deep10", "I", "retail_liquidity_indicator", " ABC"),
        ("deep10", "E", "security_event", "OC"), ("deep10", "X", "price_type", "QM"),
        ("tops16", "A", "auction_type", "OCIHV"), ("tops16", "A", "imbalance_side", "BSN"),
        ("tops16", "O", "operational_halt_status", "ON"), ("tops16", "P", "detail", " ACDN"),
        ("deepplus10", "a", "side", "85"), ("itch41", "S", "event_code", "OSQMECARB"),
        ("itch41", "R", "market_category", "NAPQGSZ"), ("itch41", "Q", "cross_type", "OCHI"),
        ("itch41", "R", "financial_status_indicator", "DEQSGHJK "),
        ("itch41", "I", "cross_type", "OCH"), ("itch41", "I", "imbalance_direction", "BSNO"),
        ("itch41", "H", "trading_state", "HPQT"), ("itch41", "Y", "reg_sho_action", "012"),
    ],
)  # fmt: skip
def test_codes_are_the_documents(feed, tag, field, codes):
    assert b"".join(FEEDS[feed][tag][field].codes) == codes.encode()


@pytest.mark.parametrize(
    ("feed", "tag", "field", "masks"),
    [
        ("tops16", "D", "flags", [0x80, 0x40, 0x20]),
        ("tops16", "Q", "flags", [0x80, 0x40]),
        ("tops16", "T", "sale_condition_flags", [0x80, 0x40, 0x20, 0x10, 0x08]),
        ("deep10", "B", "sale_condition_flags", [0x80, 0x40, 0x20, 0x10, 0x08]),
        ("deep10", "8", "event_flags", [1]),
        ("deepplus10", "L", "sale_condition_flags", [0x80, 0x40, 0x20, 0x10, 0x08]),
        ("deepplus10", "M", "modify_flags", [1]),
    ],
)
def test_flags_are_the_documents(feed, tag, field, masks):
    assert list(FEEDS[feed][tag][field].flags.values()) == masks


TITLES = {
    "itch50": "TotalView-ITCH 5.0, 2026-02-19", "itch41": "TotalView-ITCH 4.1, 2014-06-12",
    "tops16": "TOPS 1.66, 2021-10-19", "deep10": "DEEP 1.08, 2021-10-19",
    "deepplus10": "DEEP+ 1.04, 2026-06-04", "mdp3": "MDP 3.0", "deribit": "Deribit",
}  # fmt: skip


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_every_table_cites_document_edition_and_section(feed):
    assert TITLES[feed.name] in feed.title
    for message in feed:
        assert message.source.startswith(f"{feed.title}, §")
        assert len(message.source) > len(feed.title) + 4


# --- framings ------------------------------------------------------------------------------------

FRAMINGS = [(feed, framing) for feed in FEEDS.values() for framing in feed.framings]


@pytest.mark.parametrize(("feed", "framing"), FRAMINGS, ids=lambda each: each.name)
def test_framings_name_fields_that_they_have(feed, framing):
    assert framing.source
    named = [framing.sequence, framing.count, framing.payload, *framing.channel, *framing.fixed]
    if framing.header is None:
        assert not any(named)
    else:
        assert framing.sequence
        assert set(filter(None, named)) <= framing.header.by_name.keys()
        for name, value in framing.fixed.items():
            assert 0 <= value < 256 ** framing.header[name].type.size
    if framing.prefix is None:
        assert framing.payload  # else nothing tells where a datagram's messages end
        assert feed.head is not None
    else:
        assert "length" in framing.prefix.by_name
        assert 0 <= framing.counted <= framing.prefix.size
        assert bool(framing.carriers) == ("packet_type" in framing.prefix.by_name)


def test_feeds_come_in_their_documents_framings():
    names = {feed.name: [framing.name for framing in feed.framings] for feed in FEEDS.values()}
    nasdaq, iex = ["binaryfile", "moldudp64", "soupbintcp"], ["iextp"]
    assert names == {
        "itch50": nasdaq, "itch41": nasdaq, "tops16": iex, "deep10": iex, "deepplus10": iex,
        "mdp3": ["mdp3"], "deribit": ["deribit"],
    }  # fmt: skip
    assert FEEDS["itch41"].framings == (BINARYFILE, MOLDUDP64, soupbintcp.SOUPBINTCP)


def test_what_distinguishes_the_framings():
    identifiers = {"tops16": 0x8003, "deep10": 0x8004, "deepplus10": 0x8005}
    for feed, identifier in identifiers.items():
        (framing,) = FEEDS[feed].framings
        assert framing.fixed == {"version": 1, "message_protocol_id": identifier}
        assert (framing.counted, framing.numbers) == (0, "messages")
        assert FEEDS[feed].may_grow
    (cme,), (multicast,) = FEEDS["mdp3"].framings, FEEDS["deribit"].framings
    assert (cme.counted, cme.numbers, cme.channel, cme.count) == (2, "packets", (), "")
    assert (multicast.prefix, multicast.numbers) == (None, "packets")
    assert multicast.channel == ("channel_id",)
    assert (soupbintcp.SOUPBINTCP.counted, soupbintcp.SOUPBINTCP.carriers) == (1, b"SU")


def test_packet_types_of_soupbintcp_are_the_documents():
    assert set(soupbintcp.PACKET["packet_type"].codes) == {bytes([c]) for c in b"+AJSHZLURO"}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_feeds_name_fields_that_their_messages_have(feed):
    names = {field.name for message in feed for field in message.fields}
    if feed.head is None:
        assert len(feed) > 0
        assert {feed.time, feed.symbol, feed.locate} - {""} <= names
    else:
        required = {"block_length", "template_id", "schema_id", "version"}
        assert required <= feed.head.by_name.keys()
        assert (len(feed), feed.schema_id) == (0, 1)
    assert feed.zone in ("America/New_York", "America/Chicago", "UTC")
    # A time of every message, or none: ITCH 4.1 has the seconds in a message of their own.
    if feed.time and len(feed):
        assert all(feed.time in message.by_name for message in feed)


def test_a_slip_of_the_pen_is_found():
    quote = FEEDS["tops16"]["Q"]
    with pytest.raises(SpecError, match="documented size 41"):
        replace(quote, size=41)


# --- the documents' own examples -----------------------------------------------------------------

SEGMENT = bytes.fromhex(
    "01 00 0480 01000000 00008742 4800 0200 8ca6210000000000 cac3000000000000 ec45c22096866d14"
    "2600 54 00 ac63c02096866d14 5a49455854202020 64000000 241d0f0000000000 968f060000000000"
    "1e00 38 01 ac63c02096866d14 5a49455854202020 e4250000 241d0f0000000000"
)
AUCTION = bytes.fromhex(
    "41 43 ddc7f09a1a3ab614 5a49455854202020 a0860100 241d0f0000000000 181f0f0000000000 10270000"
    "42 00 80e6f458 0c210f0000000000 c01c0f0000000000 a4990d0000000000 dc9f100000000000"
)
EXECUTED = bytes.fromhex(
    "4c 00 b28fa5a0ab866d14 5a49455854202020 968f060000000000 64000000 241d0f0000000000"
    "968f020000000000"
)


def test_the_transport_specification_s_segment():
    header = reference(iextp.HEADER, SEGMENT)
    assert header == {
        "version": 1, "reserved": 0, "message_protocol_id": 0x8004, "channel_id": 1,
        "session_id": 0x42870000, "payload_length": 72, "message_count": 2,
        "stream_offset": 2_205_324, "first_message_sequence_number": 50122,
        "send_time": 1_471_980_632_572_839_404,
    }  # fmt: skip
    assert len(SEGMENT) == iextp.HEADER.size + header["payload_length"]
    deep = FEEDS["deep10"]
    assert reference(deep["T"], SEGMENT, 42) == {
        "message_type": b"T", "sale_condition_flags": 0, "timestamp": 1_471_980_632_572_715_948,
        "symbol": b"ZIEXT   ", "size": 100, "price": 990_500, "trade_id": 429_974,
    }  # fmt: skip
    assert reference(deep["8"], SEGMENT, 42 + 38 + 2) == {
        "message_type": b"8", "event_flags": 1, "timestamp": 1_471_980_632_572_715_948,
        "symbol": b"ZIEXT   ", "size": 9700, "price": 990_500,
    }  # fmt: skip


def test_the_auction_of_tops():
    # Its auction is at 16:00 UTC; what is written beside the bytes means 16:00 in New York.
    read = reference(FEEDS["tops16"]["A"], AUCTION)
    assert list(read.values())[4:] == [
        100_000, 990_500, 991_000, 10_000, b"B", 0, 1_492_444_800, 991_500, 990_400, 891_300,
        1_089_500,
    ]  # fmt: skip


def test_the_execution_of_deep_plus():
    read = reference(FEEDS["deepplus10"]["L"], EXECUTED)
    assert list(read.values())[4:] == [429_974, 100, 990_500, 167_830]
