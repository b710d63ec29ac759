"""Builders of market data bytes, written down independently of zcviz: `struct` and literals only.

Nothing here imports zcviz, so a slip in one of its tables cannot hide in the bytes it is tested on.
"""

from __future__ import annotations

import itertools
import struct

SESSION = b"000010059B"

# --- the documented layouts: type, length, and where each field lies -----------------------------
# n = unsigned integer, t = text. From the facts of the exchange's document, edition February 2026.

DOCUMENTED = {
    "S": ("system_event", 12, "event_code t11:1"),
    "R": (
        "stock_directory", 39,
        "stock t11:8, market_category t19:1, financial_status_indicator t20:1,"
        " round_lot_size n21:4, round_lots_only t25:1, issue_classification t26:1,"
        " issue_sub_type t27:2, authenticity t29:1, short_sale_threshold_indicator t30:1,"
        " ipo_flag t31:1, luld_reference_price_tier t32:1, etp_flag t33:1,"
        " etp_leverage_factor n34:4, inverse_indicator t38:1",
    ),
    "H": ("trading_action", 25, "stock t11:8, trading_state t19:1, reserved t20:1, reason t21:4"),
    "Y": ("reg_sho_restriction", 20, "stock t11:8, reg_sho_action t19:1"),
    "L": (
        "market_participant_position", 26,
        "mpid t11:4, stock t15:8, primary_market_maker t23:1, market_maker_mode t24:1,"
        " market_participant_state t25:1",
    ),
    "V": ("mwcb_decline_level", 35, "level_1 n11:8, level_2 n19:8, level_3 n27:8"),
    "W": ("mwcb_status", 12, "breached_level t11:1"),
    "K": (
        "ipo_quoting_period", 28,
        "stock t11:8, ipo_quotation_release_time n19:4, ipo_quotation_release_qualifier t23:1,"
        " ipo_price n24:4",
    ),
    "J": (
        "luld_auction_collar", 35,
        "stock t11:8, auction_collar_reference_price n19:4, upper_auction_collar_price n23:4,"
        " lower_auction_collar_price n27:4, auction_collar_extension n31:4",
    ),
    "h": ("operational_halt", 21, "stock t11:8, market_code t19:1, operational_halt_action t20:1"),
    "A": (
        "add_order", 36,
        "order_reference_number n11:8, buy_sell_indicator t19:1, shares n20:4, stock t24:8,"
        " price n32:4",
    ),
    "F": (
        "add_order_mpid", 40,
        "order_reference_number n11:8, buy_sell_indicator t19:1, shares n20:4, stock t24:8,"
        " price n32:4, attribution t36:4",
    ),
    "E": (
        "order_executed", 31,
        "order_reference_number n11:8, executed_shares n19:4, match_number n23:8",
    ),
    "C": (
        "order_executed_with_price", 36,
        "order_reference_number n11:8, executed_shares n19:4, match_number n23:8,"
        " printable t31:1, execution_price n32:4",
    ),
    "X": ("order_cancel", 23, "order_reference_number n11:8, cancelled_shares n19:4"),
    "D": ("order_delete", 19, "order_reference_number n11:8"),
    "U": (
        "order_replace", 35,
        "original_order_reference_number n11:8, new_order_reference_number n19:8, shares n27:4,"
        " price n31:4",
    ),
    "P": (
        "trade", 44,
        "order_reference_number n11:8, buy_sell_indicator t19:1, shares n20:4, stock t24:8,"
        " price n32:4, match_number n36:8",
    ),
    "Q": (
        "cross_trade", 40,
        "shares n11:8, stock t19:8, cross_price n27:4, match_number n31:8, cross_type t39:1",
    ),
    "B": ("broken_trade", 19, "match_number n11:8"),
    "I": (
        "noii", 50,
        "paired_shares n11:8, imbalance_shares n19:8, imbalance_direction t27:1, stock t28:8,"
        " far_price n36:4, near_price n40:4, current_reference_price n44:4, cross_type t48:1,"
        " price_variation_indicator t49:1",
    ),
    "N": ("retail_price_improvement", 20, "stock t11:8, interest_flag t19:1"),
    "O": (
        "direct_listing_price_discovery", 48,
        "stock t11:8, open_eligibility_status t19:1, minimum_allowable_price n20:4,"
        " maximum_allowable_price n24:4, near_execution_price n28:4, near_execution_time n32:8,"
        " lower_price_range_collar n40:4, upper_price_range_collar n44:4",
    ),
}  # fmt: skip

SIZES = {tag: size for tag, (_, size, _) in DOCUMENTED.items()}


def layout(fields: str) -> list[tuple[str, str, int, int]]:
    """Read "name t11:8, …" as (name, n or t, offset, length)."""
    rows = []
    for part in fields.split(","):
        name, place = part.split()
        offset, length = map(int, place[1:].split(":"))
        rows.append((name, place[0], offset, length))
    return rows


def layout_of(tag: str) -> list[tuple[str, str, int, int]]:
    """Every field of an ITCH message, the four that all have first."""
    common = "message_type t0:1, stock_locate n1:2, tracking_number n3:2, timestamp n5:6"
    return layout(common) + layout(DOCUMENTED[tag][2])


