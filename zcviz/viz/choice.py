"""Which message to follow, where nobody said."""

from __future__ import annotations

import numpy as np

from ..errors import SelectionError
from ..feed import Feed

__all__ = ["AMONG", "choose_message"]

AMONG = 20_000
"""Messages that one is chosen from: pipelines are stepped up to it, in Python."""


def choose_message(feed: Feed, tag: str = "A", among: int = AMONG) -> int:
    """Choose a message whose packet makes a good picture, near the middle of the feed.

    Parameters
    ----------
    feed : Feed
    tag : str
        The type of message that is wanted.
    among : int
        Look at the first so many messages only.

    Returns
    -------
    int
        A position in ``feed.index``. The message is of the wanted type and comes in a packet of two
        to four, if there is such a one; else whatever comes nearest to that.

    Raises
    ------
    SelectionError
        The feed holds no message.
    """
    if not len(feed):
        raise SelectionError(f"{feed.name} holds no message to follow")
    tags = feed.index.tags[:among]
    known = np.isin(tags, [m.key for m in feed.protocol if m.tag is not None])
    worth = 4 * known + 2 * (tags == ord(tag))
    if feed.index.datagrams is not None:
        # A few more than are chosen from: enough to see the last one's company.
        packets = feed.index.datagrams.of_messages(np.arange(min(among + 5, len(feed))))
        company = np.bincount(packets)[packets][: len(tags)]
        worth += (company > 1) & (company < 5)
        worth = 2 * worth + (company == 3)
    best = np.flatnonzero(worth == worth.max())
    return int(best[len(best) // 2])
