"""Samples of every feed, read with `struct` and literals only, and then by zcviz itself."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import sys
from collections import Counter
from itertools import cycle, pairwise, product

import pytest

import zcviz
from zcviz import samples
from zcviz.codec import reference
from zcviz.errors import SpecError
from zcviz.protocols import FEEDS
from zcviz.samples import stretch
from zcviz.samples.chance import Chance
from zcviz.samples.containers import Record, pcapng_of
from zcviz.samples.recording import recorded
from zcviz.samples.sample import TELLERS
from zcviz.samples.train import train_of
from zcviz.samples.venue import NAMES, Venue
from zcviz.schema import read_schema

IEX = ("tops16", "deep10", "deepplus10")
ITCH = ("itch50", "itch41")
SBE = ("mdp3", "deribit")
EVERY = [(feed, container) for feed in FEEDS for container in samples.containers_of(feed)]
every_file = pytest.mark.parametrize(("feed", "container"), EVERY)
every_feed = pytest.mark.parametrize("feed", FEEDS)


# --- a second reader, which knows little ---------------------------------------------------------


def frames_of(data):
    """Times [ns], and frames, of a little-endian nanosecond capture."""
    assert data[:4] == b"\x4d\x3c\xb2\xa1"
    assert data[20:24] == b"\1\0\0\0"
    at = 24
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", data, at)
        yield seconds * 10**9 + nanoseconds, data[at + 16 : at + 16 + kept], length
        at += 16 + kept
    assert at == len(data)


def payloads_of(data):
    """Destination ports, and payloads, of Ethernet frames with IPv4 and UDP."""
    for _, frame, _ in frames_of(data):
        assert (frame[12:14], frame[14]) == (b"\x08\0", 0x45)
        if frame[23] == 17 and not int.from_bytes(frame[20:22], "big") & 0x3FFF:
            port, size = struct.unpack_from(">HH", frame, 36)
            yield port, frame[42 : 34 + size]


def blocks(data, at, order, counted=0):
    """Messages that stand after their lengths."""
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], order)
        yield data[at + 2 : at + size + 2 - counted]
        at += size + 2 - counted
    assert at == len(data)


def over_groups(data, at, groups, variable):
    """Where a block's parts end, in a feed whose headers count them."""
    for _ in range(groups):
        size, entries, inner, strings = struct.unpack_from("<HHHH", data, at)
        at += 8
        for _ in range(entries):
            at = over_groups(data, at + size, inner, strings)
    for _ in range(variable):
        at += 1 + data[at]
    return at


def back_to_back(data, at):
    while at < len(data):
        size, _, _, _, groups, variable = struct.unpack_from("<HHHHHH", data, at)
        end = over_groups(data, at + 12 + size, groups, variable)
        yield data[at:end]
        at = end
    assert at == len(data)


def opened(feed, payload):
    """A datagram's channel, first number, how many numbers, and its messages."""
    if feed in ITCH:
        session, first, count = struct.unpack_from(">10sQH", payload)
        messages = list(blocks(payload, 20, "big"))
        assert len(messages) == (0 if count == 0xFFFF else count)
        return session, first, len(messages), messages
    if feed in IEX:
        version, _, protocol, channel, session, size, count, _, first, _ = struct.unpack_from(
            "<BBHIIHHqqq", payload
        )
        messages = list(blocks(payload, 40, "little"))
        identifier = {"tops16": 0x8003, "deep10": 0x8004, "deepplus10": 0x8005}[feed]
        assert (version, protocol, size) == (1, identifier, len(payload) - 40)
        assert count == len(messages)
        return (channel, session), first, count, messages
    if feed == "mdp3":
        first, _ = struct.unpack_from("<IQ", payload)
        return 0, first, 1, list(blocks(payload, 12, "little", counted=2))
    size, channel, first = struct.unpack_from("<HHI", payload)
    assert size == len(payload) - 8
    return channel, first, 1, list(back_to_back(payload, 8))


def tag_of(feed, message):
    return str(struct.unpack_from("<H", message, 2)[0]) if feed in SBE else chr(message[0])


