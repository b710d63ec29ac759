"""The worked example of CONTRIBUTING.md works: a feed is one table and one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import zcviz
from tests import helpers
from zcviz.codec import encode
from zcviz.protocols import FEEDS

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")
TABLE, USE = re.findall(r"```python\n(.*?)```", TEXT.split("## A feed of your own")[1], re.DOTALL)[
    :2
]


@pytest.fixture
def pitch():
    names = {"FEEDS": FEEDS, "zcviz": zcviz}
    exec(compile(TABLE, "CONTRIBUTING.md", "exec"), names)
    yield names
    FEEDS.pop("pitch", None)


def unit(names, sequence, *messages, number=1):
    blocks = b"".join(bytes([len(each) + 1]) + each for each in messages)
    return encode(
        names["HEADER"], length=8 + len(blocks), count=len(messages), unit=number, sequence=sequence
    ) + blocks  # fmt: skip


def test_the_example_opens_a_capture_of_the_feed(pitch, tmp_path):
    feed = pitch["PITCH"]
    time = encode(feed["time"], time=34_200)
    order = {"time_offset": 1, "side_indicator": b"B", "quantity": 100, "add_flags": 1}
    adds = [
        encode(feed["add_order"], **order, order_id=n, symbol=symbol, price=1_234_500 + n)
        for n, symbol in enumerate([b"ZVZZT", b"ZXZZT", b"ZVZZT"])
    ]
    grown = encode(feed["delete_order"], time_offset=2, order_id=7) + b"new"
    units = [unit(pitch, 1, time, *adds), unit(pitch, 8, grown), unit(pitch, 9)]
    pitch["path"] = tmp_path / "pitch.pcap"
    pitch["path"].write_bytes(helpers.feed_pcap(*units))
    exec(compile(USE, "CONTRIBUTING.md", "exec"), pitch)
    assert pitch["adds"].scaled("price").tolist() == [123.45, 123.4502]
    with zcviz.open(pitch["path"]) as opened:
        assert opened.protocol.name == "pitch"
        assert opened.counts() == {" ": 1, "!": 3, ")": 1}
        assert (opened.sequences.gaps, opened.sequences.missing) == (1, 3)
        assert opened.report.heartbeats == 1
        assert opened.report.problems == []
