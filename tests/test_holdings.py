"""`holdings`: truth established by writing through what it gives, or by the library's own word."""

from __future__ import annotations

import array
import ctypes
import gc
import mmap
import subprocess
import sys
import tracemalloc
from contextlib import closing
from multiprocessing import shared_memory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zcviz
from zcviz.buffers import HeldBytes
from zcviz.codec import view_of
from zcviz.errors import BufferLifetimeError
from zcviz.protocols.itch50 import ITCH50
from zcviz.trace import holdings, overlap, shares_memory
from zcviz.trace.arrow_memory import exported_array
from zcviz.trace.holdings import Unseen
from zcviz.trace.memory import runs_of

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

N = 1 << 19  # rows of large objects: 4 MiB


class Pair(ctypes.Structure):
    _fields_ = (("first", ctypes.c_uint32), ("rest", ctypes.c_uint32 * 7))


class Interface:
    def __init__(self, told):
        self.__array_interface__ = told


class Lends:
    """Speaks one protocol for somebody else."""

    def __init__(self, value):
        self.value = value


class Tells(Lends):
    @property
    def __array_interface__(self):
        return self.value.__array_interface__


class LendsDLPack(Lends):
    def __dlpack__(self, **kw):
        return self.value.__dlpack__(**kw)

    def __dlpack_device__(self):
        return self.value.__dlpack_device__()


class LendsArray(Lends):
    def __arrow_c_array__(self, requested_schema=None):
        return self.value.__arrow_c_array__()


class LendsStream(Lends):
    def __arrow_c_stream__(self, requested_schema=None):
        return self.value.__arrow_c_stream__()


def filled(n=32):
    return np.arange(n, dtype=np.uint8)


def found(obj):
    return list(holdings(obj))


def labels(obj):
    return [each.label for each in holdings(obj)]


# --- memory that can be written to ----------------------------------------------------------------

WRITABLE = {
    "bytearray": (lambda: bytearray(filled()), bytes),
    "memoryview": (lambda: memoryview(bytearray(filled())), bytes),
    "memoryview, a slice": (lambda: memoryview(bytearray(filled()))[3:9], bytes),
    "memoryview, cast": (lambda: memoryview(bytearray(filled())).cast("H"), bytes),
    "memoryview, strided": (lambda: memoryview(bytearray(filled()))[20:2:-3], bytes),
    "memoryview, in two dimensions": (
        lambda: memoryview(bytearray(filled())).cast("B", (4, 8)),
        bytes,
    ),
    "mmap": (lambda: mmap.mmap(-1, 64), lambda o: o[:]),
    "array": (lambda: array.array("d", [1, 2, 3]), bytes),
    "ctypes array": (lambda: (ctypes.c_uint16 * 5)(1, 2, 3), bytes),
    "ctypes part": (lambda: Pair(1).rest, bytes),
    "ndarray": (filled, lambda o: o.tobytes()),
    "ndarray, transposed": (lambda: filled().reshape(4, 8).T, lambda o: o.tobytes()),
    "ndarray, a field": (
        lambda: np.zeros(4, [("a", "S1"), ("b", ">u4")])["b"],
        lambda o: o.tobytes(),
    ),
    "ndarray, reversed": (lambda: filled()[::-2], lambda o: o.tobytes()),
    "ndarray, no dimension": (lambda: np.array(5), lambda o: o.tobytes()),
    "masked array": (lambda: np.ma.masked_array([1, 2], [0, 1]), lambda o: o.data.tobytes()),
    "shared memory": (
        lambda: shared_memory.SharedMemory(create=True, size=16),
        lambda o: bytes(o.buf),
    ),
    "Series": (lambda: pd.Series([1, 2, 3]), lambda o: o.to_numpy().tobytes()),
    "Series, a slice": (lambda: pd.Series([1, 2, 3])[1:], lambda o: o.to_numpy().tobytes()),
    "Series of times": (
        lambda: pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"])),
        lambda o: o.astype("int64").to_numpy().tobytes(),
    ),
    "Series, masked": (
        lambda: pd.Series([1, 2], dtype="Int64"),
        lambda o: bytes(o.to_numpy(np.int64)),
    ),
    "Index": (lambda: pd.Index([4, 5]), lambda o: o.to_numpy().tobytes()),
    "DataFrame": (
        lambda: pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        lambda o: o["a"].to_numpy().tobytes(),
    ),
    "DLPack": (lambda: LendsDLPack(filled()), lambda o: o.value.tobytes()),
    "__array_interface__": (lambda: Tells(filled()), lambda o: o.value.tobytes()),
    "a list": (lambda: [None, filled()], lambda o: o[1].tobytes()),
    "a dict": (lambda: {"a": (1, filled())}, lambda o: o["a"][1].tobytes()),
}


