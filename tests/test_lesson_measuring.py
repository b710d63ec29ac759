"""What the lesson on measuring is made of, against figures known beforehand; asserts no time."""

from __future__ import annotations

import gc
import re
import sys
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zcviz

pytest.importorskip("matplotlib")

from zcviz.bench.measure import interleaved
from zcviz.errors import ZcvizError
from zcviz.kernels import COMPILED
from zcviz.lessons import exercise
from zcviz.lessons.collector import Collected, aftermath, collected, set_aside
from zcviz.lessons.disturbance import disturbed
from zcviz.lessons.fake_machine import FakeMachine, Lingering, quiet
from zcviz.lessons.histogram import bins_of
from zcviz.lessons.measuring_honestly import TASKS
from zcviz.lessons.sample import Sample
from zcviz.lessons.spread import (
    ALIKE,
    Drift,
    Spread,
    drift,
    one_after_another,
    side_by_side,
    time_often,
)
from zcviz.lessons.tracers import Sight, Sightings, Slowdown, in_words, seen_by, slowdown
from zcviz.lessons.warmup import FirstCalls, first_calls

HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"
BLOCK = 1_000_000
Clock = Callable[[], float]


def drawn(html: str) -> list[ET.Element]:
    """Return the drawings in some HTML, parsed: well-formed, that is."""
    return [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", html, re.S)]


# --- what tracing sees


def test_what_is_held_what_is_dropped_and_what_is_out_of_sight() -> None:
    with zcviz.open(Path(__file__).parent.parent / "data" / "feed.pcap") as mapped:
        found = seen_by(
            {
                "kept": (BLOCK, lambda: bytearray(BLOCK)),
                "dropped": (BLOCK, lambda: len(bytearray(BLOCK))),
                "a map": (mapped.source.size, lambda: mapped.source.view[1:]),
            }
        )
    kept, dropped, a_map = found.rows
    assert BLOCK <= kept.held < BLOCK + 1000 and kept.peak >= kept.held
    assert dropped.held < 1000 and BLOCK <= dropped.peak < BLOCK + 1000
    assert a_map.held < 1000 and a_map.peak < 1000
    if COMPILED:
        assert found.reason == ""
        assert all(BLOCK <= (row.counted or 0) < BLOCK + 5000 for row in (kept, dropped))
    else:
        assert kept.counted is None and "not measured" in str(found.shown) and found.reason
    assert "Seen by neither: a map." in found.sentence
    assert "Not among what tracemalloc says is held: dropped." in found.sentence
    assert not tracemalloc.is_tracing()


def test_what_is_not_measured_is_not_zero() -> None:
    found = Sightings((Sight("one", 10, 10, 10, None),), "there is no numba")
    assert "not measured" in str(found.shown) and "there is no numba" in found.sentence
    assert Sightings((Sight("one", 10, 10, 10, 10),)).sentence == "All of it was seen."


def test_slowdown_times_the_work_plain_and_watched() -> None:
    seen: list[tuple[str, bool]] = []
    works = {name: lambda name=name: seen.append((name, tracemalloc.is_tracing())) for name in "ab"}
    found = slowdown(works, rounds=2)
    assert seen == [(name, tracing) for name in "ab" for tracing in (False, True, False)] * 2
    assert list(found.traced) == ["a", "b"]
    assert list(found.counted) == (["a", "b"] if COMPILED else [])
    assert gc.isenabled() and not tracemalloc.is_tracing()


def test_a_slowdown_is_a_multiple_of_plain() -> None:
    found = Slowdown({"copying": 7.0, "a checksum": 1.004}, {"copying": 1.25})
    assert in_words(found.traced) == "copying 7 ×, a checksum 1 ×"
    assert found.sentence == "Under exact counting: copying 1.25 ×."
    found = Slowdown({HOSTILE: 2.5}, {}, "no <numba>")
    assert found.sentence == "Under exact counting: not measured (no <numba>)."
    assert not re.search("<script|<numba>", found.shown.html)


# --- first calls


def test_each_of_the_first_calls_is_timed() -> None:
    calls: list[str] = []
    found = first_calls({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 4)
    assert calls == ["a"] * 4 + ["b"] * 4
    assert [len(each) for each in found.seconds.values()] == [4, 4]


def test_a_first_call_is_compared_with_later_ones() -> None:
    found = FirstCalls({"cold": (50.0, 9.0, 2.0, 2.0), "warm": (2.0, 2.0, 2.0, 2.0)})
    assert found.first == {"cold": 25.0, "warm": 1.0}
    assert found.sentence == (
        "The first call took, as a multiple of later ones: cold, 25 times. "
        "No slower at first, here and now: warm."
    )
    assert FirstCalls({"warm": (2.0, 2.0)}).sentence == "No slower at first, here and now: warm."
    assert len(drawn(found._repr_html_())) == 2, "one for a narrow page"


# --- many times


@given(st.lists(st.floats(0.001, 1e6), min_size=2))
def test_a_sample_says_where_its_values_lie(values: list[float]) -> None:
    sample = Sample("work", tuple(values))
    low, high = sample.middle
    assert sample.least == min(values) and sample.most == max(values)
    rounded = [sample.least, low, sample.median, high, sample.most]
    assert sorted(rounded) == pytest.approx(rounded)
    assert sample.median == median(values) and sample.mean == fmean(values)
    below = [value for value in values if value < sample.mean]
    assert sample.below_mean == len(below) / len(values)


def test_one_slow_run_moves_the_mean_and_not_the_median() -> None:
    sample = Sample("work", (1.0,) * 9 + (101.0,))
    assert (sample.median, sample.mean, sample.below_mean) == (1, 11, 0.9)
    assert sample.sentence("µs").endswith("Median 1 µs, mean 11 µs: 90% are below the mean.")


@given(st.lists(st.floats(0.001, 1e6), min_size=2))
def test_what_is_far_out_is_a_tenth_at_most(values: list[float]) -> None:
    sample = Sample("work", tuple(values))
    low, high = sample.near
    assert {low, high} <= set(values)
    assert 10 * sum(low <= value <= high for value in values) >= 9 * len(values)


def test_a_few_runs_that_are_far_out_are_counted_and_not_drawn() -> None:
    values = (0.1, *(1.0, 1.1, 1.2, 1.3) * 10, 40.0, 41.0)
    assert Sample("work", values).near == (1.0, 1.3)
    svg = drawn(Spread((Sample("work", values),), "µs", "s")._repr_html_())[0]
    texts = " ".join(each.text or "" for each in svg.iter("{http://www.w3.org/2000/svg}text"))
    assert "1 µs · 1 below it, down to 0.1" in texts
    assert re.search(r"µs · 2 beyond it, up to 41", texts)


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(1, 40))
def test_every_value_is_in_one_column_or_beyond(values: list[float], number: int) -> None:
    low, high = 20.0, 30.0
    below, counts, above = bins_of(values, low, high, number)
    assert below + sum(counts) + above == len(values) and len(counts) == number
    assert sum(counts) == sum(low <= value <= high for value in values)
    assert above == sum(value > high for value in values)


def test_the_distribution_is_drawn_to_scale() -> None:
    values = (1.0,) * 30 + (2.0,) * 15 + (3.0,) * 5
    found = Spread((Sample("copying", values), Sample("zero-copy", values)), "µs", "s")
    for svg in drawn(found._repr_html_()):
        for style in ("copied", "solid"):
            columns = [str(p.get("d")) for p in svg.iter() if p.get("class") == style]
            tall = [float(re.findall(r"v([\d.]+)", each)[0]) for each in columns]
            assert tall == pytest.approx([64, 32, 64 / 6], abs=0.1)
        assert sum(p.get("class") == "hatch" for p in svg.iter()) == 3, "copying is hatched"
        assert svg.get("aria-label") == "s"
    assert "copying: 50 times, from 1 to 3 µs" in str(found)


def test_values_that_are_all_the_same_can_be_drawn() -> None:
    assert drawn(Spread((Sample("flat", (2.0, 2.0)),), "×", "s")._repr_html_())


def test_nothing_from_outside_gets_into_a_drawing() -> None:
    html = Spread((Sample(HOSTILE, (1.0, 2.0)),), HOSTILE, HOSTILE)._repr_html_()
    assert not re.search("<script|\x00|\u202e", html)


def test_functions_are_timed_often_and_in_turns() -> None:
    calls: list[str] = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    found = time_often(works, 3)
    assert calls == ["a", "b"] * 3 and [len(each.values) for each in found.samples] == [3, 3]
    calls.clear()
    assert {name: len(times) for name, times in one_after_another(works, 2).items()} == {
        "a": 2, "b": 2,
    }  # fmt: skip
    assert calls == ["a", "a", "b", "b"]


def test_times_move_and_the_ratio_is_said_beside_them() -> None:
    found = side_by_side({"then": {"a": 20.0, "b": 10.0}, "now": {"a": 30.0, "b": 15.0}})
    assert "then · 20 µs · 10 µs · 2 ×" in found.text and "now · 30 µs · 15 µs · 2 ×" in found.text
    assert "From the least to the most: a 50%, b 50%, ratio 0%. The ratio moved less" in found.text
    for now, told in ((20.1, "nothing moved much"), (30.0, "did not hit both functions alike")):
        times = {"then": {"a": 20.0, "b": 10.0}, "now": {"a": now, "b": 10.0}}
        assert told in side_by_side(times).text
    turned = side_by_side({"then": {"a": 20.0, "b": 10.0}, "now": {"b": 15.0, "a": 30.0}})
    assert turned.text == found.text
    assert "<script" not in side_by_side({HOSTILE: {HOSTILE: 1.0, "b": 1.0}}).html


@pytest.mark.parametrize(
    "medians",
    [{}, {"then": {"a": 1.0}}, {"then": {"a": 1.0, "b": 1.0}, "now": {"a": 1.0, "c": 1.0}}],
)
def test_only_the_same_two_functions_stand_side_by_side(medians: dict[str, Any]) -> None:
    with pytest.raises(ZcvizError, match="the same two functions are wanted"):
        side_by_side(medians)


def test_a_function_is_compared_with_itself() -> None:
    calls: list[int] = []
    found = drift(lambda: calls.append(1), verdicts=3, rounds=2)
    assert len(calls) == 3 * 2 * 4
    assert [len(each.values) for each in (found.after, found.turns)] == [3, 3]
    assert len(drawn(found.spread._repr_html_())) == 2


def test_drift_is_named_only_where_there_is_some() -> None:
    far, near = (1.2, 1.3, 0.75), (1.01, 0.99, 1.01)
    after, turns = "one after another", "in turns"
    found = Drift(Sample(after, far), Sample(turns, near))
    assert found.off == pytest.approx({after: 0.25, turns: 0.01}) and found.further == after
    assert "one after another 25.0%, in turns 1.0%" in found.sentence
    assert "no drift" not in found.sentence
    for values, further in ((near, ALIKE), (far, turns)):
        found = Drift(Sample(after, near), Sample(turns, values))
        assert found.further == further and "showed no drift" in found.sentence


# --- the collector


def test_collections_are_counted_only_where_the_collector_is_on() -> None:
    states: list[bool] = []

    def work() -> list[list[int]]:
        states.append(gc.isenabled())
        return [[] for _ in range(20_000)]  # more than any threshold of the youngest generation

    callbacks = list(gc.callbacks)
    found = collected(work, rounds=3)
    assert states == [False, True] * 3
    assert len(found.strikes) == 3 and min(found.strikes) > 0
    assert 0 < found.collecting < sum(found.on)
    assert gc.isenabled() and gc.callbacks == callbacks


def test_a_collector_that_did_not_run_is_not_blamed() -> None:
    found = Collected((1.0, 1.0), (1.0, 2.0), (0, 0), 0.0)
    assert found.sentence == "The collector did not run while the clock did."
    assert found.ratio == 1.5
    struck = Collected((1.0, 1.0), (1.0, 1.0), (2, 3), 0.5)
    assert "it ran 2 to 3 times" in struck.sentence and "25.0% of the time" in struck.sentence


def test_the_run_after_a_collection_and_the_next() -> None:
    calls: list[bool] = []
    found = aftermath(lambda: calls.append(gc.isenabled()), rounds=2)
    assert calls == [False] * 4 and [len(each.values) for each in found.samples] == [2, 2]
    assert gc.isenabled()
    assert found.sentence.startswith("By the medians, the run after a collection takes ")


def test_what_exists_is_set_aside_and_taken_back() -> None:
    gc.unfreeze()  # the test suite has set aside what existed before it
    try:
        with set_aside():
            with set_aside():
                assert gc.get_freeze_count() > 1000
            assert gc.get_freeze_count() > 1000, "the inner one leaves it as it was"
        assert gc.get_freeze_count() == 0
    finally:
        gc.freeze()


# --- a disturbance


def test_the_last_runs_are_disturbed_and_then_nothing_is() -> None:
    profiled: list[bool] = []

    def work() -> None:
        profiled.append(sys.getprofile() is not before)

    before = sys.getprofile()
    with disturbed({"a": work, "b": work}, after=3) as works:
        interleaved(works, 3)
    assert profiled == [False] * 3 + [True] * 3
    assert sys.getprofile() is before
    with pytest.raises(ZeroDivisionError), disturbed({"a": lambda: 1 / 0}, after=0) as works:
        works["a"]()
    assert sys.getprofile() is before


# --- a machine whose clock obeys


def test_the_clock_goes_on_only_as_it_is_told_to() -> None:
    machine = FakeMachine()
    work = machine.work("work", lambda n: n + 1.0, lambda: "done")
    start = machine.clock()
    assert [work(), work("given")] == ["done", "done"]
    assert machine.clock() - start == 3 and machine.readings == 2
    lingering = Lingering(machine, 5.0)
    del lingering
    assert machine.clock() - start == 8
    with quiet(machine, 1.0):
        sys.stdout.write("x")
    assert machine.clock() - start == 9


def test_quiet_leaves_collector_and_tracing_as_they_were(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with quiet():
        gc.disable()
        tracemalloc.start()
        print("unheard")
    assert gc.isenabled() and not tracemalloc.is_tracing()
    assert capsys.readouterr().out == ""


# --- the exercises


def time_and_memory(work: Any, clock: Clock) -> Any:
    with zcviz.allocations() as seen:
        start = clock()
        work()
        seconds = clock() - start
    return seconds, seen.peak


def time_once(work: Any, clock: Clock) -> float:
    start = clock()
    work()
    return clock() - start


def time_blindly(ways: Any, clock: Clock) -> Any:
    return {name: time_once(way, clock) for name, way in ways.items()}


def one_by_one(ways: Any, clock: Clock) -> Any:
    return {name: median([time_once(way, clock) for _ in range(15)]) for name, way in ways.items()}


def time_everything(prepare: Any, work: Any, clock: Clock) -> float:
    start = clock()
    answer = work(prepare())
    print(answer)
    del answer
    return clock() - start


BROKEN: dict[str, tuple[Callable[..., Any], str, str]] = {
    "apart": (time_and_memory, "work, clock", "8 s"),
    "warm": (time_once, "work, clock", "50 s"),
    "equals": (time_blindly, "ways, clock", ""),
    "in_turns": (one_by_one, "ways, clock", "2.08 ×"),
    "nothing_but": (time_everything, "prepare, work, clock", "4 of 4"),
}
HINTS = {task.name: task.hints[2] for task in TASKS}


def written(name: str, body: str) -> Any:
    """Return a learner's function with this body."""
    names = {**globals(), "time_blindly": time_blindly}
    exec(f"def {name}({BROKEN[name][1]}):\n{body}", names)
    return names[name]


def test_there_is_a_broken_benchmark_for_each_exercise() -> None:
    assert list(BROKEN) == [task.name for task in TASKS]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_and_what_is_mended_is_not(name: str) -> None:
    function, _, told = BROKEN[name]
    verdict = exercise(name).check(function)
    assert not verdict and told in " ".join(each.amount for each in verdict.figures)
    assert exercise(name).check(written(name, HINTS[name])), "the third hint is a solution"
    assert gc.isenabled() and not tracemalloc.is_tracing()


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize(
    "value", ["None", "3", "1 / 0", "{}", "('x', 'y')", "clock()", "(clock(), float('nan'))"]
)
def test_answers_that_cannot_be_judged_are_no_errors(name: str, value: str) -> None:
    verdict = exercise(name).check(written(name, f"    return {value}"))
    assert not verdict and len(verdict.text) > 20


MEDIAN_OF = "    taken = [time_once(work, clock) for _ in range({})]\n    return {}"
LEFT_OFF = (
    "    given = prepare()\n    gc.disable()\n    return time_once(lambda: work(given), clock)"
)
ALL_BUT = """    given = prepare()
    gc.disable()
    start = clock()
    {}
    seconds = clock() - start
    gc.enable()
    return seconds"""


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("apart", "    return time_once(work, clock), 3", "now the memory is not"),
        ("apart", HINTS["apart"].replace("    start", "    tracemalloc.stop()\n    start", 1)
         .replace("    return", "    tracemalloc.start()\n    return"), "left tracing on"),
        ("warm", "    work()\n    return time_once(work, clock)", "one single run was disturbed"),
        ("warm", MEDIAN_OF.format(9, "fmean(taken)"), "first one is still in"),
        ("equals", "    raise ValueError('never')", "raised ValueError"),
        ("equals", "    assert ways['other']()\n    return time_blindly(ways, clock)",
         "ends differently"),
        ("in_turns", "    return time_blindly(ways, clock)", "So few runs"),
        ("in_turns", HINTS["in_turns"].replace("median(times) for", "1.0 for"), "where one way"),
        ("nothing_but", ALL_BUT.format("work(given)"), "letting go of the result takes 8 s"),
        ("nothing_but", ALL_BUT.format("print(work(given))"), "printing takes 8 s"),
        ("nothing_but", ALL_BUT.format("result = work(prepare())"), "preparing takes 8 s"),
        ("nothing_but", ALL_BUT.format("gc.enable()\n"
         "    result = work(given)"), "garbage collector"),
        ("nothing_but", LEFT_OFF, "left the garbage collector off"),
    ],
)  # fmt: skip
def test_each_flaw_is_named(name: str, body: str, said: str) -> None:
    verdict = exercise(name).check(written(name, body))
    assert not verdict and said in verdict.text
    assert gc.isenabled() and not tracemalloc.is_tracing()


@pytest.mark.parametrize("statistic", ["min(taken[1:])", "median(taken)", "min(taken)"])
def test_there_is_more_than_one_way_to_be_warm(statistic: str) -> None:
    assert exercise("warm").check(written("warm", MEDIAN_OF.format(9, statistic)))
