from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import zcviz
from zcviz.errors import SelectionError, ZcvizError
from zcviz.lessons import (
    Verdict,
    beside,
    callout,
    exercise,
    figure,
    figures,
    lesson_feed,
    lesson_file,
    predict,
)
from zcviz.lessons.exercises import LESSONS, TASKS
from zcviz.lessons.show import number_text, prose

HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"


# --- things to show


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1024, "1,024"),
        (27.345, "27.3"),
        (2.0, "2"),
        (0.123456, "0.123"),
        (1234.5, "1,234"),
        ("a few", "a few"),
    ],
)
def test_numbers_read_well(number: float | str, text: str) -> None:
    assert number_text(number) == text


def test_a_figure_has_unit_per_and_sentence() -> None:
    one = figure(36, "B", "copied per message", "Each `cut` **copies**.", kind="copying")
    assert str(one) == "36 B copied per message. Each cut copies."
    html = one._repr_html_()
    assert "36 B" in html and "copied per message" in html and "zcl-copying" in html
    assert "<code>cut</code>" in html and "<strong>copies</strong>" in html


def test_nothing_from_outside_gets_into_the_page() -> None:
    shown = [
        figure(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        callout(HOSTILE, title=HOSTILE),
        beside(HOSTILE, titles=[HOSTILE]),
        figures(figure(1, "B", HOSTILE), sentence=HOSTILE),
        predict(HOSTILE, [HOSTILE]).reveal(HOSTILE, HOSTILE),
        Verdict(False, HOSTILE),
    ]
    for each in shown:
        html = each._repr_html_()
        assert "<script" not in html and "\x00" not in html and "\u202e" not in html


def test_prose_has_paragraphs_and_code() -> None:
    html = prose("One\nline.\n\n    a = 1\n    b < 2\n\nTwo.")
    assert html == "<p>One line.</p><pre tabindex='0'>a = 1\nb &lt; 2</pre><p>Two.</p>"


def test_two_things_side_by_side_keep_their_words() -> None:
    both = beside("left  text", figure(1, "B", "held"), titles=["L", "R"])
    assert repr(both) == "L\nleft  text\n\nR\n1 B held"
    assert both._repr_html_().count("zcl-column'") == 2


# --- predictions


def test_a_number_is_predicted_and_compared() -> None:
    guess = predict("How many?", unit="bytes")
    assert guess.value is None and guess.noted == ""
    guess.take(" 1,000 ")
    assert guess.value == 1000
    assert guess.noted == "Noted: 1,000 bytes. Now run the next cell."
    sentence = guess.reveal(100).sentence
    assert sentence == (
        "You predicted 1,000 bytes, measured: 100 bytes. "
        "Your prediction is 10 times the measurement."
    )


@pytest.mark.parametrize(
    ("given", "actual", "end"),
    [
        ("100", 100, "You predicted 100 B, and so it is."),
        ("100", 105, "Close: within ten per cent."),
        ("0", 36, "You were 36 B off."),
        ("36", 0, "You were 36 B off."),
        ("10", 275.0, "The measurement is 27.5 times your prediction."),
        ("-3", 5, "You were 8 B off."),
    ],
)
def test_how_far_off(given: str, actual: float, end: str) -> None:
    guess = predict("How many?", unit="B")
    guess.take(given)
    assert guess.reveal(actual).sentence.endswith(end)


@pytest.mark.parametrize("text", ["many", "1e999", "nan", "--", "0x10"])
def test_what_is_no_number_is_said_to_be_none(text: str) -> None:
    guess = predict("How many?", unit="B")
    guess.take("5")
    guess.take(text)
    assert guess.value is None
    assert guess.noted == f"“{text}” is not a number."


def test_nothing_predicted_still_tells_the_measurement() -> None:
    revealed = predict("How many?", unit="B").reveal(36, "Because.")
    assert revealed.sentence.startswith("Measured: 36 B. You made no prediction")
    assert "Because." in repr(revealed) and "36 B" in revealed._repr_html_()


def test_choices() -> None:
    guess = predict("Which?", ["copying", "columnar"])
    guess.take("1")
    assert guess.value == "columnar"
    assert guess.reveal("columnar").sentence == "You predicted columnar, and so it is."
    assert guess.reveal("copying").sentence == "You predicted columnar, measured: copying."
    scale = predict("How many times?", [1, 10, 100], unit="×")
    scale.take("1")
    assert scale.reveal(27.0).sentence.endswith("The measurement is 2.7 times your prediction.")


def test_the_form_passes_on_what_the_learner_types() -> None:
    widgets = pytest.importorskip("zcviz.lessons.widgets")
    guess = predict("How many?", unit="B")
    form = widgets.PredictionForm(guess)
    form.given = "144"
    assert guess.value == 144 and form.noted.startswith("Noted: 144 B")
    form.given = "x"
    assert guess.value is None and "not a number" in form.noted
    guess = predict("Which?", ["a", "b"])
    widgets.PredictionForm(guess).given = "1"
    assert guess.value == "b"
    assert widgets.PredictionForm(guess).given == "1"


def test_a_prediction_reads_as_text_too() -> None:
    pytest.importorskip("anywidget")
    bundle = predict("How many?", [1, 10], unit="×")._repr_mimebundle_()
    assert bundle[0]["text/plain"].startswith("Predict: How many?\n  1 ×\n  10 ×")


# --- sample files


def test_a_file_is_taken_as_it_is_or_found_among_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mine.itch"
    own.write_bytes(b"\x00\x00")
    assert lesson_file(own) == own
    monkeypatch.chdir(tmp_path)
    assert lesson_file("../data/feed.pcap").name == "feed.pcap"
    with lesson_feed() as feed:
        assert len(feed) > 1000
    with pytest.raises(ZcvizError, match=r"no file missing\.pcap"):
        lesson_file("missing.pcap")


# --- exercises


def bounds(feed: zcviz.Feed, i: int) -> slice:
    at, size = int(feed.index.offsets[i]), int(feed.index.sizes[i])
    return slice(at, at + size)


def nth(messages: Any, i: int) -> Any:
    return next(islice(messages, i, None))


ANSWERS: dict[str, dict[str, list[Callable[..., Any]]]] = {
    "message_at": {
        "right": [
            lambda feed, i: feed.data[bounds(feed, i)],
            lambda feed, i: feed.source.view[bounds(feed, i)],
            lambda feed, i: nth(feed.views(), i),
        ],
        "wrong": [
            lambda feed, i: bytes(feed.data[bounds(feed, i)]),
            lambda feed, i: feed.data[bounds(feed, i)].copy(),
            lambda feed, i: feed.data.tobytes()[bounds(feed, i)],
            lambda feed, i: nth(feed.records(), i),
            lambda feed, i: feed.data,
            lambda feed, i: feed.data[bounds(feed, i)][:3],
            lambda feed, i: feed.data[bounds(feed, 0)],
            lambda feed, i: bytes(36),
            lambda feed, i: 36,
        ],
    },
    "keep": {
        "right": [
            lambda feed, i: bytes(feed.data[bounds(feed, i)]),
            lambda feed, i: bytearray(feed.data[bounds(feed, i)]),
            lambda feed, i: feed.data[bounds(feed, i)].copy(),
            lambda feed, i: memoryview(bytes(feed.source.view[bounds(feed, i)])),
            lambda feed, i: nth(feed.records(), i),
            lambda feed, i: nth(feed.views(), i).to_dict(),
        ],
        "wrong": [
            lambda feed, i: feed.data[bounds(feed, i)],
            lambda feed, i: feed.source.view[bounds(feed, i)],
            lambda feed, i: nth(feed.views(), i),
            lambda feed, i: feed.data.copy()[bounds(feed, i)],
            lambda feed, i: nth(feed.records(), 0),
            lambda feed, i: bytes(36),
            lambda feed, i: 36,
        ],
    },
}
CASES = [(name, which, n) for name, sets in ANSWERS.items() for which in sets
         for n in range(len(sets[which]))]  # fmt: skip


@pytest.mark.parametrize(("name", "which", "number"), CASES)
@pytest.mark.parametrize("file", ["feed.pcap", "feed.itch"])
def test_answers(name: str, which: str, number: int, file: str) -> None:
    verdict = exercise(name, file).check(ANSWERS[name][which][number])
    assert verdict.passed == (which == "right"), repr(verdict)
    assert verdict._repr_html_()


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda *arguments: None, "returns nothing yet"),
        (lambda *arguments: ..., "returns nothing yet"),
        (lambda *arguments: 1 / 0, "raised ZeroDivisionError"),
        (lambda: 1, "raised TypeError"),
        (b"bytes", "wants the function itself"),
    ],
)
def test_what_cannot_be_judged_is_explained(name: str, answer: Any, said: str) -> None:
    verdict = exercise(name).check(answer)
    assert not verdict and said in verdict.text


