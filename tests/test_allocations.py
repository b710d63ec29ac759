"""`allocations()`: right to 1 %, and tracemalloc is left as it was found."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import tracemalloc

import numpy as np
import pytest

import zcviz.trace.tracing as shared
from zcviz.trace import allocations
from zcviz.trace.hook import hook

MILLION = 1_000_000


@pytest.fixture(autouse=True)
def untraced():
    assert not tracemalloc.is_tracing()
    yield
    assert not shared.tracing.windows
    tracemalloc.stop()


@pytest.fixture(params=["not tracing before", "tracing before"])
def either_state(request):
    if request.param == "tracing before":
        tracemalloc.start(3)


@pytest.mark.usefixtures("either_state")
@pytest.mark.parametrize("size", [100_000, 3 * MILLION])
def test_known_sizes_are_seen_to_one_percent_and_told_apart(size):
    with allocations() as seen:
        held = bytearray(size)
        array = np.ones(size, np.uint8)
        passing = bytes(2 * size)
        del passing
    assert seen.net == pytest.approx(2 * size, rel=0.01)
    assert seen.peak == pytest.approx(4 * size, rel=0.01)
    assert seen.result.python.bytes == pytest.approx(size, rel=0.01)
    assert seen.result.numpy.bytes == array.nbytes
    assert seen.result.numpy.blocks == 1
    del held, array
    assert seen.net == pytest.approx(2 * size, rel=0.01), "the result is final"


@pytest.mark.usefixtures("either_state")
def test_blocks_are_counted():
    kept = [None] * 1000
    with allocations() as seen:
        for place in range(1000):
            kept[place] = bytes(100)
    assert seen.blocks == pytest.approx(1000, abs=5)
    assert seen.net == pytest.approx(1000 * 133, rel=0.01)


@pytest.mark.usefixtures("either_state")
def test_an_empty_block_allocates_next_to_nothing():
    with allocations() as seen:
        pass
    assert abs(seen.net) <= 64
    assert seen.peak < 512


def test_memory_of_before_counts_as_freed_if_it_was_traced():
    tracemalloc.start()
    old = bytearray(MILLION)
    with allocations() as seen:
        del old
        new = bytearray(MILLION // 2)
    assert seen.net == pytest.approx(-MILLION // 2, rel=0.01)
    assert seen.peak == pytest.approx(0, abs=1000), "never above where it began"
    assert any(line.bytes < -900_000 for line in seen.result.lines)
    del new


def test_live_readings_do_not_disturb_the_result():
    with allocations() as seen:
        first = bytearray(MILLION)
        assert seen.net == pytest.approx(MILLION, rel=0.01)
        for _ in range(20):
            assert seen.blocks < 20
        second = bytearray(MILLION)
        assert seen.net == pytest.approx(2 * MILLION, rel=0.01)
        del second
        assert seen.net == pytest.approx(MILLION, rel=0.01)
        assert seen.peak == pytest.approx(2 * MILLION, rel=0.01)
    assert seen.net == pytest.approx(MILLION, rel=0.01)
    assert seen.peak == pytest.approx(2 * MILLION, rel=0.01)
    del first


def test_our_own_work_makes_no_peak():
    tracemalloc.start()
    crowd = [bytes(50) for _ in range(5_000)]  # so that looking at all blocks takes memory
    with allocations() as outer:
        with allocations() as inner:
            assert inner.blocks < 50
        assert outer.blocks < 50
    assert inner.peak < 10_000
    assert outer.peak < 10_000
    assert len(crowd) == 5_000


def test_lines_say_where():
    with allocations() as seen:
        big = bytearray(3 * MILLION)
        small = np.zeros(MILLION, np.uint8)
    first, second = seen.by_line(top=2)
    assert (first.source, first.domain) == ("big = bytearray(3 * MILLION)", "Python")
    assert (second.source, second.domain) == ("small = np.zeros(MILLION, np.uint8)", "numpy")
    assert first.place.startswith("test_allocations.py:")
    assert len(seen.by_line(top=1)) == 1
    del big, small


# --- the state of tracemalloc -------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("frames", [0, 1, 7])
def test_the_state_found_is_restored(frames, depth, fails):
    if frames:
        tracemalloc.start(frames)
        keep = bytearray(MILLION)
    outcome = None
    try:
        with allocations():
            if depth > 1:
                with allocations():
                    if depth > 2:
                        with allocations():
                            pass
            if fails:
                raise KeyError("passes through")
    except KeyError as error:
        outcome = error
    assert (outcome is not None) == fails
    assert tracemalloc.is_tracing() == bool(frames)
    if frames:
        assert tracemalloc.get_traceback_limit() == frames
        assert tracemalloc.get_object_traceback(keep) is not None, "old traces are still there"


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("traced", [False, True])
def test_an_interrupt_while_it_looks_restores_the_state(monkeypatch, exact, traced):
    def interrupted():
        raise KeyboardInterrupt

    snapshot = tracemalloc.take_snapshot
    if traced:
        tracemalloc.start()
        monkeypatch.setattr(tracemalloc, "take_snapshot", interrupted)
        with pytest.raises(KeyboardInterrupt):
            allocations(exact=exact).__enter__()
        monkeypatch.setattr(tracemalloc, "take_snapshot", snapshot)
        assert not shared.tracing.windows
    window = allocations(exact=exact)
    with pytest.raises(KeyboardInterrupt), window:
        monkeypatch.setattr(tracemalloc, "take_snapshot", interrupted)
    assert not shared.tracing.windows
    assert tracemalloc.is_tracing() == traced
    made = hook()
    if exact and not isinstance(made, str):
        assert (made.torn, made.depth) == ({}, 0)


@pytest.mark.parametrize("exact", [False, True])
def test_a_window_that_is_dropped_closes_itself(exact):
    for _ in range(40):
        window = allocations(exact=exact)
        window.__enter__()
        assert tracemalloc.is_tracing()
        del window
        assert not tracemalloc.is_tracing()
    with allocations(exact=exact) as seen:
        kept = bytearray(100_000)
    assert 100_000 <= seen.net < 102_000
    assert len(kept) == 100_000


def test_the_peak_of_whoever_was_tracing_is_restored():
    tracemalloc.start()
    passing = bytearray(5 * MILLION)
    del passing
    peak = tracemalloc.get_traced_memory()[1]
    with allocations() as seen:
        small = bytearray(MILLION)
    assert seen.peak == pytest.approx(MILLION, rel=0.01)
    assert tracemalloc.get_traced_memory()[1] == pytest.approx(peak, abs=2000)
    with allocations():
        passing = bytearray(9 * MILLION)
        del passing
    assert tracemalloc.get_traced_memory()[1] == pytest.approx(10 * MILLION, rel=0.01)
    del small


def test_stopping_inside_the_block_is_an_error_and_the_state_is_restored_all_the_same():
    tracemalloc.start(4)
    with pytest.raises(RuntimeError, match="not known"), allocations() as seen:
        tracemalloc.stop()
    assert tracemalloc.get_traceback_limit() == 4
    with pytest.raises(RuntimeError, match="not known"):
        _ = seen.net
    with pytest.raises(ZeroDivisionError), allocations():
        tracemalloc.stop()
        _ = 1 / 0
    assert tracemalloc.is_tracing()


def test_another_depth_of_traces_inside_the_block_is_undone():
    tracemalloc.start(4)
    with allocations():
        tracemalloc.stop()
        tracemalloc.start(9)
    assert tracemalloc.get_traceback_limit() == 4


# --- several windows ----------------------------------------------------------------------------


def test_an_inner_window_leaves_the_outer_peak_alone():
    with allocations() as outer:
        passing = bytearray(8 * MILLION)
        del passing
        with allocations() as inner:
            passing = bytearray(2 * MILLION)
            del passing
        assert inner.peak == pytest.approx(2 * MILLION, rel=0.01)
        assert inner.net == pytest.approx(0, abs=1000)
        kept = bytearray(MILLION)
    assert outer.peak == pytest.approx(8 * MILLION, rel=0.01)
    assert outer.net == pytest.approx(MILLION, rel=0.01)
    del kept


def test_an_inner_peak_is_the_outer_one_too():
    with allocations() as outer:
        kept = bytearray(3 * MILLION)
        with allocations() as inner:
            passing = bytearray(5 * MILLION)
            del passing
        passing = bytearray(MILLION)
        del passing
    assert inner.peak == pytest.approx(5 * MILLION, rel=0.01)
    assert outer.peak == pytest.approx(8 * MILLION, rel=0.01)
    del kept


def test_many_inner_windows_cost_the_outer_one_nothing():
    with allocations() as outer:
        for _ in range(50):
            with allocations():
                pass
    assert abs(outer.net) < 500
    assert outer.peak < 20_000


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_overlapping_windows_may_close_in_any_order(order):
    windows = {}
    for name in "abc":
        windows[name] = allocations()
        windows[name].__enter__()
        block = bytearray(MILLION)
        del block
    for name in order:
        windows[name].__exit__(None, None, None)
    assert not tracemalloc.is_tracing()
    assert all(window.peak == pytest.approx(MILLION, rel=0.01) for window in windows.values())


def test_a_generator_may_hold_a_window_open():
    def measured():
        with allocations() as seen:
            kept = bytearray(MILLION)
            yield
        yield seen.net - len(kept)

    with allocations() as outer:
        steps = measured()
        next(steps)
        assert next(steps) == pytest.approx(0, abs=5000)
    assert outer.peak == pytest.approx(MILLION, rel=0.01)
    steps.close()


def test_other_threads_are_in_it():
    kept = []
    with allocations() as seen:
        thread = threading.Thread(target=lambda: kept.append(bytearray(2 * MILLION)))
        thread.start()
        thread.join()
    assert seen.net == pytest.approx(2 * MILLION, rel=0.01)


def test_a_window_is_entered_once_at_a_time():
    window = allocations()
    with pytest.raises(RuntimeError, match="not begun"):
        _ = window.net
    with window, pytest.raises(RuntimeError, match="open already"):
        window.__enter__()
    with window:
        again = bytearray(MILLION)
    assert window.net == pytest.approx(len(again), rel=0.01)


# --- the result ---------------------------------------------------------------------------------


def test_the_result_is_frozen_and_nothing_is_printed(capsys):
    with allocations() as seen:
        kept = bytearray(MILLION)
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.result.net = 0
    assert f"{seen.net:,} B held at the end" in str(seen)
    assert "kept = bytearray(MILLION)" in str(seen)
    assert f">{seen.by_line()[0].bytes:,}</td>" in seen._repr_html_()
    assert seen.result.as_dict()["lines"][0]["bytes"] == seen.by_line()[0].bytes
    assert capsys.readouterr() == ("", "")
    del kept


def test_hostile_source_text_is_escaped(tmp_path):
    hostile = "<script>alert(1)</script>\x1b[2J\u202e"
    path = tmp_path / "x<img>.py"
    path.write_text(f"made = bytearray(500_000)  # {hostile}", encoding="utf-8")
    names = {}
    with allocations() as seen:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    assert "made = bytearray" in seen.by_line()[0].source, "or the rest proves nothing"
    text, page = str(seen), seen._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;img&gt;" in page
    for shown in (text, page):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\\x1b[2J" in shown
