"""The columnar decoder: one field of many messages at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TruncatedError
from ..spec import Field, Message, WireType
from .layout import absent, on_wire

__all__ = ["Gatherer", "column_dtype", "dtype_of", "gather", "gather_columns"]

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.unsignedinteger]

_KINDS = {"uint": "u", "int": "i", "float": "f", "alpha": "S", "raw": "V"}
_CHUNK = 1 << 14  # messages whose bytes stay in the cache while field after field is read
_WORD = 8


@cache
def dtype_of(message: Message) -> np.dtype[np.void]:
    """Return the structured dtype that lies over the bytes of a message, byte order included.

    A 48-bit integer has no dtype; it appears as ``name_hi`` (16 bits) and ``name_lo`` (32 bits).
    Constants take no bytes and do not appear. Mind that numpy drops trailing NULs of text when it
    hands out single values, and that an SBE message may end before its last fields.
    """
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []
    for field in on_wire(message):
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
    if isinstance(field.constant, float):
        return np.dtype(np.float64)
    if field.constant is not None:
        return np.min_scalar_type(field.constant)
    size = 8 if field.type.is_number and field.type.size == 6 else field.type.size
    return np.dtype(_KINDS[field.type.kind] + str(size))


def gather(
    data: Bytes,
    offsets: Offsets,
    message: Message,
    name: str,
    out: NDArray[Any] | None = None,
    blocks: NDArray[np.unsignedinteger] | None = None,
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
    blocks : ndarray of unsigned integers, shape (n_messages,), optional [bytes]
        Of the entries of a group, how long the fixed part of each is; by default, as documented.
        An SBE message says it in its header.

    Returns
    -------
    ndarray, shape (n_messages,)
        Numbers in native byte order, text as ``S``. Where a message ends before the field, the
        field's null.

    Raises
    ------
    TruncatedError
        An offset leaves less than a whole message, or in SBE less than header and field.

    Notes
    -----
    Memory: allocates the column and nothing else that grows with it, unless `out` is given.
    """
    field = message[name]
    column = np.empty(len(offsets), column_dtype(field)) if out is None else out
    if field.constant is not None:
        column[...] = field.constant
    elif message.block < 0 or field.end <= message.block:
        size = message.size if message.block < 0 else message.block
        _copy(data, offsets, message, field, column, size)
    else:
        for some in _chunks(offsets, 1 << 16):
            given = None if blocks is None else blocks[some]
            _copy_present(data, offsets[some], message, field, column[some], given)
    return column


def gather_columns(
    data: Bytes,
    offsets: Offsets,
    message: Message,
    names: Iterable[str] | None = None,
    blocks: NDArray[np.unsignedinteger] | None = None,
) -> dict[str, NDArray[Any]]:
    """Copy several fields of many messages, all by default, into an array each; see `gather`.

    Notes
    -----
    Memory: one allocation for all columns, which lives as long as any of them.
    """
    from ..kernels import COMPILED
    from ..kernels.fields import gather_fields

    chosen = list(message.by_name if names is None else names)
    memory, starts, columns = _columns(message, chosen, len(offsets))
    words = [name for name in chosen if COMPILED and _is_word(message, message[name])]
    sizes = [(message[name].offset, message[name].type.size) for name in words]
    table = np.array([(*sizes[i], columns[n].itemsize, starts[n]) for i, n in enumerate(words)])
    reach = max([message[name].end for name in words], default=0)
    # Some messages after others, not some fields after others: so the bytes of a message come from
    # memory once.
    for some in _chunks(offsets, _CHUNK):
        near, left = offsets[some], chosen
        given = _blocks(data, near, message, None if blocks is None else blocks[some])
        whole = given is None or int(given.min()) + message.block >= reach
        if words and whole and int(near.max()) + max(reach + _WORD, message.size) <= len(data):
            gather_fields(data, near, table, some.start, message.order == ">", memory)
            left = [name for name in chosen if name not in words]
        for name in left:
            gather(data, near, message, name, columns[name][some], given)
    return columns


