"""What a lesson measures on: a feed with the messages that it is about, and enough of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from ..feed import Feed
from ..feed import open as open_feed
from ..kernels import COMPILED

__all__ = ["ENOUGH", "needs", "repeated", "rows_of"]

ENOUGH = (48 if COMPILED else 3) << 20
"""Bytes that a measurement is made on: more than caches of cores hold; few, for plain kernels."""


def needs(feed: Feed, tag: str) -> None:
    """See that a feed holds messages of a type.

    Raises
    ------
    SelectionError
        It holds none.
    """
    if tag not in feed.counts():
        raise SelectionError(
            f"{feed.name} holds no message of type {tag}, which this lesson is about; "
            "the sample does"
        )


def rows_of(feed: Feed, tag: str) -> NDArray[np.uint8]:
    """Return all messages of a type, one after another: (n_messages · size,) uint8, read-only.

    Memory: copies them.
    """
    message = feed.protocol[tag]
    places = feed.index.of_type(message.key)
    rows: NDArray[np.uint8] = feed.data[places[:, None] + np.arange(message.size)].reshape(-1)
    rows.flags.writeable = False
    return rows


def repeated(feed: Feed, nbytes: int = ENOUGH) -> Feed:
    """Return a feed in memory that holds the messages of another one as often as fits, or once.

    Parameters
    ----------
    feed : Feed
        Where it is longer than `nbytes`, its first messages are taken.
    nbytes : int
        How long the result may be.

    Returns
    -------
    Feed
        A BinaryFILE: each message after its length. It has nothing to do with the first feed any
        more, which can be closed.

    Raises
    ------
    SelectionError
        The feed holds no message, or none that is short enough.

    Notes
    -----
    Memory: allocates `nbytes` at most; copies every message.
    """
    index, view = feed.index, feed.source.view
    ends = np.cumsum(index.sizes + np.uint64(2))
    some = int(np.searchsorted(ends, nbytes, side="right"))
    if not some:
        raise SelectionError(f"{feed.name} holds no message to repeat")
    bounds = zip(index.offsets[:some].tolist(), index.sizes[:some].tolist(), strict=True)
    frames = b"".join(
        part for at, size in bounds for part in (size.to_bytes(2, "big"), view[at : at + size])
    )
    whole = np.tile(np.frombuffer(frames, np.uint8), nbytes // len(frames))
    return open_feed(whole, protocol=feed.protocol.name)
