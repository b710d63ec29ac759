"""The compiled loops and their plain twins: the same source, the same results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import guarded
from tests.twins import TWINS, kernels_of
from zcviz.kernels import COMPILED, _jit, simd
from zcviz.kernels.totals import IF_PRINTABLE, NEVER, NOTIONAL, SHARES, TRADE

ROOT = Path(__file__).resolve().parents[1]

NUMBERS = [
    "u1", "u2", "u4", "u6", "u8", "i1", "i2", "i4", "i6", "i8", "f4", "f8"
]  # fmt: skip


@pytest.fixture(params=TWINS, scope="module")
def kernels(request):
    """The kernels of this process, or the Python that they are made of."""
    with pytest.MonkeyPatch.context() as patch:
        return kernels_of(request.param, patch)


def native(number: str) -> str:
    return number.replace("6", "8") if number[1] == "6" else number


def slowly(data: bytes, offsets: list[int], at: int, number: str, order: str) -> bytes:
    """The column, as bytes of this machine's order, put together with `int.from_bytes`."""
    size, ends = int(number[1:]), {">": "big", "<": "little"}
    column = b""
    for offset in offsets:
        piece = data[offset + at : offset + at + size]
        value = int.from_bytes(piece, ends[order], signed=number[0] == "i")
        column += value.to_bytes(8 if size == 6 else size, sys.byteorder, signed=number[0] == "i")
    return column


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("order", "<>")
@settings(max_examples=20)
@given(data=st.binary(min_size=16, max_size=60), places=st.data())
def test_numbers_of_every_kind_and_order(kernels, number, order, data, places):
    at = places.draw(st.integers(0, 3))
    last = len(data) - at - int(number[1:])
    offsets = [*places.draw(st.lists(st.integers(0, last), max_size=12)), last, 0]
    for wide in (np.uint32, np.uint64):
        out = np.full(len(offsets), 7, native(number))
        whole = np.frombuffer(data, np.uint8)
        kernels.gather_integers(whole, np.array(offsets, wide), at, int(number[1:]), order, out)
        assert out.tobytes() == slowly(data, offsets, at, number, order)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 9, 20])
@settings(max_examples=20)
@given(data=st.binary(min_size=20, max_size=60), places=st.data())
def test_text_of_every_length(kernels, size, data, places):
    last = len(data) - size
    offsets = [*places.draw(st.lists(st.integers(0, last), max_size=12)), last, 0]
    for kind in "SV":
        out = np.zeros(len(offsets), f"{kind}{size}")
        whole = np.frombuffer(data, np.uint8)
        kernels.gather_bytes(whole, np.array(offsets, np.uint32), 0, size, out)
        assert out.tobytes() == b"".join(data[each : each + size] for each in offsets)


def test_there_is_room_for_as_many_values_as_there_are(kernels):
    data = np.zeros(40, np.uint8)
    for count in (0, 9, 11):
        with pytest.raises(ValueError, match=f"room for 10 values of {count} messages"):
            kernels.gather_integers(
                data, np.zeros(count, np.uint32), 0, 2, ">", np.zeros(10, np.uint16)
            )
    kernels.gather_integers(data, np.zeros(0, np.uint32), 0, 2, ">", np.zeros(0, np.uint16))


def test_offsets_may_have_gaps_between_them(kernels):
    data = np.arange(100, dtype=np.uint8)
    offsets, out = np.arange(0, 80, 4, dtype=np.uint32), np.zeros(10, np.uint16)
    kernels.gather_integers(data, offsets[::2], 0, 2, ">", out)
    assert out.tolist() == [(8 * i) << 8 | 8 * i + 1 for i in range(10)]
    many = np.arange(400_000, dtype=np.uint32)
    chosen = many % 3 == 0
    picked = kernels.pick(many[::2], chosen[::2])
    assert picked.tolist() == many[::2][chosen[::2]].tolist()


@pytest.mark.skipif(not COMPILED, reason="numba is not at work in this process")
def test_no_gaps_between_items_are_overlooked():
    from numba import TypingError, njit

    from zcviz.kernels.simd import get

    first = njit(lambda array: get(array, 0))
    assert first(np.arange(4)) == 0
    with pytest.raises(TypingError):
        first(np.arange(4)[::2])


def test_data_shorter_than_a_word(kernels):
    data, out = np.frombuffer(b"\1\2\3", np.uint8), np.zeros(1, np.uint16)
    kernels.gather_integers(data, np.array([1], np.uint32), 0, 2, ">", out)
    assert out.tolist() == [0x203]


def test_more_values_than_are_picked_at_once(kernels):
    data = np.arange(200_000, dtype=np.uint32).view(np.uint8)
    offsets = np.arange(0, 4 * 200_000, 4, dtype=np.uint32)
    out = np.zeros(200_000, np.uint32)
    kernels.gather_integers(data, offsets, 0, 4, "<", out)
    assert np.array_equal(out, np.arange(200_000))
    text = np.zeros(200_000, "S4")
    kernels.gather_bytes(data, offsets, 0, 4, text)
    assert text.tobytes() == data.tobytes()


