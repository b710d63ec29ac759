"""`exact()`: every allocation is counted once, and the allocators are left as they were found."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import gc
import itertools
import os
import re
import struct
import subprocess
import sys
import textwrap
import threading
import tracemalloc

import numpy as np
import pytest

from zcviz.trace import allocations, exact
from zcviz.trace import hook as machinery
from zcviz.trace.allocators import Allocator, places

HEADER = sys.getsizeof(b"")
COUNTED = not isinstance(machinery.hook(), str)
MILLION = 1_000_000

needs_numba = pytest.mark.skipif(not COUNTED, reason="allocations cannot be counted here")


def in_use():
    return [place.read().words() for place in places()]


@pytest.fixture(autouse=True)
def put_back():
    gc.collect()
    before = in_use()
    yield
    tracemalloc.stop()
    assert in_use() == before


def run(source, *options, **environment):
    """Run `source` in a process of its own, where a crash does no harm; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, "-c", textwrap.dedent(source)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def repeated(work, times=1000):
    """Count what `work` allocates each time; the loop itself allocates nothing."""
    for _ in range(20):
        work()  # fills free lists, and specialises
    turns = itertools.repeat(None, times)
    with exact() as seen:
        for _ in turns:
            work()
    return seen.result


# --- exactness ----------------------------------------------------------------------------------


@needs_numba
@pytest.mark.parametrize("thread", [False, True])
def test_an_empty_block_counts_nothing_at_all(thread):
    for window in [exact(thread=thread) for _ in range(3)]:
        with window:
            pass
        assert set(dataclasses.astuple(window.result.total)) == {0}
        assert (window.peak, window.result.lost, window.reason) == (0, 0, "")


@needs_numba
@pytest.mark.parametrize("size", [1, 100, 512, 513, 5000, MILLION])
def test_transient_blocks_are_counted_one_by_one(size):
    counts = repeated(lambda: bytes(size), 200)
    assert counts.python.allocations == counts.python.frees == 200
    assert counts.python.bytes == counts.python.freed == 200 * (HEADER + size)
    assert counts.python.unknown == 0
    assert counts.other.allocations == 0, "large ones come from there, and count once"
    assert counts.peak == HEADER + size
    assert counts.held == 0


@needs_numba
def test_what_is_held_is_told_from_what_was_freed():
    kept = [None] * 1000
    numbers = list(range(1000))
    with exact() as seen:
        for number in numbers:
            kept[number] = bytes(200)
    assert seen.python.held == 1000 * (HEADER + 200)
    assert seen.python.allocations - seen.python.frees == 1000


@needs_numba
def test_slices_against_views():
    data = bytes(1000)
    view = memoryview(data)
    some = slice(100, 136)
    slices, views = repeated(lambda: data[some]), repeated(lambda: view[some])
    assert slices.python.allocations == views.python.allocations == 1000
    assert slices.python.bytes == 1000 * (HEADER + 36)
    assert views.python.bytes > slices.python.bytes, "a view is larger than 36 bytes and a header"
    nothing = repeated(lambda: view[7])
    assert nothing.python.allocations == 0, "small integers exist already"


@needs_numba
def test_unpack_from_makes_its_integers():
    unpack, data = struct.Struct(">QQ").unpack_from, b"\xff" * 16
    counts = repeated(lambda: unpack(data))
    assert counts.python.allocations == 2000, "the tuple comes from a free list"
    assert counts.python.bytes == 2000 * sys.getsizeof(2**64 - 1)


@needs_numba
def test_a_growing_bytearray_is_reallocated():
    grown, turns = bytearray(), itertools.repeat(None, 1000)
    with exact() as seen:
        for _ in turns:
            grown.append(7)
    flow = seen.python
    assert flow.allocations == 1
    assert 5 < flow.reallocs < 300
    assert flow.held == sys.getsizeof(grown) - sys.getsizeof(bytearray())
    assert flow.bytes == flow.held, "growth counts, and not what is there already"
    assert flow.moved < 100 * 1000
    with exact() as later:
        grown.clear()
    assert later.python.held == later.python.bytes
    assert later.python.unknown >= 1, "and what other threads of this process let go of"


@needs_numba
def test_shrinking_is_freeing():
    with exact() as seen:
        made = bytearray(MILLION)
        del made[1000:]
    assert seen.python.reallocs == 1
    assert seen.python.held < 2000
    assert seen.python.bytes - seen.python.freed == seen.python.held
    assert seen.peak > MILLION