def destroy(obj):
    if isinstance(obj, shared_memory.SharedMemory):
        gc.collect()
        obj.close()
        obj.unlink()


@pytest.mark.parametrize("name", WRITABLE)
def test_what_is_written_through_a_holding_is_seen_in_the_object(name):
    make, read = WRITABLE[name]
    obj = make()
    array = found(obj)[0].array
    before, size = read(obj), array.nbytes
    assert size == len(before)
    array[...] = np.frombuffer(b"\x01" * array.itemsize, array.dtype)[0]
    after = read(obj)
    assert after == b"\x01" * size != before
    del array
    destroy(obj)


READ_ONLY = {
    "bytes": lambda: b"some bytes",
    "memoryview": lambda: memoryview(bytearray(5)).toreadonly(),
    "broadcast": lambda: np.broadcast_to(filled(), (9, 32)),
    "np.float64": lambda: np.float64(5),
    "pyarrow": lambda: pa.array([1, 2]),
    "polars": lambda: pl.Series([1, 2]),
    "a string column": lambda: pd.Series(["a", "b"]),
}


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_must_not_be_written_to_is_read_only(name):
    assert not any(each.array.flags.writeable for each in holdings(READ_ONLY[name]()))


# --- where it is, by the library's own word -------------------------------------------------------


def places(obj):
    return {each.label: (runs_of(each.array).address, each.array.nbytes) for each in holdings(obj)}


def buffers_of(arrow_array):
    return [each and (each.address, each.size) for each in arrow_array.buffers()]


def test_numbers_and_their_validity():
    numbers = pa.array([1, None, 3, 4], pa.int32())
    (valid, _), (data, _) = buffers_of(numbers)
    assert places(numbers) == {"validity": (valid, 1), "data": (data, 16)}
    assert places(numbers[1:3]) == {"validity": (valid, 1), "data": (data + 4, 8)}
    bits = pa.array([True] * 20)
    assert places(bits[9:12]) == {"data": (bits.buffers()[1].address + 1, 1)}
    assert places(bits[7:9]) == {"data": (bits.buffers()[1].address, 2)}


ONE_BUFFER = {
    "int8": (pa.int8(), [1, 2, 3], 1),
    "uint16": (pa.uint16(), [1, 2, 3], 2),
    "float": (pa.float32(), [1, 2, 3], 4),
    "half": (pa.float16(), [1.0, 2.0, 3.0], 2),
    "double": (pa.float64(), [1, 2, 3], 8),
    "date32": (pa.date32(), [1, 2, 3], 4),
    "date64": (pa.date64(), [86400000] * 3, 8),
    "time32": (pa.time32("s"), [1, 2, 3], 4),
    "time64": (pa.time64("ns"), [1, 2, 3], 8),
    "timestamp": (pa.timestamp("us", "UTC"), [1, 2, 3], 8),
    "duration": (pa.duration("ms"), [1, 2, 3], 8),
    "month_day_nano": (pa.month_day_nano_interval(), [(1, 2, 3)] * 3, 16),
    "decimal32": (pa.decimal32(5, 1), [1, 2, 3], 4),
    "decimal128": (pa.decimal128(5, 1), [1, 2, 3], 16),
    "decimal256": (pa.decimal256(50, 1), [1, 2, 3], 32),
    "fixed": (pa.binary(5), [b"12345"] * 3, 5),
}


