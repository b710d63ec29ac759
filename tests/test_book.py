"""Order books: what events do, by both implementations, and what files make of it."""

from __future__ import annotations

import json
import os
import struct
from collections import defaultdict
from operator import ne

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zcviz
from tests import helpers
from tests.helpers import add, cancel, delete, directory, executed, executed_at, frames, replaced
from zcviz import cli, samples
from zcviz.book import (
    Books,
    Event,
    Kind,
    Level,
    Order,
    OrderBook,
    Side,
    books,
    event_of,
    events,
    feed_book,
    feed_books,
)
from zcviz.codec import view_of
from zcviz.errors import SelectionError
from zcviz.kernels import COMPILED
from zcviz.kernels import book as kernel
from zcviz.protocols import FEEDS
from zcviz.protocols.itch50 import ITCH50

AAPL = "nasdaq-itch50-aapl-20200130-10k.itch"
MOLD = "nasdaq-itch50-moldudp64-20230822.pcap"
TOP = 2**64 - 1


@pytest.fixture
def book():
    """Two bids at one price, another below, one ask."""
    made = OrderBook("AAPL")
    made.add(1, Side.BID, 100, 3_000_000)
    made.add(2, Side.BID, 50, 3_000_000)
    made.add(3, Side.BID, 10, 2_990_000)
    made.add(4, Side.ASK, 70, 3_010_000)
    return made


def counted(anomalies):
    return {name: n for name in anomalies.__slots__ if (n := getattr(anomalies, name))}


def state(book):
    """All that two books have to have in common."""
    return book.orders, book.bids(), book.asks()


# --- one book, event by event --------------------------------------------------------------------


def test_levels_add_up_their_orders_and_the_best_comes_first(book):
    assert book.bids() == [Level(3_000_000, 150, 2), Level(2_990_000, 10, 1)]
    assert book.asks() == [Level(3_010_000, 70, 1)]
    assert (book.best_bid, book.best_ask) == (book.bids()[0], book.asks()[0])
    assert book.depth == (2, 1)
    assert book.bids(1) == book.bids()[:1]
    assert book.asks(0) == []
    assert not book.anomalies


def test_an_empty_book():
    book = OrderBook()
    assert (book.best_bid, book.best_ask, book.bids(), book.depth) == (None, None, [], (0, 0))
    assert not book.is_crossed
    assert "none | none" in repr(book)


def test_a_part_is_executed_then_the_rest(book):
    book.reduce(1, 40)
    assert book.orders[1] == Order(Side.BID, 60, 3_000_000)
    assert book.best_bid == (3_000_000, 110, 2)
    book.reduce(1, 60)
    assert 1 not in book.orders
    assert book.best_bid == (3_000_000, 50, 1)
    book.remove(2)
    assert book.best_bid == (2_990_000, 10, 1)
    assert not book.anomalies


def test_a_replaced_order_keeps_its_side_and_nothing_else(book):
    book.replace(1, 9, 5, 3_005_000)
    assert book.orders[9] == Order(Side.BID, 5, 3_005_000)
    assert book.best_bid == (3_005_000, 5, 1)
    book.replace(9, 9, 6, 2_000_000)  # a feed may change an order and keep its reference
    assert book.orders[9] == Order(Side.BID, 6, 2_000_000)
    assert not book.anomalies


def test_taking_too_much_is_clamped_and_counted(book):
    book.reduce(3, 11)
    assert 3 not in book.orders
    assert book.depth == (1, 1)
    assert counted(book.anomalies) == {"overdrawn": 1}


def test_a_reference_in_use_is_passed_over(book):
    before = dict(book.orders)
    book.add(1, Side.ASK, 1, 1)
    assert book.orders == before
    book.replace(3, 1, 7, 7)  # the old one is gone all the same
    del before[3]
    assert book.orders == before
    assert counted(book.anomalies) == {"duplicate": 2}


def test_what_is_not_there_is_counted_and_changes_nothing(book):
    before = state(book)
    book.reduce(77, 1)
    book.remove(77)
    book.replace(77, 78, 1, 1)
    book.set_level(Side.BID, 0, 5)
    assert state(book) == before
    assert counted(book.anomalies) == {"dangling": 4}


