"""Find every message of some datagrams, whatever the framing: one kernel, driven by a layout.

The layout is a tuple of numbers that ``zcviz.framing`` makes of a `Framing` and a `Protocol`.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any

from numpy.typing import NDArray

from ._jit import inner, jit
from .groups import message_size
from .loads import u8, u16, u32, u64
from .simd import put
from .tally import Tally, note

__all__ = ["DATAGRAM", "KEPT", "Layout", "scan_datagrams"]

Array = NDArray[Any]
Numbers = tuple[int, ...]


class Layout(IntEnum):
    """Positions in a layout. Offsets and sizes are in bytes; a size of 0 says "there is none"."""

    HEADER = 0
    BIG = auto()
    SEQUENCE = auto()
    SEQUENCE_SIZE = auto()
    COUNT = auto()
    COUNT_SIZE = auto()
    PAYLOAD = auto()
    PAYLOAD_SIZE = auto()
    PAYLOAD_COUNTED = auto()
    END_COUNT = auto()
    PREFIX = auto()
    LENGTH = auto()
    LENGTH_SIZE = auto()
    COUNTED = auto()
    TAG = auto()
    TAG_SIZE = auto()
    TAG_BIG = auto()
    HEAD = auto()
    BLOCK_LENGTH = auto()
    SCHEMA = auto()
    SCHEMA_ID = auto()
    GROWS = auto()
    TEXT = auto()
    TEXT_SIZE = auto()
    FIXED = auto()  # the first field that may have but one value, and that value
    FIXED_SIZE = auto()
    FIXED_VALUE = auto()
    FIXED_2 = auto()
    FIXED_2_SIZE = auto()
    FIXED_2_VALUE = auto()


class DATAGRAM(IntEnum):
    """Columns of a table of datagrams, as `find_datagrams` fills it."""

    RECORD = 0
    IP = 1
    START = 2
    STOP = 3
    FULL = 4


class KEPT(IntEnum):
    """What is kept of a datagram with messages of ours, in the order of `index.Datagrams`."""

    START = 0
    FIRST = auto()
    SEQUENCE = auto()
    BEFORE_RECORD = auto()
    BEFORE_IP = auto()
    SIZE = auto()
    BLOCKS = auto()


_HEADER, _BIG, _SEQUENCE = int(Layout.HEADER), int(Layout.BIG), int(Layout.SEQUENCE)
_SEQUENCE_SIZE, _COUNT, _COUNT_SIZE = (
    int(Layout.SEQUENCE_SIZE),
    int(Layout.COUNT),
    int(Layout.COUNT_SIZE),
)
_PAYLOAD, _PAYLOAD_SIZE, _END_COUNT = (
    int(Layout.PAYLOAD),
    int(Layout.PAYLOAD_SIZE),
    int(Layout.END_COUNT),
)
_PREFIX, _LENGTH, _LENGTH_SIZE = int(Layout.PREFIX), int(Layout.LENGTH), int(Layout.LENGTH_SIZE)
_COUNTED, _TAG, _TAG_SIZE = int(Layout.COUNTED), int(Layout.TAG), int(Layout.TAG_SIZE)
_TAG_BIG, _HEAD, _BLOCK_LENGTH = int(Layout.TAG_BIG), int(Layout.HEAD), int(Layout.BLOCK_LENGTH)
_SCHEMA, _SCHEMA_ID, _GROWS = int(Layout.SCHEMA), int(Layout.SCHEMA_ID), int(Layout.GROWS)
_TEXT, _TEXT_SIZE, _FIXED = int(Layout.TEXT), int(Layout.TEXT_SIZE), int(Layout.FIXED)
_FIXED_SIZE, _FIXED_VALUE, _FIXED_2 = (
    int(Layout.FIXED_SIZE),
    int(Layout.FIXED_VALUE),
    int(Layout.FIXED_2),
)
_FIXED_2_SIZE, _FIXED_2_VALUE = int(Layout.FIXED_2_SIZE), int(Layout.FIXED_2_VALUE)

_PAYLOAD_COUNTED = int(Layout.PAYLOAD_COUNTED)
_OTHER, _HEARTBEATS, _ENDS = int(Tally.OTHER), int(Tally.HEARTBEATS), int(Tally.ENDS)
_EMPTY_BLOCK, _BLOCK_KIND = int(Tally.EMPTY_BLOCK), int(Tally.BLOCK)
_TRAILING, _PAYLOAD_KIND = int(Tally.TRAILING), int(Tally.PAYLOAD)
_LENGTH_KIND, _GROUP_KIND = int(Tally.LENGTH), int(Tally.GROUP)

_RECORD, _IP = int(DATAGRAM.RECORD), int(DATAGRAM.IP)
_START, _STOP, _FULL = int(DATAGRAM.START), int(DATAGRAM.STOP), int(DATAGRAM.FULL)
_KEPT_START, _KEPT_FIRST = int(KEPT.START), int(KEPT.FIRST)
_KEPT_SEQUENCE, _BEFORE_RECORD = int(KEPT.SEQUENCE), int(KEPT.BEFORE_RECORD)
_BEFORE_IP, _SIZE, _BLOCKS = int(KEPT.BEFORE_IP), int(KEPT.SIZE), int(KEPT.BLOCKS)

# In each byte of a word; the last has all top bits set, as an integer with a sign.
_ONES, _SPACES, _TOPS = 0x0101010101010101, 0x2020202020202020, -0x7F7F7F7F7F7F7F80
_WORD = 8


@inner
def _number(data: Array, at: int, size: int, big: bool) -> int:
    if size == 2:
        return u16(data, at, big)
    if size == 4:
        return u32(data, at, big)
    if size == 8:
        return u64(data, at, big)
    return u8(data, at, big)


@inner
def _is_text(word: int) -> bool:
    # Whether eight bytes are printable: from the space to the tilde.
    return (word | word + _ONES | word - _SPACES) & _TOPS == 0


@inner
def _is_ours(data: Array, start: int, stop: int, layout: Numbers) -> bool:
    # The header is there, holds what it must, and its text is text: printable, then NULs if any
    # (senders that keep no session write NULs). Other traffic does not begin like this.
    if stop - start < layout[_HEADER]:
        return False
    big = layout[_BIG] != 0
    if layout[_FIXED_SIZE]:
        found = _number(data, start + layout[_FIXED], layout[_FIXED_SIZE], big)
        if found != layout[_FIXED_VALUE]:
            return False
    if layout[_FIXED_2_SIZE]:
        found = _number(data, start + layout[_FIXED_2], layout[_FIXED_2_SIZE], big)
        if found != layout[_FIXED_2_VALUE]:
            return False
    at = start + layout[_TEXT]
    size, padding = layout[_TEXT_SIZE], False
    if _WORD <= size <= 2 * _WORD:  # nearly always it is text to its end: two words say so
        last = at + size - _WORD
        if _is_text(u64(data, at, big)) and _is_text(u64(data, last, big)):
            size = 0
    for i in range(at, at + size):
        letter = u8(data, i, big)
        if letter == 0:
            padding = True
        elif padding or not 0x20 <= letter < 0x7F:
            return False
    if layout[_SCHEMA_ID] >= 0:  # an SBE datagram carries at least one message, of its own schema
        at = start + layout[_HEADER] + layout[_PREFIX]
        if at + layout[_HEAD] > stop:
            return False
        return u16(data, at + layout[_SCHEMA], layout[_TAG_BIG] != 0) == layout[_SCHEMA_ID]
    return True


@inner
def _needed(data: Array, body: int, size: int, documented: int, layout: Numbers) -> int:
    # The size that the message should have, or `size` if that will do.
    if layout[_BLOCK_LENGTH] >= 0:
        block = u16(data, body + layout[_BLOCK_LENGTH], layout[_TAG_BIG] != 0)
        return max(size, layout[_HEAD] + block)
    if documented == 0 or (layout[_GROWS] and documented <= size):
        return size
    return documented


@inner
def _bounds(
    data: Array, start: int, stop: int, cut: bool, layout: Numbers, problems: Array, tally: Array
) -> tuple[int, int]:
    # Where the messages end, and how many the header promises: -1 if it does not say.
    big = layout[_BIG] != 0
    body = start + layout[_HEADER]
    blocks = -1
    if layout[_COUNT_SIZE]:
        blocks = _number(data, start + layout[_COUNT], layout[_COUNT_SIZE], big)
        if blocks == 0:
            tally[_HEARTBEATS] += 1
        elif blocks == layout[_END_COUNT]:
            tally[_ENDS] += 1
            blocks = 0
    if layout[_PAYLOAD_SIZE]:
        payload = _number(data, start + layout[_PAYLOAD], layout[_PAYLOAD_SIZE], big)
        payload -= layout[_PAYLOAD_COUNTED]
        if 0 <= payload <= stop - body:
            stop = body + payload
        elif not cut:
            note(problems, tally, _PAYLOAD_KIND, start, payload, stop - body)
    return stop, blocks


@inner
def _scan_blocks(
    data: Array,
    start: int,
    end: int,
    cut: bool,
    layout: Numbers,
    program: Array | None,
    expected: Array,
    offsets: Array,
    sizes: Array,
    tags: Array,
    count: int,
    problems: Array,
    tally: Array,
) -> tuple[int, int]:
    # How many messages there are now, and how many blocks there were.
    prefix, counted, head = layout[_PREFIX], layout[_COUNTED], layout[_HEAD]
    length_at, is_short = layout[_LENGTH], layout[_LENGTH_SIZE] == 2
    tag_at, is_letter = layout[_TAG], layout[_TAG_SIZE] == 1
    big, tag_big, is_fixed = layout[_BIG] != 0, layout[_TAG_BIG] != 0, layout[_BLOCK_LENGTH] < 0
    stop, blocks = _bounds(data, start, end, cut, layout, problems, tally)
    at = start + layout[_HEADER]
    found = 0
    while found != blocks and (blocks >= 0 or at < stop):
        body = at + prefix
        if program is not None:
            size = message_size(data, at, stop, program)
            if size <= 0:
                if not cut:
                    least = head if size == 0 else stop - at + 1
                    note(problems, tally, _GROUP_KIND, at, least, stop - at)
                break
        else:
            if body > stop:
                if not cut:
                    note(problems, tally, _BLOCK_KIND, at, prefix, stop - at)
                break
            if is_short:
                size = u16(data, at + length_at, big) - counted
            else:
                size = _number(data, at + length_at, layout[_LENGTH_SIZE], big) - counted
            if size < 0 or body + size > stop:
                if not cut:
                    note(problems, tally, _BLOCK_KIND, at, size, stop - body)
                break
        found += 1
        at = body + size
        if size < head:
            if size == 0:
                tally[_EMPTY_BLOCK] += 1
            else:
                note(problems, tally, _LENGTH_KIND, body, head, size)
            continue
        tag = u8(data, body + tag_at, big) if is_letter else u16(data, body + tag_at, tag_big)
        if not is_fixed or expected[tag] != size:
            needed = _needed(data, body, size, expected[tag], layout)
            if needed != size:
                note(problems, tally, _LENGTH_KIND, body, needed, size)
                continue
        put(offsets, count, body)
        put(sizes, count, size)
        put(tags, count, tag)
        count += 1
    if found == blocks and at < stop:
        note(problems, tally, _TRAILING, at, 0, stop - at)
    if stop < end:
        note(problems, tally, _TRAILING, stop, 0, end - stop)
    return count, found


@jit
def scan_datagrams(
    data: Array,
    datagrams: Array,
    first: int,
    last: int,
    kept: Array,
    layout: Numbers,
    program: Array | None,
    expected: Array,
    offsets: Array,
    sizes: Array,
    tags: Array,
    problems: Array,
    tally: Array,
) -> tuple[int, int, int]:
    """Scan datagrams `first` to `last` until the end or until the arrays are full.

    Parameters
    ----------
    data : (n_bytes,) uint8
    datagrams : (n, 5) int64
        See `DATAGRAM`.
    kept : (7 * n,) uint64
        Filled, from the front of each seventh, with what `KEPT` lists of those that carry the
        protocol.
    layout : tuple of int
        See `Layout`. A tuple, because the compiler cannot know that the arrays that are written
        are not the layout, and would read it again for every message.
    program : (n,) int64, or None
        How to step over a message that no length stands before; None where one does. The compiler
        then leaves the stepping out, which takes it longer than all the rest.
    expected : (256,) or (65536,) uint16
        Documented size by tag; 0 for an unknown tag, which any length fits.
    offsets, sizes, tags : (room,) unsigned
        Filled from the front.
    problems : (n, 4) int64
        Kind, offset, expected, found; the first n are written.
    tally : (len(Tally),) int64
        Counted up.

    Returns
    -------
    tuple of int
        Where it stopped, how many datagrams are kept, and how many messages there are.
    """
    least = layout[_PREFIX] + layout[_HEAD]
    rows, row, count = len(datagrams), 0, 0
    for i in range(first, last):
        start, stop = datagrams[i, _START], datagrams[i, _STOP]
        size = stop - start
        # Most datagrams are far from the end of the room, and a division takes as long as messages.
        if count + size >= len(offsets) and count + size // least + 1 > len(offsets):
            return i, row, count
        if not _is_ours(data, start, stop, layout):
            tally[_OTHER] += 1
            continue
        put(kept, _KEPT_START * rows + row, start)
        put(kept, _KEPT_FIRST * rows + row, count)
        put(kept, _BEFORE_RECORD * rows + row, start - datagrams[i, _RECORD])
        put(kept, _BEFORE_IP * rows + row, start - datagrams[i, _IP])
        put(kept, _SIZE * rows + row, size)
        number = _number(data, start + layout[_SEQUENCE], layout[_SEQUENCE_SIZE], layout[_BIG] != 0)
        put(kept, _KEPT_SEQUENCE * rows + row, number)
        cut = datagrams[i, _FULL] > stop
        count, found = _scan_blocks(
            data, start, stop, cut, layout, program, expected, offsets, sizes, tags, count,
            problems, tally,
        )  # fmt: skip
        put(kept, _BLOCKS * rows + row, found)
        row += 1
    return last, row, count
