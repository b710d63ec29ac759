"""The widget of a live run, without a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zcviz
from tests import helpers
from zcviz.errors import SelectionError
from zcviz.feed import Feed

pytest.importorskip("anywidget")

from zcviz.viz import live_panel
from zcviz.viz.widgets import LiveChart


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    path = tmp_path / "day.itch"
    path.write_bytes(helpers.frames(*(helpers.add(ref) for ref in range(300))) + b"\0\0")
    with zcviz.open(path) as feed:
        yield feed


@pytest.fixture
def chart(feed: Feed) -> Iterator[LiveChart]:
    chart = zcviz.live_chart(feed)
    yield chart
    chart.close()


def says(chart: LiveChart, what: str, view: str = "one") -> None:
    """Let the page say something."""
    chart._hear(chart, {"do": what, "view": view}, [])


def frames_of(chart: LiveChart) -> list[np.ndarray[Any, Any]]:
    """Collect what is sent to the page."""
    sent: list[np.ndarray[Any, Any]] = []

    def send(content: dict[str, str], buffers: tuple[memoryview, ...] = ()) -> None:
        assert content["kind"] == ("frame" if buffers else "heard")
        for buffer in buffers:
            sent.append(np.frombuffer(bytes(buffer), np.float32).reshape(len(chart.run.names), -1))

    chart.send = send
    return sent


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_it_starts_stops_and_keeps_its_picture(chart: LiveChart) -> None:
    frames = frames_of(chart)
    says(chart, "start")
    assert chart.running
    until(lambda: chart.sentence)
    assert all(frames[-1][:, 0])
    says(chart, "stop")
    assert not chart.running
    assert not chart.run.running
    quiet = len(frames)
    time.sleep(0.2)
    assert len(frames) == quiet

    kept = np.frombuffer(chart.frame, np.float32).reshape(3, -1)
    assert (kept[:, 0] > 0).all()
    assert "in the time copying handles one" in chart.sentence
    assert [each["name"] for each in chart.readout] == ["copying", "flyweight", "columnar"]
    assert all(each["median"] and each["newest"] and each["bytes"] for each in chart.readout)
    says(chart, "reset")
    assert not chart.sentence
    assert (np.frombuffer(chart.frame, np.float32).reshape(3, -1)[:, 0] == 0).all()


def test_starting_again_leaves_one_publisher(chart: LiveChart) -> None:
    frames = frames_of(chart)
    chart.start()
    chart.start()
    before = len(frames)
    time.sleep(1)
    assert 1 < len(frames) - before <= 22
    chart.stop()


def test_pipelines_are_chosen_from_the_page_or_from_python(chart: LiveChart) -> None:
    chart.chosen = ["columnar", "copying"]
    assert chart.chosen == ["copying", "columnar"]
    assert chart.run.chosen == ("copying", "columnar")
    assert [each["name"] for each in chart.readout] == ["copying", "columnar"]
    chart.chosen = ["quick"]
    assert chart.chosen == ["copying", "columnar"]
    assert chart.problems == ["No pipeline 'quick' in this run: copying, flyweight, columnar."]


def test_what_goes_wrong_is_a_sentence_on_the_panel(feed: Feed) -> None:
    with pytest.raises(SelectionError):
        zcviz.live_chart(feed, ["quick"])
    content = bytes(feed.data)
    held = zcviz.open(content)
    chart = zcviz.live_chart(held)
    held.close()
    says(chart, "start")
    assert not chart.running
    assert chart.problems == ["Bytes object is closed."]
    chart.close()


def test_it_stops_when_no_page_is_there(feed: Feed) -> None:
    chart = zcviz.live_chart(feed, page_timeout=2)
    frames_of(chart)
    says(chart, "look")
    says(chart, "start")
    for _ in range(6):
        time.sleep(0.5)
        says(chart, "beat")
    assert chart.run.running
    until(lambda: not chart.running)
    assert not chart.run.running
    assert chart.problems == ["It was stopped, because no page has shown it for a while."]
    chart.close()


def test_a_closed_widget_leaves_no_worker(chart: LiveChart) -> None:
    chart.start()
    chart.close()
    assert not chart.run.running
    assert not chart.run.process_ids


def test_running_the_cell_again_stops_the_former_chart(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = ["cell", "first"]
    monkeypatch.setattr(live_panel, "_cell_that_runs", lambda: tuple(execution))
    one, two = zcviz.live_chart(feed), zcviz.live_chart(feed)
    one.start()
    zcviz.live_chart(feed)
    assert one.run.running  # made by the same run of the cell: several charts may run
    execution[1] = "second"
    three = zcviz.live_chart(feed)
    assert not one.run.running
    for each in (one, two, three):
        each.close()


def test_it_says_as_text_what_it_shows(chart: LiveChart) -> None:
    assert repr(chart) == "Live chart of day.itch (300 messages): not started"
    chart.start()
    until(chart.run.sentence)
    chart.stop()
    text = repr(chart)
    assert text.startswith("Live chart of day.itch (300 messages): stopped\n")
    assert "million messages/s" in text
    assert "MB/s" in text
    assert "in the time copying handles one" in text
    data, _ = chart._repr_mimebundle_()
    assert data["text/plain"] == text
    assert "application/vnd.jupyter.widget-view+json" in data