@pytest.mark.parametrize("name", ONE_BUFFER)
def test_values_of_one_width(name):
    kind, values, width = ONE_BUFFER[name]
    numbers = pa.array(values, kind)
    address = numbers.buffers()[1].address
    assert places(numbers) == {"data": (address, 3 * width)}
    assert places(numbers[1:]) == {"data": (address + width, 2 * width)}
    assert places(numbers[3:]) == {"": (0, 0)}


@pytest.mark.parametrize(
    ("kind", "size"), [(pa.string(), 4), (pa.large_string(), 8), (pa.binary(), 4)]
)
def test_text_is_its_offsets_and_what_these_enclose(kind, size):
    text = pa.array(["one", "three", "seven"], kind)
    _, (offsets, _), (data, _) = buffers_of(text)
    assert places(text) == {"offsets": (offsets, 4 * size), "data": (data, 13)}
    assert places(text[1:2]) == {"offsets": (offsets + size, 2 * size), "data": (data + 3, 5)}


def test_views_lists_structs_dictionaries_unions_runs():
    text = pa.array(["x" * 20, "y"], pa.string_view())
    _, (views, _), (long, _) = buffers_of(text)
    assert places(text) == {"views": (views, 32), "text 0": (long, 20)}
    lists = pa.array([[1], [2, 3], [4, 5, 6]], pa.list_(pa.int16()))
    values = lists.values.buffers()[1].address
    assert places(lists[1:2])["item data"] == (values + 2, 4)
    fixed = pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2))
    assert places(fixed[1:]) == {"item data": (fixed.values.buffers()[1].address + 2, 2)}
    rows = pa.array([{"a": 1, "b": "x"}, {"a": 2, "b": "yz"}])
    assert places(rows[1:])["['a'] data"] == (rows.field("a").buffers()[1].address + 8, 8)
    coded = pa.array(["u", "v", "u"]).dictionary_encode()
    assert places(coded)["data"] == (coded.indices.buffers()[1].address, 12)
    assert places(coded)["dictionary data"][0] == coded.dictionary.buffers()[2].address
    union = pa.UnionArray.from_sparse(
        pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array([1.0, 2.0])]
    )
    assert set(places(union)) == {"types", "0 data", "1 data"}
    assert set(places(pa.RunEndEncodedArray.from_arrays([3], [5]))) == {
        "run_ends data",
        "values data",
    }
    pairs = pa.array([[("k", 1)], [("l", 2)]], pa.map_(pa.string(), pa.int8()))
    assert "entries ['key'] data" in places(pairs)


@given(st.data())
def test_a_slice_of_arrow_lies_in_the_whole_and_next_to_the_rest(data):
    kind = data.draw(st.sampled_from([pa.int8(), pa.int64(), pa.float64(), pa.decimal128(9, 2)]))
    whole = pa.array(list(range(40)), kind)
    start = data.draw(st.integers(0, 40))
    stop = data.draw(st.integers(start, 40))
    part = whole[start:stop]
    assert overlap(part, whole) == part.nbytes
    assert overlap(part, whole[:start]) == overlap(part, whole[stop:]) == 0


def test_columns_and_chunks_are_labelled():
    one, other = pa.array([1, 2]), pa.array([3])
    table = pa.table({"n": pa.chunked_array([one, other]), "t": ["x", "y", "z"]})
    where = places(table)
    assert where["['n'] chunk 0 data"] == (one.buffers()[1].address, 16)
    assert where["['n'] chunk 1 data"] == (other.buffers()[1].address, 8)
    assert {"['t'] chunk 0 offsets", "['t'] chunk 0 data"} < set(where)
    assert labels(pa.record_batch({"n": one})) == ["['n'] data"]
    assert labels(table["n"]) == ["chunk 0 data", "chunk 1 data"]


