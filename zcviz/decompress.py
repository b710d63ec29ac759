"""Compressed files, decompressed once, piece by piece, into memory that we own and can name.

What is more than `IN_MEMORY` goes into a temporary file without a name, which is mapped: a day of
market data takes room on the disk, and none of the memory that other programs could not have.
"""

from __future__ import annotations

import mmap
import tempfile
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any, Protocol

from .buffers import HeldBytes, MappedFile, Source
from .errors import BadMagicError, MissingExtraError, Problem

__all__ = ["IN_MEMORY", "MAX_DECOMPRESSED", "compression_of", "decompress"]

IN_MEMORY = 256 << 20
"""How much is kept in memory [bytes]; with more, all of it goes into a temporary file."""
MAX_DECOMPRESSED = 256 << 30
"""Where decompression stops [bytes]: a small file can hold an endless row of zeros."""

Progress = Callable[[int, int], None]

# Of the packed bytes, and of what comes out, at a time: Ctrl-C is heard in between.
_STEP, _OUT = 1 << 16, 1 << 18
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)  # RFC 8878, §3.1.2: such frames may come first


class _Unpacker(Protocol):
    # The decompressors of the standard library, but for zlib's, are of this form.
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes: ...


class _Zlib:
    # zlib's in the form of the others.
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail or data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(out) < max_length
        return out


def compression_of(view: memoryview) -> str | None:
    """Say what bytes are compressed with: ``"gzip"``, ``"zstd"``, or None."""
    if bytes(view[:2]) == b"\x1f\x8b":
        return "gzip"
    magic = int.from_bytes(view[:4], "little")
    return "zstd" if magic == 0xFD2FB528 or magic in _SKIPPABLE else None


def decompress(
    packed: Source, progress: Progress | None = None
) -> tuple[Source, str | None, tuple[Problem, ...]]:
    """Decompress all of a file, or what stands before any damage.

    Parameters
    ----------
    packed : Source
        In gzip (of any number of members, so bgzip too), zstd (of any number of frames), or not
        compressed at all.
    progress : callable (packed bytes done, in all), optional

    Returns
    -------
    source : Source
        What came out; `packed` itself if it is not compressed.
    compression : {"gzip", "zstd", None}
    damage : tuple of Problem
        Empty, or where it stopped and why.

    Raises
    ------
    BadMagicError
        Nothing of it can be decompressed.
    MissingExtraError
        It is in zstd, and no library for that is installed.
    OSError
        There is no room for the temporary file.

    Notes
    -----
    Memory: allocates the decompressed bytes; beyond `IN_MEMORY`, on the disk.
    """
    name = compression_of(packed.view)
    if name is None:
        return packed, None, ()
    makers = _gzip_makers() if name == "gzip" else [_zstd_maker(packed.name)]
    out = _Sink(packed.name)
    try:
        damage = _unpack(packed.view, makers, f"{name} data", out, progress)
        if not out.size and damage is not None:
            found = str(damage.found)
            raise BadMagicError(packed.name, offset=0, expected=f"{name} data", found=found)
        return out.source(), name, () if damage is None else (damage,)
    finally:
        out.close()


Maker = Callable[[], _Unpacker]


def _gzip_makers() -> list[Maker]:
    # The fast one first. zlib has the last word on damage, so that the same comes out everywhere.
    try:
        igzip = import_module("isal.igzip_lib")
    except ImportError:
        return [_Zlib]
    return [lambda: igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP), _Zlib]


def _zstd_maker(file: str) -> Maker:
    for name in ("compression.zstd", "backports.zstd"):  # the library of Python 3.14, or its twin
        try:
            maker: Maker = import_module(name).ZstdDecompressor
        except ImportError:
            continue
        return maker
    raise MissingExtraError(
        f"{file} is in zstd: to read it, install backports.zstd (pip install backports.zstd)"
    )


def _unpack(
    view: memoryview, makers: list[Maker], what: str, out: _Sink, progress: Progress | None
) -> Problem | None:
    at = 0
    while not _is_padding(view, at):
        start = out.size
        for make in makers:
            out.cut(start)
            after, error = _run(view, at, len(view), _STEP, make(), out, progress)
            if error is None or isinstance(error, _TooMuchError | EOFError):
                break
        if isinstance(error, _TooMuchError):
            return Problem(out.size, "decompressed data", "less", str(error))
        if isinstance(error, EOFError):
            return Problem(out.size, what, "the end of the stream", "the end of the file")
        if error is not None:
            out.cut(start)
            _salvage(view, at, after, makers[-1](), out)
            return Problem(out.size, what, "a valid stream", str(error))
        at = after
    return None


def _is_padding(view: memoryview, at: int) -> bool:
    # NULs after the last member; in steps, for there may be gigabytes of them.
    return not any(
        bytes(view[here : here + _STEP]).strip(b"\0") for here in range(at, len(view), _STEP)
    )


def _run(
    view: memoryview, at: int, stop: int, step: int, unpacker: _Unpacker, out: _Sink,
    progress: Progress | None,
) -> tuple[int, Exception | None]:  # fmt: skip
    # One member or frame. Where it ends; or where the piece starts that went wrong, and how.
    while not unpacker.eof:
        piece = view[at : min(at + step, stop)]
        if not piece:
            return at, EOFError()
        try:
            out.write(unpacker.decompress(piece, _OUT))
            while not (unpacker.eof or unpacker.needs_input):
                out.write(unpacker.decompress(b"", _OUT))
        except OSError:  # of the disk
            raise
        except Exception as error:  # each library has its own
            return at, error
        at += len(piece)
        if progress is not None:
            progress(at, len(view))
    return at - len(unpacker.unused_data), None


def _salvage(view: memoryview, at: int, piece: int, unpacker: _Unpacker, out: _Sink) -> None:
    # Nothing is handed out of a call that ends in an error. Given one byte at a time, all is that
    # stands before the error.
    _run(view, at, piece, _STEP, unpacker, out, None)
    _run(view, piece, len(view), 1, unpacker, out, None)


class _TooMuchError(Exception):
    """More came out than anybody wants."""


class _Sink:
    # Takes what comes out: memory at first, a temporary file when it gets too much.

    def __init__(self, name: str) -> None:
        self._name = f"{name} decompressed"
        self._held = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, piece: bytes) -> None:
        if self.size + len(piece) > MAX_DECOMPRESSED:
            raise _TooMuchError(f"more than {MAX_DECOMPRESSED} bytes")
        self.size += len(piece)
        if self._file is None and self.size <= IN_MEMORY:
            self._held += piece
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="zcviz-")
                self._file.write(self._held)
                self._held = bytearray()
            self._file.write(piece)
        except OSError as error:
            ...

    def cut(self, size: int) -> None:
        """Forget what came after the first bytes."""

    def source(self) -> Source:
        ...

    def close(self) -> None:
        ...