@pytest.mark.parametrize("size", [4, 20])
def test_bytes_are_never_read_past_the_end(kernels, size):
    data = np.arange(30, dtype=np.uint8)
    text, number = np.zeros(3, f"S{size}"), np.zeros(3, np.uint32)
    offsets = np.array([0, 30 - size, 31 - size], np.uint64)
    with pytest.raises(IndexError):
        kernels.gather_bytes(data, offsets, 0, size, text)
    with pytest.raises(IndexError):
        kernels.gather_integers(data, offsets, size - 4, 4, "<", number)


def test_an_offset_that_is_no_offset_is_refused(kernels):
    data, out = np.zeros(30, np.uint8), np.zeros(2, np.uint64)
    # numpy takes the largest for places counted from the end; `codec.gather` does not hand them on.
    for wrong in (30, 23, *((2**64 - 8, 2**63) if kernels.COMPILED else ())):
        with pytest.raises(IndexError):
            kernels.gather_integers(data, np.array([wrong, 0], np.uint64), 0, 8, "<", out)


@guarded.needs_guards
def test_no_byte_outside_is_read():
    assert "columns" in guarded.survives("tests.test_kernels")


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("count", [0, 5, 100_000])
def test_values_are_picked_as_numpy_picks_them(kernels, share, count):
    random = np.random.default_rng(1)
    chosen = random.random(count) < share
    for kind in (np.uint16, np.uint32, np.uint64):
        values = random.integers(0, 60_000, count).astype(kind)
        values.flags.writeable = False
        picked = kernels.pick(values, chosen)
        assert picked.dtype == kind
        assert picked.tolist() == values[chosen].tolist()


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("how", ["_pick", "_pick_at_once"])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 15, 16, 17, 31, 33, 1000])
def test_both_ways_to_pick_agree_with_numpy(kernels, kind, how, count, monkeypatch):
    if how == "_pick_at_once" and kernels.COMPILED and not simd.packs(2):
        pytest.skip("this processor has no instruction for it")
    random = np.random.default_rng(count)
    values = random.integers(0, 256, count).astype(kind)
    monkeypatch.setattr(
        f"{kernels.__name__}.gather.packs", lambda size: how == "_pick_at_once" and size > 1
    )
    for tags in (random.integers(64, 67, count).astype("u1"), np.full(count, 65, "u1")):
        room = np.full(count + kernels.LANES, 99).astype(kind)
        picked = kernels.pick(values, tags, 65, room)
        assert picked.dtype == kind
        assert picked.tolist() == values[tags == 65].tolist()
        assert kernels.count(tags, 65) == len(picked)
        wide = tags.astype("u2") << 8
        assert kernels.pick(values, wide, 65 << 8, room).tolist() == values[tags == 65].tolist()


def test_pack_means_what_its_instruction_does():
    if not (COMPILED and simd.packs(2)):
        pytest.skip("this processor has no instruction for it")
    from numba import njit

    @njit
    def packed(values, at, tags, tag, out, to):
        return simd.pack(values, at, tags, tag, out, to)

    random = np.random.default_rng(5)
    for kind in ("u2", "u4", "u8"):
        lanes = 64 // np.dtype(kind).itemsize
        for share in (0, 0.3, 1):
            values = random.integers(0, 1 << 15, 40).astype(kind)
            tags = np.where(random.random(40) < share, 200, 7).astype(np.uint8)
            outs = [np.zeros(60, kind), np.zeros(60, kind)]
            found = [
                f(values, 3, tags, 200, o, 5)
                for f, o in zip((packed, simd.pack), outs, strict=True)
            ]
            assert found[0] == found[1] == np.count_nonzero(tags[3 : 3 + lanes] == 200)
            assert outs[0][5 : 5 + found[0]].tolist() == outs[1][5 : 5 + found[0]].tolist()
            for out in outs:
                assert not out[:5].any()
                assert not out[5 + lanes :].any()


def test_partition_is_a_stable_sort(kernels):
    random = np.random.default_rng(3)
    tags = random.integers(60, 70, 1000).astype(np.uint8)
    offsets = np.arange(1000, dtype=np.uint32) * 7
    cursors, found, out = np.zeros(256, np.int64), np.zeros((256, 3), np.int64), offsets * 0
    kinds = kernels.partition(tags, offsets, cursors, found, out)
    assert not cursors.any()
    assert sorted(found[:kinds, 0].tolist()) == np.unique(tags).tolist()
    for tag, start, stop in found[:kinds].tolist():
        assert out[start:stop].tolist() == offsets[tags == tag].tolist()
    assert kernels.partition(tags[:0], offsets[:0], cursors, found, out[:0]) == 0


