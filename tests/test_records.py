"""Capture files: which kind, where the packets lie, when they were captured."""

from __future__ import annotations

import struct
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import packets
from tests.containers import Seen, containers_agree, scanned, written
from tests.packets import (
    block,
    enhanced,
    interface,
    obsolete,
    offset,
    option,
    pcapng,
    resolution,
    section,
    simple,
)  # fmt: skip
from zcviz import blocks
from zcviz.buffers import HeldBytes, MappedFile
from zcviz.decompress import decompress
from zcviz.errors import BadMagicError, TruncatedError
from zcviz.kernels.tally import Tally
from zcviz.protocols import pcap
from zcviz.protocols import pcapng as tables
from zcviz.records import NO_TIME, open_records

FRAMES = [b"one", b"three", b"", b"twelve bytes"]
BLOCK, INTERFACE = "length in the capture block", "interface of the capture"


def opened(content):
    return open_records(HeldBytes(content, "file"))


def found_in(content):
    """The captured bytes of all packets, and the problems."""
    answer = containers_agree(content)
    assert answer is not None
    rows, seen, _ = answer
    return [content[start:end] for _, start, end, _, _ in rows], seen


def times_of(content):
    records = opened(content)
    table = np.zeros((100, 5), np.uint64)
    return records.times(table[: records.scan(table), 0]).tolist()


# --- which kind ----------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize("order", "<>")
def test_classic_captures(order, unit):
    content = packets.pcap(*FRAMES, order=order, unit=unit, link=228)
    records = opened(content)
    assert (records.container, records.start, records.position) == ("pcap", 24, 24)
    rows, seen, _ = containers_agree(content)
    assert [content[start:end] for _, start, end, _, _ in rows] == FRAMES
    assert {link for *_, link, _ in rows} == {228}
    assert (seen.packets, seen.truncated, seen.problems) == (4, None, [])
    table = pcap.RECORD_BIG if order == ">" else pcap.RECORD_LITTLE
    assert records.header_of(24) is table
    tick = 1000 if unit == "us" else 1
    assert times_of(content) == [(1_580_385_600 + n) * 10**9 + 42 * tick for n in range(4)]


def test_a_time_at_the_end_of_the_century():
    content = bytearray(packets.pcap(b"x", unit="ns"))
    content[24:32] = b"\xff" * 8
    assert times_of(bytes(content)) == [(2**32 - 1) * 10**9 + 2**32 - 1]


def test_the_upper_bits_of_a_link_type_tell_of_a_checksum():
    content = packets.pcap(b"x", link=1 | 0x2400_0000)
    assert {link for *_, link, _ in containers_agree(content)[0]} == {1}


def test_an_original_length_is_kept():
    rows, _, _ = containers_agree(packets.pcap((b"cut", 9000)))
    assert rows[0][4] == 9000


@pytest.mark.parametrize("order", "<>")
def test_captures_of_the_next_generation(order):
    content = pcapng(*FRAMES, order=order, link=101)
    records = opened(content)
    assert (records.container, records.start) == ("pcapng", 0)
    rows, seen, _ = containers_agree(content)
    assert [content[start:end] for _, start, end, _, _ in rows] == FRAMES
    assert {link for *_, link, _ in rows} == {101}
    assert (seen.packets, seen.truncated, seen.problems) == (4, None, [])
    assert times_of(content) == [n * 10**9 for n in range(1, 5)]


@pytest.mark.parametrize("content", [b"", b"\n", b"text", b"\x0a\x0d\x0d\x0b" * 9, bytes(99)])
def test_what_is_no_capture(content):
    assert opened(content) is None


def test_a_header_that_is_cut_off_is_an_error():
    for content in (packets.pcap(), section()):
        for cut in range(4, 24):
            with pytest.raises(TruncatedError, match="header"):
                opened(content[:cut])
        assert opened(content).scan(np.zeros((1, 5), np.uint64)) == 0


def test_a_byte_order_that_is_none_is_an_error():
    with pytest.raises(BadMagicError, match="byte order"):
        opened(section()[:8] + b"\x1a\x2b\x3c\x4e" + section()[12:])


# --- blocks and sections -------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_every_block_that_holds_a_packet(order):
    content = section(order) + interface(order=order) + b"".join(
        make(frame, order=order) for make in (enhanced, obsolete, simple) for frame in FRAMES
    )  # fmt: skip
    rows, seen, _ = containers_agree(content)
    assert [content[start:end] for _, start, end, _, _ in rows] == FRAMES * 3
    assert seen.problems == []
    records = opened(content)
    scanned(records)
    tables_of = tables.BIG if order == ">" else tables.LITTLE
    kinds = [tables.ENHANCED] * 4 + [tables.OBSOLETE] * 4 + [tables.SIMPLE] * 4
    assert [records.header_of(row[0]) for row in rows] == [tables_of[kind] for kind in kinds]
    assert [time == NO_TIME for time in times_of(content)] == [False] * 8 + [True] * 4
    assert np.isnat(np.datetime64(NO_TIME, "ns"))


