"""The dashboard's widget, without a page; most of it without processes either."""

from __future__ import annotations

import csv
import gzip
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import zcviz
from zcviz.errors import SelectionError
from zcviz.traffic import PathReading, Sample, SenderReading, Settings, edges, layout

pytest.importorskip("anywidget")

from zcviz.viz import live_panel
from zcviz.viz.dashboard_panel import Dashboard
from zcviz.viz.trend import SECONDS, Trend
from zcviz.viz.verdict import stalled, verdict

BINS = layout()["bins"]
HOSTILE = "<img src=x onerror=alert(1)>"


class FakeRun:
    """What a dashboard needs of a run of traffic."""

    def __init__(self, available: dict[str, str] | None = None) -> None:
        self.settings = Settings(paths=("udp.recv", "udp.recv_into"))
        self.available = available or {"udp.recv": "", "udp.recv_into": "", "replay": ""}
        self.problems: dict[str, str] = {}
        self.running = self.frozen = self.closed = False
        self.t = 0.0
        self.last = self.shown = sample_of(2, 0.0)

    def start(self) -> None:
        self.running, self.frozen, self.t = True, False, 0.0

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.running, self.closed = False, True

    def change(self, **values: Any) -> None:
        self.settings = self.settings.changed(**values)

    def freeze(self, frozen: bool = True) -> None:
        self.frozen, self.shown = frozen, self.last

    def sample(self) -> Sample:
        if self.running:
            self.t += 0.05
            self.last = replace(sample_of(len(self.settings.paths), self.t), running=True)
        return self.shown if self.frozen else self.last

    def sentence(self) -> str:
        return f"It ran for {self.t:.2f} s."

    def to_csv(self) -> str:
        return "a,b\n1,2\n"


def sample_of(paths: int, t: float, **path: Any) -> Sample:
    reading = PathReading(state=2, received=900.0, decoded=3600.0, median=30, p99=100, **path)
    latency = np.zeros((paths, BINS), np.int64)
    latency[:, 20:30] = 100
    return Sample(
        1, t, False, False, 0.0, 1e3, 0.0, 1, SenderReading(offered=1000.0, sending=950.0),
        (reading,) * paths, latency, np.zeros((paths, BINS), np.int64),
    )  # fmt: skip


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def panel(run: FakeRun) -> Iterator[Dashboard]:
    panel = Dashboard(run)  # type: ignore[arg-type]
    yield panel
    panel.close()


@pytest.fixture
def sent(panel: Dashboard) -> list[tuple[str, bytes]]:
    """What is sent to the page: its kind, and its bytes."""
    sent: list[tuple[str, bytes]] = []

    def send(content: dict[str, str], buffers: tuple[Any, ...] = ()) -> None:
        sent.append((content["kind"], b"".join(bytes(each) for each in buffers)))

    panel.send = send
    return sent


def says(panel: Dashboard, what: str, **more: Any) -> None:
    """Let the page say something."""
    panel._hear(panel, {"do": what, "view": "one", **more}, [])


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_it_starts_publishes_and_stops(panel: Dashboard, sent: list[tuple[str, bytes]]) -> None:
    says(panel, "start")
    assert panel.running
    until(lambda: [kind for kind, _ in sent].count("frame") > 12)
    says(panel, "stop")
    assert not panel.running
    count = len(sent)
    time.sleep(0.2)
    assert len(sent) == count
    there = layout()
    width = len(there["head"]) + len(there["sender"]) + 2 * (len(there["path"]) + 2 * BINS)
    frames = [np.frombuffer(data) for kind, data in sent if kind == "frame"]
    assert {len(each) for each in frames} == {width}
    assert len(panel.frame) == 8 * width
    assert panel.sentence.startswith("It ran for ")
    assert all("99 % within 100 µs" in each for each in panel.verdicts)
    past = np.frombuffer(panel.past, np.float32).reshape(-1, 7)
    assert len(past) >= len(frames) - 1
    assert past[0, 1:].tolist() == [4000, 3800, 3600, 3600, 3600, 3600]
    assert (np.diff(past[:, 0]) > 0).all()


def test_what_the_page_is_told_at_first(panel: Dashboard) -> None:
    names = [each["name"] for each in panel.about["paths"]]
    assert names == ["udp.recv", "udp.recv_into", "replay"]
    assert panel.about["layout"] == layout()
    assert panel.settings["paths"] == ("udp.recv", "udp.recv_into")
    assert (panel.sentence, panel.past) == ("", b"")
    assert repr(panel) == "Dashboard of udp.recv and udp.recv_into: not started."


def test_where_a_path_is_refused_another_is_taken() -> None:
    run = FakeRun({"udp.recv": "EPERM", "udp.recv_into": HOSTILE, "replay": ""})
    panel = Dashboard(run)  # type: ignore[arg-type]
    assert run.settings.paths == ("replay",)
    assert panel.about["paths"][1] == {"name": "udp.recv_into", "why": HOSTILE}
    panel.close()


def test_settings_change_from_the_page(panel: Dashboard, run: FakeRun) -> None:
    says(panel, "change", settings={"rate": 250, "delay": 5})
    assert (run.settings.rate, panel.settings["rate"], panel.settings["delay"]) == (250, 250, 5)
    assert not panel.remark


