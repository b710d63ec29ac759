"""A table is a mapping from field name to a native-endian array of its length."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

import zcviz
from tests import helpers
from tests.helpers import add, cross, day, frames, itch
from zcviz.errors import SelectionError

PRICES = [0, 1, 3_201_400, 1_999_999_900, 2**32 - 1]


@pytest.fixture
def feed():
    messages = [add(ref=n, price=price, stock=b"S%d" % n) for n, price in enumerate(PRICES)]
    with zcviz.open(frames(*messages, *day())) as opened:
        yield opened


@pytest.fixture
def table(feed):
    return feed.table("A")


def test_it_is_a_mapping_of_fields(table):
    names = [name for name, *_ in helpers.layout_of("A")]
    assert names[-1] == "price"
    assert isinstance(table, Mapping)
    assert list(table) == list(table.keys()) == names
    assert len(table) == 6
    assert "price" in table
    assert "nothing" not in table
    assert table.get("nothing") is None
    assert {name: column.shape for name, column in table.items()} == dict.fromkeys(names, (6,))
    assert len(list(table.values())) == len(dict(table)) == 9


def test_columns_are_native_and_hold_the_values(table):
    assert table["price"].tolist() == [*PRICES, 3_000_000]
    assert table["price"].dtype == np.uint32
    assert table["timestamp"].dtype == np.uint64
    assert table["stock_locate"].dtype == np.uint16
    assert table["stock"].dtype == np.dtype("S8")
    assert all(table[name].dtype.isnative for name in table)
    assert table["stock"].tolist()[0] == b"S0      "


def test_columns_are_gathered_once_and_are_copies(feed, table):
    assert table["price"] is table["price"]
    assert not zcviz.shares_memory(table["price"], feed.data)
    assert table["price"].flags.writeable


def test_a_table_without_rows_is_false_and_has_columns(feed):
    empty = feed.table("N")
    assert len(empty) == 0
    assert not empty
    assert [len(empty[name]) for name in empty] == [0] * 6
    assert empty["stock"].dtype == np.dtype("S8")
    assert empty.to_pandas().shape == (0, 6)
    assert list(empty.to_pandas().columns) == list(empty)
    assert feed.table("A")


def test_every_message_can_be_a_table():
    messages = [itch(tag, bytes([n]) * 60)[: helpers.SIZES[tag]]
                for n, tag in enumerate(helpers.DOCUMENTED)]  # fmt: skip
    with zcviz.open(frames(*messages)) as feed:
        for tag in helpers.DOCUMENTED:
            table = feed.table(tag)
            assert len(table) == 1
            (record,) = [r for r in feed.records() if r[0] == tag.encode()]
            for name, value in record._asdict().items():
                column = table[name]
                assert column.tobytes() == value if isinstance(value, bytes) else column[0] == value


def test_an_unknown_field_is_named(table):
    with pytest.raises(KeyError, match="has no field 'prize'"):
        table["prize"]
    with pytest.raises(SelectionError, match="has no field 'prize'"):
        table.scaled("prize")


def test_scaled_values_are_in_the_unit_of_the_field(feed, table):
    assert table.scaled("price").tolist() == [0, 0.0001, 320.14, 199_999.99, 429_496.7295, 300]
    assert table.scaled("price").dtype == np.float64
    assert table.scaled("shares").tolist() == [100.0] * 6
    with zcviz.open(frames(add(), itch("V", (320_14000000).to_bytes(8, "big")))) as other:
        assert other.table("V").scaled("level_1").tolist() == [320.14]
    with pytest.raises(SelectionError, match="text"):
        table.scaled("stock")


def test_a_dataframe_has_the_columns_and_shares_their_integers(table):
    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == list(table)
    assert frame["price"].tolist() == table["price"].tolist()
    assert frame["stock"].tolist() == ["S0", "S1", "S2", "S3", "S4", "AAPL"]
    assert frame["buy_sell_indicator"].tolist() == ["B"] * 6
    for name in ("price", "timestamp", "stock_locate"):
        assert frame[name].dtype == table[name].dtype
        assert np.shares_memory(frame[name].to_numpy(), table[name])


def test_text_keeps_what_is_no_padding():
    texts = [b" A B", b"\xff\xfe", b"A\0B", b"", b"\x1b[0m"]
    with zcviz.open(frames(*[add(stock=text) for text in texts])) as feed:
        read = feed.table("A").to_pandas()["stock"].tolist()
    assert read == [" A B", "\xff\xfe", "A\0B", "", "\x1b[0m"]


def test_rows_are_a_table_of_their_own(table):
    some = table.rows(1, 3)
    assert len(some) == 2
    assert some["price"].tolist() == PRICES[1:3]
    assert some.message is table.message
    assert len(table.rows(4, 100)) == 2
    assert len(table.rows(9, 12)) == 0


def test_it_shows_itself(table, feed):
    assert "add_order" in repr(table)
    assert "6 rows" in repr(table)
    html = table._repr_html_()
    assert html.count("<tr>") == 7
    assert "3201400" in html


def test_hostile_text_is_harmless_in_html():
    with zcviz.open(frames(add(stock=b"<script>"), add(stock=b"&\x1b\0<'\""))) as feed:
        html = feed.table("A")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html
    assert "\0" not in html


def test_a_long_table_shows_its_beginning():
    with zcviz.open(frames(*[add()] * 100)) as feed:
        html = feed.table("A")._repr_html_()
    assert html.count("<tr>") == 9
    assert "100 rows" in html


def test_64_bit_values_are_exact():
    with zcviz.open(frames(cross(shares=2**64 - 1), cross(shares=2**63))) as feed:
        assert feed.table("Q")["shares"].tolist() == [2**64 - 1, 2**63]
        assert feed.table("Q").to_pandas()["shares"].tolist() == [2**64 - 1, 2**63]
