"""`zcviz.open` and what it gives: every sentence of the contract, and the life of the memory."""

from __future__ import annotations

import gc
import io
import pickle
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, feed_pcap, frames, mold, numbered
from zcviz import samples
from zcviz.dissection import dissect
from zcviz.errors import BufferLifetimeError, SelectionError, ZcvizError
from zcviz.pipelines import PIPELINES
from zcviz.protocols import FEEDS

T0 = 34_200_000_000_000  # 09:30, when the messages of `day` begin, one a millisecond
KEYS = [
    "file", "container", "compression", "protocol", "packets", "datagrams", "heartbeats",
    "messages", "counts", "gaps", "missing", "duplicates", "restarts", "unsequenced", "truncated",
    "skipped", "errors", "errors_total",
]  # fmt: skip


@pytest.fixture(params=["binaryfile", "pcap", "bytes"])
def feed(request, tmp_path):
    content = frames(*day())
    if request.param == "pcap":
        content = feed_pcap(mold(1, *day()[:4]), mold(5), mold(5, *day()[4:]))
    if request.param == "bytes":
        given = content
    else:
        given = tmp_path / "day"
        given.write_bytes(content)
    with zcviz.open(given) as opened:
        yield opened
        # Views may be left behind by a test: they are ours, and never hinder.


def records_of(feed, **chosen):
    return list(feed.records(**chosen))


# --- looking into it -----------------------------------------------------------------------------


def test_counts_and_length(feed):
    assert len(feed) == 14
    assert feed.counts() == {"A": 1, "C": 2, "D": 1, "E": 1, "F": 1, "P": 1, "Q": 1, "R": 2,
                             "S": 1, "U": 1, "W": 1, "X": 1}  # fmt: skip
    assert all(type(n) is int for n in feed.counts().values())


def test_the_index_is_the_same_at_every_access(feed):
    index = feed.index
    assert feed.index is index
    for name in ("offsets", "sizes", "tags"):
        array = getattr(index, name)
        assert getattr(feed.index, name) is array
        assert array.shape == (14,)
        assert np.issubdtype(array.dtype, np.unsignedinteger)
    assert [bytes(feed.data[at : at + n]) for at, n in zip(index.offsets, index.sizes, strict=True)
            ] == day()  # fmt: skip
    assert [chr(tag) for tag in index.tags] == list("SRRAFECCXUPQDW")


def test_the_bytes_are_read_only_and_the_owners(feed):
    assert feed.data.dtype == np.uint8
    assert not feed.data.flags.writeable
    assert feed.data is feed.data
    assert len(feed.data) == feed.source.size == len(feed.source)
    address = feed.data.ctypes.data
    assert (feed.source.address, feed.source.size) == (address, len(feed.data))


def test_bytes_are_viewed_where_they_lie(as_buffer):
    buffer = as_buffer(frames(*day()))
    with zcviz.open(buffer) as feed:
        assert feed.source.owner is buffer
        assert feed.source.view.readonly
        assert not feed.data.flags.writeable
        assert zcviz.shares_memory(feed.data, buffer)
        assert len(feed) == 14


def test_symbols_come_from_the_first_message_that_has_both(feed):
    assert feed.symbols == {1: "AAPL", 2: "MSFT"}
    assert feed.symbols is feed.symbols


def test_symbols_by_hand():
    content = frames(
        add(locate=7, stock=b"FIRST"), add(locate=7, stock=b"SECOND"), add(locate=3, stock=b"B"),
        add(locate=0, stock=b"NOBODY"), helpers.executed(locate=9), add(locate=65535, stock=b"Z A"),
        add(locate=4, stock=b" lead"), add(locate=5, stock=b"NUL\0\0\0\0\0"),
        add(locate=6, stock=b"\x1b[31m\xff"), helpers.directory(b"DIR", locate=8),
    )  # fmt: skip
    with zcviz.open(content) as feed:
        assert feed.symbols == {
            7: "FIRST", 3: "B", 65535: "Z A", 4: " lead", 5: "NUL", 6: "\\x1b[31m\\xff", 8: "DIR",
        }  # fmt: skip
        assert all(text.isprintable() for text in feed.symbols.values())