# --- messages ------------------------------------------------------------------------------------


def itch(
    tag: str, body: bytes = b"", *, locate: int = 1, time: int = 10**9, fill: int = 0
) -> bytes:
    """Any message: the common 11 bytes, then `body`, filled up to the documented length."""
    head = struct.pack(">cHH", tag.encode(), locate, 7) + time.to_bytes(6, "big")
    return (head + body).ljust(SIZES[tag], bytes([fill]))


def add(ref=1, side=b"B", shares=100, stock=b"AAPL", price=1_000_000, mpid=None, **head) -> bytes:
    body = struct.pack(">QcI8sI", ref, side, shares, stock.ljust(8), price)
    return itch("A", body, **head) if mpid is None else itch("F", body + mpid, **head)


def executed(ref=1, shares=40, match=9, **head) -> bytes:
    return itch("E", struct.pack(">QIQ", ref, shares, match), **head)


def executed_at(ref=1, shares=40, match=9, printable=b"Y", price=990_000, **head) -> bytes:
    return itch("C", struct.pack(">QIQcI", ref, shares, match, printable, price), **head)


def cancel(ref=1, shares=10, **head) -> bytes:
    return itch("X", struct.pack(">QI", ref, shares), **head)


def delete(ref=1, **head) -> bytes:
    return itch("D", struct.pack(">Q", ref), **head)


def replaced(ref=1, new=2, shares=50, price=1_010_000, **head) -> bytes:
    return itch("U", struct.pack(">QQII", ref, new, shares, price), **head)


def trade(shares=5, stock=b"AAPL", price=1_001_000, match=10, **head) -> bytes:
    body = struct.pack(">QcI8sIQ", 0, b"B", shares, stock.ljust(8), price, match)
    return itch("P", body, **head)


def cross(shares=1000, stock=b"AAPL", price=1_002_000, match=11, kind=b"O", **head) -> bytes:
    return itch("Q", struct.pack(">Q8sIQc", shares, stock.ljust(8), price, match, kind), **head)


def directory(stock=b"AAPL", **head) -> bytes:
    return itch("R", stock.ljust(8) + b"QN" + struct.pack(">I", 100), fill=0x20, **head)


def system(code=b"O", **head) -> bytes:
    return itch("S", code, **{"locate": 0, **head})


# --- framings ------------------------------------------------------------------------------------


def frame(message: bytes) -> bytes:
    """A BinaryFILE frame, which is a MoldUDP64 block too: a length, then the message."""
    return struct.pack(">H", len(message)) + message


def frames(*messages: bytes) -> bytes:
    return b"".join(map(frame, messages))


def mold(
    sequence: int, *messages: bytes, session: bytes = SESSION, count: int | None = None
) -> bytes:
    number = len(messages) if count is None else count
    return struct.pack(">10sQH", session, sequence, number) + frames(*messages)


def end_of_session(sequence: int, session: bytes = SESSION) -> bytes:
    return mold(sequence, session=session, count=0xFFFF)


def udp(payload: bytes, length: int | None = None) -> bytes:
    size = 8 + len(payload) if length is None else length
    return struct.pack(">HHHH", 26400, 26400, size, 0) + payload


def ipv4(
    payload: bytes, *, options: bytes = b"", protocol: int = 17, fragment: int = 0x4000,
    total: int | None = None, first: int | None = None,
) -> bytes:  # fmt: skip
    """`fragment` holds the flags too: 0x4000 is "don't fragment", 0x2000 "more fragments"."""
    words = 5 + len(options) // 4
    size = words * 4 + len(payload) if total is None else total
    version = 0x40 | words if first is None else first
    fixed = struct.pack(">BBHHHBBH", version, 0, size, 1, fragment, 16, protocol, 0)
    return fixed + b"\x0a\x00\x00\x01" + b"\xe9\x36\x0c\x6f" + options + payload


def ethernet(payload: bytes, kind: int = 0x0800, vlans: tuple[tuple[int, int], ...] = ()) -> bytes:
    """`vlans`: (type, identifier) of each tag, outermost first; short frames are padded to 60."""
    types = [each for each, _ in vlans] + [kind]
    head = bytes.fromhex("01005e360c6f 020000000001") + struct.pack(">H", types[0])
    for (_, identifier), following in zip(vlans, types[1:], strict=True):
        head += struct.pack(">HH", identifier, following)
    return (head + payload).ljust(60, b"\0")


def packet(datagram: bytes, **vlans) -> bytes:
    """A MoldUDP64 datagram all the way down to its Ethernet frame."""
    return ethernet(ipv4(udp(datagram)), **vlans)


MAGICS = {"us": 0xA1B2C3D4, "ns": 0xA1B23C4D}


def pcap(*packets, order: str = "<", unit: str = "us", link: int = 1, snap: int = 65535) -> bytes:
    """A capture file. A packet is bytes, or (bytes, length on the wire) where it was cut."""
    out = [struct.pack(order + "IHHIIII", MAGICS[unit], 2, 4, 0, 0, snap, link)]
    for number, each in enumerate(packets):
        captured, original = each if isinstance(each, tuple) else (each, len(each))
        out.append(struct.pack(order + "IIII", 1_580_385_600 + number, 42, len(captured), original))
        out.append(captured)
    return b"".join(out)


