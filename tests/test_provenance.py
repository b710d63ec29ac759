"""`provenance`, `shares_memory`, `overlap`: checked against ctypes and by writing through."""

from __future__ import annotations

import array
import ctypes
import json
import mmap
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcviz.buffers import HeldBytes, MappedFile
from zcviz.codec import view_of
from zcviz.errors import BufferLifetimeError, SelectionError
from zcviz.protocols.itch50 import ITCH50
from zcviz.trace import overlap, provenance, shares_memory
from zcviz.trace.overlap import array_over


def address_by_ctypes(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def made(kind):
    """Return a writable owner of 64 bytes and its address, established by ctypes."""
    if kind == "ctypes":
        owner = (ctypes.c_uint8 * 64)()
        return owner, ctypes.addressof(owner)
    owner = {
        "bytearray": lambda: bytearray(64),
        "mmap": lambda: mmap.mmap(-1, 64),
        "array": lambda: array.array("H", range(32)),
        "ndarray": lambda: np.zeros(64, np.uint8),
    }[kind]()
    return owner, address_by_ctypes(owner)


OWNERS = ["bytearray", "mmap", "array", "ndarray", "ctypes"]


@pytest.mark.parametrize("kind", OWNERS)
def test_an_owner_is_its_own_owner(kind):
    owner, address = made(kind)
    found = provenance(owner)
    assert found.nodes == (found.owner,)
    assert (found.address, found.nbytes, found.offset) == (address, 64, 0)
    assert found.owner.keeps_alive == 64
    assert not found.owner.read_only
    assert found.owner.type == type(owner).__name__


def test_bytes_lie_behind_their_header():
    data = bytes(range(40))
    found = provenance(data)
    assert ctypes.string_at(found.address, 40) == data
    assert found.owner.read_only


@pytest.mark.parametrize("kind", OWNERS)
@pytest.mark.parametrize(
    "view",
    [
        lambda owner: memoryview(owner).cast("B")[10:20],
        lambda owner: memoryview(owner).cast("B")[8:].cast("H")[1:6],
        lambda owner: np.frombuffer(owner, np.uint8)[10:20],
        lambda owner: np.frombuffer(memoryview(owner).cast("B")[10:20], np.uint8),
        lambda owner: np.frombuffer(owner, ">u2")[5:10],
        lambda owner: memoryview(np.frombuffer(owner, np.uint8)[10:20])[:],
        lambda owner: np.frombuffer(owner, "V2")[5:10].view("u1").reshape(5, 2)[:, :],
    ],
)
def test_views_lead_to_their_owner_at_the_right_place(kind, view):
    owner, address = made(kind)
    found = provenance(view(owner))
    assert found.address == address + 10
    assert (found.nbytes, found.offset) == (10, 10)
    assert found.owner.address == address
    assert found.owner.type == type(owner).__name__
    assert {node.keeps_alive for node in found.nodes} == {64}


def test_from_a_slice_of_a_map_through_numpy_back_to_the_map(tmp_path):
    path = tmp_path / "feed.bin"
    path.write_bytes(bytes(range(256)) * 64)
    source = MappedFile(path)
    found = provenance(np.frombuffer(source.view[5000:5036], ">u4"))
    assert [node.type for node in found.nodes] == ["ndarray", "memoryview", "mmap"]
    assert found.offset == 5000
    assert ctypes.string_at(found.address, 36) == path.read_bytes()[5000:5036]
    assert found.owner.keeps_alive == 64 * 256
    assert found.nodes[0].read_only
    source.close()


def test_a_source_has_a_name_and_a_message_view_a_range(tmp_path):
    path = tmp_path / "feed.itch"
    path.write_bytes(bytes(1000))
    source = MappedFile(path)
    assert provenance(source).nodes[0].name == str(path)
    assert "MappedFile feed.itch" in str(provenance(source)), "the text says the last part only"
    message = view_of(ITCH50["A"])().wrap(source.view, 100)
    found = provenance(message)
    assert [node.type for node in found.nodes] == ["AddOrder", "memoryview", "mmap"]
    assert (found.offset, found.nbytes, found.owner.nbytes) == (100, 36, 1000)
    assert found.address == source.address + 100
    message.revoke()
    with pytest.raises(BufferLifetimeError):
        provenance(message)
    source.close()


def test_strided_views_tell_their_strides_and_lowest_address():
    owner = np.zeros((8, 8), np.uint8)
    column = provenance(owner[:, 3])
    assert (column.address, column.nbytes) == (owner.ctypes.data + 3, 8)
    assert (column.nodes[0].strides, column.nodes[0].span) == ((8,), 57)
    backwards = provenance(memoryview(bytearray(10))[::-1])
    assert backwards.nodes[0].strides == (-1,)
    assert backwards.address == backwards.owner.address
    assert provenance(owner[2:4]).nodes[0].strides is None


def test_fields_and_rows_of_structured_arrays():
    rows = np.zeros(10, [("tag", "S1"), ("price", ">u4")])
    assert provenance(rows["price"]).address == rows.ctypes.data + 1
    row = provenance(rows[2])
    assert (row.address, row.nbytes, row.owner.nbytes) == (rows.ctypes.data + 10, 5, 50)


def test_windows_made_with_stride_tricks_find_the_array_behind_them():
    owner = np.arange(20, dtype=np.uint8)
    found = provenance(np.lib.stride_tricks.as_strided(owner[4:], (4, 4), (1, 1)))
    assert (found.offset, found.owner.nbytes) == (4, 20)
    assert provenance(np.broadcast_to(owner[3:4], (1000,))).nodes[0].span == 1


def test_parts_of_ctypes_objects():
    class Pair(ctypes.Structure):
        _fields_ = (("first", ctypes.c_uint32 * 4), ("second", ctypes.c_uint32 * 4))

    pair = Pair()
    found = provenance(pair.second)
    assert (found.offset, found.owner.type) == (16, "Pair")
    owner = bytearray(32)
    found = provenance((ctypes.c_uint8 * 8).from_buffer(owner, 4))
    assert (found.offset, found.owner.type) == (4, "bytearray")


def test_pandas_series_on_an_ndarray():
    values = np.arange(6, dtype=np.int64)
    series = pd.Series(values, copy=False)
    found = provenance(series)
    assert found.nodes[0].type == "Series"
    assert found.address == values.ctypes.data
    assert shares_memory(series, values)
    assert not shares_memory(series, series.copy())


def test_an_owner_that_tells_nothing_ends_the_chain():
    class Lender:
        def __init__(self, data):
            self.data = data
            self.__array_interface__ = data.__array_interface__

    data = np.arange(8, dtype=np.uint8)
    found = provenance(np.asarray(Lender(data)))
    assert [node.type for node in found.nodes] == ["ndarray", "Lender"]
    assert found.owner.address == data.ctypes.data


@pytest.mark.parametrize("nothing", [None, 5, "text", {}, [5, "text"], object(), int])
def test_what_shows_no_memory_is_a_type_error(nothing):
    with pytest.raises(TypeError, match="shows no memory"):
        provenance(nothing)
    with pytest.raises(TypeError, match="shows no memory"):
        shares_memory(nothing, b"")


def test_released_memory_is_a_lifetime_error():
    view = memoryview(b"bytes")
    view.release()
    with pytest.raises(BufferLifetimeError, match="memoryview is gone"):
        provenance(view)
    closed = mmap.mmap(-1, 10)
    closed.close()
    with pytest.raises(BufferLifetimeError, match="mmap is gone"):
        provenance(closed)


@pytest.mark.parametrize(
    "empty", [b"", bytearray(), memoryview(b""), np.empty(0), np.empty((0, 3))]
)
def test_nothing_shares_nothing(empty):
    assert provenance(empty).nbytes == 0
    assert not shares_memory(empty, empty)
    assert overlap(empty, bytearray(4)) == 0


def test_asking_keeps_nothing_alive():
    owner = bytearray(10)
    found = provenance(memoryview(owner)[2:])
    owner.extend(b"x")  # refused while anything exports the memory
    assert found.nbytes == 8


# --- several owners -------------------------------------------------------------------------------


def test_columns_of_one_block_share_their_owner():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "x": [0.5, 1.5]})
    found = provenance(frame)
    first = found.nodes[0]
    assert (first.type, first.several, first.nbytes) == ("DataFrame", True, 48)
    assert sorted(owner.nbytes for owner in found.owners) == [16, 32]
    assert found.keeps_alive == 48
    by_name = {node.name: node for node in found.nodes}
    block = found.nodes[by_name["['a']"].lenders[0]]
    assert block is found.nodes[by_name["['b']"].lenders[0]]
    assert by_name["['b']"].address == block.address + 16
    assert by_name["['b']"].keeps_alive == 32
    with pytest.raises(SelectionError, match="2 owners"):
        found.owner  # noqa: B018
    assert found.as_dict()["offset"] is None
    assert "in the memory of 2 owners; 48 B stay" in str(found)