def test_info_has_the_keys_of_the_contract_in_its_order(feed):
    info = feed.info()
    assert list(info) == KEYS
    assert info["messages"] == 14
    assert info["counts"] == feed.counts()
    assert info["file"] == (str(feed.path) if feed.path else "bytes object")
    assert (info["truncated"], info["errors"], info["errors_total"]) == (None, [], 0)
    assert info["packets"] == (3 if feed.container == "pcap" else 0)
    assert (info["datagrams"], info["heartbeats"]) == ((3, 1) if info["packets"] else (0, 0))


def test_info_tells_of_damage(tmp_path):
    content = frames(add(), b"A short", helpers.UNKNOWN, b"\xff?", add())
    with zcviz.open(content[:-3]) as feed:
        info = feed.info()
    assert info["counts"] == {"A": 1, "z": 1, "0xFF": 1}
    assert info["truncated"] == {"offset": len(content) - 38, "bytes": 35}
    assert info["errors"] == [
        {"offset": 40, "what": "length of the message", "expected": 36, "found": 7}
    ]
    assert info["errors_total"] == 1


# --- records and views ---------------------------------------------------------------------------


def test_records_own_their_values(feed):
    records = records_of(feed)
    assert [type(record).__name__ for record in records[:4]] == [
        "SystemEvent", "StockDirectory", "StockDirectory", "AddOrder",
    ]  # fmt: skip
    assert records[3].price == 3_000_000
    assert records[3].stock == b"AAPL    "
    assert [record.timestamp for record in records] == list(range(T0, T0 + 14 * 10**6, 10**6))
    feed.close()
    assert records[3].order_reference_number == 1


def test_views_are_one_object_a_type_moved_on(feed):
    views, values = [], []
    for view in feed.views():
        views.append(view)
        values.append(view.timestamp)
    assert values == list(range(T0, T0 + 14 * 10**6, 10**6))
    assert views[1] is views[2]  # both R
    assert views[6] is views[7]  # both C
    assert len({id(view) for view in views}) == 12
    kept = [view.to_record() for view in feed.views()]
    assert kept == records_of(feed)
    assert kept[1].stock == b"AAPL    "
    assert views[1].stock == b"MSFT    "  # where it was aimed at last


def test_views_of_different_loops_do_not_disturb_each_other(feed):
    pairs = [
        (a.to_record(), b.to_record()) for a, b in zip(feed.views(), feed.views(), strict=True)
    ]
    assert all(a == b for a, b in pairs)
    one, two = feed.views(), feed.views()
    first = next(one)
    next(two), next(two)
    assert first.message_type == b"S"


def test_views_read_the_feeds_own_memory(feed):
    for view, at in zip(feed.views(), feed.index.offsets.tolist(), strict=True):
        assert view.__zcviz_range__() == (at, view.message.size)
        assert zcviz.shares_memory(view, feed.data)


