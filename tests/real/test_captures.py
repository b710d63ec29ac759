"""Captures of other venues, against contents that somebody else counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

import zcviz

IEX = "iex-tops16-20170710.pcap.gz"
CME, CME_SCHEMA = "cme-mdp3-v6-20161112.pcapng", "cme_mdp3_v1.6.xml"
DERIBIT, DERIBIT_SCHEMA = "deribit-sbe-20230615.pcapng", "deribit_multicast_v3.xml"

NONE = {"gaps": 0, "missing": 0, "duplicates": 0, "restarts": 0, "unsequenced": 0}
SOUND = {"truncated": None, "skipped": {}, "errors": [], "errors_total": 0}
TRUTH = {
    IEX: {
        "container": "pcap", "compression": "gzip", "protocol": "tops16", "packets": 13_022,
        "datagrams": 13_022, "heartbeats": 237, "messages": 57_674,
        "counts": {"A": 642, "B": 3, "D": 10, "H": 7803, "O": 7801, "P": 7802, "Q": 27217, "S": 6,
                   "T": 6390},
        **NONE, **SOUND,
    },
    CME: {
        "container": "pcapng", "compression": None, "protocol": "mdp3", "packets": 10_000,
        "datagrams": 10_000, "heartbeats": 0, "messages": 20_546,
        "counts": {"12": 18, "32": 19138, "35": 614, "37": 388, "42": 388},
        **NONE, "duplicates": 5_000, **SOUND,
    },
    DERIBIT: {
        "container": "pcapng", "compression": None, "protocol": "deribit", "packets": 5_066,
        "datagrams": 5_066, "heartbeats": 0, "messages": 6_780,
        "counts": {"1000": 194, "1001": 1064, "1002": 332, "1003": 4211, "1004": 197, "1005": 60,
                   "1006": 60, "1008": 468, "1010": 194},
        **NONE, **SOUND,
    },
}  # fmt: skip
SCHEMAS = {IEX: None, CME: CME_SCHEMA, DERIBIT: DERIBIT_SCHEMA}


def schema_of(captures, name):
    return SCHEMAS[name] and captures.parent / "schemas" / SCHEMAS[name]


@pytest.mark.parametrize("name", TRUTH)
def test_info_says_what_is_in_them(captures, zcviz_run, name):
    forms = [[]] if SCHEMAS[name] is None else [[], ["--schema", schema_of(captures, name)]]
    for more in forms:
        done = zcviz_run("info", captures / name, "--json", "--strict", *more)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout) == {"file": str(captures / name), **TRUTH[name]}


@pytest.mark.parametrize("name", TRUTH)
def test_every_pipeline_counts_the_same(captures, name):
    with zcviz.open(captures / name, schema=schema_of(captures, name)) as feed:
        for pipeline in zcviz.PIPELINES.values():
            assert pipeline(feed).messages == TRUTH[name]["counts"]


def test_quotes_of_iex_make_sense(captures):
    with zcviz.open(captures / IEX) as feed:
        quotes = feed.table("quote_update")
        bids, asks = quotes.scaled("bid_price"), quotes.scaled("ask_price")
        both = (bids > 0) & (asks > 0)
        assert both.sum() > 1000
        assert (bids[both] <= asks[both]).mean() > 0.99
        symbol = quotes["symbol"][0].decode().rstrip()
        assert 0 < len(feed.table("Q", symbol=symbol)) < len(quotes)
        frame = feed.table("trade_report").to_pandas(dates=True)
        assert str(frame["timestamp"].dt.tz) == "America/New_York"
        assert frame["timestamp"].dt.date.nunique() == 1


def test_the_day_of_a_capture_is_the_exchanges(captures):
    for name, day in ((IEX, "2017-07-10"), (CME, "2016-11-12"), (DERIBIT, "2023-06-15")):
        with zcviz.open(captures / name) as feed:
            assert feed.date.isoformat() == day


def test_entries_of_cme_are_those_that_messages_claim(captures):
    with zcviz.open(captures / CME, schema=schema_of(captures, CME)) as feed:
        messages = feed.table("MDIncrementalRefreshBook32")
        entries = feed.table(32, group="NoMDEntries")
        claimed = [len(view.NoMDEntries) for view in feed.views() if view.template_id == 32]
        assert np.bincount(entries["row"], minlength=len(messages)).tolist() == claimed
        assert set(entries["MDUpdateAction"].tolist()) <= {0, 1, 2}
        assert entries.problems == ()
        prices = [
            entry.MDEntryPx for view in feed.views() if view.template_id == 32
            for entry in view.NoMDEntries
        ]  # fmt: skip
        assert entries["MDEntryPx"].tolist() == prices


def test_without_a_schema_messages_are_counted_but_not_read(captures):
    with zcviz.open(captures / CME) as feed:
        with pytest.raises(zcviz.errors.SelectionError, match="schema"):
            feed.table(32)
        assert list(feed.records()) == []