def test_of_several_owners_each_byte_counts_once():
    owner = bytearray(100)
    mine = np.frombuffer(owner, np.uint8)
    found = provenance({"half": mine[:50], "all": mine, "same": owner, "other": b"12345"})
    assert found.keeps_alive == 105
    assert found.nbytes == 105
    assert [node.type for node in found.owners] == ["bytearray", "bytes"]
    eight = provenance([mine[:8], mine[92:]])
    assert (eight.nbytes, eight.keeps_alive, eight.owner.type) == (16, 100, "bytearray")


def test_members_of_members_are_shown_once():
    found = provenance({"a": [b"one", b"other"], "b": (pd.DataFrame({"n": [1], "m": [2]}),)})
    assert [node.label for node in found.nodes] == [
        "dict",
        "bytes ['a'][0]",
        "bytes ['a'][1]",
        "['b'][0]['n']",
        "ndarray",
        "['b'][0]['m']",
    ]
    assert found.keeps_alive == 3 + 5 + 16


def test_edges_lead_from_borrower_to_lender_and_data_is_plain():
    owner = bytearray(10)
    view = memoryview(owner)[2:]
    told = provenance([np.frombuffer(view, np.uint8), view]).as_dict()
    types = [node["type"] for node in told["nodes"]]
    edges = {(types[one], types[other]) for one, other in told["edges"]}
    assert edges == {
        ("list", "ndarray"),
        ("list", "memoryview"),
        ("ndarray", "memoryview"),
        ("memoryview", "bytearray"),
    }
    assert json.loads(json.dumps(told))["nodes"][0]["type"] == "list"


