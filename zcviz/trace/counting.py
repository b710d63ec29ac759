"""Functions that stand in for the allocators of CPython and numpy: they count, and pass on.

They run in the middle of an allocation, in any thread, with or without the GIL. So they are
machine code that calls nothing but the allocator found, takes no lock (a fork may come at any
instruction), and writes only to the words of int64 that are divided up here.

The table finds a block's size again by its address. A block lies in one of the buckets after the
one of its address; neighbours in memory are neighbours in the table, so that no more of it is
touched than is allocated. A bucket is 32 words: ten addresses, their sizes, their marks, and
whether blocks went on to the next bucket. A mark is ``epoch << 32 | windows``: which windows
counted the block, and when; whatever is older than the oldest open window is free again.
"""

from __future__ import annotations

from typing import Any

from .machine import add, call, compiled, inner, lift, load, publish, store, swap

# And the places of words below: `hook` fills in what the functions read.
__all__ = ["functions"]

# ruff: noqa: PLR1714
# mypy: disable-error-code="no-untyped-def"

# Words of the head.
INSIDE = 0  # thread that is inside an allocator that may call another one
OURS = 1  # thread that does our own work, which is nobody's business
IDENT, IDENT_BITS = 2, 3  # the function that tells a thread's identity, and its width
EPOCH, BASE = 4, 5  # of the newest window, and of the oldest one open
OPEN = 6  # how many windows to look at; none: nothing is counted
LOST = 7  # blocks that found no place in the table
DOMAIN, DOMAINS, DOMAIN_WORDS = 16, 4, 16
WINDOW, WINDOWS, WINDOW_WORDS = 96, 31, 32

# Words of a domain; its address is the context that the functions below are called with.
HEAD = 0  # the address of the head
COLUMN = 1  # the domain's counts in a window
LOCKED = 2  # whether its allocator is called with the GIL, and may call that of another domain
CONTEXT, MALLOC, CALLOC, REALLOC, FREE = 3, 4, 5, 6, 7  # the allocator found
SEEN = 8  # whether our own work came by: somebody still calls the functions below
BUCKETS, MASK = 9, 10  # the address of its table, and the number of buckets less one

# Words of a window, and of each of its columns.
ACTIVE, THREAD, SINCE, PEAK, NUMBER, LOSSES, COUNTS = 0, 1, 2, 3, 4, 5, 6
ALLOCATIONS, BYTES, FREES, FREED, UNKNOWN, REALLOCS, MOVED = 0, 1, 2, 3, 4, 5, 6
COLUMNS, COLUMN_WORDS = 3, 8

# Words of a bucket.
SLOTS, SIZES, MARKS, FULL, BUCKET_WORDS = 10, 10, 20, 30, 32
STEPS = 16  # buckets that a block may lie in
BUSY = 1  # no address: somebody is filling the slot
OWN = 1 << 31  # marks our own blocks; the bits below, a window each

# A table of what is allocated with the GIL, and one for "raw", where threads do meet.
TABLE, TABLE_BUCKETS = 2048, 1 << 19
RAW_TABLE, RAW_BUCKETS = TABLE + TABLE_BUCKETS * BUCKET_WORDS, 1 << 16
WORDS = RAW_TABLE + RAW_BUCKETS * BUCKET_WORDS


@inner
def _bucket(domain, address, step):
    near, far = address >> 7, (address >> 26) * 0x9E3779B1
    number = (near + far + step) & load(domain, MASK)
    return load(domain, BUCKETS) + 8 * BUCKET_WORDS * number


@inner
def _find(domain, address):
    """Return where the table holds `address`, 0 if it does not."""
    base = load(load(domain, HEAD), BASE)
    for step in range(STEPS):
        bucket = _bucket(domain, address, step)
        for slot in range(SLOTS):
            if load(bucket, slot) == address and load(bucket, slot + MARKS) >> 32 >= base:
                return bucket + 8 * slot
        if load(bucket, FULL) == 0:
            return 0
    return 0


@inner
def _keep(domain, address, size, mark):
    head, locked = load(domain, HEAD), load(domain, LOCKED)
    base = load(head, BASE)
    for step in range(STEPS):
        bucket = _bucket(domain, address, step)
        for slot in range(SLOTS):
            held = load(bucket, slot)
            free = held == 0 or held == address
            if not free and held != BUSY:
                free = load(bucket, slot + MARKS) >> 32 < base
            if free and (locked or swap(bucket, slot, held, BUSY)):
                store(bucket, slot + SIZES, size)
                store(bucket, slot + MARKS, mark)
                publish(bucket, slot, address)
                return
        store(bucket, FULL, 1)
    add(head, LOST, 1)


@inner
def _count(domain, counts, what, number):
    if load(domain, LOCKED):
        store(counts, what, load(counts, what) + number)
    else:
        add(counts, what, number)


@inner
def _enter(domain):
    """Return the calling thread, 0 if this call is not to be counted."""
    head = load(domain, HEAD)
    if load(head, OPEN) == 0:
        return 0
    me = call(load(head, IDENT)) & load(head, IDENT_BITS)
    # Python's allocator takes large blocks from "raw", newer versions of numpy all blocks.
    if load(head, INSIDE) == me:
        return 0
    if load(domain, LOCKED):
        store(head, INSIDE, me)
    return me


@inner
def _leave(domain):
    if load(domain, LOCKED):
        store(load(domain, HEAD), INSIDE, 0)


