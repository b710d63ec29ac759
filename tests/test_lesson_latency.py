"""What the lesson on latency is made of, against figures known beforehand; asserts no time."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from math import comb, isnan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zcviz import receive
from zcviz.errors import SelectionError
from zcviz.lessons import exercise, posting
from zcviz.lessons.collector import Strikes
from zcviz.lessons.draining import drained
from zcviz.lessons.latency_is_not_throughput import TASKS
from zcviz.lessons.latency_words import (
    of_batches,
    of_blocks,
    of_collecting,
    of_omission,
    of_spinning,
)
from zcviz.lessons.neighbours import neighbours
from zcviz.lessons.quantiles import bounds, enough_for, rank_of, ranks_around
from zcviz.lessons.tails import counts_of, duration
from zcviz.lessons.timed_post import TimedPost
from zcviz.lessons.under_way import LATE, Runs, UnderWay
from zcviz.traffic import edges

HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"
MS = 1_000_000


def a_run(
    latencies: list[int], looks: list[tuple[int, int]] | None = None, name: str = "run", **more: Any
) -> UnderWay:
    """Return datagrams sent every millisecond, from 1 s on."""
    sent = 1000 * MS + MS * np.arange(len(latencies), dtype=np.int64)
    taken = np.array(latencies, np.int64)
    came = np.where(taken < 0, 0, sent + taken)
    seen = [(1000 * MS, 0), (1000 * MS + MS * len(sent), 0)] if looks is None else looks
    return UnderWay(name, sent - 10, sent, came, np.array(seen, np.int64), **more)


# --- how long


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 ns"), (999, "999 ns"), (1000, "1 µs"), (12_345, "12.3 µs"), (999_950, "1 ms"),
     (123_456_789, "123 ms"), (2.5e9, "2.5 s"), (float("nan"), "–")],
)  # fmt: skip
def test_a_duration_is_read_by_people(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


@given(st.lists(st.integers(0, 1 << 40), min_size=1))
def test_every_latency_is_in_one_bin(values: list[int]) -> None:
    counts = counts_of(np.array(values))
    assert counts.sum() == len(values)
    ends = edges()
    for number in np.flatnonzero(counts[:-1]):
        inside = [v for v in values if ends[number] * bool(number) <= v < ends[number + 1]]
        assert counts[number] == len(inside)


@given(st.lists(st.integers(1, 10**9), min_size=1), st.sampled_from([1, 50, 99, 99.9, 100]))
def test_a_percentile_is_the_smallest_that_so_many_do_not_exceed(
    values: list[int], percent: float
) -> None:
    found = a_run(values).p(percent)
    enough = [v for v in values if sum(w <= v for w in values) * 100 >= percent * len(values)]
    assert found == min(enough) == bounds(values, percent).value


def test_what_never_came_has_no_latency() -> None:
    run = a_run([5000, -1, 7000])
    assert run.latencies.tolist() == [5000, 7000] and run.lost == 1
    assert "2 datagrams" in run.sentence and "1 never came" in run.sentence
    nothing = a_run([-1, -1])
    assert isnan(nothing.p(50)) and nothing.sentence == "run: nothing came."
    assert nothing._repr_html_()
    assert run.counted_from("due", "due").latencies.tolist() == [5010, 7010]


# --- who made the tail


def test_the_machine_is_named_where_it_stood_in_the_way() -> None:
    quick, slow = [50_000] * 40, [5 * MS]
    hit = (1000 * MS + 50 * MS, 4_500_000)  # a look after the slow one: it had waited for so long
    calm = [(1000 * MS + 10 * MS * n, 0) for n in range(5)]
    machine = a_run(quick + slow, [*calm, hit], steal=0.0)
    assert machine.blame == (blame := type(machine.blame)(1, 1)) and blame.culprit == "the machine"
    assert (type(machine.blame.late), type(machine.blame.machine)) == (int, int)
    assert "1 of 41 took 1 ms or longer, 1 of them only because" in machine.verdict
    assert "The machine made the tail." in machine.verdict
    path = a_run(quick + slow, [*calm, (1000 * MS + 50 * MS, 2 * MS)])
    assert path.blame.machine == 0 and "look at the program" in path.verdict
    assert a_run(quick).blame.culprit == "nobody" and "There is no tail" in a_run(quick).verdict


def test_a_stall_before_or_after_is_nobody_s_fault() -> None:
    looks = [(1000 * MS + 10 * MS * n, 9 * MS * (n in {1, 5})) for n in range(6)]
    run = a_run([50_000] * 20 + [5 * MS] + [50_000] * 29, looks)  # sent at 20 ms, came at 25
    assert run.blame == type(run.blame)(1, 0)
    assert run.stalled == pytest.approx(18 / 50) and run.too_noisy


def test_a_long_span_between_two_looks_is_shared_out() -> None:
    looks = [(1000 * MS, 0), (1100 * MS, 40 * MS)]
    run = a_run([*[50_000] * 20, 60 * MS], looks)
    assert run.blame == type(run.blame)(1, 0), "24 of 60 ms"
    looks = [(1000 * MS, 0), (1100 * MS, 99 * MS)]
    assert a_run([*[50_000] * 20, 60 * MS], looks).blame.machine == 1


def test_where_both_had_a_part_a_busy_machine_cannot_tell() -> None:
    looks = [(1000 * MS + 10 * MS * n, 5_500_000 * (n == 1)) for n in range(5)]
    latencies = [50_000] * 40
    latencies[5], latencies[30] = 6 * MS, 6 * MS
    run = a_run(latencies, looks)
    assert (run.blame.late, run.blame.machine, run.blame.culprit) == (2, 1, "both")
    assert run.too_noisy and "too busy to tell" in run.verdict
    calm = a_run(latencies, [(t, w if t < 1011 * MS else 0) for t, w in [*looks, (2000 * MS, 0)]])
    assert not calm.too_noisy and "Both had a part" in calm.verdict


@pytest.mark.parametrize("latency", [LATE - 1, LATE])
def test_late_is_what_takes_a_millisecond(latency: int) -> None:
    assert a_run([latency]).blame.late == (latency >= LATE)


# --- the picture


def drawn(html: str) -> list[ET.Element]:
    """Return the drawings in some HTML, parsed: well-formed, that is."""
    return [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", html, re.S)]


def columns(svg: ET.Element, style: str) -> list[tuple[float, float]]:
    """Return left edge and height of the columns of one style; the last one explains the style."""
    paths = [str(p.get("d")) for p in svg.iter() if p.get("class") == style]
    return [
        (float(re.findall(r"M([\d.]+)", each)[0]), float(re.findall(r"v([\d.]+)", each)[0]))
        for each in paths[:-1]
    ]


def test_latencies_stand_above_the_stalls_of_the_same_length() -> None:
    looks = [(1000 * MS, 0), (1010 * MS, 0), (1020 * MS, 4 * MS)]
    html = a_run([50_000] * 99 + [4 * MS], looks)._repr_html_()
    assert len(drawn(html)) == 2, "one for a narrow page"
    for svg in drawn(html):
        common, rare = columns(svg, "zc-late")
        (stall,) = columns(svg, "zc-stall")
        assert common[1] == pytest.approx(66) and 3 <= rare[1] < 20, "one of a hundred is seen"
        assert stall[0] == rare[0] > common[0]
        assert any(p.get("class") == "zc-stall-lines" for p in svg.iter()), "hatched"
        assert "1 of 100 took 1 ms or longer" in str(svg.get("aria-label"))
        texts = {t.text for t in svg.iter("{http://www.w3.org/2000/svg}text")}
        assert {"10 µs", "1 ms", "datagrams", "the machine’s stalls"} <= texts
        assert any("logarithmic" in (text or "") for text in texts)


def test_a_place_to_the_right_is_a_factor() -> None:
    svg = drawn(a_run([20_000, 200_000, 2 * MS])._repr_html_())[0]
    one, two, three = (x for x, _ in columns(svg, "zc-late"))
    assert two - one == pytest.approx(three - two, rel=0.2)


def test_several_runs_share_an_axis_and_their_sentences() -> None:
    both = Runs(a_run([20_000] * 3, name="one"), a_run([5 * MS] * 3, name="other"))
    assert str(both).count("3 datagrams") == 2 and [each.name for each in both] == ["one", "other"]
    told = Runs(a_run([20_000]), sentence="Look.")
    assert str(told).endswith("\nLook.")
    svg = drawn(both._repr_html_())[0]
    assert len(columns(svg, "zc-late")) == 2


def test_nothing_from_outside_gets_into_a_drawing() -> None:
    html = Runs(a_run([20_000], name=HOSTILE), sentence=HOSTILE)._repr_html_()
    assert drawn(html) and not re.search("<script|\x00|\u202e", html)


# --- percentiles


def test_ranks_are_those_of_the_table() -> None:
    assert ranks_around(50, 10) == (2, 9)  # David and Nagaraja: 0.979
    assert ranks_around(50, 5) == (None, None)
    assert (enough_for(50), enough_for(99), enough_for(99.9)) == (6, 368, 3_688)


@given(st.integers(1, 60), st.sampled_from([25.0, 50.0, 90.0, 99.0]))
def test_so_many_of_a_hundred_intervals_hold_the_truth(number: int, percent: float) -> None:
    p = percent / 100
    chances = [comb(number, k) * p**k * (1 - p) ** (number - k) for k in range(number + 1)]
    low, high = ranks_around(percent, number)
    if low is not None:
        assert sum(chances[:low]) <= 0.025 + 1e-9
        assert sum(chances[: low + 1]) > 0.025, "and no higher one would do"
    if high is not None:
        assert sum(chances[high:]) <= 0.025 + 1e-9
        assert sum(chances[high - 1 :]) > 0.025, "and no lower one would do"
    assert (high is None) == (number < enough_for(percent))


@pytest.mark.parametrize("percent", [50, 99, 99.9, 99.99])
def test_enough_is_the_first_number_with_an_upper_bound(percent: float) -> None:
    enough = enough_for(percent)
    assert ranks_around(percent, enough)[1] == enough
    assert ranks_around(percent, enough - 1)[1] is None


def test_bounds_of_a_sample_with_a_seed() -> None:
    true = 10_000 * sqrt(1000)
    rng = np.random.default_rng(11)
    found = [bounds(10_000 / np.sqrt(1 - rng.random(10_000)), 99.9) for _ in range(100)]
    assert 88 <= sum((b.low or 0) <= true <= (b.high or 0) for b in found) <= 100
    few = bounds([10_000, 20_000, 900_000], 99.9)
    assert few.high is None and few.value == 900_000
    assert few.sentence == (
        "p99.9 of 3 is 900 µs, and that is no more than a lower bound: the true one may be "
        "anything above it. It takes 3,688 to say more."
    )
    median = bounds(list(range(1000, 11_000, 1000)), 50)
    assert median.sentence.endswith("with 95 % confidence the true one is 2 µs to 9 µs.")
    assert bounds([5.0] * 4000, 100).high is None
    assert "lower bound" in bounds([5000] * 4, 100).sentence


@pytest.mark.parametrize(("percent", "number"), [(0, 5), (101, 5), (50, 0)])
def test_percentiles_that_there_are_not(percent: float, number: int) -> None:
    with pytest.raises(SelectionError, match="percent"):
        rank_of(percent, number)


@pytest.mark.parametrize("percent", [0, 100])
def test_no_number_is_enough_for_the_ends(percent: float) -> None:
    with pytest.raises(SelectionError, match="percent"):
        enough_for(percent)


# --- sentences


BUSY = [(1000 * MS, 0), (1100 * MS, 30 * MS)]


def test_what_batches_cost_is_compared_with_filling_them() -> None:
    runs = {1: a_run([50_000] * 9), 64: a_run([int(15.7 * MS)] * 9)}
    told = of_batches(runs, 0.5 * MS)
    assert "64: 15.7 ms. For 64 that is about half of the 31.5 ms" in told and "But" not in told
    told = of_batches({1: runs[1], 64: a_run([40 * MS] * 9, BUSY)}, 0.5 * MS)
    assert "15.8 ms was to be expected" in told and "up to 30% of the time" in told


def test_blocks_are_compared_with_half_of_their_timeout() -> None:
    good = {1: a_run([650_000]), 60: a_run([30 * MS])}
    assert "Each is about half of its timeout" in of_blocks(good)
    assert "1 of 2 are about half" in of_blocks({**good, 60: a_run([50 * MS])})


@pytest.mark.parametrize(
    ("other", "said"),
    [(10_000, "5.0 times as quick"), (90_000, "the slower one"), (50_000, "brings nothing")],
)
def test_spinning_is_judged_by_what_it_brought(other: int, said: str) -> None:
    told = of_spinning(a_run([50_000], cpu=0.02), a_run([other], cpu=0.98))
    assert said in told and "2% of a processor" in told and "98%" in told
    assert "But the machine was busy" in of_spinning(a_run([1000]), a_run([other], BUSY))


def test_collections_are_counted_in_a_sentence() -> None:
    strikes = Strikes(number=2, seconds=0.2)
    told = of_collecting(a_run([50_000]), a_run([50_000, 60 * MS, 90 * MS, 10 * MS]), strikes)
    assert "ran for 100 ms, 2 times, and 2 datagrams took longer than half" in told
    assert of_collecting(a_run([1]), a_run([1]), Strikes()) == "The collector did not run."


def test_who_waits_sees_less_of_a_pause() -> None:
    told = of_omission(a_run([100_000, 90 * MS]), a_run([90 * MS] * 50), 1e8, 1e7)
    assert "Who waits for each answer saw 1 take more than 10 ms, who sends on time 50" in told


# --- real datagrams: how many, and in what order; never how long


@pytest.fixture(scope="module")
def post() -> Any:
    with TimedPost() as sender:
        yield sender


def test_each_datagram_has_its_times(post: TimedPost) -> None:
    seen: list[int] = []
    with receive.open("udp.recv_into") as receiver:
        run = post.run(receiver, "each", rate=2000, number=60, work=seen.append)
    assert seen == list(range(1, 61)) and run.lost == 0
    assert np.diff(run.due).tolist() == [500_000] * 59
    assert (run.sent >= run.due).all() and (run.came > run.sent).all()
    assert len(run.looks) >= 2 and (np.diff(run.looks[:, 0]) > 0).all()
    assert (run.looks[:, 1] >= 0).all() and run.cpu > 0


@pytest.mark.parametrize("spin", [False, True])
def test_a_batch_is_handled_when_it_is_full_or_the_last(post: TimedPost, spin: bool) -> None:
    with receive.open("udp.recv_into") as receiver:
        run = post.run(receiver, "batches", rate=4000, number=20, at_once=8, spin=spin)
    assert run.lost == 0
    assert (run.came[:8] > run.sent[7]).all() and (run.came[8:16] > run.sent[15]).all()
    assert (run.came[16:] > run.sent[19]).all()


def test_who_waits_for_answers_sends_nothing_during_a_pause(post: TimedPost) -> None:
    def pause(number: int) -> None:
        if number == 10:
            time.sleep(0.05)

    with receive.open("udp.recv_into") as receiver:
        run = post.run(receiver, "answers", rate=1000, number=20, work=pause, answer=True)
    assert run.lost == 0
    assert (run.sent[1:] > run.came[:-1]).all(), "none before the one before was answered"


def test_a_run_is_bounded(post: TimedPost) -> None:
    with receive.open("udp.recv_into") as receiver:
        assert len(post.run(receiver, "short", rate=20, number=10**6).came) == 40
        for bad in ({"rate": 0}, {"number": 0}, {"at_once": 0}, {"rate": 1e9}):
            with pytest.raises(SelectionError, match="rate"):
                post.run(receiver, "none", **bad)


def test_what_is_lost_is_not_waited_for_for_ever(post: TimedPost) -> None:
    with receive.open("udp.recv_into") as elsewhere, receive.open("udp.recv_into") as receiver:
        elsewhere.address = receiver.address  # whoever is asked gets nothing
        run = post.run(elsewhere, "lost", rate=1000, number=20)
    assert run.lost == 20 and run.sentence == "lost: nothing came."


def test_a_sender_that_is_gone_is_said_to_be() -> None:
    sender = TimedPost()
    assert f"process {sender.pid}" in repr(sender)
    with receive.open("udp.recv_into") as receiver:
        sender.run(receiver, "first", rate=1000, number=2)
        os.kill(sender.pid, signal.SIGTERM)
        with pytest.raises(OSError, match=r"killed|status"):
            sender.run(receiver, "gone", rate=1000, number=5)
    sender.close()
    sender.close()
    assert repr(sender) == "<TimedPost: ended>"


def test_elsewhere_the_machine_is_looked_at_by_sleeping(monkeypatch: pytest.MonkeyPatch) -> None:
    board = np.zeros(1, posting.BOARD)[0]
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "platform", "darwin")
        looks = posting._Looks(board, os.getpid())
    looks.end()
    assert board["n_looks"] == 1 and board["looks"][0, 0] > 0 <= board["looks"][0, 1]
    board["n_looks"] = posting.LOOKS
    looks.end()
    assert board["n_looks"] == posting.LOOKS, "and no more than there is room for"


@pytest.mark.skipif(sys.platform != "linux", reason="processors are chosen on Linux only")
def test_neighbours_share_one_processor_and_leave() -> None:
    before = os.sched_getaffinity(0)
    with neighbours(2) as number:
        assert number == 2 and len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_a_buffer_is_emptied_by_ones_and_by_many() -> None:
    found = drained((1, 32), rounds=2)
    assert list(found) == [1, 32] and all(0 < each < float("inf") for each in found.values())


# --- the exercises


STARTS: dict[str, tuple[str, str]] = {
    "percentile": ("values, percent", "    return sorted(values)[len(values) // 2]"),
    "on_schedule": (
        "ask, number, gap, clock, sleep",
        """    taken = []
    for _ in range(number):
        start = clock()
        ask()
        taken.append(clock() - start)
        sleep(max(0, start + gap - clock()))
    return taken""",
    ),
    "batch_of": (
        "receive, most, patience, clock",
        "    return [receive(None) for _ in range(most)]",
    ),
}
HINTS = {task.name: task.hints[2] for task in TASKS}


def written(name: str, body: str) -> Callable[..., Any]:
    """Return a learner's function with this body."""
    names: dict[str, Any] = {}
    exec(f"from math import ceil\ndef {name}({STARTS[name][0]}):\n{body}", names)
    function: Callable[..., Any] = names[name]
    return function