def test_arrow_says_that_it_holds_memory_whose_owner_is_not_seen():
    pa = pytest.importorskip("pyarrow")
    values = np.arange(1000)
    numbers = pa.array(values).slice(10, 5)
    alone = provenance(numbers)
    assert (alone.nodes[0].type, alone.nbytes) == ("Int64Array", 40)
    assert (alone.owner.type, alone.owner.held_by) == ("Buffer", "Arrow")
    assert (alone.owner.address, alone.owner.nbytes) == (values.ctypes.data, 8000)
    assert "memory held by Arrow" in str(alone)
    assert "owns the memory" not in str(alone)


def test_among_the_users_names_an_owner_is_found_by_its_addresses():
    pa = pytest.importorskip("pyarrow")
    values = np.arange(1000)
    numbers = pa.array(values).slice(10, 5)
    names = {"other": np.arange(1000), "text": "x", "values": values[:], "numbers": numbers}
    found = provenance(numbers, among=names)
    assert (found.nodes[0].name, found.owner.type) == ("numbers", "ndarray")
    assert found.owner.address == values.ctypes.data
    assert found.offset == 80
    assert provenance(numbers, among={"values": values}).owner.name == "values"
    back = numbers.to_numpy()
    circular = provenance(back, among={"back": back, "numbers": numbers})
    assert circular.owner.held_by == "Arrow", "who only looks is no owner"
    assert provenance(numbers, among={"other": np.arange(1000)}).owner.held_by == "Arrow"


def test_names_come_from_among_or_from_the_label():
    prices = np.arange(4)
    found = provenance([prices, prices[1:]], among={"_": prices, "prices": prices, "again": prices})
    assert [node.name for node in found.nodes] == [None, "prices", "[1]"]
    assert "ndarray [1], in ndarray prices above" in str(found)
    assert provenance([prices]).owner.name == "[0]"


