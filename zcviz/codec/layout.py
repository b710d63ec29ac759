"""What `struct` can read of a message in one call, and what has to be put together after it.

`struct` has no 48-bit integer: such a field is read as two (its halves, in wire order) and joined.
Constants take no bytes and are left out.

The fixed part of an SBE message or entry is as long as the wire says. Fields that end beyond it are
absent, and read as `absent` says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import itemgetter
from struct import Struct
from typing import Literal

from ..buffers import Buffer
from ..spec import Field, Message

__all__ = [
    "BYTE_ORDER",
    "HALVES",
    "Value",
    "absent",
    "codes_of",
    "extent_of",
    "numbers_of",
    "on_wire",
    "struct_of",
]

Value = int | float | bytes

_NUMBERS = {
    ("uint", 1): "B", ("uint", 2): "H", ("uint", 4): "I", ("uint", 8): "Q",
    ("int", 1): "b", ("int", 2): "h", ("int", 4): "i", ("int", 8): "q",
    ("float", 4): "f", ("float", 8): "d",
}  # fmt: skip
BYTE_ORDER: dict[str, Literal["big", "little"]] = {">": "big", "<": "little"}
HALVES = {">": "HI", "<": "IH"}  # high half first, or low half first


def codes_of(field: Field, order: str) -> str:
    """Return the `struct` codes that read `field`: two for a 48-bit integer, else one."""
    if not field.type.is_number:
        return f"{field.type.size}s"
    if field.type.size == 6:
        return HALVES[order]
    return _NUMBERS[field.type.kind, field.type.size]


@cache
def on_wire(message: Message) -> tuple[Field, ...]:
    """Return the fields that take bytes."""
    return tuple(field for field in message.fields if field.constant is None)


@cache
def struct_of(message: Message, count: int | None = None) -> tuple[Struct, tuple[int, ...]]:
    """Return the `struct.Struct` of a message and the positions of values split in halves.

    With `count`, of its first fields on the wire only. Bytes after the last field are not read.
    """
    codes, halves, position = [], [], 0
    for field in on_wire(message)[:count]:
        code = codes_of(field, message.order)
        if code in HALVES.values():
            halves.append(position)
        position += len(code) if code in HALVES.values() else 1
        codes.append(f"{field.padding}x{code}" if field.padding else code)
    return Struct(message.order + "".join(codes)), tuple(halves)


@cache
def numbers_of(
    message: Message, names: tuple[str, ...]
) -> Callable[[Buffer, int], tuple[int, ...]]:
    """Compile a function that reads some integers of a header at once: (buffer, at) -> values."""
    fields = sorted((message[name] for name in names), key=lambda field: field.offset)
    codes, at = "", 0
    for field in fields:
        codes += f"{field.offset - at}x{codes_of(field, message.order)}"
        at = field.end
    unpack = Struct(message.order + codes).unpack_from
    if fields == [message[name] for name in names]:
        return unpack
    places = [fields.index(message[name]) for name in names]
    return lambda buffer, at: itemgetter(*places)(unpack(buffer, at))


def absent(field: Field) -> Value:
    """Return what a field reads as where the message ends before it: its constant, or its null."""
    if field.constant is not None:
        return field.constant
    if field.null is not None:
        return field.null
    return 0 if field.flags else field.type.null


@cache
def extent_of(message: Message) -> Callable[[Buffer, int], int]:
    """Compile a function that says how many bytes of an SBE message its fixed part takes.

    Of a group's entry, the message itself does not say: the documented size.
    """
    start, size = message.block, message.size
    if not start:
        return lambda buffer, at: size
    read = numbers_of(message, ("block_length",))
    return lambda buffer, at: start + read(buffer, at)[0]
