"""The zero-copy traversal: where every message lies, as arrays.

Not one byte of a message is copied and no Python object is made for one. The arrays are *derived*
data: 7 bytes a message for a file of up to 4 GiB, 11 beyond; captures take 24 to 32 bytes a
datagram more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .capture import Capture
from .kernels import LANES, count, pick
from .report import Report
from .scanner import Scanner
from .trace.ledger import Part, array_part, parts

__all__ = ["Datagrams", "MessageIndex", "OneType", "build_index"]

ROOM = 1 << 16
"""Messages that an index has room for at first."""

_BLOCK = 1 << 17
_HOLD = 256 << 20  # of a large file, so much at most counts as this process's memory

Integers = NDArray[np.unsignedinteger]


@dataclass(frozen=True, eq=False)
class Datagrams:
    """The datagrams of a capture that carried the protocol.

    Attributes
    ----------
    offsets : (n_datagrams,) uint32 or uint64 [bytes]
        Where each starts: the payload of UDP.
    firsts : (n_datagrams,) uint32 or uint64
        Position of its first message in the index; of the next one's, if it has none.
    sequences : (n_datagrams,) uint64
        Its sequence number.
    before_record, before_ip : (n_datagrams,) uint16 [bytes]
        How far before the datagram its capture record starts, and its IP header.
    sizes : (n_datagrams,) uint16 [bytes]
        As far as it was captured.
    blocks : (n_datagrams,) uint16
        How many messages it really held, empty and damaged ones too.
    """

    offsets: Integers
    firsts: Integers
    sequences: NDArray[np.uint64]
    before_record: NDArray[np.uint16]
    before_ip: NDArray[np.uint16]
    sizes: NDArray[np.uint16]
    blocks: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take [bytes]."""
        return sum(array.nbytes for array in vars(self).values())

    def to_records(self) -> NDArray[np.unsignedinteger]:
        """Return where each datagram's capture record starts: (n_datagrams,), allocated."""
        return self.offsets - self.before_record

    def of_messages(self, messages: Any) -> Any:
        """Return which datagram brought each of some messages; positions in, positions out."""
        return np.searchsorted(self.firsts, messages, side="right") - 1