def test_a_lender_that_keeps_more_than_it_lent():
    pa = pytest.importorskip("pyarrow")
    numbers = pa.array([1.0, None, 3.0])
    lent = np.from_dlpack(pa.array([1.0, 2.0]))
    assert provenance(lent).owner.held_by == "PyCapsule"

    parts = {"a": np.arange(4), "b": np.arange(100)}

    class Lender:
        __zcviz_parts__ = property(lambda self: parts)
        __array_interface__ = property(lambda self: parts["a"].__array_interface__)

    view = np.asarray(Lender())
    found = provenance(view)
    assert found.owner.address == view.ctypes.data
    assert found.keeps_alive == 832
    assert provenance(numbers).keeps_alive == sum(b.size for b in numbers.buffers())


def test_a_long_way_and_a_wide_object_end_soon():
    here = np.zeros(8, np.uint8)
    for _ in range(300):
        here = np.frombuffer(memoryview(here), np.uint8)
    assert len(provenance(here).nodes) < 300
    wide = provenance([bytes(2) for _ in range(300)] + [bytearray(n + 1) for n in range(300)])
    assert len(str(wide).splitlines()) < 20
    assert "and 588 more" in str(wide)


def test_who_says_he_is_lent_to_by_himself():
    class Circle:
        __zcviz_owner__ = property(lambda self: self)

    with pytest.raises(TypeError, match="circle"):
        provenance(Circle())


# --- sharing ------------------------------------------------------------------------------------

PAIRS = {
    "slice": lambda a: a[3:9],
    "reversed": lambda a: a[::-1],
    "strided": lambda a: a[1::4],
    "fancy": lambda a: a[[1, 2, 3]],
    "mask": lambda a: a[a < 200],
    "reshape": lambda a: a.reshape(8, 8),
    "ravel of a transpose": lambda a: a.reshape(8, 8).T.ravel(),
    "cast": lambda a: a.view(">u4"),
    "astype": lambda a: a.astype(">u4"),
    "byteswap": lambda a: a.view("u4").byteswap(),
    "memoryview": lambda a: memoryview(a)[5:],
    "bytes": bytes,
    "frombuffer": lambda a: np.frombuffer(a, "u2"),
    "copy": lambda a: a.copy(),
}


@pytest.mark.parametrize("name", PAIRS)
def test_sharing_is_what_writing_through_shows(name):
    owner = np.arange(64, dtype=np.uint8)
    view = PAIRS[name](owner)
    before = np.array(array_over(view))
    owner ^= 0xFF
    truth = bool((np.asarray(view) != before).any()) if name != "bytes" else False
    assert shares_memory(view, owner) == truth
    assert shares_memory(owner, view) == truth
    assert (overlap(owner, view) > 0) == truth


def test_interleaved_views_share_nothing():
    owner = np.zeros(100, np.uint8)
    assert not shares_memory(owner[::2], owner[1::2])
    assert overlap(owner[::2], owner[1::2]) == 0
    assert overlap(owner[::2], owner[::3]) == 17
    assert overlap(owner[::2], owner[10:20]) == 5
    rows = np.zeros(10, [("tag", "S1"), ("price", ">u4")])
    assert overlap(rows["tag"], rows["price"]) == 0
    assert overlap(rows["price"], rows[3:5]) == 8


def test_too_hard_a_question_is_answered_by_the_ranges():
    owner = np.zeros(1 << 22, np.uint8)
    steps = [47855, 50945, 70413, 86037, 12788, 21532, 75835, 85891]
    steps_other = [29938, 34946, 79522, 43866, 31853, 76216, 30559, 42735]
    one = np.lib.stride_tricks.as_strided(owner, (5,) * 8, steps)
    other = np.lib.stride_tricks.as_strided(owner[3:], (5,) * 8, steps_other)
    with pytest.raises(np.exceptions.TooHardError):
        np.shares_memory(one, other, max_work=100_000)
    assert shares_memory(one, other), "their ranges overlap"
    assert not shares_memory(one, np.lib.stride_tricks.as_strided(owner.copy(), (5,) * 8, steps))


slices = st.builds(
    slice,
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from([1, 1, 2, 3, 7]),
)


