"""The pipelines that walk: packet by packet, message by message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import getitem
from typing import Any

from ..buffers import Buffer
from ..codec.flyweight import Flyweight, view_of
from ..codec.record import Record, record_of
from ..framing import tag_reader
from ..spec import Protocol
from ..summary import Accumulator, Summary
from ..trace.ledger import Part, parts, wire_buffer
from ..walk import Bytes
from .inputs import Input
from .stage import Stage

__all__ = ["Aim", "copying_stages", "flyweight_stages", "slicing_stages"]


class Aim(Sequence[Flyweight]):
    """Messages in a buffer, each reached by moving one flyweight a type.

    Iterating or indexing gives the *same* object again and again, aimed elsewhere: keep one with
    ``to_record()``.

    Notes
    -----
    Memory: view of `buffer`, keeps it alive; owns only the bounds.
    """

    def __init__(
        self,
        buffer: Buffer,
        bounds: list[tuple[int, int]],
        views: dict[int, Flyweight],
        tag_of: Callable[[Any, int], int] = getitem,
    ) -> None:
        self.buffer = buffer
        self.bounds = bounds
        self._views = views
        self._tag_of = tag_of

    def __len__(self) -> int:
        return len(self.bounds)

    def __getitem__(self, position: Any) -> Any:
        at, stop = self.bounds[position]
        view = self._views.get(self._tag_of(self.buffer, at))
        return None if view is None else view.wrap(self.buffer, at, stop - at)

    def each(self) -> Iterator[tuple[int, Flyweight | None]]:
        """Yield (tag, view) of every message; None for a type that the tables do not know."""
        buffer, views, tag_of = self.buffer, self._views, self._tag_of
        for start, stop in self.bounds:
            tag = tag_of(buffer, start)
            view = views.get(tag)
            yield tag, None if view is None else view.wrap(buffer, start, stop - start)


@parts.register
def _views(messages: Aim) -> Iterator[Part]:
    whole = wire_buffer(messages.buffer)
    assert whole.address is not None
    for start, stop in messages.bounds:
        yield Part("wire", stop - start, whole.address + start, stop - start)
    yield Part("derived", 16 * len(messages.bounds))  # a start and an end for each


class _Walk:
    # State and first stages that all of these pipelines share.

    def __init__(self, source: Input, *, copies: bool) -> None:
        self.walker = source.walking(copies=copies)
        self.accumulator = Accumulator(source.protocol)
        self.done = 0
        self._tag_of = tag_reader(source.protocol)

    def let_go(self) -> None:
        pass  # a stage hands on what it made, and keeps nothing of it

    def result(self) -> Summary:
        return self.accumulator.result()


class _Records(_Walk):
    # Cuts, then a record for each message.

    def __init__(self, source: Input, *, copies: bool) -> None:
        super().__init__(source, copies=copies)
        self._decoders = _by_tag(source.protocol, record_of)
        made = "copies" if copies else "views"
        self.stages = (
            *self.walker.cuts,
            Stage("message", f"Takes each message out: {made} of its bytes.", self._messages),
            Stage("record", "Decodes every field into an owning record.", self._records),
            Stage("summary", "Adds the records up.", self._add),
        )

    def _messages(self, piece: Bytes) -> list[Bytes]:
        messages = self.walker.messages(piece)
        self.done += len(messages)
        return messages

    def _records(self, messages: list[Bytes]) -> list[tuple[int, Record | None]]:
        decoders, tag_of = self._decoders, self._tag_of
        records: list[tuple[int, Record | None]] = []
        for message in messages:
            tag = tag_of(message, 0)
            decode = decoders.get(tag)
            records.append((tag, None if decode is None else decode(message)))
        return records

    def _add(self, records: list[tuple[int, Record | None]]) -> Accumulator:
        self.accumulator.add(records)
        return self.accumulator


class _Moving(_Walk):
    # Cuts that copy nothing, then offsets only, then one view that moves over the messages.

    def __init__(self, source: Input) -> None:
        super().__init__(source, copies=False)
        self._views: dict[int, Flyweight] = _by_tag(source.protocol, lambda m: view_of(m)())
        self.stages = (
            *self.walker.cuts,
            Stage("message", "Notes where each message starts and ends.", self._aim),
            Stage("summary", "Moves one view a type over them, reads what it adds up.", self._add),
        )

    def let_go(self) -> None:
        for view in self._views.values():
            view.revoke()

    def _aim(self, piece: Bytes) -> Aim:
        bounds = self.walker.bounds(piece)
        self.done += len(bounds)
        return Aim(piece, bounds, self._views, self._tag_of)

    def _add(self, messages: Aim) -> Accumulator:
        self.accumulator.add(messages.each())
        return self.accumulator


def _by_tag(protocol: Protocol, make: Callable[[Any], Any]) -> dict[int, Any]:
    return {message.key: make(message) for message in protocol if message.tag is not None}


def copying_stages(source: Input, stepped: int) -> _Records:
    """Cut with `bytes` slices: each is a copy."""
    return _Records(source, copies=True)


def slicing_stages(source: Input, stepped: int) -> _Records:
    """Make the same cuts with memoryview slices: each is an object, and none is a copy."""
    return _Records(source, copies=False)


def flyweight_stages(source: Input, stepped: int) -> _Moving:
    """Make views of packets, and move one view a type from message to message."""
    return _Moving(source)
