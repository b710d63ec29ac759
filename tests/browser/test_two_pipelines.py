"""The second lesson as a learner meets it: look at memory, predict, measure, try, in JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/01_two_pipelines.ipynb"
STAGES = {
    "copying": ("packet", "datagram", "message", "record", "summary"),
    "slicing": ("message",),
    "flyweight": ("datagram", "message", "summary"),
    "columnar": ("index", "gather", "summary"),
}
LARGEST = """best = None
    for view in feed.views():
        if view.message.tag == b"A" and (best is None or view.shares > best.shares):
            best = view.to_record()
    return best"""
SIDES = """orders = feed.table("A")
    buys = orders["buy_sell_indicator"] == b"B"
    return orders["shares"][buys].sum(), orders["shares"][~buys].sum()"""


def moment(reader: Reader, pipeline: str, stage: str) -> Locator:
    return reader.go_to(f'{pipeline}.after("{stage}")')


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


@pytest.mark.parametrize("pipeline", STAGES)
def test_every_stage_shows_its_memory(reader: Reader, pipeline: str) -> None:
    for stage in STAGES[pipeline]:
        card = moment(reader, pipeline, stage)
        expect(card).to_contain_text(
            re.compile(rf"{pipeline.capitalize()}, stage \d of \d: {stage}")
        )
        expect(card.get_by_role("img")).to_have_count(1)
        expect(card.get_by_role("img")).to_contain_text("feed.pcap, bytes ")
        expect(card).to_contain_text("objects made so far")
        number = card.locator(".zcl-figure b").first.inner_text()
        assert int(number.replace(",", "")) > 0
        reader.journey.shoot(f"two-pipelines-{pipeline}-{stage}")
    reader.no_complaint()


def test_predict_and_measure(reader: Reader) -> None:
    form = reader.go_to("bytes_guess = predict")
    form.get_by_label("I expect").fill("300")
    expect(form.get_by_role("status")).to_have_text("Noted: 300 bytes. Now run the next cell.")
    expect(reader.run("bytes_guess.reveal")).to_contain_text("You predicted 300 bytes, measured:")

    form = reader.go_to("slicing_guess = predict")
    form.get_by_label("2 ×", exact=True).check()
    expect(form.get_by_role("status")).to_have_text("Noted: 2 ×. Now run the next cell.")
    expect(reader.run("slicing_guess.reveal")).to_contain_text("ou predicted 2 ×")

    form = reader.go_to("stage_guess = predict")
    form.get_by_label("gather").check()
    expect(form.get_by_role("status")).to_have_text("Noted: gather. Now run the next cell.")
    revealed = reader.run("stage_guess.reveal")
    expect(revealed).to_contain_text("ou predicted gather", timeout=PATIENCE)
    reader.journey.shoot("two-pipelines-revealed")
    reader.no_complaint()


def test_another_choice_of_fields(reader: Reader) -> None:
    cell = "costs = cost_by_fields"
    reader.write(cell, "for field in table.fields]", "for field in table.fields[3:6]]")
    costs = reader.run(cell)
    expect(costs).to_contain_text(re.compile(r"For one field, flyweight takes .*; for 3, "))
    reader.journey.shoot("two-pipelines-fields")
    reader.no_complaint()


def test_closing_is_refused_and_says_why(reader: Reader) -> None:
    expect(reader.go_to("second.close()")).to_contain_text("memory in use by ndarray 'eight_bytes'")
    expect(reader.go_to("bytes(eight_bytes)")).to_contain_text("closed>")
    expect(reader.go_to("moving.timestamp")).to_contain_text("its feed was closed")


def test_hints_and_exercises(reader: Reader) -> None:
    task = reader.go_to('exercise("largest"')
    expect(task.get_by_text("Hint 2")).not_to_be_visible()
    task.get_by_text("Hint 1").click()
    task.get_by_text("Hint 2").click()
    task.get_by_text("Hint 3").click()
    expect(task.get_by_text("best = view.to_record()")).to_be_visible()
    reader.journey.shoot("two-pipelines-hints")
    attempts = {
        "largest": ("return max(feed.views(), key=lambda v: getattr(v, 'shares', 0))", LARGEST),
        "bought_and_sold": ("return 1, 2", SIDES),
    }
    for name, (wrong, solution) in attempts.items():
        cell = f"def {name}("
        expect(reader.go_to(cell)).to_contain_text("Not yet")
        reader.write(cell, "return None", wrong)
        expect(reader.run(cell)).to_contain_text("→ Not yet", timeout=PATIENCE)
        reader.journey.shoot(f"two-pipelines-{name}-wrong")
        reader.write(cell, wrong, solution)
        expect(reader.run(cell)).to_contain_text("✓ Right", timeout=PATIENCE)
        reader.journey.shoot(f"two-pipelines-{name}-right")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    reader.journey.theme(dark)
    parts = (
        'copying.after("record")',
        'columnar.after("gather")',
        "side_by_side(",
        "costs = cost_by_fields",
        "result.plot()",
        "beside(zcviz",
        "taken = interleaved",
    )
    for width in (1280, 480):
        reader.journey.width(width)
        for number, text in enumerate(parts):
            output = reader.go_to(text)
            box, inner = output.bounding_box(), output.evaluate("e => e.scrollWidth")
            assert box is not None
            assert inner <= box["width"] + 1, f"{text} is wider than the page at {width} px"
            theme = "dark" if dark else "light"
            reader.journey.shoot(f"two-pipelines-{theme}-{width}-{number}")
        lettering = (
            moment(reader, "copying", "record")
            .get_by_role("img")
            .evaluate("svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width")
        )
        assert lettering > 0.9, "text in the picture keeps its size"
    reader.journey.width(1280)
    reader.no_complaint()
