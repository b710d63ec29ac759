"""The dashboard in JupyterLab: every control, by mouse and by keyboard, and every way to end."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

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

pytestmark = pytest.mark.slow  # minutes; a lesson's journey is among the quick ones


OPEN = """
import os, signal, zcviz
panel = zcviz.dashboard(paths=("udp.recv", "udp.recv_into"), rate=2000)
panel
"""
KEEP = keep_processes("panel")
HOSTILE = "<img src=x onerror=document.title='pwned'>"


@pytest.fixture
def begin(journey: Begin, workspace: Path) -> Begin:
    """Open a notebook of these cells and run its first."""

    def begin(*cells: str, width: int = 1280) -> Journey:
        notebook = workspace / "traffic.ipynb"
        made = open_at(journey, notebook, *cells, width=width, shows=".zc-dash canvas")
        made.page.set_viewport_size({"width": width, "height": 1500})
        return made

    return begin


def panel_of(journey: Journey, number: int = 0) -> Locator:
    return journey.page.locator(".zc-dash").nth(number)


def field(panel: Locator, name: str) -> Locator:
    return panel.locator(f"[data-setting={name}] input[type=number]")


def slider(panel: Locator, name: str) -> Locator:
    return panel.locator(f"[data-setting={name}] input[type=range]")


def wait_for_traffic(panel: Locator, letters: str = "AB") -> None:
    wait_for(panel, "[...given].every(n => get('total_received-' + n) > 100)", letters)


def start(panel: Locator, letters: str = "AB") -> None:
    button(panel, "Start").click()
    wait_for_traffic(panel, letters)


def settings_of(journey: Journey) -> dict[str, Any]:
    """What the kernel says are the settings: cell 1 must be SHOW."""
    journey.run_cell(1)
    found: dict[str, Any] = json.loads(journey.text(1))
    return found


SHOW = "print(panel.run.settings.to_json())"


def test_start_watch_stop(begin: Begin, workspace: Path) -> None:
    journey = begin(OPEN, KEEP)
    panel = panel_of(journey)
    expect(panel).to_contain_text("Press Start")
    journey.shoot("dashboard-before", ".zc-dash")
    start(panel)
    journey.run_cell(1)
    assert len(processes(workspace)) == 3
    expect(panel.locator(".zc-dash-sentence")).to_contain_text("udp.recv_into", timeout=PATIENCE)
    expect(panel.locator(".zc-dash-verdict").first).to_contain_text("99 % within", timeout=PATIENCE)
    is_watched_live(panel)
    for number in range(2):
        card = panel.locator(".zc-dash-main section").nth(number)
        expect(card.locator("[data-figure=cpu] b")).not_to_have_text("–")
        expect(card.locator("[data-figure=copies]")).to_have_attribute("data-kind", "copying")
        expect(card).to_contain_text("at work")
    journey.shoot("dashboard-light", ".zc-dash")

    stops_at_once(panel)
    stands_still(panel)
    expect(panel.locator(".zc-dash-sentence")).to_contain_text("of ")  # what was seen stays
    assert figure(panel, "points") > 5
    start(panel)
    stop(panel)
    journey.no_complaint()


def test_every_setting(begin: Begin) -> None:
    journey = begin(OPEN, SHOW)
    panel = panel_of(journey)
    start(panel)
    typed = {"rate": 3000, "burst": 5, "messages": 7, "payload": 900, "buffer": 64, "delay": 3}
    for name, value in typed.items():
        field(panel, name).fill(str(value))
        field(panel, name).press("Enter")
    panel.get_by_role("combobox").select_option("copying")
    wait_for_traffic(panel)
    expect(panel.locator("[data-figure=copies] b").first).to_have_text("10", timeout=PATIENCE)
    found = settings_of(journey)
    assert found["buffer"] == 64 * 1024
    assert found["pipeline"] == "copying"
    assert {name: found[name] for name in typed if name != "buffer"} == {
        name: value for name, value in typed.items() if name != "buffer"
    }
    for name in ("payload", "buffer"):
        field(panel, name).fill("")
        field(panel, name).press("Enter")
    for name in typed:
        slider(panel, name).focus()
        slider(panel, name).press("ArrowRight")
    time.sleep(1)
    found = settings_of(journey)
    assert found["rate"] > 3000
    assert found["burst"] == 8
    assert found["messages"] == 8
    assert (found["payload"], found["buffer"]) == (64, 4096)
    assert found["delay"] == 5
    slider(panel, "rate").press("End")
    expect(field(panel, "rate")).to_have_value("")
    time.sleep(1)
    assert settings_of(journey)["rate"] == 0
    expect(panel).to_have_attribute("data-running", "true")
    stop(panel)
    journey.no_complaint()


def test_a_setting_that_is_refused(begin: Begin) -> None:
    journey = begin(OPEN, SHOW)
    panel = panel_of(journey)
    field(panel, "burst").fill("5000")
    field(panel, "burst").press("Enter")
    expect(panel).to_contain_text("Burst: expected a whole number from 1 to 1,024, found 5000.")
    expect(field(panel, "burst")).to_have_value("1", timeout=PATIENCE)
    assert settings_of(journey)["burst"] == 1
    journey.no_complaint()


def test_paths_are_chosen(begin: Begin) -> None:
    journey = begin(OPEN, SHOW)
    panel = panel_of(journey)
    boxes = {
        name: panel.get_by_role("checkbox", name=name, exact=True)
        for name in ("udp.recv", "udp.recv_into", "replay", "xdp.zerocopy")
    }
    boxes["udp.recv"].uncheck()
    expect(panel.locator(".zc-dash-main section h3").first).to_have_text("udp.recv_into")
    boxes["udp.recv_into"].click()  # the last one stays
    expect(boxes["udp.recv_into"]).to_be_checked()
    start(panel, "A")
    boxes["udp.recv"].check()
    wait_for_traffic(panel)
    boxes["replay"].check()  # the one chosen first makes room
    expect(boxes["udp.recv_into"]).not_to_be_checked()
    wait_for_traffic(panel)
    assert settings_of(journey)["paths"] == ["udp.recv", "replay"]
    expect(panel.locator("[data-figure=copies]").nth(1)).to_have_attribute("data-kind", "zero")
    expect(boxes["xdp.zerocopy"]).to_be_disabled()
    reason = panel.locator("[data-path='xdp.zerocopy'] p")
    expect(reason).not_to_be_empty()
    journey.shoot("dashboard-replay", ".zc-dash")
    stop(panel)
    journey.no_complaint()


def test_freeze_and_export(begin: Begin, tmp_path: Path) -> None:
    journey = begin(OPEN)
    panel = panel_of(journey)
    expect(button(panel, "Freeze")).to_be_disabled()
    start(panel)
    button(panel, "Freeze").click()
    wait_for(panel, "get('frozen') === 'true'")
    points, received = figure(panel, "points"), figure(panel, "total_received-A")
    time.sleep(1)
    assert (figure(panel, "points"), figure(panel, "total_received-A")) == (points, received)
    button(panel, "Unfreeze").click()
    wait_for(panel, "get('total_received-A') > given", received + 500)
    for name in ("CSV", "PNG"):
        with journey.page.expect_download() as download:
            button(panel, f"Save {name}").click()
        download.value.save_as(tmp_path / name)
    lines = (tmp_path / "CSV").read_text().splitlines()
    assert lines[0].startswith("paths,number,t,")
    assert "udp.recv_into.received" in lines[0]
    assert len(lines) > 10
    assert (tmp_path / "PNG").read_bytes().startswith(b"\x89PNG")
    stop(panel)
    journey.no_complaint()


def test_everything_by_keyboard(begin: Begin) -> None:
    journey = begin(OPEN)
    panel, press = panel_of(journey), journey.page.keyboard.press
    focused = "document.activeElement.ariaLabel || document.activeElement.textContent.trim()"
    button(panel, "Start").focus()
    press("Space")
    wait_for_traffic(panel)
    seen = [journey.page.evaluate(focused)]
    for _ in range(20):
        press("Tab")
        seen.append(journey.page.evaluate(focused))
    assert seen[:4] == ["■Stop", "Freeze", "Save CSV", "Save PNG"]
    for label in (
        "Offered rate",
        "Burst",
        "Messages",
        "Payload",
        "Consumer delay",
        "Socket buffer",
    ):
        assert any(each.startswith(f"{label}, ") for each in seen)
        assert f"{label}, slider" in seen
    journey.shoot("dashboard-focus", ".zc-dash")
    button(panel, "Freeze").focus()
    press("Enter")
    wait_for(panel, "get('frozen') === 'true'")
    press("Shift+Tab")
    press("Enter")
    wait_for(panel, "get('running') === 'false'")
    journey.no_complaint()


def test_its_text_alternative(begin: Begin) -> None:
    journey = begin(OPEN)
    panel = panel_of(journey)
    start(panel)
    time.sleep(1)
    stop(panel)
    sentence = panel.locator(".zc-dash-sentence").inner_text()
    assert "udp.recv_into" in sentence
    expect(panel.get_by_role("status")).to_have_text(sentence)
    pictures = panel.get_by_role("img")
    expect(pictures).to_have_count(4)
    for each in pictures.all():
        assert each.get_attribute("aria-label")
    expect(panel.get_by_role("meter")).to_have_count(2)


def test_it_follows_the_theme_and_the_width(begin: Begin) -> None:
    journey = begin(OPEN)
    panel = panel_of(journey)
    start(panel)
    time.sleep(3)
    stop(panel)
    time.sleep(1)
    light = ink(panel)
    journey.theme(dark=True)
    wait_for(panel, "get('theme') === 'dark'")
    time.sleep(0.5)
    assert ink(panel) != light
    journey.shoot("dashboard-dark", ".zc-dash")
    journey.theme(dark=False)
    for width in (480, 900, 1920):
        journey.width(width)
        time.sleep(0.7)
        assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 0
        cards = [card.bounding_box() for card in panel.locator(".zc-dash-main section").all()]
        assert all(cards)
        assert (cards[0]["x"] == cards[1]["x"]) == (width == 480)  # type: ignore[index]
        journey.shoot(f"dashboard-{width}", ".zc-dash")
    drawn = panel.locator("canvas").first
    density = drawn.evaluate("c => c.width / c.clientWidth / window.devicePixelRatio")
    assert density == pytest.approx(1, abs=0.01)
    journey.no_complaint()


def test_little_motion(begin: Begin) -> None:
    journey = begin(OPEN)
    journey.page.emulate_media(reduced_motion="reduce")
    panel = panel_of(journey)
    start(panel)
    count = "root => { let n = 0; new MutationObserver(() => n++).observe(root, {attributes: true, "
    count += "attributeFilter: ['data-frames']}); return new Promise(r => setTimeout(() => r(n), "
    assert panel.evaluate(count + "3000)); }") <= 7
    stop(panel)


def test_several_panels_and_one_shown_twice(begin: Begin) -> None:
    second = "other = zcviz.dashboard(paths=('udp.recv',), rate=500)\nother"
    journey = begin(OPEN, second, "panel")
    journey.run_cell(1)
    journey.run_cell(2)
    one, other, again = (panel_of(journey, n) for n in range(3))
    start(one)
    wait_for_traffic(again)
    start(other, "A")
    expect(one).to_have_attribute("data-running", "true")
    stop(again)
    wait_for(one, "get('running') === 'false'")
    expect(other).to_have_attribute("data-running", "true")
    expect(again.locator(".zc-dash-sentence")).to_have_text(
        one.locator(".zc-dash-sentence").inner_text()
    )
    stop(other)
    journey.no_complaint()


def test_running_the_cell_again_ends_the_former_processes(begin: Begin, workspace: Path) -> None:
    journey = begin(OPEN, KEEP)
    start(panel_of(journey))
    journey.run_cell(1)
    assert len(processes(workspace)) == 3
    journey.run_cell(0)
    assert not processes(workspace)
    expect(button(panel_of(journey), "Start")).to_be_visible()
    journey.no_complaint()


def test_a_kernel_that_restarts_takes_its_processes_along(begin: Begin, workspace: Path) -> None:
    journey = begin(OPEN, KEEP)
    panel = panel_of(journey)
    start(panel)
    journey.run_cell(1)
    assert len(processes(workspace)) == 3
    journey.restart_kernel()
    wait_until(lambda: not processes(workspace), 10)
    expect(panel).to_contain_text("Run the cell again for a new panel")
    expect(button(panel, "Start")).to_be_disabled()
    journey.shoot("dashboard-restarted", ".zc-dash")
    journey.run_cell(0)
    start(panel_of(journey))
    assert not journey.errors()


def test_a_busy_kernel_does_not_hold_it_up(begin: Begin) -> None:
    journey = begin(OPEN)
    panel = panel_of(journey)
    start(panel)
    journey.execute("import time; time.sleep(10)")
    time.sleep(1)
    frames = figure(panel, "frames")
    wait_for(panel, "+get('frames') > given", frames + 40)
    button(panel, "Stop").click()
    wait_for(panel, "get('running') === 'false'")
    journey.no_complaint()


@pytest.mark.parametrize("how", ["cleared", "closed"])
def test_without_a_page_it_stops(begin: Begin, workspace: Path, how: str) -> None:
    timeout = 3 if how == "closed" else 3600
    journey = begin(OPEN.replace("rate=2000", f"rate=2000, page_timeout={timeout}"), WATCH)
    start(panel_of(journey))
    journey.run_cell(1)
    time.sleep(4)  # it goes on for as long as the page is there
    assert not (workspace / "stopped").exists()
    if how == "closed":
        journey.page.close()
    else:
        journey.command("notebook:clear-all-cell-outputs")
    wait_until((workspace / "stopped").exists)


WATCH = """
import pathlib, threading, time
pathlib.Path("stopped").unlink(missing_ok=True)
def watch():
    while panel.run.running: time.sleep(0.05)
    pathlib.Path("stopped").touch()
