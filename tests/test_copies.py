"""Which expressions give views: ours against what happens when the inputs' memory is changed."""

from __future__ import annotations

import array
import copy
import ctypes
import functools
import struct
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import zcviz
from tests.helpers import add, feed_pcap, mold
from zcviz.trace.copies import copies_of, what_copied

polars = pytest.importorskip("polars")

# The names that expressions may use are made anew for each, all of them over memory of BASE, which
# the test then changes behind their backs. What changes with it, is a view.
SIZE = 480


class Base:
    """Memory that everything lies in, and a way to change it whoever holds it."""

    def __init__(self) -> None:
        self.data = bytearray((7 * i + 1) % 120 for i in range(SIZE))
        self.flips: list[tuple[int, int]] = []  # (address, size) beside `data`

    def lend(self, address: int, size: int) -> None:
        self.flips.append((address, size))

    def change(self) -> None:
        """Turn the lowest bit of every byte."""
        whole = np.frombuffer(self.data, np.uint8)
        places = [(whole.ctypes.data, len(whole)), *self.flips]
        for address, size in places:
            held = (ctypes.c_uint8 * size).from_address(address)
            for i in range(size):
                held[i] ^= 1


def arrow(base: Base, kind: pa.DataType, items: int, start: int = 0) -> pa.Array:
    return pa.Array.from_buffers(kind, items, [None, pa.py_buffer(memoryview(base.data)[start:])])


def names(base: Base) -> dict[str, object]:
    whole = np.frombuffer(base.data, np.uint8)
    raw = bytes(base.data)
    base.lend(id(raw) + bytes.__basicsize__ - 1, len(raw))
    numbers = array.array("i", range(40))
    base.lend(numbers.buffer_info()[0], 160)
    nulls = pa.array([1, None, 3, 4], pa.int64())
    base.lend(nulls.buffers()[1].address, 32)
    text = pa.array(["AAPL", "MSFT", "ZCVIZ"])
    base.lend(text.buffers()[2].address, text.buffers()[2].size)
    frame = pd.DataFrame({"p": whole[:80].view("<i8"), "q": whole[80:160].view("<i8")}, copy=False)
    mixed = pd.DataFrame({"p": whole[:80].view("<i8"), "s": whole[80:90]}, copy=False)
    series = polars.Series("p", arrow(base, pa.int64(), 50))
    return {
        "np": np, "pd": pd, "pa": pa, "pl": polars, "struct": struct, "copy": copy, "raw": raw,
        "grown": base.data, "m": memoryview(base.data), "numbers": numbers,
        "wire": whole.view(">u4").reshape(10, 12), "a": whole.view("<i8"),
        "f": whole[:160].view("<f4"), "table": whole.view([("x", "u1"), ("y", ">u4")]),
        "frozen": np.frombuffer(memoryview(base.data).toreadonly(), np.uint8),
        "frame": frame, "mixed": mixed, "column": frame["p"],
        "arr": arrow(base, pa.int64(), 20), "nulls": nulls, "text": text,
        "bits": arrow(base, pa.bool_(), 64),
        "chunks": pa.chunked_array([arrow(base, pa.int64(), 5), arrow(base, pa.int64(), 5, 80)]),
        "at": pa.table({"p": arrow(base, pa.int64(), 10), "q": arrow(base, pa.int64(), 10, 80)}),
        "series": series, "pf": polars.DataFrame([series]),
    }  # fmt: skip


