"""What a `Framing` says, as the numbers that drive the kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import getitem
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codec.flyweight import reader
from .codec.groups import size_program
from .errors import SpecError
from .kernels.messages import Layout
from .spec import Framing, Message, Protocol

__all__ = ["expected_sizes", "layout_of", "program_of", "tag_reader"]


def tag_reader(protocol: Protocol) -> Callable[[Any, int], int]:
    """Return a function (buffer, offset of a message) -> the message's tag."""
    if protocol.head is None:
        return getitem
    return reader(protocol.head, "template_id")


@cache
def expected_sizes(protocol: Protocol) -> NDArray[np.uint16]:
    """Return the documented size by tag, 0 where any will do.

    Returns
    -------
    (256,) or, where tags are numbers of templates, (65536,) uint16
        All 0 for an SBE protocol: its messages say themselves how long their fixed part is.
    """
    sizes = np.zeros(1 << 8 * protocol.tag_size, np.uint16)
    for message in protocol:
        if message.tag is not None and protocol.head is None:
            sizes[message.key] = message.size
    sizes.flags.writeable = False
    return sizes


def _place(header: Message, name: str) -> tuple[int, int]:
    return (header[name].offset, header[name].type.size) if name else (0, 0)


def program_of(framing: Framing, protocol: Protocol) -> NDArray[np.int64] | None:
    """Return what says how long a message is; None where a length stands before it.

    Memory: a new array each time, which a scan writes into.
    """
    return size_program(protocol) if framing.prefix is None else None


@cache
def layout_of(framing: Framing, protocol: Protocol) -> tuple[int, ...]:
    """Return the numbers that make ``kernels.messages`` read this framing."""
    header, prefix, head = framing.header, framing.prefix, protocol.head
    assert header is not None
    row = dict.fromkeys(Layout, 0)
    row[Layout.HEADER], row[Layout.BIG] = header.size, header.order == ">"
    row[Layout.SEQUENCE], row[Layout.SEQUENCE_SIZE] = _place(header, framing.sequence)
    row[Layout.COUNT], row[Layout.COUNT_SIZE] = _place(header, framing.count)
    row[Layout.PAYLOAD], row[Layout.PAYLOAD_SIZE] = _place(header, framing.payload)
    row[Layout.PAYLOAD_COUNTED] = framing.payload_counted
    row[Layout.END_COUNT] = -1 if framing.end is None else framing.end
    if prefix is not None:
        row[Layout.PREFIX], row[Layout.COUNTED] = prefix.size, framing.counted
        row[Layout.LENGTH], row[Layout.LENGTH_SIZE] = _place(prefix, "length")
    row[Layout.TAG_SIZE], row[Layout.HEAD] = 1, 1
    row[Layout.BLOCK_LENGTH] = row[Layout.SCHEMA_ID] = -1
    if head is not None:
        row[Layout.TAG], row[Layout.TAG_SIZE] = _place(head, "template_id")
        row[Layout.TAG_BIG], row[Layout.HEAD] = head.order == ">", head.size
        row[Layout.BLOCK_LENGTH] = head["block_length"].offset
        row[Layout.SCHEMA] = head["schema_id"].offset
        row[Layout.SCHEMA_ID] = -1 if protocol.schema_id is None else protocol.schema_id
    row[Layout.GROWS] = protocol.may_grow
    fixed = [(*_place(header, name), value) for name, value in framing.fixed.items()]
    texts = [_place(header, f.name) for f in header.fields if f.type.kind == "alpha"]
    for place, numbers in ((Layout.TEXT, texts), (Layout.FIXED, fixed)):
        tail = [number for each in numbers for number in each]
        row.update(zip(list(Layout)[place:], tail, strict=False))
    if len(texts) > 1 or len(fixed) > 2:
        raise SpecError(f"{framing.name}: more text or fixed fields than a layout has room for")
    return tuple(int(row[each]) for each in Layout)