def test_orders_without_shares_or_side_are_passed_over(book):
    before = state(book)
    book.add(8, Side.BID, 0, 5)
    book.add(8, 2, 1, 5)
    book.set_level(2, 1, 5)
    assert state(book) == before
    book.replace(3, 8, 0, 5)
    assert sorted(book.orders) == [1, 2, 4]
    assert counted(book.anomalies) == {"invalid": 4}


def test_levels_alone():
    book = OrderBook()
    book.set_level(Side.ASK, 300, -5)
    book.set_level(Side.ASK, 200, -5)
    book.set_level(Side.BID, 1, -6)
    assert book.asks() == [Level(-5, 200, None)]
    assert not book.is_crossed
    book.set_level(Side.ASK, 0, -5)
    assert book.depth == (1, 0)
    book.clear()
    assert book.depth == (0, 0)
    assert not book.anomalies


def test_references_are_64_bits_whatever_their_sign():
    book = OrderBook()
    book.add(-1, Side.BID, 1, 1)
    assert list(book.orders) == [TOP]
    book.remove(TOP)
    assert not book.orders


def test_crossed(book):
    assert not book.is_crossed
    book.add(9, Side.BID, 1, 3_010_000)
    assert not book.is_crossed  # locked
    book.add(10, Side.BID, 1, 3_010_100)
    assert book.is_crossed
    assert "crossed" in book.to_text()


def test_every_kind_of_event_has_its_method(book):
    other = OrderBook()
    for order, (side, shares, price) in book.orders.items():
        other.feed(Event(Kind.ADD, 7, order, side, shares, price))
    assert state(other) == state(book)
    for one in (book, other):
        one.reduce(1, 2)
        one.replace(2, 20, 5, 6)
        one.remove(3)
    for event in (
        Event(Kind.REDUCE, reference=1, shares=2),
        Event(Kind.REPLACE, reference=2, new=20, shares=5, price=6),
        Event(Kind.REMOVE, reference=3),
    ):
        book.feed(event)
    assert counted(book.anomalies) == {"dangling": 2}
    assert book.orders[1].shares == other.orders[1].shares - 2
    other.feed(Event(Kind.CLEAR))
    other.feed(Event(Kind.LEVEL, side=Side.ASK, shares=3, price=4))
    assert (other.orders, other.bids(), other.asks()) == ({}, [], [Level(4, 3, None)])


def test_to_dict_is_what_the_contract_says(book):
    book.messages = 12
    assert book.to_dict() == {
        "symbol": "AAPL", "messages": 12,
        "bids": [[3_000_000, 150, 2], [2_990_000, 10, 1]], "asks": [[3_010_000, 70, 1]],
    }  # fmt: skip
    assert book.to_dict(1)["bids"] == [[3_000_000, 150, 2]]
    with pytest.raises(SelectionError, match="-1"):
        book.to_dict(-1)


def test_the_ladder_has_the_best_in_the_middle(book):
    book.messages = 1234
    book.reduce(77, 1)
    assert book.to_text() == (
        "AAPL after 1,234 messages: 2 bid levels, 1 ask; anomalies: 1 dangling\n"
        "orders  bids     price  asks  orders\n"
        "              301.0000    70       1\n"
        "     2   150  300.0000\n"
        "     1    10  299.0000"
    )
    assert book.to_text(0).count("\n") == 1
    assert repr(book) == "<OrderBook AAPL: 300.0000 × 150 | 301.0000 × 70, levels 2 | 1>"


def test_prices_are_shown_to_the_last_digit():
    book = OrderBook()
    book.set_level(Side.BID, 1, -(2**63))
    book.set_level(Side.ASK, 1, -5)
    assert "-922,337,203,685,477.5808 × 1 | -0.0005 × 1" in repr(book)
    whole = OrderBook(scale=0)
    whole.add(1, Side.BID, 1, 42)
    assert "42 × 1" in repr(whole)


def test_a_symbol_cannot_act():
    book = OrderBook("<b>\x1b[2J")
    assert "<b>" not in book._repr_html_()
    assert "&lt;b&gt;" in book._repr_html_()
    assert "\x1b" not in book.to_text() + repr(book) + book._repr_html_()


# --- both implementations ------------------------------------------------------------------------

