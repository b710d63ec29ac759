"""The live chart in JupyterLab: every control, by mouse and by keyboard, and every way to end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests import helpers
from tests.browser.lab import Journey
from tests.browser.panels import (
    PATIENCE,
    Begin,
    button,
    figure,
    ink,
    is_watched_live,
    keep_processes,
    open_at,
    processes,
    stands_still,
    stop,
    stops_at_once,
    wait_for,
    wait_until,
)

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

ALL = ("copying", "flyweight", "columnar")

OPEN = """
import os, signal, zcviz
feed = zcviz.open("live.itch")
chart = zcviz.live_chart(feed)
chart
"""
KEEP = keep_processes("chart")


@pytest.fixture(scope="module", autouse=True)
def feed(workspace: Path) -> None:
    content = helpers.frames(*(helpers.add(ref) for ref in range(20_000))) + b"\0\0"
    (workspace / "live.itch").write_bytes(content)


@pytest.fixture
def begin(journey: Begin, workspace: Path) -> Begin:
    """Open a notebook of these cells and run its first."""

    def begin(*cells: str, width: int = 1280) -> Journey:
        notebook = workspace / "live.ipynb"
        return open_at(journey, notebook, *cells, width=width, shows=".zc-live canvas")

    return begin


def chart_of(journey: Journey, number: int = 0) -> Locator:
    return journey.page.locator(".zc-live").nth(number)


def wait_for_curves(chart: Locator, names: tuple[str, ...] = ALL) -> None:
    wait_for(chart, "given.every(n => get('points-' + n) > 2)", list(names))


def start(chart: Locator) -> None:
    button(chart, "Start").click()
    wait_for_curves(chart)


def test_start_watch_stop_reset(begin: Begin, workspace: Path) -> None:
    journey = begin(OPEN, KEEP)
    chart = chart_of(journey)
    expect(chart).to_contain_text("live.itch: 20,000 messages a pass")
    expect(chart).to_contain_text("every process maps live.itch itself")
    start(chart)
    journey.run_cell(1)
    assert len(processes(workspace)) == 3
    expect(chart).to_contain_text("in the time copying handles one")
    is_watched_live(chart)
    assert all(figure(chart, f"rate-{name}") > 0 for name in ALL)
    journey.shoot("live-chart-light", ".zc-live")

    stops_at_once(chart)
    assert not processes(workspace)
    stands_still(chart)
    expect(button(chart, "Start")).to_be_visible()
    expect(chart).to_contain_text("in the time copying handles one")  # what was measured stays

    button(chart, "Reset").click()
    wait_for(chart, "given.every(n => get('points-' + n) == 0)", list(ALL))
    expect(chart).to_contain_text("not measured yet")
    journey.no_complaint()


def test_pipelines_are_chosen_while_it_runs(begin: Begin) -> None:
    journey = begin(OPEN)
    chart = chart_of(journey)
    start(chart)
    boxes = {name: chart.get_by_role("checkbox", name=name) for name in ALL}
    boxes["flyweight"].uncheck()
    boxes["copying"].uncheck()
    expect(chart).to_contain_text("Columnar handles", timeout=PATIENCE)
    wait_for(chart, "get('points-flyweight') == 0")
    assert figure(chart, "points-columnar") > 0
    boxes["flyweight"].check()
    wait_for_curves(chart, ("flyweight", "columnar"))
    expect(chart).to_contain_text("in the time flyweight handles one", timeout=PATIENCE)
    for name in ("flyweight", "columnar"):
        boxes[name].uncheck()
    wait_for(chart, "get('running') === 'false'")
    expect(chart.locator("button").first).to_be_disabled()
    boxes["columnar"].check()
    expect(button(chart, "Start")).to_be_enabled()
    journey.no_complaint()


def test_everything_by_keyboard(begin: Begin) -> None:
    journey = begin(OPEN)
    chart, press = chart_of(journey), journey.page.keyboard.press
    focused = "document.activeElement.closest('label, button')?.textContent.trim()"
    chart.get_by_role("radio", name="messages/s").focus()
    press("ArrowRight")
    wait_for(chart, "get('unit') === 'bytes'")
    expect(chart).to_contain_text("megabytes of the feed per second (log scale)")
    press("Tab")
    assert journey.page.evaluate(focused) == "▶Start"
    press("Space")
    wait_for_curves(chart)
    journey.shoot("live-chart-focus", ".zc-live")
    press("Tab")
    assert journey.page.evaluate(focused) == "Reset"
    press("Enter")
    press("Tab")
    press("Space")
    expect(chart.get_by_role("checkbox", name="copying")).not_to_be_checked()
    for _ in range(2):
        press("Shift+Tab")
    press("Enter")
    wait_for(chart, "get('running') === 'false'")
    assert journey.page.evaluate(focused) == "▶Start"
    journey.no_complaint()


def test_its_text_alternative(begin: Begin) -> None:
    journey = begin(OPEN)
    chart = chart_of(journey)
    start(chart)
    stop(chart)
    sentence = chart.locator(".zc-live-sentence").inner_text()
    assert "in the time copying handles one" in sentence
    expect(chart.get_by_role("status")).to_have_text(sentence)
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", f"Curves over time. {sentence}"
    )


def test_it_follows_the_theme_and_the_width(begin: Begin) -> None:
    journey = begin(OPEN)
    chart = chart_of(journey)
    start(chart)
    stop(chart)
    light = ink(chart)
    journey.theme(dark=True)
    wait_for(chart, "get('theme') === 'dark'")
    time.sleep(0.5)
    assert ink(chart) != light
    journey.shoot("live-chart-dark", ".zc-live")

    wide = chart.bounding_box()
    journey.width(480)
    time.sleep(0.5)
    narrow = chart.bounding_box()
    assert wide is not None
    assert narrow is not None
    assert narrow["width"] < 480 < wide["width"]
    cards = [card.bounding_box() for card in chart.locator("section").all()]
    assert cards[0]["x"] == cards[1]["x"]  # stacked
    assert cards[1]["y"] > cards[0]["y"] + cards[0]["height"]
    overflow = chart.evaluate("root => root.scrollWidth - root.clientWidth")
    assert overflow <= 0
    journey.shoot("live-chart-narrow-dark", ".zc-live")
    journey.theme(dark=False)
    time.sleep(0.5)
    journey.shoot("live-chart-narrow", ".zc-live")
    journey.width(1920)
    time.sleep(0.5)
    canvas = chart.locator("canvas")
    drawn = canvas.evaluate("c => c.width / c.clientWidth / window.devicePixelRatio")
    assert drawn == pytest.approx(1, abs=0.01)
    journey.shoot("live-chart-wide", ".zc-live")
    journey.no_complaint()


def test_several_charts_and_one_shown_twice(begin: Begin) -> None:
    second = "other = zcviz.live_chart(feed, ['copying', 'columnar'])\nother"
    journey = begin(OPEN, second, "chart")
    journey.run_cell(1)
    journey.run_cell(2)
    one, other, again = (chart_of(journey, n) for n in range(3))
    start(one)
    wait_for_curves(again)
    button(other, "Start").click()
    wait_for_curves(other, ("copying", "columnar"))
    expect(one).to_have_attribute("data-running", "true")
    stop(again)
    wait_for(one, "get('running') === 'false'")
    expect(other).to_have_attribute("data-running", "true")
    journey.no_complaint()


def test_running_the_cell_again_ends_the_former_chart(begin: Begin, workspace: Path) -> None:
    journey = begin(OPEN, KEEP)
    start(chart_of(journey))
    journey.run_cell(1)
    journey.run_cell(0)
    assert not processes(workspace)
    expect(button(chart_of(journey), "Start")).to_be_visible()
    journey.no_complaint()


def test_a_kernel_that_restarts_takes_its_workers_along(begin: Begin, workspace: Path) -> None:
    journey = begin(OPEN, KEEP)
    chart = chart_of(journey)
    start(chart)
    journey.run_cell(1)
    assert len(processes(workspace)) == 3
    journey.restart_kernel()
    assert not processes(workspace)
    expect(chart).to_contain_text("Run the cell again for a new chart")
    expect(chart.locator("button").first).to_be_disabled()
    journey.shoot("live-chart-restarted", ".zc-live")
    journey.run_cell(0)
    start(chart_of(journey))
    assert not journey.errors()


def test_a_busy_kernel_does_not_hold_it_up(begin: Begin) -> None:
    journey = begin(OPEN)
    chart = chart_of(journey)
    start(chart)
    journey.execute("import time; time.sleep(12)")
    time.sleep(1)
    frames = figure(chart, "frames")
    wait_for(chart, "+get('frames') > given", frames + 40)
    stop(chart)
    journey.no_complaint()


@pytest.mark.parametrize("how", ["cleared", "closed"])
def test_without_a_page_it_stops(begin: Begin, workspace: Path, how: str) -> None:
    timeout = 3 if how == "closed" else 3600
    journey = begin(
        OPEN.replace("live_chart(feed)", f"live_chart(feed, page_timeout={timeout})"), KEEP
    )
    start(chart_of(journey))
    time.sleep(4)  # it goes on for as long as the page is there
    journey.run_cell(1)
    assert len(processes(workspace)) == 3
    if how == "closed":
        journey.page.close()
    else:
        journey.command("notebook:clear-all-cell-outputs")
    wait_until(lambda: not processes(workspace))


def test_where_subprocesses_are_forbidden(begin: Begin) -> None:
    forbid = """
