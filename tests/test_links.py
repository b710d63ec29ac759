"""From packet to datagram, over every kind of link; the kernel and its twin."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import helpers, packets
from tests.containers import Seen, bounds_by_kernel, bounds_by_twin
from tests.packets import DATAGRAM, IPV6, LINKS, extension, flipped, mutated, odd_frames, truncated
from zcviz.kernels.links import FARTHEST, find_datagrams
from zcviz.links import datagram_bounds

RECORD = 16
ODD = odd_frames()


def bounds(frames):
    """What both ways find in (link, bytes): rows, skips, problems, in one buffer after another."""
    data, rows = b"", []
    for link, frame in frames:
        start = len(data) + RECORD
        data += bytes(RECORD) + frame
        rows.append([start - RECORD, start, start + len(frame), link, len(frame)])
    buffer = np.frombuffer(data, np.uint8)
    found = bounds_by_kernel(buffer, rows)
    assert found == bounds_by_twin(memoryview(data), rows)
    return data, *found[:3]


@pytest.mark.parametrize("name", LINKS)
def test_a_datagram_over_every_link(name):
    payload = b"tiny" if name == "padding" else DATAGRAM
    data, rows, skips, problems = bounds([LINKS[name]])
    assert (skips, problems) == ({}, [])
    ((record, ip, start, stop, full),) = rows
    assert (record, stop) == (0, full)
    assert data[start:stop] == payload
    assert data[ip] >> 4 in (4, 6)
    assert data.index(payload) == start


def test_all_of_them_one_after_another():
    _, rows, skips, problems = bounds(LINKS.values())
    assert (len(rows), skips, problems) == (len(LINKS), {}, [])


@pytest.mark.parametrize("name", ODD)
def test_a_packet_without_a_datagram(name):
    link, frame, reason = ODD[name]
    _, rows, skips, problems = bounds([(link, frame)])
    assert (rows, skips) == ([], {reason: 1})
    assert len(problems) == (reason == "bad header")


def test_what_is_wrong_is_said_with_its_place():
    def problem_of(name):
        link, frame, _ = ODD[name]
        _, _, _, ((at, *rest),) = bounds([(link, frame)])
        return at - RECORD, *rest

    assert problem_of("version 5") == (14, "ip version", 4, 5)
    assert problem_of("ipv4 as ipv6") == (14, "ip version", 6, 4)
    assert problem_of("short header") == (14, "ip header length", 20, 16)
    assert problem_of("short total") == (14, "ip total length", 20, 19)
    assert problem_of("jumbogram") == (14, "ip total length", 48, 40)
    assert problem_of("extensions beyond the payload") == (14, "ip total length", 120, 119)
    assert problem_of("udp length 7") == (34, "udp length", len(DATAGRAM) + 8, 7)
    assert problem_of("udp beyond ipv6") == (54, "udp length", len(DATAGRAM) + 8, 4000)
    assert problem_of("nothing") == (0, "captured bytes of the packet", 14, 0)
    assert problem_of("nothing raw") == (0, "captured bytes of the packet", 1, 0)
    assert problem_of("too many tags")[1:3] == ("bytes before the datagram", FARTHEST)


def test_as_many_tags_as_distances_have_bits_for():
    for number, kept in ((16_309, True), (16_310, False)):
        vlans = tuple((0x8100, 1) for _ in range(number))
        _, rows, skips, _ = bounds([(1, helpers.packet(DATAGRAM, vlans=vlans))])
        assert (len(rows), bool(skips)) == (int(kept), not kept)
        assert all(start - record <= 0xFFFF for record, _, start, _, _ in rows)


@pytest.mark.parametrize("name", LINKS)
def test_a_packet_that_the_capture_cut(name):
    link, frame = LINKS[name]
    if name in ("padding", "kept fcs"):
        return
    (_, _, start, _, full), *_ = bounds([(link, frame)])[1]
    needed = {start - RECORD - 8, start - RECORD}
    for cut in range(len(frame)):
        _, rows, skips, problems = bounds([(link, frame[:cut])])
        ((at, what, expected, found),) = problems
        assert what == "captured bytes of the packet"
        if cut < start - RECORD:
            assert (rows, skips, at, found) == ([], {"bad header": 1}, RECORD, cut)
            needed.add(expected)
        else:
            assert rows == [[0, rows[0][1], start, RECORD + cut, full]]
            assert (skips, at) == ({}, start)
            assert (expected, found) == (full - start, RECORD + cut - start)
    assert max(needed) == start - RECORD


def test_padding_and_checksums_after_the_datagram_do_not_disturb():
    for link, frame in LINKS.values():
        plain = bounds([(link, frame)])[1]
        for tail in (b"\0", b"\xff" * 4, bytes(300)):
            assert bounds([(link, frame + tail)])[1:] == (plain, {}, [])


def test_a_long_row_of_extension_headers_is_walked_to_its_end():
    chain = [extension(60, 255)] * 20
    frame = helpers.ethernet(packets.ipv6(helpers.udp(DATAGRAM), extensions=chain), kind=IPV6)
    data, rows, _, problems = bounds([(1, frame)])
    assert (data[rows[0][2] : rows[0][3]], problems) == (DATAGRAM, [])
    _, rows, skips, _ = bounds([(1, frame[:-500])])
    assert (rows, skips) == ([], {"bad header": 1})


def test_only_the_first_packets_are_looked_at():
    table = np.array([[0, 16, 16 + len(LINKS["vlan"][1]), 1, 0]] * 3, np.uint64)
    data = np.frombuffer(bytes(16) + LINKS["vlan"][1], np.uint8)
    out, problems, tally = (
        np.zeros((3, 8), np.uint64),
        np.zeros((9, 4), np.int64),
        np.zeros(40, int),
    )
    assert find_datagrams(data, table, 2, out, problems, tally) == 2
    assert out[2].tolist() == [0] * 8


def test_more_problems_than_are_kept():
    _, rows, skips, problems = bounds([(1, ODD["version 5"][1])] * 250)
    assert (rows, skips, len(problems)) == ([], {"bad header": 250}, 100)


def test_the_twin_takes_bytes_and_views():
    link, frame = LINKS["qinq"]
    for piece in (frame, memoryview(frame), memoryview(bytearray(frame))):
        assert datagram_bounds(piece, link, 0, Seen()) == (22, 50, 105, 105)


# --- kernel and twin, over anything --------------------------------------------------------------

SOUND = [*LINKS.values(), *((link, frame[:200]) for link, frame, _ in ODD.values())]


@pytest.mark.parametrize("name", LINKS)
def test_every_truncation_and_flipped_byte(name):
    link, frame = LINKS[name]
    start = bounds([(link, frame)])[1][0][2] - RECORD
    pieces = [*truncated(frame), *flipped(frame, start)]
    for low in range(0, len(pieces), 50):  # the kernel of plain packets and that of all others
        bounds([(link, piece) for piece in pieces[low : low + 50]])
        bounds([LINKS["vlan"], *((link, piece) for piece in pieces[low : low + 50])])


@settings(max_examples=150)
@given(st.lists(st.sampled_from(SOUND), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_any_mutation(frames, noise):
    bounds([(link, mutated(frame, noise)) for link, frame in frames])


links = st.sampled_from([0, 1, 6, 12, 14, 101, 108, 113, 228, 229, 276, 65_535])


@given(st.lists(st.tuples(links, st.binary(max_size=120)), max_size=8))
def test_any_bytes_over_any_link(frames):
    bounds(frames)


def test_any_type_of_link():
    noise = random.Random(3)
    frames = [frame for _, frame in LINKS.values()]
    bounds([(link, noise.choice(frames)) for link in range(400)])