EVENTS = st.builds(
    Event,
    kind=st.sampled_from([Kind.ADD, Kind.ADD, Kind.REDUCE, Kind.REMOVE, Kind.REPLACE]),
    security=st.integers(0, 2),
    reference=st.integers(-3, 5),
    side=st.integers(0, 2),
    shares=st.integers(0, 4),
    price=st.integers(1, 5),
    new=st.integers(-3, 5),
)


def rows_of(some):
    return np.array(some, np.int64).reshape(-1, len(kernel.EVENT))


def by_oracle(some):
    """A plain book a security."""
    found = defaultdict(OrderBook)
    for event in some:
        found[event.security].feed(event)
    return found


def check(compiled, oracle):
    for security, expected in oracle.items():
        assert state(compiled.book(security)) == state(expected)
    assert len(compiled) == sum(len(each.orders) for each in oracle.values())
    total = defaultdict(int)
    for each in oracle.values():
        for name, n in counted(each.anomalies).items():
            total[name] += n
    assert counted(compiled.anomalies) == total


def best_of(book):
    """Best bid and ask, without the numbers of orders."""
    return tuple(each and each._replace(orders=None) for each in (book.best_bid, book.best_ask))


def check_best(compiled, oracle):
    for security, expected in oracle.items():
        assert compiled.best(security) == best_of(expected)


@given(st.lists(EVENTS, max_size=60))
def test_both_do_the_same_with_any_events(some):
    compiled = Books(best=True)
    compiled.feed(rows_of(some))
    oracle = by_oracle(some)
    check(compiled, oracle)
    check_best(compiled, oracle)


def random_events(seed, count, securities, references, prices):
    """Events of which most do something: orders are changed soon after they came."""
    noise = np.random.default_rng(seed)
    some = np.empty((count, len(kernel.EVENT)), np.int64)
    some[:, kernel.KIND] = noise.choice([1, 1, 1, 2, 3, 4], count)
    some[:, kernel.SECURITY] = noise.integers(0, securities, count)
    references = np.asarray(references, np.uint64).view(np.int64)
    for column in (kernel.REFERENCE, kernel.NEW):
        some[:, column] = noise.choice(references, count)
    some[:, kernel.SIDE] = noise.integers(0, 2, count)
    some[:, kernel.SHARES] = noise.choice([1, 100, 2**32 - 1], count)
    some[:, kernel.PRICE] = noise.choice(prices, count)
    return some


@pytest.mark.parametrize(
    ("references", "prices"),
    [
        (np.arange(30), np.arange(1000)),  # few orders: the best price changes all the time
        (np.arange(600), np.arange(50)),
        (np.arange(600, dtype=np.uint64) << np.uint64(48), [0, 2**32 - 1]),
        (TOP - np.arange(600, dtype=np.uint64), 2**32 - 1 - np.arange(1000)),
    ],
)
def test_both_do_the_same_while_tables_grow(monkeypatch, references, prices):
    monkeypatch.setattr(books, "_ROOM", 4)
    compiled, oracle = Books(best=True), defaultdict(OrderBook)
    some = random_events(1, 4000, 3, references, prices)
    changes = 0
    for at in range(0, len(some), 50):
        compiled.feed(some[at : at + 50])
        for event in map(Event._make, some[at : at + 50].tolist()):
            book = oracle[event.security]
            for step in steps_of(event, book):
                before = best_of(book)
                book.feed(step)
                changes += sum(map(ne, before, best_of(book)))
        check_best(compiled, oracle)
    check(compiled, oracle)
    assert compiled.changes == changes > 20


def steps_of(event, book):
    """A replacement as what it is of the levels: an order goes, another comes."""
    if event.kind != Kind.REPLACE:
        return [event]
    going = event._replace(kind=Kind.REMOVE)
    old = book.orders.get(event.reference % 2**64)
    coming = event._replace(kind=Kind.ADD, reference=event.new, side=old and old.side)
    return [going, coming] if old else [going]


def test_books_without_the_best_kept_find_it(book):
    compiled = Books()
    compiled.feed(rows_of([Event(Kind.ADD, 3, n, *order) for n, order in book.orders.items()]))
    assert compiled.best(3) == (book.best_bid, book.best_ask)
    assert compiled.best(4) == (None, None)
    assert compiled.changes == 0


