"""Entries of rings into packets: sound ones, and ones that lie about themselves."""

from __future__ import annotations

import hashlib
import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import guarded, packets
from tests.helpers import mold, packet
from zcviz.kernels import Tally, find_datagrams, rings

FRAMES = [packet(mold(i) + bytes(20 * i)) for i in range(5)]
MAC, SECONDS, NANOSECONDS = 82, 1_700_000_000, 123_456_789
TIME = SECONDS * 10**9 + NANOSECONDS


def aligned(size: int) -> int:
    return -(-size // 16) * 16


def block(*frames: bytes, size: int = 2048, first: int = 48, **lies: int) -> bytes:
    """A block as linux/if_packet.h has it; `lies` are about the packet in the middle."""
    content = struct.pack("=6IQ4I", 1, 48, 1, len(frames), first, 0, 0, 0, 0, 0, 0)
    for i, frame in enumerate(frames):
        taken = aligned(MAC + len(frame))
        one = {"next": taken if i + 1 < len(frames) else 0, "snap": len(frame), "mac": MAC}
        if i == len(frames) // 2:
            one |= lies
        head = struct.pack(
            "=6I2H", one["next"], SECONDS, NANOSECONDS + i, one["snap"], len(frame), 1,
            one["mac"], MAC + 14,
        )  # fmt: skip
        content += (head.ljust(MAC, b"\0") + frame).ljust(taken, b"\0")
    return content.ljust(size, b"\0")


def frame_ring(*frames: bytes, ours: int, per_block: int = 3, size: int = 512) -> bytes:
    """Blocks of frames; of the first so many the status says that they are ours."""
    made = b""
    for i, frame in enumerate(frames):
        head = struct.pack(
            "=3I2H2I", int(i < ours), len(frame), len(frame), 66, 80, SECONDS, NANOSECONDS
        )
        made += (head.ljust(66, b"\0") + frame).ljust(size, b"\0")
        if i % per_block == per_block - 1:
            made += bytes(2048 - per_block * size)
    return made


def walk(data, at: int = 0, size: int = 0, room: int = 16):
    table, datagrams, times = rooms(room)
    size = size or len(data) - at
    count, wrong, _, _ = rings.take_block(data, data.ctypes.data, at, size, table, datagrams, times)
    return table[:count], wrong


def rooms(room: int = 16):
    return np.zeros((room, 5), np.int64), np.zeros((room, 5), np.int64), np.zeros(room, np.int64)


def on_bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


def test_a_block_lists_its_packets():
    data = on_bytes(bytes(4096) + block(*FRAMES))
    table, wrong = walk(data, 4096, 2048)
    assert wrong == -1
    assert [bytes(data[row[1] : row[2]]) for row in table] == FRAMES
    assert table[0, 0] == 4096 + 48
    assert (table[:, 3] == 1).all()
    assert table[:, 4].tolist() == [len(each) for each in FRAMES]


def test_datagrams_times_and_totals_follow():
    data = on_bytes(block(*FRAMES))
    table, _ = walk(data)
    datagrams, times = np.zeros((16, 5), np.int64), np.zeros(16, np.int64)
    problems, tally = np.zeros((4, 4), np.int64), np.zeros(len(Tally), np.int64)
    found = find_datagrams(data, table, len(table), datagrams, problems, tally)
    assert found == 5
    into = rooms()
    assert rings.take_block(data, data.ctypes.data, 0, len(data), *into)[2:] == (5, 300)
    assert (into[1] == datagrams).all()
    assert into[2][:5].tolist() == [TIME + i for i in range(5)]
    assert bytes(data[datagrams[2, 2] : datagrams[2, 3]]) == mold(2) + bytes(40)
    sums = rings.sum_up(data, datagrams, found, rings.SECONDS_3, times)
    assert sums == (sum(20 + 20 * i for i in range(5)), 0)
    assert times[:5].tolist() == [TIME + i for i in range(5)]
    assert rings.sum_up(data, datagrams, found, -1, times[:0])[0] == sums[0]


def test_what_the_ring_cut_is_counted():
    data = on_bytes(block(*FRAMES[:2], snap=50))
    table, wrong = walk(data)
    assert wrong == -1
    datagrams, times = np.zeros((16, 5), np.int64), np.zeros(16, np.int64)
    problems, tally = np.zeros((4, 4), np.int64), np.zeros(len(Tally), np.int64)
    found = find_datagrams(data, table, len(table), datagrams, problems, tally)
    assert rings.sum_up(data, datagrams, found, rings.SECONDS_3, times) == (20 + 8, 1)
    assert problems[0, 0] == Tally.CUT_PACKET


@pytest.mark.parametrize(
    "lies",
    [
        {"next": 0}, {"next": 16}, {"next": 2040}, {"next": 0xFFFFFFFF},
        {"snap": 2048}, {"snap": 0xFFFFFFFF},
        {"mac": 0}, {"mac": 47}, {"mac": 256}, {"mac": 0xFFFF},
    ],
    ids=str,
)  # fmt: skip
def test_a_lie_ends_the_walk_where_it_is(lies):
    table, wrong = walk(on_bytes(block(*FRAMES, **lies)))
    third = 48 + sum(aligned(MAC + len(each)) for each in FRAMES[:2])
    if "next" in lies:
        assert len(table) == 3
        assert wrong == third + lies["next"]
    else:
        assert (len(table), wrong) == (2, third)


@pytest.mark.parametrize("first", [0, 40, 2040, 0xFFFFFFFF])
def test_the_first_packet_has_to_lie_in_the_block(first):
    assert walk(on_bytes(block(*FRAMES, first=first)))[1] == first


def test_more_packets_than_have_room_are_no_block():
    table, wrong = walk(on_bytes(block(*FRAMES)), room=4)
    assert (len(table), wrong) == (0, 12)


@pytest.mark.parametrize(("at", "size"), [(-1, 100), (0, 47), (0, 2049), (2000, 49)])
def test_a_block_has_to_lie_in_the_memory(at, size):
    assert walk(on_bytes(block(*FRAMES)), at, size)[1] == at


def test_a_block_that_is_not_ours_is_left_alone():
    content = bytearray(block(*FRAMES))
    content[8] = 4  # of the bits of a status, one that says something else
    table, wrong = walk(on_bytes(content))
    assert (len(table), wrong) == (0, -1)


def test_a_block_of_ours_holds_something():
    assert walk(on_bytes(block()))[1] == 12


def test_packets_that_are_not_plain_are_left_to_a_closer_look():
    frames = [*FRAMES, packet(mold(9))[:30], FRAMES[0]]
    data = on_bytes(block(*frames))
    taken = rings.take_block(data, data.ctypes.data, 0, len(data), *rooms())
    assert taken[:3] == (7, -1, 5)


class Frames:
    """A ring of version 2 in memory."""

    def __init__(self, content: bytes, *, frames: int = 6) -> None:
        self.data = np.frombuffer(bytearray(content), np.uint8)
        self.ring = np.array([self.data.ctypes.data, frames, 3, 2048, 512], np.int64)

    def take(self, first: int, room: int = 16):
        table, datagrams, times = rooms(room)
        taken = rings.take_frames(self.data, self.ring, first, table, datagrams, times)
        return table, taken, datagrams, times

    def give(self, first: int, count: int) -> int:
        return rings.give_frames(self.ring, first, count)


def test_frames_are_taken_while_they_are_ours():
    ring = Frames(frame_ring(*FRAMES, FRAMES[0], ours=4))
    table, taken, datagrams, times = ring.take(0)
    assert taken == (4, -1, 4, sum(20 + 20 * i for i in range(4)))
    assert [bytes(ring.data[row[1] : row[2]]) for row in table[:4]] == FRAMES[:4]
    assert table[3, 0] == datagrams[3, 0] == 2048
    assert bytes(ring.data[datagrams[3, 2] : datagrams[3, 3]]) == mold(3) + bytes(60)
    assert times[:5].tolist() == [TIME] * 4 + [0]
    assert ring.take(2)[1][:2] == (2, -1)
    assert ring.take(0, 3)[1][:2] == (3, -1)
    assert ring.give(1, 3) == 4
    assert ring.take(0)[1][:2] == (1, -1)
    assert ring.give(5, 2) == 1
    assert ring.take(0)[1] == (0, -1, 0, 0)


@pytest.mark.parametrize(
    ("offset", "lie"), [(8, 2000), (8, 0xFFFFFFFF), (12, 10), (12, 300)], ids=str
)
def test_a_frame_keeps_to_itself(offset, lie):
    content = bytearray(frame_ring(*FRAMES, FRAMES[0], ours=6))
    struct.pack_into("=I" if offset == 8 else "=H", content, 512 + offset, lie)
    assert Frames(bytes(content)).take(0)[1] == (1, 512, 0, 0)


def test_frames_have_to_lie_in_the_memory():
    ring = Frames(frame_ring(*FRAMES, FRAMES[0], ours=6), frames=9)
    assert ring.take(0)[1] == (6, 4096, 0, 0)


class Described:
    """A ring of four descriptions of chunks, and one of chunks to be filled."""

    def __init__(self, *described: tuple[int, int]) -> None:
        self.data = np.zeros(4 * 2048, np.uint8)
        self.entries = np.array(described, np.int64).reshape(-1)
        self.fill = np.zeros(4, np.int64)
        self.words = np.zeros(3, np.uint32)
        self.ring = np.array([*(self.words.ctypes.data + at for at in (0, 4, 8)), 2048], np.int64)

    def walk(self, consumed: int, room: int = 16):
        table, datagrams, _ = rooms(room)
        found = rings.take_descriptors(
            self.data, self.ring, self.entries, consumed, table, datagrams
        )
        return table[: found[0]], found[1]

    def give(self, consumed: int, count: int) -> int:
        return rings.give_descriptors(self.ring, self.entries, self.fill, consumed, count)


def test_descriptions_are_read_and_their_chunks_given_back_round_the_ring():
    ring = Described((256, 60), (2304, 61), (4352, 62), (6400 | 0, 63 | 1 << 40))
    start = 0xFFFFFFFE  # both counts wrap
    ring.words[0] = 2
    table, wrong = ring.walk(start)
    assert wrong == -1
    assert table[:, 1].tolist() == [4352, 6400, 256, 2304]
    assert (table[:, 2] - table[:, 1]).tolist() == table[:, 4].tolist() == [62, 63, 60, 61]
    assert len(ring.walk(start, 3)[0]) == 3
    assert ring.give(start, 3) == 1
    assert ring.fill.tolist() == [0, 0, 4096, 6144]
    assert ring.words.tolist() == [2, 1, 5]
    assert ring.walk(1)[0][:, 1].tolist() == [2304]


@pytest.mark.parametrize(
    "lie", [(-1, 60), (8192, 1), (8000, 200), (2**62, 60), (0, 0xFFFFFFFF)], ids=str
)
def test_a_description_has_to_lie_in_the_memory(lie):
    ring = Described((256, 60), lie, (4352, 62), (6400, 63))
    ring.words[0] = 3
    table, wrong = ring.walk(0)
    assert (len(table), wrong) == (1, 1)


def test_a_ring_holds_no_more_than_it_can():
    ring = Described((256, 60), (2304, 61), (4352, 62), (6400, 63))
    ring.words[0] = 5
    assert ring.walk(0)[1] == 0


def keeps_to(table, end: int) -> bool:
    frames = table[:, 1:3]
    return bool((table[:, 0] >= 0).all() and (frames[:, 0] <= frames[:, 1]).all()) and bool(
        (frames[:, 1] <= end).all() and (frames[:, 0] - table[:, 0] <= 255).all()
    )


@given(st.binary(max_size=300), st.integers(0, 25).map(lambda n: 4 * n), st.integers(0, 400))
def test_random_blocks_end_in_bounds(content, at, size):
    table, wrong = walk(on_bytes(content), at, size)
    assert keeps_to(table, max(len(content), at))
    assert wrong >= -1


@given(st.integers(0, 2**32), st.integers(1, 16))
def test_damaged_blocks_end_in_bounds(seed, aligned):
    content = packets.mutated(block(*FRAMES), random.Random(seed), aligned)
    table, _ = walk(on_bytes(content))
    assert keeps_to(table, len(content))


@guarded.needs_guards
def test_no_byte_outside_is_read_and_both_forms_find_the_same():
    compiled = guarded.survives(__name__)
    assert "blocks" in compiled
    assert compiled == guarded.survives(__name__, ZCVIZ_NO_NUMBA="1")


def everything() -> str:
    guard, noise, told = guarded.Guard(1 << 13), random.Random(5), hashlib.sha256()
    whole, ring = block(*FRAMES, size=1024), frame_ring(*FRAMES, FRAMES[0], ours=6)
    into, count = rooms(), 0
    contents = [whole[:stop] for stop in range(0, len(whole), 4)]
    contents += [packets.mutated(whole, noise, 4) for _ in range(400)]
    for content in contents:
        for data in guard.both(content):
            if data.ctypes.data % 4 == 0:
                found = rings.take_block(data, data.ctypes.data, 0, len(data), *into)
                told.update(repr(found).encode() + b"".join(each.tobytes() for each in into))
                count += 1
    for _ in range(400):
        for data in guard.both(packets.mutated(ring, noise, 4)):
            if data.ctypes.data % 4 == 0:
                layout = np.array([data.ctypes.data, 6, 3, 2048, 512], np.int64)
                found = rings.take_frames(data, layout, 0, *into)
                told.update(repr(found).encode() + b"".join(each.tobytes() for each in into))
    return f"{count} blocks, {told.hexdigest()}"


if __name__ == "__main__":
    print(everything())
