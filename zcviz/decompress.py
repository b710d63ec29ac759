"""Gzip files, decompressed once into memory that we own and can name."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress

from .buffers import HeldBytes, Source
from .errors import BadMagicError, Problem

__all__ = ["MAX_DECOMPRESSED", "decompress"]

MAX_DECOMPRESSED = 8 << 30
"""Where decompression stops [bytes]: a small gzip file can hold an endless row of zeros."""

Progress = Callable[[int, int], None]

_STEP = 1 << 16  # of the packed bytes at a time: Ctrl-C is heard in between


def decompress(
    packed: Source, progress: Progress | None = None
) -> tuple[HeldBytes, tuple[Problem, ...]]:
    """Decompress a gzip file: all its members, and what stands before any damage.

    Parameters
    ----------
    packed : Source
    progress : callable (packed bytes done, in all), optional

    Raises
    ------
    BadMagicError
        Nothing of it can be decompressed.

    Notes
    -----
    Memory: allocates the decompressed bytes.
    """
    out = bytearray()
    at, damage = 0, None
    while damage is None and not _is_padding(packed.view, at):
        at, damage = _member(packed.view, at, out, progress)
    if not out and damage is not None:
        raise BadMagicError(packed.name, offset=0, expected="gzip data", found=str(damage.found))
    return HeldBytes(out, f"{packed.name} decompressed"), () if damage is None else (damage,)


def _is_padding(view: memoryview, at: int) -> bool:
    # NULs after the last member; in steps, for there may be gigabytes of them.
    return not any(
        bytes(view[here : here + _STEP]).strip(b"\0") for here in range(at, len(view), _STEP)
    )


def _member(
    view: memoryview, at: int, out: bytearray, progress: Progress | None
) -> tuple[int, Problem | None]:
    unpacker = zlib.decompressobj(wbits=31)
    while not unpacker.eof:
        piece = view[at : at + _STEP]
        if not piece:
            found = "the end of the file"
            return at, Problem(len(out), "gzip data", "the end of the stream", found)
        before = unpacker.copy()
        try:
            out += unpacker.decompress(piece)
        except zlib.error as error:
            _salvage(before, piece, out)
            return at, Problem(len(out), "gzip data", "a valid stream", str(error))
        at += len(piece) - len(unpacker.unused_data)
        if progress is not None:
            progress(at, len(view))
        if len(out) > MAX_DECOMPRESSED:
            found = f"more than {MAX_DECOMPRESSED} bytes"
            return at, Problem(len(out), "decompressed data", "less", found)
    return at, None


def _salvage(unpacker: zlib._Decompress, piece: memoryview, out: bytearray) -> None:
    # zlib hands out nothing of a piece that has an error in it. Given one byte at a time, it hands
    # out all that stands before the error.
    with suppress(zlib.error):
        for at in range(len(piece)):
            out += unpacker.decompress(piece[at : at + 1])
