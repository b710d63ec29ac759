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
from .layout import BYTE_ORDER, extent_of, numbers_of

__all__ = [
    "DEEPEST",
    "Place",
    "after",
    "counted",
    "data_at",
    "extent_within",
    "group_at",
    "place_of",
    "unknown",
]

DEEPEST = 16
"""Groups inside another, at most: schemas are not that deep, and damaged counts shall not be."""

_ANY_VERSION = 1 << 32  # none is newer
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


@cache
def _newest(message: Message) -> int:
    return max([0, *(group.since for group in message.groups), *(d.since for d in message.data)])


def _since(message: Message, version: int) -> tuple[int, int]:
    # How many groups and how much var-data a message of some version has.
    if version >= _newest(message):
        return len(message.groups), len(message.data)

    # Parts are appended, so those that an older message has come first.
    def there(parts: Iterable[Group | VarData]) -> int:
        return sum(1 for _ in takewhile(lambda part: part.since <= version, parts))

    return there(message.groups), there(message.data)


@cache
def extent_within(message: Message) -> Callable[[Buffer, int, int], int]:
    """Compile a function that says how long the fixed part is: (buffer, at, stop) -> int.

    With the header, in bytes. It raises `TruncatedError` where that reaches beyond `stop`. The
    entry of a group says nothing of itself: it is taken to be as documented, or to end at `stop`.
    """
    start, name, read = message.block, message.name, extent_of(message)

    def extent(buffer: Buffer, at: int, stop: int) -> int:
        if at < 0 or at + start > stop:
            raise _short(name, at, start, max(0, stop - max(at, 0)), buffer)
        size = read(buffer, at)
        if at + size > stop:
            if not start:
                return stop - at
            raise _short(name, at, size, stop - at, buffer)
        return size

    return extent


@cache
def place_of(message: Message) -> Callable[[Buffer, int, int, int], Place]:
    """Compile a function that says what follows: (buffer, at, extent, stop) -> Place.

    Of a message, whose fixed part has been checked to fit; of a lone entry, all the schema has.
    """
    others = unknown((message,), message.order)
    everything = len(message.groups), len(message.data)
    if not message.block:
        return lambda buffer, at, extent, stop: Place(
            at, extent, 1, *everything, stop, _ANY_VERSION, others
        )
    read = numbers_of(message, ("version", *(_COUNTS if counted(message) else ())))

    def place(buffer: Buffer, at: int, extent: int, stop: int) -> Place:
        version, *said = read(buffer, at)
        groups, data = said or _since(message, version)
        return Place(at, extent, 1, groups, data, stop, version, others)

    return place


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


@cache
def _header(message: Message, group: Group) -> Callable[[Buffer, int, int], tuple[int, ...]]:
    # How to read the header of a group, if what it claims can be true.
    names = ("block_length", "num_in_group", *(_COUNTS if counted(group.dimension) else ()))
    read, size = numbers_of(group.dimension, names), group.dimension.size
    name = f"{message.name}.{group.name}"

    def header(buffer: Buffer, at: int, stop: int) -> tuple[int, ...]:
        if at + size > stop:
            raise _short(name, at, size, stop - at, buffer)
        block, count, *said = read(buffer, at)
        if at + size + block * count > stop:
            raise _short(name, at + size, block * count, stop - at - size, buffer)
        return at + size, block, count, *said

    return header


def _entries(message: Message, place: Place, at: int, number: int, buffer: Buffer) -> Place:
    group = _group(message, place, number)
    _, _, _, _, _, stop, version, others, depth = place
    first, block, count, *said = _header(message, group)(buffer, at, stop)
    groups, data = said or _since(group.entry, version)
    if count and not (block or groups or data):
        raise _empty(f"{message.name}.{group.name}", first, buffer)
    if count and depth == DEEPEST:
        raise LengthMismatchError(
            message.name, offset=at, expected=f"at most {DEEPEST} groups inside another",
            found="more",
        )  # fmt: skip
    return Place(first, block, count, groups, data, stop, version, others, depth + 1)


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
