"""The messages of a BinaryFILE as MoldUDP64 datagrams.

Both put the same two bytes of length before a message, so that what a datagram carries is a piece
of the file as it is: only headers are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from ..framing import expected_sizes
from ..index import MessageIndex, build_index
from ..kernels.gather import gather_integers
from ..protocols.moldudp64 import BLOCK, HEADER, MOLDUDP64
from ..samples.columns import scatter
from ..samples.packets import SESSION, Packets, end_of_session, packets_of
from ..spec import Protocol
from .cargo import Cargo, never_back

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["packed"]

Ints = NDArray[np.int64]

_SPAN = 1 << 20  # messages that are packed in one go
_DAY = 86_400 * 10**9  # ns
_MOST = 3000  # messages a datagram: with more of them none fits into UDP
# Frames whose length contradicts their type are blocks like others; here no type has a length.
_FRAMES = Protocol("frames", "anything after its length")


def packed(
    feed: Feed, messages: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Cargo:
    """Return the messages of a BinaryFILE as datagrams; see `cargo_of`."""
    if messages is not None and not 1 <= messages <= _MOST:
        raise SelectionError(f"messages a datagram: expected 1 to {_MOST:,}, found {messages!r}")
    index, _ = build_index(replace(feed.capture, protocol=_FRAMES), progress)
    trains, now, done = [], 0, 0
    while done < len(index):
        some = slice(done, done + _SPAN)
        size = index.sizes[some].astype(np.int64) + BLOCK.size
        time = np.maximum(_times(feed, index, some), now)
        if messages is None:
            train = packets_of(time, size, done + 1, now if done else int(time[0]))
        else:
            train = _of_so_many(time, size, done + 1, messages)
        trains.append(train)
        now, done = int(train.time[-1]), done + len(size)
    if trains and messages is None:
        trains.append(end_of_session(done + 1, now))
    return _cargo(feed, trains)


def _of_so_many(time: Ints, size: Ints, sequence: int, messages: int) -> Packets:
    first = np.arange(0, len(time), messages)
    last = np.append(first[1:], len(time)) - 1
    return Packets(time[last], sequence + first, last - first + 1, np.add.reduceat(size, first))


def _times(feed: Feed, index: MessageIndex, some: slice) -> Ints:
    # ns since midnight, as far as messages tell it that are what their type says.
    protocol, tags, sizes = feed.protocol, index.tags[some], index.sizes[some]
    times = np.zeros(len(tags), np.int64)
    timed = [message for message in protocol if protocol.time in message.by_name]
    if not timed:
        return times
    field = timed[0][protocol.time]
    known = (expected_sizes(protocol)[tags] == sizes) & (sizes >= field.end)
    told = np.empty(int(known.sum()), np.uint64)
    at = index.offsets[some][known]
    gather_integers(feed.data, at, field.offset, field.type.size, timed[0].order, told)
    times[known] = np.minimum(told, _DAY).astype(np.int64)
    return never_back(times, known & (times < _DAY))


def _cargo(feed: Feed, trains: list[Packets]) -> Cargo:
    joined = [np.concatenate(columns) for columns in zip(*trains, strict=True)]
    train = Packets(*joined) if joined else Packets(*np.zeros((4, 0), np.int64))
    n = len(train.time)
    headers = np.empty((n, HEADER.size), np.uint8)
    says = {"session": SESSION, "sequence": train.sequence, "count": train.blocks}
    if n:
        scatter(headers.ravel(), HEADER.size * np.arange(n), HEADER, says)
    carries = train.size > 0
    return Cargo(
        feed.data,
        feed.capture.start + np.cumsum(train.size) - train.size,
        train.size,
        np.where(carries, HEADER.size + BLOCK.size, -1),
        train.sequence.astype(np.uint64),
        np.where(carries, train.blocks, 0),
        MOLDUDP64,
        train.time if feed.protocol.time else None,
        headers,
    )
