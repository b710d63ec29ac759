"""Any bytes, for every feed in every container: answers that fit each other, or our error.

Run as a module, it prints the answers to a part of the files; with ZCVIZ_NO_NUMBA=1 it has to
print the same.
"""

from __future__ import annotations

import gzip
import importlib
import json
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests import helpers
from tests.agreement import pipelines_agree, traversals_agree
from tests.hostile.answers import answers
from tests.packets import mutated
from tests.parity.test_traversals import EVERY, small
from tests.sbe import paths
from zcviz import samples
from zcviz.codec.groups import group_of
from zcviz.cutting import Cutter
from zcviz.kernels import COMPILED
from zcviz.protocols import FEEDS
from zcviz.samples import SCHEMAS
from zcviz.spec import Field, Message

ROOT = Path(__file__).resolve().parents[2]
every_file = pytest.mark.parametrize(("feed", "container"), EVERY)
every_feed = pytest.mark.parametrize("feed", FEEDS)

FIXED, PER_BYTE = 24 << 20, 120
"""How much memory a file may take: for arrays that it starts with, and for each of its bytes."""


def peak(content, feed) -> float:
    """Memory that it takes to look into a file, as a part of what it may take."""
    tracemalloc.start()
    try:
        answers(content, feed, SCHEMAS.get(feed), summaries=False)
        return tracemalloc.get_traced_memory()[1] / (FIXED + PER_BYTE * len(content))
    finally:
        tracemalloc.stop()


# --- what is done to them ------------------------------------------------------------------------


def overwritten(content: bytes, at: int, field: Field, order: str) -> Iterator[bytes]:
    """`content` with the number at `at` made absurd, in each of several ways."""
    size = field.type.size
    most = (1 << 8 * size) - 1
    for value in (0, 1, most, most - 1, 1 << 8 * size - 1, most >> 1):
        number = value.to_bytes(size, "big" if order == ">" else "little")
        yield content[:at] + number + content[at + size :]


def numbers(content: bytes, feed: str) -> Iterator[tuple[int, Field, str]]:
    """Where each number of the framing, and of SBE's own headers, first stands, and what it is."""

    def of(message: Message, at: int) -> Iterator[tuple[int, Field, str]]:
        for field in message.fields:
            if field.type.is_number and field.constant is None:
                yield at + field.offset, field, message.order

    with zcviz.open(content, feed, SCHEMAS.get(feed)) as opened:
        framing, index = opened.capture.framing, opened.index
        if index.datagrams is not None:
            carrying = int(np.flatnonzero(index.datagrams.blocks)[0])
            yield from of(framing.header, int(index.datagrams.offsets[carrying]))
        if framing.prefix is not None:
            yield from of(framing.prefix, int(index.offsets[0]) - framing.prefix.size)
        if opened.protocol.head is not None:
            yield from of(opened.protocol.head, int(index.offsets[0]))
        for message in opened.protocol:
            for path in paths(message) if opened.counts().get(message.tag_text) else ():
                entries, group = opened.table(message.name).group(path), group_of(message, path)
                if len(entries):
                    yield from of(group.dimension, int(entries.offsets[0]) - group.dimension.size)


def absurd(feed: str, container: str = "pcap") -> Iterator[bytes]:
    """A sound file in which one number is absurd."""
    content = small(feed, container, 24 if feed in SCHEMAS else 8)
    for at, field, order in numbers(content, feed):
        yield from overwritten(content, at, field, order)


def wrapped(feed: str, body: bytes, count: int, payload: int | None = None) -> bytes:
    """Two datagrams of any body, each behind a header that is in order, or lies of the payload."""
    framing = next(each for each in FEEDS[feed].framings if each.header is not None)
    header = framing.header
    size = len(body) if payload is None else payload
    values = {framing.sequence: 1, framing.count: count, framing.payload: size}
    values |= {field.name: b"TEXT" for field in header.fields if field.type.kind == "alpha"}
    values |= framing.fixed
    said = b""
    for field in header.fields:
        value = values.get(field.name, 0)
        order = "big" if header.order == ">" else "little"
        size = field.type.size
        said += value.ljust(size) if isinstance(value, bytes) else value.to_bytes(size, order)
    return helpers.feed_pcap(said + body, said + body)


# --- the tests -----------------------------------------------------------------------------------


@every_file
def test_sound_files_answer(feed, container):
    content = small(feed, container)
    told = answers(content, None, SCHEMAS.get(feed), frames=True)
    assert not told[0].startswith("refused")
    assert len(told) > len(FEEDS[feed].messages)
    assert peak(content, feed) < 1