def test_of_a_buffer_its_parent_is_asked_and_of_memory_of_arrow_nobody():
    whole = pa.allocate_buffer(64)
    (held,) = holdings(whole)
    assert (held.lender, runs_of(held.array).address) == (Unseen("Arrow"), whole.address)
    (part,) = holdings(whole.slice(8, 4))
    assert part.lender.address == whole.address
    (shown,) = holdings(pa.py_buffer(b"abcd"))
    assert shown.array.tobytes() == b"abcd"


def test_polars_shows_the_memory_that_numpy_and_arrow_get_from_it():
    numbers = pl.Series("n", [1, 2, 3])
    assert places(numbers) == {"chunk 0 data": (numbers.to_numpy().ctypes.data, 24)}
    text = pl.Series(["short", "longer than twelve bytes"])
    _, views, long = pa.chunked_array(text).chunk(0).buffers()
    assert places(text) == {
        "chunk 0 views": (views.address, 32),
        "chunk 0 text 0": (long.address, 24),
    }
    frame = pl.DataFrame({"n": numbers[:2], "t": text})
    assert labels(frame)[0] == "['n'] chunk 0 data"
    assert overlap(frame, numbers) == 16
    coded = pl.Series(["a", "b", "a"], dtype=pl.Categorical)
    assert places(coded) == {"chunk 0 data": (coded.to_physical().to_numpy().ctypes.data, 12)}
    values = np.arange(5)
    assert shares_memory(pl.Series(values), values)
    with pytest.raises(TypeError, match="shows no memory"):
        holdings(pl.Series([object()]))


def test_columns_of_pandas():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "t": ["x", "yy"], "m": pd.array([1, None])})
    where = places(frame)
    values = frame["a"].to_numpy()
    assert where["['a']"] == (values.ctypes.data, 16)
    assert (where["['m'] data"][1], where["['m'] mask"][1]) == (16, 2)
    if isinstance(frame["t"].array, pd.arrays.ArrowStringArray):
        text = frame["t"].array.__arrow_array__().chunk(0).buffers()
        assert where["['t'] chunk 0 data"] == (text[2].address, 3)
    coded = pd.Series(["u", "v", "u"], dtype="category")
    assert places(coded)["codes"] == (coded.array.codes.ctypes.data, 3)
    assert labels(pd.Series(pd.interval_range(0, 3))) == ["left", "right"]
    assert labels(pd.Series(pd.arrays.SparseArray([0, 1]))) == ["values"]
    assert labels(pd.Series([1.5], dtype="float64[pyarrow]")) == ["chunk 0 data"]
    assert labels(pd.MultiIndex.from_arrays([[1, 2], [3, 4]]))[0] == "codes 0"
    assert found(pd.DataFrame())[0].array.nbytes == 0
    with pytest.raises(TypeError, match="three numbers"):
        holdings(pd.RangeIndex(5))


def test_copy_on_write_is_seen_and_not_disturbed():
    frame = pd.DataFrame({"a": np.arange(4), "b": np.arange(4)})
    lazy = frame.copy(deep=False)
    assert overlap(lazy, frame) == 64
    lazy.loc[:, :] = 99
    assert overlap(lazy, frame) == 0, "written to, and so copied"
    alone = pd.DataFrame({"a": np.arange(4)})
    address = alone["a"].to_numpy().ctypes.data
    found(alone)
    alone.iloc[0, 0] = 5
    assert alone["a"].to_numpy().ctypes.data == address, "asking leaves no reference behind"


# --- our own objects ------------------------------------------------------------------------------