VIEW, FRESH = "view", "fresh"
CASES = [
    # bytes, bytearray, memoryview, array
    ("raw[3:40]", FRESH, "a slice of a memoryview would be a view"),
    ("raw[:]", VIEW, "same object"),
    ("raw[5]", FRESH, "One item is read out"),
    ("raw + raw", FRESH, "both operands are copied"),
    ("bytes(raw)", VIEW, "same object"),
    ("bytearray(raw)", FRESH, "owns its memory"),
    ("memoryview(raw)", VIEW, "borrows the buffer"),
    ("memoryview(raw)[3:40]", VIEW, "another window"),
    ("grown[3:40]", FRESH, "a slice of a memoryview would be a view"),
    ("bytes(grown)", FRESH, "bytes own what they hold"),
    ("b''.join([m[:3], m[5:9]])", FRESH, "brought into one"),
    ("m[10:20]", VIEW, "another window"),
    ("m[::3]", VIEW, "another window"),
    ("m.cast('I')", VIEW, "read as another type"),
    ("m[4:8].cast('I')[0]", FRESH, "One item is read out"),
    ("m.toreadonly()", VIEW, "another window"),
    ("m[7]", FRESH, "One item is read out"),
    ("m[10:20].tobytes()", FRESH, "bytes own what they hold"),
    ("m.tolist()", FRESH, "Python object of its own"),
    ("str(m[:4], 'latin-1')", FRESH, "Text is made"),
    ("struct.unpack_from('>HQ', m, 3)", FRESH, "object of every field"),
    ("numbers[2:9]", FRESH, "a slice of a memoryview would be a view"),
    ("memoryview(numbers)[2:9]", VIEW, "another window"),
    # numpy
    ("np.frombuffer(raw, np.uint8)", VIEW, "borrows the buffer"),
    ("np.frombuffer(m, '>u4', 8, 16)", VIEW, "borrows the buffer"),
    ("np.array(list(raw))", FRESH, "Python object of its own"),
    ("np.array([1, 2, 3])", FRESH, "read one by one"),
    ("a[2:9]", VIEW, "Basic indexing"),
    ("a[::-2]", VIEW, "Basic indexing"),
    ("wire[:, 3]", VIEW, "Basic indexing"),
    ("wire[..., None]", VIEW, "Basic indexing"),
    ("a[5]", FRESH, "a scalar of its own"),
    ("a[[1, 5, 2]]", FRESH, "Fancy indexing"),
    ("wire[[1, 2], 3:5]", FRESH, "Fancy indexing"),
    ("a[a > 9]", FRESH, "boolean mask"),
    ("table['y']", VIEW, "stride is the size of a whole record"),
    ("table[['x', 'y']]", VIEW, "stride is the size of a whole record"),
    ("wire.T", VIEW, "Only shape and strides"),
    ("wire.transpose(1, 0)", VIEW, "Only shape and strides"),
    ("np.broadcast_to(a, (3, len(a)))", VIEW, "Only shape and strides"),
    ("wire.ravel()", VIEW, "one after another already"),
    ("wire.T.ravel()", FRESH, "brought together"),
    ("wire.reshape(-1)", VIEW, "one after another already"),
    ("wire.T.reshape(-1)", FRESH, "brought together"),
    ("wire.flatten()", FRESH, "always copies"),
    ("a.copy()", FRESH, "always copies"),
    ("copy.deepcopy(a)", FRESH, "always copies"),
    ("a.view('u1')", VIEW, "read as another type"),
    ("wire.astype('<u4')", FRESH, "byte order changes from big-endian uint32 to uint32"),
    ("wire.byteswap()", FRESH, "bytes turned round"),
    ("wire.view('<u4')", VIEW, "read as another type"),
    ("a.astype('f8')", FRESH, "type changes from int64 to float64"),
    ("a.astype('i8')", FRESH, "unless it is told copy=False"),
    ("a.astype('i8', copy=False)", VIEW, "same object"),
    ("a.astype(object)", FRESH, "holds pointers"),
    ("np.asarray(a)", VIEW, "same object"),
    ("np.array(a)", FRESH, "copies unless it is told not to"),
    ("np.array(a, copy=False)", VIEW, "same object"),
    ("np.array(a, copy=False, ndmin=2)", VIEW, "what was asked for already"),
    ("np.ascontiguousarray(a[::2])", FRESH, "brought together"),
    ("np.ascontiguousarray(wire[2:4])", VIEW, "same object"),
    ("np.require(frozen, requirements='W')", FRESH, "read-only"),
    ("np.concatenate([a, a])", FRESH, "brought into one"),
    ("np.concat([a, a])", FRESH, "brought into one"),
    ("np.split(a, 3)", VIEW, ""),
    ("np.take(a, [1, 2])", FRESH, "another order or number"),
    ("a + 1", FRESH, "new values"),
    ("np.sort(a)", FRESH, "another order or number"),
    ("f.real", VIEW, "same object"),
    ("f.view('c8').imag", VIEW, ""),
    # pandas
    ("frame['p']", VIEW, "copy-on-write"),
    ("frame[['q']]", VIEW, "copy-on-write"),
    ("frame.iloc[2:5]", VIEW, "copy-on-write"),
    ("frame.copy(deep=False)", VIEW, "copy-on-write"),
    ("frame.copy()", FRESH, "always copies"),
    ("frame[[True, False] * 5]", FRESH, "boolean mask"),
    ("frame[[True] * 10]", VIEW, "copy-on-write"),
    ("frame.iloc[[0, 2]]", FRESH, "Fancy indexing"),
    ("column.to_numpy()", VIEW, "read-only"),
    ("column.values", VIEW, "read-only"),
    ("mixed.to_numpy()", FRESH, "several blocks"),
    ("pd.concat([frame, frame])", FRESH, "brought into one"),
    ("pd.Series(a)", FRESH, "so that copy-on-write holds"),
    ("pd.Series(a, copy=False)", VIEW, "takes the memory as it is"),
    ("column.astype('f8')", FRESH, "type changes"),
    ("frame.rename(columns={'p': 'r'})", VIEW, "copy-on-write"),
    # pyarrow, polars
    ("arr.to_numpy()", VIEW, "by reference"),
    ("arr[2:9]", VIEW, "by reference"),
    ("arr.slice(2).to_numpy()", VIEW, "by reference"),
    ("nulls.to_numpy(zero_copy_only=False)", FRESH, "no place for missing values"),
    ("bits.to_numpy(zero_copy_only=False)", FRESH, "eight truth values in a byte"),
    ("text.to_numpy(zero_copy_only=False)", FRESH, "Python object"),
    ("chunks.to_numpy()", FRESH, "brought into one"),
    ("chunks.chunk(1)", VIEW, "by reference"),
    ("chunks.combine_chunks()", FRESH, "brought into one"),
    ("at.column('q')", VIEW, "by reference"),
    ("at.to_pandas()", FRESH, "split_blocks=True"),
    ("at.to_pandas(split_blocks=True)", VIEW, "takes the memory as it is"),
    ("pa.array(a)", VIEW, "by reference"),
    ("pa.py_buffer(raw)", VIEW, "borrows the buffer"),
    ("pl.from_arrow(at)", VIEW, "by reference"),
    ("series.to_numpy()", VIEW, "by reference"),
    ("series[3:7]", VIEW, "by reference"),
    ("series.to_arrow()", VIEW, "by reference"),
    ("series + 1", FRESH, "new values"),
    ("a[True]", FRESH, "mask"),
    ("f'{a}'", FRESH, "Text owns"),
    ("pf['p']", VIEW, "by reference"),
]


