"""The zero-copy traversal: where every message lies, as arrays.

Not one byte of a message is copied and no Python object is made for one; the arrays are *derived*
data, 7 bytes a message for a BinaryFILE of up to 4 GiB and 11 for a capture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import capture as damage
from .capture import MAX_PROBLEMS, Capture, Report
from .codec.flyweight import reader
from .errors import Problem
from .kernels import COMPILED, CUT, END, Tally, scan_frames, scan_packets
from .spec import Protocol
from .trace.ledger import Part, array_part, parts

__all__ = ["Datagrams", "MessageIndex", "Scanner", "build_index", "expected_sizes"]

ROOM = 1 << 16
"""Messages a scan has room for at first; any one packet fits."""
STEP = 1 << 22 if COMPILED else 1 << 17
"""Messages scanned between two looks at the keyboard and the progress bar."""

SKIPPED = {
    Tally.NOT_IPV4: "not ipv4",
    Tally.NOT_UDP: "not udp",
    Tally.FRAGMENT: "ip fragment",
    Tally.NOT_MOLD: "not moldudp64",
    Tally.BAD_HEADER: "bad header",
    Tally.EMPTY_BLOCK: "empty block",
}
PROBLEMS = {
    Tally.LENGTH: damage.LENGTH,
    Tally.BLOCK: damage.BLOCK,
    Tally.TRAILING: damage.TRAILING,
    Tally.CUT_PACKET: damage.CUT_PACKET,
    Tally.IP_VERSION: damage.IP_VERSION,
    Tally.IP_HEADER: damage.IP_HEADER,
    Tally.IP_TOTAL: damage.IP_TOTAL,
    Tally.UDP_LENGTH: damage.UDP_LENGTH,
    Tally.AFTER_END: damage.AFTER_END,
}


@dataclass(frozen=True, eq=False)
class Datagrams:
    """The datagrams of a capture that carried the protocol.

    Attributes
    ----------
    records, offsets, sizes, sequences, blocks : (n_datagrams,) uint64
        Where the capture record starts, where the datagram does and how long it is [bytes], its
        sequence number, how many blocks it really held.
    """

    table: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.table)

    records = property(lambda self: self.table[:, 0])
    offsets = property(lambda self: self.table[:, 1])
    sizes = property(lambda self: self.table[:, 2])
    sequences = property(lambda self: self.table[:, 3])
    blocks = property(lambda self: self.table[:, 4])


@dataclass(frozen=True, eq=False)
class MessageIndex:
    """Where every message is.

    Attributes
    ----------
    offsets : (n_messages,) uint32 or uint64 [bytes]
        Of each message's first byte, in the decompressed stream.
    sizes : (n_messages,) uint16 [bytes]
    tags : (n_messages,) uint8
        The message's first byte: its type, known or not.
    numbers : (n_messages,) uint32, or None
        Number of the datagram that brought the message; None in a BinaryFILE.
    datagrams : Datagrams or None

    Notes
    -----
    Memory: owns its arrays; none of them looks into the feed.
    """

    offsets: NDArray[np.unsignedinteger]
    sizes: NDArray[np.uint16]
    tags: NDArray[np.uint8]
    numbers: NDArray[np.uint32] | None = None
    datagrams: Datagrams | None = None

    @classmethod
    def of(cls, arrays: list[NDArray[Any]], datagrams: Datagrams | None = None) -> MessageIndex:
        """Make an index of arrays in the order of its attributes."""
        offsets, sizes, tags, *numbers = arrays
        return cls(offsets, sizes, tags, numbers[0] if numbers else None, datagrams)

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take, per-datagram table left out [bytes]."""
        own = self.offsets.nbytes + self.sizes.nbytes + self.tags.nbytes
        return own + (0 if self.numbers is None else self.numbers.nbytes)

    def of_type(self, tag: int) -> NDArray[np.unsignedinteger]:
        """Return the offsets of all messages with a tag: allocates them."""
        chosen: NDArray[np.unsignedinteger] = self.offsets[self.tags == tag]
        return chosen


@parts.register
def _derived(index: MessageIndex) -> Iterator[Part]:
    for array in (index.offsets, index.sizes, index.tags, index.numbers):
        if array is not None:
            yield array_part("derived", array, 0)


def expected_sizes(protocol: Protocol) -> NDArray[np.uint16]:
    """Return the documented size by tag, 0 where there is no such message: (256,) uint16."""
    sizes = np.zeros(256, np.uint16)
    for message in protocol:
        if message.tag is not None:
            sizes[message.key] = message.size
    return sizes


