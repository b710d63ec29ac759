"""Sources: one owner, views that never copy, and memory that is let go of."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest

from zcviz.buffers import HeldBytes, MappedFile, address_of, as_view
from zcviz.errors import BufferLifetimeError, DecodeError

DATA = bytes(range(1, 101))


def test_a_view_is_flat_read_only_and_no_copy(as_buffer):
    buffer = as_buffer(DATA)
    view = as_view(buffer)
    assert (view.format, view.ndim, view.readonly) == ("B", 1, True)
    assert bytes(view) == DATA
    assert address_of(buffer) == (np.frombuffer(buffer, np.uint8).ctypes.data, 100)


@pytest.mark.parametrize(
    "buffer", [b"", bytearray(), np.empty(0), memoryview(b"")], ids=lambda each: type(each).__name__
)
def test_nothing_has_a_view_too(buffer):
    assert bytes(as_view(buffer)) == b""
    assert address_of(buffer) == (0, 0)


def test_other_shapes_and_formats_are_seen_as_bytes():
    matrix = np.arange(12, dtype=">i4").reshape(3, 4)
    assert bytes(as_view(matrix)) == matrix.tobytes()
    assert bytes(as_view((ctypes.c_uint16 * 2)(1, 2))) == b"\1\0\2\0"
    with pytest.raises(DecodeError):
        as_view(matrix[:, 1])
    with pytest.raises(DecodeError):
        as_view(np.asfortranarray(matrix))


def test_addresses_are_where_the_memory_is():
    owner = bytearray(DATA)
    address, size = address_of(memoryview(owner)[10:20])
    assert ctypes.string_at(address, size) == DATA[10:20]
    assert address == ctypes.addressof(ctypes.c_char.from_buffer(owner)) + 10


@pytest.fixture(params=["map", "held"])
def source(request, tmp_path):
    if request.param == "held":
        return HeldBytes(DATA, "held")
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return MappedFile(path)


def test_a_source_has_one_view_and_one_array(source):
    assert source.view is source.view
    assert source.data is source.data
    assert bytes(source.view) == source.data.tobytes() == DATA
    assert not source.data.flags.writeable
    assert len(source) == source.size == 100
    assert source.address == source.data.ctypes.data
    assert source.__zcviz_owner__ is source.owner


def test_a_closed_source_says_so(source):
    source.close()
    source.close()
    assert source.closed
    for use in (lambda: source.view, lambda: source.data, lambda: source.head(3)):
        with pytest.raises(BufferLifetimeError, match="is closed"):
            use()


@pytest.mark.parametrize("where", [slice(0, 0), slice(0, 3), slice(97, 200), slice(5, 100)])
def test_cutting_copies(as_buffer, where):
    source = HeldBytes(as_buffer(DATA), "held")
    piece = source.cutter()(where)
    assert type(piece) is bytes
    assert piece == DATA[where]


def test_a_map_is_cut_by_the_system(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA)
    source = MappedFile(path)
    assert type(source.owner) is mmap.mmap
    assert source.cutter()(slice(3, 7)) == DATA[3:7]
    source.close()
    assert source.owner.closed


def test_a_head_is_a_view_of_the_beginning(source):
    head = source.head(10)
    assert bytes(head.view) == DATA[:10]
    assert (head.address, head.size, head.owner) == (source.address, 10, source.owner)
    if isinstance(source, MappedFile):
        with pytest.raises(BufferLifetimeError):
            source.close()
    head.close()
    source.close()


def test_an_empty_file_can_be_mapped_and_closed(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    source = MappedFile(path)
    assert (len(source), bytes(source.view), source.name) == (0, b"", str(path))
    source.close()


def test_the_file_itself_is_closed_at_once(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA)
    source = MappedFile(path)
    path.unlink()
    assert bytes(source.view[:3]) == DATA[:3]
    source.close()
