"""What an index weighs, by the interpreter's own accounts."""

from __future__ import annotations

import mmap
import sys

import numpy as np

from ..feed import Feed
from ..feed import open as open_feed
from ..trace import allocations
from .job import Goal, Line, Unavailable

__all__ = ["measure_memory"]

BEYOND = 1 << 32
_FRAME = 2 + 0xFFFF


def measure_memory(itch: Feed, pcap: Feed) -> list[Line]:
    """Weigh the index of a BinaryFILE up to 4 GiB, of one beyond, and of a capture."""
    lines = [_weigh("index of a BinaryFILE up to 4 GiB", itch, 7)]
    name = "index of a BinaryFILE beyond 4 GiB"
    try:
        content = _extended(itch)
    except (Unavailable, OSError) as reason:
        lines.append(Line(name, "B/message", note=f"not measured: {reason}"))
    else:
        with open_feed(content, protocol=itch.protocol.name) as wide:
            lines.append(_weigh(name, wide, 11))
        content.close()
    lines.append(_weigh("index of a pcap, its table of datagrams included", pcap, 11))
    return lines


def _weigh(name: str, feed: Feed, least: float) -> Line:
    len(feed)  # whatever is imported or compiled at first use is no part of it
    again = Feed(feed.capture)
    with allocations() as seen:
        messages = len(again)
    note = f"{messages:,} messages"
    if again.index.datagrams is not None:
        note += f" in {len(again.index.datagrams):,} datagrams, which take part of it"
    # To a hundredth of a byte: beside its arrays an index is some objects.
    weight = round(seen.net / max(1, messages), 2)
    return Line(name, "B/message", (weight,), note=note, goals=(Goal(least, 2, less=True),))


def _extended(feed: Feed) -> mmap.mmap:
    # The sample, then messages of an unknown type as long as can be, until 4 GiB are passed. Only
    # the pages with their lengths take up memory.
    if sys.platform != "linux":
        raise Unavailable("memory is not left out of account here until it is written to")
    size = feed.source.size
    more = (BEYOND - size) // _FRAME + 1
    content = mmap.mmap(-1, size + more * _FRAME, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    array = np.frombuffer(content, np.uint8)
    array[:size] = feed.data
    array[size::_FRAME] = array[size + 1 :: _FRAME] = 0xFF
    return content