def content(value: object) -> bytes:
    """What a value holds, all of it copied out, by means of its own."""
    match value:
        case bytes() | bytearray():
            return bytes(bytearray(value))
        case memoryview():
            return value.tobytes()
        case list() | tuple():
            return b"".join(map(content, value))
        case np.ndarray():
            return value.tobytes() if value.dtype != object else repr(value.tolist()).encode()
        case pa.Buffer():
            return value.to_pybytes()
        case pa.Array() | pa.ChunkedArray() | pa.Table():
            return repr(value.to_pylist()).encode()
        case pd.DataFrame() | pd.Series() | polars.Series() | polars.DataFrame():
            return repr(value.to_dict("list") if isinstance(value, pd.DataFrame)
                        else value.to_dicts() if isinstance(value, polars.DataFrame)
                        else value.to_list()).encode()  # fmt: skip
    return repr(value).encode()


@pytest.mark.parametrize(("expression", "truth", "reason"), CASES, ids=[case[0] for case in CASES])
def test_views_and_copies_are_told_apart(expression, truth, reason):
    base = Base()
    given = names(base)
    found = copies_of(expression, given)
    before = content(found.result)
    base.change()
    changed = content(found.result) != before
    base.change()
    assert (VIEW if changed else FRESH) == truth, "the table is wrong"
    assert (VIEW if found.viewed and not found.fresh else FRESH) == truth, str(found)
    assert reason in found.why, str(found)
    assert bool(found.why) == bool(reason), str(found)


