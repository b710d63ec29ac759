"""The copying decoder: one `struct` call a message, one owning named tuple as the result."""

from __future__ import annotations

from bisect import bisect_right
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ..buffers import Buffer
from ..spec import Message
from .layout import absent, extent_of, on_wire, struct_of

__all__ = ["Record", "class_of", "record_of"]

Record = tuple[Any, ...]


@cache
def class_of(message: Message) -> type[Record]:
    """Return the named tuple class that records of `message` are made of.

    The class carries the specification as ``__zcviz_message__``.
    """
    names = [field.name for field in message.fields]
    base = namedtuple(message.class_name, names)  # type: ignore[misc]
    body = {
        "__slots__": (),
        "__doc__": f"{message.class_name}: {message.source}.",
        "__zcviz_message__": message,
    }
    return type(message.class_name, (base,), body)


@cache
def record_of(message: Message) -> Callable[..., Record]:
    """Compile a decoder of one message type.

    Returns
    -------
    callable (buffer, at=0) -> named tuple
        Numbers as `int` and `float`, text as `bytes` with its padding. It raises `struct.error`
        where the fields reach beyond the buffer; callers check bounds once, for many messages.
        Of SBE messages, it is callable (buffer, at=0, block=None), `block` being the length of a
        group's entry; fields that the message ends before have their null.

    Notes
    -----
    Memory: a record owns its values; nothing of the buffer is kept.
    """
    layout, halves = struct_of(message)
    unpack = layout.unpack_from
    make: Callable[..., Record] = class_of(message)._make  # type: ignore[attr-defined]
    big = message.order == ">"
    if message.block >= 0:
        return _of_block(message, make)
    if not halves:
        return lambda buffer, at=0: make(unpack(buffer, at))
    if len(halves) == 1 and big:  # every ITCH message: worth its own, faster, form
        split = halves[0]

        def decode(buffer: Buffer, at: int = 0) -> Record:
            raw = unpack(buffer, at)
            joined = (raw[split] << 32) | raw[split + 1]
            return make((*raw[:split], joined, *raw[split + 2 :]))

        return decode
    return lambda buffer, at=0: make(_joined(unpack(buffer, at), halves, big))


def _joined(raw: Sequence[Any], halves: Sequence[int], big: bool) -> Sequence[Any]:
    values = list(raw)
    for split in reversed(halves):
        high, low = values[split : split + 2] if big else values[split : split + 2][::-1]
        values[split : split + 2] = [(high << 32) | low]
    return values


def _of_block(message: Message, make: Callable[..., Record]) -> Callable[..., Record]:
    # As many fields as the wire says; the others, and constants, are there already.
    ends = [field.end for field in on_wire(message)]
    places = [i for i, field in enumerate(message.fields) if field.constant is None]
    template = [absent(field) for field in message.fields]
    layout, halves = struct_of(message)
    plain = len(places) == len(template) and not halves
    extent, start, big = extent_of(message), message.block, message.order == ">"

    def decode(buffer: Buffer, at: int = 0, block: int | None = None) -> Record:
        size = extent(buffer, at) if block is None else start + block
        whole = not ends or size >= ends[-1]
        if whole and plain:
            return make(layout.unpack_from(buffer, at))
        form, split = struct_of(message, None if whole else bisect_right(ends, size))
        raw: Sequence[Any] = form.unpack_from(buffer, at)
        values = template.copy()
        for place, value in zip(places, _joined(raw, split, big), strict=False):  # those present
            values[place] = value
        return make(values)

    return decode
