"""Four pipelines, one Summary: against an oracle that adds up with plain integers."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests import helpers
from tests.agreement import EVERY_PIPELINE
from tests.helpers import add, cross, executed, executed_at, feed_pcap, frames, itch, mold, trade
from zcviz.index import MessageIndex
from zcviz.pipelines import EXPERIMENTS, PIPELINES, Columns
from zcviz.summary import Accumulator, Summary, Totals

MASK = 2**64 - 1
every_pipeline = pytest.mark.parametrize("name", EVERY_PIPELINE)


def summary_of(*messages):
    """The Summary of these messages: from every pipeline and both containers the same."""
    contents = [frames(*messages)]
    datagrams = [mold(n + 1, message) for n, message in enumerate(messages)]
    contents.append(feed_pcap(*datagrams))
    contents.append(feed_pcap(mold(1, *messages[:9]), mold(9), mold(10, *messages[9:])))
    found = []
    for content in contents:
        with zcviz.open(content, protocol="itch50") as feed:
            found += [pipeline(feed) for pipeline in EVERY_PIPELINE.values()]
    assert all(each == found[0] for each in found)
    return found[0]


def field(message, tag, name):
    for known, kind, offset, size in helpers.layout_of(tag):
        if known == name:
            piece = message[offset : offset + size]
            return int.from_bytes(piece, "big") if kind == "n" else piece
    return None


SHARES = {"A": "shares", "F": "shares", "E": "executed_shares", "C": "executed_shares",
          "P": "shares", "Q": "shares"}  # fmt: skip
PRICE = {"A": "price", "F": "price", "C": "execution_price", "P": "price", "Q": "cross_price"}


def oracle(messages):
    """The issue's definition, word for word, on unbounded integers; reduced at the end."""
    counts, shares, notional, last, symbols, times = {}, {}, {}, {}, {}, []
    for message in messages:
        tag = chr(message[0])
        text = tag if 0x20 <= message[0] < 0x7F else f"0x{message[0]:02X}"
        counts[text] = counts.get(text, 0) + 1
        if tag not in helpers.DOCUMENTED:
            continue
        locate = field(message, tag, "stock_locate")
        times.append(field(message, tag, "timestamp"))
        stock = field(message, tag, "stock")
        if stock is not None:
            symbols.setdefault(locate, stock)
        if tag not in SHARES:
            continue
        size = field(message, tag, SHARES[tag])
        shares[locate] = shares.get(locate, 0) + size
        notional.setdefault(locate, 0)
        last.setdefault(locate, None)
        if tag == "E" or (tag == "C" and field(message, tag, "printable") != b"Y"):
            continue
        price = field(message, tag, PRICE[tag])
        notional[locate] += size * price
        if tag in "CPQ":
            last[locate] = price
    return Summary(
        dict(sorted(counts.items(), key=lambda item: _code(item[0]))),
        {
            locate: Totals(
                _text(symbols.get(locate, b"")) if locate else "",
                shares[locate] & MASK, notional[locate] & MASK, last[locate],
                max(shares[locate], notional[locate]) > MASK,
            )
            for locate in sorted(shares)
        },
        min(times, default=None), max(times, default=None),
    )  # fmt: skip


def _code(text):
    return int(text, 16) if len(text) > 1 else ord(text)


def _text(stock):
    stock = stock.rstrip(b" \0")
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in stock)


def check(*messages):
    found, expected = summary_of(*messages), oracle(messages)
    assert found == expected
    assert list(found.messages) == list(expected.messages)
    assert list(found.locates) == list(expected.locates)
    return found


# --- by hand -------------------------------------------------------------------------------------


def test_a_day_by_hand():
    found = check(*helpers.day())
    assert found.locates == {
        1: Totals("AAPL", 100 + 40 + 7, 100 * 3_000_000 + 7 * 3_000_500, 3_000_500),
        2: Totals("MSFT", 300 + 10 + 10 + 5000,
                  300 * 2_000_000 + 10 * 1_999_900 + 5000 * 2_000_200, 2_000_200),
    }  # fmt: skip
    assert (found.first_timestamp, found.last_timestamp) == (
        34_200_000_000_000, 34_200_013_000_000)  # fmt: skip
    assert not found.overflow


