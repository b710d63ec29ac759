"""Owners of memory, and views that never copy it.

A *source* is the one object that owns a feed's bytes: a `MappedFile`, or `HeldBytes` for memory
that the caller handed in or that we filled ourselves. Everything else in zcviz borrows from it.
"""

from __future__ import annotations

import gc
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import BufferLifetimeError, DecodeError
from .holders import holders, renew_locals

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object  # collections.abc has it from Python 3.12 on; only annotations need it

__all__ = ["Buffer", "HeldBytes", "Mapped", "MappedFile", "Source", "address_of", "as_view"]


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
    if type(buffer) is not bytes:
        buffer = as_view(buffer)
    if not len(buffer):
        return 0, 0
    # Not through `.ctypes`: that makes an object of its own, and takes four times as long.
    address: int = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]
    return address, len(buffer)


class Source:
    """Memory that a feed reads from.

    Attributes
    ----------
    name : str
        For messages and pictures.
    owner : object
        The object that owns the memory, such as an `mmap.mmap`.
    closed : bool

    Notes
    -----
    Memory: `view` and `data` are views of `owner`, made once; they are the same at each access.
    """

    def __init__(self, owner: Buffer, name: str) -> None:
        self.name = name
        self.owner: Buffer = owner
        self.closed = False
        self._look()
        self.address, self.size = int(self.data.ctypes.data), len(self.data)

    def _look(self) -> None:
        self._view = as_view(self.owner)
        self._data: NDArray[np.uint8] = np.frombuffer(self._view, np.uint8)

    @property
    def view(self) -> memoryview:
        """All bytes, read-only."""
        self._check_open()
        return self._view

    @property
    def data(self) -> NDArray[np.uint8]:
        """All bytes, read-only: (n_bytes,) uint8."""
        self._check_open()
        return self._data

    def _check_open(self) -> None:
        if self.closed:
            raise BufferLifetimeError(f"{self.name} is closed")

    @property
    def __zcviz_owner__(self) -> object:
        self._check_open()
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
        self._check_open()
        return _Head(self, nbytes)

    def forget(self) -> None:
        """Take what was read out of this process's memory; it is read again when it is needed.

        Nothing for memory, of which there is but one copy. The pages of a map are the page
        cache's, and stay there; but they count as ours as long as we hold on to them.
        """

    def close(self, *, explain: bool = True) -> None:
        """Let go of the memory.

        Parameters
        ----------
        explain : bool
            Whether to find out who hinders it: that takes a good part of a second.

        Raises
        ------
        BufferLifetimeError
            Arrays or memoryviews into a *map* are still alive; the message names them.
        """
        if self.closed:
            return
        self._data = np.empty(0, np.uint8)
        try:
            self._release()
        except BufferError:
            renew_locals()
            gc.collect()  # views in reference cycles are garbage, not users
            self._release_or_refuse(explain)
        self.closed = True
        self._view = memoryview(b"")

    def _release(self) -> None:
        with suppress(BufferError):  # whoever else uses this memory keeps it alive
            self._view.release()
        self.owner = b""

    def _release_or_refuse(self, explain: bool) -> None:
        try:
            self._release()
        except BufferError:
            self._look()
            known = (self, self._view, self._data)
            named = holders(self.address, self.size, known) if explain else []
            users = ", ".join(named) or "an unnamed object"
            raise BufferLifetimeError(
                f"cannot close {self.name}: memory in use by {users}; delete or copy it first"
            ) from None


class HeldBytes(Source):
    """Bytes in memory: handed in by the caller, or decompressed by us."""


class _Head(Source):
    def __init__(self, whole: Source, nbytes: int) -> None:
        self._nbytes = nbytes
        super().__init__(whole.owner, whole.name)

    def _look(self) -> None:
        self._view = as_view(self.owner)[: self._nbytes]
        self._data = np.frombuffer(self._view, np.uint8)


class Mapped(Source):
    """Memory that is mapped: closing it ends the map, which nobody may look into by then."""

    def _release(self) -> None:
        self._view.release()
        if isinstance(self.owner, mmap.mmap):
            self.owner.close()


class MappedFile(Mapped):
    """A file mapped into memory: its bytes are the page cache's, no copy is made by opening it.

    The operating system ends a process that reads pages of a map whose file was cut short.

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

    def forget(self) -> None:
        """Give the pages that were read back to the page cache."""
        if isinstance(self.owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self.owner.madvise(mmap.MADV_DONTNEED)
