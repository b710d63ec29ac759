"""What the fourth lesson is made of: the score card, its cases, the exercises."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zcviz
from tests.judging import judges, wants_orders
from zcviz.codec import dtype_of
from zcviz.errors import SelectionError
from zcviz.lessons.copy_cases import CASES, described, names_in
from zcviz.lessons.material import rows_of
from zcviz.lessons.score_card import COPY, VIEW, ScoreCard, score_card, view_or_copy
from zcviz.trace.copies import copies_of

HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"
MINE = {"bytes": ["data[10:]", "view[10:]"], "more": ["data[:]"]}


def names() -> dict[str, Any]:
    """The names that the lesson has made when it comes to the card."""
    with zcviz.open(Path(__file__).parent.parent / "data" / "feed.itch") as feed:
        received = rows_of(feed, "A").tobytes()
        orders = np.frombuffer(received, dtype_of(feed.protocol["A"]))
    buffer = bytearray(received)
    prices = orders["price"].astype("u4")
    columns = {"price": prices, "shares": orders["shares"].astype("u4")}
    return {
        "np": np, "pd": pd, "struct": struct, "received": received, "buffer": buffer,
        "window": memoryview(buffer), "orders": orders, "wire": orders["price"], "prices": prices,
        "pairs": prices[: len(prices) // 2 * 2].reshape(-1, 2), "columns": columns,
        "frame": pd.DataFrame(columns), "dear": prices.mean(),
    }  # fmt: skip


def own() -> dict[str, Any]:
    data = bytes(100)
    return {"data": data, "view": memoryview(data)}


# --- the cases

# What a reader of the manuals would say; the card itself is never told.
COPIES = """
received[36:] | bytes(window[36:72]) | struct.unpack_from('>I', window, 32)
np.frombuffer(buffer[36:72], 'u1')
prices[[0, 1, 2]] | prices[prices > dear] | pairs.T.ravel() | prices.byteswap()
wire.astype('u4', copy=False) | np.ascontiguousarray(wire)
frame[frame['price'] > dear] | frame.iloc[[0, 1, 2]] | pd.concat([frame, frame])
pd.Series(prices) | frame['price'].astype('f8')
pa.array(prices[::2]) | pa.concat_tables([arrow, arrow])['price'].to_numpy() | arrow.to_pandas()
series[::2] | series.sort()
"""
COPYING = {each.strip() for line in COPIES.splitlines() for each in line.split("|") if each.strip()}
ALL = [(topic, expression) for topic, each in CASES.items() for expression in each]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return names()


@pytest.fixture(scope="module")
def everything(made: dict[str, Any]) -> dict[str, Any]:
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    arrow = pa.table(made["columns"])
    return made | {"pa": pa, "pl": pl, "arrow": arrow, "series": pl.from_arrow(arrow)["price"]}


def test_there_are_enough_cases_of_both_kinds() -> None:
    expressions = [expression for _, expression in ALL]
    assert len(set(expressions)) == len(expressions) >= 24
    assert set(expressions) >= COPYING and 10 < len(COPYING) < len(expressions) - 10


@pytest.mark.parametrize("expression", [expression for _, expression in ALL])
def test_each_case_is_clear_and_explained(expression: str, everything: dict[str, Any]) -> None:
    found = copies_of(expression, everything)
    assert view_or_copy(found) == (COPY if expression in COPYING else VIEW), str(found)
    assert found.why, str(found)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("wire.reshape(-1, 1)", "described by strides"),
        ("pa.array(prices[::2])", "know no strides"),
        ("pd.DataFrame(columns)", "unless it is told copy=False"),
        ("pd.DataFrame(columns, copy=False)", "takes each array as it is"),
    ],
)
def test_reasons_that_the_lesson_is_about(
    expression: str, reason: str, everything: dict[str, Any]
) -> None:
    assert reason in copies_of(expression, everything).why


def test_a_case_tells_what_has_to_be_known(made: dict[str, Any]) -> None:
    assert names_in("np.f(window[36:72], 'u1') + a.window(b)") == ("np", "window", "a", "b")
    assert re.fullmatch(r"bytes, [\d,]+ B", described(made["received"]))
    assert described(made["window"]).startswith("memoryview of a bytearray, ")
    assert re.fullmatch(r"ndarray of >u4, shape \(\d+,\), strides \(36,\)", described(made["wire"]))
    assert described(made["orders"]).startswith("ndarray of records of 36 B, ")
    assert described(made["frame"]).endswith(" rows, columns price, shares")
    assert described(np) == described(len) == "" and described(7) == "int"
    assert described([1, 2]) == "list of 2 values"


# --- the card


def test_answers_are_judged_by_running() -> None:
    given = own()
    card = score_card(given, MINE)
    wrong, right = card.say("view"), card.say("view")
    assert (wrong.right, wrong.revealed.actual) == (False, "copy") and right.right
    assert "a slice of a memoryview would be a view" in wrong.revealed.explanation
    assert repr(wrong).splitlines()[0] == "✗ You predicted view, measured: copy."
    assert repr(wrong).endswith("Next: view[10:]") and right.verdict.startswith("✓")
    assert card.score == {"bytes": (1, 2, 2), "more": (0, 0, 1)}
    assert card.sentence == "1 right of 2 answered; there are 3 cases."
    given["data"] = memoryview(bytes(100))  # names are looked at when an answer is given
    card.again()
    assert card.at == 0 and card.say("view").right
    assert card.say("view").after.startswith("That was the last one")
    assert card.say("copy").case.expression == "data[:]", "no answer is given twice"
    assert card.score == {"bytes": (2, 2, 2), "more": (1, 1, 1)}


def test_one_can_go_back_and_forth() -> None:
    card = score_card(own(), MINE)
    card.go(-1)
    assert card.at == 0
    card.go(1)
    card.say("copy")
    card.go(5)
    assert card.at == 2 and card.case.topic == "more"
    card.go_on()
    assert card.at == 0, "the first that is not answered, after the end from the beginning"
    card.go(1)
    assert "✗ You predicted copy" in repr(card), "an answered case shows its answer"


def test_what_cannot_be_run_does_not_count() -> None:
    card = score_card({"data": b"x"}, {"mine": ["data.nothing", "data[0]"]})
    failed = card.say("copy")
    assert not failed.counts and "AttributeError" in failed.revealed.explanation
    assert card.say("copy").right
    assert card.score == {"mine": (1, 1, 2)}
    for guess in ("", "v", "maybe"):
        with pytest.raises(SelectionError, match="say “view” or “copy”"):
            card.say(guess)


def test_what_is_neither() -> None:
    given = {"a": np.arange(4), "b": bytes(8)}
    card = score_card(given, {"part": ["(a[:2], b[1:])"], "none": ["a[a > 9]"]})
    assert card.say("view").revealed.actual == "in part a copy" and card.score["part"] == (0, 1, 1)
    assert card.say("view").revealed.actual == "no bytes at all" and card.score["none"] == (0, 0, 1)


def test_cases_with_names_that_are_missing_are_left_out() -> None:
    card = score_card({"data": b"x", "pl": None}, {"a": ["data[1:]"], "b": ["pl.f(series)"]})
    assert [case.expression for case in card.cases] == ["data[1:]"]
    assert card.left_out == ("pl", "series") and "pl, series are left out" in repr(card)
    assert score_card(own(), {"own": ["[each for each in data]"]}).cases
    with pytest.raises(SelectionError, match="no expression"):
        score_card(own(), {"mine": ["x = data"]})
    empty = score_card({}, MINE)
    assert repr(empty).startswith("Nothing answered yet; there are 0 cases.")
    assert repr(empty.result()).startswith("View or copy")
    with pytest.raises(SelectionError):
        empty.say("view")


def test_the_result_lists_what_was_missed() -> None:
    card = score_card(own(), MINE)
    assert "Look again" not in repr(card.result())
    card.say("view")
    assert "bytes · 0 · 1 · 2\n" in repr(card.result())
    assert repr(card.result()).endswith("Look again at:\n    data[10:]")


def test_nothing_from_outside_gets_into_the_page() -> None:
    given = {"data": SimpleNamespace(nothing=0), "frame": pd.DataFrame({HOSTILE: [1]})}
    card = score_card(given, {HOSTILE: [f"frame[{HOSTILE!r}]", f"frame[{HOSTILE + '?'!r}]"]})
    shown: list[Any] = [card.say("view"), card.say("view"), card.result()]
    for each in shown:
        assert not re.search("<script|\x00|\u202e", each._repr_html_())
    assert "\x00" not in repr(card.about) + card.answers[1].revealed.explanation


def test_the_form_is_a_skin_over_the_card() -> None:
    pytest.importorskip("anywidget")
    from zcviz.lessons.score_form import ScoreForm

    card = score_card(own(), MINE)
    form = ScoreForm(card)

    def press(**message: Any) -> dict[str, Any]:
        form._hear(form, message, [])
        return dict(form.state)

    assert form.state["expression"] == "data[10:]" and form.state["answer"] is None
    assert form.state["about"] == [("data", "bytes, 100 B")]
    answered = press(do="say", **{"with": "view"})
    assert answered["answer"]["right"] is False and answered["answer"]["actual"] == "copy"
    assert press(do="say", **{"with": "copy"})["at"] == 0, "the first answer counts"
    assert press(do="go", **{"with": 1})["expression"] == "view[10:]"
    assert press(do="again")["expression"] == "data[10:]" and not card.answers
    heard = form.state["heard"]
    for message in ({}, {"do": "say", "with": HOSTILE}, {"do": "go", "with": 99}):
        assert press(**message)["at"] == 0
    assert form.state["heard"] == heard + 3 and not card.answers
    assert card._repr_mimebundle_()[0]["text/plain"] == repr(card)
    assert ScoreForm(ScoreCard({}, MINE)).state["cases"] == 0
    form.close()


def test_the_lesson_has_made_every_name_that_the_card_uses() -> None:
    twin = Path(__file__).parent.parent / "notebooks" / "03_where_copies_hide.py"
    tree = ast.parse(twin.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in found if isinstance(node.ctx, ast.Store)}
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }  # fmt: skip
    used = {name for _, expression in ALL for name in names_in(expression)}
    assert used - {"bytes"} <= stored | imported


# --- exercises

ANSWERS: dict[str, dict[str, list[Callable[..., Any]]]] = {
    "every_second": {
        "right": [
            lambda received: np.frombuffer(received, ">u4")[::2],
            lambda received: np.ndarray(-(-len(received) // 8), ">u4", received, strides=8),
        ],
        "wrong": [
            lambda received: np.frombuffer(received, "<u4")[::2],
            lambda received: np.frombuffer(received, ">u4")[1::2],
            lambda received: np.frombuffer(received, ">u4")[::2].astype("u4"),
            lambda received: np.frombuffer(received, "u1")[::2],
            lambda received: received[::2],
            lambda received: 7,
        ],
    },
    "to_frame": {
        "right": [
            lambda columns: pd.DataFrame(columns, copy=False),
            lambda columns: pd.concat(
                {name: pd.Series(each, copy=False) for name, each in columns.items()}, axis=1
            ),
        ],
        "wrong": [
            pd.DataFrame,
            lambda columns: pd.DataFrame({name: pd.Series(columns[name]) for name in columns}),
            lambda columns: pd.DataFrame(columns, copy=False)[["price"]],
            lambda columns: pd.DataFrame(columns, copy=False) + 1,
            lambda columns: columns,
            lambda columns: 7,
        ],
    },
    "first_and_last": {
        "right": [
            lambda day: (day[:100].copy(), day[-100:].copy()),
            lambda day: [day[:100].tolist(), day[-100:].tolist()],
            lambda day: np.stack([day[:100], day[-100:]]),
        ],
        "wrong": [
            lambda day: (day[:100].copy(), day[-100:]),
            lambda day: (np.ascontiguousarray(day[:100]), day[-100:].astype("u4", copy=False)),
            lambda day: (day.copy()[:100], day[-100:].copy()),
            lambda day: (day[-100:].copy(), day[:100].copy()),
            lambda day: 7,
        ],
    },
    "in_dollars": {
        "right": [
            lambda wire: wire / 10_000,
            lambda wire: np.divide(wire, 10_000, dtype="f8"),
        ],
        "wrong": [
            lambda wire: wire.astype("u4").astype("f8") / 10_000,
            lambda wire: np.array(wire.tolist()) / 10_000,
            lambda wire: wire // 10_000,
            lambda wire: wire,
            lambda wire: 7,
        ],
    },
}


@pytest.mark.parametrize("file", ["feed.pcap", "feed.itch"])
@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str, file: str) -> None:
    judges(name, file, ANSWERS[name])


def test_a_file_without_orders_cannot_be_judged(tmp_path: Path) -> None:
    wants_orders(ANSWERS, tmp_path)