def test_our_own_objects(itch_file):
    with zcviz.open(itch_file) as feed:
        (whole,) = holdings(feed)
        assert whole.lender is feed.source
        assert runs_of(whole.array).address == feed.source.address
        table = feed.table("A")
        assert [each.array.nbytes for each in holdings(table)] == [0], "nothing gathered yet"
        prices = table["price"]
        assert places(table) == {"['price']": (prices.ctypes.data, prices.nbytes)}
        assert not shares_memory(table, feed)
        del whole
    for closed in (feed, feed.source):
        with pytest.raises(BufferLifetimeError, match="closed"):
            holdings(closed)


def test_a_message_view_is_its_range_even_beyond_its_owner():
    source = HeldBytes(bytes(100), "held")
    message = view_of(ITCH50["D"])().wrap(source.view, 50)
    (piece,) = holdings(message)
    assert runs_of(piece.array) == runs_of(source.data[50:69])
    assert piece.array.tobytes() == bytes(19)


# --- protocols ------------------------------------------------------------------------------------


def test_arrow_is_read_without_its_library():
    numbers = pa.array([1, 2, 3])
    address = numbers.buffers()[1].address
    assert places(LendsArray(numbers)) == {"data": (address, 24)}
    batch = pa.record_batch({"n": numbers, "t": ["x", "y", "z"]})
    assert places(LendsArray(batch))["['n'] data"] == (address, 24)
    chunks = pa.chunked_array([numbers, numbers[1:]])
    assert places(LendsStream(chunks)) == {
        "chunk 0 data": (address, 24),
        "chunk 1 data": (address + 8, 16),
    }
    assert found(LendsArray(numbers))[0].lender == Unseen("LendsArray")


def test_exports_are_released_when_nobody_needs_them():
    gc.collect()
    before = pa.total_allocated_bytes()
    numbers = pa.array(list(range(10_000)))
    for lends in (LendsArray(numbers), LendsStream(pa.chunked_array([numbers])), numbers):
        pieces = found(lends)
        value = pieces[0].array[-8:].view(np.int64)
        assert value[0] == 9_999
        del pieces, value
    kept = found(LendsArray(numbers))[0].array
    del numbers, lends
    gc.collect()
    assert kept[-8:].view(np.int64)[0] == 9_999, "a holding keeps its memory alive"
    del kept
    gc.collect()
    assert pa.total_allocated_bytes() == before


class MadeAnew:
    def __arrow_c_array__(self, requested_schema=None):
        return pa.array(list(range(100))).__arrow_c_array__()


class Raises:
    def __dlpack__(self, **kw):
        raise BufferError("no")

    def __dlpack_device__(self):
        return 1, 0


class Elsewhere(Raises):
    def __dlpack_device__(self):
        return 2, 0


class RaisesAtOnce:
    @property
    def __array_interface__(self):
        raise RuntimeError("not today")


LIARS = {
    "no dictionary": Interface(5),
    "empty": Interface({}),
    "null": Interface({"data": (0, False), "typestr": "<i4", "shape": (3,), "version": 3}),
    "too high": Interface({"data": (1 << 63, False), "typestr": "<i8", "shape": (3,)}),
    "too long": Interface({"data": (64, False), "typestr": "<i4", "shape": (1 << 62,)}),
    "negative": Interface({"data": (64, False), "typestr": "<i4", "shape": (-2,)}),
    "strides too far": Interface(
        {"data": (64, False), "typestr": "<i4", "shape": (3,), "strides": ((1 << 63) - 1,)}
    ),
    "strides too low": Interface(
        {"data": (64, False), "typestr": "<i4", "shape": (3,), "strides": (-64,)}
    ),
    "raises": RaisesAtOnce(),
    "DLPack raises": Raises(),
    "DLPack elsewhere": Elsewhere(),
    "Arrow made anew": MadeAnew(),
    "Arrow not": LendsArray(Lends(1)),
    "Arrow of two": LendsArray(type("Two", (), {"__arrow_c_array__": lambda s: (1, 2)})()),
    "a reader": pa.RecordBatchReader.from_batches(pa.schema([]), []),
}


