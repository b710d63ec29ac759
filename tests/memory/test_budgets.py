"""What zcviz says it allocates is what it allocates, with some slack."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, delete, frames, mold, packet, pcap, trade
from zcviz import samples
from zcviz.bench.comparison import compare
from zcviz.codec import gather
from zcviz.pipelines import PIPELINES

MB = 1 << 20


class Peak:
    bytes = 0
    held = 0


@contextmanager
def peak():
    """The most memory that tracemalloc saw allocated inside the block, above what there was."""
    found = Peak()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield found
        now, most = tracemalloc.get_traced_memory()
        found.bytes, found.held = most - before, now - before
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A BinaryFILE and a capture of about 50 MB each."""
    folder = tmp_path_factory.mktemp("large")
    itch, captured = folder / "large.itch", folder / "large.pcap"
    piece = frames(*day())
    itch.write_bytes(piece * (50 * MB // len(piece)))
    datagram = pcap(packet(mold(1, *day())))[24:]
    captured.write_bytes(pcap() + datagram * (50 * MB // len(datagram)))
    for path in (itch, captured):  # kernels are compiled, modules imported
        with zcviz.open(path) as feed:
            head = feed.head(1000)
            for pipeline in PIPELINES.values():
                pipeline(head)
            list(head.views())
            head.close()
            feed.table("A").rows(0, 10).to_pandas()
    return {"binaryfile": itch, "pcap": captured}


both = pytest.mark.parametrize("kind", ["binaryfile", "pcap"])


@both
def test_opening_copies_nothing(large, kind):
    with peak() as found:
        feed = zcviz.open(large[kind])
    assert feed.source.size > 49 * MB
    assert found.bytes < MB // 4
    feed.close()


def test_opening_bytes_copies_nothing(large):
    content = large["binaryfile"].read_bytes()
    with peak() as found:
        feed = zcviz.open(content)
        assert zcviz.shares_memory(feed.data, content)
    assert found.bytes < MB // 4
    assert zcviz.overlap(feed.data, content) == len(content)


@both
def test_an_index_takes_seven_bytes_a_message_and_twenty_four_a_datagram(large, kind):
    with zcviz.open(large[kind]) as feed:
        with peak() as found:
            count = len(feed)
        datagrams = 0 if kind == "binaryfile" else len(feed.index.datagrams)
    assert count > 1_000_000
    budget = 7 * count + 24 * datagrams
    assert feed.index.nbytes == budget
    assert budget <= 11 * count
    # One growing from the first room to the length that was guessed, a twentieth too much.
    assert found.held < 1.06 * budget + 3 * MB
    assert found.bytes < 1.06 * budget + 8 * MB


@both
def test_views_allocate_nothing_that_grows(large, kind):
    with zcviz.open(large[kind]) as feed:
        len(feed)
        peaks = []
        for some in (20_000, 100_000):
            views = feed.views()
            with peak() as found:
                total = 0
                for _, view in zip(range(some), views, strict=False):
                    total += view.stock_locate
            peaks.append(found.bytes)
            views.close()
        assert max(peaks) < MB
        assert peaks[1] < peaks[0] + MB // 16


@both
@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_allocate_nothing_that_grows(large, kind, name):
    # Columnar: a block of messages and arrays for every locate there can be. The others: a packet.
    budget = 16 * MB if name == "columnar" else MB
    with zcviz.open(large[kind]) as feed:
        head = feed.head(1_000_000 if name == "columnar" else 20_000)
        with peak() as found:
            PIPELINES[name](head)
        head.close()
        del head
        gc.collect()
    assert found.bytes < budget


def test_a_column_allocates_itself(large):
    with zcviz.open(large["binaryfile"]) as feed:
        message = feed.protocol["R"]
        table = feed.table("R")
        assert len(table) > 3 * 65_536
        for name in table:
            with peak() as found:
                column = gather(feed.data, table.offsets, message, name)
            assert column.nbytes == len(table) * column.itemsize
            # numpy picks text in pieces of 65,536 values, and needs them and their places for it
            assert found.bytes < column.nbytes + 65_536 * (8 + 8 + 8) + MB // 4
            out = np.empty_like(column)
            with peak() as found:
                gather(feed.data, table.offsets, message, name, out)
            assert found.bytes < 65_536 * (8 + 8 + 8) + MB // 4


def test_a_table_allocates_offsets_now_and_columns_when_asked(large):
    with zcviz.open(large["binaryfile"]) as feed:
        count = len(feed)
        with peak() as found:
            table = feed.table("A")
        assert found.held < table.offsets.nbytes + MB // 4
        assert found.bytes < table.offsets.nbytes + count + MB // 4  # and a mask of all messages
        with peak() as found:
            table["price"]
        assert table["price"].nbytes <= found.held < table["price"].nbytes + MB // 4
        with peak() as found:
            table["price"]
        assert found.bytes < 4096


def test_accounting_takes_little_a_datagram():
    content = pcap(*[packet(helpers.numbered(n, 1)) for n in range(1, 50_000)])
    with zcviz.open(content) as feed:
        count = len(feed.index.datagrams)
        with peak() as found:
            assert feed.sequences.gaps == 0
    assert found.bytes < 120 * count


def test_a_gzip_file_is_in_memory_once(large, tmp_path):
    import gzip

    content = large["binaryfile"].read_bytes()[: 16 * MB]
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(content, 1))
    with peak() as found:
        feed = zcviz.open(path)
    # A bytearray grows by an eighth, and moves when it has to.
    assert len(content) <= found.held < 1.2 * len(content) + MB
    assert found.bytes < 2.3 * len(content) + 70 * MB
    feed.close()


def test_records_live_as_long_as_they_are_kept():
    content = frames(*[add(), delete(), trade()] * 2000)
    with zcviz.open(content) as feed:
        len(feed)
        list(zip(range(10), feed.records(), strict=False))
        with peak() as found:
            for _ in feed.records():
                pass
        assert found.bytes < MB // 2
        with peak() as kept:
            records = list(feed.records())
        assert kept.held > 6000 * 100
        assert len(records) == 6000


def test_comparing_lets_go_of_everything():
    content = frames(*day()) * 100
    with zcviz.open(content) as feed:
        compare(feed, rounds=1)
        with peak() as found:
            kept = compare(feed, ["columnar"], rounds=1)
            gc.collect()
    assert found.held < MB
    assert kept.messages == 1400


@pytest.mark.parametrize("feed", ["mdp3", "deribit"])
def test_opening_with_a_schema_again_and_again_holds_nothing_more(feed):
    content = samples.small(feed, "pcap", 12).data

    def look():
        with zcviz.open(content, schema=samples.SCHEMAS[feed]) as opened:
            list(opened.records())
            list(opened.views())

    look()
    with peak() as seen:
        for _ in range(10):
            look()
    assert seen.held < 100_000  # it was 300 KB each time
