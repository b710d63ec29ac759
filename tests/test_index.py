"""The two traversals: what each finds, written out; and that they find the same."""

from __future__ import annotations

import os
import struct
from collections import Counter

import numpy as np
import pytest

import zcviz
from tests import agreement, helpers
from tests.helpers import add, day, delete, frames, mold, numbered, odd_packets, packet, pcap
from zcviz.capture import open_capture
from zcviz.errors import Problem
from zcviz.index import ROOM, MessageIndex, build_index
from zcviz.report import MAX_PROBLEMS, Report
from zcviz.walk import FRAMES, walk


def both(content, protocol=None):
    """Walk and index, checked against each other: (messages, report)."""
    result = agreement.traversals_agree(content, protocol)
    assert result is not None
    return result


def one(frame):
    """The report of one frame alone."""
    messages, report = both(pcap(frame), "itch50")
    return [bytes(data) for _, data in messages], report


def problem(report):
    (found,) = report.problems
    assert report.problems_total == 1
    return found.what, found.offset, found.expected, found.found


HEAD = 24 + 16  # of the file and of the first record: where the first frame starts
UDP_AT = HEAD + 14 + 20
MOLD_AT = UDP_AT + 8


def test_messages_are_where_they_were_put():
    messages = day()
    content = frames(*messages)
    found, report = both(content)
    assert [data for _, data in found] == messages
    assert report == Report()
    with zcviz.open(content) as feed:
        places, at = [], 0
        for each in messages:
            places.append(at + 2)
            at += 2 + len(each)
        assert feed.index.offsets.tolist() == places
        assert feed.index.sizes.tolist() == [len(each) for each in messages]
        assert bytes(feed.index.tags) == bytes(each[0] for each in messages)
        assert feed.index.datagrams is None


def test_datagrams_are_where_they_were_put():
    messages = day()
    datagrams = [mold(1, *messages[:3]), mold(4), mold(4, messages[3], b"", messages[4])]
    content = helpers.feed_pcap(*datagrams)
    with zcviz.open(content) as feed:
        table = feed.index.datagrams
        assert table.offsets.tolist() == [content.index(each) for each in datagrams]
        assert table.sizes.tolist() == [len(each) for each in datagrams]
        assert table.sequences.tolist() == [1, 4, 4]
        assert table.blocks.tolist() == [3, 0, 3]
        for at in table.to_records().tolist():
            assert struct.unpack_from("<I", content, at + 4)[0] == 42
        assert table.of_messages(np.arange(5)).tolist() == [0, 0, 0, 2, 2]
        assert table.firsts.tolist() == [0, 3, 3]
        first = feed.index.offsets.tolist()
        assert [content[at : at + len(m)] for at, m in zip(first, messages[:5], strict=True)] == (
            messages[:5]
        )


def test_the_small_capture_with_everything_in_it():
    messages, report = both(helpers.small_pcap())
    known = day()
    assert [data for _, data in messages] == [
        *known[:3], *known[3:5], helpers.UNKNOWN, known[5], known[6], known[7],
        known[9],  # of the cut packet: the first message is whole, the second is not
        known[8], known[9], known[10], known[11], known[12], known[13], known[13],
    ]  # fmt: skip
    assert report.packets == len(odd_packets())
    assert (report.datagrams, report.heartbeats, report.ends) == (14, 1, 1)
    assert report.skipped == {
        "empty block": 1, "ip fragment": 2, "not ip": 1, "not udp": 1, "another protocol": 2,
        "bad header": 12,
    }  # fmt: skip
    assert [each.what for each in report.problems] == [
        "captured bytes of the packet", "length of the message", "ip total length", "udp length",
        "udp length", "ip total length", "ip header length", "ip version",
        "bytes after the last block",
        "block inside its datagram", "block inside its datagram", "bytes after the last block",
        *["captured bytes of the packet"] * 6,
    ]  # fmt: skip
    assert report.problems_total == 18
    assert report.truncated is None


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("unit", ["us", "ns"])
def test_byte_order_and_unit_of_the_headers_change_nothing(order, unit):
    expected = both(helpers.small_pcap())
    assert both(helpers.small_pcap(order=order, unit=unit)) == expected


