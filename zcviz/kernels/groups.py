"""Step over SBE messages, and note where the entries of a group lie.

A schema comes as a *program*: integers that say how each header is laid out and what follows it.
A program begins with what the first names below stand for; then come nodes, one for each header,
and items, one for each var-data; at its end is room for the walk itself, a frame for each group
inside another. So nothing is allocated, and each thread needs a program of its own.

To the walk, a message is a group of one entry, and the message header is that group's.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._jit import COMPILED, inner, jit
from .loads import u8, u16, u32, u64
from .simd import get, prefetch, put

__all__ = ["message_size", "walk_flat", "walk_messages"]

Bytes = NDArray[Any]
Array = NDArray[Any]

# A program: whether integers are big-endian; how many templates there are, and where the pairs of
# template and node begin, in ascending order; size of the message header, and where it has template
# and version; of what is not in the schema, the nodes of templates (-1 if those cannot be stepped
# over) and of groups, and the size of the length of var-data; the node whose entries are wanted,
# and which var-data of it (-1 for the entries themselves).
BIG, TEMPLATES, TABLE, HEAD, TEMPLATE_AT, TEMPLATE_SIZE, VERSION_AT, VERSION_SIZE = range(8)
ANY_TEMPLATE, ANY_GROUP, ANY_LENGTH, WANTED, WANTED_ITEM = range(8, 13)
# Of the walk: where its frames begin; how much was found in the last message, and in all; how many
# messages were wrong, and of the last of those the fault, its offset, how many bytes were expected
# and found.
STACK, FOUND, TOTAL, WRONG, FAULT, PROGRAM = 13, 14, 15, 16, 17, 21

# A node: size of the header; offset and size of the numbers in it (the count has size 0 in a
# message header, the numbers of groups and var-data where there are none); version that brought it;
# how many groups follow each entry, and where the nodes of those are, next to each other; the same
# for var-data; the newest version that brought one of these.
SIZE, BLOCK_AT, BLOCK_SIZE, COUNT_AT, COUNT_SIZE, GROUPS_AT, GROUPS_SIZE = range(7)
DATA_AT, DATA_SIZE, SINCE, CHILDREN, CHILD, ITEMS, ITEM, NEWEST, NODE = range(7, 16)

# An item: size of the length of var-data, version that brought it.
LENGTH_SIZE, ITEM_SINCE, ITEM_FIELDS = range(3)

# A header of a flat message, or of a group of it, in a row of numbers: its size; by how much to
# shift its word, and what to mask, for the size of a block; the same for the version, or the count;
# the version that has all groups, or whether it is the entries of this group that are wanted.
HEADER_SIZE, BLOCK_SHIFT, BLOCK_MASK, SHIFT, MASK, EXTRA, HEADER_FIELDS = range(7)

# A frame, of an entry that a group is inside of: node; size of each entry's fixed part; entries to
# come, this one included; where it starts; how many groups and how much var-data follow it; how
# many of the groups are behind us.
FRAME = 7

# Faults: a header, entries, a length, or data reach beyond the message; entries take no bytes;
# groups are too deep inside another.
HEADER, ENTRIES, LENGTH, DATA, EMPTY, DEPTH = range(1, 7)

_AHEAD = 32  # messages that are asked of memory before their turn
_AT_ONCE = 4 if COMPILED else 1  # entries written, there or not: most messages have fewer
_WORD = 8
_LONGEST = 1 << 31  # two numbers below it have a product that fits an integer


@inner
def _take(data: Bytes, at: int, size: int, big: bool) -> int:
    # The unsigned integer at `at`, of 1, 2 or 4 bytes.
    if size == 2:
        return u16(data, at, big)
    return u8(data, at, big) if size == 1 else u32(data, at, big)


@inner
def _fail(program: Array, fault: int, at: int, expected: int, found: int) -> int:
    program[FAULT] = fault
    program[FAULT + 1] = at
    program[FAULT + 2] = expected
    program[FAULT + 3] = found
    return -1


@inner
def _note(out: Array, extents: Array, used: int, at: int, extent: int) -> int:
    # Write a part down if there is room, and count it in any case.
    if used < len(out):
        put(out, used, at)
        put(extents, used, extent)
    return used + 1


@inner
def _since(program: Array, first: int, fields: int, since: int, most: int, version: int) -> int:
    # How many nodes or items a message of a version has: they are appended over the years.
    count = 0
    while count < most and get(program, first + count * fields + since) <= version:
        count += 1
    return count


@inner
def _parts(data: Bytes, at: int, program: Array, node: int, version: int) -> tuple[int, int]:
    # How many groups and how much var-data follow each entry of the group whose header is at `at`.
    groups, items = get(program, node + CHILDREN), get(program, node + ITEMS)
    if get(program, node + GROUPS_SIZE):
        big = get(program, BIG) != 0
        groups = _take(
            data, at + get(program, node + GROUPS_AT), get(program, node + GROUPS_SIZE), big
        )
        items = _take(data, at + get(program, node + DATA_AT), get(program, node + DATA_SIZE), big)
    elif version < get(program, node + NEWEST):
        groups = _since(program, get(program, node + CHILD), NODE, SINCE, groups, version)
        items = _since(program, get(program, node + ITEM), ITEM_FIELDS, ITEM_SINCE, items, version)
    return groups, items


@inner
def _push(
    program: Array,
    top: int,
    node: int,
    block: int,
    entries: int,
    start: int,
    groups: int,
    items: int,
    done: int,
) -> int:
    put(program, top, node)
    put(program, top + 1, block)
    put(program, top + 2, entries)
    put(program, top + 3, start)
    put(program, top + 4, groups)
    put(program, top + 5, items)
    put(program, top + 6, done)
    return top + FRAME


@inner
def _frame(program: Array, top: int) -> tuple[int, int, int, int, int, int, int]:
    return (
        get(program, top),
        get(program, top + 1),
        get(program, top + 2),
        get(program, top + 3),
        get(program, top + 4),
        get(program, top + 5),
        get(program, top + 6),
    )


@inner
def _data(
    data: Bytes,
    at: int,
    stop: int,
    program: Array,
    node: int,
    items: int,
    out: Array,
    extents: Array,
    used: int,
) -> tuple[int, int]:
    # Step over the var-data of an entry; return where it ends, or -1, and how much was found.
    wanted = get(program, WANTED_ITEM) if node == get(program, WANTED) else -1
    for k in range(items):
        width = get(program, ANY_LENGTH)
        if k < get(program, node + ITEMS):
            width = get(program, get(program, node + ITEM) + k * ITEM_FIELDS + LENGTH_SIZE)
        if stop - at < width:
            return _fail(program, LENGTH, at, width, stop - at), used
        length = _take(data, at, width, get(program, BIG) != 0)
        at += width
        if stop - at < length:
            return _fail(program, DATA, at, length, stop - at), used
        if k == wanted:
            used = _note(out, extents, used, at, length)
        at += length
    if wanted >= items:  # an older message has less
        used = _note(out, extents, used, at, 0)
    return at, used


@inner
def _walk(
    data: Bytes, at: int, stop: int, program: Array, node: int, out: Array, extents: Array
) -> int:
    # Step over one message; return where it ends, or -1. One loop, for its state would be a dozen
    # arguments: each turn is a group, or the end of an entry.
    big, top, stop = get(program, BIG) != 0, get(program, STACK), min(stop, at + _LONGEST)
    wanted, item, used = get(program, WANTED), get(program, WANTED_ITEM), 0
    if stop - at < get(program, HEAD):
        return _fail(program, HEADER, at, get(program, HEAD), stop - at)
    # The entry that we are in; at first, the message.
    version = _take(data, at + get(program, VERSION_AT), get(program, VERSION_SIZE), big)
    block = _take(data, at + get(program, node + BLOCK_AT), get(program, node + BLOCK_SIZE), big)
    groups, items = _parts(data, at, program, node, version)
    start, entries, done = at, 1, 0
    at += get(program, HEAD)
    if stop - at < block:
        return _fail(program, ENTRIES, at, block, stop - at)
    at += block
    while True:
        if done < groups:
            group = get(program, ANY_GROUP)
            if done < get(program, node + CHILDREN):
                group = get(program, node + CHILD) + done * NODE
            done += 1
            size = get(program, group + SIZE)
            left = stop - at - size
            if left < 0:
                return _fail(program, HEADER, at, size, left + size)
            length = _take(
                data, at + get(program, group + BLOCK_AT), get(program, group + BLOCK_SIZE), big
            )
            count = _take(
                data, at + get(program, group + COUNT_AT), get(program, group + COUNT_SIZE), big
            )
            inside, after = _parts(data, at, program, group, version)
            at += size
            if not count:
                continue
            if length > left or length * count > left:
                return _fail(program, ENTRIES, at, length, left)
            if length + inside + after == 0:
                return _fail(program, EMPTY, at, 1, 0)
            if top + FRAME > len(program):
                return _fail(program, DEPTH, at - size, 0, 0)
            if inside + after == 0:  # over all entries at once
                if group == wanted:
                    for k in range(count):
                        if item < 0:
                            used = _note(out, extents, used, at + k * length, length)
                        else:
                            used = _note(out, extents, used, at + k * length + length, 0)
                at += count * length
                continue
            top = _push(program, top, node, block, entries, start, groups, items, done)
            node, block, entries, start, groups, items = group, length, count, at, inside, after
        else:
            if items or node == wanted:
                at, used = _data(data, at, stop, program, node, items, out, extents, used)
                if at < 0:
                    return at
            if at == start:
                return _fail(program, EMPTY, at, 1, 0)
            entries, start = entries - 1, at
            if not entries:
                if top == get(program, STACK):
                    put(program, FOUND, used)
                    return at
                top -= FRAME
                node, block, entries, start, groups, items, done = _frame(program, top)
                continue
        # The fixed part of an entry.
        if stop - at < block:
            return _fail(program, ENTRIES, at, block, stop - at)
        if node == wanted and item < 0:
            used = _note(out, extents, used, at, block)
        at += block
        done = 0


@jit
def message_size(data: Bytes, at: int, stop: int, program: Array) -> int:
    """Return how long the message at `at` is, with all its parts.

    Parameters
    ----------
    data : (n,) uint8
    at, stop : int
        Where the message starts, and what it cannot reach beyond: at most ``len(data)``.
    program : (m,) int64
        Of the protocol, see `codec.groups.size_program`. The walk writes into it.

    Returns
    -------
    int
        0 where the header is cut off, or the template is unknown and the header does not count what
        follows it; negative where the parts do not fit, and ``program[FAULT:FAULT + 4]`` says why.
    """
    if stop - at < program[HEAD]:
        return 0
    template = _take(data, at + program[TEMPLATE_AT], program[TEMPLATE_SIZE], program[BIG] != 0)
    low, high = 0, program[TEMPLATES]
    while low < high:
        middle = (low + high) >> 1
        if program[program[TABLE] + 2 * middle] < template:
            low = middle + 1
        else:
            high = middle
    node = program[ANY_TEMPLATE]
    if low < program[TEMPLATES] and program[program[TABLE] + 2 * low] == template:
        node = program[program[TABLE] + 2 * low + 1]
    if node < 0:
        return 0
    end = _walk(data, at, stop, program, node, program, program)
    return end - at if end > 0 else -1


@jit
def walk_messages(
    data: Bytes,
    starts: Array,
    sizes: Array,
    number: int,
    program: Array,
    node: int,
    out: Array,
    extents: Array,
    places: Array,
    rows: Array,
    blocks: Array,
    wrong: Array,
) -> int:
    """Note where the wanted parts of many messages lie; return how many messages were looked at.

    Parameters
    ----------
    data : (n_bytes,) uint8
    starts, sizes : (n,) int64 [bytes]
        Of messages of one template.
    number : int
        Of the first message; the others follow.
    program : (m,) int64
        Of that template; `WANTED` and `WANTED_ITEM` say which parts. The walk writes into it:
        `TOTAL`, how many parts there are, and `WRONG`, how many messages had to be left out, go on.
    node : int
        Of the template.
    out, extents : (k,) int64
        Room for the parts of one message.
    places, rows, blocks : (room,) unsigned
        Filled with the offset of each part, the number of its message, and its length. The walk
        ends before a message that there is not room for, here or there.
    wrong : (j, 5) int64
        Filled with the first messages left out: number, fault, offset, expected, found.
    """
    total = program[TOTAL]
    for i in range(len(starts)):
        prefetch(data, get(starts, min(i + _AHEAD, len(starts) - 1)))
        at, size = starts[i], sizes[i]
        if at + size <= len(data):
            end = _walk(data, at, at + size, program, node, out, extents)
        else:
            end = _fail(program, HEADER, at, size, len(data) - at)
        if end < 0:
            row = program[WRONG]
            program[WRONG] = row + 1
            if row < len(wrong):
                wrong[row, 0] = number + i
                for k in range(4):
                    wrong[row, k + 1] = program[FAULT + k]
            continue
        found = program[FOUND]
        if found > len(out) or total + found > len(places):
            return i
        for k in range(found):
            put(places, total + k, get(out, k))
            put(rows, total + k, number + i)
            put(blocks, total + k, get(extents, k))
        total += found
        program[TOTAL] = total
    return len(starts)


@jit
def walk_flat(
    data: Bytes,
    starts: Array,
    sizes: Array,
    number: int,
    headers: Array,
    big: bool,
    total: int,
    places: Array,
    rows: Array,
    blocks: Array,
) -> tuple[int, int]:
    """Do what `walk_messages` does, up to the first message with anything wrong or unusual.

    Parameters
    ----------
    data, starts, sizes, number, places, rows, blocks
        See there.
    headers : (HEADER_FIELDS * (1 + n_groups),) int64
        Of the message and of its groups, none longer than a word. Nothing else follows the message,
        and nothing the entries; those of one group are wanted.
    big : bool
        Whether integers are big-endian.
    total : int
        How many entries were found before.

    Returns
    -------
    tuple of int
        How many messages were looked at, and how many entries there are now.
    """
    size, newest = headers[HEADER_SIZE], headers[EXTRA]
    block_shift, block_mask = headers[BLOCK_SHIFT], headers[BLOCK_MASK]
    version_shift, version_mask = headers[SHIFT], headers[MASK]
    for i in range(len(starts)):
        prefetch(data, get(starts, min(i + _AHEAD, len(starts) - 1)))
        at, length, found = get(starts, i), get(sizes, i), total
        stop = at + length
        if (length < _WORD) | (length > _LONGEST) | (stop > len(data)):
            return i, total
        word = u64(data, at, big)
        if word >> version_shift & version_mask < newest:
            return i, total
        at += size + (word >> block_shift & block_mask)
        for row in range(HEADER_FIELDS, len(headers), HEADER_FIELDS):
            left = stop - at - get(headers, row + HEADER_SIZE)
            if (left < 0) | (at + _WORD > len(data)):
                return i, total
            word = u64(data, at, big)
            block = word >> get(headers, row + BLOCK_SHIFT) & get(headers, row + BLOCK_MASK)
            count = word >> get(headers, row + SHIFT) & get(headers, row + MASK)
            at += get(headers, row + HEADER_SIZE)
            if (count > 0) & ((block == 0) | (block > left) | (block * count > left)):
                return i, total
            if get(headers, row + EXTRA):
                if total + count + _AT_ONCE > len(places):
                    return i, total
                for low in range(0, max(count, 1), _AT_ONCE):
                    # With this call in it, the loop is not made one for hundreds of entries.
                    prefetch(data, at + low * block)
                    for k in range(low, low + _AT_ONCE):
                        put(places, total + k, at + k * block)
                    for k in range(low, low + _AT_ONCE):
                        put(rows, total + k, number + i)
                    for k in range(low, low + _AT_ONCE):
                        put(blocks, total + k, block)
                found += count
            at += count * block
        total = found
    return len(starts), total