import subprocess
def forbidden(*args, **options): raise PermissionError("not here")
subprocess.Popen = forbidden
"""
    journey = begin(forbid + OPEN)
    chart = chart_of(journey)
    start(chart)
    expect(chart).to_contain_text("This machine permits no subprocess")
    expect(chart).to_contain_text("the thread reads the bytes where the kernel has them")
    stop(chart)
    journey.shoot("live-chart-thread", ".zc-live")
    journey.no_complaint()


def test_a_file_that_is_gone_and_a_worker_that_is_killed(begin: Begin, workspace: Path) -> None:
    kill = "os.kill(chart.run.process_ids['copying'], signal.SIGKILL)"
    journey = begin(OPEN, kill)
    chart = chart_of(journey)
    start(chart)
    journey.run_cell(1)
    expect(chart).to_contain_text("Copying stopped: its process was killed by SIGKILL.")
    stop(chart)
    path = workspace / "live.itch"
    content = path.read_bytes()
    path.unlink()
    try:
        button(chart, "Start").click()
        expect(chart).to_contain_text("live.itch: no such file or directory.", timeout=PATIENCE)
        wait_for(chart, "get('running') === 'false'")
        journey.shoot("live-chart-problem", ".zc-live")
    finally:
        path.write_bytes(content)
    journey.no_complaint()
