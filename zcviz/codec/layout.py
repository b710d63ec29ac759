"""What `struct` can read of a message in one call, and what has to be put together after it.

`struct` has no 48-bit integer: such a field is read as two (its halves, in wire order) and joined.
"""

from __future__ import annotations

from functools import cache
from struct import Struct

from ..spec import Field, Message

__all__ = ["HALVES", "codes_of", "struct_of"]

_INTEGERS = {1: "B", 2: "H", 4: "I", 8: "Q"}
HALVES = {">": "HI", "<": "IH"}  # high half first, or low half first


def codes_of(field: Field, order: str) -> str:
    """Return the `struct` codes that read `field`: two for a 48-bit integer, else one."""
    if not field.type.is_number:
        return f"{field.type.size}s"
    if field.type.size == 6:
        return HALVES[order]
    code = _INTEGERS[field.type.size]
    return code if field.type.kind == "uint" else code.lower()


@cache
def struct_of(message: Message) -> tuple[Struct, tuple[int, ...]]:
    """Return the `struct.Struct` of a message and the positions of values split in halves."""
    codes, halves, position = [], [], 0
    for field in message.fields:
        code = codes_of(field, message.order)
        if code in HALVES.values():
            halves.append(position)
        position += len(code) if code in HALVES.values() else 1
        codes.append(code)
    return Struct(message.order + "".join(codes)), tuple(halves)