@pytest.mark.parametrize(
    "vlans",
    [
        (), ((0x8100, 141),), ((0x88A8, 1), (0x8100, 2)), ((0x8100, 1), (0x8100, 2)),
        tuple((0x8100, n) for n in range(9)),
    ],
)  # fmt: skip
def test_vlan_tags_are_stepped_over(vlans):
    messages, report = one(packet(mold(1, *day()), vlans=vlans))
    assert messages == day()
    assert report.problems == []


@pytest.mark.parametrize("words", range(11))
def test_ip_options_are_stepped_over(words):
    frame = helpers.ethernet(helpers.ipv4(helpers.udp(mold(1, *day())), options=bytes(4 * words)))
    messages, report = one(frame)
    assert messages == day()
    assert report.problems == []


def test_padding_of_a_short_frame_is_no_part_of_the_datagram():
    frame = packet(mold(1))
    assert len(frame) == 62
    short = packet(b"")[:60]
    assert len(short) == 60
    for each in (frame, frame + bytes(20), frame + b"\xff" * 900):
        messages, report = one(each)
        assert (messages, report.heartbeats, report.problems) == ([], 1, [])


SKIPPED = {
    "not ip": [
        helpers.ethernet(bytes(60), kind=0x0806),
        helpers.ethernet(bytes(60), kind=0), helpers.ethernet(bytes(60), kind=46),
        helpers.ethernet(bytes(60), kind=0x88CC, vlans=((0x8100, 1),)),
    ],
    "not udp": [helpers.ethernet(helpers.ipv4(bytes(40), protocol=p)) for p in (0, 1, 2, 6, 255)],
    "ip fragment": [
        helpers.ethernet(helpers.ipv4(helpers.udp(mold(1, add())), fragment=f))
        for f in (0x2000, 0x6000, 0x0001, 0x1FFF, 0x3FFF)
    ],
    "another protocol": [
        packet(b""), packet(bytes(19)), packet(mold(1, add(), session=b"\x01234567890")),
        packet(mold(1, add(), session=b"12345\x0067890")),
        packet(mold(1, add(), session=b"\0\0\0\0\0\0\0\0\0x")),
        packet(mold(1, add(), session=b"Session\xe90 ")),
        packet(mold(1, add(), session=b"12345678\x7f0")),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("reason", "frame"), [(r, f) for r, each in SKIPPED.items() for f in each])
def test_other_traffic_is_passed_over_and_counted(reason, frame):
    messages, report = one(frame)
    assert messages == []
    assert report.skipped == {reason: 1}
    assert report.problems == []
    assert (report.packets, report.datagrams) == (1, 0)


@pytest.mark.parametrize(
    "session",
    [b"000010059B", bytes(10), b" " * 10, b"~" * 10, b"S1        ", b"S1\0\0\0\0\0\0\0\0"],
)
def test_sessions_are_text_padded_with_spaces_or_nuls(session):
    messages, report = one(packet(mold(1, add(), session=session)))
    assert messages == [add()]
    assert (report.datagrams, report.skipped) == (1, {})


def test_the_unset_and_the_dont_fragment_flag_are_no_fragments():
    for flags in (0x0000, 0x4000, 0x8000):
        frame = helpers.ethernet(helpers.ipv4(helpers.udp(mold(1, add())), fragment=flags))
        assert one(frame)[0] == [add()]


def test_impossible_lengths_of_the_headers():
    datagram = mold(1, add())
    size = 8 + len(datagram)

    def frame(ip=None, length=None, **header):
        return helpers.ethernet(helpers.ipv4(helpers.udp(datagram, length), **header))

    assert problem(one(frame(first=0x65))[1]) == ("ip version", HEAD + 14, 4, 6)
    assert problem(one(frame(first=0x44))[1]) == ("ip header length", HEAD + 14, 20, 16)
    assert problem(one(frame(total=19))[1]) == ("ip total length", HEAD + 14, 20, 19)
    assert problem(one(frame(total=0))[1]) == ("ip total length", HEAD + 14, 20, 0)
    assert problem(one(frame(length=7))[1]) == ("udp length", UDP_AT, size, 7)
    assert problem(one(frame(length=size + 1))[1]) == ("udp length", UDP_AT, size, size + 1)
    assert problem(one(frame(total=20 + size - 1))[1]) == ("udp length", UDP_AT, size - 1, size)
    for each in (frame(first=0x65), frame(length=7), frame(total=19)):
        assert one(each)[1].skipped == {"bad header": 1}
        assert one(each)[0] == []


def test_a_udp_length_shorter_than_the_packet_is_the_one_that_counts():
    datagram = mold(1, add())
    padded = helpers.udp(datagram + b"padding", 8 + len(datagram))
    messages, report = one(helpers.ethernet(helpers.ipv4(padded)))
    assert (messages, report.problems) == ([add()], [])


def test_a_packet_cut_by_the_capture_keeps_its_whole_messages():
    messages = day()[:4]
    datagram = mold(1, *messages)
    frame = packet(datagram)
    ends, at = [], len(frame) - len(datagram) + 20
    for each in messages:
        at += 2 + len(each)
        ends.append(at)
    for cut in range(MOLD_AT - HEAD + 20, len(frame)):
        found, report = one((frame[:cut], len(frame)))
        assert found == messages[: sum(end <= cut for end in ends)]
        assert report.datagrams == 1
        held = cut - (MOLD_AT - HEAD)
        expected = ("captured bytes of the packet", MOLD_AT, len(datagram), held)
        assert problem(report) == expected


@pytest.mark.parametrize("cut", range(42))
def test_a_packet_cut_inside_its_headers_is_reported(cut):
    found, report = one((packet(mold(1, add()))[:cut], 100))
    assert found == []
    needed = 14 if cut < 14 else 34 if cut < 34 else 42
    assert problem(report) == ("captured bytes of the packet", HEAD, needed, cut)
    assert report.skipped == {"bad header": 1}


def test_blocks_beyond_their_datagram():
    def of(tail, count):
        return problem(one(packet(mold(1, delete(), count=count) + tail))[1])

    after = MOLD_AT + 20 + 21
    assert of(b"", 2) == ("block inside its datagram", after, 2, 0)
    assert of(b"\0", 2) == ("block inside its datagram", after, 2, 1)
    assert of(b"\0\x13", 2) == ("block inside its datagram", after, 19, 0)
    assert of(b"\0\x13" + bytes(18), 2) == ("block inside its datagram", after, 19, 18)
    assert of(b"\xff\xff" + bytes(18), 9) == ("block inside its datagram", after, 65535, 18)
    assert of(b"\0", 1) == ("bytes after the last block", after, 0, 1)
    assert of(b"\0\x13" + bytes(19), 1) == ("bytes after the last block", after, 0, 21)
    messages, report = one(packet(mold(1, delete(), count=9) + b"\0"))
    assert (messages, report.datagrams) == ([delete()], 1)


def test_empty_blocks_are_no_messages():
    messages, report = one(packet(mold(1, b"", add(), b"", b"")))
    assert messages == [add()]
    assert report.skipped == {"empty block": 3}
    assert report.problems == []


def test_heartbeats_and_the_end_of_the_session():
    messages, report = both(
        helpers.feed_pcap(mold(1), mold(1, add()), mold(2), helpers.end_of_session(2))
    )
    assert len(messages) == 1
    assert (report.datagrams, report.heartbeats, report.ends) == (4, 2, 1)
    assert (report.skipped, report.problems) == ({}, [])


def test_a_heartbeat_that_carries_bytes_is_reported():
    for header in (mold(1), helpers.end_of_session(1)):
        messages, report = one(packet(header + b"abc"))
        assert messages == []
        assert problem(report) == ("bytes after the last block", MOLD_AT + 20, 0, 3)


@pytest.mark.parametrize("size", [1, 18, 20, 200])
def test_a_length_that_contradicts_the_type_is_an_error_and_no_message(size):
    wrong = b"D".ljust(size, b"\0")
    content = frames(delete(), wrong, delete())
    messages, report = both(content)
    assert [data for _, data in messages] == [delete()] * 2
    assert problem(report) == ("length of the message", 23, 19, size)
    messages, report = one(packet(mold(1, delete(), wrong, delete())))
    assert messages == [delete()] * 2
    assert problem(report) == ("length of the message", MOLD_AT + 20 + 23, 19, size)


@pytest.mark.parametrize("tag", helpers.DOCUMENTED)
def test_every_type_is_known_by_its_documented_length(tag):
    right = helpers.itch(tag)
    for content in (frames(add(), right), helpers.feed_pcap(mold(1, add(), right))):
        assert [data for _, data in both(content)[0]] == [add(), right]
    wrong = right + b"\0"
    assert [data for _, data in both(frames(add(), wrong))[0]] == [add()]


def test_unknown_types_are_messages_of_any_length():
    known = {tag.encode() for tag in helpers.DOCUMENTED}
    odd = [bytes([tag]) + bytes(tag % 7) for tag in range(256) if bytes([tag]) not in known]
    messages, report = both(frames(add(), *odd))
    assert [data for _, data in messages] == [add(), *odd]
    assert report.problems == []
    with zcviz.open(frames(add(), *odd)) as feed:
        counts = feed.counts()
        assert len(counts) == 256 - 23 + 1
        assert counts["a"] == counts["0x00"] == counts["0x7F"] == counts["0xFF"] == counts[" "] == 1
        assert counts["~"] == counts["A"] == 1
        assert "0x41" not in counts


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("messages", [0, 1, 2, 7, 8, 9, 1000, 1001])
def test_every_tag_is_counted(kind, messages, monkeypatch):
    monkeypatch.setattr("zcviz.index._BLOCK", 4)
    most = np.iinfo(kind).max
    tags = np.random.default_rng(messages).choice([0, 65, 66, most - 1, most], messages)
    tags = tags.astype(kind)
    index = MessageIndex(np.zeros(messages, np.uint32), np.zeros(messages, np.uint16), tags)
    assert index.counts() == dict(sorted(Counter(tags.tolist()).items()))


def test_a_zero_length_ends_the_session_of_a_binaryfile():
    messages, report = both(frames(*[add()] * 3) + b"\0\0")
    assert (len(messages), report.ends, report.problems, report.truncated) == (3, 1, [], None)
    content = frames(*[add()] * 3) + b"\0\0" + frames(add())
    messages, report = both(content)
    assert (len(messages), report.ends) == (3, 1)
    assert problem(report) == ("bytes after the end of the session", 116, 0, 38)


@pytest.mark.parametrize("before", [0, 1, FRAMES - 1, FRAMES, FRAMES + 1, 2 * FRAMES])
@pytest.mark.parametrize("tail", [b"", b"\0", b"\0\x24A", b"\0\0", b"\0\0rest"])
def test_the_units_that_a_walk_cuts_do_not_show(before, tail):
    wrong = frames(b"A short")
    for content in (frames(*[add()] * before) + tail, wrong + frames(*[add()] * before) + tail):
        if before:
            assert len(both(content)[0]) == before


def test_problems_beyond_the_first_hundred_are_counted_only():
    content = frames(add(), *[b"A"] * (MAX_PROBLEMS + 7)) + b"\0\0?"
    _, report = both(content)
    assert len(report.problems) == MAX_PROBLEMS
    assert report.problems_total == MAX_PROBLEMS + 8
    assert {each.what for each in report.problems} == {"length of the message"}


def test_more_messages_than_there_was_room_for_at_first():
    message = delete()
    content = frames(message) * (3 * ROOM + 5)
    with zcviz.open(content) as feed:
        expected = np.arange(len(feed), dtype=np.uint32) * 21 + 2
        assert len(feed) == 3 * ROOM + 5
        assert np.array_equal(feed.index.offsets, expected)


def test_more_datagrams_than_there_was_room_for_at_first():
    piece = pcap(packet(mold(1, delete())))[24:]
    with zcviz.open(pcap() + piece * (2 * ROOM + 3)) as feed:
        assert len(feed) == len(feed.index.datagrams) == 2 * ROOM + 3
        assert np.array_equal(feed.index.datagrams.firsts, np.arange(2 * ROOM + 3))
        assert np.array_equal(
            np.diff(feed.index.datagrams.to_records().astype(int)),
            np.full(2 * ROOM + 2, len(piece)),
        )


def test_a_datagram_of_more_blocks_than_any_room_has():
    big = mold(1, *[b""] * 2000, *[b"z"] * 20000)
    for count in (1, 5):
        messages, report = both(helpers.feed_pcap(*[big] * count))
        assert len(messages) == 20000 * count
        assert report.skipped == {"empty block": 2000 * count}


@pytest.mark.skipif(os.name == "nt", reason="Windows would fill the hole in the file")
def test_offsets_beyond_four_gigabytes(tmp_path):
    # One packet that nearly fills four gigabytes, in a file with a hole where it would be.
    path = tmp_path / "large.pcap"
    tail = helpers.feed_pcap(mold(1, *day()), mold(15, add(stock=b"FAR")))[24:]
    hole = 0xFFFF_FFF0
    with path.open("wb") as file:
        file.write(pcap() + struct.pack("<IIII", 0, 0, hole, hole))
        file.seek(hole, 1)
        file.write(tail)
    with zcviz.open(path) as feed:
        assert feed.index.offsets.dtype == np.uint64
        assert int(feed.index.offsets[0]) > 2**32 - 1
        assert [bytes(record[0]) for record in feed.records()] == [m[:1] for m in [*day(), add()]]
        assert feed.table("A")["stock"].tolist()[-1] == b"FAR     "
        assert feed.table("A").scaled("price")[0] == 300.0
        assert feed.symbols == {1: "AAPL", 2: "MSFT"}
        assert feed.report.skipped == {"not ip": 1}
        columnar = agreement.PIPELINES["columnar"](feed)
    with zcviz.open(pcap() + tail) as feed:
        assert agreement.PIPELINES["copying"](feed) == columnar
        assert feed.index.offsets.dtype == np.uint32


def test_walking_copies_and_reports_along_the_way():
    capture = open_capture(helpers.small_itch())
    report = Report()
    blocks = list(walk(capture, report))
    assert {type(block.data) for block in blocks} == {bytes}
    assert report.problems_total == 2
    assert [block.data for block in walk(capture)] == [block.data for block in blocks]


def test_progress_is_told_as_far_as_the_end():
    content = frames(*[add()] * 1000)
    told = []
    build_index(open_capture(content), lambda done, total: told.append((done, total)))
    assert told[-1] == (len(content), len(content))
    assert told == sorted(told)


def test_the_index_is_read_only_and_looks_at_nothing():
    with zcviz.open(helpers.small_pcap()) as feed:
        index = feed.index
        arrays = [index.offsets, index.sizes, index.tags, *vars(index.datagrams).values()]
        for array in arrays:
            assert not array.flags.writeable
            assert not np.may_share_memory(array, feed.data)
        assert index.offsets.dtype == np.uint32
        assert index.sizes.dtype == np.uint16
        assert index.tags.dtype == np.uint8
        assert index.nbytes == 7 * len(index) + 24 * len(index.datagrams)
        assert index.of_type(ord("R")).tolist() == index.offsets[[1, 2]].tolist()
    assert index.offsets.sum() > 0  # the index outlives its feed


def test_a_problem_reads_like_a_sentence():
    text = str(Problem(1032, "length of the message", 36, 30))
    assert text == "length of the message at byte 1032: expected 36, found 30"


def test_numbered_datagrams_of_the_helpers_are_what_they_say():
    found, _ = both(helpers.feed_pcap(numbered(7, 3)))
    assert [struct.unpack(">Q", data[11:])[0] for _, data in found] == [7000, 8000, 9000]


def test_sequence_numbers_take_all_of_their_64_bits():
    numbers = [1, 2**63 - 1, 2**63, 2**64 - 1]
    datagrams = [mold(number, add()) for number in numbers]
    content = helpers.feed_pcap(*datagrams)
    both(content, "itch50")
    index, _ = build_index(open_capture(content, protocol="itch50"))
    assert index.datagrams is not None
    assert index.datagrams.sequences.tolist() == numbers
