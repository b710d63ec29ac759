"""One packet on its way, as the second lesson shows it: counts against a count by hand."""

from __future__ import annotations

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
from zcviz.lessons.moment import MOST, Moment
from zcviz.lessons.show import Shown
from zcviz.lessons.stages import Passage, choose_message, send, side_by_side
from zcviz.viz.census import census

PIPELINES = ("copying", "slicing", "flyweight", "columnar")
HEADERS = 14 + 20 + 8  # Ethernet, IPv4, UDP
TIME = 34_200_000_000_000
BIG = 1_000_000  # no number that Python keeps at hand

ADD = helpers.add(BIG + 1, b"B", BIG, b"AAPL", BIG, time=TIME)
DELETE = helpers.delete(BIG + 2, time=TIME + BIG)
FOLLOWED = [ADD, DELETE, helpers.add(BIG + 3, b"S", BIG + 4, b"AAPL", BIG + 5, time=TIME)]
SIZE = sum(map(len, FOLLOWED))


def capture() -> bytes:
    first = [helpers.directory(b"<b>&", locate=1), helpers.add(7, time=TIME)]
    rest = [helpers.delete(number, time=TIME) for number in range(5)]
    return helpers.feed_pcap(
        helpers.mold(1, *first), helpers.mold(3, *FOLLOWED), helpers.mold(6, *rest)
    )


@pytest.fixture
def feed() -> zcviz.Feed:
    return zcviz.open(capture())


@pytest.fixture
def binary() -> zcviz.Feed:
    return zcviz.open(helpers.frames(*[helpers.delete(n, time=TIME) for n in range(70)], *FOLLOWED))


def moments(passage: Passage) -> list[Moment]:
    found = [passage.after(stage) for stage in passage.stages]
    return [passage.before, *(each for each in found if isinstance(each, Moment))]


# --- choosing


def test_the_message_is_an_order_in_good_company(feed: zcviz.Feed) -> None:
    assert choose_message(feed) == 4, "an order from the packet of three"
    assert feed.index.tags[choose_message(feed, "D")] == ord("D")
    assert choose_message(feed, among=1) == 0


def test_what_cannot_be_followed_is_said() -> None:
    with pytest.raises(SelectionError, match="no message to follow"):
        choose_message(zcviz.open(helpers.feed_pcap(helpers.mold(1))))
    feed = zcviz.open(capture())
    with pytest.raises(SelectionError, match="message 99 of 10"):
        send(feed, "copying", 99)
    with pytest.raises(SelectionError, match="no pipeline 'magic'"):
        send(feed, "magic", 0)


def test_a_message_of_no_known_type_can_be_followed() -> None:
    feed = zcviz.open(helpers.feed_pcap(helpers.mold(1, helpers.UNKNOWN, ADD)))
    assert choose_message(feed) == 1
    for name in PIPELINES:
        passage = send(feed, name, 0)
        assert passage.table is None
        assert "of an unknown type" in passage.heading
        assert all(each._repr_html_() for each in moments(passage))


# --- counting


def test_copying_by_hand(feed: zcviz.Feed) -> None:
    passage = send(feed, "copying", 2)
    assert passage.packet == range(2, 5)
    assert passage.stages == ("packet", "datagram", "message", "record", "summary")
    datagram = 20 + SIZE + 2 * len(FOLLOWED)
    copied = [HEADERS + datagram, datagram, SIZE, SIZE, 0]
    assert [each.copied for each in passage.counts] == copied
    # One bytes object; one more; a list and three; then a list, a pair and a record a message, and
    # those values that are neither small integers nor single bytes: time, reference, shares, stock
    # and price of an order, time and reference of a deletion.
    values = 5 + 2 + 5
    assert [each.objects for each in passage.counts] == [1, 1, 1 + 3, 1 + 2 * 3 + values, 0]
    assert [each.whole for each in passage.counts] == [1, 1, 1, 1, 0]
    assert [each.places for each in moments(passage)] == [1, 2, 3, 4, 5, 5]
    last = moments(passage)[-1]
    assert last.copied == sum(copied)
    assert last.objects == 1 + 1 + 4 + 19
    assert not any(each.viewed for each in passage.counts)


def test_views_by_hand(feed: zcviz.Feed) -> None:
    datagram = 20 + SIZE + 2 * len(FOLLOWED)
    viewed = [HEADERS + datagram, datagram, SIZE]
    slicing = send(feed, "slicing", 2)
    assert [each.viewed for each in slicing.counts] == [*viewed, 0, 0]
    assert [each.copied for each in slicing.counts] == [0, 0, 0, SIZE, 0]
    assert [each.places for each in moments(slicing)] == [1, 1, 1, 1, 2, 2]
    flyweight = send(feed, "flyweight", 2)
    assert [each.viewed for each in flyweight.counts] == [*viewed, 0]
    assert [each.copied for each in flyweight.counts] == [0, 0, 0, 0]
    assert [each.derived for each in flyweight.counts] == [0, 0, 16 * 3, 0]
    assert all(each.places == 1 for each in moments(flyweight))


