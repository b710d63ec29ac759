"""The third lesson as a learner meets it: predict, measure, watch it live, in JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.reader import PATIENCE, Reader, lettering

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/02_columns_and_indexes.ipynb"
PICTURES = ("comb(feed)", "cache_lines(feed,", "by_stride = ", "costs = cost_by_questions",
            "query_costs = ", "pins(\n", "handovers(steps)", "bars(\n")  # fmt: skip
SOLVED = {
    "shares_in_place": (
        "return rows.reshape(-1, 36)[:, 20:24]",
        'return np.ndarray(len(rows) // 36, ">u4", rows, offset=20, strides=36)',
    ),
    "dearest": (
        'return np.sort(feed.table("A")["price"])[-n:]',
        'return np.sort(feed.table("A")["price"])[-n:].copy()',
    ),
}


def panel_of(reader: Reader) -> Locator:
    return reader.go_to("panel = limit_panel(large)").locator(".zcl-limit")


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_the_index_is_a_comb_over_the_file(reader: Reader) -> None:
    drawn = reader.go_to("comb(feed)")
    expect(drawn.get_by_role("img")).to_have_count(1)  # the other one is for a narrow page
    expect(drawn.get_by_role("img")).to_contain_text("index entries")
    expect(drawn).to_contain_text(re.compile(r"8 messages stand in \d+ B of feed\.pcap"))
    reader.journey.shoot("columns-comb")
    reader.no_complaint()


def test_predict_and_measure(reader: Reader) -> None:
    revealed = reader.expects("entry_guess", "30", "bytes")
    expect(revealed).to_contain_text("measured: 7 bytes")
    revealed = reader.chooses("order_guess", "the byte order", "the distance")
    expect(revealed).to_contain_text("ou predicted the distance")
    reader.journey.shoot("columns-revealed")
    reader.no_complaint()


def test_another_question(reader: Reader) -> None:
    reader.write("ask = np.max", "ask = np.max", "ask = np.sum")
    expect(reader.run("ask = np.sum")).to_contain_text("column, native order")
    expect(reader.run("costs = cost_by_questions")).to_contain_text(
        re.compile("For one question, in place takes .* ns a value and copy first"),
        timeout=PATIENCE,
    )
    reader.no_complaint()


def test_what_pins_and_who_copies(reader: Reader) -> None:
    kept = reader.go_to("pins(\n")
    expect(kept.get_by_role("row", name="two prices, in place")).to_contain_text("cannot be closed")
    expect(kept.get_by_role("row", name="the same, copied")).to_contain_text("can be closed")
    handed = reader.go_to("handovers(steps)")
    expect(handed.get_by_role("row", name="file → column")).to_contain_text("copied")
    expect(handed.get_by_role("row", name="column → Arrow")).to_contain_text("the same bytes")
    reader.journey.shoot("columns-who-copies")


def test_the_limit_is_measured_live_and_obeys(reader: Reader) -> None:
    panel = panel_of(reader)
    expect(panel).to_have_attribute("data-running", "false", timeout=PATIENCE)
    panel.get_by_role("button", name="Start").click()
    expect(panel).to_contain_text("Reading every byte takes", timeout=PATIENCE)
    expect(panel.locator(".zcl-dot").nth(30)).to_be_attached(timeout=PATIENCE)
    row = panel.get_by_role("img", name=re.compile(r"^index: .* ns a message, .* × reading"))
    expect(row).to_be_visible()
    reader.journey.shoot("columns-limit", ".zcl-limit")

    panel.get_by_role("button", name="Stop").focus()
    reader.page.keyboard.press("Enter")  # once more would start it again
    expect(panel).to_have_attribute("data-running", "false", timeout=PATIENCE)
    expect(panel.get_by_role("status")).to_contain_text("Stopped after")
    expect(panel.get_by_role("button", name="Start")).to_be_focused()
    expect(reader.run("limit_guess.reveal")).to_contain_text("Measured:")
    reader.no_complaint()


def test_hints_and_exercises(reader: Reader) -> None:
    reader.takes_hints("shares_in_place", '">u4", rows, offset=20')
    reader.solves(SOLVED, "columns")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    reader.keeps_to_its_page((*PICTURES, "panel = limit_panel"), "columns", dark=dark)
    reader.no_complaint()


def test_text_in_a_picture_keeps_its_size(reader: Reader) -> None:
    reader.journey.width(480)
    assert lettering(reader.go_to("comb(feed)").get_by_role("img")) > 0.8
    reader.journey.width(1280)
