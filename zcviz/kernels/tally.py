"""What the scanning kernels count, and how they write down what is wrong."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from numpy.typing import NDArray

from ._jit import inner

__all__ = ["CUT", "END", "FULL", "Tally", "note"]

Array = NDArray[Any]

END, FULL, CUT = 0, 1, 2
"""Why a scan stopped: at the end, for want of room, at a record that the file cuts off."""


class Tally(IntEnum):
    """What a scan counts, as positions in its array of counters."""

    PROBLEMS = 0
    PACKETS = 1
    HEARTBEATS = 2
    ENDS = 3
    # Passed over, with a reason.
    LINK = 4
    NOT_IP = 5
    NOT_UDP = 6
    FRAGMENT = 7
    OTHER = 8
    BAD_HEADER = 9
    EMPTY_BLOCK = 10
    SESSION = 11
    # The kinds of problem, as the kernels write them down.
    LENGTH = 12
    BLOCK = 13
    TRAILING = 14
    CUT_PACKET = 15
    IP_VERSION = 16
    IP_HEADER = 17
    IP_TOTAL = 18
    UDP_LENGTH = 19
    AFTER_END = 20
    CAPTURE_BLOCK = 21
    INTERFACE = 22
    PAYLOAD = 23
    GROUP = 24
    HEADERS = 25


_PROBLEMS = int(Tally.PROBLEMS)


@inner
def note(problems: Array, tally: Array, kind: int, offset: int, expected: int, found: int) -> None:
    """Count a problem, and write it down if there is room left."""
    row = tally[_PROBLEMS]
    if row < len(problems):
        problems[row, 0] = kind
        problems[row, 1] = offset
        problems[row, 2] = expected
        problems[row, 3] = found
    tally[_PROBLEMS] = row + 1
