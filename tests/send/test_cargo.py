"""What is sent: the datagrams of a feed where they lie, or made of a BinaryFILE."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, feed_pcap, frames, mold, numbered, packet
from tests.packets import enhanced, interface, section
from zcviz import samples
from zcviz.errors import BufferLifetimeError, SelectionError
from zcviz.protocols import FEEDS
from zcviz.send import cargo_of

NANO = 10**9


def payloads(cargo):
    heads = [b""] * len(cargo) if cargo.headers is None else map(bytes, cargo.headers)
    return [
        head + bytes(cargo.data[start : start + size])
        for head, start, size in zip(heads, cargo.starts, cargo.sizes, strict=True)
    ]


def test_a_capture_is_sent_as_it_lies_there():
    datagrams = [numbered(1, 2), mold(3), numbered(3, 1), helpers.end_of_session(4)]
    with zcviz.open(feed_pcap(*datagrams)) as feed:
        cargo = cargo_of(feed)
        assert payloads(cargo) == datagrams
        assert cargo.headers is None
        assert zcviz.shares_memory(cargo.data, feed.data)
        assert cargo.numbers.tolist() == [2, 0, 1, 0]
        assert cargo.firsts.tolist() == [22, -1, 22, -1]
        assert (np.diff(cargo.times) == NANO + 0).all()
        assert payloads(cargo.tail(2)) == datagrams[2:]


@pytest.mark.parametrize("name", sorted(FEEDS))
@pytest.mark.parametrize("container", ["pcap", "pcapng"])
def test_every_feed_in_every_capture(name, container):
    schema = samples.SCHEMAS.get(name)
    made = samples.small(name, container)
    with zcviz.open(made.data, name) as feed:
        cargo = cargo_of(feed)
        assert len(cargo) == made.truth["datagrams"]
        assert cargo.numbers.sum() >= (made.truth["datagrams"] if schema else 0) // 2
        assert (np.diff(cargo.times) >= 0).all()


def test_a_time_that_is_missing_or_goes_back_is_the_one_before():
    unit = [5 * 10**6, 3 * 10**6, 9 * 10**6]
    blocks = [enhanced(packet(numbered(n + 1, 1)), units=unit[n]) for n in range(3)]
    with zcviz.open(section() + interface() + b"".join(blocks)) as feed:
        assert (cargo_of(feed).times // 10**9).tolist() == [5, 5, 9]


def test_a_binaryfile_becomes_what_the_samples_make_of_it(tmp_path):
    itch, pcap = samples.make(tmp_path, 20_000)
    with zcviz.open(itch) as one, zcviz.open(pcap) as two:
        packed, captured = cargo_of(one), cargo_of(two)
        assert payloads(packed) == payloads(captured)
        assert np.array_equal(np.diff(packed.times), np.diff(captured.times))
        for name in ("sequences", "numbers", "firsts"):
            assert np.array_equal(getattr(packed, name), getattr(captured, name)), name
        del packed, captured


@pytest.mark.parametrize("span", [1, 7, 1000])
def test_packing_in_spans_loses_nothing(itch_file, monkeypatch, span):
    monkeypatch.setattr("zcviz.send.packing._SPAN", span)
    with zcviz.open(itch_file) as feed:
        cargo = cargo_of(feed)
        made = payloads(cargo)
        assert b"".join(each[20:] for each in made) == itch_file.read_bytes()
        check_numbers(made)
        del cargo


def check_numbers(made):
    following = 1
    for each in made:
        _, sequence, count = struct.unpack_from(">10sQH", each)
        assert sequence == following
        following += count if count != 0xFFFF else 0


def test_so_many_messages_a_datagram(itch_file):
    with zcviz.open(itch_file) as feed:
        for messages in (1, 3, 1000):
            made = payloads(cargo_of(feed, messages))
            assert len(made) == -(-len(feed) // messages)
            assert b"".join(each[20:] for each in made) == itch_file.read_bytes()
            check_numbers(made)
        for messages in (0, -1, 70_000):
            with pytest.raises(SelectionError, match="messages a datagram"):
                cargo_of(feed, messages)
    with zcviz.open(feed_pcap(numbered(1, 2))) as feed, pytest.raises(SelectionError):
        cargo_of(feed, 2)


def test_frames_that_are_damaged_or_unknown_are_blocks_like_others():
    known = day()
    content = frames(known[0], b"z" + b"\xff" * 40, add()[:30], *known[1:])
    with zcviz.open(content) as feed:
        assert feed.info()["errors_total"] == 1
        cargo = cargo_of(feed)
    made = payloads(cargo)
    assert b"".join(each[20:] for each in made) == content
    check_numbers(made)
    # Nor is there a jump in time to what an unknown message seems to tell.
    assert cargo.times[-1] - cargo.times[0] < 60 * NANO


def test_without_a_clock_there_are_no_times():
    made = samples.small("itch41", "binaryfile") if "itch41" in FEEDS else None
    if made is None:
        pytest.skip("no such feed")
    with zcviz.open(made.data, "itch41") as feed:
        cargo = cargo_of(feed)
        assert cargo.times is None
        assert (
            b"".join(each[20:] for each in payloads(cargo)) == made.data[: int(cargo.sizes.sum())]
        )


def test_nothing_to_send_is_said():
    nothing = {"frames": frames(*day())[:1] + b"\0", "packets": helpers.pcap(packet(b"tiny"))}
    for content in nothing.values():
        with zcviz.open(content, "itch50") as feed, pytest.raises(SelectionError, match="itch50"):
            cargo_of(feed)
    made = samples.small("itch50", "soupbintcp")
    with zcviz.open(made.data) as feed, pytest.raises(SelectionError, match="TCP"):
        cargo_of(feed)


def test_a_closed_feed_is_refused(itch_file):
    feed = zcviz.open(itch_file)
    feed.close()
    with pytest.raises(BufferLifetimeError):
        cargo_of(feed)


def test_only_moldudp64_has_headers_to_set_apart():
    with zcviz.open(feed_pcap(numbered(1, 2), mold(3))) as feed:
        cargo = cargo_of(feed)
        apart = cargo.with_headers()
        assert apart.header_size == 20
        assert payloads(apart) == payloads(cargo)
        assert apart.with_headers() is apart
    with zcviz.open(samples.small("tops16").data) as feed, pytest.raises(SelectionError):
        cargo_of(feed).with_headers()