def found_in(feed, data):
    """What a second reader says of a capture, as `info` would."""
    counts, channels = Counter(), {}
    says = Counter()
    for _, payload in payloads_of(data):
        channel, first, count, messages = opened(feed, payload)
        counts.update(tag_of(feed, message) for message in messages if message)
        says["datagrams"] += 1
        ends = feed in ITCH and payload[18:20] == b"\xff\xff"
        says["heartbeats"] += not count and not ends
        if feed in ITCH and first == 0:
            says["unsequenced"] += 1
        elif count:
            epochs = channels.setdefault(channel, [{}])
            carried = dict(zip(range(first, first + count), messages, strict=False))
            if feed in SBE:
                carried = {first: messages}
            if any(epochs[-1].get(number, each) != each for number, each in carried.items()):
                says["restarts"] += 1
                epochs.append({})
            says["duplicates"] += carried.keys() <= epochs[-1].keys()
            epochs[-1] |= carried
    for numbers in (sorted(epoch) for epochs in channels.values() for epoch in epochs):
        holes = [after - before - 1 for before, after in pairwise(numbers)]
        says["missing"] += sum(holes)
        says["gaps"] += sum(map(bool, holes))
    return {**says, "messages": counts.total(), "counts": dict(counts)}


def agrees(found, truth):
    return {name: found.get(name, 0) for name in truth if name in KEYS} == {
        name: truth[name] for name in KEYS
    }


KEYS = ("datagrams", "heartbeats", "messages", "counts", "gaps", "missing", "duplicates",
        "restarts", "unsequenced")  # fmt: skip

ACCIDENTS = {
    "none": {},
    "gaps": {"gaps": 3},
    "duplicates": {"duplicates": 3},
    "swaps": {"swaps": 4},
    "restarts": {"restarts": 2},
    "sides": {"sides": 2},
    "unknown": {"unknown": 3},
    "all": {"unknown": 2, "gaps": 2, "duplicates": 3, "swaps": 2, "restarts": 1, "sides": 2},
}
ONLY = {
    "itch50": {"heartbeats": 4, "unsequenced": 5, "empty": 3},
    "itch41": {"heartbeats": 4, "unsequenced": 5, "empty": 3},
    **{feed: {"heartbeats": 4, "empty": 3, "channels": 3, "grown": 4} for feed in IEX},
    "mdp3": {},
    "deribit": {"channels": 4},
}


@every_feed
@pytest.mark.parametrize("accidents", ACCIDENTS)
def test_the_truth_is_what_a_second_reader_finds(feed, accidents):
    for seed, more in enumerate(({}, ONLY[feed])):
        options = {**ACCIDENTS[accidents], **more}
        data, truth = samples.small(feed, messages=300, seed=seed, **options)
        found = found_in(feed, data)
        assert agrees(found, truth), (options, found, truth)
        for name in ACCIDENTS[accidents].keys() & {"gaps", "duplicates", "restarts"}:
            assert truth[name] >= (1 if accidents == "all" else options[name])
        for name in ("heartbeats", "unsequenced"):
            assert bool(truth[name]) == (name in options)
        assert truth["skipped"].keys() == ({"empty block"} if "empty" in options else set())


@every_file
def test_files_hold_every_type_and_nothing_else(feed, container):
    data, truth = samples.small(feed, container)
    protocol = read_schema(samples.SCHEMAS[feed], FEEDS[feed]) if feed in SBE else FEEDS[feed]
    assert truth["counts"].keys() == {message.tag_text for message in protocol}
    assert truth["messages"] == sum(truth["counts"].values())
    assert (truth["container"], truth["protocol"]) == (container, feed)
    assert 150 < truth["messages"] < 260
    assert samples.small(feed, container).data == data
    assert samples.small(feed, container, seed=1).data != data


@every_feed
def test_the_shortest_holds_every_type_too(feed):
    assert samples.small(feed, messages=0).truth["counts"].keys() == (
        samples.small(feed).truth["counts"].keys()
    )


