"""`compare`: nothing is timed before all agree, and the result is complete. No time is asserted."""

from __future__ import annotations

import dataclasses
import json
import math

import pandas as pd
import pytest

import zcviz
from tests import helpers
from tests.helpers import feed_pcap, frames, mold
from zcviz.bench import comparison
from zcviz.errors import SelectionError, ZcvizError
from zcviz.pipelines import EXPERIMENTS, PIPELINES

NAMES = list(PIPELINES | EXPERIMENTS)


@pytest.fixture(scope="module", params=["binaryfile", "pcap"])
def feed(request):
    messages = helpers.day() * 20
    content = frames(*messages)
    if request.param == "pcap":
        content = feed_pcap(*[mold(n * 7 + 1, *messages[n * 7 : n * 7 + 7]) for n in range(40)])
    with zcviz.open(content) as opened:
        yield opened


@pytest.fixture(scope="module")
def compared(feed):
    return zcviz.compare(feed, NAMES, rounds=2)


def test_it_has_a_row_a_stage_and_a_total_a_pipeline(feed, compared):
    expected = [(name, stage) for name in NAMES for stage in (
        *(s.name for s in (PIPELINES | EXPERIMENTS)[name].stages(feed)), "total")]  # fmt: skip
    assert [(row.pipeline, row.stage) for row in compared.rows] == expected
    assert list(compared.pipelines) == NAMES
    assert (compared.feed, compared.messages, compared.rounds) == (feed.name, 280, 2)
    assert all(row.does for row in compared.rows if row.stage != "total")


def test_totals_are_sums_of_the_stages(compared):
    for name in NAMES:
        stages = [row for row in compared.rows if row.pipeline == name and row.stage != "total"]
        total = compared.total(name)
        for what in ("viewed", "copied", "derived", "blocks", "ns"):
            summed = sum(getattr(row, what) for row in stages)
            assert math.isclose(getattr(total, what), summed, rel_tol=1e-9, abs_tol=1e-6), what
        assert total.ns > 0


def test_no_figure_is_below_nothing(feed, monkeypatch):
    def ever_faster(functions, rounds, progress):
        for function in functions.values():
            function()
        return {name: [1 / n] for n, name in enumerate(functions, 1)}

    monkeypatch.setattr(comparison, "interleaved", ever_faster)
    for row in zcviz.compare(feed, NAMES, messages=50, rounds=1).rows:
        for what in ("ns", "viewed", "copied", "derived", "blocks", "peak"):
            assert getattr(row, what) >= 0, (row, what)


def test_bytes_are_the_ledgers(feed, compared):
    size = len(frames(*helpers.day())) / 14  # of a message and its length
    total = {name: compared.total(name) for name in NAMES}
    assert total["flyweight"].copied == 0
    known = size - 2
    if feed.container == "binaryfile":
        assert total["copying"].copied == pytest.approx(size + 2 * known)
        assert total["slicing"].copied == pytest.approx(known)
        assert total["slicing"].viewed == pytest.approx(size + known)
        index = next(row for row in compared.rows if row.stage == "index")
        assert (index.derived, index.copied, index.viewed) == (7, 0, 0)
    assert 0 < total["columnar"].copied < known


def test_blocks_and_peaks_are_told(compared):
    rows = {(row.pipeline, row.stage): row for row in compared.rows}
    # Copying makes at least a bytes object a message, and a record with its values.
    assert rows["copying", "message"].blocks >= 1
    assert rows["copying", "record"].blocks > 2
    assert rows["flyweight", "total"].blocks < rows["copying", "total"].blocks / 2
    assert rows["copying", "record"].peak > 0
    assert rows["columnar", "index"].peak >= 280 * 7


def test_it_can_be_a_frame_text_and_json(compared):
    frame = compared.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [field.name for field in dataclasses.fields(comparison.Row)]
    assert len(frame) == len(compared.rows)
    again = json.loads(compared.to_json())
    assert again == json.loads(json.dumps(compared.to_dict()))
    rows = tuple(comparison.Row(**row) for row in again.pop("rows"))
    assert comparison.Comparison(**again, rows=rows) == compared
    text = str(compared)
    for word in (*NAMES, "total", "columnar", "ns", "copied", "280 messages", "python"):
        assert word in text
    assert compared.sentence in text
    assert sum(row.stage in text for row in compared.rows) == len(compared.rows)