def test_levels_that_empty_again_and_again_take_no_more_room(monkeypatch):
    monkeypatch.setattr(books, "_ROOM", 64)
    compiled = Books(best=True)
    for price in range(1, 400):  # as if the market moved: each level lives for a moment
        compiled.feed(rows_of([
            Event(Kind.ADD, 1, price, Side.BID, 5, price),
            Event(Kind.REMOVE, 1, price),
        ]))  # fmt: skip
    assert compiled.best(1) == (None, None)
    assert len(compiled._levels) == 64
    assert len(compiled._orders) == 64


def test_many_levels_give_up_the_best_one_after_another():
    count = 3000  # ever further from the best: what a sorted list would be slow with
    adding = [Event(Kind.ADD, 1, n, Side.BID, 5, count - n) for n in range(count)]
    compiled = Books(best=True)
    compiled.feed(rows_of(adding))
    for n in range(0, count, 100):
        assert compiled.best(1) == (Level(count - n, 5, None), None)
        compiled.feed(rows_of([Event(Kind.REMOVE, 1, n + each) for each in range(100)]))
    assert compiled.best(1) == (None, None)
    assert compiled.changes == 1 + count


@pytest.mark.parametrize("step", [1, 3, 2**16, 2**32, 2**48, 2**52, 2**60 + 2**3])
def test_no_regular_references_crowd_the_table(step):
    slot = getattr(kernel.slot, "py_func", kernel.slot)
    one, two = Books()._random
    keys = [(n * step + 2**63) % 2**64 - 2**63 for n in range(3000)]
    distinct = len(set(keys))
    homes = {slot(key, one, two, 2**14 - 1) for key in keys}
    assert len(homes) > 0.7 * distinct  # evenly at random it would be 0.91


# --- from bytes to events ------------------------------------------------------------------------

WITH_BOOKS = list(events.CHANGES)


@pytest.fixture(params=["compiled", "plain"])
def twin(request, monkeypatch):
    """`read_events` as it is, and as it is without numba."""
    if request.param == "compiled" and not COMPILED:
        pytest.skip("numba is not at work in this process")
    monkeypatch.setattr(kernel, "COMPILED", request.param == "compiled")


def random_messages(protocol, seed, count=200):
    """Bytes of random messages, one behind another, and the index of them."""
    noise = np.random.default_rng(seed)
    which = noise.integers(0, len(protocol), count)
    messages = []
    for each in (protocol.messages[n] for n in which):
        body = bytearray(noise.bytes(each.size))
        body[0] = each.key
        changed = events.CHANGES[protocol.name].get(each.name)
        if changed and isinstance(changed.side, str) and changed.side and noise.random() < 0.9:
            field = each[changed.side]
            body[field.offset : field.end] = noise.choice(list(field.codes))
        messages.append(bytes(body))
    sizes = np.array([len(each) for each in messages])
    data = np.frombuffer(b"".join(messages), np.uint8)
    offsets = (np.cumsum(sizes) - sizes).astype(np.uint32)
    return data, offsets, np.array([each[0] for each in messages], np.uint8)


class FakeFeed:
    """As much of a feed as events are read from."""

    def __init__(self, protocol, data, offsets, tags):
        self.protocol, self.data, self.index = protocol, data, self
        self.offsets, self.tags = offsets, tags


def signed(event):
    """As the columns have it: the highest bit of a reference is a sign there."""
    return [(number + 2**63) % 2**64 - 2**63 for number in event]


@pytest.mark.parametrize("name", WITH_BOOKS)
@pytest.mark.parametrize("width", [np.uint32, np.uint64])
def test_events_are_what_the_fields_say(twin, name, width):
    protocol = FEEDS[name]
    data, offsets, tags = random_messages(protocol, 5)
    feed = FakeFeed(protocol, data, offsets.astype(width), tags)
    expected = []
    for tag, at in zip(tags.tolist(), offsets.tolist(), strict=True):
        message = protocol[chr(tag)]
        event = event_of(protocol, view_of(message)().wrap(data, at))
        if event is not None:
            expected.append((event, events.security_of(protocol, message)))
    kinds = {change.kind for change in events.CHANGES[name].values()}
    assert {event.kind for event, _ in expected} == kinds
    (found,) = events.events_in(feed, len(offsets))
    assert found.tolist() == [signed(event) for event, _ in expected]
    # Those of one security, and those that do not say of which they are.
    chosen = next(event.security for event, stated in expected if stated)
    (found,) = events.events_in(feed, len(offsets), [chosen, 2**62])
    assert found.tolist() == [
        signed(event) for event, stated in expected if event.security == chosen or not stated
    ]


