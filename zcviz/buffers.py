"""Owners of memory, and views that never copy it.

A *source* is the one object that owns a feed's bytes: a `MappedFile`, or `HeldBytes` for memory
that the caller handed in or that we filled ourselves. Everything else in zcviz borrows from it.
"""

from __future__ import annotations

import gc
import mmap
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import BufferLifetimeError, DecodeError

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object  # collections.abc has it from Python 3.12 on; only annotations need it

__all__ = ["Buffer", "Cursor", "HeldBytes", "MappedFile", "Source", "address_of", "as_view"]


def as_view(buffer: Buffer) -> memoryview:
    """Return a flat, read-only view of the bytes of `buffer`.

    Parameters
    ----------
    buffer : bytes-like
        Anything with the buffer protocol; it must be C-contiguous.

    Returns
    -------
    memoryview
        Format ``B``, one dimension.

    Raises
    ------
    DecodeError
        The bytes do not lie one after another, so a flat view would need a copy.

    Notes
    -----
    Memory: view of `buffer`, keeps it alive.
    """
    view = memoryview(buffer)
    if not view.c_contiguous:
        raise DecodeError(
            "bytes of the buffer", offset=0, expected="contiguous", found=f"strides {view.strides}"
        )
    return view.cast("B").toreadonly() if view.nbytes else memoryview(b"")


def address_of(buffer: Buffer) -> tuple[int, int]:
    """Return (address of the first byte, number of bytes) of a contiguous buffer."""
    view = as_view(buffer)
    if not view.nbytes:
        return 0, 0
    return int(np.frombuffer(view, np.uint8).ctypes.data), view.nbytes


class Source:
    """Memory that a feed reads from.

    Attributes
    ----------
    name : str
        For messages and pictures.
    owner : object
        The object that owns the memory, such as an `mmap.mmap`.
    view : memoryview
        Read-only, of all bytes.
    data : ndarray of uint8, shape (n_bytes,)
        The same bytes, read-only.

    Notes
    -----
    Memory: `view` and `data` are views of `owner`, made once; they are the same at each access.
    """

    def __init__(self, owner: Buffer, name: str) -> None:
        self.name = name
        self.owner: Buffer = owner
        self._look()
        self.address, self.size = int(self.data.ctypes.data), len(self.data)
        self.closed = False

    def _look(self) -> None:
        self.view = as_view(self.owner)
        self.data: NDArray[np.uint8] = np.frombuffer(self.view, np.uint8)

    @property
    def __zcviz_owner__(self) -> object:
        return self.owner

    def __len__(self) -> int:
        return self.size

    def cutter(self) -> Callable[[slice], bytes]:
        """Return a function that copies a slice of the memory into new `bytes`.

        Slicing `bytes` and `mmap` objects does just that; other owners are sliced through a view.
        """
        if type(self.owner) in (bytes, mmap.mmap):
            owner: Any = self.owner
            return owner.__getitem__  # type: ignore[no-any-return]
        view = self.view
        return lambda where: bytes(view[where])

    def head(self, nbytes: int) -> Source:
        """Return the first bytes as a source of their own. Memory: view of the same owner."""
        return _Head(self, nbytes)

    def close(self) -> None:
        """Let go of the memory.

        Raises
        ------
        BufferLifetimeError
            Arrays or memoryviews into a *map* are still alive; the message names them.
        """
        if self.closed:
            return
        self.data = np.empty(0, np.uint8)
        self.view.release()
        try:
            self._release()
        except BufferError:
            gc.collect()  # views in reference cycles are garbage, not users
            self._release_or_explain()
        self.closed = True

    def _release(self) -> None:
        self.owner = b""

    def _release_or_explain(self) -> None:
        try:
            self._release()
        except BufferError:
            self._look()
            holders = ", ".join(_holders(self)) or "an object that no name leads to"
            raise BufferLifetimeError(
                f"cannot close {self.name}: memory in use by {holders}; delete or copy it first"
            ) from None


class HeldBytes(Source):
    """Bytes in memory: handed in by the caller, or decompressed by us."""


class _Head(Source):
    def __init__(self, whole: Source, nbytes: int) -> None:
        self._nbytes = nbytes
        super().__init__(whole.owner, whole.name)

    def _look(self) -> None:
        self.view = as_view(self.owner)[: self._nbytes]
        self.data = np.frombuffer(self.view, np.uint8)


class MappedFile(Source):
    """A file mapped into memory: its bytes are the page cache's, no copy is made by opening it.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    OSError
        The file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # An empty file cannot be mapped, and has no bytes to share.
            owner: Buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        super().__init__(owner, str(path))

    def _release(self) -> None:
        if isinstance(self.owner, mmap.mmap):
            self.owner.close()


class Cursor:
    """A place in a view that reading moves forward."""

    __slots__ = ("position", "view")

    def __init__(self, view: memoryview, position: int = 0) -> None:
        self.view = view
        self.position = position


def _holders(source: Source) -> Iterator[str]:
    # Arrays are invisible to the garbage collector, so look where names are kept: in the
    # dictionaries, sequences and frames that it can see. Only ever run on the way to an error.
    seen = {id(source.data), id(source.view)}

    def inside(value: object) -> bool:
        if not isinstance(value, np.ndarray | memoryview) or id(value) in seen:
            return False
        try:
            start = value.ctypes.data if isinstance(value, np.ndarray) else address_of(value)[0]
        except (ValueError, DecodeError):
            return False
        return source.address <= start < source.address + source.size

    def described(name: object, value: object) -> str:
        seen.add(id(value))
        return f"{type(value).__name__} {name!r}"

    for frame in list(sys._current_frames().values()):
        here: FrameType | None = frame
        while here is not None and len(seen) < 10:
            if here.f_globals.get("__name__") != __name__:
                for name, value in list(here.f_locals.items()):
                    if inside(value):
                        yield described(name, value)
            here = here.f_back
    for each in gc.get_objects():
        if type(each) not in (dict, list, tuple):
            continue
        for name, value in list(each.items() if type(each) is dict else enumerate(each)):
            if len(seen) < 10 and inside(value):
                yield described(name, value)
