"""The datagrams of a feed, as they lie in its memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from ..protocols.moldudp64 import HEADER, MOLDUDP64
from ..records import NO_TIME, open_records
from ..spec import Framing

if TYPE_CHECKING:
    from ..buffers import Source
    from ..feed import Feed

__all__ = ["Cargo", "cargo_of", "never_back"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_PACKETS = 1 << 11  # looked at in one go


@dataclass(frozen=True, eq=False)
class Cargo:
    """Datagrams to be sent.

    Attributes
    ----------
    data : (n_bytes,) uint8
        The feed's bytes.
    starts, sizes : (n,) int64 [bytes]
        What of `data` each datagram carries, behind its header where there are `headers`.
    firsts : (n,) int64 [bytes]
        Where in the datagram its first message starts; -1 where there is none.
    sequences : (n,) uint64
    numbers : (n,) int64
        How many sequence numbers it uses up: 0 for a heartbeat.
    framing : Framing
    times : (n,) int64 [ns], optional
        When each was captured, or would have been; never decreasing. None where nothing tells.
    headers : (n, header) uint8, optional
        Headers that do not lie in `data`.

    Notes
    -----
    Memory: `data` is the feed's own, everything else is owned: 40 to 60 bytes a datagram.
    """

    data: Bytes
    starts: Ints
    sizes: Ints
    firsts: Ints
    sequences: NDArray[np.uint64]
    numbers: Ints
    framing: Framing
    times: Ints | None = None
    headers: Bytes | None = None

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def header_size(self) -> int:
        """How much of each datagram is in `headers` [bytes]."""
        return 0 if self.headers is None else self.headers.shape[1]

    def tail(self, first: int) -> Cargo:
        """Return the datagrams from one on, counted from 0. Memory: views of the same arrays."""
        columns: dict[str, Any] = {
            name: column[first:]
            for name, column in vars(self).items()
            if name != "data" and isinstance(column, np.ndarray)
        }
        return replace(self, **columns)

    def with_headers(self) -> Cargo:
        """Return the same datagrams with their headers apart: copies 20 bytes of each.

        Raises
        ------
        SelectionError
            They are not MoldUDP64.
        """
        if self.framing is not MOLDUDP64:
            raise SelectionError(
                f"only MoldUDP64 datagrams are renumbered, and these are {self.framing.name}"
            )
        if self.headers is not None:
            return self
        size = HEADER.size
        headers = self.data[self.starts[:, None] + np.arange(size)]
        return replace(self, headers=headers, starts=self.starts + size, sizes=self.sizes - size)


def cargo_of(
    feed: Feed, messages: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Cargo:
    """Return the datagrams of a feed.

    Those that carry its protocol, as far as they were captured, wherever they were sent to; what
    else is in the capture stays behind. The messages of a BinaryFILE are packed into MoldUDP64.

    Parameters
    ----------
    feed : Feed
    messages : int, optional
        Of a BinaryFILE: how many go into a datagram. Without it, those that are sent within
        20 µs, up to 1400 bytes; and a heartbeat after a minute's silence, and an end.
    progress : callable (bytes done, bytes in all), optional
        Called while a BinaryFILE is looked through.

    Raises
    ------
    SelectionError
        There are none, or the file is a recorded TCP stream.
    BufferLifetimeError
        The feed is closed.

    Notes
    -----
    Memory: views of the feed's bytes; see `Cargo`.
    """
    from .packing import packed

    data = feed.data  # first of all: it tells whether the feed is closed
    if feed.container == "soupbintcp":
        raise SelectionError(f"{feed.name} is a stream of TCP, and has no datagrams to send")
    if feed.container == "binaryfile":
        cargo = packed(feed, messages, progress)
    elif messages is None:
        cargo = _captured(feed, data)
    else:
        raise SelectionError(f"{feed.name} has datagrams: they are sent with what is in them")
    if not len(cargo):
        raise SelectionError(f"{feed.name} holds no datagram of {feed.protocol.name} to send")
    return cargo


def _captured(feed: Feed, data: Bytes) -> Cargo:
    framing, found, messages = feed.capture.framing, feed.index.datagrams, feed.index.offsets
    assert found is not None
    starts, sizes = found.offsets.astype(np.int64), found.sizes.astype(np.int64)
    firsts = np.full(len(found), -1)
    if len(messages):  # a datagram without one is said to begin with the first of another
        at = np.minimum(found.firsts, len(messages) - 1)
        firsts = messages[at].astype(np.int64) - starts
        firsts[(firsts < 0) | (firsts >= sizes)] = -1
    numbers = found.blocks.astype(np.int64)
    if framing.numbers == "packets":
        numbers = np.ones(len(found), np.int64)
    if framing.unsequenced is not None:
        numbers[found.sequences == framing.unsequenced] = 0
    times = _capture_times(feed.source, found.to_records())
    return Cargo(data, starts, sizes, firsts, found.sequences, numbers, framing, times)


def _capture_times(source: Source, at: NDArray[np.unsignedinteger]) -> Ints:
    records = open_records(source)
    assert records is not None
    packets = np.empty((_PACKETS, 5), np.int64)
    while not records.finished:  # times are told in units that the file brings up on its way
        records.scan(packets)
    times = records.times(at)
    return never_back(times, times != NO_TIME)


def never_back(times: Ints, known: NDArray[np.bool_]) -> Ints:
    """Return times that never decrease: where one is not known, or too early, the one before."""
    if not known.any():
        return np.zeros(len(times), np.int64)
    start = int(times[np.argmax(known)])
    return np.maximum.accumulate(np.where(known, times, start))