def test_sections_have_interfaces_and_byte_orders_of_their_own():
    content = (
        section("<") + interface(1, options=resolution(9)) + enhanced(b"a", units=5)
        + section(">") + interface(101, order=">") + interface(113, order=">")
        + enhanced(b"b", 1, 7, ">") + section("<") + interface(0) + enhanced(b"c", units=1)
        + section(">") + enhanced(b"nobody's", 0, 0, ">") + section("<") + interface(228)
        + simple(b"d") + enhanced(b"e", units=2)
    )  # fmt: skip
    rows, seen, _ = containers_agree(content)
    assert [content[start:end] for _, start, end, _, _ in rows] == [b"a", b"b", b"c", b"d", b"e"]
    assert [link for *_, link, _ in rows] == [1, 113, 0, 228, 228]
    assert times_of(content) == [5, 7000, 1000, NO_TIME, 2000]
    assert [problem[1:] for problem in seen.problems] == [(INTERFACE, 0, 0)]
    assert seen.skipped["bad header"] == 1


def test_interfaces_may_come_late():
    content = section() + interface(1) + enhanced(b"a") + interface(101) + enhanced(b"b", 1)
    rows, seen, _ = containers_agree(content)
    assert ([link for *_, link, _ in rows], seen.problems) == ([1, 101], [])


def test_blocks_of_other_types_are_passed_over():
    frames, seen = found_in(
        section() + block(10, b"keys") + interface() + block(5, bytes(40))
        + enhanced(b"a") + block(0x80000001, b"") + enhanced(b"b")
    )  # fmt: skip
    assert (frames, seen.problems) == ([b"a", b"b"], [])


def test_options_of_packets_and_sections_are_passed_over():
    comment = option(1, b"a comment") + option(0, b"")
    frames, seen = found_in(
        section(options=comment) + interface(options=option(2, b"eth0") + option(0, b"") + b"junk")
        + enhanced(b"a", options=comment) + obsolete(b"b", options=comment)
    )  # fmt: skip
    assert (frames, seen.problems) == ([b"a", b"b"], [])


@pytest.mark.parametrize(
    ("snap", "original", "captured"),
    [(0, 12, 12), (5, 12, 5), (100, 12, 12), (0, 7, 7), (5, 3, 3), (0, 5000, 12), (9, 5000, 9)],
)
def test_a_simple_block_says_little_of_its_length(snap, original, captured):
    content = section() + interface(snap=snap) + simple(b"twelve bytes", original=original)
    rows, seen, _ = containers_agree(content)
    assert [(row[2] - row[1], row[4]) for row in rows] == [(captured, original)]
    assert seen.problems == []


