"""Files to measure on: made of samples, shorter or longer, or of what was recorded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from .. import samples
from ..feed import Feed

__all__ = ["cme", "repeat", "shorten"]

_RECORDED = "cme-mdp3-v6-20161112.pcapng"
_SCHEMA = "cme_mdp3_v1.6.xml"


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


def cme(folder: Path, nbytes: int) -> tuple[Path, Path, str]:
    """Make a capture of CME MDP 3.0 in `folder`; return it, its schema, and what it is.

    Where ``ZCVIZ_CAPTURES`` names a folder of recorded feeds, with their schemas in ``schemas``
    beside it, it is a recorded one over and over; else an invented one.
    """
    path = folder / "cme"
    captures = Path(os.environ.get("ZCVIZ_CAPTURES", folder))
    recorded, schema = captures / _RECORDED, captures.parent / "schemas" / _SCHEMA
    if recorded.exists() and schema.exists():
        times = repeat(recorded, path, nbytes)
        return path, schema, f"recorded, {times} times over"
    samples.long(path, "mdp3", nbytes // 100)
    return path, samples.SCHEMAS["mdp3"], "invented, in the style of CME"
