"""Columns to bytes: many messages of one type at once, as their specification lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codec import dtype_of
from ..errors import SpecError
from ..spec import Message

__all__ = ["Values", "scatter"]

Values = Mapping[str, Any]
"""Field name to a column, or to one integer or `bytes` for all messages."""


def scatter(
    out: NDArray[np.uint8], offsets: NDArray[np.int64], message: Message, values: Values
) -> None:
    """Write many messages of one type, each at its place.

    Parameters
    ----------
    out : ndarray of uint8, shape (n_bytes,)
        Filled in place.
    offsets : ndarray of int64, shape (n_messages,)
        Where in `out` each message starts.
    message : Message
    values : mapping of str to int, bytes or ndarray
        A column for every field, or one value for all messages. Text must be padded. The type
        at offset 0 need not be given.

    Raises
    ------
    SpecError
        A field is missing or unknown.
    """
    tag = {} if message.tag is None else {message.fields[0].name: message.tag}
    given = {**tag, **values}
    if given.keys() != message.by_name.keys():
        wrong = ", ".join(sorted(given.keys() ^ message.by_name.keys()))
        raise SpecError(f"{message.name}: missing or unknown: {wrong}")
    rows = np.empty(len(offsets), dtype_of(message))
    for field in message.fields:
        value = given[field.name]
        if field.name not in (rows.dtype.names or ()):  # 48 bits, in two halves
            rows[f"{field.name}_hi"] = value >> 32
            rows[f"{field.name}_lo"] = value & 0xFFFFFFFF
        else:
            rows[field.name] = value
    whole = f"V{message.size}"
    # Overlapping places, one at every byte: numpy then copies a whole message at a time.
    places = np.ndarray(len(out) - message.size + 1, whole, out, strides=(1,))
    places[offsets] = rows.view(whole)
