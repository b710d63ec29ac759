"""Messages in a stream, each after its length: where they are, what they are."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._jit import jit
from .simd import byte, prefetch, put
from .tally import CUT, END, FULL, Tally, note

__all__ = ["AHEAD", "LENGTH_SIZE", "scan_frames"]

Array = NDArray[Any]

LENGTH_SIZE = 2
"""Size of the length before a message [bytes]."""
AHEAD = 4096
"""How far ahead bytes are asked for [bytes]: the chain of lengths waits for none of them."""

_HEARTBEATS, _ENDS = int(Tally.HEARTBEATS), int(Tally.ENDS)
_EMPTY_BLOCK, _SESSION = int(Tally.EMPTY_BLOCK), int(Tally.SESSION)
_LENGTH, _BLOCK, _AFTER_END = int(Tally.LENGTH), int(Tally.BLOCK), int(Tally.AFTER_END)
_SERVER_BEATS, _CLIENT_BEATS, _STOPS = b"HRZ"  # SoupBinTCP 3.00, packet types


@jit
def scan_frames(
    data: Array,
    position: int,
    skip: int,
    expected: Array,
    grows: bool,
    carriers: Array,
    offsets: Array,
    sizes: Array,
    tags: Array,
    problems: Array,
    tally: Array,
) -> tuple[int, int, int]:
    """Scan a stream from `position` until its end or until the arrays are full.

    Parameters
    ----------
    data : (n_bytes,) uint8
    position : int
        Where a length starts: two bytes, big-endian.
    skip : {0, 1}
        Bytes between the length and the message that the length counts: none in a BinaryFILE,
        where a length of zero ends the session; the packet type in SoupBinTCP.
    expected : (256,) uint16
        Documented size by tag; 0 for an unknown tag, which any length fits.
    grows : bool
        Whether messages longer than documented are messages too.
    carriers : (256,) uint8
        1 for each packet type that stands before a message; of no interest if `skip` is 0.
    offsets, sizes, tags : (room,) unsigned
        Filled from the front.
    problems : (n, 4) int64
        Kind, offset, expected, found; the first n are written.
    tally : (len(Tally),) int64
        Counted up.

    Returns
    -------
    tuple of int
        Where it stopped, why (`END`, `FULL`, `CUT`), and how many messages it found.
    """
    end = len(data)
    last = end - LENGTH_SIZE - 0xFF
    count = 0
    while count < len(offsets):
        # What nearly all messages of a BinaryFILE are like. The next position waits for one byte
        # only: the rest is compared beside that chain, and where fewer than 256 bytes follow a
        # length they fit in before `last`.
        while skip == 0 and count < len(offsets) and position < last:
            body = position + LENGTH_SIZE
            low = byte(data, position + 1)
            tag = byte(data, body)
            prefetch(data, body + AHEAD)
            if (expected[tag] ^ low | byte(data, position) << 8) or low == 0:
                break
            put(offsets, count, body)
            put(sizes, count, low)
            put(tags, count, tag)
            count += 1
            position = body + low
        if count == len(offsets):
            break
        body = position + LENGTH_SIZE
        if body > end:
            return position, END if position == end else CUT, count
        size = byte(data, position) << 8 | byte(data, position + 1)
        if body + size > end:
            return position, CUT, count
        if size == 0:
            if skip == 0:  # the end of the session
                tally[_ENDS] += 1
                if body < end:
                    note(problems, tally, _AFTER_END, body, 0, end - body)
                return end, END, count
            note(problems, tally, _BLOCK, position, skip, 0)
            position = body
            continue
        position = body + size
        if skip:
            kind = byte(data, body)
            if carriers[kind] == 0:
                if kind == _SERVER_BEATS or kind == _CLIENT_BEATS:
                    tally[_HEARTBEATS] += 1
                elif kind == _STOPS:
                    tally[_ENDS] += 1
                else:
                    tally[_SESSION] += 1
                continue
            if size == skip:
                tally[_EMPTY_BLOCK] += 1
                continue
        tag = byte(data, body + skip)
        documented = expected[tag] + skip  # as the length counts
        if documented == skip or documented == size or (grows and size > documented):
            put(offsets, count, body + skip)
            put(sizes, count, size - skip)
            put(tags, count, tag)
            count += 1
        else:
            note(problems, tally, _LENGTH, body + skip, documented - skip, size - skip)
    return position, FULL, count
