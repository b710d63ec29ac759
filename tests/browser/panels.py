"""A panel in a notebook: found, pressed, read and waited for, and the processes behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.lab import Journey, write_notebook

Begin = Callable[..., Journey]

PATIENCE = 60_000.0  # ms; a busy machine is no failure


def open_at(journey: Begin, notebook: Path, *cells: str, width: int, shows: str) -> Journey:
    """Open a notebook of these cells and run its first, which shows an element."""
    write_notebook(notebook, *cells)
    made = journey(notebook.name, width)
    made.run_cell(0)
    assert not made.errors()
    expect(made.page.locator(shows).first).to_be_visible(timeout=PATIENCE)
    return made


def keep_processes(panel: str) -> str:
    """Return a cell that writes the processes of a panel down, for `processes`."""
    ids = f"list({panel}.run.process_ids.values())"
    return f"import json; json.dump({ids}, open('pids.json', 'w'))"


def processes(workspace: Path) -> list[int]:
    """Return those that were written down and that are still there, zombies included."""
    pids = json.loads((workspace / "pids.json").read_text())
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name, exact=True)


def figure(panel: Locator, name: str) -> float:
    """Return what the panel says of itself in an attribute."""
    return float(panel.get_attribute(f"data-{name}") or 0)


def wait_for(panel: Locator, condition: str, argument: Any = None) -> None:
    """Wait until a condition on `get`, which reads the panel's attributes, holds."""
    script = f"""([root, given]) => {{
        const get = name => root.getAttribute('data-' + name); return {condition}; }}"""
    panel.page.wait_for_function(script, arg=[panel.element_handle(), argument], timeout=PATIENCE)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds that no page shows."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_watched_live(panel: Locator) -> None:
    """Find more than five new pictures a second."""
    frames, before = figure(panel, "frames"), time.monotonic()
    time.sleep(2)
    assert figure(panel, "frames") - frames > 5 * (time.monotonic() - before)


def stop(panel: Locator) -> None:
    button(panel, "Stop").click()
    wait_for(panel, "get('running') === 'false'")


def stops_at_once(panel: Locator) -> None:
    """Press Stop: it ends within two seconds."""
    took = panel.evaluate(
        """async root => {
            const pressed = performance.now();
            [...root.querySelectorAll('button')].find(e => /Stop/.test(e.textContent)).click();
            while (root.dataset.running !== 'false') await new Promise(requestAnimationFrame);
            return performance.now() - pressed;
        }"""
    )
    assert took < 2000  # 500 is what is promised, on a machine that has nothing else to do


def stands_still(panel: Locator) -> None:
    """Find no new picture."""
    frames = figure(panel, "frames")
    time.sleep(0.5)
    assert figure(panel, "frames") == frames


def ink(panel: Locator) -> list[int]:
    """Add up the colours of all that is drawn."""
    found: list[int] = panel.evaluate(
        """root => {
            const sums = [0, 0, 0];
            for (const canvas of root.querySelectorAll('canvas')) {
                const { width, height } = canvas;
                const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
                for (let i = 0; i < data.length; i += 4)
                    if (data[i + 3] > 200) for (let c = 0; c < 3; c++) sums[c] += data[i + c];
            }
            return sums;
        }"""
    )
    return found
