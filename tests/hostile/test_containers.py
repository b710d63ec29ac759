"""Captures with damage of every kind: what is found, or our error; nothing outside is read.

Run as a module, it puts the same files against pages that may not be touched.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import packets
from tests.containers import bounds_by_kernel, containers_agree
from tests.guarded import Guard, needs_guards, survives
from tests.packets import (
    enhanced,
    flipped,
    interface,
    mutated,
    obsolete,
    offset,
    option,
    pcap,
    resolution,
    section,
    simple,
    truncated,
)  # fmt: skip
from zcviz.kernels.records import INTERFACE, STATE, scan_pcap, scan_pcapng
from zcviz.kernels.tally import FULL, Tally

ODD = [(link, frame[:120]) for link, frame, _ in packets.odd_frames().values()]
FRAMES = [frame for link, frame in packets.every_link() if link == 1][:4]


def mixed(order: str) -> bytes:
    """All types of block, several interfaces and sections, in one byte order and then the other."""
    other = "<" if order == ">" else ">"
    options = option(2, b"eth0", order) + resolution(9, order) + offset(5, order) + option(0, b"")
    return (
        section(order, option(1, b"a comment", order))
        + interface(1, 96, options, order) + interface(101, 0, resolution(0x8A, order), order)
        + enhanced(FRAMES[0], 0, 99, order, options=option(1, b"hm", order))
        + enhanced(packets.LINKS["raw"][1], 1, 2**40, order) + simple(FRAMES[1], order)
        + packets.block(5, bytes(16), order) + obsolete(FRAMES[2], 0, 7, order)
        + section(other, length=40) + interface(113, order=other)
        + enhanced(packets.LINKS["cooked"][1], 0, 1, other)
        + simple(packets.LINKS["cooked vlan"][1], other) + section(order)
    )  # fmt: skip


SOUND = {
    "pcap": pcap(*FRAMES, (FRAMES[0][:50], 99), b""),
    "pcap, big-endian": pcap(*FRAMES, order=">", unit="ns"),
    "pcapng": mixed("<"),
    "pcapng, big-endian": mixed(">"),
}


def test_sound_files_are_sound():
    for name, content in SOUND.items():
        found, seen, datagrams = containers_agree(content)
        assert len(found) in (4, 6), name
        assert len(datagrams[0]) >= 4, name
        assert seen.truncated is None, name


@pytest.mark.parametrize("name", SOUND)
def test_every_truncation(name):
    whole = containers_agree(SOUND[name])[0]
    for piece in truncated(SOUND[name]):
        answer = containers_agree(piece)
        if answer is None:
            assert len(piece) < 24
        else:
            assert answer[0] == whole[: len(answer[0])]
            assert answer[1].truncated is None or sum(answer[1].truncated) == len(piece)


@pytest.mark.parametrize("name", SOUND)
def test_every_flipped_byte(name):
    for number, piece in enumerate(flipped(SOUND[name])):
        containers_agree(piece, 1 + number % 9)


@settings(max_examples=150)
@given(st.sampled_from(list(SOUND)), st.randoms(use_true_random=False), st.integers(1, 9))
def test_any_mutation(name, noise, room):
    containers_agree(mutated(SOUND[name], noise, 4 if name.startswith("pcapng") else 1), room)


blocks = st.tuples(
    st.sampled_from([1, 2, 3, 5, 6, 0x0A0D0D0A, 99]), st.binary(max_size=60),
    st.one_of(st.none(), st.integers(0, 90), st.sampled_from([2**31, 2**32 - 1, 2**32 - 4])),
    st.one_of(st.none(), st.integers(0, 90)), st.sampled_from("<>"),
)  # fmt: skip


@given(st.lists(blocks, max_size=12), st.sampled_from("<>"))
def test_any_blocks(some, order):
    content = section(order) + interface(order=order) + b"".join(
        packets.block(kind, packets.padded(body), each, length=length, trailer=trailer)
        for kind, body, length, trailer, each in some
    )  # fmt: skip
    containers_agree(content)


@given(
    st.binary(max_size=200), st.sampled_from([section("<"), section(">"), pcap(), pcap(order=">")])
)
def test_any_bytes_after_a_header(content, header):
    containers_agree(header + content)
    containers_agree(content)


@needs_guards
def test_kernels_read_nothing_outside():
    assert int(survives("tests.hostile.test_containers")) > 5_000


@needs_guards
def test_a_read_outside_would_be_noticed():
    with pytest.raises(AssertionError, match="outside its bytes"):
        survives("tests.guarded", ZCVIZ_READ_OUTSIDE="1")


# --- against the guard pages, in a process of its own --------------------------------------------


def scan(data: np.ndarray) -> list[list[int]]:
    """Packets of a capture, by the kernels alone."""
    table = np.zeros((5, 5), np.uint64)
    problems, tally = np.zeros((9, 4), np.int64), np.zeros(len(Tally), np.int64)
    state, known = np.zeros(STATE, np.int64), np.zeros((20, INTERFACE), np.int64)
    classic = bytes(data[:2]) != b"\x0a\x0d"
    position, why, found = 24 if classic else 0, FULL, []
    while why == FULL:
        if classic:
            big = data[0] == 0xA1
            position, why, count = scan_pcap(data, position, big, 1, table, problems, tally)
        else:
            position, why, count = scan_pcapng(data, position, state, known, table, problems, tally)
        found += table[:count].tolist()
    return found


def against_guards() -> int:
    """How many files were scanned; a read outside of one ends the process."""
    guard, noise, count = Guard(1 << 16), random.Random(4), 0
    for content in SOUND.values():
        pieces = [content, *truncated(content), *flipped(content)]
        pieces += [mutated(content, noise) for _ in range(100)]
        for piece in pieces:
            if len(piece) >= 24:  # with less there is no header, and no scan
                data = guard.before_end(piece)
                bounds_by_kernel(data, scan(data))
                count += 1
    # A frame alone, which begins where the page does, and which ends there, cut anywhere.
    for link, frame in (*packets.every_link(), *ODD):
        for piece in (*truncated(frame), frame, *flipped(frame, 80)):
            for data in guard.both(piece):
                bounds_by_kernel(data, [[0, 0, len(data), link, 0]])
                count += 1
    return count


if __name__ == "__main__":
    print(against_guards())