class Gatherer:
    """Copies the same fields of messages of one type, again and again: prepared once.

    Parameters
    ----------
    message : Message
    names : iterable of str
        The fields.
    together : bool
        Whether columns may share one allocation, which takes a fraction of the time where messages
        are few.
    """

    def __init__(self, message: Message, names: Iterable[str], *, together: bool = True) -> None:
        from ..kernels import COMPILED

        self.message, self.names = message, tuple(names)
        fields = [message[name] for name in self.names]
        there = message.size if message.block < 0 else message.block
        self._kinds = [column_dtype(field) for field in fields]
        self._at_once = together and COMPILED and bool(fields) and all(
            _is_word(message, field) and field.end <= there for field in fields
        )  # fmt: skip
        reach = max((field.end for field in fields), default=0) + _WORD
        self._room = max(reach, message.size, message.block)
        sizes = [(field.offset, field.type.size, kind.itemsize)
                 for field, kind in zip(fields, self._kinds, strict=True)]  # fmt: skip
        self._table = np.array([(*each, 0) for each in sizes], np.int64)

    def __call__(self, data: Bytes, offsets: Offsets) -> dict[str, NDArray[Any]]:
        """Return an array for each field, see `gather`; the offsets have to ascend.

        Notes
        -----
        Memory: one allocation for all columns, which lives as long as any of them; or one each.
        """
        from ..kernels.fields import gather_fields

        count = len(offsets)
        if not self._at_once or not count or int(offsets[-1]) + self._room > len(data):
            return {name: gather(data, offsets, self.message, name) for name in self.names}
        step = (count + 1) * _WORD  # a word of room after each column
        starts = range(0, step * len(self.names), step)
        memory = np.empty(starts.stop, np.uint8)
        self._table[:, 3] = starts
        gather_fields(data, offsets, self._table, 0, self.message.order == ">", memory)
        columns = zip(self.names, self._kinds, starts, strict=True)
        return {name: np.ndarray(count, kind, memory, start) for name, kind, start in columns}


def _columns(
    message: Message, names: list[str], count: int
) -> tuple[Bytes, dict[str, int], dict[str, NDArray[Any]]]:
    # Columns in one piece of memory, where each starts in it, a word of room after each.
    kinds = {name: column_dtype(message[name]) for name in names}
    starts, end = {}, 0
    for name, kind in kinds.items():
        starts[name] = end
        end += -(-count * kind.itemsize // _WORD) * _WORD + _WORD
    memory = np.empty(end, np.uint8)
    return memory, starts, {
        name: memory[starts[name] : starts[name] + count * kind.itemsize].view(kind)
        for name, kind in kinds.items()
    }  # fmt: skip


def _is_word(message: Message, field: Field) -> bool:
    # Whether the kernel that turns bytes round, or does not, makes the field's value of them.
    if field.constant is not None or field.type.size > _WORD:
        return False
    if field.type.is_number:
        return field.type != WireType("int", 6)  # whose sign is not at the end of a word
    return message.order == "<" or field.type.size == 1


def _chunks(offsets: Offsets, size: int) -> Iterator[slice]:
    return (slice(low, low + size) for low in range(0, len(offsets), size))


def _copy(
    data: Bytes, offsets: Offsets, message: Message, field: Field, column: NDArray[Any], size: int
) -> None:
    # The field of messages that have it, of each of which `size` bytes have to be there.
    from ..kernels import gather_bytes, gather_integers

    if not len(offsets):
        return
    furthest = int(offsets.max())
    if furthest + size > len(data):
        raise TruncatedError(
            message.name,
            offset=furthest,
            expected=f"{size} bytes",
            found=len(data) - furthest,
            buffer=memoryview(data),
        )
    if field.type.is_number:
        gather_integers(data, offsets, field.offset, field.type.size, message.order, column)
    else:
        gather_bytes(data, offsets, field.offset, field.type.size, column)


def _copy_present(
    data: Bytes,
    offsets: Offsets,
    message: Message,
    field: Field,
    column: NDArray[Any],
    blocks: NDArray[np.unsignedinteger] | None,
) -> None:
    # The field of SBE messages, some of which may end before it.
    given = _blocks(data, offsets, message, blocks)
    needed = field.end - message.block
    if given is None or int(given.min()) >= needed:
        _copy(data, offsets, message, field, column, field.end)
        return
    there = given >= needed
    values = np.empty(int(there.sum()), column.dtype)
    _copy(data, offsets[there], message, field, values, field.end)
    column[:] = np.array(absent(field), column.dtype)
    column[there] = values


def _blocks(
    data: Bytes,
    offsets: Offsets,
    message: Message,
    given: NDArray[np.unsignedinteger] | None,
) -> NDArray[np.unsignedinteger] | None:
    # How long the fixed part of each message is, without the header; None: as documented.
    if given is not None or message.block <= 0:
        return given
    said = message["block_length"]
    blocks = np.empty(len(offsets), column_dtype(said))
    _copy(data, offsets, message, said, blocks, message.block)
    return blocks
