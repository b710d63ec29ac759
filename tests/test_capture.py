"""What a file is, is found out from its content, and from nothing else."""

from __future__ import annotations

import ctypes
import gzip
import itertools
import random
import struct

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, delete, frames, mold, packet, pcap, small_itch, small_pcap
from zcviz.capture import open_capture
from zcviz.errors import BadMagicError, DecodeError, SelectionError, TruncatedError, ZcvizError

DAY = {"A": 1, "C": 2, "D": 1, "E": 1, "F": 1, "P": 1, "Q": 1, "R": 2, "S": 1, "U": 1, "W": 1,
       "X": 1}  # fmt: skip


def day_pcap(**file):
    messages = day()
    return helpers.feed_pcap(mold(1, *messages[:6]), mold(7, *messages[6:]), **file)


FORMS = {
    "binaryfile": (frames(*day()), "binaryfile", 0),
    **{
        f"pcap {order} {unit}": (day_pcap(order=order, unit=unit), "pcap", 2)
        for order in "<>"
        for unit in ("us", "ns")
    },
}
every_form = pytest.mark.parametrize("form", FORMS)
packed_or_not = pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])


@every_form
@packed_or_not
def test_from_every_kind_of_memory(form, packed, as_buffer):
    content, container, packets = FORMS[form]
    with zcviz.open(as_buffer(gzip.compress(content) if packed else content)) as feed:
        assert (feed.container, feed.protocol.name) == (container, "itch50")
        assert feed.compression == ("gzip" if packed else None)
        assert feed.counts() == DAY
        assert feed.report.packets == packets
        assert feed.report.problems_total == 0
        assert feed.report.truncated is None
        assert feed.path is None


@every_form
@packed_or_not
@pytest.mark.parametrize("name", ["feed.itch", "feed.pcap", "feed.gz", "feed.txt", "feed"])
def test_from_a_path_whose_name_may_lie(form, packed, name, tmp_path):
    content, container, _ = FORMS[form]
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    for given in (path, str(path)):
        with zcviz.open(given) as feed:
            assert feed.container == container
            assert feed.compression == ("gzip" if packed else None)
            assert feed.counts() == DAY
            assert (feed.path, feed.name) == (path, name)


@pytest.mark.parametrize(("unit", "tick"), [("us", 1000), ("ns", 1)])
@pytest.mark.parametrize("order", "<>")
def test_the_tick_and_byte_order_of_a_capture(unit, tick, order):
    capture = open_capture(day_pcap(order=order, unit=unit))
    assert capture.records.header_of(24).order == order
    assert capture.start == 24
    assert capture.records.times(np.array([24]))[0] % tick == 0


def test_any_contiguous_buffer_will_do():
    content = frames(*day())
    for buffer in (
        (ctypes.c_uint8 * len(content)).from_buffer_copy(content),
        np.frombuffer(content, ">u2"),
        np.frombuffer(content, np.dtype([("a", "<u2"), ("b", "S8")])),
        np.frombuffer(content, np.uint8).reshape(10, -1),
    ):
        with zcviz.open(buffer) as feed:
            assert feed.counts() == DAY


def test_a_buffer_with_holes_is_refused():
    with pytest.raises(DecodeError, match="contiguous"):
        zcviz.open(np.frombuffer(frames(*day()), np.uint8)[::2])


def test_what_is_no_buffer_is_a_mistake_of_the_caller():
    with pytest.raises(TypeError):
        zcviz.open(5)


@pytest.mark.parametrize("name", ["", "itch42", "ITCH50"])
def test_an_unknown_protocol_is_named(name):
    with pytest.raises(SelectionError, match="itch50"):
        zcviz.open(frames(add()), protocol=name)


