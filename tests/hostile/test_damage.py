"""Damage of every kind: a result that all agree on, or our error; nothing else, and no hang."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests import helpers
from tests.agreement import pipelines_agree, traversals_agree
from tests.hostile.digest import corpus, digest, mutated, restarting
from zcviz.codec import reference
from zcviz.errors import ZcvizError

ROOT = Path(__file__).resolve().parents[2]
SOUND = {
    "binaryfile": helpers.small_itch(),
    "pcap": helpers.small_pcap(),
    "big-endian pcap": helpers.small_pcap(order=">", unit="ns"),
    "sequences": restarting(),
}
every_file = pytest.mark.parametrize("name", SOUND)


def everything_answers(content, protocol=None):
    """Ask a feed all there is to ask; answers must fit each other, or it must be our error."""
    try:
        feed = zcviz.open(content, protocol)
    except ZcvizError:
        return
    with feed:
        info = json.loads(json.dumps(feed.info()))
        assert info["messages"] == len(feed) == sum(info["counts"].values())
        assert info["errors_total"] >= len(info["errors"])
        for error in info["errors"]:
            assert 0 <= error["offset"] <= len(feed.data)
        if info["truncated"] is not None:
            assert info["truncated"]["offset"] + info["truncated"]["bytes"] == len(feed.data)
        known = {tag: n for tag, n in info["counts"].items() if tag in feed.protocol}
        for tag, count in known.items():
            table = feed.table(tag)
            assert len(table) == count
            assert {len(table[name]) for name in table} == {count}
            assert len(table.to_pandas()) == count
            assert isinstance(table._repr_html_(), str)
        records = [view.to_record() for view in feed.views()]
        assert len(records) == sum(known.values())
        assert records == list(feed.records())
        places = zip(feed.index.offsets.tolist(), feed.index.tags.tolist(), strict=True)
        known_places = [(at, feed.protocol[bytes([tag])]) for at, tag in places
                        if bytes([tag]) in feed.protocol]  # fmt: skip
        expected = [reference(message, feed.data, at) for at, message in known_places]
        assert [record._asdict() for record in records] == expected
        if feed.protocol.locate:
            assert set(feed.symbols) <= {record.stock_locate for record in records}
        assert repr(feed)


@every_file
def test_every_truncation(name):
    content = SOUND[name]
    for cut in range(len(content)):
        traversals_agree(content[:cut])


def flipped_bits(content, start=0, stop=None):
    """`content` with each single bit turned round, of the bytes from `start` to `stop`."""
    damaged = bytearray(content)
    for at in range(len(content))[start:stop]:
        for bit in range(8):
            damaged[at] ^= 1 << bit
            yield bytes(damaged)
            damaged[at] ^= 1 << bit


@pytest.mark.parametrize("name", ["binaryfile", "pcap", "big-endian pcap"])
def test_every_flipped_bit(name):
    # In the headers of a capture, and of its first packets; the others come one by one.
    for damaged in flipped_bits(SOUND[name], stop=None if name == "binaryfile" else 240):
        traversals_agree(damaged)


@pytest.mark.parametrize("number", range(len(helpers.odd_packets())))
def test_every_flipped_bit_of_a_packet(number):
    # With another behind it, which a wrong length runs into.
    odd, behind = helpers.odd_packets()[number], helpers.packet(helpers.mold(22, helpers.add()))
    start, stop = len(helpers.pcap()), len(helpers.pcap(odd))
    for damaged in flipped_bits(helpers.pcap(odd, behind), start, stop):
        traversals_agree(damaged, "itch50")


@every_file
def test_pipelines_agree_on_damage(name):
    content = SOUND[name]
    noise = random.Random(7)
    for at in range(0, len(content), 1 + len(content) // 250):
        damaged = bytearray(content)
        damaged[at] ^= 1 << noise.randrange(8)
        pipelines_agree(bytes(damaged))
        pipelines_agree(content[:at])


@every_file
def test_everything_answers_on_damage(name):
    content = SOUND[name]
    noise = random.Random(8)
    everything_answers(content)
    for _ in range(60):
        everything_answers(mutated(content, noise))


def test_damaged_gzip():
    packed = bytearray(gzip.compress(SOUND["binaryfile"], mtime=0))
    for at in range(len(packed)):
        traversals_agree(bytes(packed[:at]))
        for bit in range(8):
            packed[at] ^= 1 << bit
            traversals_agree(bytes(packed))
            packed[at] ^= 1 << bit


@given(st.binary(max_size=300))
def test_any_bytes(content):
    traversals_agree(content)
    traversals_agree(content, "itch50")
    everything_answers(content, "itch50")


@given(st.binary(max_size=400), st.sampled_from([helpers.pcap(order=o) for o in "<>"]))
def test_any_bytes_as_a_capture(content, header):
    traversals_agree(header + content)


@given(st.binary(max_size=300), st.booleans())
def test_any_frame(frame, big):
    traversals_agree(helpers.pcap(frame, (frame, 70_000), order=">" if big else "<"))


@given(st.binary(max_size=120), st.integers(0, 0xFFFF), st.integers(0, 2**64 - 1))
def test_any_datagram(blocks, count, sequence):
    datagram = helpers.mold(sequence, count=count) + blocks
    content = helpers.feed_pcap(datagram, datagram, helpers.numbered(1, 2))
    traversals_agree(content)
    everything_answers(content)


lengths = st.one_of(st.integers(0, 60), st.integers(0, 0xFFFF))


@given(st.lists(st.tuples(lengths, st.binary(max_size=50)), max_size=12))
def test_any_lengths(frames):
    content = b"".join(size.to_bytes(2, "big") + body for size, body in frames)
    traversals_agree(content, "itch50")
    pipelines_agree(content, "itch50")
    block = helpers.mold(1, count=len(frames)) + content
    if len(block) < 60_000:
        traversals_agree(helpers.feed_pcap(block, block))


pieces = st.sampled_from([*helpers.odd_packets(), *map(helpers.packet, helpers.day())])


@settings(max_examples=100)
@given(st.lists(pieces, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_odd_packets_mutated(packets, noise, damage):
    content = helpers.pcap(*packets)
    for each in (mutated(content, noise) if damage else content,):
        traversals_agree(each)
        pipelines_agree(each)
        everything_answers(each)


messages = st.sampled_from([*helpers.day(), helpers.UNKNOWN, helpers.WRONG_LENGTH])


@settings(max_examples=100)
@given(st.lists(messages, max_size=90), st.randoms(use_true_random=False))
def test_any_order_of_messages_mutated(messages, noise):
    content = mutated(helpers.frames(*messages), noise)
    traversals_agree(content, "itch50")
    pipelines_agree(content, "itch50")
    everything_answers(content)


def test_compiled_and_plain_kernels_find_the_same():
    env = {**os.environ, "ZCVIZ_NO_NUMBA": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.digest"],
        env=env, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    plain = done.stdout.splitlines()
    ours = [digest(content) for content in corpus()]
    assert len(ours) == len(plain) > 200
    for here, there in zip(ours, plain, strict=True):
        assert here == there
    assert sum(line.startswith("refused") for line in ours) < len(ours) // 2
