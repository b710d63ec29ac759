"""The columnar decoder: one field of many messages at once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TruncatedError
from ..spec import Field, Message

__all__ = ["column_dtype", "dtype_of", "gather"]


_KINDS = {"uint": "u", "int": "i", "alpha": "S", "raw": "V"}


@cache
def dtype_of(message: Message) -> np.dtype[np.void]:
    """Return the structured dtype that lies over the bytes of a message, byte order included.

    A 48-bit integer has no dtype; it appears as ``name_hi`` (16 bits) and ``name_lo`` (32 bits).
    Mind that numpy drops trailing NULs of text when it hands out single values.
    """
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []
    for field in message.fields:
        if field.type.size == 6 and field.type.is_number:
            big = message.order == ">"
            names += [f"{field.name}_hi", f"{field.name}_lo"]
            formats += [f"{message.order}u2", f"{message.order}u4"]
            offsets += [field.offset, field.offset + 2] if big else [field.offset + 4, field.offset]
        else:
            kind = _KINDS[field.type.kind]
            names.append(field.name)
            order = message.order if field.type.is_number else ""
            formats.append(f"{order}{kind}{field.type.size}")
            offsets.append(field.offset)
    return np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": message.size}
    )


def column_dtype(field: Field) -> np.dtype[np.generic]:
    """Return the native dtype of a gathered column: 48-bit integers widen to 64, raw stays raw."""
    size = 8 if field.type.is_number and field.type.size == 6 else field.type.size
    return np.dtype(_KINDS[field.type.kind] + str(size))


def gather(
    data: NDArray[np.uint8],
    offsets: NDArray[np.unsignedinteger],
    message: Message,
    name: str,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Copy one field of many messages into one native-endian array.

    Parameters
    ----------
    data : ndarray of uint8, shape (n_bytes,)
    offsets : ndarray of unsigned integers, shape (n_messages,)
        Where each message starts in `data`.
    message : Message
        What all of them are.
    name : str
        The field.
    out : ndarray, shape (n_messages,), optional
        Where to put it.

    Returns
    -------
    ndarray, shape (n_messages,)
        Integers in native byte order, text as ``S``.

    Raises
    ------
    TruncatedError
        An offset leaves less than a whole message.

    Notes
    -----
    Memory: allocates the column and nothing else that grows with it, unless `out` is given.
    """
    from ..kernels import gather_bytes, gather_integers

    field = message[name]
    column = np.empty(len(offsets), column_dtype(field)) if out is None else out
    if not len(offsets):
        return column
    furthest = int(offsets.max())
    if furthest + message.size > len(data):
        raise TruncatedError(
            message.name,
            offset=furthest,
            expected=f"{message.size} bytes",
            found=len(data) - furthest,
            buffer=memoryview(data),
        )
    if field.type.is_number:
        gather_integers(data, offsets, field.offset, field.type.size, message.order, column)
    else:
        gather_bytes(data, offsets, field.offset, field.type.size, column)
    return column
