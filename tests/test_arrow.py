"""Tables as Arrow: whose memory it is, what is null, what the metadata says, who takes it."""

from __future__ import annotations

import datetime
import decimal
import json
import struct
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import zcviz
from tests import sbe_tables
from tests.helpers import add, cross, day, frames, itch
from zcviz.buffers import HeldBytes
from zcviz.errors import MissingExtraError
from zcviz.protocols.itch50 import ITCH50
from zcviz.spec import Field, Message, Protocol, WireType, alpha, i64, raw
from zcviz.table import Table

NULL = 2**63 - 1
QUOTE = Message(
    "quote", 41, "Made up, edition 1, §2",
    (
        Field("sent", WireType("int", 8), unit="ns", clock="Unix epoch, UTC", null=NULL),
        Field("price", WireType("int", 8), unit="USD", scale=9, null=NULL, doc="Best."),
        Field("size", WireType("uint", 4), null=2**32 - 1, flags={"odd": 1, "block": 2}),
        Field("ratio", WireType("float", 8), null=float("nan")),
        raw("opaque", 4),
        Field("side", WireType("uint", 1), codes={0: "bid", 1: 'o"ffer'}),
        alpha("venue", 5),
        alpha("kind", 3, codes={b"a  ": "auction", b"\xff\0\0": "hostile"}),
    ),
    tag=7, order="<",
)  # fmt: skip
VENUE = Protocol("made_up", "Made up, edition 1", (QUOTE,), time="sent", zone="Europe/Berlin")
ROWS = [
    (1_700_000_000_123_456_789, 12_345_678_901, 5, 0.5, b"\0\1\2\3", 0, b"X\0\0\0\0", b"a  "),
    (NULL, NULL, 2**32 - 1, float("nan"), b"    ", 1, b"\xe9 \x00 \0", b"\xff\0\0"),
    (-1, -(2**63), 0, float("inf"), b"\xff" * 4, 9, b"X    ", b""),
]


def quotes(rows=ROWS, **options):
    content = b"".join(struct.pack("<qqId4sB5s3s", *row) for row in rows)
    offsets = np.arange(len(rows), dtype=np.uint32) * QUOTE.size
    return Table(HeldBytes(content, "made up"), QUOTE, offsets, "q.bin", protocol=VENUE, **options)


@pytest.fixture
def feed():
    with zcviz.open(frames(*[add(n, price=n) for n in range(20)], *day())) as opened:
        yield opened


def address(array):
    (chunk,) = array.chunks
    return chunk.buffers()[1].address + chunk.offset * chunk.type.bit_width // 8


# --- memory --------------------------------------------------------------------------------------


def test_numbers_lie_where_the_gathered_columns_lie(feed):
    for table in (feed.table("A"), quotes()):
        arrow = table.to_arrow()
        shared = [name for name in table if table[name].dtype.kind in "uifV"]
        assert len(shared) >= 5
        for name in shared:
            assert address(arrow[name]) == table[name].__array_interface__["data"][0]
            assert arrow[name].chunk(0).buffers()[1].size == table[name].nbytes


def test_times_since_the_epoch_lie_there_too():
    table = quotes([ROWS[0], ROWS[2]])
    assert address(table.to_arrow(dates=True)["sent"]) == table["sent"].ctypes.data


def test_arrow_keeps_its_memory_alive_and_does_not_hinder_closing():
    feed = zcviz.open(frames(*[add(n, price=n) for n in range(1000)]))
    table = feed.table("A")
    arrow = table.to_arrow()
    del table
    feed.close()
    assert arrow["price"].to_pylist() == list(range(1000))


# --- values --------------------------------------------------------------------------------------


def test_values_stand_as_on_the_wire(feed):
    records = [record._asdict() for record in feed.records() if record[0] == b"A"]
    found = feed.table("A").to_arrow().to_pylist()
    assert found == [
        {
            name: value.decode("latin-1").rstrip() if isinstance(value, bytes) else value
            for name, value in record.items()
        }
        for record in records
    ]