def test_messages_of_unknown_type_are_counted_but_not_viewed():
    with zcviz.open(frames(add(), helpers.UNKNOWN, add())) as feed:
        assert len(feed) == 3
        assert len(list(feed.views())) == len(records_of(feed)) == 2


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, range(14)),
        ({"symbol": "AAPL"}, [1, 3, 5, 8, 10]),
        ({"symbol": "MSFT"}, [2, 4, 6, 7, 9, 11, 12]),
        ({"start": T0 + 10**6}, range(1, 14)),
        ({"end": T0 + 10**6}, [0]),
        ({"start": T0 + 10**6, "end": T0 + 10**6}, []),
        ({"start": T0 + 10**6, "end": T0 + 10**6 + 1}, [1]),
        ({"start": "09:30:00.001", "end": "09:30:00.003"}, [1, 2]),
        ({"start": "09:30", "end": "9:31"}, range(14)),
        ({"start": "09:31"}, []),
        ({"end": "24:00"}, range(14)),
        ({"start": 0, "end": 2**70}, range(14)),
        ({"start": -5}, range(14)),
        ({"symbol": "AAPL", "start": "09:30:00.002", "end": "09:30:00.006"}, [3, 5]),
    ],
    ids=str,
)
def test_views_and_records_and_tables_can_be_filtered(feed, chosen, expected):
    everything = records_of(feed)
    expected = [everything[n] for n in expected]
    assert records_of(feed, **chosen) == expected
    assert [view.to_record() for view in feed.views(**chosen)] == expected
    for tag in feed.counts():
        table = feed.table(tag, **chosen)
        times = [record.timestamp for record in expected if record[0] == tag.encode()]
        assert table["timestamp"].tolist() == times
        assert len(table) == len(times)


def test_a_message_without_a_locate_is_found_by_the_symbol_it_states():
    # The stock locate of an IPO quoting period is always 0.
    def quoting(stock, locate=0):
        return helpers.itch("K", stock.ljust(8), locate=locate)

    content = frames(quoting(b"AAPL"), add(), quoting(b"MSFT"), quoting(b"MSFT", locate=1),
                     helpers.executed(locate=0), add(locate=0, stock=b"AAPL"))  # fmt: skip
    with zcviz.open(content) as feed:
        everything = records_of(feed)
        expected = [everything[n] for n in (0, 1, 3, 5)]
        assert records_of(feed, symbol="AAPL") == expected
        assert [view.to_record() for view in feed.views(symbol="AAPL")] == expected
        assert feed.table("K", symbol="AAPL")["stock"].tolist() == [b"AAPL    ", b"MSFT    "]
        assert len(feed.table("A", symbol="AAPL")) == 2
        assert len(feed.table("E", symbol="AAPL")) == 0


def test_two_locates_can_have_one_symbol():
    content = frames(add(1, locate=1), add(2, locate=2, stock=b"X"), add(3, locate=3))
    with zcviz.open(content) as feed:
        assert feed.table("A", symbol="AAPL")["order_reference_number"].tolist() == [1, 3]


@pytest.mark.parametrize("symbol", [5, b"AAPL", ["AAPL"], 2.5])
def test_what_is_no_symbol_is_refused(feed, symbol):
    for look in (feed.records, feed.book, lambda symbol: feed.table("A", symbol)):
        with pytest.raises(SelectionError, match="is no symbol: expected text"):
            list(look(symbol))


@pytest.mark.parametrize("tag", [5, None, ["A"], bytearray(b"A")])
def test_what_is_no_tag_is_refused(feed, tag):
    with pytest.raises(SelectionError, match="itch50 has no message"):
        feed.table(tag)


