"""The obvious decoder: slice, convert, put into a dictionary. Every other decoder must agree."""

from __future__ import annotations

import struct

from ..buffers import Buffer, as_view
from ..errors import TruncatedError
from ..spec import Message, WireType
from .layout import BYTE_ORDER, Value, absent, extent_of

__all__ = ["reference"]


def reference(
    message: Message, buffer: Buffer, at: int = 0, block: int | None = None
) -> dict[str, Value]:
    """Decode one message, field by field.

    Parameters
    ----------
    message : Message
    buffer : bytes-like
    at : int [bytes]
        Where the message starts.
    block : int, optional [bytes]
        How long its fixed part is, where it is the entry of a group. The header of an SBE message
        says that itself; other messages are as long as documented.

    Returns
    -------
    dict of str to int, float or bytes
        In wire order. Text keeps its padding. A field that an SBE message ends before reads as its
        null.

    Raises
    ------
    TruncatedError
        The buffer ends before the message does.

    Notes
    -----
    Memory: copies every field.
    """
    view = as_view(buffer)
    size = message.size if message.block < 0 else message.block
    if message.block >= 0 and at >= 0 and at + size <= len(view):
        size = extent_of(message)(view, at) if block is None else message.block + block
    if at < 0 or at + size > len(view):
        left = max(0, len(view) - at)
        raise TruncatedError(
            message.name, offset=at, expected=f"{size} bytes", found=left, buffer=view
        )
    values: dict[str, Value] = {}
    for field in message.fields:
        if field.constant is not None or field.end > size:
            values[field.name] = absent(field)
        else:
            piece = bytes(view[at + field.offset : at + field.end])
            values[field.name] = _value(field.type, piece, message.order)
    return values


def _value(kind: WireType, piece: bytes, order: str) -> Value:
    if kind.kind == "float":
        value: float = struct.unpack(order + ("f" if kind.size == 4 else "d"), piece)[0]
        return value
    if not kind.is_number:
        return piece
    return int.from_bytes(piece, BYTE_ORDER[order], signed=kind.kind == "int")