@pytest.mark.parametrize("name", TASKS)
def test_three_hints_one_after_another(name: str) -> None:
    task = exercise(name)
    given = [repr(task.hint()) for _ in range(4)]
    assert [text[:11] for text in given] == [
        "Hint 1 of 3",
        "Hint 2 of 3",
        "Hint 3 of 3",
        "Hint 3 of 3",
    ]
    html = task.task.html
    # Each is folded into the one before: nobody sees the third by mistake.
    assert re.findall(r"<summary>Hint (\d)|(</details>)", html)[-3:] == [("", "</details>")] * 3
    assert html.index("Hint 1<") < html.index("Hint 2<") < html.index("Hint 3<")


def test_the_verdict_names_what_was_observed() -> None:
    copied = exercise("message_at").check(lambda feed, i: bytes(feed.data[bounds(feed, i)]))
    assert "memory of its own, at 0x" in copied.text
    assert copied.figures[0].amount == "0 B"
    pinned = exercise("keep").check(lambda feed, i: feed.data[bounds(feed, i)])
    assert "Closing the feed was refused" in pinned.text


def test_an_unknown_exercise_names_those_there_are() -> None:
    with pytest.raises(SelectionError, match="message_at, keep"):
        exercise("nope")


def test_every_exercise_has_a_name_of_its_own() -> None:
    assert len(TASKS) == sum(len(lesson.TASKS) for lesson in LESSONS)