def feed_pcap(*datagrams: bytes, **file) -> bytes:
    """A capture of these datagrams, one a packet."""
    return pcap(*map(packet, datagrams), **file)


def numbered(start: int, count: int, session: bytes = SESSION, salt: int = 0) -> bytes:
    """A datagram whose messages tell their own sequence number, and `salt`."""
    numbers = ((start + n) * 1000 + salt for n in range(count))
    messages = (delete(ref=number % 2**64) for number in numbers)
    return mold(start % 2**64, *messages, session=session)


# --- small files with everything in them ---------------------------------------------------------


def day() -> list[bytes]:
    """A few messages of many types, in an order that makes sense."""
    times = itertools.count(34_200_000_000_000, 1_000_000)
    return [
        system(b"O", time=next(times)),
        directory(b"AAPL", locate=1, time=next(times)),
        directory(b"MSFT", locate=2, time=next(times)),
        add(1, b"B", 100, b"AAPL", 3_000_000, locate=1, time=next(times)),
        add(2, b"S", 300, b"MSFT", 2_000_000, locate=2, time=next(times), mpid=b"NITE"),
        executed(1, 40, 1, locate=1, time=next(times)),
        executed_at(2, 10, 2, b"Y", 1_999_900, locate=2, time=next(times)),
        executed_at(2, 10, 3, b"N", 1_999_800, locate=2, time=next(times)),
        cancel(1, 5, locate=1, time=next(times)),
        replaced(2, 3, 200, 2_000_100, locate=2, time=next(times)),
        trade(7, b"AAPL", 3_000_500, 4, locate=1, time=next(times)),
        cross(5000, b"MSFT", 2_000_200, 5, locate=2, time=next(times)),
        delete(3, locate=2, time=next(times)),
        itch("W", b"1", locate=0, time=next(times)),
    ]


UNKNOWN = b"z" + bytes(range(20))
"""A message of a type that ITCH 5.0 does not have."""
WRONG_LENGTH = add()[:30]
"""A message shorter than its type says."""


def small_itch() -> bytes:
    """A BinaryFILE with an unknown type, a contradicted length, and bytes after its end."""
    messages = day()
    body = frames(*messages[:5], UNKNOWN, *messages[5:9], WRONG_LENGTH, *messages[9:])
    return body + b"\0\0" + b"left over"


def odd_packets() -> list:
    """One frame for each thing that can be wrong or unusual about a packet."""
    messages = day()
    tagged, double = ((0x8100, 141),), ((0x88A8, 5), (0x8100, 142))
    whole = packet(mold(11, *messages[9:13]))
    return [
        packet(mold(1, *messages[:3]), vlans=tagged),
        packet(mold(4, *messages[3:5], UNKNOWN), vlans=double),
        ethernet(ipv4(udp(mold(7, messages[5])), options=b"\x94\x04\0\0")),
        packet(mold(8)),  # a heartbeat, in a padded frame
        packet(mold(8, messages[6], b"", messages[7])),
        (whole[:120], len(whole)),  # cut by the snap length, inside a message
        packet(mold(15, WRONG_LENGTH, messages[8])),
        ethernet(ipv4(udp(mold(17, messages[9])), fragment=0x2000)),
        ethernet(ipv4(udp(mold(17, messages[9])), fragment=0x0003)),
        ethernet(b"\x60" + bytes(59), kind=0x86DD),
        ethernet(b"\0\1\x08\0\6\4" + bytes(22), kind=0x0806),
        ethernet(ipv4(bytes(20), protocol=6)),
        ethernet(ipv4(udp(b"\x1f\x2e\1\0\0\1\0\0\0\0\0\0\3www" + bytes(20)))),
        ethernet(ipv4(udp(b"short"))),
        ethernet(ipv4(udp(mold(17, messages[9]), length=7))),
        ethernet(ipv4(udp(mold(17, messages[9]), length=4000))),
        ethernet(ipv4(udp(mold(17, messages[9])), total=19)),
        ethernet(ipv4(udp(mold(17, messages[9])), first=0x44)),
        ethernet(ipv4(udp(mold(17, messages[9])), first=0x65)),
        packet(mold(17, messages[9]) + struct.pack(">H", 500)),
        packet(mold(18, messages[10], count=3)),
        packet(mold(19, messages[11], count=2) + struct.pack(">H", 90) + b"D"),
        packet(mold(20, messages[12]) + b"\0"),
        b"\1\2\3",
        b"",
        (ethernet(b"")[:16], 60),
        (packet(mold(21))[:30], 62),
        (packet(mold(21))[:40], 62),
        (packet(mold(21, messages[13]), vlans=tagged)[:16], 62),
        packet(mold(0, messages[13], session=bytes(10))),
        packet(mold(21, messages[13])),
        packet(end_of_session(22)),
    ]


def small_pcap(**file) -> bytes:
    return pcap(*odd_packets(), **file)