@given(slices, slices, st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4]))
def test_overlap_equals_a_count_by_hand(one, other, size, size_other):
    owner = np.zeros(160, np.uint8)
    first = owner[: 40 * size].view(f"u{size}")[one]
    second = owner[: 40 * size_other].view(f"u{size_other}")[other]
    touched = []
    for view in (first, second):
        owner[:] = 0
        view[...] = np.iinfo(view.dtype).max
        touched.append(set(np.flatnonzero(owner)))
    assert overlap(first, second) == len(touched[0] & touched[1])
    assert shares_memory(first, second) == bool(touched[0] & touched[1])


def test_message_views_overlap_what_they_are_aimed_at():
    source = HeldBytes(bytearray(200), "held")
    message = view_of(ITCH50["D"])().wrap(source.view, 50)
    assert overlap(message, source.data) == 19
    assert overlap(message, source.data[60:]) == 9
    assert not shares_memory(message, source.data[69:])
    assert shares_memory(message, source)


# --- showing ------------------------------------------------------------------------------------


def test_the_tree_reads_from_the_view_to_the_owner():
    owner = bytearray(2_048_112)
    address = address_by_ctypes(owner)
    text = str(provenance(memoryview(owner)[64:100]))
    lines = text.splitlines()
    assert lines[0].split() == ["memoryview", "36", "B", "at", f"{address + 64:#x},", "writable"]
    assert lines[1].startswith("└─ bytearray  2,048,112 B")
    assert lines[1].endswith("owns the memory")
    assert lines[2] == "36 B seen, from byte 64 of the owner; 2,048,112 B stay in memory for it."
    assert str(provenance(owner)).endswith("It owns its 2,048,112 B.")


def test_as_dict_is_plain_data():
    found = provenance(memoryview(bytearray(10))[2:4]).as_dict()
    assert found["offset"] == 2
    assert [node["type"] for node in found["nodes"]] == ["memoryview", "bytearray"]
    assert found["nodes"][0]["keeps_alive"] == 10


class RudeList(list):
    def __len__(self):
        raise ValueError("no length")

    __iter__ = __len__


class RudeDict(dict):
    def items(self):
        raise ValueError("no items")


class RudeTuple(tuple):
    __len__ = __iter__ = RudeList.__len__
    _fields = property(RudeList.__len__)


class RudeClass:
    @property
    def __class__(self):
        raise ValueError("no class")


def test_containers_with_rude_methods_are_looked_at_by_those_of_their_base():
    data = bytearray(10)
    for each in RudeList([data]), RudeDict(a=data), RudeTuple([data]):
        assert provenance(each).owner.address == provenance(data).address
    for each in RudeClass(), [RudeClass()], {"a": RudeClass()}:
        with pytest.raises(TypeError, match="no memory"):
            provenance(each)
    assert provenance([RudeClass(), data]).owner.address == provenance(data).address


def test_hostile_names_are_escaped():
    source = HeldBytes(b"some bytes", "a/<script>alert(1)\x1b[31m\u202e\n")
    found = provenance(source)
    assert found.nodes[0].name == source.name, "data is data"
    page, text = found._repr_html_(), str(found)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    for shown in (page, text):
        assert not {"\x1b", "\u202e"} & set(shown)
        assert "\\x1b[31m" in shown
    assert len(text.splitlines()) == 3, "a line break in a name breaks no line"


class Record(ctypes.Structure):
    _fields_ = (("first", ctypes.c_uint64), ("rest", ctypes.c_uint64 * 3))


def test_who_only_points_at_memory_does_not_own_it():
    record = Record()
    pointed = ctypes.pointer(record).contents
    placed = Record.from_address(ctypes.addressof(record))
    for each, holder in (pointed, "a pointer"), (placed, "an address"):
        assert provenance(each).owner.held_by == holder
        assert provenance(each).keeps_alive == 32
        assert provenance(each, {"record": record}).owner.name == "record"
    assert provenance(record).owner.held_by == ""
    assert provenance((Record * 2)()[1]).keeps_alive == 64


def test_whoever_lends_memory_is_not_said_to_own_it():
    pa = pytest.importorskip("pyarrow")
    values = np.arange(6).reshape(2, 3)
    tensor = pa.Tensor.from_numpy(values)
    assert provenance(tensor).owner.held_by == "Tensor"
    assert provenance(tensor, {"values": values}).owner.type == "ndarray"
    data = bytearray(9)
    assert provenance(pickle.PickleBuffer(data)).owner.type == "bytearray"