def test_a_message_that_the_data_cuts_off_is_no_event(twin):
    whole = add(7)
    for size in range(len(whole)):
        data = np.frombuffer(whole[:size], np.uint8)
        feed = FakeFeed(ITCH50, data, np.zeros(1, np.uint32), np.array([ord("A")], np.uint8))
        assert [len(block) for block in events.events_in(feed, 1)] == [0]


def test_only_protocols_with_orders_or_levels_have_books():
    with pytest.raises(SelectionError, match="tops16 has no books; itch50, "):
        events.changes_of(FEEDS["tops16"])
    for name in WITH_BOOKS:
        assert events.changes_of(FEEDS[name])


# --- from feeds ----------------------------------------------------------------------------------


def iextp(protocol, *messages):
    """A capture of one IEX-TP segment."""
    payload = b"".join(struct.pack("<H", len(each)) + each for each in messages)
    head = struct.pack(
        "<BBHIIHHqqq", 1, 0, protocol, 1, 1, len(payload), len(messages), 0, 1, 10**18
    )
    return helpers.feed_pcap(head + payload)


def iex(tag, second, body=b"", symbol=b"ZIEXT"):
    return struct.pack("<ccq8s", tag, second, 10**18, symbol.ljust(8)) + body


def quoted(messages):
    """A feed of two securities, of which AAPL trades."""
    return frames(directory(b"AAPL", locate=3), directory(b"MSFT", locate=4), *messages)


ORDERS = [
    add(1, b"B", 100, price=300, locate=3),
    add(2, b"S", 30, price=310, locate=3, mpid=b"NITE"),
    add(1, b"B", 999, b"MSFT", price=1, locate=4),  # the reference is AAPL's as well
    executed(1, 40, locate=3),
    executed_at(2, 5, price=305, locate=3),
    cancel(2, 5, locate=3),
    replaced(1, 5, 80, 299, locate=3),
    delete(1, locate=4),
    delete(6, locate=3),
]


def test_the_book_of_one_security():
    with zcviz.open(quoted(ORDERS)) as feed:
        book = feed.book("AAPL")
        assert book.to_dict() == {
            "symbol": "AAPL", "messages": 11, "bids": [[299, 80, 1]], "asks": [[310, 20, 1]],
        }  # fmt: skip
        assert counted(book.anomalies) == {"dangling": 1}
        assert feed.book("MSFT").depth == (0, 0)
        assert not feed.book("MSFT").anomalies
        assert feed.book("AAPL", 5).to_dict() == {
            "symbol": "AAPL", "messages": 5, "bids": [[300, 100, 1]], "asks": [[310, 30, 1]],
        }  # fmt: skip
        assert feed.book("AAPL", 0).to_dict()["messages"] == 0
        assert feed.book("AAPL", 10**9).messages == 11
        with pytest.raises(SelectionError, match="-1 messages"):
            feed.book("AAPL", -1)


def test_the_books_of_all():
    with zcviz.open(quoted(ORDERS)) as feed:
        found = feed_books(feed, best=True)
        assert len(found) == 2
        assert found.best(3) == ((299, 80, None), (310, 20, None))
        assert state(found.book(3)) == state(feed.book("AAPL"))
        assert counted(found.anomalies) == {"dangling": 1}
        assert len(feed_books(feed, 5)) == 3


def test_stepping_through_views_makes_the_same_book():
    with zcviz.open(quoted(ORDERS)) as feed:
        book = OrderBook("AAPL")
        for view in feed.views("AAPL"):
            event = event_of(feed.protocol, view)
            if event is not None:
                book.feed(event)
        assert state(book) == state(feed.book("AAPL"))
        assert book.anomalies == feed.book("AAPL").anomalies


