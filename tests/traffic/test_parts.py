"""The parts of a run of traffic, each without any process."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zcviz
from tests import helpers
from zcviz.errors import SelectionError
from zcviz.kernels.arrivals import ARRIVED, note_arrivals
from zcviz.receive import Batch
from zcviz.samples import small
from zcviz.traffic import (
    PathReading,
    Sample,
    SenderReading,
    Settings,
    crew,
    edges,
    layout,
    shooting,
)
from zcviz.traffic.bins import BINS, percentile
from zcviz.traffic.board import COUNTERS, Board, Count, Phase
from zcviz.traffic.crew import cores_for, sharing
from zcviz.traffic.decoding import copies_of, decoder_named
from zcviz.traffic.pace import Pace
from zcviz.traffic.record import LONGEST, Record
from zcviz.traffic.sample import HEAD, PATH, SENDER
from zcviz.traffic.settings import PIPELINES
from zcviz.traffic.train import SEQUENCE, SLOTS, Train, invented, taken_from
from zcviz.traffic.watching import Window, bin_of
from zcviz.traffic.worker import packed, unpacked

SECOND = 10**9


@pytest.fixture(scope="module")
def stock() -> list[bytes]:
    return invented()


@pytest.fixture
def board() -> Board:
    made = Board(bytearray(Board.size))
    made.begin(Settings(rate=1000))
    return made


# --- settings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"paths": ()}, "one or two"),
        ({"paths": ("udp.recv", "udp.recv")}, "differ"),
        ({"paths": ("udp.recv", "udp.recv_into", "replay")}, "one or two"),
        ({"paths": ("tcp",)}, "found 'tcp'"),
        ({"pipeline": "quick"}, "found 'quick'"),
        ({"rate": -1}, "rate: expected 0 to"),
        ({"rate": math.nan}, "rate"),
        ({"rate": "many"}, "rate"),
        ({"messages": 0}, "messages: expected a whole number from 1 to 30"),
        ({"messages": 2.5}, "messages"),
        ({"burst": True}, "burst"),
        ({"payload": 1473}, "payload"),
        ({"buffer": 1}, "buffer"),
        ({"delay": 10_001}, "delay"),
        ({"speed": 1}, "no setting 'speed'"),
    ],
)
def test_settings_that_make_no_sense(values, said):
    with pytest.raises(SelectionError, match=said):
        Settings().changed(**values)


def test_settings_survive_the_way_to_another_process():
    settings = Settings(("packet.ring_v3", "udp.recv"), "copying", 0, 30, 1400, 1 << 20, 2.5, 7)
    board = Board(bytearray(Board.size))
    board.begin(settings)
    assert board.settings == Settings.from_json(settings.to_json()) == settings


# --- histograms


@given(st.integers(0, 2**40))
def test_a_duration_is_counted_between_the_edges_of_its_bin(duration):
    train = Train([b"x"], 1)
    train.number(0, 1)
    arrived, histogram = np.zeros(len(ARRIVED), np.int64), np.zeros(BINS, np.int64)
    sent_at = np.zeros(8, np.int64)
    args = SEQUENCE, 1, sent_at, duration, 0, arrived, histogram
    note_arrivals(train.memory, train.table[:1], *args)
    (found,) = np.flatnonzero(histogram)
    assert found == bin_of(duration)
    at = edges()
    assert at[found] <= duration or found == 0
    assert duration < at[found + 1] or found == BINS - 1


def test_edges_double_every_four_bins():
    assert (np.diff(edges()) > 0).all()
    assert edges()[0] == 256
    assert np.allclose(edges()[4:] / edges()[:-4], 2)


def test_percentiles():
    counts = np.zeros(BINS, np.int64)
    assert math.isnan(percentile(counts, 0.5))
    counts[10], counts[20] = 99, 1
    assert percentile(counts, 0.5) == edges()[11]
    assert percentile(counts, 0.999) == edges()[21]


def test_a_window_forgets_and_does_not_grow():
    window, counts = Window(), np.zeros(BINS, np.int64)
    for tenth in range(600):
        counts[3] += 1
        seen = window.since(tenth / 10, counts)
    assert 95 <= seen[3] <= 115
    assert len(window._past) <= 11


# --- arrivals


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 30))
def test_gaps_are_counted_as_a_reader_would(numbers, messages):
    train = Train([b"x"], messages)
    arrived, histogram = np.zeros(len(ARRIVED), np.int64), np.zeros(BINS, np.int64)
    sent_at = np.full(64, 5, np.int64)
    due = gaps = missing = duplicates = 0
    for number in numbers:
        here = train.number(number, 1)
        note_arrivals(
            train.memory, train.table[here], SEQUENCE, messages, sent_at, 1000, 0, arrived,
            histogram,
        )  # fmt: skip
        if number < due:
            duplicates += 1
            continue
        gaps += number > due
        missing += number - due
        due = number + 1
    assert arrived.tolist() == [due, gaps, missing, duplicates]
    assert histogram.sum() == len(numbers) - duplicates


def test_what_is_too_short_is_passed_over():
    arrived, histogram = np.zeros(len(ARRIVED), np.int64), np.zeros(BINS, np.int64)
    table = np.array([[0, 0, 0, 17, 17], [0, 0, 4, 4, 4]])
    data = np.full(20, 255, np.uint8)
    note_arrivals(data, table, 10, 1, np.zeros(8, np.int64), 9, 0, arrived, histogram)
    assert not arrived.any()
    assert not histogram.any()


def test_what_the_consumer_spends_on_each_adds_up():
    train = Train([b"x"], 1)
    train.number(0, 3)
    arrived, histogram = np.zeros(len(ARRIVED), np.int64), np.zeros(BINS, np.int64)
    args = np.zeros(8, np.int64), 0, 1_000_000, arrived, histogram
    note_arrivals(train.memory, train.table[:3], SEQUENCE, 1, *args)
    assert np.flatnonzero(histogram).tolist() == [bin_of(n * 1_000_000) for n in (1, 2, 3)]


# --- datagrams


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_pipeline_finds_every_message(stock, pipeline):
    train = Train(stock, 7)
    train.number(0, SLOTS)
    batch = Batch(train.memory, train.table, 0)
    decoded = decoder_named(pipeline)(batch)
    assert decoded == (0 if pipeline == "none" else 7 * SLOTS)


def test_the_longest_datagram_fits(stock):
    train = Train([max(stock, key=len)], 30)
    assert train.sizes.max() <= 1472


def test_datagrams_can_be_lengthened_and_are_read_all_the_same(stock):
    train = Train(stock, 2, 1400)
    assert set(train.sizes.tolist()) == {1400}
    train.number(0, SLOTS)
    for pipeline in PIPELINES[1:]:
        assert decoder_named(pipeline)(Batch(train.memory, train.table, 0)) == 2 * SLOTS


def test_numbers_run_on_for_ever(stock):
    train = Train(stock, 4)
    first = SLOTS * 10**12 + 250
    here = train.number(first, 6)
    assert here == slice(250, 256)
    read = [
        int.from_bytes(train.memory[start + SEQUENCE : start + SEQUENCE + 8].tobytes(), "big")
        for start in train.table[here, 2]
    ]
    assert read == [1 + 4 * (first + i) for i in range(6)]


@pytest.mark.parametrize("many", [True, False])
def test_the_same_datagrams_go_to_every_place(stock, many, monkeypatch):
    if not many:
        monkeypatch.setattr(shooting, "call_named", lambda name: None)
    train = Train(stock, 3)
    with contextlib.ExitStack() as opened:
        ends = [opened.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
            end.settimeout(10)
        shooter = shooting.Shooter(train, [end.getsockname() for end in ends])
        opened.enter_context(contextlib.closing(shooter))
        shooter.shoot(train.number(SLOTS + 7, 5))
        sent = [bytes(view) for view in Batch(train.memory, train.table[7:12], 0)]
        for end in ends:
            assert [end.recv(2048) for _ in range(5)] == sent


def test_sending_to_nobody_does_nothing(stock):
    shooter = shooting.Shooter(Train(stock, 1), [])
    shooter.shoot(slice(0, 5))
    shooter.close()


def test_messages_of_a_feed_are_sent():
    sent = [helpers.add(ref) for ref in range(5)]
    with zcviz.open(helpers.frames(*sent)) as feed:
        assert taken_from(feed) == sent


def test_a_feed_that_cannot_be_sent_is_refused():
    other = small("tops16", "pcap", 20, 1).data
    with zcviz.open(other) as feed, pytest.raises(SelectionError, match="itch50"):
        taken_from(feed)


def test_messages_get_into_other_processes_as_they_are(stock):
    assert unpacked(packed(stock)) == stock


# --- pace


def paced(board, seconds, step=100_000):
    pace, counts = Pace(board, 0), []
    for now in range(0, int(seconds * SECOND), step):
        counts.append(pace.due(now))
    return pace, counts


def test_a_rate_is_kept_on_average(board):
    pace, counts = paced(board, 2)
    assert abs(sum(counts) - 2000) <= 1
    assert set(counts) == {0, 1}
    assert not pace.given_up


def test_bursts_go_out_whole(board):
    board.change(Settings(rate=1000, burst=50))
    _, counts = paced(board, 2)
    assert set(counts) == {0, 50}
    assert abs(sum(counts) - 2000) <= 50


def test_who_was_away_gives_up_what_is_old(board):
    pace = Pace(board, 0)
    sent = pace.due(10 * SECOND)
    assert sent + pace.given_up == pytest.approx(10_000, abs=2)
    assert sent < 100


def test_the_pace_follows_the_board(board):
    pace = Pace(board, 0)
    pace.due(0)
    board.change(Settings(rate=10_000))
    assert sum(pace.due(now) for now in range(0, SECOND, 100_000)) == pytest.approx(9950, abs=100)
    board.change(Settings(rate=0))
    pace.due(SECOND + 6_000_000)
    assert pace.due(SECOND + 6_000_001) > 1
    assert pace.wait(SECOND) == 0


def test_it_sleeps_until_something_is_due(board):
    pace = Pace(board, 0)
    pace.due(0)
    assert pace.wait(0) == pytest.approx(0.001)
    board.change(Settings(rate=1))
    pace = Pace(board, 0)
    pace.due(0)
    assert pace.wait(0) <= 0.005  # it looks at the board again


# --- the board


def test_what_is_posted_is_read_whole(board):
    row, counters = board.rows[1], np.arange(COUNTERS)
    row.post(counters)
    seen = np.zeros(COUNTERS, np.int64)
    row.read(seen)
    assert (seen == counters).all()


def test_phases_belong_to_a_run(board):
    row = board.rows[1]
    row.enter(Phase.WORKING, 3, 4711)
    assert row.is_at(Phase.WORKING, 3)
    assert not row.is_at(Phase.WORKING, 4)
    assert row.port == 4711
    row.refuse(4, "no " * 1000, 1)
    assert row.is_at(Phase.REFUSED, 4)
    assert row.error.startswith("no no")
    assert row.errno == 1


def test_a_run_is_over_when_it_ends_or_another_begins(board):
    generation = board.generation
    assert board.goes_on(generation)
    board.begin(Settings())
    assert not board.goes_on(generation)
    board.end()
    assert not board.goes_on(board.generation)


# --- cores


def test_who_shares_a_core_is_said():
    assert sharing([0, 1, 2], 2) == sharing([0, 1, 1], 1) == ""
    assert "share a core" in sharing([0, 1, 1], 2)
    assert "one core" in sharing([None, None, None], 1)


def test_the_sender_has_a_core_to_itself(monkeypatch):
    for cores, expected in (
        ({3}, [None, None, None]),
        ({2, 5}, [2, 5, 5]),
        ({1, 4, 6, 7}, [1, 4, 6]),
    ):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, cores=cores: cores, raising=False)
        monkeypatch.setattr(crew, "usable_cores", lambda cores=cores: len(cores))
        assert cores_for() == expected


# --- samples


def sample(paths: int = 2) -> Sample:
    counts = np.arange(paths * BINS).reshape(paths, BINS)
    readings = tuple(PathReading(received=1.0 + n, duplicates=7.0) for n in range(paths))
    return Sample(
        3, 1.5, True, False, 0.25, 1000, 0, 1, SenderReading(sent=5.0), readings, counts, -counts
    )


@pytest.mark.parametrize("paths", [1, 2])
def test_the_page_finds_figures_by_their_names(paths):
    row, where = sample(paths).pack(), layout()
    assert row.dtype == np.float64
    head, sender = (dict(zip(where[k], row[s:], strict=False)) for k, s in (
        ("head", 0), ("sender", len(HEAD)),
    ))  # fmt: skip
    assert (head["paths"], head["t"], head["running"], head["steal"]) == (paths, 1.5, 1, 0.25)
    assert sender["sent"] == 5
    at = len(HEAD) + len(SENDER)
    for number in range(paths):
        path = dict(zip(where["path"], row[at:], strict=False))
        assert (path["received"], path["duplicates"]) == (1 + number, 7)
        at += len(PATH)
        assert row[at] == number * where["bins"]
        assert row[at + 1 + where["bins"]] == -(number * where["bins"] + 1)
        at += 2 * where["bins"]
    assert at == len(row)
    assert len(where["edges"]) == where["bins"] + 1


def test_a_record_keeps_the_newest_and_does_not_grow():
    record, one = Record(("udp.recv", "replay")), sample()
    size = record._rows.nbytes
    assert record.to_csv().count("\n") == 1
    for number in range(LONGEST + 5):
        record.add(one if number % 1000 else dataclasses.replace(one, number=number))
    assert len(record) == LONGEST
    assert record._rows.nbytes == size
    record.add(dataclasses.replace(one, number=77))
    frame = record.to_frame()
    assert frame["number"].iloc[-1] == 77
    assert frame["replay.received"].iloc[0] == 2
    assert list(frame.columns)[: len(HEAD)] == list(HEAD)


def test_what_is_unknown_is_empty_in_csv(tmp_path):
    record = Record(("udp.recv", "replay"))
    record.add(sample())
    assert record.to_csv(tmp_path / "run.csv") is None
    header, row = (tmp_path / "run.csv").read_text().splitlines()
    values = dict(zip(header.split(","), row.split(","), strict=True))
    assert values["replay.dropped"] == ""
    assert values["udp.recv.received"] == "1"


def test_copies():
    assert copies_of("udp.recv", "columnar", 4) == 2
    assert copies_of("udp.recv_into", "copying", 4) == 6
    assert copies_of("replay", "flyweight", 4) == 0


def test_counters_are_where_readers_look():
    assert [each.name for each in Count][Count.USED : Count.TAIL + 1] == [
        "USED", "CAPACITY", "TAIL",
    ]  # fmt: skip
    names = [each.name for each in ARRIVED][ARRIVED.GAPS :]
    assert [each.name for each in Count][Count.GAPS : Count.DUPLICATES + 1] == names