@needs_numba
def test_a_block_that_moves_was_copied():
    api = ctypes.pythonapi
    api.PyMem_Malloc.restype = api.PyMem_Realloc.restype = ctypes.c_void_p
    api.PyMem_Realloc.argtypes = ctypes.c_void_p, ctypes.c_size_t
    api.PyMem_Malloc.argtypes = (ctypes.c_size_t,)
    api.PyMem_Free.argtypes = (ctypes.c_void_p,)
    with exact() as seen:
        small = api.PyMem_Malloc(100)
        large = api.PyMem_Realloc(small, 400)  # another size class
    assert (seen.python.reallocs, seen.python.moved) == (1, 100)
    with exact() as later:
        again = api.PyMem_Realloc(large, 40)
        api.PyMem_Free(again)
    assert later.python.reallocs == 1
    assert later.python.unknown == 1
    assert later.python.held == sys.getsizeof(again)


@needs_numba
def test_a_block_of_before_has_no_known_size():
    old = bytes(5000)
    with exact() as seen:
        del old
    flow = seen.python
    assert (flow.frees, flow.freed, flow.unknown, flow.held) == (1, 0, 1, 0)


@needs_numba
def test_failing_to_allocate_is_no_allocation():
    with exact() as seen, contextlib.suppress(MemoryError):
        bytearray(2**62)
    assert seen.python.bytes < 10_000
    grown = bytearray(100_000)
    with exact() as seen:
        with contextlib.suppress(MemoryError):
            grown *= 2**40
        del grown
    assert seen.python.bytes < 10_000


# --- numpy --------------------------------------------------------------------------------------


@needs_numba
@pytest.mark.parametrize("length", [1, 16, 127, 128, 1000, 100_000])
def test_temporary_arrays_are_counted(length):
    x = np.arange(float(length))
    counts = repeated(lambda: np.negative(x), 100)
    assert counts.numpy.allocations == counts.numpy.frees == 100, "numpy's own cache or not"
    assert counts.numpy.bytes == counts.numpy.freed == 100 * x.nbytes
    assert counts.numpy.unknown == counts.numpy.held == 0


@needs_numba
def test_every_way_to_make_an_array_is_seen():
    with exact() as seen:
        made = [np.empty(1000, np.uint8), np.zeros(2000, np.uint8), np.zeros(10, np.uint8)]
        made[0].resize(5000, refcheck=False)
    assert (seen.numpy.allocations, seen.numpy.reallocs) == (3, 1)
    assert seen.numpy.held == sum(each.nbytes for each in made) == 7010
    before = np.ones(3)
    with exact() as seen:
        del before, made
    assert (seen.numpy.frees, seen.numpy.unknown) == (4, 4)


@needs_numba
def test_views_of_arrays_take_no_data():
    x = np.arange(1000)
    counts = repeated(lambda: x[10:20], 100)
    assert counts.numpy.allocations == 0
    assert counts.python.allocations > 0


@needs_numba
def test_arrays_outlive_the_block():
    with exact():
        kept = [np.ones(size) for size in (1, 10, 1000, 100_000)]
    kept[0] = kept[0] + 1
    with exact():
        kept.pop()
    for array in kept:
        assert (array > 0).all()
    kept[1].resize(50_000, refcheck=False)
    del kept


@needs_numba
def test_numpy_data_of_other_threads_and_contexts_is_seen():
    def work():
        np.ones(1000)

    async def task():
        await asyncio.to_thread(work)
        work()

    with exact() as seen:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        asyncio.run(task())
    assert seen.numpy.bytes == pytest.approx(24_000, rel=0.01)


# --- several windows ----------------------------------------------------------------------------


@needs_numba
def test_windows_inside_windows():
    with exact() as outer:
        first = bytes(1000)
        with exact() as inner:
            second = bytes(2000)
            del first
        del second
    assert inner.python.held == HEADER + 2000
    assert inner.python.unknown == 1, "of before it"
    assert outer.python.held < 500, "the inner window itself"
    assert outer.python.unknown == 0
    assert 3000 <= outer.python.bytes - 2 * HEADER < 3800, "and what `with` takes"


@needs_numba
def test_opening_and_closing_costs_outer_windows_next_to_nothing():
    windows = [exact() for _ in range(10)]
    with exact() as outer:
        for each in windows:
            with each:
                pass
    assert all(each.result.total.allocations == 0 for each in windows)
    assert outer.python.allocations < 80
    assert outer.python.held < 100
    assert outer.python.unknown == 0


@needs_numba
@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_overlapping_windows_may_close_in_any_order(order):
    windows = {}
    blocks = []
    for name in "abc":
        windows[name] = exact()
        windows[name].__enter__()
        blocks.append(bytes(100_000))
    for name in order:
        windows[name].__exit__(None, None, None)
    held = [windows[name].python.held for name in "abc"]
    assert held == pytest.approx([300_000, 200_000, 100_000], rel=0.01)
    assert not machinery.hook().torn