@pytest.mark.parametrize("name", samples.SCHEMAS)
def test_a_time_that_is_null_is_in_no_span(name):
    content = bytearray(samples.small(name).data)
    with zcviz.open(bytes(content), schema=samples.SCHEMAS[name]) as feed:
        timed = [m for m in feed.protocol if feed.protocol.time in m.by_name]
        message = max(timed, key=lambda m: len(feed.table(m.name)))
        table, field = feed.table(message.name), message[feed.protocol.time]
        taken = len(table)
        for at in table.offsets[: taken // 2].tolist():
            content[at + field.offset : at + field.end] = b"\xff" * field.type.size
        del table
    with zcviz.open(bytes(content), schema=samples.SCHEMAS[name]) as feed:
        assert len(feed.table(message.name)) == taken > 1
        for chosen in ({"start": 0}, {"end": 1 << 64}, {"start": 1, "end": 1 << 65}):
            assert len(feed.table(message.name, **chosen)) == taken - taken // 2, chosen
            views = [view for view in feed.views(**chosen) if view.message.name == message.name]
            assert len(views) == taken - taken // 2, chosen


@pytest.mark.parametrize("time", [2.5, b"09:30", [9, 30]])
def test_what_is_no_time_is_refused(feed, time):
    with pytest.raises(SelectionError, match="is no time: expected a whole number or text"):
        feed.table("A", start=time)


@pytest.mark.parametrize(
    "time",
    ["", "9", "9:5", "09:60", "09:00:60", "noon", "-09:30", "09:30:", "09:30:00.",
     "09:30:00.1234567890", "1.5", "99999:00"],
)  # fmt: skip
def test_what_is_no_time_of_day_is_refused(feed, time):
    with pytest.raises(SelectionError, match="no time of day"):
        feed.table("A", start=time)
    with pytest.raises(SelectionError, match="no time of day"):
        list(feed.views(end=time))


@pytest.mark.parametrize("feed_name", ["mdp3", "deribit"])
def test_views_that_tell_no_time_are_in_no_span_of_it(feed_name):
    sample = samples.small(feed_name)
    with zcviz.open(sample.data, schema=samples.SCHEMAS[feed_name]) as feed:
        name = feed.protocol.time
        timed = [tag for tag in feed.counts() if name in feed.protocol[tag].by_name]
        assert 0 < len(timed) < len(feed.counts())
        expected = sum(feed.counts()[tag] for tag in timed)
        assert sum(1 for _ in feed.views(start=0)) == expected
        assert sum(1 for _ in feed.views(end=0)) == 0
        untimed = next(tag for tag in feed.counts() if tag not in timed)
        with pytest.raises(SelectionError, match="no time to select by"):
            feed.table(untimed, start=0)


def test_a_feed_without_times_cannot_be_filtered_by_them():
    told = pytest.raises(SelectionError, match="itch41 carry no time")
    with zcviz.open(samples.small("itch41").data) as feed, told:
        next(feed.views(start="09:30"))


def test_times_of_day_where_a_clock_counts_milliseconds():
    with zcviz.open(samples.small("deribit").data, schema=samples.SCHEMAS["deribit"]) as feed:
        everything = feed.table("ticker")
        times = everything.times()
        assert times.astype("datetime64[ms]").astype(int).tolist() == (
            everything["timestampMs"].tolist()
        )
        at = times[len(times) // 2]
        text = str(at)[11:23]
        assert feed.table("ticker", start=text).times()[0] == at
        assert (feed.table("ticker", end=text).times() < at).all()
        later = f"{text}1"  # a tenth of a millisecond: the count of `at` is before it
        assert at not in feed.table("ticker", start=later).times()
        assert at in feed.table("ticker", end=later).times()


def test_messages_without_groups_say_so(feed):
    with pytest.raises(SelectionError, match="add_order has no group 'x'; it has none"):
        feed.table("A", group="x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00", 0), ("09:30", 34_200 * 10**9), ("9:30", 34_200 * 10**9),
        ("09:30:00.5", 34_200_500_000_000), ("23:59:59.999999999", 86_400 * 10**9 - 1),
        (" 00:00:01 ", 10**9), ("00:00:00.000000001", 1),
    ],
)  # fmt: skip
def test_times_of_day_in_text(text, expected):
    times = [expected - 1, expected, expected + 1] if expected else [0, 1]
    with zcviz.open(frames(*[add(time=time) for time in times])) as feed:
        late = feed.table("A", start=text)["timestamp"].tolist()
        early = feed.table("A", end=text)["timestamp"].tolist()
    assert late == [time for time in times if time >= expected]
    assert early == [time for time in times if time < expected]