@pytest.mark.parametrize("name", LIARS)
def test_who_lies_or_raises_is_a_type_error(name):
    with pytest.raises(TypeError, match="shows no memory"):
        holdings(LIARS[name])
    with pytest.raises(TypeError, match="shows no memory"):
        overlap(LIARS[name], b"")


def test_a_reader_is_not_read():
    batch = pa.record_batch({"n": [1]})
    reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    with pytest.raises(TypeError, match="first"):
        holdings(reader)
    assert reader.read_all().num_rows == 1


def test_an_interface_that_lies_of_references_gives_none():
    owner = np.zeros(4, np.int64)
    told = owner.__array_interface__ | {"typestr": "|O", "descr": [("", "|O")]}
    (piece,) = holdings(Interface(told))
    assert not piece.array.dtype.hasobject
    assert overlap(Interface(told), owner) == 32


def test_damaged_arrow_structures_are_refused():
    numbers = pa.array([1, 2, 3])
    for attribute, value in (("length", -5), ("offset", -50), ("n_buffers", -1), ("release", 0)):
        schema, capsule = numbers.__arrow_c_array__()
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        from zcviz.trace.arrow_memory import _Array

        inside = _Array.from_address(pointer(capsule, b"arrow_array"))
        true = getattr(inside, attribute)
        setattr(inside, attribute, value)
        try:
            with pytest.raises(ValueError, match=r"rows|released|buffers"):
                exported_array((schema, capsule))
        finally:
            setattr(inside, attribute, true)


# --- collections ----------------------------------------------------------------------------------


def test_members_are_labelled_and_values_passed_over():
    row = np.zeros(2, "i4,f8")[0]
    told = {"a": [b"x", 5, None, "text", row], 3: (bytearray(2),)}
    assert labels(told) == ["['a'][0]", "['a'][4]", "[3][0]"]
    assert labels([pd.DataFrame({"n": [1]})]) == ["[0]['n']"]
    assert labels([pa.array([1])]) == ["[0] data"]
    within = [b"x"]
    within.append(within)
    assert labels(within) == ["[0]"]
    deep: list = [b"x"]
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(TypeError, match=r"shows no memory|no end"):
        holdings(deep)


def test_objects_lent_in_a_circle_are_a_type_error():
    class Circle:
        pass

    one, other = Circle(), Circle()
    Circle.__zcviz_owner__ = property(lambda self: other if self is one else one)
    with pytest.raises(TypeError, match="circle"):
        holdings(one)


def test_a_key_that_cannot_be_shown_is_called_by_its_type():
    class Key:
        def __repr__(self):
            raise RuntimeError("no")

    assert "Key" in labels({Key(): b"x"})[0]
    assert "Key" in labels(pd.DataFrame([[1]], columns=pd.Index([Key()], dtype=object)))[0]


# --- never a copy, never an import ----------------------------------------------------------------

