"""A packet's way through pipelines: true to an actual run, the same every time, safe to show."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zcviz
from tests import helpers
from zcviz.buffers import address_of
from zcviz.errors import BufferLifetimeError, SelectionError
from zcviz.feed import Feed
from zcviz.pipelines import PIPELINES
from zcviz.trace.ledger import Ledger
from zcviz.viz import passage
from zcviz.viz.packets import BATCH, MOST, Packets
from zcviz.viz.passage import send
from zcviz.viz.stepping import Trip, walk_through
from zcviz.walk import FRAMES

DATA = Path(__file__).parent.parent / "data"
BOTH = ("copying", "columnar")
BIG = 1_000_000  # no number that Python keeps at hand
RECORD, HEADERS = 16, 14 + 20 + 8  # of the capture; Ethernet, IPv4, UDP

FOLLOWED = [
    helpers.add(BIG + 1, b"B", BIG, b"AAPL", BIG, time=BIG),
    helpers.delete(BIG + 2, time=BIG),
    helpers.add(BIG + 3, b"S", BIG, b"AAPL", BIG, time=BIG),
]
SIZE = sum(map(len, FOLLOWED))
DATAGRAM = helpers.mold(2, *FOLLOWED)


def opened(content: bytes) -> Feed:
    return zcviz.open(content, "itch50")


@pytest.fixture
def feed() -> Iterator[Feed]:
    before = helpers.mold(1, helpers.directory(b"AAPL", time=BIG))
    after = [helpers.mold(5 + n, helpers.delete(BIG + n, time=BIG)) for n in range(40)]
    with opened(helpers.feed_pcap(before, DATAGRAM, *after)) as feed:
        yield feed


@pytest.fixture(params=["feed.pcap", "feed.itch"])
def lesson(request: pytest.FixtureRequest) -> Iterator[Feed]:
    with zcviz.open(DATA / request.param) as feed:
        yield feed


def lane(trip: Trip, pipeline: str, step: int = -1) -> Any:
    return next(each for each in trip.steps[step].lanes if each.pipeline == pipeline)


def still(trip: Trip, width: int = 540) -> list[list[str]]:
    """Return a trip's drawings without addresses, which differ from run to run."""
    return [
        [re.sub(r"0x[0-9a-f]+", "0x", each) for each in steps] for steps in trip.drawings(width)
    ]


# --- figures


def test_copying_counts_what_a_hand_counts(feed: Feed) -> None:
    trip = walk_through(feed, 1, 0)
    frame = HEADERS + len(DATAGRAM)
    copied = [0, frame, len(DATAGRAM), SIZE, SIZE, 0]
    totals = [sum(copied[: n + 1]) for n in range(6)]
    assert [lane(trip, "copying", n).copied for n in range(6)] == totals
    assert [each.name for each in trip.steps] == [
        "file", "packet", "datagram", "messages", "values", "sums",
    ]  # fmt: skip
    assert [lane(trip, "copying", n).places for n in range(6)] == [1, 2, 3, 4, 5, 5]
    # A frame, a datagram, a list and three messages.
    assert [lane(trip, "copying", n).objects for n in range(4)] == [0, 1, 2, 6]


def test_columnar_copies_columns_only(feed: Feed) -> None:
    trip = walk_through(feed, 1)
    index = lane(trip, "columnar", 3)
    assert (index.copied, index.derived, index.stage) == (0, 3 * (4 + 2 + 1), "index")
    assert [lane(trip, "columnar", n).stage for n in (0, 1, 2)] == ["", "", ""]
    gathered = lane(trip, "columnar", 4)
    assert gathered.stage == "gather"
    assert gathered.copied > 0
    assert lane(trip, "columnar").places == 1


@pytest.mark.parametrize("pipeline", [*BOTH, "flyweight"])
def test_figures_are_the_ledgers(lesson: Feed, pipeline: str) -> None:
    trip = walk_through(lesson, 5, pipelines=[pipeline])
    run = PIPELINES[pipeline].start(lesson)
    for _ in range(5):
        run.step()
    ledger = Ledger((lesson.source.address, lesson.source.size))
    for each in run.step() or []:
        if each.stage.name != "summary":  # sums were there before
            ledger.note(each.stage.name, each.input, each.output)
    now = lane(trip, pipeline)
    assert now.copied == sum(entry.copied for entry in ledger.entries.values())
    assert now.derived == sum(entry.derived for entry in ledger.entries.values())


