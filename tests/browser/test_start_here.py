"""The first lesson as a learner meets it: read, predict, measure, watch, try, in JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.reader import PATIENCE, Reader

LESSON = "notebooks/00_start_here.ipynb"

ALL = "return bytes(feed.data)"
ONE = "feed.data[feed.index.offsets[i]:][: feed.index.sizes[i]]"
SOLVED = {"message_at": (ALL, f"return {ONE}"), "keep": (ALL, f"return bytes({ONE})")}


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_predict_before_and_after(reader: Reader) -> None:
    cells = reader.cells()
    form = reader.go_to("bytes_guess = predict")
    field = form.get_by_label("I expect")
    field.click()
    # Letters are commands to JupyterLab: x cuts a cell, b adds one, d d deletes one.
    reader.page.keyboard.type("xbdd")
    expect(form.get_by_role("status")).to_have_text("“xbdd” is not a number.")
    assert reader.cells() == cells
    field.fill("30")
    expect(form.get_by_role("status")).to_have_text("Noted: 30 bytes. Now run the next cell.")
    reader.journey.shoot("start-here-predict-number")
    revealed = reader.run("bytes_guess.reveal")
    expect(revealed).to_contain_text("You predicted 30 bytes, measured:")
    expect(revealed).to_contain_text("times your prediction")

    form = reader.go_to("speed_guess = predict")
    form.get_by_label("10 ×", exact=True).check()
    expect(form.get_by_role("status")).to_have_text("Noted: 10 ×. Now run the next cell.")
    reader.page.keyboard.press("ArrowRight")
    expect(form.get_by_label("30 ×", exact=True)).to_be_checked()
    expect(form.get_by_role("status")).to_have_text("Noted: 30 ×. Now run the next cell.")
    revealed = reader.run("speed_guess.reveal")
    expect(revealed).to_contain_text("ou predicted 30 ×")
    reader.journey.shoot("start-here-revealed")
    reader.no_complaint()


def test_hints_and_exercises(reader: Reader) -> None:
    task = reader.go_to('exercise("message_at"')
    expect(task.get_by_text("Hint 2")).not_to_be_visible()
    task.get_by_text("Hint 1").focus()
    reader.page.keyboard.press("Enter")
    expect(task.get_by_text("A slice of an array or of a memoryview")).to_be_visible()
    task.get_by_text("Hint 2").click()
    task.get_by_text("Hint 3").click()
    expect(task.get_by_text("return feed.data[at : at + size]")).to_be_visible()
    reader.journey.shoot("start-here-hints")

    reader.solves(SOLVED, "start-here")
    reader.no_complaint()


def test_nothing_runs_by_itself_and_the_chart_obeys(reader: Reader) -> None:
    chart = reader.go_to("zcviz.live_chart(feed)").locator(".zc-live")
    expect(chart).to_have_attribute("data-running", "false", timeout=PATIENCE)
    chart.get_by_role("button", name="Start").click()
    expect(chart).to_contain_text("in the time copying handles one", timeout=PATIENCE)
    chart.get_by_role("checkbox", name="columnar").uncheck()
    expect(chart).to_contain_text("Flyweight handles", timeout=PATIENCE)
    reader.journey.shoot("start-here-live", ".zc-live")
    chart.get_by_role("button", name="Stop").click()
    expect(chart).to_have_attribute("data-running", "false", timeout=PATIENCE)
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 480])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool, width: int) -> None:
    reader.journey.theme(dark)
    reader.journey.width(width)
    for name in ("memory_picture(", "beside(", "bytes_guess.reveal", "def keep("):
        output = reader.go_to(name)
        room, needed = output.evaluate("e => [e.clientWidth, e.scrollWidth]")
        assert needed <= room + 1, f"{name} needs {needed} of {room} px"
        words = "-".join(re.findall("[a-z]+", name))
        theme = "dark" if dark else "light"
        reader.journey.shoot(f"start-here-{words}-{theme}-{width}")
    reader.journey.theme(False)
    reader.journey.width(1280)
    reader.no_complaint()