def test_each_type_adds_what_it_should():
    def totals(message):
        return check(message).locates

    assert totals(add(shares=3, price=5)) == {1: Totals("AAPL", 3, 15)}
    assert totals(add(shares=3, price=5, mpid=b"NITE")) == {1: Totals("AAPL", 3, 15)}
    assert totals(executed(shares=3)) == {1: Totals("", 3)}
    assert totals(executed_at(shares=3, price=5)) == {1: Totals("", 3, 15, 5)}
    assert totals(executed_at(shares=3, price=5, printable=b"N")) == {1: Totals("", 3)}
    assert totals(trade(shares=3, price=5)) == {1: Totals("AAPL", 3, 15, 5)}
    assert totals(cross(shares=3, price=5)) == {1: Totals("AAPL", 3, 15, 5)}
    for tag in set(helpers.DOCUMENTED) - set("AFECPQ"):
        assert totals(itch(tag, fill=1)) == {}


@pytest.mark.parametrize("flag", [b"N", b" ", b"y", b"\0", b"\xff", b"1"])
def test_only_y_is_printable(flag):
    assert check(executed_at(shares=3, price=5, printable=flag)).locates == {1: Totals("", 3)}


def test_the_last_trade_is_the_last_in_the_feed_whatever_its_type():
    messages = {"C": executed_at(price=1), "P": trade(price=2), "Q": cross(price=3)}
    prices = {"C": 1, "P": 2, "Q": 3}
    for order in ("CPQ", "CQP", "PCQ", "PQC", "QCP", "QPC", "QQPC", "CPQC"):
        found = check(*[messages[tag] for tag in order])
        assert found.locates[1].last_trade == prices[order[-1]]
    found = check(trade(price=2), add(price=9), executed(), executed_at(price=8, printable=b"N"))
    assert found.locates[1].last_trade == 2


def test_a_last_trade_at_nothing_is_a_trade():
    assert check(trade(price=0)).locates[1].last_trade == 0
    assert check(add()).locates[1].last_trade is None


def test_timestamps_are_the_smallest_and_largest_of_known_types():
    found = check(add(time=50), itch("B", time=7), itch("S", time=2**48 - 1), b"z" + bytes(30))
    assert (found.first_timestamp, found.last_timestamp) == (7, 2**48 - 1)
    found = check(b"z" + bytes(30))
    assert (found.first_timestamp, found.last_timestamp) == (None, None)
    assert check(add(time=0)).first_timestamp == 0


def test_symbols_label_where_one_was_seen():
    found = check(
        executed(locate=5), add(locate=6, stock=b"LATER"), add(locate=6, stock=b"AGAIN"),
        executed(locate=7), itch("R", b"BYR     ", locate=7), add(locate=0, stock=b"NONE"),
        add(locate=8, stock=b""), add(locate=9, stock=b"\0\xff<b>"),
    )  # fmt: skip
    symbols = {locate: totals.symbol for locate, totals in found.locates.items()}
    assert symbols == {0: "", 5: "", 6: "LATER", 7: "BYR", 8: "", 9: "\\x00\\xff<b>"}


def test_a_locate_that_only_bears_a_symbol_has_no_totals():
    assert check(itch("R", b"AAPL    ", locate=3)).locates == {}


def test_every_locate_there_can_be():
    found = check(add(locate=0), add(locate=1), add(locate=65535), trade(locate=65535))
    assert list(found.locates) == [0, 1, 65535]


def test_nothing_at_all():
    with zcviz.open(b"\0\0") as feed:
        for pipeline in EVERY_PIPELINE.values():
            assert pipeline(feed) == Summary()
    with zcviz.open(helpers.pcap()) as feed:
        for pipeline in EVERY_PIPELINE.values():
            assert pipeline(feed) == Summary()
    assert str(Summary()) == "Summary of 0 messages of 0 types, 0 securities"


def test_only_traffic_of_others():
    content = helpers.pcap(helpers.ethernet(b"", kind=0x806), helpers.packet(mold(1)))
    with zcviz.open(content) as feed:
        for pipeline in EVERY_PIPELINE.values():
            assert pipeline(feed) == Summary()


BIG = 2**64 - 1