def test_unknown_names_are_refused_with_a_hint(feed):
    with pytest.raises(SelectionError, match="AAPL"):
        feed.table("A", symbol="AAPLE")
    with pytest.raises(SelectionError, match="no symbol 'aapl'"):
        list(feed.records(symbol="aapl"))
    for tag in ("Z", "", "AA", b"\xff", 5, "addorder"):
        with pytest.raises(SelectionError):
            feed.table(tag)
    with pytest.raises(LookupError):
        feed.table("Z")


def test_tables_by_every_name_of_a_message(feed):
    for tag in ("A", b"A", "add_order"):
        assert feed.table(tag)["price"].tolist() == [3_000_000]


# --- the life of the memory ----------------------------------------------------------------------


def test_closing_revokes_views(feed):
    view = next(feed.views(symbol="AAPL"))
    assert view.stock_locate == 1
    feed.close()
    for read in (lambda: view.stock_locate, view.to_record, view.to_dict):
        with pytest.raises(BufferLifetimeError):
            read()
    assert "aimed at nothing" in repr(view)
    assert not view.is_aimed


def test_a_revoked_view_can_be_aimed_at_other_memory(feed):
    view = next(feed.views())
    feed.close()
    assert view.wrap(day()[0]).event_code == b"O"


def test_closing_while_views_are_being_looked_through(feed):
    views = feed.views()
    view = next(views)
    feed.close()
    with pytest.raises(BufferLifetimeError):
        next(views)
    with pytest.raises(BufferLifetimeError):
        view.timestamp  # noqa: B018


def test_closing_inside_the_loop(feed):
    seen = 0
    with pytest.raises(BufferLifetimeError):
        for _ in feed.views():
            seen += 1
            if seen == 3:
                feed.close()
    assert seen == 3


def test_closing_twice(feed):
    feed.close()
    feed.close()
    with feed:
        pass
    assert "closed" in repr(feed)


def test_use_after_closing_is_our_error_whatever_is_asked(feed):
    table = feed.table("A")
    kept = table["price"]
    run = {name: pipeline.start(feed) for name, pipeline in PIPELINES.items()}
    for each in run.values():
        each.step()
    del each, run
    late = {name: pipeline.start(feed) for name, pipeline in PIPELINES.items()}
    feed.close()
    uses = {
        "data": lambda: feed.data,
        "source view": lambda: feed.source.view,
        "source data": lambda: feed.source.data,
        "symbols": lambda: feed.symbols,
        "column": lambda: table["stock"],
        "scaled": lambda: table.scaled("shares"),
        "pandas": table.to_pandas,
        "views": lambda: list(feed.views()),
        "records": lambda: list(feed.records()),
        "filter": lambda: feed.table("A", start=0),
        "head": lambda: feed.head(2),
        "compare": lambda: zcviz.compare(feed),
        "dissect": lambda: dissect(feed, 0),
        "pipelines": lambda: [pipeline(feed) for pipeline in PIPELINES.values()],
        **{f"{name} begun": each.step for name, each in late.items()},
    }
    for name, use in uses.items():
        with pytest.raises(BufferLifetimeError):
            use()
            pytest.fail(f"{name} was answered")
    # What was taken out before is still there.
    assert kept.tolist() == [3_000_000]
    assert table["price"] is kept
    assert len(feed) == 14
    assert len(feed.index.offsets) == 14
    assert repr(table)
    assert table._repr_html_()


def test_use_after_closing_before_the_first_look(itch_file):
    feed = zcviz.open(itch_file)
    feed.close()
    for use in (lambda: len(feed), lambda: feed.index, feed.counts, feed.info,
                lambda: feed.report, lambda: feed.sequences, lambda: list(feed.views()),
                lambda: feed.table("A")):  # fmt: skip
        with pytest.raises(BufferLifetimeError, match=r"day\.itch"):
            use()


def columns_of(feed):
    return feed.table("A")["stock"]


