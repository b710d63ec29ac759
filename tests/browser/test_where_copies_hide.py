"""The fourth lesson as a learner meets it: predict, run, and keep the score, in JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/03_where_copies_hide.ipynb"
PICTURES = ("%zccopy received[36:]", "zcviz.provenance(wire", "%zccopy pd.concat",
            "handovers(steps)", "%%zccompare -o dollars", "card = score_card", "card.result()",
            "provenance(small_view")  # fmt: skip
SOLVED = {
    "every_second": ("return received[::2]", 'return np.frombuffer(received, ">u4")[::2]'),
    "to_frame": ("return pd.DataFrame(columns)", "return pd.DataFrame(columns, copy=False)"),
    "first_and_last": (
        "return day[:100], day[-100:].copy()",
        "return day[:100].copy(), day[-100:].copy()",
    ),
    "in_dollars": (
        "return wire.astype('u4').astype('f8') / 10_000",
        "return wire / 10_000",
    ),
}


def card_of(reader: Reader) -> Locator:
    return reader.run("card = score_card").locator(".zcl-score")


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_predict_and_run(reader: Reader) -> None:
    form = reader.go_to("slice_guess = predict")
    form.get_by_label("window[36:]").check()
    expect(reader.run("slice_guess.reveal")).to_contain_text(
        "You predicted window[36:], measured: received[36:]."
    )
    expect(reader.run("%zccopy received[36:]")).to_contain_text("is fresh memory")
    handed = reader.go_to("handovers(steps)")
    expect(handed.get_by_role("row", name="Arrow → numpy")).to_contain_text("the same bytes")
    reader.journey.shoot("copies-handovers")
    reader.no_complaint()


def test_the_score_card_judges_and_counts(reader: Reader) -> None:
    card = card_of(reader)
    expect(card).to_contain_text("Case 1 of")
    expect(card.locator("pre")).to_have_text("received[36:]")
    card.get_by_role("button", name="view").click()
    told = card.get_by_role("status")
    expect(told).to_contain_text("✗ You predicted view, measured: copy.", timeout=PATIENCE)
    expect(told).to_contain_text("a slice of a memoryview would be a view")
    expect(card.get_by_role("button", name="copy")).to_have_class(re.compile("zcl-true"))
    reader.journey.shoot("copies-card-wrong", ".zcl-score")
    card.get_by_role("button", name="Next").click()
    expect(card.locator("pre")).to_have_text("window[36:]")
    card.get_by_role("button", name="view").click()
    expect(told).to_contain_text("✓ You predicted view, and so it is.", timeout=PATIENCE)
    expect(card.get_by_role("listitem").first).to_contain_text("1 of 2 right")
    expect(reader.run("card.result()")).to_contain_text("1 right of 2 answered")

    card = reader.go_to("card = score_card").locator(".zcl-score")
    card.get_by_role("button", name="Ask the missed ones again").click()
    expect(card.locator("pre")).to_have_text("received[36:]")
    expect(card.get_by_role("status")).to_be_empty()
    reader.no_complaint()


def test_the_score_card_is_played_with_keys_alone(reader: Reader) -> None:
    card, cells = card_of(reader), reader.cells()
    card.get_by_role("button", name="view").focus()
    turns = (("v", "✗"), ("n", "window"), ("c", "✗"), ("n", "received[:]"), ("v", "✓"))
    for key, text in turns:
        reader.page.keyboard.press(key)
        expect(card.get_by_text(re.compile(f"^{re.escape(text)}")).first).to_be_visible(
            timeout=PATIENCE
        )
    expect(card.get_by_role("button", name="Next")).to_be_focused()
    reader.page.keyboard.press("Enter")
    expect(card.get_by_role("button", name="view")).to_be_focused()
    expect(card).to_contain_text("1 right of 3 answered")
    assert reader.cells() == cells, "JupyterLab took none of the keys for its own"
    reader.no_complaint()


def test_hints_and_exercises(reader: Reader) -> None:
    reader.takes_hints("every_second", 'return np.frombuffer(received, ">u4")[::2]')
    reader.solves(SOLVED, "copies")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    reader.keeps_to_its_page(PICTURES, "copies", dark=dark)
    reader.no_complaint()