class Scanner:
    """A scan of a capture that goes on where it stopped, and counts what it meets on the way."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.position = capture.start
        self.finished = False
        self._expected = expected_sizes(capture.protocol)
        self._tally = np.zeros(len(Tally), np.int64)
        self._problems = np.zeros((MAX_PROBLEMS, 4), np.int64)
        self._cut = False
        wide = capture.source.size > 0xFFFFFFFF
        self._offset_type = np.dtype(np.uint64 if wide else np.uint32)

    def room(self, messages: int) -> list[NDArray[Any]]:
        """Return arrays for `messages` entries: offsets, sizes, tags and, in a capture, numbers."""
        types: list[Any] = [self._offset_type, np.uint16, np.uint8]
        types += [np.uint32] if self.capture.record is not None else []
        return [np.empty(messages, each) for each in types]

    def next_packet(self) -> int:
        """Return how many messages the next packet can hold at most: a block has two bytes."""
        record, view = self.capture.record, self.capture.source.view
        if record is None or self.position + record.size > len(view):
            return 0
        return int(min(reader(record, "captured_length")(view, self.position), 0xFFFF)) // 2

    def frames(self, room: list[NDArray[Any]]) -> int:
        """Fill `room` from a BinaryFILE; return how many messages it now holds."""
        offsets, sizes, tags = room
        self.position, why, count = scan_frames(
            self.capture.source.data, self.position, self._expected, offsets, sizes, tags,
            self._problems, self._tally,
        )  # fmt: skip
        self._stop(why)
        return count

    def packets(
        self, room: list[NDArray[Any]], datagrams: NDArray[np.uint64], number: int, packets: int
    ) -> tuple[int, int]:
        """Fill `room` and `datagrams` from a capture; return how many of each there are now."""
        offsets, sizes, tags, numbers = room
        record = self.capture.record
        assert record is not None
        self.position, why, count, number = scan_packets(
            self.capture.source.data, self.position, packets, record.order == ">", self._expected,
            offsets, sizes, tags, numbers, datagrams, number, self._problems, self._tally,
        )  # fmt: skip
        self._stop(why)
        return count, number

    def _stop(self, why: int) -> None:
        self.finished = why in (CUT, END)
        self._cut = why == CUT

    def report(self, datagrams: int = 0) -> Report:
        """Return what the scan met so far."""
        tally = self._tally
        report = Report(int(tally[Tally.PACKETS]), datagrams)
        report.heartbeats, report.ends = int(tally[Tally.HEARTBEATS]), int(tally[Tally.ENDS])
        for reason, text in SKIPPED.items():
            if tally[reason]:
                report.skip(text, int(tally[reason]))
        found = int(tally[Tally.PROBLEMS])
        early = self.capture.damage
        rows = self._problems[: min(found, MAX_PROBLEMS - len(early))].tolist()
        kept = [Problem(at, PROBLEMS[kind], want, have) for kind, at, want, have in rows]
        report.problems = [*early, *kept]
        report.problems_total = found + len(early)
        if self._cut:
            report.truncated = self.position, self.capture.source.size - self.position
        return report


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
    Memory: allocates the index: 7 to 15 bytes a message, and 40 a datagram. Nothing is copied.
    """
    scanner = Scanner(capture)
    has_packets = capture.record is not None
    arrays = scanner.room(ROOM)
    table = np.empty((ROOM if has_packets else 0, 5), np.uint64)
    count = number = 0
    room: list[NDArray[Any]] = []
    while not scanner.finished:
        before = scanner.position
        room = [array[count : count + STEP] for array in arrays]
        if has_packets:
            more, number = scanner.packets(room, table, number, STEP)
        else:
            more = scanner.frames(room)
        count += more
        if progress is not None:
            progress(scanner.position, capture.source.size)
        done = (scanner.position - capture.start) / max(1, capture.source.size - capture.start)
        if count + ROOM > len(arrays[0]) or scanner.position == before:
            arrays = _grow(arrays, count, done)
        if has_packets and number == len(table):
            table = _grow([table], number, done)[0]
    del room  # arrays that are given back their spare room may have no views
    for array in arrays:
        array.resize(count, refcheck=False)
    table.resize((number, 5), refcheck=False)
    datagrams = Datagrams(table) if has_packets else None
    for array in (*arrays, table):
        array.flags.writeable = False
    return MessageIndex.of(arrays, datagrams), scanner.report(number)


def _grow(arrays: list[NDArray[Any]], used: int, done: float) -> list[NDArray[Any]]:
    # What was read so far says how much is to come, but a beginning says little: an even file of
    # 100 MB is copied once, one of gigabytes twice.
    wanted = int(max(used / max(done, 1 / 64) * 1.05, len(arrays[0]) * 1.25)) + ROOM
    grown = [np.empty((wanted, *array.shape[1:]), array.dtype) for array in arrays]
    for new, old in zip(grown, arrays, strict=True):
        new[:used] = old[:used]
    return grown
