"""The copying decoder: one `struct` call a message, one owning named tuple as the result."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from functools import cache
from typing import Any

from ..buffers import Buffer
from ..spec import Message
from .layout import struct_of

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
        Integers as `int`, text as `bytes` with its padding. It raises `struct.error` where fewer
        than ``message.size`` bytes follow `at`; callers check bounds once, for many messages.

    Notes
    -----
    Memory: a record owns its values; nothing of the buffer is kept.
    """
    layout, halves = struct_of(message)
    unpack = layout.unpack_from
    make: Callable[..., Record] = class_of(message)._make  # type: ignore[attr-defined]
    big = message.order == ">"
    if not halves:
        return lambda buffer, at=0: make(unpack(buffer, at))
    if len(halves) == 1 and big:  # every ITCH message: worth its own, faster, form
        split = halves[0]

        def decode(buffer: Buffer, at: int = 0) -> Record:
            raw = unpack(buffer, at)
            joined = (raw[split] << 32) | raw[split + 1]
            return make((*raw[:split], joined, *raw[split + 2 :]))

        return decode

    def decode_any(buffer: Buffer, at: int = 0) -> Record:
        raw = list(unpack(buffer, at))
        for split in reversed(halves):
            high, low = raw[split : split + 2] if big else raw[split : split + 2][::-1]
            raw[split : split + 2] = [(high << 32) | low]
        return make(raw)

    return decode_any
