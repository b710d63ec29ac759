"""A table is a mapping from field name to a native-endian array of its length."""

from __future__ import annotations

import datetime
import struct

import numpy as np
import pandas as pd
import pytest

import zcviz
from tests import helpers, sbe_tables
from tests.helpers import add, cross, day, frames, itch
from zcviz.buffers import HeldBytes
from zcviz.errors import SelectionError
from zcviz.protocols.itch50 import ITCH50
from zcviz.spec import Field, Message, Protocol, WireType, alpha
from zcviz.table import Table

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
    assert list(table) == list(table.keys()) == names
    assert len(table) == 6
    assert "price" in table
    assert "nothing" not in table
    assert table.get("nothing") is None
    assert {name: column.shape for name, column in table.items()} == dict.fromkeys(names, (6,))
    assert len(list(table.values())) == len(dict(table)) == len({**table}) == 9
    assert table.get("nothing", 7) == 7
    assert table.get("price") is table["price"]


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
    texts = [b" A B", b"\xff\xfe", b"A\0B", b"", b"\x1b[0m", b"AB\0\0", b"AB \0 "]
    with zcviz.open(frames(*[add(stock=text) for text in texts])) as feed:
        read = feed.table("A").to_pandas()["stock"].tolist()
    assert read == [" A B", "\xff\xfe", "A\0B", "", "\x1b[0m", "AB", "AB"]


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


# --- nulls, times, other types of numbers --------------------------------------------------------

NONE = 2**64 - 1
TICK = Message(
    "tick", 37, "made up",
    (
        Field("sent", WireType("uint", 8), unit="ns", clock="Unix epoch, UTC", null=NONE),
        Field("price", WireType("int", 8), unit="USD", scale=7, null=2**63 - 1),
        Field("size", WireType("int", 4), null=-1),
        Field("level", WireType("uint", 1), null=255),
        Field("ratio", WireType("float", 8), null=float("nan")),
        Field("opaque", WireType("raw", 4)),
        Field("side", WireType("uint", 1), codes={0: "bid"}),
        alpha("venue", 3),
    ),
)  # fmt: skip
ROWS = [
    (10**18, 12_345_6789, 5, 1, 0.5, b"\0\1\2\3", 0, b"XY "),
    (NONE, 2**63 - 1, -1, 255, float("nan"), b"\0\0\0\0", 1, b"\xe9\0\0"),
    (10**18 + 1, -1, 0, 0, -1.0, b"abc ", 0, b""),
]


def ticks(rows=ROWS, **options):
    content = b"".join(struct.pack(">QqiBd4sB3s", *row) for row in rows)
    offsets = np.arange(len(rows), dtype=np.uint32) * TICK.size
    return Table(HeldBytes(content, "made up"), TICK, offsets, "made up", **options)


def test_null_is_nan_where_values_are_scaled():
    table = ticks()
    assert table.scaled("price")[0] == 12.3456789
    assert np.isnan(table.scaled("price")).tolist() == [False, True, False]
    assert np.isnan(table.scaled("ratio")).tolist() == [False, True, False]
    assert table.scaled("side").tolist() == [0, 1, 0]
    assert table["price"][1] == 2**63 - 1, "the column itself stands as on the wire"
    with pytest.raises(SelectionError, match=r"tick\.opaque"):
        table.scaled("opaque")


def test_columns_with_a_null_are_nullable_in_pandas_and_still_shared():
    table = ticks()
    frame = table.to_pandas()
    assert [str(frame[name].dtype) for name in table][:7] == [
        "UInt64", "Int64", "Int32", "UInt8", "float64", "object", "uint8",
    ]  # fmt: skip
    assert frame["size"].isna().tolist() == frame["level"].isna().tolist() == [False, True, False]
    assert frame["size"].sum() == 5
    assert frame["ratio"].isna().tolist() == [False, True, False]
    assert frame["opaque"].tolist() == [row[5] for row in ROWS]
    assert frame["venue"].tolist() == ["XY", "\xe9", ""]
    for name in ("sent", "price", "size", "level"):
        assert np.shares_memory(frame[name].array._data, table[name])
    for name in ("ratio", "side"):
        assert np.shares_memory(frame[name].to_numpy(), table[name])