@pytest.mark.parametrize("feed", ITCH)
def test_streams_hold_the_messages_of_the_capture(feed):
    capture, truth = samples.small(feed)
    said = [each for _, load in payloads_of(capture) for each in opened(feed, load)[3]]
    data = samples.small(feed, "binaryfile").data
    assert list(blocks(data, 0, "big")) == said
    packets = list(blocks(samples.small(feed, "soupbintcp").data, 0, "big"))
    assert [packet[1:] for packet in packets if packet[:1] in b"SU"] == said
    kinds = [packet[:1] for packet in packets]
    assert (kinds[1], kinds[-1], kinds.count(b"H")) == (b"A", b"Z", truth["messages"] // 50)
    assert packets[1] == b"AZCVIZ00001" + b"1".rjust(20)


# --- what the messages say -----------------------------------------------------------------------


def said_by(feed, messages=2000, seed=1):
    data = samples.small(feed, messages=messages, seed=seed).data
    for _, payload in payloads_of(data):
        for message in opened(feed, payload)[3]:
            yield reference(FEEDS[feed][message[:1]], message)


@pytest.mark.parametrize("feed", (*IEX, "itch41"))
def test_values_are_among_those_that_the_document_lists(feed):
    times = []
    for said in said_by(feed):
        message = FEEDS[feed][said["message_type"]]
        for field in message.fields:
            value = said[field.name]
            if field.codes:
                assert value in field.codes, (message, field.name)
            assert not field.flags or not value & ~sum(field.flags.values())
            if field.unit == "USD":
                assert 0 <= value < 10_000_000
            if field.unit == "shares":
                assert 0 <= value < 10**6
        times.append(said.get("timestamp", 0))
    assert times == sorted(times)


def test_itch_41_says_the_seconds_first():
    second = None
    for said in said_by("itch41"):
        if said["message_type"] == b"T":
            assert second is None or said["second"] > second
            second = said["second"]
        else:
            assert 0 <= said["timestamp_nanoseconds"] < 10**9
    first, *_ = said_by("itch41")
    assert first == {"message_type": b"T", "second": 3 * 3600}


def bests(orders):
    """Best bid and ask with their shares, of a book of side and price -> shares."""
    bids = {price: shares for (side, price), shares in orders.items() if side == b"8" and shares}
    asks = {price: shares for (side, price), shares in orders.items() if side == b"5" and shares}
    bid, ask = max(bids, default=0), min(asks, default=0)
    assert not bids or not asks or bid < ask
    return bids.get(bid, 0), bid, ask, asks.get(ask, 0)


def quotes_of_orders(said):
    books, live = {name: Counter() for name in NAMES}, {}
    for each in said:
        kind, symbol = each["message_type"], each.get("symbol", b"").rstrip()
        if kind == b"a":
            live[each["order_id"]] = symbol, each["side"], each["price"], each["size"]
        elif kind in (b"M", b"R", b"L"):
            name, side, price, size = live.pop(each["order_id_reference"])
            assert name == symbol
            books[symbol][side, price] -= size
            if kind == b"M":
                if each["modify_flags"]:
                    assert (each["price"], each["size"] < size) == (price, True)
                live[each["order_id_reference"]] = symbol, side, each["price"], each["size"]
            elif kind == b"L":
                assert (each["price"], each["size"] <= size) == (price, True)
                if size > each["size"]:
                    rest = size - each["size"]
                    live[each["order_id_reference"]] = symbol, side, price, rest
        if kind in b"aM" or (kind == b"L" and each["order_id_reference"] in live):
            number = each["order_id"] if kind == b"a" else each["order_id_reference"]
            _, side, price, size = live[number]
            books[symbol][side, price] += size
        if kind in b"aMRL":
            yield symbol, bests(books[symbol])


def quotes_of_levels(said):
    books = {name: {} for name in NAMES}
    for each in said:
        if each["message_type"] in b"85":
            symbol = each["symbol"].rstrip()
            assert each["size"] or (each["message_type"], each["price"]) in books[symbol]
            books[symbol][each["message_type"], each["price"]] = each["size"]
            if each["event_flags"]:
                yield symbol, bests(books[symbol])


def quotes_of_quotes(said):
    for each in said:
        if each["message_type"] == b"Q":
            yield (
                each["symbol"].rstrip(),
                tuple(each[name] for name in ("bid_size", "bid_price", "ask_price", "ask_size")),
            )


def changes(quotes):
    last = {}
    for symbol, quote in quotes:
        if last.get(symbol, (0, 0, 0, 0)) != quote:
            yield symbol, quote
        last[symbol] = quote


def test_three_feeds_tell_the_same_story():
    orders = list(changes(quotes_of_orders(said_by("deepplus10"))))
    levels = list(changes(quotes_of_levels(said_by("deep10"))))
    quotes = list(changes(quotes_of_quotes(said_by("tops16"))))
    length = min(map(len, (orders, levels, quotes)))
    assert length > 500
    assert orders[:length] == levels[:length] == quotes[:length]


def test_trades_are_broken_that_were_reported():
    for feed in IEX:
        reported = {}
        for said in said_by(feed):
            if said["message_type"] in b"TL":
                trade = said["trade_id"]
                assert trade == len(reported) + 1
                reported[trade] = said["symbol"], said["price"], said["size"]
            elif said["message_type"] == b"B":
                assert reported[said["trade_id"]] == (said["symbol"], said["price"], said["size"])


def test_a_venue_can_be_emptied():
    venue = Venue(3, Chance(5))
    for _ in range(200):
        venue.event()
    assert any(venue.quote(n).bid for n in range(3))
    assert all(event.kind == "delete" for event in venue.emptying())
    assert [venue.quote(n) for n in range(3)] == [(0, 0, 0, 0)] * 3


# --- links and containers, read by scapy ---------------------------------------------------------


def train(feed="tops16", messages=80):
    protocol = FEEDS[feed]
    story = TELLERS[feed](protocol, messages, 1).story(messages)
    return train_of(protocol, protocol.framings[0], story, Chance(1), samples.Accidents())


def scapy_reads(data, container):
    from scapy.layers.inet import UDP
    from scapy.utils import PcapNgReader, PcapReader

    reader = PcapReader if container == "pcap" else PcapNgReader
    with reader(io.BytesIO(data)) as packets:
        return [(bytes(each[UDP].payload), float(each.time)) for each in packets]


# On loopback, scapy knows only the number that Linux has for IPv6.
LINKS = [
    (link, ip)
    for link, ip in product(
        ("ethernet", "vlan", "qinq", "sll", "sll2", "raw", "null", "loop"),
        ("ipv4", "ipv4 options", "ipv6", "ipv6 extension"),
    )
    if link not in ("null", "loop") or "ipv4" in ip
]


@pytest.mark.parametrize("container", ["pcap", "pcapng"])
@pytest.mark.parametrize(("link", "ip"), LINKS)
def test_scapy_reads_every_link(link, ip, container):
    carried = train()
    for order, unit in (("<", "us"), (">", "ns")):
        resolutions = (6 if unit == "us" else 9,)
        wire = samples.Wire((link,), ip, order=order, unit=unit, resolutions=resolutions)
        data, truth = recorded(carried, container, wire, Chance(2))
        read = scapy_reads(data, container)
        assert [payload for payload, _ in read] == [each.payload for each in carried]
        assert truth["packets"] == len(read)
        for (_, time), each in zip(read, carried, strict=True):
            assert abs(time - each.time / 10**9) < 2e-6


def test_scapy_reads_sections_and_interfaces():
    carried = train()
    links = ("ethernet", "sll", "raw")
    wire = samples.Wire(links, order="<><", resolutions=(9, 6, 0x80 | 20))
    data, _ = recorded(carried, "pcapng", wire, Chance(2))
    read = scapy_reads(data, "pcapng")
    assert [payload for payload, _ in read] == [each.payload for each in carried]
    assert all(
        abs(t - each.time / 10**9) < 2e-6 for (_, t), each in zip(read, carried, strict=True)
    )


def test_checksums_hold():
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    def refreshed(kind, frame, *layers):
        packet = kind(frame[14:])
        for layer in layers:
            del packet[layer].chksum
        return bytes(packet)

    for ip, kind, layer in (("ipv4 options", IP, "IP"), ("ipv6", IPv6, "UDP")):
        data, _ = recorded(train(), "pcap", samples.Wire(ip=ip), Chance(2))
        for _, frame, _ in frames_of(data):
            packet = bytes(kind(frame[14:]))
            assert refreshed(kind, frame, layer) == packet


# --- what is kept of packets ---------------------------------------------------------------------


def test_short_frames_are_padded_and_check_sequences_kept():
    import zlib

    data, truth = samples.small("itch50", heartbeats=3, fcs=True)
    frames = [frame for _, frame, _ in frames_of(data.replace(data[20:24], b"\1\0\0\0", 1))]
    assert len(frames) == truth["packets"]
    assert min(map(len, frames)) == 64 + 2  # a heartbeat is 62 bytes
    assert data[20:24] == struct.pack("<I", 0x24000001)
    for frame in frames:
        assert zlib.crc32(frame[:-4]) == int.from_bytes(frame[-4:], "little")
    assert agrees(found_in("itch50", data.replace(data[20:24], b"\1\0\0\0", 1)), truth)


def test_a_snap_length_cuts_messages_off():
    snap = 120
    whole, all_of_it = samples.small("tops16")
    data, truth = samples.small("tops16", snap=snap)
    counts = Counter()
    for (_, frame, length), (_, entire, _) in zip(frames_of(data), frames_of(whole), strict=True):
        assert (frame, length) == (entire[:snap], len(entire))
        at = 42 + 40
        while at + 2 <= len(frame):
            size = int.from_bytes(frame[at : at + 2], "little")
            if not size or at + 2 + size > len(frame):
                break
            counts[chr(frame[at + 2])] += 1
            at += 2 + size
    assert counts == truth["counts"]
    assert 0 < truth["messages"] < all_of_it["messages"]


def test_fragments_and_strangers_are_passed_over():
    data, truth = samples.small("deep10", fragments=3, strangers=2)
    assert truth["skipped"] == {"ip fragment": 6, "not udp": 2}
    assert truth["packets"] == truth["datagrams"] + 8
    assert truth["gaps"] == 3
    assert agrees(found_in("deep10", data), truth)
    pieces = [frame for _, frame, _ in frames_of(data) if frame[20] & 0x3F or frame[21]]
    assert len(pieces) == 6
    for first, second in zip(pieces[::2], pieces[1::2], strict=True):
        whole = b"".join(
            frame[34 : 14 + int.from_bytes(frame[16:18], "big")] for frame in (first, second)
        )
        assert int.from_bytes(whole[4:6], "big") == len(whole)
        offset = int.from_bytes(second[20:22], "big") & 0x1FFF
        assert offset * 8 == int.from_bytes(first[16:18], "big") - 20


def test_gzip_holds_the_same_bytes():
    data, truth = samples.small("deep10", compression="gzip")
    assert truth["compression"] == "gzip"
    assert gzip.decompress(data) == samples.small("deep10").data


def test_simple_blocks_are_for_the_first_interface_only():
    records = [Record(10**9, bytes([n]) * 5, 5, n % 2) for n in range(4)]
    interfaces = [samples.containers.Interface()] * 2
    data = pcapng_of([("<", records)], interfaces, (3,))
    at, kinds = 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + size - 4) == (size,)
        kinds.append(kind)
        at += size
    assert kinds == [0x0A0D0D0A, 1, 1, 3, 6, 3, 6, 5]