def test_columns_by_hand(feed: zcviz.Feed) -> None:
    columnar = send(feed, "columnar", 2)
    index, gather, summary = columnar.counts
    assert (index.copied, index.derived) == (0, 3 * (4 + 2 + 1))
    # two orders: time, locate, shares, price; one deletion: time
    assert (gather.copied, gather.derived) == (2 * (6 + 2 + 4 + 4) + 6, 3 * 4)
    assert (summary.copied, summary.derived, summary.objects) == (0, 0, 0)
    assert all(each.places == 1 for each in moments(columnar))


def test_objects_of_a_block_do_not_grow_with_it() -> None:
    def made(times: int) -> int:
        feed = zcviz.open(helpers.frames(*FOLLOWED * times))
        block = send(feed, "columnar", 0, stepped=False)
        assert block.packet == range(3 * times)
        moment = block.after("gather")
        assert isinstance(moment, Moment)
        return moment.objects

    assert made(1_000) == made(10)
    feed = zcviz.open(helpers.frames(*FOLLOWED * MOST))
    moment = send(feed, "columnar", 0, stepped=False).after("gather")
    assert "too much to draw" in str(moment)
    assert len(moment._repr_html_()) < 1_000_000


def test_what_was_there_before_is_not_counted_again(feed: zcviz.Feed) -> None:
    first, second = send(feed, "copying", 0), send(feed, "copying", 2)
    assert first.counts[-1].derived > 0, "the sums are made with the first packet"
    assert second.counts[-1].derived == 0
    assert "It was there before" in str(moments(second)[-1].picture)


def test_a_message_that_comes_twice_is_one_copy_a_stage() -> None:
    feed = zcviz.open(helpers.feed_pcap(helpers.mold(1, ADD, ADD)))
    passage = send(feed, "copying", 1)
    assert [each.whole for each in passage.counts] == [1, 1, 1, 1, 0]
    assert census(feed, b"not in it", None, passage.results)[0].whole == 0


# --- showing


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("kind", ["feed", "binary"])
def test_every_moment_has_a_picture_and_words(
    name: str, kind: str, request: pytest.FixtureRequest
) -> None:
    feed: zcviz.Feed = request.getfixturevalue(kind)
    passage = send(feed, name, choose_message(feed))
    for moment in moments(passage):
        words, html = repr(moment), moment._repr_html_()
        assert moment.sentence in words
        assert moment.title in html
        assert html.count("<svg") == 2, "one for a wide page, one for a narrow one"
        assert "role='img'" in html
        assert "<b>&" not in html, "a symbol from the feed is no markup"
        lane = moment.picture.lanes[0]
        assert lane.kind == ("copying" if name == "copying" else "zero-copy")
        assert lane.total("copied") == moment.copied
        strips = [each for each in lane.strips if each.kind == "source"]
        assert [each.address for each in strips] == [feed.source.address]


def test_a_copy_is_drawn_from_where_it_was_taken(feed: zcviz.Feed) -> None:
    passage = send(feed, "copying", 2)
    lane = moments(passage)[3].picture.lanes[0]
    start, _ = passage.bounds(2)
    frame = len(passage.results[0].output)
    first = next(
        each for each in lane.copies if lane.strips[each.target].label.startswith("packet")
    )
    assert (first.start, first.end) == (start - 2 - 20 - HEADERS, start - 22 - HEADERS + frame)
    assert sum(lane.strips[each.target].label.startswith("message") for each in lane.copies) == 3


def test_a_stage_that_a_feed_does_not_need(binary: zcviz.Feed) -> None:
    remark = send(binary, "copying", 0).after("datagram")
    assert isinstance(remark, Shown)
    assert "(binaryfile) the copying pipeline has no stage datagram" in remark.text


def test_both_ways_at_one_scale(feed: zcviz.Feed) -> None:
    copying, columnar = (moments(send(feed, name, 2))[-1] for name in ("copying", "columnar"))
    picture = side_by_side(copying, columnar)
    assert [lane.kind for lane in picture.lanes] == ["copying", "zero-copy"]
    assert [lane.total("copied") for lane in picture.lanes] == [copying.copied, columnar.copied]


def test_pictures_keep_no_memory_of_the_feed(tmp_path: Path) -> None:
    file = tmp_path / "feed.pcap"
    file.write_bytes(capture())
    feed = zcviz.open(file)
    shown = [each.shown for name in PIPELINES for each in moments(send(feed, name, 2))]
    feed.close()
    assert all(each.html for each in shown)


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