@every_file
def test_mutated_files_answer(feed, container):
    content, noise = small(feed, container), random.Random(feed + container)
    for number in range(5):
        damaged = mutated(content, noise, 4 if container == "pcapng" else 1)
        answers(damaged, feed if number % 2 else None, SCHEMAS.get(feed), frames=not number)


@pytest.mark.slow
@every_file
def test_many_mutated_files_answer(feed, container):
    noise = random.Random(0)
    for number in range(150):
        damaged = mutated(small(feed, container), noise)
        named = noise.choice((None, feed))
        answers(damaged, named, SCHEMAS.get(feed), frames=number % 5 == 0)


@every_feed
def test_absurd_numbers(feed):
    for number, damaged in enumerate(absurd(feed)):
        answers(damaged, feed, SCHEMAS.get(feed), summaries=number % 8 == 0)
        if number % 16 == 0:
            assert peak(damaged, feed) < 1
            traversals_agree(damaged)


@pytest.mark.parametrize(("feed", "container"), [each for each in EVERY if each[1] != "pcap"])
def test_absurd_numbers_in_other_containers(feed, container):
    for number, damaged in enumerate(absurd(feed, container)):
        if number % 5 == 0:
            traversals_agree(damaged, feed, SCHEMAS.get(feed))


@every_feed
@settings(max_examples=25)
@given(body=st.binary(max_size=150), count=st.one_of(st.integers(0, 9), st.just(0xFFFF)))
def test_any_body_of_a_datagram(feed, body, count):
    content = wrapped(feed, body, count)
    traversals_agree(content, feed, SCHEMAS.get(feed))
    pipelines_agree(content, feed, SCHEMAS.get(feed))


@pytest.mark.parametrize("feed", ["tops16", "deep10", "deepplus10"])
def test_damage_within_a_payload_and_after_it(feed):
    # Found by fuzzing: the walk met what follows the payload before what is wrong in it.
    _, report = traversals_agree(wrapped(feed, b"\x43\x56" + bytes(60), 3, payload=20), feed)
    places = [problem.offset for problem in report.problems]
    assert len(places) == 4
    assert places == sorted(places)


@every_feed
@settings(max_examples=25)
@given(content=st.binary(max_size=300))
def test_any_bytes(feed, content):
    answers(content, feed, SCHEMAS.get(feed))


@every_feed
def test_messages_of_no_bytes(feed):
    for body in (bytes(2), bytes(40), b"\x02\x00" * 30, b"\x00\x02" * 30, b"\x01\x00" * 30):
        for count in (0, 1, 15, 20, 30, 0xFFFF):
            content = wrapped(feed, body, count)
            answers(content, feed, SCHEMAS.get(feed), summaries=count == 20)


@pytest.mark.parametrize("container", ["binaryfile", "soupbintcp"])
@pytest.mark.parametrize("feed", ["itch50", "itch41"])
@pytest.mark.parametrize("damage", [b"\0\0", b"\0\1", b"\0\1S", b"\xff\xff", b"\0\0" * 50])
def test_lengths_in_a_stream(feed, container, damage):
    content = small(feed, container)
    for at in (0, 2, 9, len(content)):
        answers(content[:at] + damage + content[at:], feed)
        answers(damage + content[at:])


# --- memory --------------------------------------------------------------------------------------