def test_types():
    text = pa.dictionary(pa.int32(), pa.string())
    assert quotes().to_arrow().schema.types == [
        pa.int64(), pa.int64(), pa.uint32(), pa.float64(), pa.binary(4), pa.uint8(), text, text,
    ]  # fmt: skip
    plain = quotes().to_arrow(dictionaries=False)
    assert plain.schema.types[-2:] == [pa.string(), pa.string()]
    assert plain.to_pylist()[0] == quotes().to_arrow().to_pylist()[0]


def test_none_is_null_and_nan_stays_nan():
    arrow = quotes().to_arrow()
    assert arrow["price"].to_pylist() == [12_345_678_901, None, -(2**63)]
    assert arrow["sent"].null_count == arrow["size"].null_count == 1
    assert [arrow[name].null_count for name in ("ratio", "opaque", "side", "venue", "kind")] == [
        0, 0, 0, 0, 0,
    ]  # fmt: skip
    assert str(arrow["ratio"].to_pylist()) == "[0.5, nan, inf]"
    assert arrow["opaque"].to_pylist() == [row[4] for row in ROWS]
    arrow.validate(full=True)


@given(arrays(np.uint32, st.integers(0, 40), elements=st.integers(2**32 - 3, 2**32 - 1)))
def test_nulls_are_those_rows(sizes):
    rows = [(0, 0, int(size), 0.0, b"", 0, b"", b"") for size in sizes]
    column = quotes(rows).to_arrow()["size"]
    assert column.to_pylist() == [None if size == 2**32 - 1 else size for size in sizes.tolist()]


def test_text_is_stripped_of_padding_and_takes_every_byte():
    arrow = quotes().to_arrow()
    assert arrow["venue"].to_pylist() == ["X", "\xe9", "X"]
    assert arrow["kind"].to_pylist() == ["a", "\xff", ""]
    assert sorted(arrow["venue"].chunk(0).dictionary.to_pylist()) == ["X", "\xe9"]
    everything = [itch("H", bytes(range(low, low + 14))) for low in range(0, 256, 14) if low < 240]
    with zcviz.open(frames(*everything)) as feed:
        table = feed.table("H")
        assert table.to_arrow()["stock"].to_pylist() == [
            stock.decode("latin-1").rstrip(" \0") for stock in table["stock"].tolist()
        ]


def test_decimals_are_exact():
    extremes = [(0, price, 0, 0.0, b"", 0, b"", b"") for price in (1, -1, NULL - 1, -(2**63), NULL)]
    column = quotes(extremes).to_arrow(decimals=True)["price"]
    assert column.type == pa.decimal128(19, 9)
    assert column.to_pylist() == [
        decimal.Decimal(text) for text in (
            "0.000000001", "-0.000000001", "9223372036.854775806", "-9223372036.854775808",
        )
    ] + [None]  # fmt: skip
    with zcviz.open(frames(add(price=2**32 - 1), itch("V", b"\xff" * 24))) as feed:
        prices = feed.table("A").to_arrow(decimals=True)["price"]
        assert (prices.type, str(prices[0])) == (pa.decimal128(10, 4), "429496.7295")
        levels = feed.table("V").to_arrow(decimals=True)["level_1"]
        assert (levels.type, str(levels[0])) == (pa.decimal128(20, 8), "184467440737.09551615")
        assert feed.table("A").to_arrow(decimals=True)["shares"].type == pa.uint32()