@pytest.mark.parametrize("name", STARTS)
def test_what_it_starts_with_is_refused_and_the_third_hint_is_not(name: str) -> None:
    assert list(STARTS) == [task.name for task in TASKS]
    verdict = exercise(name).check(written(name, STARTS[name][1]))
    assert not verdict and verdict.figures
    assert exercise(name).check(written(name, HINTS[name]))


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize(
    "value", ["None", "1 / 0", "{}", "'x'", "3", "[float('nan')] * 60", "[None]"]
)
def test_answers_that_cannot_be_judged_are_no_errors(name: str, value: str) -> None:
    verdict = exercise(name).check(written(name, f"    return {value}"))
    assert not verdict and len(verdict.text) > 20


SCHEDULE = HINTS["on_schedule"]
BATCH = HINTS["batch_of"]


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("percentile", "    values.sort()\n    return values[ceil(percent / 100 * len(values)) - 1]"
         , "It changed the list"),
        ("percentile", "    import numpy\n    return numpy.percentile(values, percent)",
         "none of the values"),
        ("percentile", "    s = sorted(values)\n    return s[min(len(s) - 1, "
         "int(len(s) * percent / 100))]", "a smaller value would do"),
        ("percentile", "    return sorted(values)[max(0, int(len(values) * percent / 100) - 2)]",
         "of the values are that or less"),
        ("on_schedule", SCHEDULE.replace("- due)", "- due + 0.005)"), "Something else"),
        ("on_schedule", SCHEDULE.replace("        sleep(max(0, due - clock()))\n", ""),
         "Something else"),
        ("on_schedule", SCHEDULE.replace("        ask()\n", "        ask()\n        ask()\n"),
         "asked 120 times"),
        ("on_schedule", "    taken = []\n    for n in range(number):\n        start = clock()\n"
         "        ask()\n        taken.append(clock() - start)\n    return taken", "faster than"),
        ("on_schedule", SCHEDULE.replace("    return taken", "    return [min(t, 0.05) for t in "
         "taken]"), "some figures are off"),
        ("batch_of", BATCH.replace("receive(left)", "receive(patience)"), "waits too long"),
        ("batch_of", BATCH.replace("(left := until - clock()) > 0", "(left := patience)"),
         "waits too long"),
        ("batch_of", "    return [receive(None)]", "should be in the batch"),
        ("batch_of", "    until = clock() + patience\n    batch = [receive(None)]\n"
         "    while len(batch) < most and clock() < until:\n"
         "        batch += filter(None, [receive(until - clock())])\n    return batch",
         "should be in the batch"),
        ("batch_of", "    while True:\n        clock()", "a million times"),
    ],
)  # fmt: skip
def test_each_flaw_is_named(name: str, body: str, said: str) -> None:
    verdict = exercise(name).check(written(name, body))
    assert not verdict and said in verdict.text, verdict.text


def test_to_look_again_and_again_is_a_way_too() -> None:
    body = BATCH.replace("receive(left)", "receive(0)")
    assert exercise("batch_of").check(written("batch_of", body))


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_the_solution_agrees_with_the_lesson(values: list[float], percent: float) -> None:
    found = written("percentile", HINTS["percentile"])(values, percent)
    assert found == bounds(values, percent).value
