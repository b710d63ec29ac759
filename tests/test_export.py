"""Messages as files, read back by libraries that others wrote."""

from __future__ import annotations

import csv
import errno
import threading
import tracemalloc
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import zcviz
from tests import helpers, sbe_tables
from tests.helpers import add, day, feed_pcap, frames, mold
from zcviz import errors, samples
from zcviz.buffers import HeldBytes
from zcviz.cli import main
from zcviz.export import FORMATS, _Names, _quoting, export
from zcviz.protocols.itch50 import ITCH50

every_format = pytest.mark.parametrize("form", FORMATS)


def exported(content, folder, tags=None, form="csv"):
    told = []
    with zcviz.open(content) as feed:
        files = list(export(feed, folder, form, tags, lambda *done: told.append(done)))
    return dict(files), told


def read(path):
    """The Arrow table in a file."""
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:
        return file.read_all()


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@every_format
def test_nothing_to_export_is_said(tmp_path, form):
    unknown = pytest.raises(errors.SelectionError, match="no message of a type that itch50 knows")
    with zcviz.open(frames(b"z123"), protocol="itch50") as feed, unknown:
        list(export(feed, tmp_path / "out", form))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("types", [None, ["1"], ["999"], [1], ["Trades"]])
def test_where_a_schema_is_missing_it_is_asked_for(tmp_path, types):
    asked = pytest.raises(errors.SelectionError, match=r"mdp3 has no message .*--schema XML")
    with zcviz.open(samples.small("mdp3").data) as feed, asked:
        list(export(feed, tmp_path / "out", "csv", types))
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize("kind", ["S3", object])
def test_a_lone_carriage_return_is_quoted(kind):
    # Text of fixed length, and var-data.
    assert _quoting({"text": np.array([b"a\rb"], kind)}) == csv.QUOTE_NONNUMERIC
    assert _quoting({"text": np.array([b"a,b"], kind)}) == csv.QUOTE_MINIMAL


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


# --- Parquet and Arrow files ---------------------------------------------------------------------

BINARY = ["parquet", "arrow"]
both = pytest.mark.parametrize("form", BINARY)


def contents():
    """A feed of every type, with the extremes of each field."""
    odd = [add(2**64 - 1, b"S", 2**32 - 1, b"\xff\x00<&\n\r\"'", 2**32 - 1, time=2**48 - 1)]
    odd += [add(stock=text) for text in HOSTILE]
    return frames(*day(), *odd, helpers.cross(2**64 - 1))


@both
@pytest.mark.parametrize("framing", ["binaryfile", "pcap"])
def test_files_hold_what_the_tables_hold(form, framing, tmp_path):
    content = contents() if framing == "binaryfile" else feed_pcap(mold(1, *day()))
    files, told = exported(content, tmp_path, form=form)
    with zcviz.open(content) as feed:
        assert {path.stem for path in files} == {ITCH50[tag].name for tag in feed.counts()}
        for path, rows in files.items():
            table = feed.table(path.stem)
            found, expected = read(path), table.to_arrow(dictionaries=form == "parquet")
            assert found.schema.equals(expected.schema, check_metadata=True)
            assert found.to_pylist() == expected.to_pylist()
            assert rows == len(found)
        assert told[-1] == (len(feed), len(feed))


def test_polars_and_duckdb_read_them(tmp_path):
    content = contents()
    for form in BINARY:
        exported(content, tmp_path, form=form)
    with zcviz.open(content) as feed:
        adds = feed.table("A")
        expected = adds.to_arrow(dictionaries=False).to_pydict()
        for frame in (
            pl.read_parquet(tmp_path / "add_order.parquet"),
            pl.read_ipc(tmp_path / "add_order.arrow"),
        ):
            assert frame.to_dict(as_series=False) == expected
        found = duckdb.sql(f"select * from '{tmp_path / 'add_order.parquet'}'").to_arrow_table()
        assert found.to_pydict() == expected


def test_parquet_says_what_the_numbers_mean(tmp_path):
    exported(frames(add()), tmp_path, form="parquet")
    schema = pq.read_schema(tmp_path / "add_order.parquet")
    assert schema.field("price").metadata[b"unit"] == b"USD"
    assert schema.field("price").metadata[b"scale"] == b"4"
    assert b"5.0" in schema.metadata[b"source"]
    assert schema.metadata[b"zcviz"] == zcviz.__version__.encode()


def test_parquet_packs_numbers_by_their_differences(tmp_path):
    exported(frames(*[add(ref, price=ref) for ref in range(5000)]), tmp_path, form="parquet")
    group = pq.ParquetFile(tmp_path / "add_order.parquet").metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    encodings = {column.path_in_schema: column.encodings for column in columns}
    for name in ("price", "timestamp", "stock_locate", "order_reference_number"):
        assert "DELTA_BINARY_PACKED" in encodings[name]
    assert "RLE_DICTIONARY" in encodings["stock"]
    has = {column.path_in_schema: column.is_stats_set for column in columns}
    assert has["timestamp"]
    assert not has["stock"]
    assert (tmp_path / "add_order.parquet").stat().st_size < 5000 * 8


