"""What an object keeps in memory, and whether it keeps a file open: by trying."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ..errors import BufferLifetimeError
from ..feed import Feed
from ..feed import open as open_feed
from ..trace.provenance import provenance_of_one
from .listing import Cell, listing
from .show import Shown

__all__ = ["pins"]

_HELD: Cell = ("cannot be closed", "zero-copy")


def pins(file: str | os.PathLike[str], makers: Mapping[str, Callable[[Feed], Any]]) -> Shown:
    """Open a file anew for each object that is made of it, then try to close it.

    Parameters
    ----------
    file : path
    makers : mapping of str to callable (feed)
        Make the objects, by what to call them.

    Returns
    -------
    Shown
        A table: bytes shown, bytes that stay in memory for them, whether the file could be closed.
    """
    rows = [(name, *_tried(open_feed(file), make)) for name, make in makers.items()]
    held = [name for name, *_, verdict in rows if verdict == _HELD]
    sentence = (
        f"What keeps the file from being closed: {'; '.join(held)}."
        if held
        else "None of them keeps the file from being closed."
    )
    return listing(
        ["what is kept", "bytes it shows", "bytes that stay for it", "and the file"],
        rows,
        title="What keeps what",
        sentence=sentence,
    )


def _tried(feed: Feed, make: Callable[[Feed], Any]) -> tuple[Cell, Cell, Cell]:
    kept = make(feed)
    shows: Cell = "values"
    stays: Cell = "its own objects"
    with suppress(TypeError):
        chain = provenance_of_one(kept)
        shows, stays = chain.nbytes, chain.owner.keeps_alive
    refused = False
    try:
        feed.close()
    except BufferLifetimeError:
        refused = True
    del kept
    feed.close()
    return shows, stays, _HELD if refused else "can be closed"
