"""Memory that several processes map, and that is gone when the last of them is.

It has no name in the file system, so there is nothing to unlink: not after a crash, not after
``kill -9``. A subprocess inherits the descriptor (on Windows it opens the mapping by its tag, which
the system forgets with the last process that holds it).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile
import uuid

import numpy as np
from numpy.typing import NDArray

__all__ = ["SharedBlock"]


class SharedBlock:
    """One block of shared memory.

    Parameters
    ----------
    map : mmap.mmap
    size : int [bytes]
    key : str
        A descriptor, or on Windows the tag.

    Attributes
    ----------
    handle : str
        What a subprocess passes to `attach`.
    """

    def __init__(self, map: mmap.mmap, size: int, key: str) -> None:
        self.map = map
        self.handle = f"{key}:{size}"
        self._key = key

    @classmethod
    def create(cls, size: int) -> SharedBlock:
        """Allocate `size` bytes, all zero.

        Raises
        ------
        OSError
            The system permits no shared memory.
        """
        if sys.platform == "win32":
            key = f"zcviz-{uuid.uuid4().hex}"
        else:
            key = str(_nameless_file())
            os.ftruncate(int(key), size)
        return cls(_mapped(key, size), size, key)

    @classmethod
    def attach(cls, handle: str) -> SharedBlock:
        """Map the block that another process made."""
        key, size = handle.split(":")
        return cls(_mapped(key, int(size)), int(size), key)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """File descriptors that a subprocess must inherit."""
        return () if sys.platform == "win32" else (int(self._key),)

    def as_array(self) -> NDArray[np.uint8]:
        """Return the bytes as a writable array.

        Notes
        -----
        Memory: view of the map, keeps it alive.
        """
        return np.frombuffer(self.map, np.uint8)

    def close(self) -> None:
        """Give up this process's hold; views that are still alive keep the map."""
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with contextlib.suppress(BufferError):
            self.map.close()


def _nameless_file() -> int:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return os.memfd_create("zcviz")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _mapped(key: str, size: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=key)
    return mmap.mmap(int(key), size)