class Holder:
    """Shows no memory of its own, and has some."""

    kept = ""

    def __init__(self, values):
        self.values = values

    @property
    def half(self):
        return self.values[: len(self.values) // 2]

    @functools.cached_property
    def double(self):
        return self.values * 2

    def first(self):
        return self.values[:1]


class Slotted:
    __slots__ = ("values",)

    def __init__(self, values):
        self.values = values


VALUES = np.arange(100.0)


def of_a_global():
    return VALUES[1:]


def reached():
    module = ModuleType("module")
    module.values = VALUES
    names = {"holder": Holder(VALUES), "slotted": Slotted(VALUES), "module": module}
    names["partial"] = functools.partial(np.asarray, VALUES)
    return names | {"x": VALUES, "T": VALUES[:5], "Holder": Holder, "of_a_global": of_a_global}


@pytest.mark.parametrize(
    ("expression", "of"),
    [
        ("holder.values[::2]", {"holder"}), ("holder.half[1:]", {"holder"}),
        ("holder.first()", {"holder"}), ("getattr(holder, 'values')[1:]", {"holder"}),
        ("slotted.values[1:]", {"slotted"}), ("module.values[::2]", {"module.values"}),
        ("partial()", {"partial"}), ("of_a_global()", {"VALUES"}), ("(lambda: x[1:])()", {"x"}),
        ("list(x[i:] for i in range(3))", {"x"}), ("[each for each in [x]]", {"x"}),
        ("Holder(x).values[1:]", {"x"}), ("x.T", {"x"}),
        ("holder.double", set()), ("Holder(x.copy()).values[1:]", set()),
        ("(lambda q=x.copy(): q[1:])()", set()), ("[*x]", set()),
    ],
)  # fmt: skip
def test_what_an_expression_reaches_is_an_input_too(expression, of):
    found = copies_of(expression, reached())
    assert {name for part in found.parts for name, _ in part.views} == of
    assert bool(found.fresh) != bool(of)
    assert "no byte moves" not in found.why or of


class Config:
    prices = VALUES


def test_what_is_held_by_what_an_object_holds_is_not_fresh():
    with zcviz.open(feed_pcap(mold(1, add(), add()))) as feed:
        assert copies_of("feed.index", {"feed": feed}).fresh, "it is made at the first look"
        names = {"feed": feed, "T": feed.table("A"), "held": [Holder(Holder(VALUES))], "C": Config}
        for expression in (
            "feed.index", "feed.index.offsets", "feed.index.offsets[1:]", "T.message",
            "feed.protocol.name", "held[0].values.values", "C.prices[1:]",
        ):  # fmt: skip
            assert copies_of(expression, names).fresh == 0, expression
        for expression in "feed.index.offsets + 1", "len(T)", "held[0].values.double":
            assert copies_of(expression, names).viewed == 0, expression
        assert copies_of("T.message", names).why == "T holds it already: no object was made."
        assert what_copied(lambda: feed.index.offsets).fresh == 0
        assert what_copied(getattr, feed, "index").fresh == 0


def test_a_circle_of_objects_has_an_end():
    one, other = Holder(VALUES), Holder(VALUES)
    one.other, other.other = other, one
    assert copies_of("one.other.other.other.values[1:]", {"one": one}).fresh == 0


class Growing:
    """Gathers columns when they are asked for, and keeps them, as a table does."""

    def __init__(self):
        self.columns = {}

    @property
    def __zcviz_parts__(self):
        return self.columns

    def __getitem__(self, name):
        return self.columns.setdefault(name, VALUES.copy())


def test_what_an_input_gets_on_the_way_is_fresh():
    names = {"table": Growing(), "index": pd.RangeIndex(100)}
    for expression in "table['price']", "index.values":
        assert copies_of(expression, names).viewed == 0
        assert copies_of(expression, names).fresh == 0, "now it is there"
    assert copies_of("(table['size'], table['size'])", names).viewed == 0
    gather = names["table"].__getitem__
    assert [what_copied(gather, "day").viewed for _ in range(2)] == [0, VALUES.nbytes]


def test_what_a_function_uses_is_an_input_too():
    assert what_copied(lambda: VALUES[1:]).fresh == 0
    assert what_copied(Holder(VALUES).first).fresh == 0
    assert what_copied(lambda data: data[1:] if len(data) else later, VALUES).fresh == 0
    later = None


@pytest.mark.parametrize("expression", ["x.base", "x[5:5]", "None", "released.release()"])
def test_what_has_no_bytes_is_neither_view_nor_copy(expression):
    released = memoryview(b"abc")
    released.release()
    found = copies_of(expression, {"x": VALUES, "released": released})
    assert (found.viewed, found.fresh, found.sentence) == (0, 0, f"{expression} has no bytes.")


def test_a_ragged_index_explains_nothing_and_stops_nothing():
    class Anything:
        def __getitem__(self, index):
            return VALUES.copy()

    assert copies_of("a[[[1], [1, 2]]]", {"a": Anything()}).fresh == VALUES.nbytes
