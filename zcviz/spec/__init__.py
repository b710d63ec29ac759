"""A protocol as frozen data: wire types, fields, messages.

A table is written in wire order, one field a line, exactly as the exchange's document lists it.
Offsets are derived from that order and checked against the documented size, so a slip of the pen
is found when the table is imported. Everything that reads or writes bytes (``zcviz.codec``) is a
function of these tables, and so is their documentation (``zcviz.tables``).
"""

from .fields import (
    Field,
    WireType,
    alpha,
    char,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    raw,
    u8,
    u16,
    u32,
    u48,
    u64,
)
from .framing import Framing
from .message import Group, Message, VarData, tag_text
from .protocol import Protocol

__all__ = [
    "Field",
    "Framing",
    "Group",
    "Message",
    "Protocol",
    "VarData",
    "WireType",
    "alpha",
    "char",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "raw",
    "tag_text",
    "u8",
    "u16",
    "u32",
    "u48",
    "u64",
]
