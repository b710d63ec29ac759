"""Messages in a stream, each after its length: what the kernel finds, against a slow reading."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import guarded
from tests.twins import TWINS, kernels_of
from zcviz.kernels import CUT, END, FULL, Tally

SIZES = {"A": 36, "D": 19, "S": 12, "L": 300}
CARRIERS = b"SU"


def tables() -> tuple[np.ndarray, np.ndarray]:
    expected, carriers = np.zeros(256, np.uint16), np.zeros(256, np.uint8)
    for tag, size in SIZES.items():
        expected[ord(tag)] = size
    carriers[list(CARRIERS)] = 1
    return expected, carriers


@dataclass
class Found:
    """What is in a stream."""

    messages: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    tally: Counter = field(default_factory=Counter)
    position: int = 0
    why: int = END

    def note(self, kind: Tally, at: int, expected: int, found: int) -> None:
        self.problems.append((int(kind), at, expected, found))
        self.tally[Tally.PROBLEMS] += 1


def slowly(data: bytes, skip: int, grows: bool) -> Found:
    """Read a stream as the documents say, one length after the other."""
    found = Found()
    while found.position < len(data):
        at = found.position + 2
        size = struct.unpack(">H", data[found.position : at])[0] if at <= len(data) else 1 << 16
        if at + size > len(data):
            found.why = CUT
            break
        if not size and not skip:
            found.tally[Tally.ENDS] += 1
            if at < len(data):
                found.note(Tally.AFTER_END, at, 0, len(data) - at)
            found.position = len(data)
            break
        packet = data[at : at + size]
        _packet(found, packet, at, skip, grows)
        found.position = at + size
    return found


def _packet(found: Found, packet: bytes, at: int, skip: int, grows: bool) -> None:
    message = packet[skip:]
    if skip and not packet:
        found.note(Tally.BLOCK, at - 2, 1, 0)
    elif skip and packet[0] not in CARRIERS:
        kinds = {b"H": Tally.HEARTBEATS, b"R": Tally.HEARTBEATS, b"Z": Tally.ENDS}
        found.tally[kinds.get(packet[:1], Tally.SESSION)] += 1
    elif not message:
        found.tally[Tally.EMPTY_BLOCK] += 1
    else:
        documented = SIZES.get(chr(message[0]), 0)
        size = len(message)
        if documented in (0, size) or (grows and size > documented):
            found.messages.append((at + skip, size, message[0]))
        else:
            found.note(Tally.LENGTH, at + skip, documented, size)


def scan(kernels, data, skip: int = 0, grows: bool = False, room: int = 1000) -> Found:
    """Read a stream with the kernel, `room` messages at a time."""
    expected, carriers = tables()
    found, why = Found(), FULL
    problems, tally = np.zeros((50, 4), np.int64), np.zeros(len(Tally), np.int64)
    while why == FULL:
        columns = [np.zeros(room, each) for each in (np.uint32, np.uint16, np.uint8)]
        found.position, why, count = kernels.scan_frames(
            data, found.position, skip, expected, grows, carriers, *columns, problems, tally
        )
        found.messages += zip(*(column[:count].tolist() for column in columns), strict=True)
    found.why = why
    found.tally = Counter({Tally(i): n for i, n in enumerate(tally.tolist()) if n})
    found.problems = [tuple(row) for row in problems[: found.tally[Tally.PROBLEMS]].tolist()]
    return found


def read_only(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@pytest.fixture(params=TWINS, scope="module")
def kernels(request):
    with pytest.MonkeyPatch.context() as patch:
        return kernels_of(request.param, patch)


def message(tag: str, size: int | None = None) -> bytes:
    size = SIZES[tag] if size is None else size
    return tag.encode("latin-1") + bytes(i % 251 for i in range(1, size))


def framed(*packets: bytes) -> bytes:
    return b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)


bodies = st.one_of(
    st.sampled_from("ADSL").map(message),
    st.builds(message, st.sampled_from("ADSLX\xff"), st.integers(1, 400)),
    st.just(b""),
)
packets = st.one_of(
    bodies, st.builds(bytes.__add__, st.sampled_from([b"S", b"U", b"H", b"R", b"Z", b"+"]), bodies)
)


@st.composite
def streams(draw) -> bytes:
    data = framed(*draw(st.lists(packets, max_size=40)))
    cut = draw(st.integers(0, 30))
    return data[: len(data) - cut] + draw(st.sampled_from([b"", b"\0", b"\0\0", b"\xff" * 5]))


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("grows", [False, True])
@given(data=streams(), room=st.integers(1, 9))
def test_any_stream_is_read_as_documented(kernels, skip, grows, data, room):
    assert scan(kernels, read_only(data), skip, grows, room) == slowly(data, skip, grows)


@pytest.mark.parametrize("skip", [0, 1])
def test_a_stream_may_end_anywhere(kernels, skip):
    kinds = (b"", b"S")[skip]
    packets = [kinds + message(tag) for tag in "DASLDX" if tag in SIZES]
    data = framed(*packets, *[kinds + message("D")] * 30)
    for stop in range(len(data)):
        assert scan(kernels, read_only(data[:stop]), skip) == slowly(data[:stop], skip, False)


def test_a_length_counts_the_packet_type_but_a_message_does_not(kernels):
    data = framed(b"S" + message("D"), b"H", b"U" + message("X", 300), b"Z")
    found = scan(kernels, read_only(data), 1)
    assert found.messages == [(3, 19, ord("D")), (28, 300, ord("X"))]
    assert found.tally == {Tally.HEARTBEATS: 1, Tally.ENDS: 1}
    assert (found.position, found.why) == (len(data), END)


def test_what_follows_the_end_of_a_session_is_no_message(kernels):
    data = framed(message("D"), b"", message("D"))
    found = scan(kernels, read_only(data))
    assert len(found.messages) == 1
    assert found.problems == [(Tally.AFTER_END, 23, 0, 21)]
    assert found.position == len(data)


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("odd", [b"", b"S", b"\0", b"H", b"\0\0\0"])
def test_what_is_odd_is_odd_far_from_the_end_too(kernels, skip, odd):
    kinds = (b"", b"S")[skip]
    many = [kinds + message("D")] * 30
    data = framed(*many, odd, *many)
    assert scan(kernels, read_only(data), skip) == slowly(data, skip, False)


def test_offsets_of_large_files(kernels):
    expected, carriers = tables()
    columns = [np.zeros(3, each) for each in (np.uint64, np.uint16, np.uint8)]
    problems, tally = np.zeros((1, 4), np.int64), np.zeros(len(Tally), np.int64)
    data = read_only(framed(*[message("D")] * 3))
    kernels.scan_frames(data, 0, 0, expected, False, carriers, *columns, problems, tally)
    assert columns[0].tolist() == [2, 23, 44]


@guarded.needs_guards
def test_no_byte_outside_is_read():
    assert "streams" in guarded.survives("tests.test_frames")


if __name__ == "__main__":
    import zcviz.kernels

    guard, noise, count = guarded.Guard(1 << 12), np.random.default_rng(3), 0
    whole = framed(*[message(tag) for tag in "DASLDASDDDDDDDDDDDDDDDDDD"])
    for stop in range(len(whole)):
        for at_edge in guard.both(whole[:stop]):
            for skip in (0, 1):
                scan(zcviz.kernels, at_edge, skip)
                count += 1
    for _ in range(2000):
        for at_edge in guard.both(noise.bytes(noise.integers(0, 600))):
            scan(zcviz.kernels, at_edge, count % 2)
            count += 1
    print(count, "streams")
