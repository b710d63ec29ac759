"""The stepper in JupyterLab: every control, by mouse and by keyboard, in any theme and width."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import Journey
from tests.browser.panels import PATIENCE, Begin, button, open_at

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

OPEN = """
import zcviz
feed = zcviz.open("data/feed.pcap")
panel = zcviz.stepper(feed)
panel
"""


@pytest.fixture
def begin(journey: Begin, workspace: Path) -> Begin:
    """Open a notebook that shows a stepper, and run it."""

    def begin(*cells: str, width: int = 1280) -> Journey:
        notebook = workspace / "stepper.ipynb"
        return open_at(journey, notebook, *(cells or [OPEN]), width=width, shows=".zc-step svg")

    return begin


def panel_of(journey: Journey) -> Locator:
    return journey.page.locator(".zc-step").first


def at_step(panel: Locator, number: int) -> None:
    expect(panel).to_have_attribute("data-step", str(number - 1), timeout=PATIENCE)
    expect(panel.locator("h3")).to_contain_text(f"Step {number} of 6")


def figure(panel: Locator, pipeline: str, caption: str) -> str:
    lane = panel.locator(f".zc-step-lane[data-pipeline='{pipeline}']")
    figures = lane.locator(".zc-step-figures > div").filter(has_text=caption)
    return figures.locator("b").inner_text()


def test_step_back_play_by_mouse(begin: Begin) -> None:
    journey = begin()
    panel = panel_of(journey)
    at_step(panel, 1)
    expect(button(panel, "◀ Back")).to_be_disabled()
    said = panel.get_by_role("status")
    expect(said).to_contain_text("Copying: Nothing is made yet.")
    assert figure(panel, "copying", "copied so far") == "0 B"
    for number in range(2, 7):
        button(panel, "Step ▶").click()
        at_step(panel, number)
        journey.shoot(f"stepper-{number}-light", ".zc-step")
    expect(button(panel, "Step ▶")).to_be_disabled()
    expect(said).to_contain_text("Columnar: Adds the columns up.")
    assert figure(panel, "copying", "copied so far") != "0 B"
    expect(panel.locator("[data-pipeline='copying'] svg .copied")).not_to_have_count(0)
    button(panel, "◀ Back").click()
    at_step(panel, 5)
    button(panel, "First").click()
    at_step(panel, 1)
    panel.get_by_role("button", name="Step 3: datagram").click()
    at_step(panel, 3)
    panel.get_by_label("Speed").select_option("fast")
    button(panel, "Play").click()
    expect(button(panel, "Pause")).to_be_visible()
    at_step(panel, 6)
    expect(button(panel, "Play")).to_be_visible()
    button(panel, "First").click()
    button(panel, "Last").click()
    at_step(panel, 6)
    journey.no_complaint()


def test_everything_by_keyboard(begin: Begin) -> None:
    journey = begin()
    panel, press = panel_of(journey), journey.page.keyboard.press
    panel.locator(".zc-step-panel").focus()
    for key, number in (
        ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 6), ("Home", 1),
    ):  # fmt: skip
        press(key)
        at_step(panel, number)
    press("Space")
    expect(button(panel, "Pause")).to_be_visible()
    press("Space")
    expect(button(panel, "Play")).to_be_visible()
    at_step(panel, 1)
    button(panel, "Step ▶").focus()
    press("Enter")
    at_step(panel, 2)
    press("Space")
    at_step(panel, 3)
    button(panel, "Last").focus()
    press("Enter")  # which disables the button
    at_step(panel, 6)
    press("ArrowLeft")
    at_step(panel, 5)
    for number in (4, 3):
        press("ArrowLeft")
        at_step(panel, number)
    button(panel, "Step ▶").focus()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert journey.page.evaluate(outline) == "solid"

    fields = panel.get_by_role("toolbar").get_by_role("button")
    fields.first.focus()
    expect(panel.locator(".zc-step-reading")).to_contain_text("message_type A, that is Add Order")
    press("End")
    expect(panel.locator(".zc-step-reading")).to_contain_text("price")
    press("ArrowLeft")
    expect(panel.locator(".zc-step-reading")).to_contain_text("stock")
    at_step(panel, 3)  # arrows moved in the fields only
    expect(panel.locator("svg .mark[data-on]")).not_to_have_count(0)
    assert fields.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1
    journey.shoot("stepper-focus", ".zc-step")
    journey.no_complaint()


def test_other_packets_and_messages(begin: Begin) -> None:
    journey = begin()
    panel = panel_of(journey)
    number = panel.get_by_role("spinbutton")
    before = int(number.input_value())
    button(panel, "Next").click()
    expect(number).to_have_value(str(before + 1), timeout=PATIENCE)
    button(panel, "Previous").click()
    expect(number).to_have_value(str(before), timeout=PATIENCE)
    number.fill("151")
    number.press("Enter")
    expect(panel).to_contain_text("Packet 151, 192 B: message 1 of 5", timeout=PATIENCE)
    number.fill("999999")
    number.press("Enter")
    alert = panel.get_by_role("alert")
    expect(alert).to_contain_text("packet 999,999 of 8,480", timeout=PATIENCE)
    expect(number).to_have_value("151")

    panel.locator(".zc-step-message select").select_option("2")
    expect(panel).to_contain_text("message 3 of 5", timeout=PATIENCE)
    expect(alert).to_be_hidden()
    panel.locator("svg [data-message='4']").first.click()
    expect(panel).to_contain_text("message 5 of 5", timeout=PATIENCE)
    panel.locator("svg [data-at]").nth(1).click()
    expect(panel.locator(".zc-step-of option:checked")).to_have_text("Ethernet")
    panel.locator("svg .mark[data-n='3']").first.hover()
    expect(panel.locator(".zc-step-reading")).to_contain_text("timestamp")

    panel.get_by_label("Batch of 16 packets").check()
    expect(panel).to_contain_text("Packets 145 to 160", timeout=PATIENCE)
    button(panel, "Last").click()
    copying, columnar = (
        int(figure(panel, pipeline, "objects made").replace(",", ""))
        for pipeline in ("copying", "columnar")
    )
    assert copying > 10 * columnar
    journey.shoot("stepper-batch-light", ".zc-step")
    panel.get_by_label("Batch of 16 packets").uncheck()
    expect(panel).to_contain_text("Packet 151, 192 B: message 5 of 5", timeout=PATIENCE)
    journey.no_complaint()


def test_a_closed_feed_and_a_kernel_that_is_gone(begin: Begin) -> None:
    journey = begin()
    panel = panel_of(journey)
    journey.execute("feed.close()")
    button(panel, "Next").click()
    expect(panel.get_by_role("alert")).to_contain_text("is closed", timeout=PATIENCE)
    button(panel, "Step ▶").click()
    at_step(panel, 2)
    journey.no_complaint()
    journey.restart_kernel()
    button(panel, "Step ▶").click()
    at_step(panel, 3)
    assert not journey.outside


def test_it_follows_the_theme_and_the_width(begin: Begin) -> None:
    journey = begin()
    panel = panel_of(journey)
    for _ in range(4):
        button(panel, "Step ▶").click()
    at_step(panel, 5)
    title = panel.locator("h3")
    light = title.evaluate("e => getComputedStyle(e).color")
    journey.theme(dark=True)
    journey.page.wait_for_function(
        "([e, was]) => getComputedStyle(e).color !== was", arg=[title.element_handle(), light]
    )
    journey.shoot("stepper-dark", ".zc-step")
    lanes = panel.locator(".zc-step-lane")
    wide = [lanes.nth(n).bounding_box() for n in (0, 1)]
    assert wide[0] and wide[1] and wide[0]["y"] == wide[1]["y"]
    journey.width(700)
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    journey.width(480)
    expect(panel.locator("svg.zc-340").first).to_be_visible()
    narrow = [lanes.nth(n).bounding_box() for n in (0, 1)]
    assert narrow[0] and narrow[1] and narrow[0]["x"] == narrow[1]["x"]
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    journey.shoot("stepper-narrow-dark", ".zc-step")
    lanes.nth(1).locator("svg").evaluate("e => e.scrollIntoView({ block: 'end' })")
    expect(title).not_to_be_in_viewport()
    button(panel, "◀ Back").click(timeout=5000)  # stays where it can be reached
    at_step(panel, 4)
    expect(lanes.nth(1).locator("svg")).to_be_in_viewport()
    button(panel, "Step ▶").click()
    journey.theme(dark=False)
    journey.shoot("stepper-narrow", ".zc-step")
    journey.width(1920)
    journey.shoot("stepper-projector", ".zc-step")
    journey.no_complaint()


def test_little_motion_for_those_who_want_little(begin: Begin) -> None:
    journey = begin()
    panel = panel_of(journey)
    button(panel, "Step ▶").click()
    fresh = panel.locator("svg .fresh").first
    name = "e => getComputedStyle(e).animationName"
    assert fresh.evaluate(name) == "zc-step-appear"
    journey.page.emulate_media(reduced_motion="reduce")
    assert fresh.evaluate(name) == "none"
    journey.no_complaint()