@needs_numba
def test_a_window_number_that_is_used_again_starts_anew():
    with exact():
        with exact():
            kept = bytes(5000)
        with exact() as later:
            del kept
    assert (later.python.freed, later.python.unknown) == (0, 1)


@needs_numba
def test_more_windows_than_there_is_room_for():
    with contextlib.ExitStack() as stack:
        windows = [stack.enter_context(exact()) for _ in range(40)]
        assert windows[30].python is not None
        assert windows[31].python is None
        assert "too many" in windows[31].reason
    with exact() as seen:
        pass
    assert seen.reason == ""


@needs_numba
def test_exceptions_pass_through():
    with pytest.raises(KeyError, match="mine"), exact() as seen:
        kept = bytes(10_000)
        raise KeyError("mine")
    assert seen.python.held >= len(kept)


@needs_numba
def test_a_window_that_is_dropped_closes_itself():
    before = in_use()
    for thread in False, True:
        for opened in "__enter__", "prepare":
            for _ in range(40):  # more than there is room for
                window = exact(thread=thread)
                getattr(window, opened)()
                assert window.reason == ""
                del window
            assert in_use() == before
    assert not machinery.hook().torn
    assert machinery.hook().depth == 0
    with exact() as seen:
        bytes(1000)
    assert seen.python.bytes >= 1000


@needs_numba
@pytest.mark.parametrize("started", [False, True])
def test_an_interrupt_before_the_block_begins_leaves_nothing(monkeypatch, started):
    before, kind = in_use(), type(exact())
    start = kind.start

    def interrupted(window):
        monkeypatch.undo()
        if started:
            start(window)
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, "start", interrupted)
    try:
        with exact():
            pass
    except KeyboardInterrupt:
        pass
    assert (in_use(), machinery.hook().depth) == (before, 0)


@needs_numba
def test_a_generator_may_hold_a_window_open():
    def measured():
        with exact() as seen:
            yield seen

    with exact() as outer:
        steps = measured()
        seen = next(steps)
        block = bytes(10_000)
        steps.close()
    assert seen.python.held == pytest.approx(10_000, rel=0.05)
    assert outer.python.bytes >= len(block)
    abandoned = measured()
    next(abandoned)
    del abandoned
    assert not machinery.hook().torn


@needs_numba
def test_tasks_may_watch_at_the_same_time():
    async def watched(size):
        with exact() as seen:
            block = bytes(size)
            await asyncio.sleep(0.001)
        return seen.python.bytes, len(block)

    async def both():
        return await asyncio.gather(watched(50_000), watched(100_000))

    (first, _), (second, _) = asyncio.run(both())
    assert first > 150_000, "the process is one"
    assert second > 100_000


@needs_numba
def test_readings_inside_the_block_are_not_counted():
    readings = [None] * 5
    with exact() as seen:
        first = bytes(1000)
        readings[0] = seen.result
        readings[1] = seen.result
        readings[2:] = seen.result, str(seen), seen.python
        readings[3:] = ()
    assert readings[0] == readings[1] == readings[2]
    assert readings[0].total.held == readings[0].total.bytes == HEADER + len(first)


def test_a_window_is_entered_once_at_a_time():
    window = exact()
    if COUNTED:
        with pytest.raises(RuntimeError, match="not begun"):
            _ = window.peak
        with window, pytest.raises(RuntimeError, match="open already"):
            window.__enter__()
    with window:
        kept = bytes(1000)
    assert window.peak in {None, HEADER + len(kept)}


# --- threads ------------------------------------------------------------------------------------


@needs_numba
def test_other_threads_are_in_it_unless_one_asks_for_its_own():
    def work(times):
        for _ in itertools.repeat(None, times):
            bytes(1000)

    def both():
        thread = threading.Thread(target=work, args=(5000,))
        thread.start()
        work(100)
        thread.join()

    both()
    with exact() as everybody, exact(thread=True) as mine:
        both()
    assert everybody.python.bytes >= 5100 * (HEADER + 1000)
    assert 100 * 1000 < mine.python.bytes < 200 * 1000


@needs_numba
def test_what_one_thread_makes_and_another_frees_is_freed():
    box = [None]

    def empty():
        with exact(thread=True) as window:
            box[0] = None
        box[0] = window

    with exact(thread=True) as seen:
        box[0] = bytes(100_000)
        thread = threading.Thread(target=empty)
        thread.start()
        thread.join()
    assert seen.python.held < 5000
    assert (box[0].python.freed, box[0].python.unknown) == (0, 1)