def test_memory_allocated_is_measured_or_said_not_to_be(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "watch", lambda call: (call(), None))
    now = lane(walk_through(feed, 1), "copying")
    assert (now.allocated, now.blocks) == (None, None)
    assert "not measured" in [each.value for each in now.figures]


def test_time_never_falls(feed: Feed) -> None:
    trip = walk_through(feed, 1)
    for pipeline in BOTH:
        times = [lane(trip, pipeline, n).ns for n in range(len(trip.steps))]
        assert times == sorted(times)
        assert times[-1] > 0


def test_a_batch_copies_what_its_packets_do(feed: Feed) -> None:
    single = [lane(walk_through(feed, n, pipelines=["copying"]), "copying") for n in range(BATCH)]
    trip = walk_through(feed, 3, batch=True)
    assert (trip.packet, trip.count, trip.number) == (0, BATCH, 4 + BATCH - 2)
    assert lane(trip, "copying").copied == sum(each.copied for each in single)
    assert lane(trip, "columnar", 3).derived == 7 * trip.number
    last = walk_through(feed, 41, batch=True)
    assert (last.packet, last.count, last.number) == (32, 10, 10)
    assert lane(last, "columnar", 3).derived == 7 * 10


# --- pictures


def test_strips_have_the_addresses_of_what_was_made(feed: Feed) -> None:
    packet = Packets(feed).packet(1)
    made = {each.stage.name: each.outputs for each in send(packet, "copying", 0).passed}
    assert address_of(made["datagram"][0])[1] == len(DATAGRAM)
    strips = {strip.label: strip for strip in lane(walk_through(feed, 1), "copying").lane.strips}
    source = strips[next(iter(strips))]
    assert (source.address, source.start) == (feed.source.address, packet.start)
    assert source.shown == RECORD + HEADERS + len(DATAGRAM)
    assert strips["datagram = bytes"].nbytes == len(DATAGRAM)
    assert all(strip.address for strip in strips.values() if "bytes" in strip.label)


def test_windows_are_the_entries_of_the_index(lesson: Feed) -> None:
    trip = walk_through(lesson, 7)
    windows = lane(trip, "columnar", -3).lane.windows
    entries = range(trip.first, trip.first + trip.number)
    offsets, sizes = lesson.index.offsets, lesson.index.sizes
    assert [(w.start, w.end) for w in windows] == [
        (int(offsets[n]), int(offsets[n]) + int(sizes[n])) for n in entries
    ]
    assert not any(window.is_view for window in windows)


def test_the_same_input_gives_the_same_picture(lesson: Feed) -> None:
    one, other = walk_through(lesson, 3, 1), walk_through(lesson, 3, 1)
    assert still(one) == still(other)
    for lanes in still(one):
        heights = {ET.fromstring(each).get("viewBox") for each in lanes}
        assert len(heights) == 1, "nothing moves from step to step"


def test_what_is_new_is_marked_as_new(feed: Feed) -> None:
    copying, columnar = walk_through(feed, 1).drawings(540)
    assert "class='fresh'" not in copying[0]
    assert all("class='fresh'" in each for each in copying[1:5])
    assert ["class='fresh'" in each for each in columnar[:4]] == [False, False, False, True]


def test_fields_are_marked_in_every_copy(feed: Feed) -> None:
    trip = walk_through(feed, 1, 2)
    shown = lane(trip, "copying", 4).lane
    places = trip._places()
    marks = shown.follow(places)
    whole = [mark for mark in marks if mark.field == -1]
    assert [mark.end - mark.start for mark in whole] == [len(FOLLOWED[2])] * 5
    rows = next(each for each in trip.layers if each.message == 2).rows
    price = [row.name for row in rows].index("price")
    assert sum(mark.field == price for mark in marks) == 5
    drawn = trip.drawings(540)[0][4]
    assert drawn.count("class='mine'") == 5
    assert drawn.count(f"data-n='{price}'") == 5


def test_every_field_tells_value_and_place(feed: Feed) -> None:
    layers = walk_through(feed, 1, 0).layers
    assert [each.title for each in layers][:4] == ["pcap", "Ethernet", "IPv4", "UDP"]
    own = next(each for each in layers if each.message == 0)
    rows = {row.name: row for row in own.rows}
    assert (rows["price"].value, rows["price"].meaning) == (str(BIG), "100.00 USD")
    assert (rows["price"].offset, rows["price"].size) == (32, 4)
    at = own.start + rows["price"].offset
    assert int.from_bytes(feed.source.view[at : at + 4]) == BIG


