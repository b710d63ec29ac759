"""The second lesson as a learner meets it: look at memory, predict, measure, try, in JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/01_two_pipelines.ipynb"
PANELS = (
    ("copying", "columnar"),
    ("copying", "columnar"),
    ("copying", "slicing"),
    ("slicing", "flyweight"),
)
LARGEST = """best = None
    for view in feed.views():
        if view.message.tag == b"A" and (best is None or view.shares > best.shares):
            best = view.to_record()
    return best"""
SIDES = """orders = feed.table("A")
    buys = orders["buy_sell_indicator"] == b"B"
    return orders["shares"][buys].sum(), orders["shares"][~buys].sum()"""


def panel_of(reader: Reader, number: int) -> Locator:
    panel = reader.page.locator(".zc-step").nth(number)
    panel.scroll_into_view_if_needed()
    return panel


def lane(panel: Locator, pipeline: str) -> Locator:
    return panel.locator(f".zc-step-lane[data-pipeline='{pipeline}']")


def figure(panel: Locator, pipeline: str, caption: str) -> int:
    figures = lane(panel, pipeline).locator(".zc-step-figures > div").filter(has_text=caption)
    return int(re.sub(r"\D", "", figures.locator("b").inner_text()))


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


@pytest.mark.parametrize("number", range(len(PANELS)))
def test_every_panel_is_stepped_to_the_end(reader: Reader, number: int) -> None:
    panel = panel_of(reader, number)
    expect(panel.locator("h3")).to_contain_text("Step 1 of 6")
    ends = dict.fromkeys(PANELS[number], 0)  # the last step at which all is zero-copy
    for step in range(2, 7):
        panel.get_by_role("button", name="Step ▶").click()
        expect(panel.locator("h3")).to_contain_text(f"Step {step} of 6")
        for pipeline in ends:
            if lane(panel, pipeline).get_by_text("zero-copy so far").is_visible():
                ends[pipeline] = step
                assert figure(panel, pipeline, "copied so far") == 0
        reader.journey.shoot(f"two-pipelines-panel-{number}-{step}")
    boundaries = {"copying": 0, "slicing": 4, "flyweight": 6, "columnar": 4}
    assert ends == {name: boundaries[name] for name in ends}
    assert all(figure(panel, name, "objects made") > 0 for name in ends)
    reader.no_complaint()


def test_predict_and_measure(reader: Reader) -> None:
    form = reader.go_to("copying_guess = predict")
    form.get_by_label("I expect").fill("300")
    expect(form.get_by_role("status")).to_have_text("Noted: 300 bytes. Now run the next cell.")
    panel = panel_of(reader, 0)
    panel.get_by_role("button", name="Step 6: sums").click()
    expect(panel.locator("h3")).to_contain_text("Step 6 of 6")
    copied = figure(panel, "copying", "copied so far")
    expect(reader.run("copying_guess.reveal")).to_contain_text(
        f"You predicted 300 bytes, measured: {copied} bytes."
    )

    form = reader.go_to("pace_guess = predict")
    form.get_by_label("2 ×", exact=True).check()
    expect(form.get_by_role("status")).to_have_text("Noted: 2 ×. Now run the next cell.")
    revealed = reader.run("pace_guess.reveal")
    expect(revealed).to_contain_text("ou predicted 2 ×", timeout=PATIENCE)

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
        "What grows with the batch",
        "What a slice costs",
        "costs = cost_by_fields",
        "result.plot()",
        "second.close()",
    )
    for width in (1280, 480):
        reader.journey.width(width)
        for number, text in enumerate((*PANELS, *parts)):
            output = reader.go_to(text) if isinstance(text, str) else panel_of(reader, number)
            box, inner = output.bounding_box(), output.evaluate("e => e.scrollWidth")
            assert box is not None
            assert inner <= box["width"] + 1, f"{text} is wider than the page at {width} px"
            theme = "dark" if dark else "light"
            reader.journey.shoot(f"two-pipelines-{theme}-{width}-{number}")
        drawn = panel_of(reader, 0).get_by_role("img").first
        lettering = drawn.evaluate(
            "svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
        )
        assert lettering > 0.9, "text in the picture keeps its size"
    reader.journey.width(1280)
    reader.no_complaint()