LARGE = {
    "bytes": lambda: bytes(8 * N),
    "memoryview, strided": lambda: memoryview(bytes(8 * N))[::2],
    "mmap": lambda: mmap.mmap(-1, 8 * N),
    "ctypes": ctypes.c_int64 * N,
    "ndarray, a field": lambda: np.zeros(N, [("a", "S1"), ("b", ">u8")])["b"],
    "Series": lambda: pd.Series(np.zeros(N)),
    "DataFrame": lambda: pd.DataFrame({n: np.zeros(N) for n in "abc"} | {"t": ["text"] * N}),
    "DataFrame, in one block": lambda: pd.DataFrame(np.zeros((N // 8, 8))),
    "masked": lambda: pd.Series(np.zeros(N)).astype("Float64"),
    "pyarrow": lambda: pa.table({"n": np.zeros(N), "t": ["text"] * N}).slice(3),
    "polars": lambda: pl.DataFrame({"n": np.zeros(N), "t": ["a text that is long"] * N}),
    "Arrow's protocol": lambda: LendsArray(pa.array(np.zeros(N))),
    "DLPack": lambda: LendsDLPack(np.zeros(N)),
    "a list": lambda: [bytes(8 * N), np.zeros(N)],
}


@pytest.mark.parametrize("name", LARGE)
def test_asking_copies_nothing(name):
    obj = LARGE[name]()
    found(obj)  # what is made once only
    pool = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        pieces = found(obj)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(each.array.nbytes for each in pieces) >= 4 * N
    assert peak < 128 << 10
    assert pa.total_allocated_bytes() - pool < 128 << 10


def test_asking_imports_no_library():
    program = """if True:
        import sys
        from zcviz.trace import holdings, overlap, provenance
        for obj in (b"abc", memoryview(b"abc"), [bytearray(3)]):
            list(holdings(obj)); overlap(obj, b""); str(provenance(obj))
        assert not {"pandas", "pyarrow", "polars", "multiprocessing"} & set(sys.modules)
        """
    subprocess.run([sys.executable, "-c", program], check=True)


# --- what went away -------------------------------------------------------------------------------


def test_what_went_away_is_a_lifetime_error():
    view = memoryview(b"bytes")
    view.release()
    closed = mmap.mmap(-1, 10)
    closed.close()
    shared = shared_memory.SharedMemory(create=True, size=10)
    shared.close()
    shared.unlink()
    for gone in (view, closed, shared):
        with pytest.raises(BufferLifetimeError, match="is gone"):
            holdings(gone)


def test_a_question_leaves_nothing_locked():
    with closing(mmap.mmap(-1, 10)) as mapped:
        assert overlap(mapped, mapped) == 10
    grows = bytearray(10)
    shares_memory(grows, [grows])
    grows.extend(b"more")


@pytest.mark.parametrize(
    "empty",
    [b"", np.empty((0, 3)), memoryview(b""), pa.array([]), pa.nulls(3), pl.Series(dtype=pl.Int8)],
)
def test_nothing_is_one_holding_of_no_bytes(empty):
    assert [each.array.nbytes for each in holdings(empty)] == [0]


# --- runs -----------------------------------------------------------------------------------------


@given(st.data())
def test_runs_are_the_bytes_that_writing_changes(data):
    owner = np.zeros(4096, np.uint8)
    view = owner[data.draw(st.integers(0, 9)) :][: 4 * 6 * 8 * 2].view("u2").reshape(4, 6, 8)
    for axis in range(3):
        step = data.draw(st.sampled_from([1, 2, -1, -2, 3]))
        view = view[(slice(None),) * axis + (slice(None, None, step),)]
    view = view.transpose(data.draw(st.permutations(range(3))))
    runs = runs_of(view)
    view[...] = 0xFFFF
    marks = np.zeros_like(owner)
    shape = (*(count for count, _ in runs.steps), runs.length)
    strides = (*(stride for _, stride in runs.steps), 1)
    start = runs.address - owner.ctypes.data
    np.ndarray(shape, np.uint8, marks, start, strides)[...] = 0xFF
    assert np.array_equal(marks, owner)
    assert runs.end - owner.ctypes.data == np.flatnonzero(owner)[-1] + 1


def test_an_overlap_in_repeated_memory_is_counted_once_and_soon():
    one = np.zeros(64, np.uint8)
    endless = np.broadcast_to(one[:8], (1 << 40, 8))
    assert overlap(endless, one) == 8
    windows = np.lib.stride_tricks.sliding_window_view(np.zeros(1 << 16, np.uint8), 1 << 15)
    assert overlap(windows, windows) == 1 << 16
    assert overlap([one, one[:10], one[5:20]], [one, one]) == 64