# --- sentences


def test_every_step_says_what_happens(lesson: Feed) -> None:
    trip = walk_through(lesson, 5)
    for step in trip.steps:
        for each in step.lanes:
            assert re.fullmatch(rf"{each.pipeline.capitalize()}: [A-Z].*\.", each.sentence)
    assert "Nothing is made yet" in lane(trip, "copying", 0).sentence
    assert "next stage is index" in lane(trip, "columnar", 1).sentence
    text = str(trip)
    assert all(step.title in text for step in trip.steps)


# --- every packet of every feed


def check(trip: Trip, feed: Feed) -> None:
    for drawings in (trip.drawings(340), trip.drawings(540)):
        for lanes in drawings:
            assert len(lanes) == len(trip.steps)
            for each in lanes:
                ET.fromstring(each)
    if trip.number:
        done = lane(trip, "columnar", -3)
        assert done.derived >= 7 * trip.number
        sizes = feed.index.sizes[trip.first : trip.first + trip.number]
        assert lane(trip, "copying", -3).copied >= int(sizes.sum())


@pytest.mark.parametrize("batch", [False, True])
def test_odd_and_damaged_packets(pcap_file: Path, batch: bool) -> None:
    with zcviz.open(pcap_file) as feed:
        packets = Packets(feed)
        seen: list[int] = []
        for number in range(0, len(packets), BATCH if batch else 1):
            trip = walk_through(feed, number, batch=batch)
            check(trip, feed)
            seen += range(trip.first, trip.first + trip.number)
            if not trip.number:
                assert trip.message is None
                assert "no message of this feed" in trip.subject
        assert seen == list(range(len(feed)))
        assert [packets.of_message(n) for n in seen] == sorted(packets.of_message(n) for n in seen)


def test_a_damaged_file_of_messages() -> None:
    with opened(helpers.small_itch()) as feed:
        trip = walk_through(feed, 0, 5)
        assert trip.messages[5] == "message of an unknown type"
        assert trip.number == len(feed)
        check(trip, feed)


REAL = {
    "nasdaq-itch50-aapl-20200130-10k.itch": None,
    "nasdaq-itch50-moldudp64-20230822.pcap": None,
    "iex-tops16-20170710.pcap.gz": None,
    "cme-mdp3-v6-20161112.pcapng": "cme_mdp3_v1.6.xml",
    "deribit-sbe-20230615.pcapng": "deribit_multicast_v3.xml",
}


