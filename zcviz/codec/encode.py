"""Values to bytes: the inverse of the decoders, for samples and round trips."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SpecError
from ..spec import Message
from .layout import struct_of

__all__ = ["encode", "encode_into"]


def encode(message: Message, **values: int | bytes) -> bytes:
    """Return the bytes of one message.

    Parameters
    ----------
    message : Message
    **values : int or bytes
        Every field by name. Text shorter than its field is padded with spaces. A one-byte text
        field at offset 0 is the message's tag and need not be given.

    Raises
    ------
    SpecError
        A field is missing, unknown, or its value does not fit.
    """
    out = bytearray(message.size)
    encode_into(message, out, 0, values)
    return bytes(out)


def encode_into(
    message: Message, out: bytearray | memoryview, at: int, values: Mapping[str, int | bytes]
) -> None:
    """Write one message at byte `at` of `out`, in place; see `encode`."""
    layout, halves = struct_of(message)
    raw: list[int | bytes] = []
    for field in message.fields:
        value = values.get(field.name)
        if value is None and message.tag is not None and field.offset == 0:
            value = message.tag
        if value is None:
            raise SpecError(f"{message.name}.{field.name} has no value")
        if isinstance(value, bytes):
            if len(value) > field.type.size or field.type.is_number:
                raise SpecError(f"{message.name}.{field.name}: {value!r} is no {field.type}")
            value = value.ljust(field.type.size)
        if len(raw) in halves:
            assert isinstance(value, int)
            parts = [value >> 32, value & 0xFFFFFFFF]
            raw += parts if message.order == ">" else parts[::-1]
        else:
            raw.append(value)
    unknown = values.keys() - message.by_name.keys()
    if unknown:
        raise SpecError(f"{message.name} has no field {', '.join(sorted(unknown))}")
    try:
        layout.pack_into(out, at, *raw)
    except Exception as error:
        raise SpecError(f"{message.name}: {error}") from None
