"""The sample files, wherever the lessons run."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import ZcvizError
from ..feed import Feed
from ..feed import open as open_feed

__all__ = ["lesson_feed", "lesson_file", "lone_message"]


def lesson_file(name: str | os.PathLike[str] = "feed.pcap") -> Path:
    """Return where a sample file lies.

    Parameters
    ----------
    name : path
        A file of its own is taken as it is. Otherwise its last part is looked for in ``data``
        beside the notebook's folder, and in the data that is installed with the package.

    Raises
    ------
    ZcvizError
        It is nowhere.
    """
    path = Path(name)
    if path.is_file():
        return path
    package = Path(__file__).resolve().parents[1]
    folders = (Path("../data"), Path("data"), package.parent / "data", package / "_lessons/data")
    for folder in folders:
        if (folder / path.name).is_file():
            return folder / path.name
    raise ZcvizError(
        f"no file {path} here, and no {path.name} in the lessons' data; "
        "`zcviz samples DIR` makes feed.itch and feed.pcap"
    )


def lesson_feed(name: str | os.PathLike[str] = "feed.pcap") -> Feed:
    """Open a sample file, as `lesson_file` finds it, or a file of your own.

    Notes
    -----
    Memory: maps the file and copies nothing.
    """
    return open_feed(lesson_file(name))


def lone_message(feed: Feed, tag: str = "A") -> int:
    """Return the position of a message that is easy to look at: the only one in its packet.

    Parameters
    ----------
    feed : Feed
    tag : str
        The type of message that is wanted.

    Returns
    -------
    int
        Position in ``feed.index`` of the first message that is of this type and alone; where there
        is none, of the first of this type; where there is none either, 0.
    """
    index = feed.index
    wanted = index.tags == ord(tag)
    alone = wanted
    if index.datagrams is not None:
        carriers = index.datagrams.of_messages(np.arange(len(index)))
        alone = wanted & (index.datagrams.blocks[carriers] == 1)
    best = alone if alone.any() else wanted
    return int(np.argmax(best)) if len(best) else 0
