"""Compressed files, decompressed once, piece by piece, into memory that we own and can name.

What is more than `IN_MEMORY` goes into a temporary file without a name, which is mapped: a day of
market data takes room on the disk, and none of the memory that other programs could not have.
"""

from __future__ import annotations

import mmap
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import IO, Any, Protocol

from .buffers import HeldBytes, MappedFile, Source
from .errors import BadMagicError, MissingExtraError, Problem

__all__ = ["IN_MEMORY", "MAX_DECOMPRESSED", "compression_of", "decompress", "zstd_for"]

IN_MEMORY = 256 << 20
"""How much is kept in memory [bytes]; with more, all of it goes into a temporary file."""
MAX_DECOMPRESSED = 128 << 30
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
    zstd = f"{packed.name} is in zstd; to read it"
    makers = _gzip_makers() if name == "gzip" else [zstd_for(zstd).ZstdDecompressor]
    out, at = _Sink(packed.name), 0
    try:
        while not _is_padding(packed.view, at):
            at = _member(packed.view, at, makers, f"{name} data", out, progress)
        return out.source(), name, ()
    except _EndedError as end:
        if not out.size:
            expected, found = f"{name} data", end.args[-1]
            raise BadMagicError(packed.name, offset=0, expected=expected, found=found) from None
        return out.source(), name, (Problem(out.size, *end.args),)
    finally:
        out.close()


class _EndedError(Exception):
    """Nothing more comes out: what is wrong, what was expected, what was found."""


class _BrokenError(Exception):
    """The decompressor refuses a piece: where that starts, and why."""


Maker = Callable[[], _Unpacker]


def _gzip_makers() -> list[Maker]:
    # The fast one first. zlib has the last word on damage, so that the same comes out everywhere.
    try:
        igzip = import_module("isal.igzip_lib")
    except ImportError:
        return [_Zlib]
    return [lambda: igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP), _Zlib]


def zstd_for(purpose: str) -> Any:
    """Return the library for zstd.

    Raises
    ------
    MissingExtraError
        There is none; the message tells the purpose.
    """
    for name in ("compression.zstd", "backports.zstd"):  # Python 3.14 has it, others its twin
        with suppress(ImportError):
            return import_module(name)
    raise MissingExtraError(f"{purpose}: pip install backports.zstd")


def _is_padding(view: memoryview, at: int) -> bool:
    # NULs after the last member; in steps, for there may be gigabytes of them.
    return not any(
        bytes(view[here : here + _STEP]).strip(b"\0") for here in range(at, len(view), _STEP)
    )


def _member(
    view: memoryview, at: int, makers: list[Maker], what: str, out: _Sink, progress: Progress | None
) -> int:
    # Decompress one member of gzip, or one frame of zstd, and return where it ends.
    start, end = out.size, len(view)
    for make in makers:
        unpacker = make()
        out.cut(start)
        try:
            after = _feed(unpacker, view, at, end, _STEP, out, progress)
        except _BrokenError as error:
            broken, why = error.args
            continue
        if not unpacker.eof:
            raise _EndedError(what, "the end of the stream", "the end of the file")
        return after - len(unpacker.unused_data)
    # Nothing is handed out of a call that ends in an error. Once more, and from there on one byte
    # at a time, all comes out that stands before the error.
    unpacker = makers[-1]()
    out.cut(start)
    _feed(unpacker, view, at, broken, _STEP, out, progress)
    with suppress(_BrokenError):
        _feed(unpacker, view, broken, end, 1, out, None)
    raise _EndedError(what, "a valid stream", why)


def _feed(
    unpacker: _Unpacker, view: memoryview, at: int, stop: int, step: int, out: _Sink,
    progress: Progress | None,
) -> int:  # fmt: skip
    while at < stop and not unpacker.eof:
        piece = view[at : min(at + step, stop)]
        for some in _outcome(unpacker, piece, at):
            out.write(some)
        at += len(piece)
        if progress is not None:
            progress(at, len(view))
    return at


def _outcome(unpacker: _Unpacker, piece: memoryview, at: int) -> Iterator[bytes]:
    # What comes out for a piece, which may be a thousand times as much: never all at once.
    try:
        yield unpacker.decompress(piece, _OUT)
        while not (unpacker.eof or unpacker.needs_input):
            yield unpacker.decompress(b"", _OUT)
    except Exception as error:  # each library has its own
        raise _BrokenError(at, str(error)) from None


class _Sink:
    # Takes what comes out: into memory at first, into a temporary file when that gets too much.

    def __init__(self, name: str) -> None:
        self._name = name
        self._held = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, piece: bytes) -> None:
        if self.size + len(piece) > MAX_DECOMPRESSED:
            raise _EndedError("decompressed data", "less", f"more than {MAX_DECOMPRESSED} bytes")
        self.size += len(piece)
        if self._file is None:
            self._held += piece
            if self.size > IN_MEMORY:
                held, self._held = self._held, bytearray()
                self._spill(held)
        else:
            self._spill(piece)

    def _spill(self, piece: bytes | bytearray, *, last: bool = False) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="zcviz-")  # noqa: SIM115 (`close`)
            self._file.write(piece)
            if last:
                self._file.flush()
        except OSError as error:
            why = f"cannot decompress {self._name} ({self.size:,} bytes so far): {error.strerror}"
            raise OSError(error.errno, why, tempfile.gettempdir()) from None

    def cut(self, size: int) -> None:
        """Forget all but the first bytes."""
        self.size = size
        del self._held[size:]
        if self._file is not None:
            self._file.seek(size)
            self._file.truncate()

    def source(self) -> Source:
        """Return all of it."""
        if self._file is None:
            return HeldBytes(self._held, f"{self._name} decompressed")
        self._spill(b"", last=True)
        return _Spilled(self._file, f"{self._name} decompressed into a temporary file")

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written is known already
                self._file.close()


class _Spilled(MappedFile):
    """A temporary file that has no name, mapped; it goes when it is closed."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        Source.__init__(self, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), name)
