"""Messages out of datagrams and out of files, in plain Python: what the kernels do, said slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .buffers import Buffer
from .codec.flyweight import reader
from .damage import PROBLEMS, SKIPPED
from .framing import expected_sizes, program_of, tag_reader
from .kernels import Tally
from .kernels.groups import message_size
from .report import Report
from .spec import Framing, Message, Protocol

__all__ = ["Bytes", "Cutter", "StreamCutter"]

Bytes = bytes | memoryview


class Fitter:
    """Knows how long a message of each type has to be.

    Parameters
    ----------
    framing : Framing
    protocol : Protocol
    """

    def __init__(self, framing: Framing, protocol: Protocol) -> None:
        self.framing, self.protocol = framing, protocol
        self.prefix = 0 if framing.prefix is None else framing.prefix.size
        self._head = 1 if protocol.head is None else protocol.head.size
        self._sizes: list[int] = expected_sizes(protocol).tolist() if protocol.head is None else []
        self._tag = tag_reader(protocol)
        self._grows, self._is_fixed = protocol.may_grow, protocol.head is None
        if framing.prefix is not None:
            self._length = reader(framing.prefix, "length")
        if protocol.head is not None:
            self._block_length = reader(protocol.head, "block_length")

    def fits(self, piece: Bytes, start: int, stop: int, base: int, report: Report) -> bool:
        """Whether a message's length agrees with what it is; report it if not."""
        size = stop - start
        if size and self._is_fixed and self._sizes[piece[start]] == size:
            return True  # nearly every message there is
        if not size:
            report.skip(SKIPPED[Tally.EMPTY_BLOCK])
            return False
        needed = self._head if size < self._head else self._needed(piece, start, size)
        if needed != size:
            report.note(base + start, PROBLEMS[Tally.LENGTH], needed, size)
        return needed == size

    def knows(self, message: Bytes) -> bool:
        """Whether a message is of a documented type; where a schema is missing, all are."""
        return not self._is_fixed or bool(self._sizes[message[0]])

    def _needed(self, piece: Bytes, start: int, size: int) -> int:
        if self.protocol.head is not None:
            block: int = self._block_length(piece, start)
            return max(size, self._head + block)
        documented: int = self._sizes[self._tag(piece, start)]
        if documented == 0 or (self._grows and documented <= size):
            return size
        return documented