@given(st.integers(1, 60), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_decimals_of_any_scale(scale, values):
    message = Message("m", 8, "", (i64("v", scale=scale),))
    content = struct.pack(f">{len(values)}q", *values)
    offsets = np.arange(len(values), dtype=np.uint32) * 8
    column = Table(HeldBytes(content, "m"), message, offsets, "m").to_arrow(decimals=True)["v"]
    with decimal.localcontext(prec=80):
        exact = [decimal.Decimal(value).scaleb(-scale) for value in values]
    assert column.to_pylist() == (exact if scale <= 38 else values)


# --- times ---------------------------------------------------------------------------------------


def test_timestamps_are_in_the_zone_of_the_exchange():
    column = quotes().to_arrow(dates=True)["sent"]
    assert column.type == pa.timestamp("ns", "Europe/Berlin")
    assert column.cast(pa.int64()).to_pylist() == [ROWS[0][0], None, -1]
    assert quotes().to_arrow()["sent"].type == pa.int64()


def test_a_day_for_clocks_from_midnight(feed):
    source, offsets = feed.source, feed.index.of_type(ord("A"))
    known = {"protocol": ITCH50, "date": datetime.date(2020, 1, 30)}
    for table, dates in (
        (Table(source, ITCH50["A"], offsets, "x", **known), True),
        (Table(source, ITCH50["A"], offsets, "x", protocol=ITCH50), "2020-01-30"),
        (Table(source, ITCH50["A"], offsets, "x", protocol=ITCH50), datetime.date(2020, 1, 30)),
    ):
        column = table.to_arrow(dates=dates)["timestamp"]
        assert column.type == pa.timestamp("ns", "America/New_York")
        assert (column.to_numpy() == table.times("2020-01-30")).all()


# --- metadata ------------------------------------------------------------------------------------


def test_fields_say_what_they_mean():
    schema = quotes().to_arrow().schema
    price, side, size, kind = (
        {key.decode(): value.decode() for key, value in schema.field(name).metadata.items()}
        for name in ("price", "side", "size", "kind")
    )
    source = "Made up, edition 1, §2"
    assert price == {"unit": "USD", "scale": "9", "doc": "Best.", "source": source}
    assert json.loads(side.pop("codes")) == {"0": "bid", "1": 'o"ffer'}
    assert side == {"source": source}
    assert json.loads(size["flags"]) == {"odd": 1, "block": 2}
    assert json.loads(kind["codes"]) == {"a  ": "auction", "\xff\0\0": "hostile"}
    assert schema.field("sent").metadata[b"clock"] == b"Unix epoch, UTC"


def test_fields_do_not_say_what_their_type_says():
    schema = quotes().to_arrow(decimals=True, dates=True).schema
    assert b"scale" not in schema.field("price").metadata
    assert schema.field("price").metadata[b"unit"] == b"USD"
    assert b"unit" not in schema.field("sent").metadata


def test_the_schema_says_where_it_comes_from(tmp_path):
    assert quotes().to_arrow().schema.metadata == {
        b"zcviz": zcviz.__version__.encode(), b"feed": b"q.bin", b"protocol": b"made_up",
        b"message": b"quote", b"tag": b"7", b"source": "Made up, edition 1, §2".encode(),
    }  # fmt: skip
    table = Table(HeldBytes(b"", "x"), QUOTE, np.empty(0, np.uint32), "\udcff\n.itch")
    assert table.to_arrow().schema.metadata[b"feed"] == b"\\udcff\n.itch"


# --- who takes it --------------------------------------------------------------------------------


def test_polars_takes_a_table_as_it_is(feed):
    t = feed.table("A")
    for frame in (pl.DataFrame(t), pl.from_arrow(t.to_arrow())):
        assert frame["price"].to_list() == t["price"].tolist()
        assert frame["price"].dtype == pl.UInt32
        assert frame.filter(pl.col("stock") == "AAPL").height == len(t)
    assert pl.DataFrame(quotes())["size"].to_list() == [5, None, 0]


def test_duckdb_takes_a_table_as_it_is(feed):
    t, q = feed.table("A"), quotes()
    found = duckdb.sql("select count(*), sum(price), max(stock) from t").fetchall()
    assert found == [(len(t), int(t["price"].sum()), "AAPL")]
    relation = duckdb.sql("select price from q where size is null or venue = 'X'")
    for _ in range(2):
        assert relation.fetchall() == [(12_345_678_901,), (None,), (-(2**63),)]
    exact = q.to_arrow(decimals=True, dates=True)
    assert exact["sent"].null_count == 1
    (total,) = duckdb.sql("select sum(price) from exact where price > 0").fetchall()[0]
    assert total == decimal.Decimal("12.345678901")


def test_pyarrow_and_pandas_take_a_table_as_it_is(feed):
    table = feed.table("A")
    assert pa.table(table).equals(table.to_arrow())
    reader = pa.RecordBatchReader.from_stream(table)
    assert reader.read_all().to_pylist() == table.to_arrow().to_pylist()
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(table)["price"].tolist() == table["price"].tolist()


def test_a_table_without_rows(feed):
    for table_ in (feed.table("N"), quotes([]), feed.table("A").rows(3, 3)):
        for arrow in (table_.to_arrow(), table_.to_arrow(decimals=True, dictionaries=False)):
            assert arrow.shape == (0, len(table_.message.fields))
        assert pl.DataFrame(table_).shape == (0, len(table_.message.fields))
        assert duckdb.sql("select * from table_").fetchall() == []
    assert quotes([]).to_arrow(dates=True).schema == quotes().to_arrow(dates=True).schema


def test_64_bits_are_exact():
    with zcviz.open(frames(cross(shares=2**64 - 1))) as feed:
        assert feed.table("Q").to_arrow()["shares"].to_pylist() == [2**64 - 1]
        assert pl.DataFrame(feed.table("Q"))["shares"].to_list() == [2**64 - 1]


# --- groups and data of variable length ----------------------------------------------------------


@given(sbe_tables.orders)
def test_groups_are_lists_of_structs_at_any_depth(orders):
    arrow = sbe_tables.table_of(orders).to_arrow()
    arrow.validate(full=True)
    assert arrow.to_pylist() == [sbe_tables.expected(order) for order in orders]


@given(sbe_tables.orders, st.integers(0, 6), st.integers(0, 6))
def test_some_rows_have_their_own_entries(orders, start, stop):
    some = sbe_tables.table_of(orders).rows(start, stop).to_arrow()
    assert some.to_pylist() == [sbe_tables.expected(order) for order in orders[start:stop]]


@given(sbe_tables.orders, st.integers(0, 6), st.integers(0, 6))
def test_tables_of_entries_are_arrow_too(orders, start, stop):
    legs = [
        {"row_": row, **sbe_tables.leg_of(leg)}
        for row, order in enumerate(orders)
        for leg in order["legs"]
    ]
    table = sbe_tables.table_of(orders).group("legs")
    assert table.to_arrow().to_pylist() == legs
    assert table.rows(start, stop).to_arrow().to_pylist() == legs[start:stop]


def test_types_and_metadata_of_groups():
    schema = sbe_tables.table_of(sbe_tables.SOME).to_arrow(decimals=True).schema
    leg = schema.field("legs").type.value_type
    assert leg.field("price").type == pa.decimal128(19, 2)
    assert leg.field("price").metadata[b"unit"] == b"USD"
    assert leg.field("memo").type == pa.binary()
    assert leg.field("fills").type.value_type.field("note").type == pa.string()
    assert leg.field("fills").type.value_type.field("note").metadata[b"doc"] == b"Why."
    assert schema.field("legs").metadata == {b"doc": b"What is traded."}
    assert sbe_tables.table_of([]).to_arrow(decimals=True).schema == schema


def test_polars_and_duckdb_take_groups():
    t = sbe_tables.table_of(sbe_tables.SOME)
    legs = pl.DataFrame(t)["legs"].to_list()
    assert [[leg["price"] for leg in some] for some in legs] == [[150, None], [], [-1]]
    found = duckdb.sql("select id, unnest(legs).price from t order by id, 2").fetchall()
    assert found == [(1, 150), (1, None), (3, -1)]


# --- pyarrow is optional -------------------------------------------------------------------------


def test_without_pyarrow_it_is_named(feed, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for ask in (feed.table("A").to_arrow, feed.table("A").__arrow_c_stream__):
        with pytest.raises(MissingExtraError, match=r'pip install "zcviz\[arrow\]"') as missing:
            ask()
        assert missing.value.name == "pyarrow"


def test_pyarrow_is_imported_when_it_is_needed():
    code = "import sys, zcviz.feed, zcviz.export; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
