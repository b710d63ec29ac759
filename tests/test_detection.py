"""The protocol is found out from content; where several would do, they are named."""

from __future__ import annotations

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, frames, mold, packet, pcap
from zcviz.errors import BadMagicError, SelectionError
from zcviz.protocols import FEEDS
from zcviz.samples import SCHEMAS, containers_of, small

EVERY = [(feed, container) for feed in FEEDS for container in containers_of(feed)]


@pytest.mark.parametrize(("feed", "container"), EVERY)
def test_every_feed_is_known_by_what_is_in_it(feed, container):
    data, truth = small(feed, container)
    with zcviz.open(data) as opened:
        assert (opened.protocol.name, opened.container) == (feed, container)
        assert opened.counts() == truth["counts"]
    with zcviz.open(data, protocol=feed, schema=SCHEMAS.get(feed)) as opened:
        assert opened.counts() == truth["counts"]


@pytest.mark.parametrize("feed", SCHEMAS)
def test_a_schema_alone_says_which_of_the_sbe_feeds_it_is(feed):
    with zcviz.open(small(feed).data, schema=SCHEMAS[feed]) as opened:
        assert opened.protocol.name == feed
        assert len(opened.protocol) > 0


def datagrams_of(feed):
    with zcviz.open(small(feed).data) as opened:
        table = opened.index.datagrams
        places = zip(table.offsets.tolist(), table.sizes.tolist(), strict=True)
        return [bytes(opened.source.view[at : at + size]) for at, size in places]


def test_two_feeds_in_one_capture_are_named_and_refused():
    feeds = {feed: datagrams_of(feed) for feed in ("tops16", "deep10")}
    mixed = helpers.feed_pcap(
        *(each for pair in zip(*feeds.values(), strict=False) for each in pair)
    )
    with pytest.raises(BadMagicError, match=r"several: .*tops16 in iextp \(\d+ messages\)") as it:
        zcviz.open(mixed)
    assert "deep10" in str(it.value)
    assert "name it" in str(it.value)
    many = min(map(len, feeds.values()))
    for feed in feeds:
        with zcviz.open(mixed, protocol=feed) as opened:
            assert opened.report.datagrams == opened.report.skipped["another protocol"] == many


def test_a_feed_after_much_other_traffic_is_found():
    noise = [helpers.packet(b"\x01noise, and not text either")] * 3000
    with zcviz.open(pcap(*noise, packet(mold(1, add())))) as feed:
        assert feed.counts() == {"A": 1}


def test_text_that_begins_like_a_session_is_no_feed():
    with pytest.raises(BadMagicError, match=r"messages of one of itch50, .*, found none \(name"):
        zcviz.open(pcap(packet(b"GET / HTTP/1.1 and much more of the like")))


def test_a_container_that_the_protocol_does_not_come_in():
    expected = "expected a capture of packets of tops16, found a file without packets"
    with pytest.raises(BadMagicError, match=expected):
        zcviz.open(frames(add()), protocol="tops16")


def test_where_only_one_protocol_would_do_it_is_named_alone():
    other = pcap(packet(b"no message of a future"))
    with pytest.raises(BadMagicError, match="expected messages of mdp3, found none"):
        zcviz.open(other, schema=SCHEMAS["mdp3"])


@pytest.mark.parametrize("feed", FEEDS)
def test_a_capture_of_beginnings_says_so(feed):
    data, _ = small(feed, snap=14 + 20 + 8 + 6)  # six bytes of each payload: no header fits in
    with pytest.raises(BadMagicError, match="found packets that the capture's snap length cut"):
        zcviz.open(data)
    with zcviz.open(data, protocol=feed) as opened:
        assert (len(opened), opened.report.packets > 0) == (0, True)


def test_an_iex_symbol_and_time_of_day_select():
    data, _ = small("tops16", messages=400)
    with zcviz.open(data) as feed:
        quotes = feed.table("quote_update")
        symbol = quotes["symbol"][0].decode().rstrip()
        chosen = feed.table("Q", symbol=symbol)
        assert 0 < len(chosen) <= len(quotes)
        assert set(chosen["symbol"].tolist()) == {symbol.encode().ljust(8)}
        times = quotes["timestamp"]
        middle = int(np.median(times))
        assert len(feed.table("Q", start=middle)) == int((times >= middle).sum())
        late = feed.table("Q", start="00:00", end="23:59:59.999")
        assert len(late) == len(quotes)
        assert [view.symbol for view in feed.views(symbol=symbol)]
        with pytest.raises(SelectionError, match=f"near it: .*{symbol}"):
            feed.table("Q", symbol=symbol + "X")


def test_feeds_without_symbols_say_so():
    feed = zcviz.open(small("mdp3").data, schema=SCHEMAS["mdp3"])
    with feed, pytest.raises(SelectionError, match="no symbol"):
        feed.table(next(iter(feed.counts())), symbol="ES")


@pytest.mark.parametrize("feed", FEEDS)
def test_the_head_of_a_feed_is_its_first_messages(feed):
    with zcviz.open(small(feed).data) as whole:
        head = whole.head(20)
        assert 20 <= len(head) < len(whole)
        assert head.index.offsets.tolist() == whole.index.offsets[: len(head)].tolist()
        head.close()


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("container", ["pcap", "pcapng"])
def test_packets_of_every_feed_come_apart(feed, container):
    data, _ = small(feed, container)
    with zcviz.open(data, schema=SCHEMAS.get(feed)) as opened:
        for message in range(0, len(opened), 17):
            dissection = zcviz.dissect(opened, message)
            at = int(opened.index.offsets[message]) - dissection.offset
            layers = [(layer.name, place) for layer, place in dissection.layers]
            tag = int(opened.index.tags[message])
            known = [each.name for each in opened.protocol if each.key == tag]
            assert not known or (known[0], at) in layers
            places = [place for _, place in layers]
            assert places == sorted(places)
            assert dissection.frame is not None
            dissection.view.release()
            del dissection


def soup(*packets):
    return b"".join(len(each).to_bytes(2, "big") + each for each in packets)


def test_a_session_that_carries_nothing_but_itself():
    beats = soup(b"+hello", b"A" + b"session".rjust(10) + b"1".rjust(20), b"H", b"H", b"Z")
    with zcviz.open(beats) as feed:
        assert feed.container == "soupbintcp"
        assert (len(feed), feed.report.heartbeats, feed.report.ends) == (0, 2, 1)
        assert feed.report.skipped == {"session packet": 2}
    with pytest.raises(BadMagicError):
        zcviz.open(soup(b"?what", b"H"))


def test_a_schema_of_the_other_byte_order_is_no_framings():
    big = SCHEMAS["mdp3"].read_text("utf-8").replace("littleEndian", "bigEndian")
    assert "bigEndian" in big
    with pytest.raises(SelectionError, match="another message header"):
        zcviz.open(small("mdp3").data, schema=big.encode())


@pytest.mark.parametrize(("feed", "container"), EVERY)
def test_everything_decoded_is_what_tables_say(feed, container):
    with zcviz.open(small(feed, container).data, schema=SCHEMAS.get(feed)) as opened:
        for layout in ("rows", "columns"):
            decoded = opened.decode(layout=layout)
            assert {tag: len(rows) for tag, rows in decoded.items() if len(rows)} == opened.counts()
            for tag in opened.counts():
                table = opened.table(tag)
                for name in decoded[tag].dtype.names:
                    # As bytes: NaN is not equal to itself.
                    assert decoded[tag].column(name).tobytes() == table[name].tobytes()
        len(opened.index)
        assert list(opened.decode(tags=list(opened.counts())[:1])) == list(opened.counts())[:1]
