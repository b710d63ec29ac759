"""Values to bytes: the inverse of the decoders, for samples and round trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

from ..errors import SpecError
from ..spec import Field, Message
from .layout import BYTE_ORDER, Value, absent, on_wire, struct_of

__all__ = ["encode", "encode_into", "encode_message"]


def encode(message: Message, **values: Value | None) -> bytes:
    """Return the bytes of one message; of an SBE message, its header and fixed part.

    Parameters
    ----------
    message : Message
    **values : int, float or bytes
        Every field by name. Text shorter than its field is padded with spaces, in SBE with NULs.
        A field at offset 0 that is the message's tag need not be given. Nor need, in SBE,
        constants, fields that have a null, and what the header says of the message itself. A
        `block_length` that is given cuts the fixed part off, or pads it.

    Raises
    ------
    SpecError
        A field is missing, unknown, or its value does not fit.
    """
    out = bytearray(message.size)
    encode_into(message, out, 0, values)
    if message.block > 0 and values.get("block_length") is not None:
        size = message.block + index(values["block_length"])  # type: ignore[arg-type]
        return bytes(out[:size].ljust(size, b"\0"))
    return bytes(out)


def encode_into(
    message: Message, out: bytearray | memoryview, at: int, values: Mapping[str, Value | None]
) -> None:
    """Write one message at byte `at` of `out`, in place; see `encode`."""
    layout, halves = struct_of(message)
    raw: list[Value] = []
    for field in on_wire(message):
        value = values.get(field.name)
        if value is None:
            value = _default(message, field)
        if isinstance(value, bytes):
            if len(value) > field.type.size or field.type.is_number:
                raise SpecError(f"{message.name}.{field.name}: {value!r} is no {field.type}")
            if field.type.kind == "raw" and len(value) < field.type.size:
                raise SpecError(f"{message.name}.{field.name}: {len(value)} bytes are too few")
            value = value.ljust(field.type.size, b" " if message.block < 0 else b"\0")
        if len(raw) in halves:
            parts = _halves(message, field, value)
            raw += parts if message.order == ">" else parts[::-1]
        else:
            raw.append(value)
    if unknown := values.keys() - message.by_name.keys():
        raise SpecError(f"{message.name} has no field {', '.join(sorted(unknown))}")
    try:
        layout.pack_into(out, at, *raw)
    except Exception as error:
        raise SpecError(f"{message.name}: {error}") from None


def encode_message(
    message: Message,
    values: Mapping[str, Any],
    groups: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    data: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the bytes of a whole SBE message: header, fixed part, groups, var-data.

    Parameters
    ----------
    message : Message
    values : mapping
        Fields as `encode` takes them.
    groups : mapping, optional
        Name of a group to its entries, each a mapping of names to what lies under them: values of
        fields, entries of groups inside, bytes of var-data. What is not given is empty.
    data : mapping, optional
        Name of var-data to its bytes.

    Raises
    ------
    SpecError
        As `encode` does; there are more entries, or more bytes, than can be counted.

    Notes
    -----
    The dictionary of a flyweight, ``view.to_dict()``, holds groups and var-data by name as well;
    all of it may be given as `values`.
    """
    whole = {**values, **(groups or {}), **(data or {})}
    counts = {"num_groups": len(message.groups), "num_var_data_fields": len(message.data)}
    stated = {name: count for name, count in counts.items() if name in message.by_name}
    return _encode_block(message, {**stated, **whole})


def _encode_block(message: Message, whole: Mapping[str, Any]) -> bytes:
    # A message or entry, then its parts.
    values = dict(whole)
    groups = [values.pop(group.name, ()) for group in message.groups]
    data = [values.pop(each.name, b"") for each in message.data]
    pieces = [encode(message, **values)]
    for group, entries in zip(message.groups, groups, strict=True):
        entry = group.entry
        header = {
            "block_length": entry.size,
            "num_in_group": len(entries),
            "num_groups": len(entry.groups),
            "num_var_data_fields": len(entry.data),
        }
        known = {name: header.get(name, 0) for name in group.dimension.by_name}
        pieces.append(encode(group.dimension, **known))
        pieces += [_encode_block(entry, each) for each in entries]
    for each, content in zip(message.data, data, strict=True):
        try:
            pieces.append(len(content).to_bytes(each.length.size, BYTE_ORDER[message.order]))
        except OverflowError:
            too_many = f"{message.name}.{each.name}: {len(content)} bytes are too many"
            raise SpecError(too_many) from None
        pieces.append(bytes(content))
    return b"".join(pieces)


def _default(message: Message, field: Field) -> Value:
    # What goes without saying: the tag; in SBE, sizes and counts of the message, and nulls.
    if message.tag is not None and message.block < 0 and field.offset == 0:
        return message.tag
    if message.block > 0 and field.name == "block_length":
        return message.size - message.block
    if message.block > 0 and field.name == "template_id" and message.tag is not None:
        return message.tag
    if field.null is not None:
        return absent(field)
    raise SpecError(f"{message.name}.{field.name} has no value")


def _halves(message: Message, field: Field, value: Value) -> list[int]:
    try:
        whole = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise SpecError(f"{message.name}.{field.name}: {value!r} is no {field.type}") from None
    return [whole >> 32, whole & 0xFFFFFFFF]