def test_columns_without_a_null_stay_as_they_are():
    table = ticks([ROWS[0], ROWS[2]])
    frame = table.to_pandas()
    for name in ("sent", "price", "size", "level"):
        assert frame[name].dtype == table[name].dtype
        assert np.shares_memory(frame[name].to_numpy(), table[name])
    assert [str(kind) for kind in ticks([]).to_pandas().dtypes][:4] == [
        "uint64", "int64", "int32", "uint8",
    ]  # fmt: skip


def test_nulls_are_empty_in_html():
    html = ticks()._repr_html_()
    assert "<td></td><td></td><td></td><td></td><td>nan</td>" in html
    assert str(2**63 - 1) not in html


NEW_YORK = Protocol("made_up", "Made up", (TICK,), time="sent", zone="America/New_York")


def test_times_since_the_epoch_are_views_of_the_column():
    table = ticks(protocol=NEW_YORK)
    times = table.times()
    assert times.dtype == np.dtype("datetime64[ns]")
    assert [str(time)[:19] for time in times] == [
        "2001-09-09T01:46:40",
        "NaT",
        "2001-09-09T01:46:40",
    ]
    whole = ticks([ROWS[0]], protocol=NEW_YORK)
    assert np.shares_memory(whole.times(), whole["sent"])
    assert (table.times(name="sent") == times)[[0, 2]].all()
    with pytest.raises(SelectionError, match=r"tick\.price is no time"):
        table.times(name="price")
    with pytest.raises(SelectionError, match="has no field 'timestamp'"):
        ticks().times()


def test_datetimes_in_pandas_are_in_the_zone_of_the_exchange():
    table = ticks([ROWS[0]], protocol=NEW_YORK)
    assert table.to_pandas()["sent"].dtype == np.uint64
    sent = table.to_pandas(dates=True)["sent"]
    assert str(sent.dtype) == "datetime64[ns, America/New_York]"
    assert sent[0] == pd.Timestamp("2001-09-08 21:46:40", tz="America/New_York")
    assert np.shares_memory(sent.array._ndarray, table["sent"])
    assert ticks(protocol=NEW_YORK).to_pandas(dates=True)["sent"].isna().tolist() == [
        False, True, False,
    ]  # fmt: skip


def test_a_clock_from_midnight_needs_a_date(feed):
    source, offsets = feed.source, feed.index.of_type(ord("A"))
    table = Table(source, ITCH50["A"], offsets, "x", protocol=ITCH50)
    for ask in (table.to_pandas, table.to_arrow):
        with pytest.raises(SelectionError, match=r"timestamp counts from midnight.*pass the date"):
            ask(dates=True)
        with pytest.raises(SelectionError, match="no date"):
            ask(dates="soon")
    with pytest.raises(SelectionError, match="pass the date"):
        table.times()
    expected = np.datetime64("2020-01-30T05:00", "ns") + table["timestamp"].astype("m8[ns]")
    day = datetime.date(2020, 1, 30)
    assert (table.times(day) == expected).all()
    assert (table.times("2020-01-30") == expected).all()
    known = Table(source, ITCH50["A"], offsets, "x", protocol=ITCH50, date=day)
    assert (known.times() == expected).all()
    assert (known.rows(2, 4).times() == expected[2:4]).all()
    other = known.to_pandas(dates="2020-01-31")["timestamp"]
    assert (
        other.dt.tz_convert("UTC").dt.tz_localize(None) == expected + np.timedelta64(1, "D")
    ).all()
    assert str(known.to_pandas(dates=True)["timestamp"].dtype) == "datetime64[ns, America/New_York]"


# --- groups and data of variable length ----------------------------------------------------------