def test_a_symbol_with_two_locates_has_one_book():
    content = frames(add(1, locate=1), add(2, locate=2), add(1, locate=2), delete(1, locate=2))
    with zcviz.open(content) as feed:
        book = feed.book("AAPL")
        assert list(book.orders) == [2]
        assert counted(book.anomalies) == {"duplicate": 1}


def test_an_unknown_symbol_is_refused_and_its_neighbours_are_named():
    with zcviz.open(quoted(ORDERS)) as feed, pytest.raises(SelectionError, match="near it: AAPL"):
        feed.book("AAPK")


def test_progress_is_told_in_messages(monkeypatch):
    monkeypatch.setattr(events, "_BLOCK", 4)
    told = []
    with zcviz.open(quoted(ORDERS)) as feed:
        feed_book(feed, "AAPL", progress=lambda *given: told.append(given))
    assert told == [(4, 11), (8, 11), (11, 11)]


def test_itch_41_names_the_security_in_additions_only():
    def older(message):
        return message[:1] + message[7:11] + message[11:]  # no locate, half a timestamp

    messages = [*ORDERS[:3], delete(1), *ORDERS[3:6], delete(77)]
    messages[2] = add(9, b"B", 999, b"MSFT", price=1)
    messages[3] = delete(9)
    content = frames(*map(older, messages))
    with zcviz.open(content, protocol="itch41") as feed:
        assert len(feed) == 8
        book = feed.book("AAPL")
        assert book.to_dict() == {
            "symbol": "AAPL", "messages": 8, "bids": [[300, 60, 1]], "asks": [[310, 20, 1]],
        }  # fmt: skip
        assert not book.anomalies  # whose the unknown references are, nobody can tell
        assert feed.book("MSFT").depth == (0, 0)
        with pytest.raises(SelectionError, match=r"no symbol 'MSF' among the 2 .*near it: MSFT"):
            feed.book("MSF")
        with pytest.raises(SelectionError, match="name one"):
            feed_books(feed)


def test_iex_deep_has_levels():
    def level(tag, size, price, symbol=b"ZIEXT"):
        return iex(tag, b"\1", struct.pack("<Iq", size, price), symbol)

    content = iextp(
        0x8004, level(b"8", 100, 3000), level(b"8", 200, 2990), level(b"5", 50, 3010),
        level(b"5", 1, 9, b"OTHER"), level(b"8", 150, 3000), level(b"8", 0, 2990),
        level(b"8", 0, 1), level(b"5", 7, -1),
    )  # fmt: skip
    with zcviz.open(content) as feed:
        assert feed.protocol.name == "deep10"
        book = feed.book("ZIEXT")
        assert book.to_dict()["bids"] == [[3000, 150, None]]
        assert book.to_dict()["asks"] == [[-1, 7, None], [3010, 50, None]]
        assert counted(book.anomalies) == {"dangling": 1}
        assert book.is_crossed
        assert feed.book("OTHER").asks() == [(9, 1, None)]
        assert "?" in book._repr_html_()


def test_iex_deep_plus_has_orders():
    def order(tag, second, number, *rest, form="<q"):
        return iex(tag, second, struct.pack(form, number, *rest))

    content = iextp(
        0x8005,
        order(b"a", b"8", 1, 100, 3000, form="<qIq"),
        order(b"a", b"5", 2, 60, 3010, form="<qIq"),
        order(b"a", b"8", 3, 10, 3000, form="<qIq"),
        order(b"M", b"\0", 1, 50, 2990, form="<qIq"),
        order(b"L", b"\0", 2, 20, 3010, 9, form="<qIqq"),
        order(b"R", b"\0", 3),
        order(b"R", b"\0", 3),
        iex(b"C", b"\0", symbol=b"OTHER"),
    )
    with zcviz.open(content) as feed:
        assert feed.protocol.name == "deepplus10"
        book = feed.book("ZIEXT")
        assert book.to_dict() == {
            "symbol": "ZIEXT", "messages": 8, "bids": [[2990, 50, 1]], "asks": [[3010, 40, 1]],
        }  # fmt: skip
        assert counted(book.anomalies) == {"dangling": 1}
        assert feed.book("OTHER").depth == (0, 0)


