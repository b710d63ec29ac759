"""What the third lesson is made of, against counts by hand; nothing here asserts a time."""

from __future__ import annotations

import re
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zcviz
from tests import helpers
from tests.judging import judges, wants_orders
from zcviz.errors import SelectionError, ZcvizError

pytest.importorskip("matplotlib")

from zcviz.lessons import queries
from zcviz.lessons.crossover import QuestionCosts, cost_by_questions
from zcviz.lessons.curves import Curve, Plot
from zcviz.lessons.limit import FLOOR, LimitRun, Step, steps_of
from zcviz.lessons.listing import Bar, bars, listing
from zcviz.lessons.material import needs, repeated, rows_of
from zcviz.lessons.pace import pace
from zcviz.lessons.pins import pins
from zcviz.lessons.queries import QueryCosts, cost_by_messages, handovers, same_answer
from zcviz.lessons.strides import StrideCosts, cost_by_stride, longest_run
from zcviz.viz import lines
from zcviz.viz.comb import comb
from zcviz.viz.lines import LINE, Touched, cache_lines, lines_of

HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"
DATA = Path(__file__).parent.parent / "data"
DAY = [
    helpers.add(1, shares=7, price=10),
    helpers.delete(1),
    helpers.add(2, shares=8, price=30),
    helpers.add(3, shares=9, price=20),
    helpers.executed(3),
]


@pytest.fixture
def feed() -> Iterator[zcviz.Feed]:
    with zcviz.open(helpers.frames(*DAY)) as opened:
        yield opened


