"""What the second lesson says of four pipelines: counts against a count by hand; its exercises."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zcviz
from tests import helpers
from zcviz.bench import Comparison
from zcviz.bench.result import Row
from zcviz.codec.flyweight import Flyweight
from zcviz.errors import SelectionError
from zcviz.lessons import exercise
from zcviz.lessons.crossover import FieldCosts, cost_by_fields
from zcviz.viz.census import Count
from zcviz.viz.choice import choose_message
from zcviz.viz.lane_steps import LaneStep
from zcviz.viz.packets import BATCH, Packets
from zcviz.viz.passage import send
from zcviz.viz.stepping import walk_through

PIPELINES = ("copying", "slicing", "flyweight", "columnar")
HEADERS = 14 + 20 + 8  # Ethernet, IPv4, UDP
TIME = 34_200_000_000_000
BIG = 1_000_000  # no number that Python keeps at hand

ADD = helpers.add(BIG + 1, b"B", BIG, b"AAPL", BIG, time=TIME)
DELETE = helpers.delete(BIG + 2, time=TIME + BIG)
FOLLOWED = [ADD, DELETE, helpers.add(BIG + 3, b"S", BIG + 4, b"AAPL", BIG + 5, time=TIME)]
SIZE = sum(map(len, FOLLOWED))
DATAGRAM = 20 + SIZE + 2 * len(FOLLOWED)


def capture() -> bytes:
    first = [helpers.directory(b"<b>&", locate=1), helpers.add(7, time=TIME)]
    rest = [helpers.delete(number, time=TIME) for number in range(5)]
    return helpers.feed_pcap(
        helpers.mold(1, *first), helpers.mold(3, *FOLLOWED), helpers.mold(6, *rest)
    )


@pytest.fixture
def feed() -> Iterator[zcviz.Feed]:
    with zcviz.open(capture()) as feed:
        yield feed


@pytest.fixture
def binary() -> Iterator[zcviz.Feed]:
    messages = [helpers.delete(n, time=TIME) for n in range(70)]
    with zcviz.open(helpers.frames(*messages, *FOLLOWED)) as feed:
        yield feed


def counts(feed: zcviz.Feed, pipeline: str, packet: int = 1) -> list[Count]:
    """Return what each stage made of a packet: the second one, if not said otherwise."""
    return [each.count for each in send(Packets(feed).packet(packet), pipeline, 0).passed]


def steps(feed: zcviz.Feed, pipeline: str) -> list[LaneStep]:
    return [each.lanes[0] for each in walk_through(feed, 1, 0, [pipeline]).steps]


# --- choosing


def test_the_message_is_an_order_in_good_company(feed: zcviz.Feed) -> None:
    assert choose_message(feed) == 4, "an order from the packet of three"
    assert feed.index.tags[choose_message(feed, "D")] == ord("D")
    assert choose_message(feed, among=1) == 0


def test_what_cannot_be_followed_is_said() -> None:
    with (
        zcviz.open(helpers.feed_pcap(helpers.mold(1))) as feed,
        pytest.raises(SelectionError, match="no message to follow"),
    ):
        choose_message(feed)


def test_a_message_of_no_known_type_can_be_followed() -> None:
    with zcviz.open(helpers.feed_pcap(helpers.mold(1, helpers.UNKNOWN, ADD))) as feed:
        assert choose_message(feed) == 1
        trip = walk_through(feed, 0, 0, PIPELINES)
    assert "message of an unknown type" in trip.subject
    assert all(ET.fromstring(each) is not None for lane in trip.drawings(540) for each in lane)


# --- counting


def test_copying_by_hand(feed: zcviz.Feed) -> None:
    made = counts(feed, "copying")
    assert [each.copied for each in made] == [HEADERS + DATAGRAM, DATAGRAM, SIZE, SIZE, 0]
    # One bytes object; one more; a list and three; then a list, a pair and a record a message, and
    # those values that are neither small integers nor single bytes: time, reference, shares, stock
    # and price of an order, time and reference of a deletion.
    values = 5 + 2 + 5
    assert [each.objects for each in made] == [1, 1, 1 + 3, 1 + 2 * 3 + values, 0]
    assert [each.whole for each in made] == [1, 1, 1, 1, 0]
    assert not any(each.viewed for each in made)
    way = steps(feed, "copying")
    assert [each.places for each in way] == [1, 2, 3, 4, 5, 5]
    assert not any(each.is_zero_copy for each in way)


def test_slicing_by_hand(feed: zcviz.Feed) -> None:
    made = counts(feed, "slicing")
    assert [each.viewed for each in made] == [HEADERS + DATAGRAM, DATAGRAM, SIZE, 0, 0]
    assert [each.copied for each in made] == [0, 0, 0, SIZE, 0]
    objects = [each.objects for each in made]
    assert objects == [each.objects for each in counts(feed, "copying")]
    way = steps(feed, "slicing")
    assert [each.places for each in way] == [1, 1, 1, 1, 2, 2]
    assert [each.is_zero_copy for each in way] == [False, True, True, True, False, False]
    assert f"slicing: {SIZE} B copied into 3 new pieces" in "\n".join(way[-1].lane.lines())


def test_flyweight_by_hand(feed: zcviz.Feed) -> None:
    made = counts(feed, "flyweight")
    assert [each.viewed for each in made] == [HEADERS + DATAGRAM, DATAGRAM, SIZE, 0]
    assert [each.copied for each in made] == [0, 0, 0, 0]
    assert [each.derived for each in made] == [0, 0, 16 * 3, 0]
    way = steps(feed, "flyweight")
    assert all(each.places == 1 for each in way)
    assert all(each.is_zero_copy for each in way[1:]), "to the end"


def test_columns_by_hand(feed: zcviz.Feed) -> None:
    index, gather, summary = counts(feed, "columnar")
    assert (index.copied, index.derived) == (0, 3 * (4 + 2 + 1))
    # two orders: time, locate, shares, price; one deletion: time
    assert (gather.copied, gather.derived) == (2 * (6 + 2 + 4 + 4) + 6, 3 * 4)
    assert (summary.copied, summary.derived, summary.objects) == (0, 0, 0)
    way = steps(feed, "columnar")
    assert all(each.places == 1 for each in way)
    assert [each.is_zero_copy for each in way] == [False, True, False, False]


def test_objects_of_columnar_do_not_grow_with_the_batch() -> None:
    def made(pipeline: str, times: int) -> int:
        datagrams = [helpers.mold(1, *FOLLOWED * times) for _ in range(BATCH)]
        with zcviz.open(helpers.feed_pcap(*datagrams)) as feed:
            trip = walk_through(feed, 0, 0, [pipeline], batch=True)
        assert trip.number == 3 * times * BATCH
        return trip.steps[-1].lanes[0].objects

    assert made("columnar", 10) == made("columnar", 2)
    assert made("copying", 10) > 4 * made("copying", 2)


def test_a_message_that_comes_twice_is_one_copy_a_stage() -> None:
    with zcviz.open(helpers.feed_pcap(helpers.mold(1, ADD, ADD))) as feed:
        assert [each.whole for each in counts(feed, "copying", 0)] == [1, 1, 1, 1, 0]


# --- showing


@pytest.mark.parametrize("kind", ["feed", "binary"])
def test_every_pipeline_has_pictures_and_words(kind: str, request: pytest.FixtureRequest) -> None:
    feed: zcviz.Feed = request.getfixturevalue(kind)
    trip = walk_through(feed, 0, 0, PIPELINES)
    drawn, text = trip.drawings(540), str(trip)
    for number, name in enumerate(PIPELINES):
        for step, drawing in zip(trip.steps, drawn[number], strict=True):
            lane = step.lanes[number]
            assert lane.sentence in text
            assert ET.fromstring(drawing).get("aria-label", "").startswith(f"{name}: ")
            assert "<b>&" not in drawing, "a symbol from the feed is no markup"
            assert lane.lane.total("copied") == lane.copied
            strips = [each for each in lane.lane.strips if each.kind == "source"]
            assert [each.address for each in strips] == [feed.source.address]


def test_a_copy_is_drawn_from_where_it_was_taken(feed: zcviz.Feed) -> None:
    packet, lane = Packets(feed).packet(1), steps(feed, "copying")[3].lane
    start, _ = packet.bounds(0)
    frame = start - 2 - 20 - HEADERS
    first = next(
        each for each in lane.copies if lane.strips[each.target].label.startswith("packet")
    )
    assert (first.start, first.end) == (frame, frame + HEADERS + DATAGRAM)
    assert sum(lane.strips[each.target].label.startswith("message") for each in lane.copies) == 3


def test_pictures_keep_no_memory_of_the_feed(tmp_path: Path) -> None:
    file = tmp_path / "feed.pcap"
    file.write_bytes(capture())
    feed = zcviz.open(file)
    trip = walk_through(feed, 1, 0, PIPELINES)
    feed.close()
    assert all(trip.drawings(540))


# --- what the lesson compares


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        ({"copying": 20.0, "slicing": 10.0}, "Slicing handles 2.0 messages in the time copying"),
        ({"copying": 10.0, "slicing": 20.0}, "Copying handles 2.0 messages in the time slicing"),
        ({"slicing": 40.0, "copying": 20.0, "columnar": 1.0}, "in the time copying handles one"),
        ({"columnar": 10.0}, "Columnar takes 10.0 ns a message and copies 3 bytes of it."),
    ],
)
def test_no_pipeline_is_compared_with_itself(ns: dict[str, float], words: str) -> None:
    rows = tuple(Row(name, "total", "", each, 0, 3, 0, 0, 0) for name, each in ns.items())
    assert words in Comparison("a feed", 1, 1, rows, {}).sentence


# --- how many fields


def costs(record: tuple[float, ...], flyweight: tuple[float, ...]) -> FieldCosts:
    return FieldCosts(tuple("abc"), {"record": record, "flyweight": flyweight}, 10, 3)


@pytest.mark.parametrize(
    ("record", "flyweight", "crossover", "words"),
    [
        ((5, 5, 5), (2, 4, 6), 3, "From 3 fields on record is the cheaper way."),
        ((5, 5, 5), (2, 3, 4), None, "Flyweight is cheaper however many are read."),
        ((1, 1, 1), (2, 3, 4), 1, "Record is cheaper however few are read."),
        ((3, 1, 5), (2, 3, 4), None, "Flyweight is cheaper"),
    ],
)
def test_where_two_ways_cross(
    record: Any, flyweight: Any, crossover: int | None, words: str
) -> None:
    found = costs(record, flyweight)
    assert found.crossover == crossover
    assert words in found.sentence
    assert found.sentence in repr(found)
    assert 'role="img"' in found._repr_html_()


def test_fields_are_read_one_after_another() -> None:
    seen: list[object] = []

    class Message:
        one, two = 1, 2

    def way(read: Any) -> None:
        seen.append(read(Message))

    found = cost_by_fields({"record": way, "flyweight": way}, ("one", "two"), 1, rounds=3)
    assert seen[:4] == [1, 1, (1, 2), (1, 2)]
    assert len(seen) == 12
    assert [len(each) for each in found.ns.values()] == [2, 2]


# --- exercises


def the_view(feed: Any) -> Any:
    best, most = None, 0
    for view in feed.views():
        if view.message.tag == b"A" and view.shares > most:
            best, most = view, view.shares
    return best


def its_record(feed: Any) -> Any:
    best = None
    for view in feed.views():
        if view.message.tag == b"A" and (best is None or view.shares > best.shares):
            best = view.to_record()
    return best


def all_records(feed: Any) -> Any:
    return max((each for each in feed.records() if each[0] == b"A"), key=lambda r: r.shares)


def from_columns(feed: Any) -> Any:
    orders = feed.table("A")
    row = orders["shares"].argmax()
    return {name: orders[name][row] for name in orders}


@pytest.mark.parametrize(
    ("answer", "passed", "words"),
    [
        (its_record, True, "the view has moved on"),
        (from_columns, True, "All the others were only looked at"),
        (the_view, False, "it moves"),
        (lambda feed: next(iter(feed.views())), False, "An Add Order is wanted"),
        (all_records, False, "messages were copied to keep one"),
        (lambda feed: next(iter(feed.records("ZCVIZ"))), False, "It returned"),
        (lambda feed: next(each for each in feed.records() if each[0] == b"A"), False, "shares"),
        (lambda feed: 5, False, "It returned an int"),
        (lambda feed: None, False, "returns nothing yet"),
    ],
)
def test_keep_what_moves_on(answer: Any, passed: bool, words: str) -> None:
    verdict = exercise("largest").check(answer)
    assert verdict.passed is passed, verdict
    assert words in verdict.text


def test_counting_copies_leaves_nothing_behind() -> None:
    before = zcviz.Feed.records, Flyweight.to_record
    exercise("largest").check(its_record)
    exercise("largest").check(lambda feed: 1 / 0)
    assert before == (zcviz.Feed.records, Flyweight.to_record)


def by_columns(feed: Any) -> Any:
    orders = feed.table("A")
    buys = orders["buy_sell_indicator"] == b"B"
    return orders["shares"][buys].sum(), orders["shares"][~buys].sum()


def by_views(feed: Any) -> Any:
    sums = {b"B": 0, b"S": 0}
    for view in feed.views():
        if view.message.tag == b"A":
            sums[view.buy_sell_indicator] += view.shares
    return tuple(sums.values())


def by_list(feed: Any) -> Any:
    orders = feed.table("A")
    pairs = list(zip(orders["buy_sell_indicator"], orders["shares"], strict=True))
    return [sum(int(n) for each, n in pairs if each == side) for side in (b"B", b"S")]


@pytest.mark.parametrize(
    ("answer", "passed", "words"),
    [
        (by_columns, True, "twice the messages did not"),
        (by_views, False, "from message to message"),
        (by_list, False, "from message to message"),
        (lambda feed: by_columns(feed)[::-1], False, "wrong order"),
        (lambda feed: (1, 2), False, "fewer than the records say"),
        (lambda feed: (1, 2, 3), False, "Two are wanted"),
        (lambda feed: 5, False, "Two numbers are wanted"),
        (lambda feed: 1 / 0, False, "raised ZeroDivisionError"),
    ],
)
def test_add_up_without_a_loop(answer: Any, passed: bool, words: str) -> None:
    verdict = exercise("bought_and_sold").check(answer)
    assert verdict.passed is passed, verdict
    assert words in verdict.text


@pytest.mark.parametrize("name", ["largest", "bought_and_sold"])
def test_a_file_without_orders_is_no_riddle(name: str, tmp_path: Path) -> None:
    file = tmp_path / "own.itch"
    file.write_bytes(helpers.frames(DELETE))
    assert "has no Add Order" in exercise(name, file).check(its_record).text