@pytest.mark.parametrize(
    "take",
    [
        columns_of,
        lambda feed: feed.table("A").to_pandas(),
        lambda feed: feed.index,
        lambda feed: feed.table("F"),
        lambda feed: list(feed.records()),
        lambda feed: (feed.symbols, feed.counts(), feed.info()),
        lambda feed: next(feed.views()),
        lambda feed: feed.views(),
        lambda feed: [PIPELINES[name](feed) for name in PIPELINES],
        lambda feed: zcviz.compare(feed, rounds=1),
        lambda feed: feed.table("A")._repr_html_(),
    ],
    ids=["column", "pandas", "index", "table", "records", "answers", "view", "begun loop",
         "summaries", "comparison", "html"],
)  # fmt: skip
def test_what_never_hinders_closing(feed, take):
    taken = take(feed)
    feed.close()
    assert taken is not None


class Holder:
    pass


def closure_over(value):
    return lambda: value


def in_attribute(value):
    holder = Holder()
    holder.kept = value
    return holder


HOLDS = {
    "an array": lambda feed: feed.data,
    "part of an array": lambda feed: feed.data[5:9],
    "a strided array": lambda feed: feed.data[::-3],
    "an array of another type": lambda feed: feed.data[:8].view(">u4"),
    "a memoryview": lambda feed: feed.source.view[3:],
    "the map itself": lambda feed: memoryview(feed.source.owner),
    "a list": lambda feed: [None, feed.data[1:]],
    "a dictionary": lambda feed: {"prices": feed.data[1:]},
    "a tuple": lambda feed: (feed.source.view[:2],),
    "an attribute": lambda feed: in_attribute(feed.data[1:]),
    "a Series": lambda feed: pd.Series(feed.data, copy=False),
    "a pickle buffer": lambda feed: pickle.PickleBuffer(feed.source.view),
    "a closure": lambda feed: closure_over(feed.data[1:]),
    "a dissection": lambda feed: dissect(feed, 0),
}


@pytest.mark.parametrize("how", HOLDS)
def test_closing_is_refused_while_the_map_is_looked_into(how, itch_file, pcap_file):
    feed = zcviz.open(pcap_file if how == "a dissection" else itch_file)
    before = feed.counts()
    held = HOLDS[how](feed)
    for _ in range(2):
        with pytest.raises(BufferLifetimeError) as caught:
            feed.close()
        text = str(caught.value)
        assert feed.path.name in text
        assert "ndarray" in text or "memoryview" in text, text
    # The feed goes on as if nothing had happened.
    assert not feed.source.closed
    assert feed.counts() == before
    assert feed.table("A")["price"][0] == 3_000_000
    assert len(list(feed.views())) == sum(n for t, n in before.items() if t in feed.protocol)
    assert PIPELINES["copying"](feed).messages == before
    del held, caught
    feed.close()
    assert feed.source.closed


def test_the_refusal_names_who_holds_on(itch_file):
    feed = zcviz.open(itch_file)
    my_prices = feed.data[4:8]
    my_bytes = {"my_key": feed.source.view[2:]}
    my_object = in_attribute(feed.data[:3])
    with pytest.raises(BufferLifetimeError) as caught:
        feed.close()
    text = str(caught.value)
    for name in ("ndarray 'my_prices'", "memoryview 'my_key'", "ndarray", "Holder"):
        assert name in text
    del my_prices, my_bytes, my_object, caught
    feed.close()


def test_views_go_on_after_a_refusal(itch_file):
    feed = zcviz.open(itch_file)
    data, views = feed.data, feed.views()
    view = next(views)
    runs = {name: pipeline.start(feed, stepped=False) for name, pipeline in PIPELINES.items()}
    with pytest.raises(BufferLifetimeError):
        feed.close()
    assert view.event_code == b"O"
    assert [each.timestamp for each in views] == [T0 + n * 10**6 for n in range(1, 14)]
    for run in runs.values():
        assert len(list(run.units())) == 1
        assert run.result().messages == feed.counts()
    del data, run, runs
    gc.collect()
    feed.close()
    with pytest.raises(BufferLifetimeError):
        view.event_code  # noqa: B018