@inner
def _asks(window, me, epoch):
    """Whether the window was open at `epoch`, and is, and for this thread."""
    # One that a thread without the GIL did not see open must not count its block by halves.
    active, thread = load(window, ACTIVE), load(window, THREAD)
    return active != 0 and load(window, SINCE) <= epoch and (thread == 0 or thread == me)


@inner
def _knows(window, number, mark):
    """Whether the window is open, and counted the block with this mark."""
    counted = mark >> number & 1 != 0 and mark >> 32 >= load(window, SINCE)
    return counted and load(window, ACTIVE) != 0


@inner
def _grow(domain, window, counts, size):
    _count(domain, counts, BYTES, size)
    held = 0
    for column in range(COLUMNS):
        each = window + 8 * (COUNTS + COLUMN_WORDS * column)
        held += load(each, BYTES) - load(each, FREED)
    if held > load(window, PEAK):
        lift(window, PEAK, held)


@inner
def _made(domain, me, address, size):
    head = load(domain, HEAD)
    epoch, windows = load(head, EPOCH), 0
    if load(head, OURS) == me:
        windows = OWN
        store(domain, SEEN, 1)
    else:
        for number in range(load(head, OPEN)):
            window = head + 8 * (WINDOW + WINDOW_WORDS * number)
            if _asks(window, me, epoch):
                windows |= 1 << number
                counts = window + 8 * load(domain, COLUMN)
                _count(domain, counts, ALLOCATIONS, 1)
                _grow(domain, window, counts, size)
    _keep(domain, address, size, epoch << 32 | windows)


@inner
def _forget(domain, address):
    """Take a block out of the table; return its size and mark, zeros if they are not known."""
    place = _find(domain, address)
    if place == 0:
        return 0, 0
    known = load(place, SIZES), load(place, MARKS)
    publish(place, 0, 0)
    return known


@inner
def _gone(domain, me, address):
    head = load(domain, HEAD)
    size, mark = _forget(domain, address)
    if mark & OWN:
        return
    ours, epoch = load(head, OURS) == me, load(head, EPOCH)
    for number in range(load(head, OPEN)):
        window = head + 8 * (WINDOW + WINDOW_WORDS * number)
        counts = window + 8 * load(domain, COLUMN)
        if _knows(window, number, mark):
            _count(domain, counts, FREES, 1)
            _count(domain, counts, FREED, size)
        elif _asks(window, me, epoch) and not ours:
            _count(domain, counts, FREES, 1)
            _count(domain, counts, UNKNOWN, 1)


@inner
def _remade(domain, me, size, mark, wanted, moved):
    """Count a realloc; return the mark that the block has now."""
    head = load(domain, HEAD)
    epoch = load(head, EPOCH)
    ours = mark & OWN != 0 or load(head, OURS) == me
    windows = OWN if ours else 0
    for number in range(load(head, OPEN)):
        window = head + 8 * (WINDOW + WINDOW_WORDS * number)
        counts = window + 8 * load(domain, COLUMN)
        known = _knows(window, number, mark)
        if _asks(window, me, epoch) and not ours:
            windows |= 1 << number
            _count(domain, counts, REALLOCS, 1)
            if not known:
                _count(domain, counts, UNKNOWN, 1)
                _grow(domain, window, counts, wanted)
            elif wanted > size:
                _grow(domain, window, counts, wanted - size)
            else:
                _count(domain, counts, FREED, size - wanted)
            if known and moved:
                _count(domain, counts, MOVED, min(size, wanted))
        elif known:  # it is another thread's block from now on
            _count(domain, counts, FREES, 1)
            _count(domain, counts, FREED, size)
    return epoch << 32 | windows


def _malloc(domain, size):
    me = _enter(domain)
    address = call(load(domain, MALLOC), load(domain, CONTEXT), size)
    if me:
        _leave(domain)
        if address:
            _made(domain, me, address, size)
    return address


def _calloc(domain, number, size):
    me = _enter(domain)
    address = call(load(domain, CALLOC), load(domain, CONTEXT), number, size)
    if me:
        _leave(domain)
        if address:
            _made(domain, me, address, number * size)
    return address


def _realloc(domain, old, wanted):
    me = _enter(domain)
    size = mark = 0
    if me and old:  # before the call: after it the address may be another block's at once
        size, mark = _forget(domain, old)
    new = call(load(domain, REALLOC), load(domain, CONTEXT), old, wanted)
    if me:
        _leave(domain)
        if new and old:
            _keep(domain, new, wanted, _remade(domain, me, size, mark, wanted, old != new))
        elif new:
            _made(domain, me, new, wanted)
        elif mark:
            _keep(domain, old, size, mark)
    return new


def _free(domain, address):
    me = _enter(domain)
    if me and address:
        _gone(domain, me, address)
    call(load(domain, FREE), load(domain, CONTEXT), address)
    if me:
        _leave(domain)


def _free_array(domain, address, size):
    # The size is numpy's affair: of an empty array it is not what was asked for.
    me = _enter(domain)
    if me and address:
        _gone(domain, me, address)
    call(load(domain, FREE), load(domain, CONTEXT), address, size)
    if me:
        _leave(domain)


def functions() -> tuple[Any, ...]:
    """Return malloc, calloc, realloc, free, and numpy's free, as numba's C functions.

    Notes
    -----
    Memory: their machine code, compiled once and kept on disk where possible.
    """
    return (
        compiled(_malloc, 2),
        compiled(_calloc, 3),
        compiled(_realloc, 3),
        compiled(_free, 2, returns=False),
        compiled(_free_array, 3, returns=False),
    )
