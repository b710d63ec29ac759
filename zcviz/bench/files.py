"""Files made of a sample: shorter ones, longer ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from ..feed import Feed

__all__ = ["repeat", "shorten"]


def shorten(feed: Feed, path: Path, messages: int, without: bytes = b"") -> int:
    """Write the first messages of a feed to `path`; return how many.

    Parameters
    ----------
    feed : Feed
    path : Path
    messages : int
        At least so many, in whole packets.
    without : bytes
        In a BinaryFILE: a type of message to leave out.
    """
    head = feed.head(messages)
    try:
        if not without:
            path.write_bytes(head.source.view)
            return len(head)
        kept = np.flatnonzero(head.index.tags != without[0])
        starts = head.index.offsets[kept].astype(np.int64)
        stops = starts + head.index.sizes[kept]
        with path.open("wb") as file:
            for start, stop in zip((starts - 2).tolist(), stops.tolist(), strict=True):
                file.write(head.source.view[start:stop])  # the length, and the message
        return len(kept)
    finally:
        head.close()


def repeat(source: Path, path: Path, nbytes: int) -> int:
    """Write `source` to `path` as often as fits into `nbytes`, once at least; return how often."""
    times = max(1, nbytes // max(1, source.stat().st_size))
    with path.open("wb") as file:
        for _ in range(times):
            with source.open("rb") as piece:
                shutil.copyfileobj(piece, file, 1 << 24)
    return times