def test_an_arrow_file_is_read_without_a_copy(tmp_path):
    exported(frames(*[add(ref) for ref in range(5000)]), tmp_path, form="arrow")
    with pa.memory_map(str(tmp_path / "add_order.arrow")) as mapped:
        whole = np.frombuffer(mapped.read_buffer(), np.uint8)
        mapped.seek(0)
        (chunk,) = pa.ipc.open_file(mapped).read_all()["price"].chunks
        assert np.shares_memory(chunk.to_numpy(), whole)
        del chunk, whole


@both
def test_blocks_are_row_groups_and_batches(form, tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._ROWS", 7)
    for count in (6, 7, 8, 21):
        stocks = [b"S%d" % ref for ref in range(count)]
        content = frames(*[add(ref, stock=stock) for ref, stock in enumerate(stocks)])
        (path,), told = exported(content, tmp_path, form=form)
        found = read(path)
        assert found["order_reference_number"].to_pylist() == list(range(count))
        assert found["stock"].to_pylist() == [stock.decode() for stock in stocks]
        assert told == [(min(7 * n, count), count) for n in range(1, -(-count // 7) + 1)]
        assert found["price"].num_chunks == -(-count // 7) or form == "parquet"


@both
def test_a_type_that_does_not_occur_has_a_file_with_its_columns(form, tmp_path):
    (path,), _ = exported(frames(add()), tmp_path, ["N"], form)
    found = read(path)
    assert len(found) == 0
    assert found.column_names == [field.name for field in ITCH50["N"].fields]
    assert found.schema.field("interest_flag").metadata[b"codes"]


@both
def test_the_command_line_writes_them(form, tmp_path, capsys):
    path, out = tmp_path / "day.itch", tmp_path / "out"
    path.write_bytes(frames(*day()))
    words = ["export", str(path), str(out), "--format", form, "--type", "R"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"{out / 'stock_directory'}.{form}: 2 rows\n"
    assert len(read(out / f"stock_directory.{form}")) == 2


# --- groups --------------------------------------------------------------------------------------


class Orders:
    """As much of a feed as is exported."""

    protocol = sbe_tables.SBE
    source = HeldBytes(b"", "made up")

    def __init__(self, count):
        self.messages = sbe_tables.SOME * count

    def counts(self):
        return {"3": len(self.messages)}

    def table(self, name):
        assert name == "Order"
        return sbe_tables.table_of(self.messages)


@both
def test_groups_are_lists_in_the_rows_of_their_messages(form, tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._ROWS", 2)
    ((path, count),) = export(Orders(3), tmp_path, form)
    assert (path.name, count) == (f"Order.{form}", 9)
    assert read(path).to_pylist() == [sbe_tables.expected(each) for each in sbe_tables.SOME * 3]


def test_polars_and_duckdb_read_groups(tmp_path):
    ((path, _),) = export(Orders(1), tmp_path, "parquet")
    ((other, _),) = export(Orders(1), tmp_path, "arrow")
    for frame in (pl.read_parquet(path), pl.read_ipc(other)):
        legs = frame["legs"].to_list()
        assert [[leg["price"] for leg in some] for some in legs] == [[150, None], [], [-1]]
    found = duckdb.sql(f"select unnest(legs).price from '{path}' order by 1").fetchall()
    assert found == [(-1,), (150,), (None,)]


def test_groups_have_files_of_their_own_in_csv(tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._ROWS", 2)
    told = []
    files = dict(export(Orders(2), tmp_path, "csv", progress=lambda *done: told.append(done)))
    assert {path.name: rows for path, rows in files.items()} == {
        "Order.csv": 6, "Order.legs.csv": 6, "Order.legs.fills.csv": 6, "Order.parties.csv": 6,
    }  # fmt: skip
    assert told[-1] == (24, 24)
    orders, legs, fills, parties = (
        rows_of(tmp_path / f"Order{part}.csv") for part in ("", ".legs", ".legs.fills", ".parties")
    )
    assert [row["name"] for row in orders] == ["first", "", "\\xff\r\n,"] * 2
    assert [(row["row_"], row["price"], row["row"]) for row in legs] == [
        ("0", "150", "9"), ("0", "", "8"), ("2", "-1", "7"),
        ("3", "150", "9"), ("3", "", "8"), ("5", "-1", "7"),
    ]  # fmt: skip
    assert [(row["row"], row["note"]) for row in fills] == [
        ("0", "\xe9"), ("0", ""), ("2", "why"), ("3", "\xe9"), ("3", ""), ("5", "why"),
    ]  # fmt: skip
    assert [(row["row"], row["number"]) for row in parties][3:] == [
        ("3", "4"), ("5", "5"), ("5", "6"),
    ]  # fmt: skip


def test_a_block_reaches_over_few_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._REACH", 1)
    told = []
    ((path, _),) = export(Orders(2), tmp_path, "arrow", progress=lambda *done: told.append(done))
    assert told == [(number, 6) for number in range(1, 7)]
    assert read(path).to_pylist() == [sbe_tables.expected(each) for each in sbe_tables.SOME * 2]


@both
def test_memory_does_not_grow_with_the_feed(form, tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._ROWS", 2048)
    piece = frames(*[add(ref) for ref in range(1000)])
    peaks = []
    for times in (10, 10, 60):  # the first of them imports and compiles
        path = tmp_path / "feed.itch"
        path.write_bytes(piece * times)
        with zcviz.open(path) as feed:
            len(feed)
            tracemalloc.start()
            list(export(feed, tmp_path, form))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[2] < peaks[1] + 8 * 50_000, "offsets and a mask, of messages of one type"


# --- files are whole, and named harmlessly -------------------------------------------------------


@every_format
def test_nothing_but_whole_files_is_left(form, tmp_path, monkeypatch):
    monkeypatch.setattr("zcviz.export._ROWS", 10)
    content = frames(*[add()] * 50, helpers.delete())
    exported(content, tmp_path, ["A"], form)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    threads = threading.active_count()

    def interrupt(done, total):
        assert threading.active_count() <= threads + 1
        if done >= 20:
            raise KeyboardInterrupt

    with zcviz.open(content) as feed, pytest.raises(KeyboardInterrupt):
        list(export(feed, tmp_path, form, ["D", "A"], interrupt))
    assert {path: path.read_bytes() for path in tmp_path.glob("add_order*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {
        f"add_order.{form}", f"order_delete.{form}",
    }  # fmt: skip
    assert threading.active_count() == threads


@every_format
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_with_the_file(form, tmp_path, monkeypatch):
    real = type(tmp_path).open
    monkeypatch.setattr(
        type(tmp_path), "open",
        lambda self, *rest, **more: real(
            type(self)("/dev/full") if self.suffix == ".part" else self, *rest, **more
        ),
    )  # fmt: skip
    with zcviz.open(frames(*[add()] * 9)) as feed, pytest.raises(OSError) as refused:
        list(export(feed, tmp_path, form))
    assert refused.value.errno == errno.ENOSPC
    assert refused.value.filename == str(tmp_path / f"add_order.{form}")
    assert list(tmp_path.iterdir()) == []


@every_format
def test_a_folder_in_the_way_is_said_at_once(form, tmp_path):
    (tmp_path / f"add_order.{form}").mkdir()
    with zcviz.open(frames(add())) as feed, pytest.raises(IsADirectoryError) as refused:
        list(export(feed, tmp_path, form))
    assert refused.value.filename == str(tmp_path / f"add_order.{form}")
    assert [path.name for path in tmp_path.iterdir()] == [f"add_order.{form}"]


def test_unknown_formats_and_types_are_refused(tmp_path):
    with zcviz.open(frames(add())) as feed:
        with pytest.raises(errors.SelectionError, match="'xls': expected one of csv, parquet"):
            list(export(feed, tmp_path / "out", "xls"))
        with pytest.raises(errors.SelectionError, match="no message 'Z'"):
            list(export(feed, tmp_path / "out", "csv", ["A", "Z"]))
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_csv_still_works(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with zcviz.open(frames(add())) as feed:
        for form in BINARY:
            with pytest.raises(errors.MissingExtraError, match=r"zcviz\[arrow\]"):
                list(export(feed, tmp_path / "out", form))
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("trading_action", "trading_action"),
        ("MDIncrementalRefreshBook32", "MDIncrementalRefreshBook32"),
        ("", "_"),
        ("..", "__"),
        (".hidden", "_hidden"),
        ("../../etc/passwd", "______etc_passwd"),
        ("a\\b:c*d?", "a_b_c_d_"),
        ("a\0\n\x1b\u202e", "a____"),
        ("\u00e9t\u00e9", "_t_"),
        ("con", "_con"),
        ("LPT1", "_LPT1"),
        ("console", "console"),
        ("x" * 300, "x" * 60),
    ],
)
def test_names_from_a_schema_become_names_of_files(name, expected):
    assert _Names().of(name) == expected


def test_no_two_messages_share_a_file():
    names = _Names()
    assert [names.of(*parts) for parts in [("a", "b"), ("A", "B"), ("a/", "b"), ("a?", "b")]] == [
        "a.b", "A.B_", "a_.b", "a_.b_",
    ]  # fmt: skip
    assert names.of("nul", "b") == "_nul.b"