def test_first_seen_keeps_the_smallest(kernels):
    first, new = np.full(5, NEVER, np.int64), np.zeros(5, np.uint16)
    locates = np.array([1, 2, 1, 4], np.uint16)
    known = kernels.first_seen(locates, np.array([9, 5, 3, 7], np.uint32), 0, first, new, 0)
    assert new[:known].tolist() == [1, 2, 4]
    assert kernels.first_seen(locates[:1], np.array([4], np.uint32), 2, first, new, known) == known
    assert first.tolist() == [NEVER, 3, 5, NEVER, 7]


def test_places_grow_where_offsets_recur(kernels):
    first, new = np.full(5, NEVER, np.int64), np.zeros(5, np.uint16)
    locates, offsets = np.array([3], np.uint16), np.array([7], np.uint32)
    assert kernels.first_seen(locates, offsets, 1 << 40, first, new, 0) == 1
    assert first[3] == (1 << 40) + 7


@pytest.mark.parametrize(
    ("adds", "notional", "last"),
    [(SHARES, 0, 0), (NOTIONAL, 2 * 10 + 3 * 20, 0), (TRADE, 80, 20), (IF_PRINTABLE, 20, 10)],
)
def test_what_a_type_adds(kernels, adds, notional, last):
    sums = [np.zeros(4, kind) for kind in ("u8", "u8", "u8", "i8")]
    overflow, named = np.zeros((2, 4), np.uint8)
    kernels.add_totals(
        np.array([1, 1], np.uint16), np.array([2, 3], np.uint32), np.array([10, 20], np.uint32),
        np.frombuffer(b"YN", np.uint8), np.array([2, 40], np.uint32), 0, adds, *sums, overflow,
        named,
    )  # fmt: skip
    shares, found, price, at = (each[1] for each in sums)
    assert (shares, found, price) == (5, notional, last)
    assert at == {TRADE: 40, IF_PRINTABLE: 2}.get(adds, 0)
    assert not overflow.any()
    assert named.tolist() == [0, 1, 0, 0]


def test_the_environment_decides_which_twin_runs():
    code = "from zcviz.kernels import COMPILED; print(COMPILED)"
    for value, expected in (("1", "False"), ("0", str(COMPILED)), ("", str(COMPILED))):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "ZCVIZ_NO_NUMBA": value}
        if not COMPILED and value != "1":
            continue
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


def test_without_numba_the_plain_kernels_run():
    # As on a platform that numba has no wheels for.
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import zcviz; from zcviz.kernels import COMPILED\n"
        "from tests import helpers\n"
        "with zcviz.open(helpers.small_pcap()) as feed:\n"
        "    print(COMPILED, len(feed), feed.report.problems_total)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "17", "18"]


def test_no_place_for_machine_code_is_no_hindrance(tmp_path):
    # An install that cannot be written to, and no home either: numba says so when it decorates.
    code = (
        "import numba, numba.core.caching as caching\n"
        "def nowhere(*_, **__): raise RuntimeError('no locator available')\n"
        "caching.FunctionCache.__init__ = nowhere\n"
        "import zcviz; from tests import helpers\n"
        "with zcviz.open(helpers.small_itch()) as feed: print(len(feed))"
    )
    if not COMPILED:
        pytest.skip("numba is not at work in this process")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "15"


@pytest.mark.skipif(not COMPILED, reason="numba is not at work in this process")
def test_machine_code_of_another_version_is_not_used():
    # numba would look at the file of a kernel only, not at what is compiled into it from others.
    from zcviz.kernels import scan_frames

    stamp = scan_frames._cache._cache_file._source_stamp
    assert stamp == _jit._stamp()
    assert {"frames.py", "simd.py", "tally.py", "ethernet.py"} <= {name for name, *_ in stamp}


if __name__ == "__main__":
    import zcviz.kernels as these

    guard, other, count = guarded.Guard(1 << 12), guarded.Guard(1 << 12), 0
    for length in range(1, 40):
        for data in guard.both(bytes(range(length))):
            for size in range(1, min(length, 9)):
                offsets = np.array([length - size, 0, *range(length - size)], np.uint32)
                numbers, text = np.zeros(len(offsets), "u8"), np.zeros(len(offsets), f"S{size}")
                these.gather_bytes(data, offsets, 0, size, text)
                if size in (1, 2, 4, 8):
                    numbers = numbers.astype(f"u{size}")
                if size in (1, 2, 4, 6, 8):
                    these.gather_integers(data, offsets, 0, size, ">", numbers)
                count += 1
            for kind in (np.uint16, np.uint32, np.uint64):
                values = other.before_end(np.arange(length, dtype=kind).tobytes()).view(kind)
                room = np.zeros(length + these.LANES, kind)
                assert these.pick(values, data, length // 2, room).tolist() == [length // 2]
    print(count, "columns")