@needs_numba
def test_many_threads_lose_no_count():
    ready = threading.Barrier(5)
    results = []

    def work():
        turns = itertools.repeat(None, 20_000)
        ready.wait()
        with exact(thread=True) as seen:
            for _ in turns:
                bytes(700)
        results.append(seen.result)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        ready.wait()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for counts in results:
        assert counts.python.bytes == counts.python.freed == 20_000 * (HEADER + 700)


@needs_numba
def test_what_is_allocated_without_the_gil_loses_no_count():
    api = ctypes.CDLL(None) if sys.platform != "win32" else ctypes.pythonapi
    malloc, free = api.PyMem_RawMalloc, api.PyMem_RawFree
    malloc.restype, malloc.argtypes, free.argtypes = (
        ctypes.c_void_p,
        (ctypes.c_size_t,),
        (ctypes.c_void_p,),
    )

    def work():
        for _ in itertools.repeat(None, 5000):
            free(malloc(10_000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    with exact() as seen:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 200_000_000 <= seen.other.bytes < 200_200_000
    assert seen.other.held < 100_000


# --- in company with tracemalloc ----------------------------------------------------------------


@needs_numba
def test_within_tracemalloc():
    tracemalloc.start()
    with exact() as seen:
        kept = bytes(10_000)
    assert seen.python.bytes == HEADER + len(kept)
    assert seen.other.allocations == 0
    assert tracemalloc.get_object_traceback(kept) is not None


@needs_numba
def test_tracemalloc_started_in_the_block_is_not_broken():
    with exact() as seen:
        tracemalloc.start()
        kept = bytes(10_000)
    assert seen.python.held >= 10_000
    assert tracemalloc.get_object_traceback(kept) is not None
    with exact() as again:  # from underneath
        more = bytes(20_000)
    assert again.python.bytes == HEADER + len(more)
    tracemalloc.stop()
    with exact() as last:  # from the place that tracemalloc gave back
        more = bytes(30_000)
    assert last.python.bytes == HEADER + len(more)


@needs_numba
def test_tracemalloc_stopped_in_the_block_makes_the_counts_unknown():
    tracemalloc.start()
    with exact() as seen:
        tracemalloc.stop()
        kept = bytes(10_000)
        with exact() as inner:
            kept = bytes(10_000)
    assert seen.python is None
    assert "tracemalloc" in seen.reason
    assert inner.python.bytes == HEADER + len(kept)


@needs_numba
def test_allocations_shows_them_too():
    with allocations(exact=True) as seen:
        passing = bytes(50_000)
        del passing
        kept = np.ones(10_000)
    counts = seen.result.exact
    assert counts.python.bytes >= 50_000 + HEADER
    assert counts.numpy.held == kept.nbytes == seen.result.numpy.bytes
    assert counts.peak == pytest.approx(seen.peak, rel=0.01)
    assert counts.other.bytes < 1000, "tracemalloc's own work is not in it"
    assert str(counts) in str(seen)
    table = counts._repr_html_().partition("<table>")[2].partition("</table>")[0]
    assert table in seen._repr_html_()
    with allocations() as seen:
        pass
    assert seen.result.exact is None


@needs_numba
def test_allocations_in_a_window_does_not_remove_the_hook():
    watching = exact()
    with allocations(), watching, allocations(exact=True) as inner:
        kept = bytes(10_000)
    assert inner.result.exact.python.bytes == HEADER + len(kept)
    assert watching.python.held == pytest.approx(10_000, rel=0.1)
    one, other = allocations(), exact()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)  # stops tracemalloc, which lies beneath
    kept = bytes(20_000)
    other.__exit__(None, None, None)
    assert other.python.held == pytest.approx(20_000, rel=0.1)


@needs_numba
def test_an_empty_block_of_allocations_counts_nothing():
    for window in [allocations(exact=True) for _ in range(3)]:
        with window:
            pass
        assert set(dataclasses.astuple(window.result.exact.total)) == {0}


# --- where a crash would take the test run down -------------------------------------------------

BLOCK = """
import os, sys, tracemalloc
import numpy as np
from zcviz.trace import exact
def some():
    return [bytes(n) for n in range(0, 3000, 7)], [np.ones(n) for n in range(0, 3000, 7)]
"""


@needs_numba
@pytest.mark.parametrize("allocator", ["debug", "malloc", "malloc_debug", "pymalloc_debug"])
def test_with_other_allocators(allocator):
    source = """
    with exact() as seen:
        kept = bytes(10_000)
    print(seen.python.bytes == 10_033, seen.other.allocations == 0, seen.reason)
    with exact():
        kept = some()
    del kept
    """
    assert run(BLOCK + textwrap.dedent(source), PYTHONMALLOC=allocator).split() == ["True", "True"]


@needs_numba
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_in_the_block():
    source = """
    import threading
    stop = threading.Event()
    def busy():
        while not stop.is_set():
            some()
    thread = threading.Thread(target=busy)
    thread.start()
    outer = exact()
    outer.__enter__()
    for _ in range(6):
        child = os.fork()
        if child == 0:
            with exact() as seen:
                kept = some()
            assert seen.numpy.held > 1000, seen.result
            outer.__exit__(None, None, None)
            sys.exit(0) if _ % 2 else os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    thread.join()
    outer.__exit__(None, None, None)
    print(outer.numpy.held >= 0, outer.reason)
    """
    assert run(BLOCK + textwrap.dedent(source), "-W", "ignore").split() == ["True"]


@needs_numba
@pytest.mark.parametrize("buried", ["", "tracemalloc.start()"])
def test_the_interpreter_may_end_in_the_block(buried):
    source = f"""
    seen = exact()
    seen.__enter__()
    {buried}
    kept = some()
    class Last:
        def __del__(self, some=some):
            self.kept = some()
    last = Last()
    last.itself = last
    sys.modules["zcviz.last"] = Last()
    """
    assert run(BLOCK + textwrap.dedent(source)) == ""


@needs_numba
def test_a_full_table_says_at_least():
    source = """
    from zcviz.trace import counting
    from zcviz.trace.hook import hook
    made = hook()
    for domain in (1, 2):  # two buckets
        made.words[counting.DOMAIN + domain * counting.DOMAIN_WORDS + counting.MASK] = 1
    with exact() as seen:
        kept = some()
        del kept
    print(seen.result.lost > 300, seen.python.freed < seen.python.bytes, "at least" in str(seen))
    """
    assert run(BLOCK + textwrap.dedent(source)).split() == ["True"] * 3


def test_without_numba_it_says_why():
    source = """
    with exact() as seen:
        some()
    print(seen.python, seen.numpy, seen.other, seen.peak, seen.result.total, seen.reason)
    print(seen, seen._repr_html_())
    print("numba" in sys.modules)
    """
    text = run(BLOCK + textwrap.dedent(source), ZCVIZ_NO_NUMBA="1")
    assert text.startswith("None None None None None counting allocations needs numba")
    assert "not measured" in text
    assert text.endswith("False\n")


def test_numba_is_not_imported_before_it_is_needed():
    text = run("import sys, zcviz.trace; print('numba' in sys.modules, 'ctypes' in sys.modules)")
    assert text.startswith("False")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("sys.implementation.name = 'other'", "CPython only"),
        ("sysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1", "free-threaded"),
        ("sys.modules['numba'] = None", "needs numba"),
        ("ctypes.pythonapi = object()", "cannot be counted here|needs numba"),
    ],
)
def test_where_it_cannot_be_had_it_says_why(change, reason):
    source = f"""
    import ctypes, sysconfig
    from zcviz.trace import hook
    {change}
    with exact() as seen:
        some()
    print(seen.python, seen.reason)
    """
    text = run(BLOCK + textwrap.dedent(source), ZCVIZ_NO_NUMBA="")
    assert text.startswith("None")
    assert re.search(reason, text)


@needs_numba
def test_without_a_place_for_a_cache_it_compiles_all_the_same(monkeypatch):
    from zcviz.trace import counting, machine

    def cfunc(signature, cache=False, **how):
        if cache:
            raise RuntimeError("no locator available")
        return lambda function: (function, signature)

    monkeypatch.setattr(machine.numba, "cfunc", cfunc)
    assert counting.functions()[0][0].__name__ == "_malloc"


# --- the result ---------------------------------------------------------------------------------


def test_the_result_is_plain_data(capsys):
    with exact() as seen:
        kept = bytearray(MILLION)
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.result.peak = 0
    assert set(seen.result.as_dict()) == {"python", "numpy", "other", "peak", "lost", "reason"}
    if COUNTED:
        assert f"{seen.python.bytes:,} B" in str(seen)
        assert f">{seen.python.bytes:,} B</td>" in seen._repr_html_()
    assert capsys.readouterr() == ("", "")
    del kept


def test_an_allocator_is_five_addresses():
    found = Allocator(1, 2, 3, 4, None)
    assert found.words() == [1, 2, 3, 4, 0]
    assert found == Allocator(1, 2, 3, 4, 0)
