"""Messages as CSV files, read back by the csv module and by pandas."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, feed_pcap, frames, mold
from zcviz.export import export_csv
from zcviz.protocols.itch50 import ITCH50


def exported(content, folder, tags=None):
    told = []
    with zcviz.open(content) as feed:
        messages = [feed.protocol[tag] for tag in tags or feed.counts()]
        files = list(export_csv(feed, folder, messages, lambda *done: told.append(done)))
    return dict(files), told


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("framing", ["binaryfile", "pcap"])
def test_one_file_a_type_named_by_the_message(framing, tmp_path):
    content = frames(*day()) if framing == "binaryfile" else feed_pcap(mold(1, *day()))
    files, told = exported(content, tmp_path / "a" / "b")
    expected = {"A": 1, "C": 2, "D": 1, "E": 1, "F": 1, "P": 1, "Q": 1, "R": 2, "S": 1, "U": 1,
                "W": 1, "X": 1}  # fmt: skip
    assert {path.name: rows for path, rows in files.items()} == {
        f"{ITCH50[tag].name}.csv": n for tag, n in expected.items()
    }
    assert sorted(tmp_path.rglob("*.csv")) == sorted(files)
    assert told[-1] == (14, 14)
    with zcviz.open(content) as feed:
        for record in feed.records():
            path = tmp_path / "a" / "b" / f"{ITCH50[record[0]].name}.csv"
            values = {
                name: value.decode("latin-1").rstrip(" ")
                if isinstance(value, bytes)
                else str(value)
                for name, value in record._asdict().items()
            }
            assert values in rows_of(path)


def test_values_stand_as_on_the_wire_without_padding(tmp_path):
    files, _ = exported(frames(add(7, b"S", 2**32 - 1, b"ZVZZT", 3_201_400, time=34_200 * 10**9)),
                        tmp_path)  # fmt: skip
    (path,) = files
    head, row = path.read_text().splitlines()
    assert head.split(",") == [
        "message_type", "stock_locate", "tracking_number", "timestamp", "order_reference_number",
        "buy_sell_indicator", "shares", "stock", "price",
    ]  # fmt: skip
    assert row == "A,1,7,34200000000000,7,S,4294967295,ZVZZT,3201400"
    assert b"\r" not in path.read_bytes()


HOSTILE = [b'a,"b"', b"\n\r\n", b"x\ry", b"\xff\xe9\x80", b"\x1b[31m", b"  lead", b"a\0b", b"=1+1",
           b"'", b"tab\there"[:8], b""]  # fmt: skip


@pytest.mark.parametrize("texts", [[text] for text in HOSTILE] + [HOSTILE])
def test_hostile_text_survives_the_round_trip(texts, tmp_path):
    files, _ = exported(frames(*[add(stock=text) for text in texts]), tmp_path)
    (path,) = files
    expected = [text.decode("latin-1").rstrip(" ") for text in texts]
    assert [row["stock"] for row in rows_of(path)] == expected
    assert [row["price"] for row in rows_of(path)] == ["1000000"] * len(texts)


def test_large_integers_are_exact(tmp_path):
    content = frames(helpers.cross(2**64 - 1), helpers.cross(2**63 + 1))
    files, _ = exported(content, tmp_path)
    (path,) = files
    assert [row["shares"] for row in rows_of(path)] == [str(2**64 - 1), str(2**63 + 1)]
    assert pd.read_csv(path, dtype={"shares": "u8"})["shares"].tolist() == [2**64 - 1, 2**63 + 1]


def test_a_type_that_does_not_occur_has_a_file_with_its_head(tmp_path):
    files, _ = exported(frames(add()), tmp_path, ["N"])
    (path,) = files
    assert path.read_text() == (
        "message_type,stock_locate,tracking_number,timestamp,stock,interest_flag\n"
    )


def test_many_rows_are_written_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._ROWS", 7)
    for count in (6, 7, 8, 21):
        files, told = exported(frames(*[add(ref) for ref in range(count)]), tmp_path)
        (path,) = files
        assert [int(row["order_reference_number"]) for row in rows_of(path)] == list(range(count))
        assert path.read_text().count("message_type") == 1
        assert told[-1] == (count, count)


def test_files_of_before_are_replaced(tmp_path):
    exported(frames(*[add()] * 9), tmp_path)
    files, _ = exported(frames(add()), tmp_path)
    assert len(rows_of(next(iter(files)))) == 1
