"""Recorded market data, held against what an independent decoder counted in it."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

import zcviz
from tests.agreement import EVERY_PIPELINE, pipelines_agree, traversals_agree

AAPL = "nasdaq-itch50-aapl-20200130-10k.itch"
MOLD = "nasdaq-itch50-moldudp64-20230822.pcap"
AAPL_COUNTS = {"A": 4758, "D": 4083, "E": 849, "P": 240, "L": 52, "U": 7, "X": 6, "F": 2, "R": 1,
               "H": 1, "Y": 1}  # fmt: skip
NS = 1_000_000_000


@pytest.fixture
def aapl(captures):
    with zcviz.open(captures / AAPL) as feed:
        yield feed


@pytest.fixture
def mold(captures):
    with zcviz.open(captures / MOLD) as feed:
        yield feed


# --- the BinaryFILE of one security --------------------------------------------------------------


def test_aapl_by_the_command_line(captures, zcviz_run):
    done = zcviz_run("info", captures / AAPL, "--json", "--strict")
    assert (done.returncode, done.stderr) == (0, b"")
    counts = dict(sorted(AAPL_COUNTS.items()))
    info = json.loads(done.stdout)
    assert dict(sorted(info.pop("counts").items())) == counts
    assert info == {
        "file": str(captures / AAPL), "container": "binaryfile", "compression": None,
        "protocol": "itch50", "packets": 0, "datagrams": 0, "heartbeats": 0, "messages": 10_000,
        "gaps": 0, "missing": 0, "duplicates": 0, "restarts": 0, "unsequenced": 0,
        "truncated": None, "skipped": {}, "errors": [], "errors_total": 0,
    }  # fmt: skip


def test_aapl_is_of_one_security_between_three_and_eight(aapl):
    assert list(aapl.symbols.values()) == ["AAPL"]
    (locate,) = aapl.symbols
    times = np.concatenate([aapl.table(tag)["timestamp"] for tag in aapl.counts()])
    assert 3 * 3600 * NS + 7 * 60 * NS <= times.min() < 3 * 3600 * NS + 8 * 60 * NS
    assert 7 * 3600 * NS + 59 * 60 * NS <= times.max() < 8 * 3600 * NS
    for tag in aapl.counts():
        assert set(aapl.table(tag)["stock_locate"].tolist()) == {locate}
    assert len(aapl.table("A", symbol="AAPL")) == 4758
    assert len(aapl.table("A", end="03:07")) == 0
    assert len(aapl.table("A", start="03:07", end="08:00")) == 4758


def test_aapl_no_reference_dangles(aapl):
    live = {}
    for record in aapl.records():
        kind = record[0]
        if kind in (b"A", b"F"):
            assert record.order_reference_number not in live
            live[record.order_reference_number] = record.shares
        elif kind in (b"E", b"X"):
            gone = record.executed_shares if kind == b"E" else record.cancelled_shares
            assert live[record.order_reference_number] >= gone
            live[record.order_reference_number] -= gone
            if not live[record.order_reference_number]:
                del live[record.order_reference_number]
        elif kind == b"D":
            del live[record.order_reference_number]
        elif kind == b"U":
            del live[record.original_order_reference_number]
            live[record.new_order_reference_number] = record.shares
    assert live


def test_aapl_prices_at_their_limits_are_read(aapl):
    assert sorted(aapl.table("F").scaled("price").tolist()) == [0.01, 199_999.99]
    assert np.median(aapl.table("A").scaled("price")) == pytest.approx(320, abs=5)


def test_aapl_the_book_at_the_end(aapl):
    orders = {}
    for view in aapl.views():
        kind = view.message_type
        if kind in (b"A", b"F"):
            orders[view.order_reference_number] = [view.buy_sell_indicator, view.price, view.shares]
        elif kind in (b"E", b"X"):
            order = orders[view.order_reference_number]
            order[2] -= view.executed_shares if kind == b"E" else view.cancelled_shares
            if order[2] == 0:
                del orders[view.order_reference_number]
        elif kind == b"D":
            del orders[view.order_reference_number]
        elif kind == b"U":
            side = orders.pop(view.original_order_reference_number)[0]
            orders[view.new_order_reference_number] = [side, view.price, view.shares]
    levels = {b"B": {}, b"S": {}}
    for side, price, shares in orders.values():
        levels[side][price] = levels[side].get(price, 0) + shares
    bid, ask = max(levels[b"B"]), min(levels[b"S"])
    assert (bid, levels[b"B"][bid]) == (3_201_400, 25)
    assert (ask, levels[b"S"][ask]) == (3_203_000, 100)
    assert len(levels[b"B"]) + len(levels[b"S"]) == 142


# --- datagrams of several venues -----------------------------------------------------------------


def test_mold_by_the_command_line(captures, zcviz_run):
    done = zcviz_run("info", captures / MOLD, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    info = json.loads(done.stdout)
    assert (info["container"], info["compression"], info["protocol"]) == ("pcap", None, "itch50")
    assert (info["packets"], info["messages"]) == (190, 227)
    assert set(info["counts"]) == set("ACDEFHIJLNPQSUXY")
    assert sum(info["counts"].values()) == 227
    assert info["unsequenced"] == 178
    assert (info["gaps"], info["missing"], info["duplicates"], info["restarts"]) == (
        9, 19_390_242, 0, 0)  # fmt: skip
    assert (info["datagrams"], info["heartbeats"]) == (190, 0)
    assert (info["truncated"], info["skipped"], info["errors"]) == (None, {}, [])
    assert info["errors_total"] == 0
    assert zcviz_run("info", captures / MOLD, "--strict").returncode == 1  # it has gaps


def test_mold_datagrams(mold):
    datagrams = mold.index.datagrams
    assert int((datagrams.sequences == 0).sum()) == 178
    assert int(datagrams.blocks.sum()) == 227
    sessions = {mold.data[at : at + 10].tobytes() for at in datagrams.offsets.tolist()}
    assert bytes(10) in sessions
    assert b"000010059B" in sessions


def test_mold_all_executions_dangle(mold):
    added = {r.order_reference_number for r in mold.records() if r[0] in (b"A", b"F")}
    executed = [r.order_reference_number for r in mold.records() if r[0] in (b"E", b"C")]
    assert executed
    assert not added & set(executed)


# --- both ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [AAPL, MOLD])
def test_all_ways_through_agree(captures, name):
    content = (captures / name).read_bytes()
    messages, report = traversals_agree(content)
    assert report.problems_total == 0
    summary = pipelines_agree(content)
    assert sum(summary.messages.values()) == len(messages)
    assert traversals_agree(gzip.compress(content, 1)) == (messages, report)


@pytest.mark.parametrize("name", [AAPL, MOLD])
def test_cut_anywhere_it_keeps_what_was_whole(captures, name):
    content = (captures / name).read_bytes()
    whole, _ = traversals_agree(content)
    for cut in np.random.default_rng(1).integers(24, len(content), 40).tolist():
        messages, report = traversals_agree(content[:cut])
        assert messages == whole[: len(messages)]
        assert report.truncated is None or sum(report.truncated) == cut


@pytest.mark.parametrize("name", [AAPL, MOLD])
def test_views_records_and_columns_agree(captures, name):
    with zcviz.open(captures / name) as feed:
        records = list(feed.records())
        assert [view.to_record() for view in feed.views()] == records
        for tag in feed.counts():
            table = feed.table(tag)
            of_type = [record for record in records if record[0] == tag.encode()]
            for field, column in table.items():
                expected = [getattr(record, field) for record in of_type]
                if column.dtype.kind == "S":
                    assert column.tobytes() == b"".join(expected)
                else:
                    assert column.tolist() == expected


@pytest.mark.parametrize("name", [AAPL, MOLD])
def test_comparing_and_exporting(captures, name, zcviz_run, tmp_path):
    with zcviz.open(captures / name) as feed:
        found = zcviz.compare(feed, list(EVERY_PIPELINE), rounds=1)
        assert found.messages == len(feed)
        assert found.total("flyweight").copied == 0
        assert found.total("copying").copied > found.total("columnar").copied > 0
        counts = feed.counts()
    done = zcviz_run("export", captures / name, tmp_path, "--format", "csv")
    assert done.returncode == 0
    lines = {path.stem: path.read_text().count("\n") - 1 for path in tmp_path.glob("*.csv")}
    assert sum(lines.values()) == sum(counts.values())
    assert len(lines) == len(counts)


def test_compare_by_the_command_line(captures, zcviz_run):
    for name, count in ((AAPL, 10_000), (MOLD, 227)):
        done = zcviz_run("compare", captures / name, "--json")
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["messages"] == count
