"""Viewed, copied, derived: by address, on files small enough to count by hand."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.agreement import EVERY_PIPELINE
from tests.helpers import add, delete, feed_pcap, frames, mold, trade
from zcviz.buffers import address_of
from zcviz.codec import record_of
from zcviz.protocols.itch50 import ORDER_DELETE
from zcviz.trace.ledger import Entry, Ledger, Part, array_part, parts, wire_buffer

MESSAGES = [add(), delete(), helpers.UNKNOWN, trade(), add()]  # 36, 19, 21, 44 and 36 bytes
SIZES = [36, 19, 21, 44, 36]


@pytest.fixture
def binaryfile(tmp_path):
    # A file: of a `bytes` object that fits into one unit, the whole would be cut out, and CPython
    # hands out the object itself for that.
    path = tmp_path / "five.itch"
    path.write_bytes(frames(*MESSAGES))
    with zcviz.open(path) as feed:
        yield feed


@pytest.fixture
def capture():
    # A heartbeat, two datagrams, and a frame of others: what a packet costs is counted for all.
    content = helpers.pcap(
        helpers.packet(mold(1)), helpers.packet(mold(1, *MESSAGES[:2])),
        helpers.ethernet(b"", kind=0x806), helpers.packet(mold(3, *MESSAGES[2:])),
    )  # fmt: skip
    with zcviz.open(content) as feed:
        yield feed


def entries(feed, name, *, stepped=False):
    """The ledger of one pass, stage by stage."""
    ledger = Ledger((feed.source.address, feed.source.size))
    run = EVERY_PIPELINE[name].start(feed, stepped=stepped)
    while (results := run.step()) is not None:
        for each in results:
            ledger.note(each.stage.name, each.input, each.output)
    return ledger.entries


PACKETS = sum(len(helpers.packet(d)) for d in (mold(1), mold(1, *MESSAGES[:2]),
                                               mold(3, *MESSAGES[2:]))) + 60  # fmt: skip
DATAGRAMS = 3 * 20 + sum(SIZES) + 5 * 2
KNOWN = sum(SIZES) - 21  # records are made of known types only


def test_copying_copies_each_packet_datagram_message_and_record(capture):
    found = entries(capture, "copying")
    assert found["packet"] == Entry(copied=PACKETS)
    assert found["datagram"] == Entry(copied=DATAGRAMS)
    assert found["message"] == Entry(copied=sum(SIZES))
    assert found["record"] == Entry(copied=KNOWN)
    assert (found["summary"].viewed, found["summary"].copied) == (0, 0)
    assert found["summary"].derived > 0


def test_copying_a_binaryfile(binaryfile):
    found = entries(binaryfile, "copying")
    assert found["packet"] == Entry(copied=sum(SIZES) + 5 * 2)
    assert found["message"] == Entry(copied=sum(SIZES))
    assert found["record"] == Entry(copied=KNOWN)
    assert "datagram" not in found


def test_slicing_views_what_copying_copies_and_copies_the_records(capture):
    found = entries(capture, "slicing")
    assert found["packet"] == Entry(viewed=PACKETS)
    assert found["datagram"] == Entry(viewed=DATAGRAMS)
    assert found["message"] == Entry(viewed=sum(SIZES))
    assert found["record"] == Entry(copied=KNOWN)


@pytest.mark.parametrize("which", ["binaryfile", "capture"])
def test_a_flyweight_copies_nothing_at_all(which, request):
    feed = request.getfixturevalue(which)
    found = entries(feed, "flyweight")
    assert sum(entry.copied for entry in found.values()) == 0
    packets = sum(SIZES) + 10 if which == "binaryfile" else PACKETS
    assert found["packet"] == Entry(viewed=packets)
    assert found["message"] == Entry(viewed=sum(SIZES), derived=16 * 5)


GATHERED = {"A": 6 + 2 + 4 + 4, "D": 6, "P": 6 + 2 + 4 + 4}  # time, locate, shares, price


@pytest.mark.parametrize("which", ["binaryfile", "capture"])
@pytest.mark.parametrize("stepped", [False, True])
def test_columnar_copies_the_wire_bytes_of_the_gathered_fields(which, stepped, request):
    feed = request.getfixturevalue(which)
    found = entries(feed, "columnar", stepped=stepped)
    assert found["index"] == Entry(derived=5 * 7)
    gathered = 2 * GATHERED["A"] + GATHERED["D"] + GATHERED["P"]
    assert found["gather"] == Entry(copied=gathered, derived=4 * 4)  # an offset a known message
    assert (found["summary"].copied, found["summary"].viewed) == (0, 0)


def test_the_index_of_a_feed_costs_seven_bytes_a_message_and_24_a_datagram(binaryfile, capture):
    def derived(index):
        return sum(part.nbytes for part in parts(index) if part.kind == "derived")

    assert derived(binaryfile.index) == 5 * 7 == binaryfile.index.nbytes
    packets = 24 * len(capture.index.datagrams)
    assert derived(capture.index) == 5 * 7 + packets == capture.index.nbytes


@pytest.mark.parametrize("name", EVERY_PIPELINE)
def test_the_source_of_the_memory_does_not_matter(name, as_buffer):
    content = feed_pcap(mold(1, *MESSAGES), mold(6, *MESSAGES))
    with zcviz.open(content) as one, zcviz.open(as_buffer(content)) as two:
        assert entries(one, name) == entries(two, name)


# --- viewed is what overlaps, by address ---------------------------------------------------------


def entry_of(given, output, source=(0, 0)):
    ledger = Ledger(source)
    ledger.note("stage", given, output)
    return ledger.entries["stage"]


def test_an_output_is_viewed_if_and_only_if_it_overlaps():
    data = bytearray(100)
    view = memoryview(data)
    assert entry_of(data, view[10:20]) == Entry(viewed=10)
    assert entry_of(data, bytes(view[10:20])) == Entry(copied=10)
    assert entry_of(view[:50], view[49:60]) == Entry(viewed=11)
    assert entry_of(view[:50], view[50:60]) == Entry(copied=10)
    assert entry_of(b"", view[50:60], address_of(data)) == Entry(viewed=10)
    assert entry_of(data, view[10:10]) == Entry()


def test_no_stage_can_claim_what_addresses_deny():
    data = bytearray(100)
    same = np.frombuffer(data, np.uint8)
    assert entry_of(data, same) == Entry(viewed=100)  # an array counts as derived where fresh
    assert entry_of(data, same.copy()) == Entry(derived=100)
    assert entry_of(data, np.frombuffer(bytes(data), np.uint8)[3:]) == Entry(derived=97)


def test_one_of_many_inputs_is_enough():
    pieces = [bytearray(10) for _ in range(20)]
    views = [memoryview(piece)[2:5] for piece in pieces]
    assert entry_of(pieces, views) == Entry(viewed=60)
    assert entry_of(pieces[::2], views) == Entry(viewed=30, copied=30)
    assert entry_of(tuple(pieces[::-1]), [views[3], bytes(4)]) == Entry(viewed=3, copied=4)


def test_neighbours_in_memory_are_no_overlap():
    room = (ctypes.c_uint8 * 30)()
    left, middle, right = (memoryview(room)[at : at + 10] for at in (0, 10, 20))
    assert entry_of([left, right], middle) == Entry(copied=10)
    assert entry_of([left, right], memoryview(room)[9:21]) == Entry(viewed=12)
    assert entry_of([right, middle, left], memoryview(room)[5:25]) == Entry(viewed=20)


def test_kinds_are_fixed_once_for_all():
    record = record_of(ORDER_DELETE)(delete())
    assert list(parts(record)) == [Part("wire", 19)]
    assert list(parts([(68, record), (90, None)])) == [Part("wire", 19)]
    assert list(parts(5)) == list(parts(None)) == []
    (part,) = parts(object())
    assert part.kind == "derived"
    assert part.address is None
    for buffer in (bytearray(4), memoryview(bytearray(4)), bytes(4)):
        (part,) = parts(buffer)
        assert (part.kind, part.nbytes, part.span) == ("wire", 4, 4)
        assert part.address == np.frombuffer(buffer, np.uint8).ctypes.data


def test_columns_count_in_wire_bytes():
    column = np.zeros(10, np.uint64)
    part = array_part("wire", column, 6)
    assert (part.nbytes, part.span, part.address) == (60, 80, column.ctypes.data)
    part = array_part("derived", column, 0)
    assert (part.nbytes, part.span) == (80, 80)
    with mmap.mmap(-1, 10) as room:
        assert wire_buffer(room).nbytes == 10


def test_an_accumulator_is_counted_once_at_its_last_size():
    ledger = Ledger((0, 0))
    growing = [np.zeros(10, np.uint8)]
    ledger.note("summary", b"", growing)
    growing.append(np.zeros(5, np.uint8))
    ledger.note("summary", b"", growing)
    ledger.note("summary", b"", growing)
    assert ledger.entries["summary"] == Entry(derived=15)
    ledger.note("summary", b"", [np.zeros(7, np.uint8)])
    assert ledger.entries["summary"] == Entry(derived=22)


def test_entries_add_and_subtract():
    entry = Entry(1, 2, 3)
    entry.add(Entry(10, 20, 30))
    assert entry == Entry(11, 22, 33)
    entry.subtract(Entry(1, 2, 3))
    assert entry == Entry(10, 20, 30)
