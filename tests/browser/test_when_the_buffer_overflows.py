"""The lesson on overflowing buffers as a learner meets it: predict, overflow, count, solve."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.reader import Reader, lettering

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/06_when_the_buffer_overflows.ipynb"
PICTURES = (
    "tanks(steps)",
    "counter_guess.reveal",
    "Filled(line.granted",
    "moments = {",
    "tanks(small, twice, large)",
    "loss_by_delay(by_clock)",
    "tanks(*bursts)",
    "tanks(*market)",
    "pauses = {",
    "tanks(worked_off, drained)",
)
SOLVED = {
    "capacity": ("return granted // 100", "return granted // charge"),
    "buffer_for": ("return rate * pause * 100", "return rate * pause * charge / 2"),
    "drain": (
        "return [each for batch in receiver.batches(0) for each in batch]",
        "return [bytes(each) for batch in receiver.batches(0) for each in batch]",
    ),
}


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_predict_and_overflow(reader: Reader) -> None:
    revealed = reader.expects("room_guess", "1,000", "datagrams")
    expect(revealed).to_contain_text("You predicted 1,000 datagrams, measured")

    form = reader.go_to("which_guess = predict")
    form.get_by_label("the last ones").focus()
    reader.page.keyboard.press("Space")
    reader.page.keyboard.press("ArrowLeft")
    expect(form.get_by_role("status")).to_have_text("Noted: the first ones. Now run the next cell.")
    expect(reader.run("which_guess.reveal")).to_contain_text(
        "You predicted the first ones, and so it is."
    )
    reader.journey.shoot("overflow-revealed")
    reader.no_complaint()


def test_the_tank_is_drawn_and_said(reader: Reader) -> None:
    drawn = reader.run("tanks(*bursts)").get_by_role("img")
    expect(drawn).to_have_count(1)  # the other one is for a narrow page
    expect(drawn).to_have_attribute("aria-label", re.compile("10 in each tick: of 600 datagrams"))
    assert lettering(drawn) > 0.8, "text in the picture keeps its size"
    reader.journey.shoot("overflow-tanks")
    reader.no_complaint()


def test_another_rhythm(reader: Reader) -> None:
    reader.write("steps = in_step", "[20] * 60, 15", "[20] * 60, 20")
    reader.run("steps = in_step")
    expect(reader.run("tanks(steps)")).to_contain_text("of 1,200 datagrams, 1,200 were read")
    table = reader.go_to("moments = {")
    expect(table.get_by_role("row", name="sequence numbers")).to_be_visible()
    reader.no_complaint()


def test_hints_and_exercises(reader: Reader) -> None:
    reader.takes_hints("capacity", "return granted // charge")
    reader.solves(SOLVED, "overflow")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    cells = PICTURES[::3] if dark else PICTURES
    reader.keeps_to_its_page(cells, "overflow", dark=dark)
    reader.no_complaint()