MUCH = {
    "messages of no bytes": ("itch50", helpers.feed_pcap(*[
        helpers.mold(1 + 15_000 * (n % 2), count=15_000) + bytes(30_000) for n in range(4)
    ])),
    "datagrams of nothing": ("itch50", helpers.feed_pcap(*[helpers.mold(1)] * 2000)),
    "messages of a byte": ("itch50", helpers.frames(*[b"?"] * 30_000)),
    "packets of nothing": ("itch50", helpers.pcap(*[b""] * 5000, helpers.packet(helpers.mold(1)))),
    "zeros": ("itch50", bytes(300_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", MUCH)
def test_memory_is_in_proportion(name):
    feed, content = MUCH[name]
    assert peak(content, feed) < 1


def test_finding_out_what_it_is_looks_at_little(monkeypatch):
    # In plain Python, which takes its time.
    looked, bounds = [], Cutter.bounds

    def counted(self, piece, *more):
        looked.append(len(piece))
        return bounds(self, piece, *more)

    monkeypatch.setattr(Cutter, "bounds", counted)
    blocks = [helpers.mold(1, count=30_000) + bytes(60_000)] * 60
    with zcviz.open(helpers.feed_pcap(*blocks), "itch50") as feed:
        assert len(feed.index) == 0
    assert 0 < sum(looked) < 1 << 19


def test_comparing_what_came_twice_takes_little_memory():
    blocks = helpers.mold(1, count=30_000) + bytes(60_000)
    content = helpers.feed_pcap(*[blocks] * 5)
    with zcviz.open(content, "itch50") as feed:
        assert len(feed.index) == 0
        tracemalloc.start()
        try:
            assert feed.sequences.duplicates == 4
            assert tracemalloc.get_traced_memory()[1] < 16 * len(content)
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("feed", SCHEMAS)
def test_groups_that_claim_too_much_take_no_memory(feed):
    content = small(feed, messages=24)
    claims = [number for number in numbers(content, feed) if number[1].name.startswith("num_")]
    assert claims
    for at, field, _ in claims:
        damaged = content[:at] + b"\xff" * field.type.size + content[at + field.type.size :]
        # Of entries of no bytes, too, and groups inside them.
        for each in (damaged, damaged[: at - 2] + b"\0\0" + damaged[at:]):
            assert peak(each, feed) < 1


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("inner", [b"\0", b"\0\1X", b"\x1f\x8b"])
def test_bombs(compression, inner, monkeypatch):
    module = sys.modules["zcviz.decompress"]
    monkeypatch.setattr(module, "IN_MEMORY", 1 << 16)
    monkeypatch.setattr(module, "MAX_DECOMPRESSED", 1 << 18)
    content = inner * ((8 << 20) // len(inner))
    if compression == "gzip":
        packed = gzip.compress(content, 6)
    else:
        zstd = pytest.importorskip(
            "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        )
        packed = zstd.compress(content)
    assert len(packed) < len(content) // 100
    del content
    answers(b"\0\0", "itch50")  # whatever is imported for that counts no more
    tracemalloc.start()
    try:
        with zcviz.open(packed, "itch50") as feed:
            assert feed.source.size <= 1 << 18
            assert any("more than" in str(each.found) for each in feed.report.problems)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@every_feed
def test_damage_in_compressed_files(feed):
    packed = samples.small(feed, messages=8, compression="gzip").data
    noise = random.Random(5)
    for _ in range(4):
        answers(mutated(packed, noise), None, SCHEMAS.get(feed), summaries=False)
        answers(packed[: noise.randrange(len(packed))], feed, SCHEMAS.get(feed), summaries=False)


@every_feed
def test_the_fuzzer_begins_with_files_that_open(feed, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    fuzz = importlib.import_module("fuzz")
    fuzz.write_corpus(feed, tmp_path)
    told = [fuzz.answered(path.read_bytes(), bytes) for path in tmp_path.iterdir()]
    opened = [each for each in told if not each[0].startswith("refused")]
    assert len(opened) == len(told) >= 6
    assert all(json.loads(each[0])["messages"] for each in opened)


# --- kernels -------------------------------------------------------------------------------------


def in_a_process(*words: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, text=True, capture_output=True, check=False,
        timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_place_for_compiled_kernels():
    content = "zcviz.samples.small('itch50', 'binaryfile', 40).data"
    program = f"import zcviz.samples; print(zcviz.open({content}).info())"
    told = in_a_process("-c", program, NUMBA_CACHE_DIR="/dev/null/nowhere")
    assert told == in_a_process("-c", program)


def some_files() -> Iterator[tuple[bytes, str, Path | None]]:
    """A few of all the files above, always the same."""
    noise = random.Random(3)
    for feed, container in EVERY:
        content = small(feed, container)
        for each in (content, content[: len(content) * 2 // 3], *(mutated(content, noise),) * 2):
            yield each, feed, SCHEMAS.get(feed)
    for feed in FEEDS:
        for number, each in enumerate(absurd(feed)):
            if number % 19 == 0:
                yield each, feed, SCHEMAS.get(feed)


@pytest.mark.skipif(not COMPILED, reason="there is nothing to compare with")
def test_plain_kernels_answer_the_same():
    plain = in_a_process("-m", "tests.hostile.test_feeds", ZCVIZ_NO_NUMBA="1").splitlines()
    files = list(some_files())
    assert len(plain) == len(files) > 80
    for line, each in zip(plain, files, strict=True):
        assert json.loads(line) == answers(*each)


if __name__ == "__main__":
    for each in some_files():
        print(json.dumps(answers(*each)))
