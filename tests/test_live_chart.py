"""The widget of a live run, without a page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zcviz
from tests import helpers
from zcviz.errors import SelectionError
from zcviz.feed import Feed

pytest.importorskip("anywidget")

from zcviz.viz import widgets
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


async def counted(chart: LiveChart) -> None:
    while not chart.run.sentence():
        await asyncio.sleep(0.05)


def test_it_starts_stops_and_keeps_its_picture(chart: LiveChart) -> None:
    frames = frames_of(chart)

    async def scene() -> None:
        says(chart, "start")
        assert chart.running
        await counted(chart)
        while not all(frames[-1][:, 0]):
            await asyncio.sleep(0.05)
        says(chart, "stop")
        assert not chart.running
        assert not chart.run.running
        quiet = len(frames)
        await asyncio.sleep(0.2)
        assert len(frames) == quiet

    asyncio.run(scene())
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

    async def scene() -> None:
        chart.start()
        former = chart._publisher._task
        chart.start()
        await asyncio.sleep(0.1)
        assert former is not None
        assert former.cancelled()
        assert chart.run.running
        before = len(frames)
        await asyncio.sleep(1)
        assert 1 < len(frames) - before <= 22
        chart.stop()

    asyncio.run(scene())


def test_without_an_event_loop_it_runs_and_can_be_read(chart: LiveChart) -> None:
    chart.start()
    until = time.monotonic() + 60
    while not chart.run.sentence():
        assert time.monotonic() < until
        time.sleep(0.05)
    chart.stop()
    assert chart.sentence


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


@pytest.mark.parametrize("how", ["silence", "leaving"])
def test_it_stops_when_no_page_is_there(feed: Feed, how: str) -> None:
    chart = zcviz.live_chart(feed, page_timeout=1 if how == "silence" else 3600)
    frames_of(chart)

    async def scene() -> None:
        says(chart, "look", "one")
        says(chart, "look", "two")
        says(chart, "start")
        if how == "leaving":
            says(chart, "leave", "one")
            await asyncio.sleep(0.1)
            assert chart.seconds_left() > 3000
            says(chart, "leave", "two")
        while chart.run.running:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)

    asyncio.run(scene())
    assert chart.problems == ["It was stopped, because no page has shown it for a while."]
    assert not chart.running
    chart.close()


def test_time_in_which_the_kernel_was_busy_does_not_count(feed: Feed) -> None:
    chart = zcviz.live_chart(feed, page_timeout=2)
    frames_of(chart)

    async def scene() -> None:
        says(chart, "start")
        await asyncio.sleep(0.1)
        time.sleep(3)  # a cell that blocks
        await asyncio.sleep(0.1)
        assert chart.run.running
        chart.stop()

    asyncio.run(scene())
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
    monkeypatch.setattr(widgets, "_cell_that_runs", lambda: tuple(execution))
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
    asyncio.run(_count_once(chart))
    text = repr(chart)
    assert text.startswith("Live chart of day.itch (300 messages): stopped\n")
    assert "million messages/s" in text
    assert "MB/s" in text
    assert "in the time copying handles one" in text
    data, _ = chart._repr_mimebundle_()
    assert data["text/plain"] == text
    assert "application/vnd.jupyter.widget-view+json" in data


async def _count_once(chart: LiveChart) -> None:
    frames_of(chart)
    chart.start()
    await counted(chart)
    chart.stop()