@pytest.mark.parametrize(
    ("feed", "container", "options"),
    [
        ("itch60", "pcap", {}), ("tops16", "binaryfile", {}), ("mdp3", "soupbintcp", {}),
        ("itch50", "zip", {}), ("itch50", "pcap", {"gap": 1}), ("mdp3", "pcap", {"heartbeats": 1}),
        ("deribit", "pcap", {"empty": 1}), ("tops16", "pcap", {"unsequenced": 1}),
        ("itch50", "pcap", {"channels": 2}), ("itch50", "binaryfile", {"gaps": 1}),
        ("itch50", "pcap", {"gaps": 100}), ("tops16", "pcap", {"links": ("token ring",)}),
        ("tops16", "pcap", {"links": ("raw", "sll")}), ("tops16", "pcap", {"order": "<>"}),
        ("tops16", "pcap", {"ip": "ipx"}), ("tops16", "pcap", {"fcs": True, "links": ("raw",)}),
        ("tops16", "pcap", {"compression": "arj"}), ("tops16", "pcap", {"seed": -1}),
        ("tops16", "pcap", {"links": ()}),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused(feed, container, options):
    with pytest.raises(SpecError):
        samples.small(feed, container, **options)


# --- long captures -------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", TELLERS)
def test_long_captures_go_on_where_they_ended(feed, tmp_path, monkeypatch):
    monkeypatch.setattr(stretch, "STRETCH", 500)
    path, seen = tmp_path / "long.pcap", []
    truth = samples.long(path, feed, 3000, 1, lambda done, total: seen.append((done, total)))
    data = path.read_bytes()
    assert agrees(found_in(feed, data), truth)
    assert (truth["gaps"], truth["restarts"], truth["duplicates"]) == (0, 0, 0)
    assert 2500 < truth["messages"] < 3500
    assert seen[-1] == (3000, 3000)
    times = [time for time, _, _ in frames_of(data)]
    assert times == sorted(times)
    assert times[-1] - times[0] > 3 * 10**9
    if feed in IEX:
        offset = 0
        for _, payload in payloads_of(data):
            size, at = struct.unpack_from("<H", payload, 12), struct.unpack_from("<q", payload, 16)
            assert at == (offset,)
            offset += size[0]


@pytest.mark.parametrize("feed", IEX)
def test_long_captures_are_consistent(feed, tmp_path, monkeypatch):
    monkeypatch.setattr(stretch, "STRETCH", 500)
    path = tmp_path / "long.pcap"
    samples.long(path, feed, 2000)
    said = [
        reference(FEEDS[feed][message[:1]], message)
        for _, payload in payloads_of(path.read_bytes())
        for message in opened(feed, payload)[3]
    ]
    times = [each["timestamp"] for each in said]
    assert times == sorted(times)
    read = {"tops16": quotes_of_quotes, "deep10": quotes_of_levels, "deepplus10": quotes_of_orders}
    assert len(list(read[feed](said))) > 500
    trades = [each["trade_id"] for each in said if each["message_type"] in b"TL"]
    assert trades == list(range(1, len(trades) + 1))


def test_there_is_no_long_sample_of_itch():
    with pytest.raises(SpecError, match="tops16"):
        samples.long("nowhere", "itch50")


# --- read by zcviz -------------------------------------------------------------------------------


def schema_of(feed):
    return samples.SCHEMAS.get(feed)


def told(sample, feed, **how):
    """`info` of a sample, as far as its making settles it."""
    with zcviz.open(sample.data, schema=schema_of(feed), **how) as opened_feed:
        info = opened_feed.info()
    return {name: info[name] for name in sample.truth}


@every_file
@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_files_open_with_the_stated_truth(feed, container, compression):
    if compression == "zstd" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    sample = samples.small(feed, container, compression=compression)
    assert told(sample, feed) == sample.truth


@every_feed
@pytest.mark.parametrize("accidents", ACCIDENTS)
def test_accidents_are_accounted_for(feed, accidents):
    options = {**ACCIDENTS[accidents], **ONLY[feed]}
    sample = samples.small(feed, messages=300, seed=2, **options)
    assert told(sample, feed) == sample.truth


@pytest.mark.parametrize("link", ["ethernet", "vlan", "qinq", "sll", "sll2", "raw", "null", "loop"])
@pytest.mark.parametrize("ip", ["ipv4", "ipv4 options", "ipv6", "ipv6 extension"])
def test_every_link_opens(link, ip):
    files = zip(cycle(FEEDS), product(("pcap", "pcapng"), "<>"), strict=False)
    for feed, (container, order) in files:
        sample = samples.small(feed, container, 100, links=(link,), ip=ip, order=order, unit="us")
        assert told(sample, feed) == sample.truth


def test_odd_files_open():
    ways = [
        {"links": ("ethernet", "sll2", "null"), "order": "<>><", "resolutions": (9, 3, 0x94)},
        {"blocks": (2, 3, 6), "offset": 1_700_000_000},
        {"snap": 140, "blocks": (3,)}, {"fcs": True, "heartbeats": 5},
        {"fragments": 4, "strangers": 5},
    ]  # fmt: skip
    for options in ways:
        sample = samples.small("tops16", "pcapng", **options)
        truth = {**sample.truth}
        if "snap" in options:  # whether numbers of cut messages are missing is not for us to say
            for name in ("gaps", "missing", "duplicates", "skipped"):
                del truth[name]
        assert told(samples.Sample(sample.data, truth), "tops16") == truth


# The same bytes everywhere.
DIGESTS = {
    "itch50": "afbad40cfe82e4ed", "itch41": "0f4aa3f778f08fda", "tops16": "b777a4df19064846",
    "deep10": "b24bdfa5feac8a92", "deepplus10": "0b54afae15fadea2", "mdp3": "ef8ddca8748acfd3",
    "deribit": "250e72fe7691df5c",
}  # fmt: skip


@every_feed
def test_samples_are_the_same_on_every_platform(feed):
    digest = hashlib.sha256()
    for container in samples.containers_of(feed):
        digest.update(samples.small(feed, container).data)
    assert digest.hexdigest()[:16] == DIGESTS[feed]