def test_without_numba_the_books_are_the_same(zcviz_run, tmp_path, captures):
    words = ["book", captures / AAPL, "--symbol", "AAPL", "--json"]
    one, two = zcviz_run(*words), zcviz_run(*words, env={"ZCVIZ_NO_NUMBA": "1"})
    assert (one.returncode, two.returncode) == (0, 0)
    assert one.stdout == two.stdout


def test_a_sample_is_consistent(tmp_path):
    assert cli.main(["samples", os.fspath(tmp_path), "--messages", "20000"]) == 0
    with zcviz.open(tmp_path / "feed.itch") as feed:
        found = feed_books(feed, best=True)
        assert len(found) > 100
        assert not found.anomalies
        for locate, symbol in list(feed.symbols.items())[:20]:
            book = feed.book(symbol)
            assert state(book) == state(found.book(locate))
            assert all(level.shares > 0 for level in book.bids() + book.asks())
            assert not book.is_crossed
            assert found.best(locate) == best_of(book)


@pytest.mark.parametrize("name", WITH_BOOKS)
def test_a_small_sample_of_every_feed_is_consistent(name):
    with zcviz.open(samples.small(name, messages=600).data) as feed:
        named = next(
            m for m, _ in events.changes_of(feed.protocol) if feed.protocol.symbol in m.by_name
        )
        symbols = {
            s.decode().strip() for s in feed.table(named.name)[feed.protocol.symbol].tolist()
        }
        found = [feed.book(symbol, len(feed) // 2) for symbol in symbols]
        assert sum(sum(book.depth) for book in found) > 10
        for book in found:
            assert not book.anomalies
            assert not book.is_crossed


# --- real data -----------------------------------------------------------------------------------


def test_aapl(captures):
    with zcviz.open(captures / AAPL) as feed:
        book = feed.book("AAPL")
        assert (book.best_bid.price, book.best_bid.shares) == (3_201_400, 25)
        assert (book.best_ask.price, book.best_ask.shares) == (3_203_000, 100)
        assert sum(book.depth) == 142
        assert book.messages == 10_000
        assert not book.anomalies
        (locate,) = feed.symbols
        found = feed_books(feed, best=True)
        assert state(found.book(locate)) == state(book)
        assert [level[:2] for level in found.best(locate)] == [(3_201_400, 25), (3_203_000, 100)]


def test_all_executions_of_single_datagrams_dangle(captures):
    with zcviz.open(captures / MOLD) as feed:
        found = feed_books(feed)
        counts = feed.counts()
        assert found.anomalies.dangling >= counts["E"] + counts["C"]
        for symbol in feed.symbols.values():
            feed.book(symbol)


# --- the command line ----------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    def run_here(*words):
        try:
            status = cli.main([str(word) for word in words])
        except SystemExit as ended:
            status = ended.code
        told = capsys.readouterr()
        return status, told.out, told.err

    return run_here


@pytest.fixture
def quoted_file(tmp_path):
    path = tmp_path / "quoted.itch"
    path.write_bytes(quoted(ORDERS))
    return path


def test_book_json(run, quoted_file):
    status, out, err = run("book", quoted_file, "--symbol", "AAPL", "--json", "--messages", 5)
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "symbol": "AAPL", "messages": 5, "bids": [[300, 100, 1]], "asks": [[310, 30, 1]],
    }  # fmt: skip
    status, out, _ = run("book", quoted_file, "--symbol", "AAPL", "--json", "--depth", 0)
    assert json.loads(out) == {"symbol": "AAPL", "messages": 11, "bids": [], "asks": []}


def test_book_in_words(run, quoted_file):
    status, out, err = run("book", quoted_file, "--symbol", "AAPL")
    assert (status, err) == (0, "")
    assert "AAPL after 11 messages" in out
    assert "0.0310" in out
    assert "1 dangling" in out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--symbol", "AAPK"], "near it: AAPL"),
        ([], "--symbol"),
        (["--symbol", "AAPL", "--messages", "-1"], "-1"),
        (["--symbol", "AAPL", "--depth", "-1", "--json"], "-1"),
        (["--symbol", "AAPL", "--messages", "many"], "many"),
        (["--symbol", "\x1b[2J\n<b>"], "no symbol"),
    ],
)
def test_book_refuses_in_one_line(run, quoted_file, more, told):
    status, out, err = run("book", quoted_file, *more)
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert "\x1b" not in err
