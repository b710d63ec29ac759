"""Captures: where bytes are, who owns them, and how they are framed.

Two traversals start from a `Capture`, which find the same messages and report the same damage:
``walk`` cuts out pieces, ``index`` notes positions.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .buffers import Buffer, HeldBytes, MappedFile, Source
from .decompress import compression_of, decompress
from .detection import candidates, choose
from .errors import BufferLifetimeError, Problem, TruncatedError
from .records import Records, open_records
from .spec import Framing, Protocol

__all__ = ["Capture", "open_capture"]


@dataclass(frozen=True)
class Capture:
    """Bytes, and how they are framed.

    Attributes
    ----------
    source : Source
        Owner of the (decompressed) bytes.
    container : {"binaryfile", "soupbintcp", "pcap", "pcapng"}
    protocol : Protocol
    framing : Framing
        How messages stand in datagrams, or in the file.
    records : Records or None
        The packets; None for a file of messages without any.
    compression : {None, "gzip", "zstd"}
    start : int [bytes]
        Where the first record begins.
    damage : tuple of Problem
        What went wrong before the first record: in decompression.
    path : Path or None
        Where the bytes came from, if from a file; absolute.
    label : str
        The path as it was given, or the kind of object.
    """

    source: Source
    container: str
    protocol: Protocol
    framing: Framing
    records: Records | None = None
    compression: str | None = None
    start: int = 0
    damage: tuple[Problem, ...] = ()
    path: Path | None = None
    label: str = ""

    def head(self, stop: int) -> Capture:
        """Return a capture of the bytes before `stop`. Memory: view of the same owner."""
        source = self.source.head(stop)
        return replace(self, source=source, records=self.records and open_records(source))


def open_capture(
    source: str | os.PathLike[str] | Buffer,
    protocol: str | None = None,
    schema: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Capture:
    """Find out what `source` is.

    Parameters
    ----------
    source : path or bytes-like
    protocol : str, optional
        Take the messages for this protocol's, without a look at them.
    schema : path, optional
        Schema of SBE messages.
    progress : callable (bytes done, bytes in all), optional
        Called while the file is decompressed.

    Raises
    ------
    BadMagicError
        The content is of no known format, or could be of several.
    TruncatedError
        There is nothing, or less than a file header.
    SelectionError
        No such protocol.
    SpecError
        The schema contradicts itself.
    OSError
        The file cannot be read.

    Notes
    -----
    Memory: a file is mapped, a bytes-like object viewed. A compressed file is decompressed once,
    into memory or a temporary file that the capture owns.
    """
    known = candidates(protocol, schema)
    path = Path(source).absolute() if isinstance(source, str | os.PathLike) else None
    owner: Source = (
        HeldBytes(source, f"{type(source).__name__} object")  # type: ignore[arg-type]
        if path is None
        else MappedFile(source)  # type: ignore[arg-type]
    )
    label = owner.name
    packing: str | None = None
    damage: tuple[Problem, ...] = ()
    try:
        if compression_of(owner.view):
            packed, (owner, packing, damage) = owner, decompress(owner, progress)
            packed.close()
        if not len(owner):
            raise TruncatedError(label, offset=0, expected="a market data file", found="no bytes")
        records = open_records(owner)
        chosen, framing = choose(owner, records, known, named=protocol is not None)
        container, start = framing.name, 0
        if records is not None:
            container, start = records.container, records.start
        return Capture(
            owner, container, chosen, framing, records, packing, start, damage, path, label
        )
    except BaseException:  # an interruption too, and a progress bar that fails
        with suppress(BufferLifetimeError):
            owner.close(explain=False)
        raise