@pytest.mark.parametrize(
    ("messages", "overflows"),
    [
        ([cross(BIG, price=0)], False),
        ([cross(BIG, price=1)], False),
        ([cross(BIG, price=1), executed(shares=0)], False),
        ([cross(BIG, price=0), executed(shares=1)], True),
        ([cross(BIG, price=0), executed(shares=5, locate=2)], False),
        ([executed(shares=1), cross(BIG, price=0)], True),
        ([cross(2**63, price=0)] * 2, True),
        ([cross(2**63, price=0), cross(2**63 - 1, price=0)], False),
        ([cross(2**33, price=2**31)], True),
        ([cross(2**33, price=2**31 - 1)], False),
        ([cross(2**32, price=2**32 - 1)], False),
        ([cross(2**32 + 2, price=2**32 - 1)], True),
        ([cross(2**32 + 1, price=2**32 - 1)], False),
        ([cross(BIG, price=2)], True),
        ([cross(BIG, price=2**32 - 1)], True),
        ([add(shares=2**32 - 1, price=2**32 - 1)], False),
        ([add(shares=2**32 - 1, price=2**32 - 1)] * 2, True),
        ([add(shares=2**32 - 1, price=2**32 - 1), cross(2**33 - 2, price=1)], False),
        ([add(shares=2**32 - 1, price=2**32 - 1), cross(2**33 - 1, price=1)], True),
        ([executed_at(shares=2**32 - 1, price=2**32 - 1, printable=b"N")] * 3, False),
    ],
)
def test_sums_are_modulo_2_to_the_64_and_overflow_is_flagged(messages, overflows):
    found = check(*messages)
    assert found.overflow == overflows
    assert all(totals.shares <= MASK >= totals.notional for totals in found.locates.values())


# --- any messages --------------------------------------------------------------------------------


@st.composite
def hostile(draw):
    """A message of a known type: extreme or random in every field, but few locates."""
    tag = draw(st.sampled_from("AFECPQAFECPQRSHUXDKVIO"))
    size = helpers.SIZES[tag]
    edges = st.sampled_from([b"\0", b"\xff", b"\x7f", b"\x80", b"Y", b"N", b" "])
    body = draw(st.one_of(st.binary(min_size=size, max_size=size), edges.map(lambda b: b * size)))
    message = bytearray(body)
    message[0] = ord(tag)
    message[1:3] = struct.pack(">H", draw(st.sampled_from([0, 1, 1, 2, 65535])))
    if tag == "C":
        message[31:32] = draw(st.sampled_from([b"Y", b"Y", b"N", b" "]))
    return bytes(message)


unknown = st.binary(min_size=1, max_size=5).filter(lambda m: chr(m[0]) not in helpers.DOCUMENTED)


@settings(max_examples=120)
@given(st.lists(st.one_of(hostile(), hostile(), hostile(), unknown), min_size=1, max_size=24))
def test_any_messages_are_summed_as_by_the_oracle(messages):
    check(*messages)


def test_blocks_of_the_columnar_pipeline_do_not_show(monkeypatch):
    messages = []
    for n in range(40):
        messages += [trade(price=n, locate=n % 3), add(locate=n % 5)]
        messages += [cross(2**62, price=n), executed_at(price=n)]
    expected = oracle(messages)
    datagrams = [mold(n * 5 + 1, *messages[n * 5 : n * 5 + 5]) for n in range(32)]
    contents = [frames(*messages), feed_pcap(*datagrams)]
    for packets in (1, 2, 7):
        monkeypatch.setattr("zcviz.pipelines.inputs.PACKETS", packets)
        for block in (64, 65, 4096):
            monkeypatch.setattr("zcviz.pipelines.inputs.BLOCK", 32768 + block)
            for content in contents:
                with zcviz.open(content) as feed:
                    assert PIPELINES["columnar"](feed) == expected
    monkeypatch.setattr("zcviz.pipelines.inputs.BLOCK", 3)
    with zcviz.open(contents[0]) as feed:
        assert PIPELINES["columnar"](feed) == expected


# --- stages, stepping, the clock -----------------------------------------------------------------

STAGES = {
    "copying": ["packet", "datagram", "message", "record", "summary"],
    "slicing": ["packet", "datagram", "message", "record", "summary"],
    "flyweight": ["packet", "datagram", "message", "summary"],
    "columnar": ["index", "gather", "summary"],
}


@pytest.fixture(params=["binaryfile", "pcap"])
def feed(request):
    messages = [*helpers.day(), helpers.UNKNOWN] * 11
    content = frames(*messages)
    if request.param == "pcap":
        datagrams = [mold(n * 10 + 1, *messages[n * 10 : n * 10 + 10]) for n in range(17)]
        content = feed_pcap(mold(1), *datagrams, helpers.end_of_session(166))
    with zcviz.open(content) as opened:
        yield opened


def test_the_pipelines_that_there_are():
    assert list(PIPELINES) == ["copying", "flyweight", "columnar"]
    assert list(EXPERIMENTS) == ["slicing"]
    assert {name: each.name for name, each in EVERY_PIPELINE.items()} == {
        name: name for name in EVERY_PIPELINE
    }