@dataclass(frozen=True, eq=False)
class MessageIndex:
    """Where every message is.

    Attributes
    ----------
    offsets : (n_messages,) uint32 or uint64 [bytes]
        Of each message's first byte, in the decompressed stream.
    sizes : (n_messages,) uint16 [bytes]
    tags : (n_messages,) uint8 or uint16
        The message's type, known or not: its first byte, or the number of its template.
    datagrams : Datagrams or None
        What brought the messages; None for a file without packets.

    Notes
    -----
    Memory: owns its arrays; none of them looks into the feed.
    """

    offsets: Integers
    sizes: NDArray[np.uint16]
    tags: Integers
    datagrams: Datagrams | None = None
    _known: dict[int, int] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take, those of datagrams too [bytes]."""
        own = self.offsets.nbytes + self.sizes.nbytes + self.tags.nbytes
        return own + (0 if self.datagrams is None else self.datagrams.nbytes)

    def count(self, tag: int) -> int:
        """Return how many messages have a tag."""
        if tag not in self._known:
            self._known[tag] = count(self.tags, tag)
        return self._known[tag]

    def of_type(self, tag: int) -> NDArray[np.unsignedinteger]:
        """Return the offsets of all messages with a tag: allocates them."""
        return pick(self.offsets, self.tags, tag)

    def counts(self) -> dict[int, int]:
        """Return how many messages there are of each tag that occurs."""
        # numpy makes eight bytes of each number that it counts: some at a time, which stay in the
        # cache, and tags of one byte in pairs.
        counts, wide = np.zeros(1 << 16, np.int64), self.tags.itemsize == 2
        pairs = self.tags if wide else self.tags[: len(self) & ~1].view(np.uint16)
        for at in range(0, len(pairs), _BLOCK):
            found = np.bincount(pairs[at : at + _BLOCK])
            counts[: len(found)] += found
        if not wide:
            counts = counts.reshape(256, 256).sum(0) + counts.reshape(256, 256).sum(1)
            counts[self.tags[2 * len(pairs) :]] += 1
        return {tag: int(counts[tag]) for tag in np.flatnonzero(counts).tolist()}


class OneType:
    """Where all messages with a tag are, before it has been written down.

    Parameters
    ----------
    index : MessageIndex
    tag : int
    """

    def __init__(self, index: MessageIndex, tag: int) -> None:
        self._index, self._tag = index, tag

    def __len__(self) -> int:
        return self._index.count(self._tag)

    def to_offsets(self) -> NDArray[np.unsignedinteger]:
        """Return the offsets: (n,), allocated."""
        return self._index.of_type(self._tag)

    def blocks(self) -> Iterator[NDArray[np.unsignedinteger]]:
        """Yield the offsets some at a time.

        Notes
        -----
        Memory: a block is overwritten by the next, so that it never leaves the cache.
        """
        offsets, tags = self._index.offsets, self._index.tags
        room = np.empty(_BLOCK + LANES, offsets.dtype)
        for low in range(0, len(tags), _BLOCK):
            some = slice(low, low + _BLOCK)
            yield pick(offsets[some], tags[some], self._tag, room)


@parts.register
def _derived(index: MessageIndex) -> Iterator[Part]:
    packets = () if index.datagrams is None else vars(index.datagrams).values()
    for array in (index.offsets, index.sizes, index.tags, *packets):
        yield array_part("derived", array, 0)


class _Growing:
    # Arrays of one length that grow together, filled from the front.

    def __init__(self, arrays: list[NDArray[Any]]) -> None:
        self.arrays = arrays
        self.count = 0

    @property
    def room(self) -> list[NDArray[Any]]:
        return [array[self.count :] for array in self.arrays]

    def add(self, columns: list[NDArray[Any]], done: float) -> None:
        after = self.count + len(columns[0])
        if after > len(self.arrays[0]):
            self.grow(after, done)
        for array, column in zip(self.arrays, columns, strict=True):
            array[self.count : after] = column
        self.count = after

    def grow(self, needed: int, done: float) -> None:
        # What was read so far says how much is to come, but a beginning says little: most files of
        # 100 MB are copied once, those of gigabytes twice. Room that is not used takes no memory.
        wanted = int(max(needed / max(done, 1 / 64) * 1.3, len(self.arrays[0]) * 1.25)) + ROOM
        grown = [np.empty(wanted, array.dtype) for array in self.arrays]
        for new, old in zip(grown, self.arrays, strict=True):
            new[: self.count] = old[: self.count]
        self.arrays = grown

    def finish(self) -> list[NDArray[Any]]:
        for array in self.arrays:
            array.resize(self.count, refcheck=False)
            array.flags.writeable = False
        return self.arrays


Progress = Callable[[int, int], None]


def build_index(capture: Capture, progress: Progress | None = None) -> tuple[MessageIndex, Report]:
    """Find every message of a capture.

    Parameters
    ----------
    capture : Capture
    progress : callable (bytes done, bytes in all), optional

    Returns
    -------
    MessageIndex, Report

    Notes
    -----
    Memory: allocates the index: 7 to 12 bytes a message, and up to 32 a datagram. Nothing is
    copied.
    """
    scanner = Scanner(capture)
    wide = scanner.offset_type
    kinds: dict[str, Any] = {"offsets": wide, "firsts": wide, "sequences": np.uint64}
    types = [kinds.get(field.name, np.uint16) for field in fields(Datagrams)]
    messages = _Growing(scanner.room(ROOM))
    datagrams = _Growing([np.empty(ROOM if scanner.has_packets else 0, each) for each in types])
    size = max(1, capture.source.size - capture.start)
    forgotten = capture.start
    while not scanner.finished:
        found = scanner.scan(messages.room)
        done = (scanner.position - capture.start) / size
        if scanner.has_packets:
            columns = scanner.datagrams()
            columns[1] += messages.count  # the scanner counts from the front of its room
            datagrams.add(columns, done)
        messages.count += found
        if scanner.wants_room:
            messages.grow(messages.count, done)
        if progress is not None:
            progress(scanner.position, capture.source.size)
        if scanner.position - forgotten > _HOLD:
            capture.source.forget()
            forgotten = scanner.position
    cut = Datagrams(*datagrams.finish()) if scanner.has_packets else None
    offsets, sizes, tags = messages.finish()
    return MessageIndex(offsets, sizes, tags, cut), scanner.report()
