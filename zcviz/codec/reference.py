"""The obvious decoder: slice, convert, put into a dictionary. Every other decoder must agree."""

from __future__ import annotations

from ..buffers import Buffer, as_view
from ..errors import TruncatedError
from ..spec import Message

__all__ = ["reference"]


def reference(message: Message, buffer: Buffer, at: int = 0) -> dict[str, int | bytes]:
    """Decode one message, field by field.

    Parameters
    ----------
    message : Message
    buffer : bytes-like
    at : int [bytes]
        Where the message starts.

    Returns
    -------
    dict of str to int or bytes
        In wire order. Text keeps its padding.

    Raises
    ------
    TruncatedError
        Fewer than ``message.size`` bytes follow `at`.

    Notes
    -----
    Memory: copies every field.
    """
    view = as_view(buffer)
    if at < 0 or at + message.size > len(view):
        left = max(0, len(view) - at)
        raise TruncatedError(
            message.name, offset=at, expected=f"{message.size} bytes", found=left, buffer=view
        )
    values: dict[str, int | bytes] = {}
    for field in message.fields:
        piece = bytes(view[at + field.offset : at + field.end])
        if field.type.is_number:
            order = "big" if message.order == ">" else "little"
            signed = field.type.kind == "int"
            values[field.name] = int.from_bytes(piece, order, signed=signed)  # type: ignore[arg-type]
        else:
            values[field.name] = piece
    return values