@every_pipeline
def test_stages_by_name(name, feed):
    expected = [s for s in STAGES[name] if s != "datagram" or feed.container == "pcap"]
    stages = EVERY_PIPELINE[name].stages(feed)
    assert [stage.name for stage in stages] == expected
    assert all(stage.does for stage in stages)


@every_pipeline
def test_stepping_ends_in_the_same_summary(name, feed):
    pipeline = EVERY_PIPELINE[name]
    run, done, units = pipeline.start(feed), [0], 0
    while (results := run.step()) is not None:
        units += 1
        names = [result.stage.name for result in results]
        assert names == [stage.name for stage in run.stages][: len(names)]
        for one, two in itertools.pairwise(results):
            assert two.input is one.output
        done.append(run.done)
    assert run.step() is None
    assert run.result() == pipeline(feed)
    assert done[-1] == run.done == len(feed) == 165
    assert units == (19 if feed.container == "pcap" else 3)
    assert max(b - a for a, b in itertools.pairwise(done)) <= 64


@pytest.mark.parametrize("feed", ["pcap"], indirect=True)
def test_a_step_is_one_packet(feed):
    for name, pipeline in EVERY_PIPELINE.items():
        run = pipeline.start(feed)
        first = run.step()
        assert run.done == 0  # the first packet is a heartbeat
        assert first is not None
        second = run.step()
        assert run.done == 10
        if name == "columnar":
            assert isinstance(second[0].output, MessageIndex)
            assert all(isinstance(each, Columns) for each in second[1].output)
        else:
            kind = bytes if name == "copying" else memoryview
            assert [type(result.output) for result in second[:2]] == [kind, kind]
            assert len(second[2].output) == 10
            assert isinstance(second[-1].output, Accumulator)


@every_pipeline
def test_the_stages_are_the_same_functions_stepped_and_fused(name, feed):
    pipeline = EVERY_PIPELINE[name]
    stepped, fused = pipeline.start(feed), pipeline.start(feed, stepped=False)
    for one, two in zip(stepped.stages, fused.stages, strict=True):
        assert one.function.__func__ is two.function.__func__


@every_pipeline
def test_a_run_by_the_clock_is_the_whole_run(name, feed, monkeypatch):
    pipeline = EVERY_PIPELINE[name]
    readings = itertools.count()
    monkeypatch.setattr("zcviz.pipelines.stage.perf_counter_ns", lambda: next(readings))
    run, stepped = pipeline.start(feed, stepped=False), pipeline.start(feed, stepped=False)
    spent = run.clock()
    assert run.result() == pipeline(feed)
    calls = [0] * len(stepped.stages)
    while (results := stepped.step()) is not None:
        for at in range(min(len(results) + 1, len(calls))):  # one that gave nothing is not in it
            calls[at] += 1
    calls[0], calls[-1] = calls[0] + 1, calls[-1] + 1  # meets the end; makes the result
    assert spent == calls


@every_pipeline
def test_iterating_tells_how_far_it_is(name, feed):
    done = list(EVERY_PIPELINE[name].iterate(feed))
    assert done == sorted(done)
    assert done[-1] == len(feed)


@every_pipeline
def test_a_pipeline_can_be_run_again(name, feed):
    pipeline = EVERY_PIPELINE[name]
    assert pipeline(feed) == pipeline(feed)
    halfway = pipeline.start(feed)
    halfway.step()
    assert pipeline(feed).messages == feed.counts()
    assert sum(halfway.result().messages.values()) == halfway.done


def test_a_flyweight_stage_hands_on_places_and_one_view_a_type(feed):
    run = PIPELINES["flyweight"].start(feed)
    while not run.done:
        results = run.step()
    messages = results[-2].output
    assert len(messages) == run.done
    views = [view for _, view in messages.each()]
    assert len({id(view) for view in views if view is not None}) == len(
        {tag for tag, view in messages.each() if view is not None}
    )
    tags = [tag for tag, _ in messages.each()]
    starts = [start for start, _ in messages.bounds]
    assert bytes(messages.buffer[start] for start in starts) == bytes(tags)
    first = messages[0]
    assert first.to_record() == next(feed.records())
    assert messages[1] is not first
    assert first.event_code == b"O"  # its own type: still where it was aimed
    del first, views, messages, results


def test_a_summary_reads_like_a_sentence():
    text = str(summary_of(*helpers.day()))
    assert text == "Summary of 14 messages of 12 types, 2 securities"