def test_a_group_is_a_table_of_entries_with_the_row_of_their_message():
    orders = sbe_tables.table_of(sbe_tables.SOME)
    legs = orders.group("legs")
    assert list(legs) == ["row_", "price", "side", "row", "memo"], "`row` is a field here"
    assert legs["row_"].tolist() == [0, 0, 2]
    assert legs["price"].tolist() == [150, 2**63 - 1, -1]
    assert legs["row"].tolist() == [9, 8, 7]
    assert np.isnan(legs.scaled("price")).tolist() == [False, True, False]
    assert legs["memo"].tolist() == [b"\xfe", b"", b"m"]
    parties = orders.group("parties")
    assert list(parties) == ["row", "number"]
    assert {name: column.tolist() for name, column in parties.items()} == {
        "row": [0, 2, 2], "number": [4, 5, 6],
    }  # fmt: skip
    assert orders.group("parties", first=100)["row"].tolist() == [100, 102, 102]
    assert "row" in parties
    assert "number" in parties
    assert "legs" not in orders
    assert len(parties) == 3
    assert not sbe_tables.table_of([]).group("legs")


def test_groups_inside_groups():
    orders = sbe_tables.table_of(sbe_tables.SOME)
    fills = orders.group("legs.fills")
    assert fills["row"].tolist() == [0, 0, 2]
    assert fills["quantity"].tolist() == orders.group("legs").group("fills")["quantity"].tolist()
    assert fills["note"].tolist() == ["\xe9".encode(), b"", b"why"]
    for path in ("nothing", "legs.nothing", "", "legs.", "parties.fills"):
        with pytest.raises(SelectionError, match="has no group"):
            orders.group(path)


def test_some_entries():
    legs = sbe_tables.table_of(sbe_tables.SOME).group("legs", 10)
    some = legs.rows(1, 3)
    assert some["row_"].tolist() == [10, 12]
    assert some["row"].tolist() == [8, 7]
    assert some["memo"].tolist() == [b"", b"m"]
    assert some.group("fills")["quantity"].tolist() == [3]
    assert some.group("fills")["row"].tolist() == [12]
    assert legs.rows(0, 1).group("fills")["quantity"].tolist() == [1, 2]
    assert some.rows(1, 9)["row"].tolist() == [7]
    assert len(legs.rows(2, 1)) == len(legs.rows(5, 9)) == 0
    assert legs.rows(-1, 3)["row"].tolist() == [7]


def test_data_of_variable_length_is_a_column():
    orders = sbe_tables.table_of(sbe_tables.SOME)
    assert list(orders)[-2:] == ["name", "blob"]
    assert orders["name"].tolist() == [b"first", b"", b"\xff\r\n,"]
    assert orders["blob"].tolist() == [b"\0\xff", b"", b"x"]
    frame = orders.to_pandas()
    assert frame["name"].tolist() == ["first", "", "\\xff\r\n,"]
    assert frame["blob"].tolist() == [b"\0\xff", b"", b"x"]
    assert frame["constant"].tolist() == [7, 7, 7]
    with pytest.raises(SelectionError, match="no scale"):
        orders.scaled("name")


def test_messages_whose_parts_do_not_fit_are_left_out_and_said():
    orders = sbe_tables.table_of(sbe_tables.SOME)
    orders.sizes[0] -= 1
    assert orders["name"].tolist() == [b"", b"", b"\xff\r\n,"]
    parties = orders.group("parties")
    assert parties["row"].tolist() == [2, 2]
    (problem,) = parties.problems
    assert "var-data" in problem.what
    assert [len(legs) for legs in orders.to_arrow()["legs"].to_pylist()] == [0, 0, 1]


def test_entries_show_themselves():
    legs = sbe_tables.table_of(sbe_tables.SOME).group("legs")
    assert repr(legs).startswith("<Table leg of made up: 3 rows of row_, price")
    html = legs._repr_html_()
    assert html.count("<tr>") == 4
    assert "<td>0</td><td></td><td>S</td>" in html, "no price"


def test_parts_need_to_know_where_messages_end():
    whole = sbe_tables.table_of(sbe_tables.SOME)
    table = Table(whole._source, whole.message, whole.offsets, "x")
    assert table["id"].tolist() == [1, 2, 3]
    for ask in (lambda: table.group("legs"), lambda: table["name"]):
        with pytest.raises(SelectionError, match="where the parts of each Order end"):
            ask()
