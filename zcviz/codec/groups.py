"""Groups and var-data of many SBE messages at once: where every entry lies, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..errors import FieldError, Problem, SpecError
from ..spec import Group, Message, Protocol
from .parts import DEEPEST, counted, unknown

__all__ = ["GroupRows", "data_rows", "group_of", "group_rows", "size_program"]

Bytes = NDArray[np.uint8]
Integers = NDArray[np.unsignedinteger]

_CHUNK = 1 << 14  # messages walked at a time
_ROOM = 1 << 10  # parts of a message there is room for at first
_MOST_BAD = 100
_WORD = 8


@dataclass(frozen=True, eq=False)
class GroupRows:
    """Where the entries of one group lie, or one var-data field, in many messages.

    Attributes
    ----------
    offsets : (n,) unsigned [bytes]
        Of each entry's first byte, or of the first byte of the data.
    rows : (n,) uint32
        Number of the message that it is in.
    blocks : (n,) uint32 [bytes]
        Length of the fixed part of each entry, or of the data.
    bad : tuple of (int, Problem)
        Messages left out because their parts do not fit, by number: the first 100.
    bad_total : int
        How many were left out.

    Notes
    -----
    Memory: owns its arrays; none of them looks into the messages.
    """

    offsets: NDArray[np.unsignedinteger]
    rows: NDArray[np.uint32]
    blocks: NDArray[np.uint32]
    bad: tuple[tuple[int, Problem], ...] = ()
    bad_total: int = 0

    def __len__(self) -> int:
        return len(self.offsets)


def group_of(message: Message, path: str) -> Group:
    """Return a group by its path: ``"NoMDEntries"``, or ``"Outer.Inner"`` for one inside.

    Raises
    ------
    FieldError
        There is no such group.
    """
    within = message
    for name in path.split("."):
        groups = {group.name: group for group in within.groups}
        if name not in groups:
            has = f"it has {', '.join(groups)}" if groups else "it has none"
            raise FieldError(f"{within.name} has no group {name!r}; {has}")
        within = groups[name].entry
    return groups[name]


def group_rows(
    data: Bytes, offsets: Integers, sizes: Integers, message: Message, path: str
) -> GroupRows:
    """Find all entries of a group in many messages.

    Parameters
    ----------
    data : ndarray of uint8, shape (n_bytes,)
    offsets, sizes : ndarray of integers, shape (n_messages,) [bytes]
        Where each message starts, and how long it is with all its parts.
    message : Message
        What all of them are.
    path : str
        The group, see `group_of`.

    Returns
    -------
    GroupRows
        In the order of the messages, and within one in that of the wire. The columns are
        ``gather(data, found.offsets, group_of(message, path).entry, name, blocks=found.blocks)``.

    Raises
    ------
    FieldError
        There is no such group.

    Notes
    -----
    Memory: 12 or 16 bytes an entry, and address space for two entries a message; nothing for what
    a message only claims to hold. A message is left out with all its entries if any part of it does
    not fit.
    """
    entry = group_of(message, path).entry
    return _rows(data, offsets, sizes, message, entry, -1)


def data_rows(
    data: Bytes, offsets: Integers, sizes: Integers, message: Message, path: str
) -> GroupRows:
    """Find a var-data field in many messages, or with ``"Group.name"`` in all entries of a group.

    One row for each message or entry; where the field is absent, one of length 0. For the rest see
    `group_rows`.
    """
    group, _, name = path.rpartition(".")
    block = group_of(message, group).entry if group else message
    names = [each.name for each in block.data]
    if name not in names:
        has = f"it has {', '.join(names)}" if names else "it has none"
        raise FieldError(f"{block.name} has no var-data {name!r}; {has}")
    return _rows(data, offsets, sizes, message, block, names.index(name))


def size_program(protocol: Protocol) -> NDArray[np.int64]:
    """Return what `kernels.groups.message_size` needs to tell how long messages are.

    Raises
    ------
    SpecError
        The protocol's messages have no SBE header.

    Notes
    -----
    Memory: a new array each time. The walk writes into it, so each thread needs its own.
    """
    head = protocol.head
    if head is None:
        raise SpecError(f"{protocol.name}: its messages have no SBE header")
    return _Compiler(protocol.messages, head).program()


def _rows(
    data: Bytes,
    offsets: Integers,
    sizes: Integers,
    message: Message,
    wanted: Message,
    item: int,
) -> GroupRows:
    from ..kernels import groups as kernel

    program, nodes = _program_of(message)
    program = program.copy()
    program[[kernel.WANTED, kernel.WANTED_ITEM]] = nodes[wanted], item
    headers = None if item >= 0 else _headers_of(message, wanted)
    out, extents = np.empty((2, _ROOM), np.int64)
    wrong = np.empty((_MOST_BAD, 5), np.int64)
    # What is not written to takes no memory; most messages have few entries.
    places = np.empty(2 * len(offsets) + _ROOM, offsets.dtype)
    rows, blocks = np.empty((2, len(places)), np.uint32)
    low = 0
    while low < len(offsets):
        starts, lengths = (each[low : low + _CHUNK].astype(np.int64) for each in (offsets, sizes))
        done = 0
        if headers is not None:
            done, program[kernel.TOTAL] = kernel.walk_flat(
                data, starts, lengths, low, headers, message.order == ">",
                int(program[kernel.TOTAL]), places, rows, blocks,
            )  # fmt: skip
        if done < len(starts):
            done += kernel.walk_messages(
                data, starts[done:], lengths[done:], low + done, program, nodes[message],
                out, extents, places, rows, blocks, wrong,
            )  # fmt: skip
        low += done
        if done < len(starts):
            out, extents = np.empty((2, 2 * len(out)), np.int64)
            places, rows, blocks = (
                np.append(each, np.empty_like(each)) for each in (places, rows, blocks)
            )
    total, bad_total = program[[kernel.TOTAL, kernel.WRONG]].tolist()
    bad = tuple((i, _problem(message, *rest)) for i, *rest in wrong[:bad_total].tolist())
    return GroupRows(places[:total], rows[:total], blocks[:total], bad, bad_total)


@cache
def _headers_of(message: Message, wanted: Message) -> NDArray[np.int64] | None:
    # What `kernels.groups.walk_flat` goes by; None where it does not lead to what is wanted.
    entries = [group.entry for group in message.groups]
    newest = max([0, *(group.since for group in message.groups)])
    headers: list[tuple[Message, str, int]] = [(_head_of(message), "version", newest)]
    headers += [(g.dimension, "num_in_group", g.entry is wanted) for g in message.groups]
    if message.data or any(each.groups or each.data for each in entries):
        return None
    if entries.count(wanted) != 1 or any(h.size > _WORD or counted(h) for h, _, _ in headers):
        return None
    numbers = []
    for header, name, extra in headers:
        numbers.append(header.size)
        for each in ("block_length", name):
            at, size = _number(header, each)
            if size not in (1, 2, 4):
                return None
            from_low = _WORD - at - size if message.order == ">" else at
            numbers += [8 * from_low, (1 << 8 * size) - 1]
        numbers.append(extra)
    return np.array(numbers, np.int64)


def _head_of(message: Message) -> Message:
    own = (each for each in message.fields if each.constant is None and each.end <= message.block)
    return Message(message.name, message.block, "", tuple(own), order=message.order)


def _number(header: Message, name: str) -> tuple[int, int]:
    # Offset and size of a number in a header; no size, if it has none.
    field = header.by_name.get(name)
    return (field.offset, field.type.size) if field else (0, 0)


def _problem(message: Message, fault: int, offset: int, expected: int, found: int) -> Problem:
    from ..kernels import groups as kernel

    words = {
        kernel.HEADER: "header beyond the end",
        kernel.ENTRIES: "entries beyond the end",
        kernel.LENGTH: "length of var-data beyond the end",
        kernel.DATA: "var-data beyond the end",
        kernel.EMPTY: "group entries of no bytes",
        kernel.DEPTH: f"more than {DEEPEST} groups inside another",
    }
    return Problem(offset, f"{message.name}: {words[fault]}", expected, found)


@cache
def _program_of(message: Message) -> tuple[NDArray[np.int64], dict[Message, int]]:
    made = _Compiler((message,), _head_of(message))
    return made.program(), made.nodes


class _Compiler:
    """Makes a program of messages: integers, as `kernels.groups` reads them."""

    def __init__(self, messages: tuple[Message, ...], head: Message) -> None:
        from ..kernels import groups as kernel

        self.kernel = kernel
        self.messages = messages
        self.head = head
        self.code = [0] * kernel.PROGRAM
        self.nodes: dict[Message, int] = {}

    def program(self) -> NDArray[np.int64]:
        """Return the program, with room for the walk."""
        kernel, head, code = self.kernel, self.head, self.code
        group, data = unknown(self.messages, head.order)
        self._add([(head, each, 0) for each in self.messages])
        code[kernel.ANY_GROUP] = self._add([(group.dimension, group.entry, 0)])
        code[kernel.ANY_LENGTH] = data.length.size
        other = Message("unknown", 0, "", ())
        code[kernel.ANY_TEMPLATE] = self._add([(head, other, 0)]) if counted(head) else -1
        code[kernel.BIG] = head.order == ">"
        code[kernel.HEAD] = head.size
        code[kernel.TEMPLATE_AT : kernel.TEMPLATE_AT + 2] = _number(head, "template_id")
        code[kernel.VERSION_AT : kernel.VERSION_AT + 2] = _number(head, "version")
        code[kernel.WANTED : kernel.WANTED + 2] = -1, -1
        code[kernel.TEMPLATES] = len(self.messages)
        code[kernel.TABLE] = len(code)
        for each in sorted(self.messages, key=lambda message: message.key):
            code += [each.key, self.nodes[each]]
        code[kernel.STACK] = len(code)
        code += [0] * (DEEPEST * kernel.FRAME)
        return np.array(code, np.int64)

    def _add(self, blocks: list[tuple[Message, Message, int]]) -> int:
        # Nodes next to each other for what stands next to each other: (header, block, since) each.
        kernel, code = self.kernel, self.code
        first = len(code)
        code += [0] * (len(blocks) * kernel.NODE)
        for number, (header, block, since) in enumerate(blocks):
            at = self.nodes[block] = first + number * kernel.NODE
            items = len(code)
            for each in block.data:
                code += [each.length.size, each.since]
            children = self._add([(g.dimension, g.entry, g.since) for g in block.groups])
            code[at : at + kernel.NODE] = [
                header.size,
                *_number(header, "block_length"),
                *_number(header, "num_in_group"),
                *_number(header, "num_groups"),
                *_number(header, "num_var_data_fields"),
                since,
                *(len(block.groups), children),
                *(len(block.data), items),
                max([0, *(g.since for g in block.groups), *(d.since for d in block.data)]),
            ]
        return first
