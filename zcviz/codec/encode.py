"""Values to bytes: the inverse of the decoders, for samples and round trips."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index

from ..errors import SpecError
from ..spec import Field, Message
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
            if field.type.kind == "raw" and len(value) < field.type.size:
                raise SpecError(f"{message.name}.{field.name}: {len(value)} bytes are too few")
            value = value.ljust(field.type.size)
        if len(raw) in halves:
            parts = _halves(message, field, value)
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


def _halves(message: Message, field: Field, value: int | bytes) -> list[int]:
    try:
        whole = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise SpecError(f"{message.name}.{field.name}: {value!r} is no {field.type}") from None
    return [whole >> 32, whole & 0xFFFFFFFF]