def test_what_was_measured_on_is_told(compared):
    for key in ("processor", "cores", "system", "python", "numpy", "zcviz", "kernels"):
        assert compared.host[key]


class Liar:
    """A pipeline that is off by one."""

    name = "liar"

    def __init__(self, honest):
        self._honest = honest
        self.timed = 0

    def __call__(self, feed):
        found = self._honest(feed)
        found.messages["A"] += 1
        return found

    def clock(self, feed):
        self.timed += 1

    def stages(self, feed):
        return self._honest.stages(feed)


@pytest.mark.parametrize("liar", list(PIPELINES))
def test_nothing_is_timed_when_a_pipeline_lies(feed, monkeypatch, liar):
    lying = Liar(PIPELINES[liar])
    monkeypatch.setitem(PIPELINES, liar, lying)
    timed = []
    monkeypatch.setattr(comparison, "interleaved", lambda *given: timed.append(given))
    with pytest.raises(ZcvizError, match="disagree"):
        zcviz.compare(feed)
    assert not timed
    assert not lying.timed


@pytest.mark.parametrize("field", ["shares", "notional", "last_trade", "overflow", "symbol"])
def test_the_gate_looks_at_every_total(feed, monkeypatch, field):
    honest = PIPELINES["columnar"]

    def lying(feed):
        found = honest(feed)
        totals = found.locates[2]
        setattr(totals, field, {"overflow": True, "symbol": "?"}.get(field, 12345))
        return found

    lying.stages, lying.clock = honest.stages, honest.clock
    monkeypatch.setitem(PIPELINES, "columnar", lying)
    with pytest.raises(ZcvizError, match="columnar disagree"):
        zcviz.compare(feed)


def test_the_feed_can_be_closed_afterwards(itch_file):
    with zcviz.open(itch_file) as feed:
        kept = zcviz.compare(feed, rounds=1)
    assert kept.messages == 14


def test_the_feed_can_be_closed_after_a_lie(itch_file, monkeypatch):
    monkeypatch.setitem(PIPELINES, "flyweight", Liar(PIPELINES["flyweight"]))
    with zcviz.open(itch_file) as feed, pytest.raises(ZcvizError):
        zcviz.compare(feed)


@pytest.mark.parametrize("messages", [1, 7, 8, 100, 10**9])
def test_fewer_messages_can_be_compared(feed, messages):
    found = zcviz.compare(feed, messages=messages, rounds=1)
    assert min(messages, 280) <= found.messages <= min(messages + 6, 280)


@pytest.mark.parametrize(
    ("pipelines", "options"),
    [(["copying", "fast"], {}), ([], {}), (["copying"], {"messages": 0}),
     (["copying"], {"messages": -1}), (["copying"], {"rounds": 0})],
)  # fmt: skip
def test_what_cannot_be_compared(feed, pipelines, options):
    with pytest.raises(SelectionError):
        zcviz.compare(feed, pipelines, **options)


@pytest.mark.parametrize("content", [b"\0\0", helpers.pcap(), feed_pcap(mold(1))])
def test_a_feed_without_messages_cannot_be_compared(content):
    with zcviz.open(content) as feed, pytest.raises(SelectionError, match="no message"):
        zcviz.compare(feed)


def test_a_pipeline_that_was_not_compared_has_no_total(compared):
    with pytest.raises(SelectionError, match="sorting"):
        compared.total("sorting")


def test_some_pipelines_only(feed):
    found = zcviz.compare(feed, ["columnar"], rounds=1)
    assert found.pipelines == ("columnar",)
    assert found.sentence


def test_tracing_is_left_as_it_was(feed):
    import tracemalloc

    assert not tracemalloc.is_tracing()
    zcviz.compare(feed, rounds=1)
    assert not tracemalloc.is_tracing()