class Cutter(Fitter):
    """Cuts datagrams into messages.

    Attributes
    ----------
    found : int
        How many messages there were in the last one, empty and damaged ones too.
    """

    def __init__(self, framing: Framing, protocol: Protocol) -> None:
        super().__init__(framing, protocol)
        self.found = 0
        header = framing.header
        assert header is not None
        self.header = header.size
        self._sequence = self._of(header, framing.sequence)
        self._count = self._of(header, framing.count)
        self._payload = self._of(header, framing.payload)
        self._checks = [(reader(header, name), v) for name, v in framing.fixed.items()]
        self._texts = [reader(header, f.name) for f in header.fields if f.type.kind == "alpha"]
        self._program = program_of(framing, protocol)
        if protocol.head is not None:
            self._schema = reader(protocol.head, "schema_id")

    @staticmethod
    def _of(header: Message, name: str) -> Callable[[Buffer, int], int] | None:
        return reader(header, name) if name else None

    def accepts(self, datagram: Bytes) -> bool:
        """Whether a datagram is of this framing and protocol."""
        if len(datagram) < self.header:
            return False
        if any(read(datagram, 0) != value for read, value in self._checks):
            return False
        if not all(map(_is_text, (bytes(read(datagram, 0)) for read in self._texts))):
            return False
        if self.protocol.schema_id is None:
            return True
        at = self.header + self.prefix  # an SBE datagram carries at least one message, of its own
        return at + self._head <= len(datagram) and (
            self._schema(datagram, at) == self.protocol.schema_id
        )

    def sequence(self, datagram: Buffer, at: int = 0) -> int:
        """Return the sequence number of the datagram at an offset; 0 where there is none."""
        return 0 if self._sequence is None else self._sequence(datagram, at)

    def count(self, datagram: Buffer, at: int = 0) -> int | None:
        """Return how many messages the header of a datagram promises; None if it does not say."""
        if self._count is None:
            return None
        count = self._count(datagram, at)
        return 0 if count == self.framing.end else count

    def _size_of_payload(self, datagram: Buffer, at: int) -> int | None:
        if self._payload is None:
            return None
        return self._payload(datagram, at) - self.framing.payload_counted

    def note_header(self, datagram: Bytes, report: Report) -> None:
        """Count the datagram, and the heartbeat or end of session that it may be."""
        report.datagrams += 1
        if self._count is not None:
            count = self._count(datagram, 0)
            report.heartbeats += count == 0
            report.ends += count == self.framing.end

    def blocks(self, datagram: Buffer, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield where each message starts and ends, empty ones and damaged ones too.

        It ends before one that runs past `stop`; offsets count in `datagram`.
        """
        at, left = start + self.header, self.count(datagram, start)
        payload = self._size_of_payload(datagram, start)
        if payload is not None and 0 <= payload < stop - at:
            stop = at + payload
        while left != 0 and (left is not None or at < stop):
            body, size = self._next(datagram, at, stop)
            if body > stop or size < (self.prefix == 0) or body + size > stop:
                return
            at = body + size
            yield body, at
            left = None if left is None else left - 1

    def _next(self, datagram: Buffer, at: int, stop: int) -> tuple[int, int]:
        # Where the message begins whose prefix is at `at`, and its size: below 0 if impossible.
        body = at + self.prefix
        if self._program is not None:
            return at, message_size(np.frombuffer(datagram, np.uint8), at, stop, self._program)
        size = self._length(datagram, at) - self.framing.counted if body <= stop else -1
        return body, size

    def bounds(
        self, datagram: Bytes, full: int, base: int, report: Report
    ) -> list[tuple[int, int]]:
        """Return where each message of a datagram starts and ends, and report the damage.

        Parameters
        ----------
        datagram : bytes-like
        full : int [bytes]
            How long it is documented to be: more than there is, if the capture cut it.
        base : int [bytes]
            Where it lies in the feed.
        report : Report

        Notes
        -----
        A message whose length contradicts its type is reported and left out.
        """
        end = stop = len(datagram)
        cut, at = full > end, self.header
        payload = self._size_of_payload(datagram, 0)
        if payload is not None and 0 <= payload <= stop - at:
            stop = at + payload
        elif payload is not None and not cut:
            report.note(base, PROBLEMS[Tally.PAYLOAD], payload, stop - at)
        kept, found = [], 0
        for start, at in self.blocks(datagram, 0, len(datagram)):
            found += 1
            if self.fits(datagram, start, at, base, report):
                kept.append((start, at))
        self.found = found
        count = self.count(datagram)
        if (found != count and at < stop) or (count is not None and found < count):
            if not cut:
                self._report_overrun(datagram, at, stop, base, report)
        elif at < stop:
            report.note(base + at, PROBLEMS[Tally.TRAILING], 0, stop - at)
        if stop < end:
            report.note(base + stop, PROBLEMS[Tally.TRAILING], 0, end - stop)
        return kept

    def _report_overrun(
        self, datagram: Bytes, at: int, stop: int, base: int, report: Report
    ) -> None:
        if self.prefix == 0:
            _, size = self._next(datagram, at, stop)
            least = stop - at + 1 if size else self._head
            report.note(base + at, PROBLEMS[Tally.GROUP], least, stop - at)
        elif at + self.prefix > stop:
            report.note(base + at, PROBLEMS[Tally.BLOCK], self.prefix, stop - at)
        else:
            body, size = self._next(datagram, at, stop)
            report.note(base + at, PROBLEMS[Tally.BLOCK], size, stop - body)


class StreamCutter(Fitter):
    """Cuts a file of messages, one after another, each after its length."""

    def frames(self, view: Buffer, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield where each frame starts, where its message does, and where it ends.

        It ends before a frame that is not all there, and at the end of the session.
        """
        counted, carriers = self.framing.counted, self.framing.carriers
        body = at + self.prefix - counted
        while body <= stop:
            size = self._length(view, at)
            if body + size > stop or not (size or carriers):
                return
            yield at, min(body + counted, body + size), body + size
            at = body + size
            body = at + self.prefix - counted

    def promises(self, view: Buffer, at: int, stop: int) -> bool:
        """Whether the message at an offset, of which not all is there, has a fitting length."""
        body = at + self.prefix
        size = self._length(view, at) - self.framing.counted if body < stop else 0
        return size > 0 and self._sizes[self._tag(view, body)] == size

    def knows_packets(self, view: Buffer) -> bool:
        """Whether every packet of a file is one of the session's own, and one is a heartbeat."""
        if not self.framing.carriers or self.framing.prefix is None:
            return False
        kind = self.framing.prefix["packet_type"]
        read = reader(self.framing.prefix, kind.name)
        frames = self.frames(view, 0, len(view))  # type: ignore[arg-type]
        kinds = {read(view, at) if stop - at >= self.prefix else b"" for at, _, stop in frames}
        return kinds <= kind.codes.keys() and not kinds.isdisjoint((b"H", b"R", b"Z"))

    def ends_at(self, view: Buffer, at: int, stop: int) -> bool:
        """Whether the length at an offset ends the session."""
        return not self.framing.carriers and at + self.prefix <= stop and not self._length(view, at)

    def bounds(self, piece: Bytes, base: int, report: Report) -> list[tuple[int, int]]:
        """Return where each message of a piece of whole frames starts and ends; report damage."""
        frames = self.frames(piece, 0, len(piece))
        return [
            (start, stop)
            for at, start, stop in frames
            if self._carries(piece, at, stop, base, report)
            and self.fits(piece, start, stop, base, report)
        ]

    def _carries(self, piece: Bytes, at: int, stop: int, base: int, report: Report) -> bool:
        carriers = self.framing.carriers
        if not carriers:
            return True
        kind = at + self.prefix - self.framing.counted
        if kind == stop:
            report.note(base + at, PROBLEMS[Tally.BLOCK], self.framing.counted, 0)
            return False
        letter = piece[kind : kind + 1]
        if letter in (b"H", b"R"):
            report.heartbeats += 1
        elif letter == b"Z":
            report.ends += 1
        elif bytes(letter) not in carriers:
            report.skip(SKIPPED[Tally.SESSION])
        return bytes(letter) in carriers


def _is_text(text: bytes) -> bool:
    text = text.rstrip(b"\0")
    return text.isascii() and text.decode().isprintable()