@pytest.mark.parametrize("name", REAL)
def test_every_feed(captures: Path, name: str) -> None:
    schema = REAL[name] and captures.parent / "schemas" / str(REAL[name])
    with zcviz.open(captures / name, schema=schema) as feed:
        packets = Packets(feed)
        for number in (0, 1, len(packets) // 2, len(packets) - 1):
            check(walk_through(feed, number), feed)
        check(walk_through(feed, len(packets) // 3, batch=True), feed)
        message = len(feed) // 2
        packet = packets.packet(packets.of_message(message))
        trip = walk_through(feed, packet.number, message - packet.messages.start)
        index = lane(trip, "columnar", -3).lane
        assert [(w.start, w.end) for w in index.windows] == [
            packet.bounds(n) for n in range(len(packet.messages))
        ]
        assert trip.layers


# --- what is hostile, too much, or not there


def test_text_out_of_packets_is_escaped() -> None:
    hostile = b"<b>&'\"\x1b\x07"
    messages = [helpers.directory(hostile, locate=1), helpers.add(1, stock=hostile, locate=1)]
    with opened(helpers.feed_pcap(helpers.mold(1, *messages))) as feed:
        trip = walk_through(feed, 0, 1)
        for lanes in trip.drawings(540):
            for each in lanes:
                assert "<b>" not in each
                ET.fromstring(each)
        assert "\x1b" not in str(trip)
        assert "\x1b" not in "".join(trip.messages)
        pytest.importorskip("anywidget")
        html = zcviz.stepper(feed)._repr_html_()
        assert "<b>&'" not in html
        assert "\x1b" not in html


def test_too_many_messages_are_not_drawn() -> None:
    deletes = [helpers.delete(ref) for ref in range(MOST + 20)]
    with opened(helpers.feed_pcap(helpers.mold(1, *deletes))) as feed:
        trip = walk_through(feed, 0)
        assert len(trip.messages) == MOST
        assert trip.number == MOST + 20
        assert "too much to draw" in " ".join(lane(trip, "copying").lane.notes)
        assert lane(trip, "copying").copied > 19 * len(deletes)
        assert sum(map(len, trip.drawings(540)[0])) < 30_000
        assert trip.drawings(540)[0][0].count("class='mine'") == 1
        last = walk_through(feed, 0, MOST + 10)
        assert last.messages[-1] == "Order Delete"
        assert next(each for each in last.layers if each.message == MOST + 10).rows


def test_what_there_is_not(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SelectionError, match="packet 43 of 42"):
        walk_through(feed, 42)
    with pytest.raises(SelectionError, match="packet 0 of 42"):
        walk_through(feed, -1)
    with pytest.raises(SelectionError, match="message 4 of 3 in this packet"):
        walk_through(feed, 1, 3)
    with pytest.raises(SelectionError, match="no pipeline 'magic'"):
        walk_through(feed, 1, pipelines=["magic"])
    monkeypatch.setattr(passage, "REACH", 5)
    with pytest.raises(SelectionError, match="only the first 5 packets"):
        walk_through(feed, 6)


def test_a_feed_is_not_kept_from_closing(feed: Feed) -> None:
    trip = walk_through(feed, 1)
    feed.close()
    assert still(trip)
    with pytest.raises(BufferLifetimeError, match="closed"):
        walk_through(feed, 1)


def test_pieces_stand_in_for_packets() -> None:
    messages = [helpers.delete(BIG + n) for n in range(FRAMES * 3 + 1)]
    with opened(helpers.frames(*messages)) as feed:
        packets = Packets(feed)
        assert len(packets) == 4
        trip = walk_through(feed, 3)
        assert (trip.unit, trip.number, trip.first) == ("piece", 1, 3 * FRAMES)
        whole = walk_through(feed, 1, batch=True)
        assert (whole.packet, whole.count, whole.number) == (0, 2, 2 * FRAMES)
        assert lane(whole, "columnar", 2).derived == 7 * 2 * FRAMES
        assert [step.name for step in trip.steps] == [
            "file",
            "packet",
            "messages",
            "values",
            "sums",
        ]


def test_frames_that_carry_nothing() -> None:
    packets = [b"S" + helpers.delete(BIG + n) for n in range(FRAMES * 4)]
    for at in (200, 150, 100, 50):
        packets.insert(at, b"H")
    content = b"".join(len(each).to_bytes(2, "big") + each for each in packets)
    with opened(content) as feed:
        assert feed.container == "soupbintcp"
        for number in range(4):
            trip = walk_through(feed, number)
            size = len(helpers.delete())
            frame, records = FRAMES * (size + 3) - size, 2 * (FRAMES - 1) * size
            assert lane(trip, "copying").copied == frame + records, "one of the frames is empty"
            assert lane(trip, "columnar", -3).derived == 7 * FRAMES
            assert lane(trip, "copying", -2).places == 4


def test_sums_are_there_though_heartbeats_came_last() -> None:
    quiet = [helpers.mold(2) for _ in range(9)]
    datagrams = [helpers.mold(1, helpers.delete()), *quiet, helpers.mold(2, helpers.delete())]
    with opened(helpers.feed_pcap(*datagrams)) as feed:
        for pipeline in BOTH:
            now = [lane(walk_through(feed, n), pipeline) for n in (0, 10)]
            assert now[0].derived > now[1].derived + 2000
            assert "It was there before" in " ".join(now[1].lane.notes)


# --- the widget


@pytest.fixture
def panel(feed: Feed) -> Any:
    pytest.importorskip("anywidget")
    panel = zcviz.stepper(feed, message=2)
    panel.heard = []
    panel.send = lambda content, buffers=None: panel.heard.append(content["kind"])
    return panel


def says(panel: Any, **content: Any) -> None:
    """Let the page say something."""
    panel._hear(panel, content, [])
    assert panel.heard.pop() == "heard"


def test_the_widget_shows_the_trip(panel: Any) -> None:
    assert (panel.trip.packet, panel.trip.message) == (1, 1)
    shown = panel.shown
    assert shown["subject"] == panel.trip.subject
    assert [each["title"] for each in shown["steps"]] == [each.title for each in panel.trip.steps]
    assert [each["wide"] for each in shown["drawings"]] == panel.trip.drawings(540)
    assert (
        shown["steps"][-1]["lanes"][0]["figures"][0][0] == f"{lane(panel.trip, 'copying').copied} B"
    )


def test_the_page_asks_for_other_packets(panel: Any) -> None:
    panel.step = 4
    says(panel, do="go", packet=5, message=None, batch=False)
    assert (panel.trip.packet, panel.trip.message, panel.step) == (5, 0, 4)
    says(panel, do="go", packet=1, message=2, batch=False)
    assert panel.shown["message"] == 2
    says(panel, do="batch", batch=True)
    assert (panel.trip.packet, panel.trip.message, panel.trip.count) == (0, 3, BATCH)
    says(panel, do="batch", batch=False)
    assert (panel.trip.packet, panel.trip.message, panel.trip.count) == (1, 2, 1)


def test_the_page_asks_for_nonsense(panel: Any) -> None:
    before = panel.shown
    says(panel, do="go", packet=4200)
    assert panel.remark == "packet 4,201 of 42"
    for packet in (None, "x", [], 1e400):
        says(panel, do="go", packet=packet)
        assert panel.remark == "That is not the number of a packet."
    says(panel, do="dance")
    assert panel.shown == before
    says(panel, do="go", packet=1)
    assert panel.remark == ""
    panel.step = 99
    assert panel.step == len(panel.trip.steps) - 1


def test_the_feed_is_closed_meanwhile(panel: Any, feed: Feed) -> None:
    feed.close()
    says(panel, do="go", packet=3, message=None, batch=False)
    assert "closed" in panel.remark
    assert panel.shown["packet"] == 1
    with pytest.raises(BufferLifetimeError, match="closed"):
        zcviz.stepper(feed)


def test_readers_without_widgets(panel: Any) -> None:
    bundle = panel._repr_mimebundle_()[0]
    assert bundle["text/plain"] == str(panel.trip)
    assert "<svg" in bundle["text/html"]
    assert "Get at the values" in bundle["text/html"]


def test_the_widget_refuses(feed: Feed) -> None:
    pytest.importorskip("anywidget")
    with pytest.raises(SelectionError, match="message 99"):
        zcviz.stepper(feed, message=99)
    with pytest.raises(SelectionError, match="no pipeline 'magic'"):
        zcviz.stepper(feed, pipelines=["magic"])
    with pytest.raises(SelectionError, match="one to four"):
        zcviz.stepper(feed, pipelines=["copying", "copying"])
    with opened(helpers.feed_pcap(helpers.mold(1))) as quiet:  # a heartbeat only
        assert "no message of this feed" in zcviz.stepper(quiet).trip.subject


@pytest.mark.parametrize("options", [{}, {"message": 0}, {"batch": True}])
def test_the_widget_refuses_a_feed_without_packets(options: dict[str, Any]) -> None:
    pytest.importorskip("anywidget")
    for content in (helpers.feed_pcap(), b"\0\0"):  # the latter is the end of a BinaryFILE
        with opened(content) as nothing, pytest.raises(SelectionError, match="holds no packet"):
            zcviz.stepper(nothing, **options)
    with opened(helpers.feed_pcap(DATAGRAM)) as feed:
        pass
    with pytest.raises(BufferLifetimeError, match="is closed"):
        zcviz.stepper(feed, **options)


def test_the_widget_can_begin_with_a_batch(feed: Feed) -> None:
    pytest.importorskip("anywidget")
    panel = zcviz.stepper(feed, message=2, batch=True)
    assert (panel.trip.packet, panel.trip.message, panel.trip.count) == (0, 2, BATCH)
    assert panel.shown["isBatch"]


def test_zero_copy_is_said_up_to_the_first_copy(feed: Feed) -> None:
    pytest.importorskip("anywidget")
    shown = zcviz.stepper(feed, message=2).shown
    said = [[lane["isZeroCopy"] for lane in step["lanes"]] for step in shown["steps"]]
    copying, columnar = zip(*said, strict=True)
    assert not any(copying)
    assert columnar == (False, False, False, True, False, False), "with the index, not before it"
