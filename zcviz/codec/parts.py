"""What follows the fixed part of an SBE message: groups of entries, then variable data.

Where a part lies is found by stepping over the parts before it, each of which says its own length.
Whatever a length or a count claims is held against the end of the message first.

Venues differ in how a reader learns how many parts there are. Where headers count them, the counts
hold, and parts that the schema does not know are stepped over; else a part is there if the schema
brought it in no later version than the message's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import takewhile
from typing import NamedTuple

from ..buffers import Buffer, as_view
from ..errors import LengthMismatchError, TruncatedError
from ..spec import Group, Message, VarData, WireType, u16
from ..spec.fields import Order
from .layout import BYTE_ORDER, numbers_of

__all__ = ["DEEPEST", "Place", "after", "counted", "data_at", "group_at", "opening", "unknown"]

DEEPEST = 16
"""Groups inside another, at most: schemas are not that deep, and damaged counts shall not be."""

_NEWEST = 1 << 32  # no version is newer
_COUNTS = ("num_groups", "num_var_data_fields")


class Place(NamedTuple):
    """Blocks on the wire, one after another: a message's own, or the entries of a group.

    Attributes
    ----------
    at : int
        Offset of the first.
    block : int
        Length of the fixed part of each, with the header in a message's.
    entries : int
        How many there are.
    groups, data : int
        How many groups and how much var-data follow each.
    stop : int
        Where the message ends.
    version : int
        Of the schema that the message was written by.
    unknown : tuple of Group and VarData
        What parts that the schema does not know are read as.
    depth : int
        0 for the message, 1 for the entries of its groups …
    """

    at: int
    block: int
    entries: int
    groups: int
    data: int
    stop: int
    version: int
    unknown: tuple[Group, VarData]
    depth: int = 0


def counted(header: Message) -> bool:
    """Whether a header says how many groups and how much var-data follow."""
    return _COUNTS[0] in header.by_name


@cache
def unknown(messages: tuple[Message, ...], order: Order) -> tuple[Group, VarData]:
    """Return what a group and var-data are read as that no schema describes.

    As others in `messages`: by the header that groups have unless they name another, else by that
    of the first group; if there are none, as the standard recommends (SBE 1.0, "Group dimension
    encoding"), and with a length of one byte.
    """
    blocks = list(_blocks(messages))
    fields = tuple(u16(name) for name in ("block_length", "num_in_group", *_COUNTS))
    standard = Message("group", 8, "SBE 1.0", fields, order=order)
    headers = [group.dimension for block in blocks for group in block.groups]
    headers = [each for each in headers if counted(each)] + [standard]
    usual = [each for each in headers if each.name == "groupSizeEncoding"]
    lengths = [data.length for block in blocks for data in block.data] + [WireType("uint", 1)]
    entry = Message("unknown", 0, "", (), order=order, block=0)
    return Group("unknown", [*usual, *headers][0], entry), VarData("unknown", lengths[0])


def _blocks(messages: Iterable[Message]) -> Iterator[Message]:
    for message in messages:
        yield message
        yield from _blocks(group.entry for group in message.groups)


def _since(message: Message, version: int) -> tuple[int, int]:
    # Parts are appended, so those that an older message has come first.
    def there(parts: Iterable[Group | VarData]) -> int:
        return sum(1 for _ in takewhile(lambda part: part.since <= version, parts))

    return there(message.groups), there(message.data)


@cache
def opening(message: Message) -> Callable[[Buffer, int, int], Place]:
    """Compile a function that reads the header of an SBE message: (buffer, at, stop) -> Place.

    It raises `TruncatedError` where header or fixed part reach beyond `stop`. The entry of a group
    says nothing of itself: it is taken to be as documented, or to end at `stop` before that.
    """
    start, name, counts = message.block, message.name, counted(message)
    others = unknown((message,), message.order)
    if not start:
        size, groups, data = message.size, len(message.groups), len(message.data)

        def open_entry(buffer: Buffer, at: int, stop: int) -> Place:
            if not 0 <= at <= stop:
                raise _short(name, at, size, 0, buffer)
            return Place(at, min(size, stop - at), 1, groups, data, stop, _NEWEST, others)

        return open_entry
    read = numbers_of(message, ("block_length", "version", *(_COUNTS if counts else ())))

    def open_message(buffer: Buffer, at: int, stop: int) -> Place:
        if at < 0:
            raise _short(name, at, start, 0, buffer)
        _check(name, start, at, stop, buffer)
        block, version, *said = read(buffer, at)
        block += start
        _check(name, block, at, stop, buffer)
        groups, data = said if counts else _since(message, version)
        return Place(at, block, 1, groups, data, stop, version, others)

    return open_message


def group_at(message: Message, place: Place, at: int, number: int, buffer: Buffer) -> Place:
    """Return where the entries of a group lie.

    Parameters
    ----------
    message : Message
        Of the message or entry at `at`, one of those at `place`.
    place : Place
    at : int [bytes]
    number : int
        Of the group, in the order of the schema.
    buffer : bytes-like

    Raises
    ------
    TruncatedError, LengthMismatchError
        This group, or a part before it, does not fit into the message.
    """
    end = at + place.block
    if number >= place.groups:
        return place._replace(at=end, entries=0)
    for before in range(number):
        end = _over_group(message, place, end, before, buffer)
    return _entries(message, place, end, number, buffer)


def data_at(
    message: Message, place: Place, at: int, number: int, buffer: Buffer
) -> tuple[int, int]:
    """Return offset and length of var-data, which is empty where it is absent; as `group_at`."""
    end = at + place.block
    for before in range(place.groups):
        end = _over_group(message, place, end, before, buffer)
    if number >= place.data:
        return end, 0
    for before in range(number):
        start, length = _data(message, place, end, before, buffer)
        end = start + length
    return _data(message, place, end, number, buffer)


def after(message: Message, place: Place, at: int, buffer: Buffer) -> int:
    """Return where the block at `at`, one of those at `place`, ends with all its parts.

    It raises as `group_at` does, and `LengthMismatchError` where that is where it starts: entries
    of no bytes could be claimed by the million, and each would cost time.
    """
    if not (place.groups or place.data):
        return at + place.block  # which was checked for all of them at once
    _check(message.name, place.block, at, place.stop, buffer)
    end = at + place.block
    for number in range(place.groups):
        end = _over_group(message, place, end, number, buffer)
    for number in range(place.data):
        start, length = _data(message, place, end, number, buffer)
        end = start + length
    if end == at:
        raise _empty(message.name, at, buffer)
    return end


def _group(message: Message, place: Place, number: int) -> Group:
    return message.groups[number] if number < len(message.groups) else place.unknown[0]


def _entries(message: Message, place: Place, at: int, number: int, buffer: Buffer) -> Place:
    # The header of a group at `at`, and whether what it claims can be true.
    group = _group(message, place, number)
    name, dimension = f"{message.name}.{group.name}", group.dimension
    _check(name, dimension.size, at, place.stop, buffer)
    counts = counted(dimension)
    names = ("block_length", "num_in_group", *(_COUNTS if counts else ()))
    block, count, *said = numbers_of(dimension, names)(buffer, at)
    groups, data = said if counts else _since(group.entry, place.version)
    first = at + dimension.size
    _check(name, block * count, first, place.stop, buffer)
    if count and not (block or groups or data):
        raise _empty(name, first, buffer)
    if count and place.depth == DEEPEST:
        raise LengthMismatchError(
            name, offset=at, expected=f"at most {DEEPEST} groups inside another", found="more"
        )
    return place._replace(
        at=first, block=block, entries=count, groups=groups, data=data, depth=place.depth + 1
    )


def _over_group(message: Message, place: Place, at: int, number: int, buffer: Buffer) -> int:
    within = _entries(message, place, at, number, buffer)
    if not (within.groups or within.data):
        return within.at + within.block * within.entries
    entry = _group(message, place, number).entry
    at = within.at
    for _ in range(within.entries):
        at = after(entry, within, at, buffer)
    return at


def _data(message: Message, place: Place, at: int, number: int, buffer: Buffer) -> tuple[int, int]:
    data = message.data[number] if number < len(message.data) else place.unknown[1]
    name, size = f"{message.name}.{data.name}", data.length.size
    _check(name, size, at, place.stop, buffer)
    piece = bytes(memoryview(buffer)[at : at + size])
    length = int.from_bytes(piece, BYTE_ORDER[message.order])
    _check(name, length, at + size, place.stop, buffer)
    return at + size, length


def _check(name: str, size: int, at: int, stop: int, buffer: Buffer) -> None:
    if at + size > stop:
        raise _short(name, at, size, max(0, stop - at), buffer)


def _short(name: str, at: int, expected: int, found: int, buffer: Buffer) -> TruncatedError:
    view = as_view(buffer)
    return TruncatedError(name, offset=at, expected=f"{expected} bytes", found=found, buffer=view)


def _empty(name: str, at: int, buffer: Buffer) -> LengthMismatchError:
    view = as_view(buffer)
    return LengthMismatchError(name, offset=at, expected="entries of bytes", found=0, buffer=view)