@pytest.mark.parametrize(
    "settings",
    [{"rate": -1}, {"rate": "fast"}, {"nothing": 1}, {"paths": []}, {"paths": [[]]}, None, [1],
     {"paths": 3}, {"messages": 1e99}, {"buffer": True}, {"pipeline": HOSTILE}],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_a_remark(
    panel: Dashboard, run: FakeRun, settings: Any
) -> None:
    before = run.settings
    says(panel, "change", settings=settings)
    assert run.settings == before
    assert panel.remark.endswith(".")
    says(panel, "change", settings={"rate": 300})
    assert not panel.remark


def test_other_paths_forget_what_was_seen(panel: Dashboard, sent: list[tuple[str, bytes]]) -> None:
    panel.start()
    until(lambda: len(sent) > 3)
    panel.stop()
    assert panel.past
    panel.change(rate=77)
    assert panel.past
    panel.change(paths=("replay",))
    assert (panel.past, panel.sentence) == (b"", "")


def test_it_freezes_while_the_run_goes_on(
    panel: Dashboard, run: FakeRun, sent: list[tuple[str, bytes]]
) -> None:
    panel.start()
    until(lambda: len(sent) > 3)
    says(panel, "freeze", frozen=True)
    assert panel.frozen
    time.sleep(0.1)
    there, t, said = len(panel._trend), run.t, panel.sentence
    until(lambda: run.t > t + 0.6)
    assert (len(panel._trend), panel.sentence) == (there, said)
    says(panel, "freeze", frozen=False)
    assert not panel.frozen
    until(lambda: len(panel._trend) > there)
    panel.freeze()
    panel.stop()
    assert not panel.frozen
    assert panel.past


def test_a_page_that_looks_is_sent_the_past(
    panel: Dashboard, sent: list[tuple[str, bytes]]
) -> None:
    panel.start()
    until(lambda: len(sent) > 3)
    says(panel, "look")
    past = [data for kind, data in sent if kind == "past"]
    assert len(past) == 1
    assert len(past[0]) >= 3 * 7 * 4


def test_it_exports_what_was_seen(panel: Dashboard, sent: list[tuple[str, bytes]]) -> None:
    says(panel, "csv")
    ((_, packed),) = (each for each in sent if each[0] == "csv")
    assert gzip.decompress(packed) == b"a,b\n1,2\n"


def test_it_stops_when_no_page_is_there(run: FakeRun) -> None:
    panel = Dashboard(run, page_timeout=1)  # type: ignore[arg-type]
    panel.send = lambda *args, **options: None
    says(panel, "start")
    until(lambda: not panel.running)
    assert not run.running
    assert panel.remark == "It was stopped, because no page has shown it for a while."
    panel.close()
    assert run.closed


def test_running_the_cell_again_ends_the_former_ones_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execution = ["cell", "first"]
    monkeypatch.setattr(live_panel, "_cell_that_runs", lambda: tuple(execution))
    runs = [FakeRun() for _ in range(3)]
    one, two = (Dashboard(run) for run in runs[:2])  # type: ignore[arg-type]
    one.start()
    assert not runs[0].closed  # made by the same run of the cell: several may run
    execution[1] = "second"
    three = Dashboard(runs[2])  # type: ignore[arg-type]
    assert [run.closed for run in runs] == [True, True, False]
    for each in (one, two, three):
        each.close()


def test_the_past_is_bounded_and_begins_anew() -> None:
    trend = Trend()
    for n in range(40 * SECONDS):
        trend.add(sample_of(1, 0.05 * n), 4)
        trend.add(sample_of(1, 0.05 * n), 4)
    assert trend.pack().shape == (20 * SECONDS, 5)
    trend.add(sample_of(2, 0.05), 4)
    assert trend.pack().shape == (1, 7)


def stalls_of(*waits: float) -> np.ndarray[Any, Any]:
    """Count samples by how long each waited [ms]."""
    counts = np.zeros(BINS, np.int64)
    for wait in waits:
        counts[max(0, int(np.searchsorted(edges(), wait * 1e6, "right")) - 1)] += 1
    return counts


def test_it_says_whose_the_tail_is() -> None:
    sample = sample_of(1, 1.0)
    calm, busy = stalls_of(*[0] * 20), stalls_of(*[0] * 10, *[20] * 10)
    path, latency = sample.paths[0], sample.latency[0]
    assert "path’s own: the machine let the receiver wait none" in verdict(path, latency, calm)
    assert "machine makes the tail" in verdict(path, latency, busy)
    slow = replace(path, p99=2e6)  # longer than the machine ever stalled
    assert "path’s own" in verdict(slow, latency, busy)
    for full in ({"used": 80.0, "capacity": 100.0}, {"dropped": 3.0}, {"lost": 1.0}):
        assert "The queue makes it" in verdict(replace(path, **full), latency, busy)
    assert "80 % full" in verdict(replace(path, used=8.0, capacity=10.0), latency, calm)
    assert verdict(path, latency // 100, calm) == ""
    assert stalled(calm) == 0
    assert stalled(busy) == pytest.approx(0.2, abs=0.05)
    assert stalled(stalls_of(*[900] * 5)) == 1


def test_a_real_run_is_shown_and_leaves_nothing() -> None:
    with pytest.raises(SelectionError, match="no setting 'speed'"):
        zcviz.dashboard(speed=1)
    panel = zcviz.dashboard(paths=("replay",), rate=2000)
    panel.send = lambda *args, **options: None
    says(panel, "start")
    until(lambda: panel.run.sample().sender.sent > 200)
    says(panel, "stop")
    assert "replay" in panel.sentence
    assert repr(panel).startswith("Dashboard of replay: stopped. ")
    rows = list(csv.reader(io.StringIO(panel.run.to_csv() or "")))
    assert len(rows) > 2
    panel.close()
    assert not panel.run.process_ids