def test_the_refusal_names_what_arrow_holds(itch_file):
    feed = zcviz.open(itch_file)
    my_buffer, my_array = pa.py_buffer(feed.source.view), pa.array(feed.data)
    with pytest.raises(BufferLifetimeError, match=r"Buffer 'my_buffer'.*Array 'my_array'"):
        feed.close()
    del my_buffer, my_array
    feed.close()


def test_views_of_entries_go_on_after_a_refusal(tmp_path):
    path = tmp_path / "futures.pcap"
    path.write_bytes(samples.small("mdp3").data)
    feed = zcviz.open(path, schema=samples.SCHEMAS["mdp3"])
    data = feed.data
    groups = ((view, group.name) for view in feed.views() for group in view.message.groups)
    some = next(each for view, name in groups if len(each := getattr(view, name)) > 1)
    walk = iter(some)
    entry = next(walk)
    before = entry.to_dict()
    with pytest.raises(BufferLifetimeError):
        feed.close()
    assert entry.to_dict() == before
    assert len(list(walk)) == len(some) - 1
    del data
    feed.close()
    with pytest.raises(BufferLifetimeError):
        entry.to_dict()


def test_arrays_in_reference_cycles_are_no_users(itch_file):
    feed = zcviz.open(itch_file)
    cycle = [feed.data[2:]]
    cycle.append(cycle)
    del cycle
    feed.close()


def test_a_view_that_the_feed_did_not_make_keeps_it_open(itch_file):
    # The contract is about memoryviews: whoever wraps one himself holds one.
    feed = zcviz.open(itch_file)
    from zcviz.codec import view_of

    own = view_of(feed.protocol["S"])().wrap(feed.source.view[2:], 0)
    with pytest.raises(BufferLifetimeError, match="SystemEvent"):
        feed.close()
    own.revoke()
    feed.close()


def test_closing_is_never_refused_for_memory_that_is_no_map(as_buffer):
    buffer = as_buffer(frames(*day()))
    feed = zcviz.open(buffer)
    data, view = feed.data, feed.source.view[1:]
    export = pickle.PickleBuffer(feed.source.view)
    feed.close()
    assert data[0] == view[0] - 12 == 0
    assert export.raw()[1] == 12
    with pytest.raises(BufferLifetimeError):
        feed.data  # noqa: B018


def test_closing_lets_go_of_the_callers_memory():
    held = bytearray(frames(*day()))
    feed = zcviz.open(held)
    view = next(feed.views())
    kept = (feed.table("A")["stock"], feed.index, feed.symbols, feed.counts(), feed.table("F"))
    with pytest.raises(BufferError):
        held.append(0)
    feed.close()
    held.append(0)
    assert not view.is_aimed
    assert kept


def test_closing_lets_go_of_decompressed_memory():
    import gzip

    feed = zcviz.open(gzip.compress(frames(*day())))
    owner = feed.source.owner
    assert type(owner) is bytearray
    assert feed.name == "bytes object"[:0] + feed.source.name
    feed.close()
    owner.append(0)


def test_a_feed_that_is_not_closed_goes_with_its_last_reference(itch_file):
    feed = zcviz.open(itch_file)
    list(feed.views())
    gone = weakref.ref(feed.source)
    del feed
    gc.collect()
    assert gone() is None


def test_the_with_block_closes(itch_file):
    with zcviz.open(itch_file) as feed:
        assert isinstance(feed, zcviz.Feed)
    assert feed.source.closed


def test_the_with_block_refuses_too(itch_file):
    with pytest.raises(BufferLifetimeError, match="'kept'"):  # noqa: SIM117
        with zcviz.open(itch_file) as feed:
            kept = feed.data
    assert len(kept) == len(itch_file.read_bytes())