threading.Thread(target=watch, daemon=True).start()
"""


def test_a_process_that_is_killed_and_hostile_words(begin: Begin) -> None:
    kill = "os.kill(panel.run.process_ids['receiver 1'], signal.SIGKILL)"
    lie = f"panel.problems = {{'udp.recv': {HOSTILE!r}}}; panel.sentence = {HOSTILE!r}"
    journey = begin(OPEN, kill, lie)
    panel = panel_of(journey)
    start(panel)
    journey.run_cell(1)
    expect(panel.locator(".zc-dash-main section").first).to_contain_text("killed", timeout=PATIENCE)
    journey.shoot("dashboard-killed", ".zc-dash")
    stop(panel)
    start(panel)  # another one is hired
    stop(panel)
    journey.run_cell(2)
    expect(panel.locator(".zc-dash-sentence")).to_have_text(HOSTILE)
    expect(panel.locator(".zc-dash-main section").first).to_contain_text(HOSTILE)
    assert panel.locator("img").count() == 0
    assert journey.page.title() != "pwned"
    journey.no_complaint()


def test_where_subprocesses_are_forbidden(begin: Begin) -> None:
    forbid = """
import subprocess
def forbidden(*args, **options): raise PermissionError("not here")
subprocess.Popen = forbidden
"""
    journey = begin(forbid + OPEN)
    panel = panel_of(journey)
    expect(panel.get_by_role("checkbox", name="replay", exact=True)).to_be_checked()
    expect(panel.get_by_role("checkbox", name="udp.recv", exact=True)).to_be_disabled()
    start(panel, "A")
    stop(panel)
    journey.shoot("dashboard-replay-only", ".zc-dash")
    journey.no_complaint()
