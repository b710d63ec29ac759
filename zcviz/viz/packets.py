"""The packets of a feed as a reader picks them: their bytes, their messages, every field.

A file of messages has no packets; `FRAMES` messages stand in for one, as they do in a pipeline that
is stepped. Nothing of a packet is looked at before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..codec import reference
from ..dissection import dissect
from ..errors import SelectionError
from ..feed import Feed
from ..records import open_records
from ..render import printable, size_text
from ..spec import Message
from ..walk import FRAMES
from .hexdump import Row, hexmap
from .meaning import value_text
from .model import Segment
from .theme import short_title_of, title_of

__all__ = ["BATCH", "MOST", "Layer", "Packet", "Packets"]

MOST = 256
"""Messages that a picture has room for, and a list."""

BATCH = 16
"""Packets that are sent together where a batch is wanted."""

_PIECES = 2  # in a file without packets, where each has FRAMES messages
_LAYERS = 40  # headers and messages of a packet whose fields are read


@dataclass(frozen=True, slots=True)
class Layer:
    """One header or message of a packet, and its fields.

    Attributes
    ----------
    title : str
    start, end : int [bytes]
        Where it is in the feed.
    message : int or None
        Its position in the packet, if it is a message.
    rows : tuple of Row
        Its fields; their offsets count from `start`.
    """

    title: str
    start: int
    end: int
    message: int | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, eq=False)
class Packet:
    """One packet of a feed, or several in a row.

    Attributes
    ----------
    feed : Feed
    number : int
        Of the first one, counted from 0.
    count, size : int
        How many there are, and how many there would be if the feed did not end.
    start, end : int [bytes]
        Its bytes in the feed, with the header of the capture record.
    starts : tuple of int
        Where each of the packets starts.
    messages : range
        Its messages; positions in ``feed.index``.
    """

    feed: Feed
    number: int
    count: int
    size: int
    start: int
    end: int
    starts: tuple[int, ...]
    messages: range

    def bounds(self, message: int) -> tuple[int, int]:
        """Return where a message of it, counted from 0, starts and ends in the feed [bytes]."""
        index, position = self.feed.index, self.messages[message]
        start = int(index.offsets[position])
        return start, start + int(index.sizes[position])

    def table(self, message: int) -> Message | None:
        """Return the specification of a message; None if its type is not known."""
        return self._tables.get(int(self.feed.index.tags[self.messages[message]]))

    @cached_property
    def _tables(self) -> dict[int, Message]:
        return {each.key: each for each in self.feed.protocol if each.tag is not None}

    def title(self, message: int) -> str:
        """Return what a message is, and of which security."""
        table = self.table(message)
        if table is None:
            return "message of an unknown type"
        symbol = self._symbol(table, message)
        return f"{title_of(table)} {symbol}".rstrip()

    def _symbol(self, table: Message, message: int) -> str:
        protocol, (start, end) = self.feed.protocol, self.bounds(message)
        if protocol.symbol in table.by_name and end - start >= table.size:
            field = table[protocol.symbol]
            value = reference(table, bytes(self.feed.source.view[start : start + table.size]))
            return value_text(field, value[protocol.symbol]).rstrip("·")
        if protocol.locate in table.by_name and end - start >= table[protocol.locate].end:
            at = start + table[protocol.locate].offset
            size = table[protocol.locate].type.size
            locate = int.from_bytes(self.feed.source.view[at : at + size])
            return printable(self.feed.symbols.get(locate, ""))
        return ""

    @property
    def unit(self) -> str:
        """What it is called: a packet, or a piece of a file that has none."""
        several = self.count > 1
        if self.feed.capture.records is None:
            return "pieces" if several else "piece"
        return "packets" if several else "packet"

    def layers(self, message: int | None) -> tuple[Layer, ...]:
        """Return the headers and messages of the packet of a message, with their fields."""
        if message is None:
            return ()
        own = {self.bounds(each)[0]: each for each in range(min(MOST, len(self.messages)))}
        own[self.bounds(message)[0]] = message
        dissection = dissect(self.feed, self.messages[message])
        made: list[Layer] = []
        for table, low in dissection.layers:
            at = dissection.offset + low
            number = None if table.tag is None else own.get(at)
            if len(made) >= _LAYERS and number != message:
                continue
            end = self.bounds(number)[1] if number is not None else min(at + table.size, self.end)
            piece = self.feed.source.view[at : min(end, at + table.size)]
            rows = hexmap(piece, [(table, 0)]).rows
            made.append(Layer(title_of(table), at, end, number, rows))
        return tuple(made)

    def segments(self, message: int | None) -> Sequence[Segment]:
        """Return what its bytes are: headers and messages; packets, where there are several."""
        if self.count > 1 and self.feed.capture.records is not None:
            return self._packets()
        own = self._messages()
        found = sorted([*own, *self._around(own, message)], key=lambda each: each.start)
        return found or [Segment(self.start, self.end, f"{self.unit} without a message")]

    def _messages(self) -> list[Segment]:
        # Each message; all as one where they are too many to be told apart.
        number = len(self.messages)
        if number > MOST:
            start, end = self.bounds(0)[0], self.bounds(number - 1)[1]
            return [Segment(start, end, f"{number:,} messages")]
        own = []
        for each in range(number):
            (start, end), table = self.bounds(each), self.table(each)
            short = short_title_of(table) if table else "?"
            own.append(Segment(start, end, self.title(each), short, each))
        return own

    def _around(self, messages: Sequence[Segment], followed: int | None) -> Iterator[Segment]:
        # The headers of the packet; of a file without, the length before each message.
        prefix = self.feed.capture.framing.prefix
        if self.feed.capture.records is None and prefix is not None:
            for each in messages:
                yield Segment(each.start - prefix.size, each.start, title_of(prefix), "")
        elif followed is not None:
            dissection = dissect(self.feed, self.messages[followed])
            for table, low in dissection.layers:
                at = dissection.offset + low
                end = min(at + table.size, self.end)
                within = len(self.messages) > MOST and at >= messages[0].start
                if table.tag is None and at < end and not within:
                    yield Segment(at, end, title_of(table), short_title_of(table))

    def _packets(self) -> list[Segment]:
        starts, offsets = (*self.starts, self.end), self.feed.index.offsets
        firsts = np.searchsorted(offsets, starts) - self.messages.start
        found = []
        for number, low, high in zip(range(self.count), starts, starts[1:], strict=False):
            carries = firsts[number] < firsts[number + 1]
            first = int(firsts[number]) if carries else None
            name = f"packet {self.number + number + 1:,}"
            found.append(Segment(low, high, name, f"{self.number + number + 1}", first))
        return found


class Packets:
    """All packets of a feed, by number.

    Parameters
    ----------
    feed : Feed

    Notes
    -----
    Memory: keeps nothing of the feed but a reference to it.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.has_packets = feed.capture.records is not None

    def __len__(self) -> int:
        if self.has_packets:
            return self.feed.report.packets
        return (len(self.feed) + FRAMES - 1) // FRAMES

    def of_message(self, message: int) -> int:
        """Return which packet brought a message.

        Raises
        ------
        SelectionError
            There is no such message.
        """
        if not 0 <= message < len(self.feed):
            raise SelectionError(
                f"there is no message {message:,}: {self.feed.name} holds {len(self.feed):,} of "
                "them, counted from 0"
            )
        datagrams = self.feed.index.datagrams
        if datagrams is None:
            return message // FRAMES
        datagram = int(datagrams.of_messages(message))
        record = int(datagrams.offsets[datagram]) - int(datagrams.before_record[datagram])
        return int(sum(int(np.sum(rows[:, 0] < record)) for rows in self._rows()))

    def size_of(self, batch: bool) -> int:
        """Return how many packets are sent together."""
        if not batch:
            return 1
        return BATCH if self.has_packets else _PIECES

    def packet(self, number: int, *, batch: bool = False) -> Packet:
        """Return a packet, or the batch that it is in.

        Raises
        ------
        SelectionError
            There is no such packet.
        BufferLifetimeError
            The feed is closed.
        """
        self.feed._check_open()
        if not 0 <= number < len(self):
            what = "packet" if self.has_packets else "piece"
            raise SelectionError(f"{what} {number + 1:,} of {len(self):,}")
        size = self.size_of(batch)
        first = number - number % size
        make = self._of_records if self.has_packets else self._of_stream
        return make(first, min(size, len(self) - first), size)

    def _rows(self) -> Any:
        records = open_records(self.feed.source)
        room = np.empty((1 << 12, 5), np.int64)
        while records is not None and not records.finished:
            yield room[: records.scan(room)]

    def _of_records(self, first: int, count: int, size: int) -> Packet:
        found, passed = [], 0
        for rows in self._rows():
            low, high = max(0, first - passed), first + count - passed
            found += rows[low : max(low, high)].tolist()
            passed += len(rows)
            if len(found) >= count:
                break
        if not found:
            raise SelectionError(f"packet {first + 1:,} is not there")
        start, end = found[0][0], max(row[2] for row in found)
        low, high = np.searchsorted(self.feed.index.offsets, [start, end]).tolist()
        starts = tuple(row[0] for row in found)
        return Packet(self.feed, first, len(found), size, start, end, starts, range(low, high))

    def _of_stream(self, first: int, count: int, size: int) -> Packet:
        index, prefix = self.feed.index, self.feed.capture.framing.prefix
        assert prefix is not None
        messages = range(first * FRAMES, min((first + count) * FRAMES, len(index)))
        starts = tuple(int(index.offsets[at]) - prefix.size for at in messages[::FRAMES])
        last = messages[-1]
        end = int(index.offsets[last]) + int(index.sizes[last])
        return Packet(self.feed, first, count, size, starts[0], end, starts, messages)

    @property
    def heading(self) -> str:
        """What the feed is, in words."""
        what = "packet" if self.has_packets else "piece"
        more = "" if self.has_packets else f" of {FRAMES} messages"
        number = f"{len(self):,} {what}{'' if len(self) == 1 else 's'}{more}"
        return f"{printable(self.feed.name)}, {size_text(self.feed.source.size)}, {number}"