def test_a_protocol_of_tables_takes_no_schema():
    with pytest.raises(SelectionError, match="schema"):
        zcviz.open(frames(add()), protocol="itch50", schema="schema.xml")


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        zcviz.open(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        zcviz.open(tmp_path)


# --- what is refused -----------------------------------------------------------------------------

NO_FEED = {
    "text": b"Date,Symbol,Price\n2020-01-30,AAPL,320.14\n" * 20,
    "zeros": bytes(3) + bytes(1000),
    "ones": b"\xff" * 1000,
    "one byte": b"A",
    "a length alone": b"\x00\x24",
    "pcapng of no byte order": b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1b" + bytes(16),
    "old pcap": bytes.fromhex("34cdb2a1") + bytes(40),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "zip": b"PK\3\4" + bytes(100),
    "only unknown types": frames(*[b"z" + bytes(30)] * 20),
    "lengths that fit no type": frames(*[b"A" + bytes(10)] * 20),
    "pcap header cut": small_pcap()[:23],
    "pcap of another protocol": pcap(packet(b"no market data, but a datagram")),
    "gzip of text": gzip.compress(b"hello, this is no market data"),
    "gzip of gzip": gzip.compress(gzip.compress(frames(add()))),
    "gzip header alone": gzip.compress(frames(add()))[:10],
    "not really gzip": b"\x1f\x8b" + bytes(range(100)),
}


@pytest.mark.parametrize("what", NO_FEED)
def test_what_is_no_feed_is_refused_in_words(what):
    with pytest.raises((BadMagicError, TruncatedError)) as caught:
        zcviz.open(NO_FEED[what])
    text = str(caught.value)
    assert "expected" in text
    assert "found" in text
    assert "\n" not in text
    assert caught.value.hexdump()  # of memory that is still there, whatever was closed


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_nothing_is_refused(content, tmp_path):
    with pytest.raises(TruncatedError, match="no bytes"):
        zcviz.open(content)
    path = tmp_path / "empty.itch"
    path.write_bytes(content)
    with pytest.raises(TruncatedError, match="no bytes"):
        zcviz.open(path)


def test_a_refused_file_is_let_go_of(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(NO_FEED["text"])
    held = bytearray(NO_FEED["text"])
    with pytest.raises(BadMagicError) as caught:
        zcviz.open(held)
    held.append(1)  # raises while somebody holds a view
    assert "Date" in caught.value.hexdump()


def test_a_named_protocol_is_taken_at_its_word():
    with zcviz.open(NO_FEED["only unknown types"], protocol="itch50") as feed:
        assert feed.counts() == {"z": 20}
    with zcviz.open(NO_FEED["zeros"], protocol="itch50") as feed:
        assert feed.counts() == {}
        assert feed.report.ends == 1


def test_an_empty_session_is_a_feed_without_messages():
    with zcviz.open(b"\0\0") as feed:
        assert len(feed) == 0
        assert feed.container == "binaryfile"
        assert feed.report.problems_total == 0
    with zcviz.open(pcap()) as feed:
        assert len(feed) == 0
        assert feed.container == "pcap"


def test_the_high_bits_of_the_link_type_are_not_part_of_it():
    with zcviz.open(pcap(packet(mold(1, add())), link=0xF000_0001)) as feed:
        assert feed.counts() == {"A": 1}


# --- gzip ----------------------------------------------------------------------------------------


def many(n=3000):
    noise = random.Random(1)
    return frames(*[add(noise.getrandbits(60), price=noise.getrandbits(31)) for _ in range(n)])


@pytest.mark.parametrize("content", [small_itch(), small_pcap(), small_pcap()[:-7]])
def test_offsets_count_in_the_decompressed_stream(content):
    reports = []
    for given in (content, gzip.compress(content)):
        with zcviz.open(given) as feed:
            reports.append((feed.report, feed.index.offsets.tolist()))
    assert reports[0] == reports[1]


def test_members_of_a_gzip_file_are_read_one_after_another():
    content = many()
    cuts = [0, 1, 5000, 5001, len(content)]
    packed = b"".join(gzip.compress(content[a:b]) for a, b in itertools.pairwise(cuts))
    with zcviz.open(packed + gzip.compress(b"")) as feed:
        assert feed.data.tobytes() == content
        assert feed.report.problems_total == 0


@pytest.mark.parametrize("zeros", [1, 7, 511, 100_000])
def test_padding_after_a_gzip_file_is_no_damage(zeros):
    with zcviz.open(gzip.compress(frames(*day())) + bytes(zeros)) as feed:
        assert feed.counts() == DAY
        assert feed.report.problems_total == 0


def problems_of(feed):
    return [(p.what, p.offset) for p in feed.report.problems]


@pytest.mark.parametrize("garbage", [b"x", b"\x1f", b"\x1f\x8b", b"\0\0garbage" * 50])
def test_garbage_after_a_gzip_file_is_reported(garbage):
    content = frames(*day())
    with zcviz.open(gzip.compress(content) + garbage) as feed:
        assert feed.counts() == DAY
        assert problems_of(feed) == [("gzip data", len(content))]


def test_a_cut_gzip_file_gives_all_that_is_left_of_it():
    content = many()
    packed = gzip.compress(content, 1)
    for cut in (len(packed) // 3, len(packed) - 9, len(packed) - 1):
        with zcviz.open(packed[:cut]) as feed:
            data = feed.data.tobytes()
            assert content.startswith(data)
            assert len(data) > cut  # it was packed
            assert len(feed) == len(data) // 38
            assert problems_of(feed) == [("gzip data", len(data))]
            left = len(data) % 38
            assert feed.report.truncated == ((len(data) - left, left) if left else None)


@pytest.mark.parametrize("wrong", [-1, -4, -5, -8], ids=["size", "size", "checksum", "checksum"])
def test_a_wrong_checksum_costs_no_message(wrong):
    content = many()
    packed = bytearray(gzip.compress(content))
    packed[wrong] ^= 1
    with zcviz.open(packed) as feed:
        assert feed.data.tobytes() == content
        assert problems_of(feed) == [("gzip data", len(content))]


def test_what_stands_before_damage_inside_a_gzip_file_is_kept():
    content = many()
    packed = bytearray(gzip.compress(content))
    start = len(packed) // 2
    kept = []
    for at in range(start, start + 40):
        packed[at] ^= 0xFF
        with zcviz.open(bytes(packed)) as feed:
            assert len(feed) > 0
            assert next(p.what for p in feed.report.problems) == "gzip data"
            data = feed.data.tobytes()
            same = next((i for i, (a, b) in enumerate(zip(data, content, strict=False)) if a != b),
                        len(data))  # fmt: skip
            kept.append(same)
        packed[at] ^= 0xFF
    # What stands before the damaged byte is half of the file, give or take a block's header.
    assert min(kept) > 0.4 * len(content)


def test_a_row_of_zeros_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr("zcviz.decompress.MAX_DECOMPRESSED", 1 << 20)
    with zcviz.open(gzip.compress(frames(*day()) + bytes(50 << 20))) as feed:
        assert feed.counts() == DAY
        assert feed.report.problems[0].what == "decompressed data"
        assert len(feed.data) < 70 << 20  # a step of 64 KiB unpacks to at most 64 MiB


# --- damage of the file around the messages ------------------------------------------------------


def opened(content):
    try:
        feed = zcviz.open(content)
    except ZcvizError:
        return None
    with feed:
        return list(feed.records()), feed.report.truncated


def test_every_cut_of_a_binaryfile_keeps_what_was_whole():
    messages = day()
    content = frames(*messages)
    ends, at = [], 0
    for each in messages:
        at += 2 + len(each)
        ends.append(at)
    for cut in range(3, len(content) + 1):
        records, truncated = opened(content[:cut])
        whole = sum(end <= cut for end in ends)
        assert len(records) == whole
        start = ([0, *ends])[whole]
        assert truncated == (None if start == cut else (start, cut - start))


def test_every_cut_of_a_capture_keeps_what_was_whole():
    content = small_pcap()
    starts, at = [24], 24
    while at < len(content):
        at += 16 + struct.unpack_from("<I", content, at + 8)[0]
        starts.append(at)
    everything, truncated = opened(content)
    assert truncated is None
    for cut in range(len(content) + 1):
        result = opened(content[:cut])
        assert (result is None) == (cut < 24)
        if result is not None:
            records, truncated = result
            assert records == everything[: len(records)]
            start = max(s for s in starts if s <= cut)
            assert truncated == (None if start == cut else (start, cut - start))


def test_a_long_binaryfile_is_sniffed_by_its_beginning():
    # 200 frames of an unknown type come first; one of the first 64 has to fit.
    with zcviz.open(frames(*[b"z123"] * 60, *day(), *[b"z123"] * 200)) as feed:
        assert feed.counts() == {**DAY, "z": 260}
    with pytest.raises(BadMagicError):
        zcviz.open(frames(*[b"z123"] * 100, *day()))


def test_small_files_with_everything_in_them():
    with zcviz.open(small_itch()) as feed:
        counts = {**DAY, "z": 1}
        assert feed.counts() == counts
        assert feed.report.ends == 1
        assert [(p.what, p.expected, p.found) for p in feed.report.problems] == [
            ("length of the message", 36, 30),
            ("bytes after the end of the session", 0, 9),
        ]
        wrong, after = feed.report.problems
        assert small_itch()[wrong.offset : wrong.offset + 30] == helpers.WRONG_LENGTH
        assert small_itch()[after.offset :] == b"left over"
        assert feed.report.truncated is None
    with zcviz.open(frames(delete(), b"A", delete())) as feed:
        assert feed.counts() == {"D": 2}
        assert feed.report.problems_total == 1
