"""The compiled loops and their plain twins: the same source, the same results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zcviz import kernels
from zcviz.kernels import (
    COMPILED,
    add_totals,
    first_seen,
    gather_bytes,
    gather_integers,
    scan_frames,
)  # fmt: skip
from zcviz.kernels.gather import partition
from zcviz.kernels.totals import IF_PRINTABLE, NOTIONAL, SHARES, TRADE

ROOT = Path(__file__).resolve().parents[1]

WIDTHS = {1: "u1", 2: "u2", 4: "u4", 6: "u8", 8: "u8"}


@pytest.fixture(params=["compiled", "plain"])
def twin(request, monkeypatch):
    """A kernel as it is, or the Python it is made of."""
    if request.param == "compiled" and not COMPILED:
        pytest.skip("numba is not at work in this process")

    def choose(kernel):
        if request.param == "compiled":
            return kernel
        plain = getattr(kernel, "py_func", kernel)
        return lambda *given: plain(
            *(memoryview(each) if isinstance(each, np.ndarray) else each for each in given)
        )

    if request.param == "plain":
        monkeypatch.setattr("zcviz.kernels.gather.COMPILED", False)
    return choose


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("places", [np.uint32, np.uint64])
def test_integers_of_every_width_and_order(twin, size, order, places):
    random = np.random.default_rng(size)
    data = random.integers(0, 256, 500, np.uint8)
    data[100:108] = 255
    data.flags.writeable = False
    offsets = np.array([0, 100, 3, 499 - 8, 100], places)
    for at in (0, 1):
        out = np.zeros(5, WIDTHS[size])
        gather_integers(data, offsets, at, size, order, out)
        expected = [
            int.from_bytes(
                data[o + at : o + at + size].tobytes(), ("<>".index(order) and "big") or "little"
            )
            for o in offsets.tolist()
        ]
        assert out.tolist() == expected


def test_more_values_than_are_picked_at_once(twin):
    data = np.arange(200_000, dtype=np.uint32).view(np.uint8)
    offsets = np.arange(0, 4 * 200_000, 4, dtype=np.uint32)
    out = np.zeros(200_000, np.uint32)
    gather_integers(data, offsets, 0, 4, "<", out)
    assert np.array_equal(out, np.arange(200_000))
    text = np.zeros(200_000, "S4")
    gather_bytes(data, offsets, 0, 4, text)
    assert text.tobytes() == data.tobytes()


def test_bytes_are_never_read_past_the_end(twin):
    data = np.arange(10, dtype=np.uint8)
    text = np.zeros(1, "S4")
    gather_bytes(data, np.array([6], np.uint32), 0, 4, text)
    assert text.tobytes() == bytes([6, 7, 8, 9])
    with pytest.raises(IndexError):
        gather_bytes(data, np.array([7], np.uint32), 0, 4, text)


def test_partition_is_a_stable_sort(twin):
    random = np.random.default_rng(3)
    tags = random.integers(60, 70, 1000).astype(np.uint8)
    offsets = np.arange(1000, dtype=np.uint32) * 7
    counts = np.bincount(tags, minlength=256)
    cursors = np.cumsum(counts) - counts
    out = np.zeros_like(offsets)
    twin(partition)(tags, offsets, cursors, out)
    assert out.tolist() == offsets[np.argsort(tags, kind="stable")].tolist()
    assert cursors.tolist() == np.cumsum(counts).tolist()


def test_first_seen_keeps_the_smallest(twin):
    first = np.full(5, 2**64 - 1, np.uint64)
    locates = np.array([1, 2, 1, 4], np.uint16)
    twin(first_seen)(locates, np.array([9, 5, 3, 7], np.uint32), first)
    twin(first_seen)(locates[:1], np.array([4], np.uint32), first)
    assert first.tolist() == [2**64 - 1, 3, 5, 2**64 - 1, 7]


@pytest.mark.parametrize(
    ("adds", "notional", "last"),
    [(SHARES, 0, 0), (NOTIONAL, 2 * 10 + 3 * 20, 0), (TRADE, 80, 20), (IF_PRINTABLE, 20, 10)],
)
def test_what_a_type_adds(twin, adds, notional, last):
    sums = [np.zeros(4, np.uint64) for _ in range(4)]
    overflow = np.zeros(4, np.uint8)
    twin(add_totals)(
        np.array([1, 1], np.uint16), np.array([2, 3], np.uint32), np.array([10, 20], np.uint32),
        np.frombuffer(b"YN", np.uint8), np.array([2, 40], np.uint32), adds, *sums, overflow,
    )  # fmt: skip
    shares, found, price, at = (each[1] for each in sums)
    assert (shares, found, price) == (5, notional, last)
    assert at == {TRADE: 40, IF_PRINTABLE: 2}.get(adds, 0)
    assert not overflow.any()


def test_a_scan_stops_when_its_room_is_full_and_goes_on(twin):
    data = np.frombuffer((b"\0\2zz" * 10), np.uint8)
    expected = np.zeros(256, np.uint16)
    problems, tally = np.zeros((4, 4), np.int64), np.zeros(len(kernels.Tally), np.int64)
    position, found = 0, []
    why = kernels.FULL
    while why == kernels.FULL:
        offsets, sizes, tags = np.zeros(3, np.uint32), np.zeros(3, np.uint16), np.zeros(3, np.uint8)
        position, why, count = twin(scan_frames)(
            data, position, expected, offsets, sizes, tags, problems, tally
        )
        assert count <= 3
        found += offsets[:count].tolist()
    assert found == list(range(2, 42, 4))
    assert (position, why) == (40, kernels.END)


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
    assert done.stdout.split() == ["False", "17", "17"]


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
