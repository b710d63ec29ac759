"""A capture file in place of the network."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

import zcviz
from tests import helpers
from zcviz import receive
from zcviz.errors import BadMagicError, BufferLifetimeError, SelectionError, TruncatedError
from zcviz.kernels.messages import DATAGRAM
from zcviz.samples import make


@pytest.fixture(scope="module")
def feed_file(tmp_path_factory):
    return make(tmp_path_factory.mktemp("replay"), 2000)[1]


@pytest.mark.parametrize("slots", [1, 7, 4096])
def test_all_datagrams_come_in_order(feed_file, slots):
    data = feed_file.read_bytes()
    with receive.open("replay", file=feed_file, slots=slots) as receiver:
        batches = [[bytes(view) for view in batch] for batch in receiver.batches()]
        assert all(len(batch) <= slots for batch in batches)
        got = [payload for batch in batches for payload in batch]
        assert receiver.receive() is None and receiver.receive(1) is None
        counters = receiver.counters
    assert counters.datagrams == len(got) > 100
    assert counters.bytes == sum(map(len, got))
    assert (counters.cut, counters.dropped, counters.lost, counters.syscalls) == (
        0,
        None,
        None,
        None,
    )
    at = -1
    for payload in got:
        at = data.index(payload, at + 1)


def test_batches_are_the_map_itself_and_know_their_times(feed_file):
    data = feed_file.read_bytes()
    with receive.open("replay", file=str(feed_file), slots=50) as receiver:
        addresses = set()
        before = 0
        for batch in receiver.batches():
            addresses.add(batch.memory.ctypes.data)
            assert not batch.memory.flags.writeable
            start, stop = batch.table[0, [DATAGRAM.START, DATAGRAM.STOP]].tolist()
            assert bytes(batch[0]) == data[start:stop]
            assert before <= batch.times[0] and (np.diff(batch.times) >= 0).all()
            before = batch.times[-1]
        assert len(addresses) == 1


def test_a_packed_capture_is_replayed_too(feed_file, tmp_path):
    packed = tmp_path / "feed.pcap.gz"
    packed.write_bytes(gzip.compress(feed_file.read_bytes(), 1))
    with receive.open("replay", file=packed) as one, receive.open("replay", file=feed_file) as two:
        for mine, other in zip(one.batches(), two.batches(), strict=True):
            assert [bytes(view) for view in mine] == [bytes(view) for view in other]


def test_damage_is_passed_over_and_counted(pcap_file):
    with receive.open("replay", file=pcap_file) as receiver:
        datagrams = sum(len(batch) for batch in receiver.batches())
        counters = receiver.counters
    assert datagrams == counters.datagrams > 10
    assert receiver.skipped > 0
    with zcviz.open(pcap_file) as feed:
        assert datagrams + receiver.skipped == feed.info()["packets"]


def test_closing_is_refused_while_somebody_looks_into_the_map(feed_file):
    receiver = receive.open("replay", file=feed_file)
    batch = receiver.receive()
    kept_by_me = batch[0]
    with pytest.raises(BufferLifetimeError, match="memoryview 'kept_by_me'"):
        receiver.close()
    assert not receiver.closed
    del kept_by_me
    receiver.close()  # the batch itself is no hindrance
    assert receiver.closed and batch.released
    assert "closed" in repr(receiver)


def test_debug_mode_names_a_view_that_is_kept(feed_file):
    with receive.open("replay", file=feed_file, debug=True, slots=5) as receiver:
        kept_by_me = receiver.receive()[0]
        with pytest.raises(BufferLifetimeError, match="memoryview 'kept_by_me'"):
            receiver.receive()
        del kept_by_me
        assert len(receiver.receive()) == 5


def test_what_cannot_be_replayed(tmp_path, itch_file):
    with pytest.raises(SelectionError, match="file: expected a capture file to replay, found none"):
        receive.open("replay")
    with pytest.raises(SelectionError, match="expected packets, found binaryfile"):
        receive.open("replay", file=itch_file)
    with pytest.raises(FileNotFoundError):
        receive.open("replay", file=tmp_path / "nothing")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    with pytest.raises(TruncatedError):
        receive.open("replay", file=empty)
    other = tmp_path / "other"
    other.write_bytes(b"not a capture at all " * 10)
    with pytest.raises((BadMagicError, SelectionError)):
        receive.open("replay", file=other)


def test_what_is_in_the_datagrams_does_not_matter(tmp_path):
    file = tmp_path / "any.pcap"
    file.write_bytes(helpers.pcap(helpers.packet(b"anything")))
    with receive.open("replay", file=file) as receiver:
        assert [bytes(view) for view in receiver.receive()] == [b"anything"]