def drawn(html: str) -> list[ET.Element]:
    """Return the drawings in some HTML, parsed: well-formed, that is."""
    return [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", html, re.S)]


def safe(html: str) -> bool:
    return not re.search("<script|\x00|\u202e", html)


# --- the comb


def test_the_comb_shows_what_the_index_has(feed: zcviz.Feed) -> None:
    found = comb(feed, first=1, count=3)
    assert [(e.start, e.end, e.tag) for e in found.entries] == [
        (40, 59, "D"), (61, 97, "A"), (99, 135, "A"),
    ]  # fmt: skip
    assert [(each.name, each.width) for each in found.arrays] == [
        ("offsets", 4), ("sizes", 2), ("tags", 1),
    ]  # fmt: skip
    assert found.sentence in str(found) and found.sentence == (
        "3 messages stand in 95 B of bytes object; their entries in the index take 21 B, 7 B each."
    )
    assert "2  61  36  A  Add Order" in str(found)


@pytest.mark.parametrize("name", ["feed.pcap", "feed.itch"])
def test_the_comb_is_drawn_to_scale(name: str) -> None:
    with zcviz.open(DATA / name) as opened:
        found = comb(opened)
    for width, svg in zip((780, 340), drawn(found._repr_html_()), strict=True):
        held = [p for p in svg.iter() if p.get("class") == "held"]
        units = [float(str(p.get("d")).split("h")[1].split("v")[0]) for p in held]
        sizes = [each.end - each.start for each in found.entries]
        shown = found.entries[-1].end - found.entries[0].start + 24  # and a margin of 12 bytes
        assert units == pytest.approx([size * (width - 16) / shown for size in sizes], abs=0.06)
        assert sum(p.get("class") == "tooth" for p in svg.iter()) == len(found.entries)


def test_a_comb_of_nothing_is_refused(feed: zcviz.Feed) -> None:
    for first, count in ((5, 1), (-1, 1), (0, 0)):
        with pytest.raises(SelectionError):
            comb(feed, first, count)
    with zcviz.open(b"\0\0", protocol="itch50") as empty, pytest.raises(SelectionError):
        comb(empty)
    assert len(comb(feed, count=50).entries) == len(DAY)


def test_the_comb_escapes_what_comes_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "<script>&.itch"
    path.write_bytes(helpers.frames(*DAY))
    with zcviz.open(path) as opened:
        assert safe(comb(opened)._repr_html_())


# --- lines of memory


@given(st.lists(st.integers(0, 2000), min_size=1), st.sampled_from([1, 2, 4, 8]))
def test_lines_are_those_of_every_byte(addresses: list[int], size: int) -> None:
    by_hand = {(at + byte) // LINE for at in addresses for byte in range(size)}
    assert lines_of(np.array(addresses), size).tolist() == sorted(by_hand)


def test_a_value_may_lie_on_two_lines() -> None:
    one = Touched("one price", (LINE - 2,), 4)
    assert (one.lines, one.fetched, one.used) == ([0, 1], 2 * LINE, 4)
    assert one.sentence == f"one price: 2 lines, {2 * LINE} B fetched for 4 B"


def test_lines_nobody_needs_are_counted_where_there_are_many() -> None:
    assert list(lines._cells([5, 6, 8])) == [(5, 0), (6, 0), (7, 0), (8, 0)]
    assert list(lines._cells([5, 105])) == [(5, 0), (6, 99), (105, 0)]


def test_values_in_place_and_gathered(feed: zcviz.Feed) -> None:
    orders = feed.index.offsets[feed.index.tags == ord("A")]
    found = cache_lines(feed, orders, feed.protocol["A"], "price")
    there, here = found.places
    assert [at - feed.source.address for at in there.addresses] == [34, 93, 131]
    assert np.diff(here.addresses).tolist() == [4, 4] and here.copied and not there.copied
    wide, narrow = drawn(found._repr_html_())
    for svg in (wide, narrow):
        assert sum(p.get("class") == "solid" for p in svg.iter()) >= 3
        assert any(p.get("class") == "hatch" for p in svg.iter())
    assert found.sentence in str(found)


# --- strides, paces, curves


@given(st.lists(st.integers(1, 4), max_size=40))
def test_the_longest_run_of_one_distance(distances: list[int]) -> None:
    offsets = np.cumsum([0, *distances], dtype=np.uint32)
    first, number, distance = longest_run(offsets)
    run = offsets[first : first + number].astype(int)
    assert len(run) == number and (not len(run) or set(np.diff(run)) <= {distance})
    lengths = [len(m) for m in re.findall(r"((.)\2*)", "".join(map(str, distances))) for m in m[:1]]
    assert number == max(lengths, default=0) + 1


def test_a_pace_is_the_least_of_its_rounds() -> None:
    calls: list[str] = []
    found = pace({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, {"a": 1, "b": 2})
    assert calls == ["a", "b"] * 9
    assert found.keys() == {"a", "b"} and all(ns > 0 for ns in found.values())


def test_costs_by_stride_ask_every_view() -> None:
    memory, asked = np.zeros(1 << 12, np.uint8), []
    views = {s: np.ndarray(len(memory) // s, "u4", memory, strides=s) for s in (4, 64)}
    costs = cost_by_stride(views, lambda view: asked.append(view.strides[0]), rounds=2)
    assert asked == [4, 64] * 2 and list(costs.ns) == [4, 64]
    assert drawn(costs._repr_html_()) and costs.sentence in repr(costs)
    told = StrideCosts({4: 0.5, 64: 4.0})
    assert told.sentence.startswith("At a distance of 4 B a value takes 0.5 ns, at 64 B 4 ns: 8 t")


def test_questions_are_asked_of_the_copy_and_of_the_original() -> None:
    original, seen = np.arange(10), []
    copies: list[Any] = []

    def copy() -> Any:
        copies.append(original.copy())
        return copies[-1]

    def ask(values: Any) -> None:
        seen.append(values is original)

    costs = cost_by_questions(copy, ask, original, most=3, rounds=1)
    assert len(copies) == 3, "one copy, however many questions"
    assert seen == [False, True, *[False] * 2, *[True] * 2, *[False] * 3, *[True] * 3]
    assert list(costs.ns) == ["copy first", "in place"]
    told = QuestionCosts({"copy first": (4.0, 4.0), "in place": (3.0, 6.0)}, 10, 1)
    assert told.crossover == 2
    assert told.sentence.endswith("From 2 questions on copy first is the cheaper way.")


def test_names_of_curves_do_not_overprint() -> None:
    several = tuple(Curve(f"curve {n}", ((1, 10), (1000, 10 + n / 100))) for n in range(4))
    plot = Plot(several, "t", "a", "s", logarithmic=True)
    (axes,) = plot.figure().axes
    heights = sorted(text.xy[1] for text in axes.texts)
    assert np.diff(heights).min() > 0.07
    card = plot.card("words")
    assert str(card) == "words" and len(drawn(card.html)) == 2, "one for a narrow page"


# --- small tables and bars


def test_bars_and_tables_are_escaped_and_have_words() -> None:
    shown = bars([Bar(HOSTILE, 2, "copying"), Bar("b", 1)], "ns", title=HOSTILE, sentence=HOSTILE)
    table = listing(["a", HOSTILE], [(HOSTILE, (HOSTILE, "zero-copy")), ("b", 1000)], title=HOSTILE)
    assert safe(shown.html) and safe(table.html)
    assert "b: 1 ns" in str(shown) and "b · 1,000" in str(table)
    assert "width:58.0%" in shown.html and "width:29.0%" in shown.html, "to scale, from zero"
    assert not str(bars([], "ns", title="nothing")).count("\n")


# --- material


def test_the_messages_come_again_and_again() -> None:
    with zcviz.open(helpers.small_pcap()) as opened:
        wire = [
            opened.data[at : at + size].tobytes()
            for at, size in zip(opened.index.offsets, opened.index.sizes, strict=True)
        ]
        once = sum(map(len, wire)) + 2 * len(wire)
        twice = repeated(opened, 2 * once + 5)
        part = repeated(opened, once - 1)
    assert [bytes(m) for m in messages_of(twice)] == wire * 2
    assert [bytes(m) for m in messages_of(part)] == wire[:-1]


def messages_of(feed: zcviz.Feed) -> Iterator[Any]:
    for at, size in zip(feed.index.offsets, feed.index.sizes, strict=True):
        yield feed.data[at : at + size]


def test_what_a_lesson_needs(feed: zcviz.Feed) -> None:
    needs(feed, "A")
    with pytest.raises(SelectionError, match="no message of type P"):
        needs(feed, "P")
    with pytest.raises(SelectionError, match="no message to repeat"):
        repeated(feed, 10)
    rows = rows_of(feed, "A")
    assert rows.tobytes() == DAY[0] + DAY[2] + DAY[3] and not rows.flags.writeable


# --- one question, several ways


def test_answers_are_compared_before_times() -> None:
    assert same_answer({"a": sum, "b": lambda x: int(np.sum(x))}, [1, 2]) == 3
    with pytest.raises(ZcvizError, match="a and b give different answers"):
        same_answer({"a": sum, "b": max}, [1, 2])
    assert queries.answer_of(np.array([3, 5]), np.array([1.0, 2.0])) == {3: (1,), 5: (2,)}


def test_a_slow_way_is_given_no_larger_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, list[int]] = {"slow": [], "fast": []}

    def invented(functions: dict[str, Callable[[], Any]], count: int, *_: Any, **__: Any) -> Any:
        for function in functions.values():
            function()
        return {name: 1e6 if name == "slow" else 1 for name in functions}

    monkeypatch.setattr(queries, "pace", invented)
    ways = {name: lambda places, n=name: asked[n].append(len(places)) for name in asked}
    costs = cost_by_messages(ways, range(2500))
    assert asked == {"slow": [100], "fast": [100, 1000, 2500]}
    assert costs.sentence.startswith("For 100 messages fast is the cheapest way, 1 ns a message")
    assert "for 2,500 it is fast" in costs.sentence
    assert "The slowest way, slow, costs" in costs.sentence
    assert drawn(costs._repr_html_()) and "2,500" in repr(costs)


def test_few_messages_are_asked_of_all_at_once() -> None:
    costs = cost_by_messages({"a": len}, [1, 2, 3])
    assert isinstance(costs, QueryCosts) and list(costs.ns["a"]) == [3]


def test_a_missing_library_is_said_to_be_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert queries.optional("no_such_module") is None
    assert "`pip install no_such_module` adds it" in capsys.readouterr().out
    assert queries.optional("json")


def test_addresses_tell_who_copied() -> None:
    owner = np.arange(10)
    shown = str(handovers([("a", "b", owner, owner[2:]), ("a", "c", owner, owner.copy())]))
    assert "a → b" in shown and "▬ the same bytes" in shown
    assert "▨ 80 B copied" in shown and "1 of 2 hand-overs copy nothing" in shown


def test_what_keeps_a_file_open(tmp_path: Path) -> None:
    path = tmp_path / "day.itch"
    path.write_bytes(helpers.frames(*DAY))
    shown = str(
        pins(
            path,
            {
                "view": lambda feed: feed.data[:8],
                "column": lambda feed: feed.table("A")["price"][:2],
                "record": lambda feed: next(feed.records()),
                "flyweight": lambda feed: next(feed.views()),
            },
        )
    )
    assert f"view · 8 · {path.stat().st_size} · ▬ cannot be closed" in shown
    assert "column · 8 · 12 · can be closed" in shown
    assert "record · values · its own objects · can be closed" in shown
    assert f"flyweight · 36 · {path.stat().st_size} · can be closed" in shown
    assert "keeps the file from being closed: view." in shown
    assert "None of them" in str(pins(path, {"nothing": lambda feed: 0}))


# --- the limit of the machine


def run_of(**work: Callable[[], object]) -> LimitRun:
    steps = [Step(FLOOR, "", lambda: None, 1000), Step("copy every byte", "", lambda: None, 1000)]
    return LimitRun([*steps, *(Step(name, "", each, 1000) for name, each in work.items())])


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_run_goes_round_until_it_is_stopped() -> None:
    calls: list[int] = []
    run = run_of(index=lambda: calls.append(threading.get_ident()))
    assert not run.sentence and "not measured yet" in repr(run)
    looks: list[bool] = []
    run.start(lambda: looks.append(run.running))
    until(lambda: run.rounds > 2)
    run.stop()
    assert not run.running and looks[-1] is False, "the last look shows that it is over"
    done = len(calls)
    assert done >= 4, "one uncounted, then the rounds"
    assert threading.get_ident() not in calls
    assert all(ns > 0 for ns in run.least().values()) and len(run.times("index")) == done - 1
    assert re.search(r"Reading every byte takes .*; index ", run.sentence)
    time.sleep(0.05)
    assert len(calls) == done


def test_a_run_ends_by_itself_and_can_begin_anew() -> None:
    run = LimitRun(run_of().steps, seconds=0.05)
    for _ in range(2):
        over = threading.Event()
        run.start(lambda over=over: run.running or over.set())
        assert over.wait(30) and not run.problem and run.rounds


def test_what_goes_wrong_is_told() -> None:
    run = run_of(index=lambda: 1 / 0)
    over = threading.Event()
    run.start(over.set)
    assert over.wait(30)
    until(lambda: not run.running)
    assert run.problem == "ZeroDivisionError: division by zero" and run.problem in repr(run)


def test_only_the_newest_measurements_are_kept() -> None:
    run = run_of()
    assert run.once(rounds=30).keys() == {FLOOR, "copy every byte"}
    assert run.rounds == 31 and len(run.times(FLOOR)) == 24


def test_the_steps_do_what_they_say() -> None:
    with zcviz.open(DATA / "feed.itch") as opened:
        some = repeated(opened, 60_000)
    steps = {each.name: each for each in steps_of(some, {"mine": len})}
    words = some.data[: len(some.data) // 8 * 8].view(np.uint64)
    assert steps[FLOOR].work() == words.sum()
    copied: Any = steps["copy every byte"].work()
    assert not zcviz.shares_memory(copied, some.data) and np.array_equal(copied, some.data)
    assert np.array_equal(steps["index"].work().offsets, some.index.offsets)  # type: ignore[attr-defined]
    prices = some.table("A")["price"]
    assert np.array_equal(steps["one column"].work(), prices)  # type: ignore[arg-type]
    for name in ("rows of all fields", "columns of all fields"):
        decoded: Any = steps[name].work()
        assert np.array_equal(decoded["A"].column("price"), prices)
    assert steps["records"].messages == min(2000, len(some)) and steps["records"].work() is None
    assert steps["mine"].work() == len(some)


def test_the_panel_follows_its_run() -> None:
    pytest.importorskip("anywidget")
    from zcviz.lessons.limit_panel import LimitPanel

    first, second = LimitPanel(run_of(index=lambda: None)), LimitPanel(run_of())
    assert [row["name"] for row in first.rows] == [FLOOR, "copy every byte", "index"]
    assert not any(row["amount"] for row in first.rows)
    first._hear(first, {"do": "start"}, [])
    until(lambda: first.rows[2]["ratio"])
    assert first.running and first.floor > 0 and first.rows[2]["times"]
    second.start()
    until(lambda: not first.running)
    assert second.run.running, "one at a time"
    second._hear(second, {"do": "stop"}, [])
    assert not second.running and re.fullmatch(r"Stopped after \d+ rounds\.|", second.remark)
    assert second._repr_mimebundle_()[0]["text/plain"] == repr(second.run)
    for panel in (first, second):
        panel.close()


def test_a_machine_without_threads_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anywidget")
    from zcviz.lessons.limit_panel import LimitPanel

    def forbidden(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", forbidden)
    panel = LimitPanel(run_of())
    panel.start()
    assert "permits no thread" in panel.remark and not panel.running
    panel.close()


# --- exercises

ANSWERS: dict[str, dict[str, list[Callable[..., Any]]]] = {
    "shares_in_place": {
        "right": [
            lambda rows: np.ndarray(len(rows) // 36, ">u4", rows, offset=20, strides=36),
            lambda rows: rows.reshape(-1, 36)[:, 20:24].view(">u4")[:, 0],
        ],
        "wrong": [
            lambda rows: rows.reshape(-1, 36)[:, 20:24],
            lambda rows: np.ndarray(len(rows) // 36, "<u4", rows, offset=20, strides=36),
            lambda rows: np.ndarray(len(rows) // 36, ">u4", rows, offset=32, strides=36),
            lambda rows: np.ndarray(len(rows) // 36, ">u4", rows, 20, 36).astype("u4"),
            lambda rows: rows,
            lambda rows: 7,
        ],
    },
    "dearest": {
        "right": [
            lambda feed, n: np.sort(feed.table("A")["price"])[-n:].copy(),
            lambda feed, n: sorted(feed.table("A")["price"].tolist())[-n:],
        ],
        "wrong": [
            lambda feed, n: np.sort(feed.table("A")["price"])[-n:],
            lambda feed, n: np.sort(feed.table("A")["price"])[:n].copy(),
            lambda feed, n: feed.data[:n],
            lambda feed, n: 7,
        ],
    },
}


@pytest.mark.parametrize("file", ["feed.pcap", "feed.itch"])
@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str, file: str) -> None:
    judges(name, file, ANSWERS[name])


def test_a_file_without_orders_cannot_be_judged(tmp_path: Path) -> None:
    wants_orders(ANSWERS, tmp_path)
