"""What a pipeline starts from: something to walk through, or something to scan."""

from __future__ import annotations

from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from ..feed import Feed
from ..index import MessageIndex
from ..scanner import PACKETS, Scanner
from ..spec import Protocol
from ..walk import FRAMES, Bytes, Walker
from .stage import Stage

__all__ = ["BLOCK", "FeedInput", "Input", "Scanning", "Walking"]

BLOCK = 1 << 16
"""Messages in a block at full speed: enough to forget the cost of a call, few enough that the
columns of a block stay in the processor's cache."""


class Walking(Interface):
    """Cuts pieces out of an input, one after another."""

    @property
    def cuts(self) -> tuple[Stage, ...]:
        """The stages that end in a piece that holds messages; the first takes nothing."""
        ...

    def messages(self, piece: Bytes) -> list[Bytes]:
        """Cut every message out of a piece."""
        ...

    def bounds(self, piece: Bytes) -> list[tuple[int, int]]:
        """Return where each message of a piece starts and ends."""
        ...


class Scanning(Interface):
    """Notes where the messages of an input are, a block at a time."""

    @property
    def data(self) -> NDArray[np.uint8]:
        """The memory that offsets count in."""
        ...

    @property
    def before(self) -> int:
        """What to add to the offsets of the last block for places that grow to the end."""
        ...

    def block(self) -> MessageIndex | None:
        """Return the messages of the next block; None at the end."""
        ...


class Input(Interface):
    """Where a pipeline gets its bytes from."""

    @property
    def protocol(self) -> Protocol:
        """The tables by which messages are read."""
        ...

    @property
    def view(self) -> memoryview:
        """The bytes, as what the first stage takes."""
        ...

    def walking(self, *, copies: bool) -> Walking:
        """Begin to walk: pieces are copies, or views."""
        ...

    def scanning(self, stepped: int) -> Scanning:
        """Begin to scan: so many packets at a time, or (0) in blocks."""
        ...


class FeedInput:
    """A file, from its beginning to its end.

    Parameters
    ----------
    feed : Feed
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.protocol = feed.protocol

    @property
    def view(self) -> memoryview:
        """All bytes of the file."""
        return self._feed.source.view

    def walking(self, *, copies: bool) -> Walking:
        """Begin at the first packet."""
        return _FeedWalk(self._feed, copies=copies)

    def scanning(self, stepped: int) -> Scanning:
        """Begin at the first packet."""
        return _FeedScan(self._feed, stepped)


class _FeedWalk(Walker):
    def __init__(self, feed: Feed, *, copies: bool) -> None:
        super().__init__(feed.capture, copies=copies)
        kind = "a copy" if copies else "a view"
        has_packets = feed.capture.records is not None
        unit = "its frame" if has_packets else f"{FRAMES} messages and their lengths"
        first = Stage("packet", f"Takes {unit} out of the file: {kind}.", self.packet)
        self.cuts: tuple[Stage, ...] = (first,)
        if has_packets:
            does = f"Takes the UDP payload out of the frame: {kind}."
            self.cuts += (Stage("datagram", does, self.datagram),)


class _FeedScan:
    before = 0

    def __init__(self, feed: Feed, stepped: int) -> None:
        self._source = feed.source
        self._scanner = Scanner(feed.capture, int(stepped) or PACKETS)
        self._room = BLOCK if self._scanner.has_packets else FRAMES * stepped or BLOCK

    @property
    def data(self) -> NDArray[np.uint8]:
        return self._source.data

    def block(self) -> MessageIndex | None:
        scanner = self._scanner
        if scanner.finished:
            return None
        room = scanner.room(self._room)
        count = scanner.scan(room)
        if not count and self._scanner.finished:  # not `scanner`: it has moved on
            return None
        offsets, sizes, tags = (array[:count] for array in room)
        return MessageIndex(offsets, sizes, tags)