def test_an_exception_on_its_way_is_not_hidden(itch_file):
    with pytest.raises(KeyError, match="the real one") as caught, zcviz.open(itch_file) as feed:
        kept = feed.data
        raise KeyError("the real one")
    assert any("cannot close" in note for note in caught.value.__notes__)
    assert kept is not None
    with pytest.raises(ZeroDivisionError) as caught, zcviz.open(itch_file) as feed:
        1 / 0  # noqa: B018
    assert not hasattr(caught.value, "__notes__")
    assert feed.source.closed


def test_an_interrupt_on_its_way_is_not_hidden(itch_file):
    with pytest.raises(KeyboardInterrupt), zcviz.open(itch_file) as feed:
        kept = feed.data
        raise KeyboardInterrupt
    assert kept is not None


# --- the beginning of a feed ---------------------------------------------------------------------


@pytest.mark.parametrize("messages", [0, 1, 3, 4, 5, 13, 14, 15, 10**9, np.int64(3)])
def test_the_head_has_whole_packets_and_at_least_so_many_messages(feed, messages):
    head = feed.head(messages)
    try:
        wanted = min(messages, 14)
        if feed.container == "pcap" and messages > 0:
            assert len(head) == (4 if wanted <= 4 else 14)
        else:
            assert len(head) == wanted
        assert list(head.records()) == records_of(feed)[: len(head)]
        assert head.report.truncated is None
        assert zcviz.shares_memory(head.data, feed.data) or not len(head.data)
        assert PIPELINES["copying"](head) == PIPELINES["columnar"](head)
    finally:
        head.close()


@pytest.mark.parametrize("name", FEEDS)
def test_the_head_of_no_messages_is_empty_in_every_container(name):
    for container in samples.containers_of(name):
        with zcviz.open(samples.small(name, container).data) as feed:
            head = feed.head(0)
            assert (len(head), head.counts(), list(head.views())) == (0, {}, [])
            head.close()


@pytest.mark.parametrize("messages", [-1, 2.5, "3", None, np.float64(2)])
def test_what_is_no_number_of_messages_is_refused(feed, messages):
    with pytest.raises(SelectionError, match="expected a whole number, 0 or more"):
        feed.head(messages)


def test_a_feed_describes_itself(feed):
    text = repr(feed)
    assert "itch50" in text
    assert feed.name in text
    assert f"{len(feed.data):,} bytes" in text
    assert feed.protocol.name == "itch50"
    assert feed.protocol["A"].name == "add_order"


def test_progress_is_told(itch_file):
    told = []
    with zcviz.open(itch_file, progress=lambda *done: told.append(done)) as feed:
        assert told == []
        len(feed)
    assert told[-1] == (len(itch_file.read_bytes()),) * 2


def test_every_error_of_ours_has_one_root():
    from zcviz import errors

    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            assert issubclass(kind, ZcvizError)
    assert issubclass(BufferLifetimeError, RuntimeError)
    assert issubclass(SelectionError, LookupError)
    assert issubclass(errors.DecodeError, ValueError)
    assert issubclass(errors.TruncatedError, EOFError)


def test_the_bytes_of_a_stream_are_read_by_who_has_it():
    stream = io.BytesIO(frames(*day()))
    with zcviz.open(stream.getbuffer()) as feed:
        assert len(feed) == 14
    stream.write(b"after")  # raises while the buffer is held


def test_gaps_and_the_rest_are_in_info():
    content = feed_pcap(numbered(1, 1), numbered(5, 1), numbered(5, 1), mold(0, add()))
    with zcviz.open(content) as feed:
        info = feed.info()
    assert [info[name] for name in KEYS[9:14]] == [1, 3, 1, 0, 1]


def test_provenance_of_a_feed_leads_to_its_map(itch_file):
    with zcviz.open(itch_file) as feed:
        assert zcviz.provenance(feed).owner.type == "mmap"
