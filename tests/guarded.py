"""Bytes that lie against inaccessible memory: a kernel that reads one byte too many dies of it.

Not an assertion but the processor's own check: the page after the bytes (or before them) may not
be read, and who does gets a segmentation fault. So what uses this runs in a process of its own,
see `survives`. Linux only.

    if __name__ == "__main__":
        guard = Guard(1 << 16)
        for content in inputs():
            for data in guard.both(content):
                kernel(data)
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)

needs_guards = pytest.mark.skipif(sys.platform != "linux", reason="guard pages: Linux only")


class Guard:
    """Room for up to `size` bytes between two pages that nobody may touch."""

    def __init__(self, size: int) -> None:
        self._room = -(-size // PAGE) * PAGE
        region = mmap.mmap(-1, self._room + 2 * PAGE)
        bytes_of = (ctypes.c_char * len(region)).from_buffer(region)
        self._bytes = np.frombuffer(bytes_of, np.uint8)[PAGE : PAGE + self._room]
        for page in (0, PAGE + self._room):
            place = ctypes.c_void_p(ctypes.addressof(bytes_of) + page)
            if LIBC.mprotect(place, ctypes.c_size_t(PAGE), 0):
                raise OSError(ctypes.get_errno(), "mprotect")

    def before_end(self, content: bytes) -> np.ndarray:
        """A read-only array of these bytes, the last of which is the last before the end."""
        return self._put(content, self._room - len(content))

    def after_start(self, content: bytes) -> np.ndarray:
        """The same, the first of which is the first of the room."""
        return self._put(content, 0)

    def both(self, content: bytes) -> Iterator[np.ndarray]:
        """One after the other; each is overwritten by the next."""
        yield self.before_end(content)
        yield self.after_start(content)

    def zeros(self, size: int) -> np.ndarray:
        """Room for so many bytes to be written, the last of which is the last before the end."""
        return self._bytes[self._room - size :]

    def _put(self, content: bytes, at: int) -> np.ndarray:
        view = self._bytes[at : at + len(content)]
        view[:] = np.frombuffer(content, np.uint8)
        view.flags.writeable = False
        return view


def survives(module: str, **env: str) -> str:
    """Run ``python -m module``, and return what it prints; its death is our failure."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", module], cwd=ROOT, text=True, timeout=300,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT), **env}, check=False,
    )  # fmt: skip
    if done.returncode == -signal.SIGSEGV:
        raise AssertionError(f"{module} read outside its bytes:\n{done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout


if __name__ == "__main__" and os.environ.get("ZCVIZ_READ_OUTSIDE"):
    print(np.lib.stride_tricks.as_strided(Guard(10).before_end(b"abc"), (9,))[3])