# --- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "units", "time"),
    [
        (6, 1_600_000_000_123_456, 1_600_000_000_123_456_000),
        (9, 1_600_000_000_123_456_789, 1_600_000_000_123_456_789),
        (3, 1_600_000_000_123, 1_600_000_000_123_000_000),
        (0, 1_600_000_000, 1_600_000_000_000_000_000),
        (12, 1_600_000_000_123_456_789, 1_600_000_000_123_456),
        (0x80 | 0, 1_600_000_000, 1_600_000_000_000_000_000),
        (0x80 | 1, 3, 1_500_000_000),
        (0x80 | 10, 1024 + 256, 1_250_000_000),
        (0x80 | 32, (5 << 32) + (1 << 31), 5_500_000_000),
        (0x80 | 63, 1 << 62, 500_000_000),
        (0x80 | 127, 2**64 - 1, 0),
        (127, 2**63, 0),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_times_of_any_resolution(order, value, units, time):
    head = section(order) + interface(options=resolution(value, order), order=order)
    assert times_of(head + enhanced(b"a", 0, units, order)) == [time]
    assert times_of(head + obsolete(b"a", 0, units, order)) == [time]


@given(st.integers(0, 255), st.integers(0, 2**64 - 1))
def test_times_are_exact_while_they_fit(value, units):
    power = value & 0x7F
    unit = Fraction(1, 2**power if value & 0x80 else 10**power)
    exact = units * unit * 10**9
    if exact < 2**63:
        (time,) = times_of(
            section() + interface(options=resolution(value)) + enhanced(b"", 0, units)
        )
        assert abs(time - int(exact)) <= 1
        assert time == int(exact) or power > 28


@pytest.mark.parametrize("seconds", [0, 1, -1, 1_600_000_000, -(2**31), 2**33 - 1])
@pytest.mark.parametrize("order", "<>")
def test_times_count_from_an_offset(order, seconds):
    head = section(order) + interface(options=offset(seconds, order), order=order)
    assert times_of(head + enhanced(b"a", 0, 17, order)) == [seconds * 10**9 + 17_000]


def test_impossible_offsets_of_time_are_no_crash():
    for seconds in (2**63 - 1, -(2**63)):
        times_of(section() + interface(options=offset(seconds)) + enhanced(b"a", 0, 2**64 - 1))


def test_times_of_a_few_records_in_any_order():
    content = pcapng(*FRAMES)
    records = opened(content)
    rows = scanned(records)
    some = np.array([rows[2][0], rows[0][0], rows[2][0]], np.int64)
    assert records.times(some).tolist() == [3 * 10**9, 10**9, 3 * 10**9]
    assert records.times(some[:0]).tolist() == []


# --- lies ----------------------------------------------------------------------------------------

START = section() + interface()


def problems_of(content):
    return found_in(content)[1].problems


@pytest.mark.parametrize("length", [0, 1, 4, 8, 11])
@pytest.mark.parametrize(
    "make", [section, interface, lambda: enhanced(b"x"), lambda: block(99, b"")]
)
def test_a_block_too_short_for_itself_ends_the_scan(make, length):
    lie = bytearray(make())
    struct.pack_into("<I", lie, 4, length)
    content = START + enhanced(b"before") + bytes(lie) + enhanced(b"after")
    at = len(START + enhanced(b"before"))
    frames, seen = found_in(content)
    assert (frames, seen.problems) == ([b"before"], [(at, BLOCK, 12, length)])
    assert seen.truncated == (at, len(content) - at)


def test_a_block_beyond_the_file_is_cut_off():
    frames, seen = found_in(START + enhanced(b"before") + enhanced(b"after")[:-1])
    assert (frames, seen.problems) == ([b"before"], [])
    assert seen.truncated == (len(START) + 40, 39)


def test_two_lengths_that_differ():
    frames, seen = found_in(START + enhanced(b"odd", trailer=48) + enhanced(b"after"))
    assert frames == [b"odd", b"after"]
    assert seen.problems == [(len(START), BLOCK, 36, 48)]


def test_a_length_that_is_no_multiple_of_four():
    lie = block(99, b"abcde")
    frames, seen = found_in(START + lie + enhanced(b"after"))
    assert (frames, seen.problems) == ([b"after"], [(len(START), BLOCK, 16, 17)])
    frames, seen = found_in(START + block(99, b"abcde", trailer=18) + enhanced(b"after"))
    assert (frames, seen.problems) == ([], [(len(START), BLOCK, 17, 18)])
    assert seen.truncated is not None


def test_more_captured_than_the_block_holds():
    for make in (enhanced, obsolete):
        for captured in (9, 2**31, 2**32 - 1):
            frames, seen = found_in(START + make(b"8 bytes!", captured=captured) + simple(b"after"))
            assert frames == [b"after"]
            assert seen.problems == [(len(START), BLOCK, 8, captured)]
            assert (seen.packets, seen.skipped) == (2, {"bad header": 1})


@pytest.mark.parametrize(("kind", "size"), [(6, 28), (2, 28), (3, 12)])
def test_a_packet_block_without_its_header(kind, size):
    for body in range(0, size - 8, 4):
        frames, seen = found_in(START + block(kind, bytes(body)) + enhanced(b"after"))
        assert frames == [b"after"]
        assert seen.problems == [(len(START), BLOCK, size + 4, body + 12)]


@pytest.mark.parametrize("make", [enhanced, obsolete])
def test_an_interface_that_nobody_described(make):
    frames, seen = found_in(START + make(b"x", 1) + make(b"y", 0xFFFF) + make(b"z"))
    assert frames == [b"z"]
    assert [problem[1:] for problem in seen.problems] == [(INTERFACE, 1, 1), (INTERFACE, 1, 0xFFFF)]
    assert found_in(section() + simple(b"x"))[1].problems == [(28, INTERFACE, 0, 0)]


def test_a_description_that_is_too_short_still_takes_a_number():
    content = (
        section() + block(1, b"\1\0\0\0") + interface(101) + enhanced(b"a") + enhanced(b"b", 1)
    )
    rows, seen, _ = containers_agree(content)
    assert [link for *_, link, _ in rows] == [0xFFFF, 101]
    assert seen.problems == [(28, BLOCK, 20, 16)]


@pytest.mark.parametrize(
    ("options", "expected", "found"),
    [
        (option(2, b"eth0", length=400), 4, 400),
        (option(9, b"\x09\x09"), 1, 2),
        (option(9, b""), 1, 0),
        (option(14, bytes(4)), 8, 4),
        (option(14, bytes(12)), 8, 12),
        (struct.pack("<HH", 9, 1), 0, 1),
    ],
)
def test_an_option_of_an_impossible_length_is_left_out(options, expected, found):
    content = section() + interface(options=options) + enhanced(b"a", units=1)
    frames, seen = found_in(content)
    assert frames == [b"a"]
    assert seen.problems == [(28 + 16, BLOCK, expected, found)]
    assert times_of(content) == [1000]


def test_a_section_without_a_byte_order_ends_the_scan():
    bad = bytearray(section())
    bad[8:12] = b"nope"
    content = START + enhanced(b"before") + bytes(bad) + enhanced(b"after")
    frames, seen = found_in(content)
    at = len(START) + 40
    assert frames == [b"before"]
    assert seen.problems == [(at + 8, BLOCK, 0x1A2B3C4D, int.from_bytes(b"nope", "little"))]
    assert seen.truncated == (at, len(content) - at)


def test_interfaces_are_bounded(monkeypatch):
    monkeypatch.setattr(blocks, "INTERFACES", 5)
    monkeypatch.setattr("zcviz.records.INTERFACES", 5)
    content = START + interface() * 3 + section() + interface(101) * 3 + enhanced(b"a") + (
        enhanced(b"b", 1)
    )  # fmt: skip
    frames, seen = found_in(content)
    assert frames == [b"a"]
    assert [problem[1:] for problem in seen.problems] == [
        (INTERFACE, 5, 6), (INTERFACE, 5, 6), (INTERFACE, 1, 1)
    ]  # fmt: skip


def test_as_many_interfaces_as_fit_and_one_more():
    content = section() + interface() * (blocks.INTERFACES + 1) + enhanced(b"a", 65_535)
    frames, seen = found_in(content)
    assert (frames, len(seen.problems)) == ([b"a"], 1)


def test_a_desert_of_other_blocks_is_crossed_in_steps():
    content = START + block(99, b"") * 5000 + enhanced(b"a")
    records, table = opened(content), np.zeros((10, 5), np.uint64)
    calls = 0
    while not records.finished:
        count = records.scan(table)
        calls += 1
    assert (count, calls > 20) == (1, True)


# --- a scan --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_another_version_of_pcapng_is_refused(order):
    content = bytearray(pcapng(*FRAMES, order=order))
    content[12:14] = (2).to_bytes(2, "little" if order == "<" else "big")
    with pytest.raises(BadMagicError, match=r"version of pcapng.*12.*expected 1, found 2"):
        open_records(HeldBytes(bytes(content), "file"))


@pytest.mark.parametrize("content", [packets.pcap(*FRAMES), pcapng(*FRAMES)])
def test_a_scan_goes_on_where_it_stopped(content):
    whole = scanned(opened(content), 100)
    for room in range(1, 6):
        records = opened(content)
        assert scanned(records, room) == whole
        assert records.tally[Tally.PACKETS] == 4
        records.restart()
        assert (records.position, records.finished) == (records.start, False)
        assert scanned(records, room) == whole
        assert records.tally[Tally.PACKETS] == 4


def test_only_the_first_problems_are_written_down():
    records = opened(START + enhanced(b"x", 7) * 250)
    scanned(records)
    rows, count = written(records.problems, records.tally)
    assert (len(rows), count) == (100, 250)


def test_a_packet_tells_where_it_is():
    seen = Seen()
    content = packets.pcap((b"abc", 70))
    (packet,) = opened(content).iter_packets(seen)
    assert packet == (24, 40, 43, 1, 70)
    assert (packet.record, packet.link, packet.original) == (24, 1, 70)
    assert seen.packets == 1


# --- real captures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cme-mdp3-v6-20161112.pcapng", 10_000),
        ("deribit-sbe-20230615.pcapng", 5_066),
        ("iex-tops16-20170710.pcap.gz", 13_022),
        ("nasdaq-itch50-moldudp64-20230822.pcap", 190),
    ],
)
def test_every_packet_of_a_real_capture_carries_a_datagram(captures, name, count):
    source, _, damage = decompress(MappedFile(captures / name))
    found, seen, datagrams = containers_agree(bytes(source.view), 1000)
    assert (len(found), len(datagrams[0]), seen.packets) == (count, count, count)
    assert (damage, seen.problems, seen.skipped, seen.truncated) == ((), [], {}, None)
    assert datagrams[2] == []


def test_times_of_a_real_capture(captures):
    records = open_records(MappedFile(captures / "cme-mdp3-v6-20161112.pcapng"))
    times = records.times(np.array([row[0] for row in scanned(records, 1000)]))
    # The independent count took seconds as floats, which cannot tell some of them apart.
    assert int((np.diff(times / 1e9) < 0).sum()) == 491
    assert int((np.diff(times) < 0).sum()) == 581
    days = set(times.astype("datetime64[ns]").astype("datetime64[D]").tolist())
    assert days == {date(2016, 11, 12)}
