"""The day: what is announced when, and how the order flow is spread from morning to evening."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .listing import DIRECT, HALTED, HEAD, IPO, PAUSED, Listing

__all__ = [
    "CLOSED",
    "FLOW",
    "HALTS",
    "MAKERS",
    "OPENS",
    "RELEASE",
    "SECOND",
    "Script",
    "Stretch",
    "script",
]

Ints = NDArray[np.int64]

SECOND = 10**9


def _clock(hour: int, minute: int = 0, second: int = 0) -> int:
    return ((hour * 60 + minute) * 60 + second) * SECOND


class Stretch(NamedTuple):
    """A part of the day.

    Attributes
    ----------
    start : int [ns since midnight]
        It lasts until the next one starts.
    share : int
        Thousandths of the day's order flow.
    leaders : int
        Sixteenths of the messages that start a burst of their own.
    cross : bytes
        The cross that its imbalance messages announce; empty where there are none.
    """

    start: int
    share: int
    leaders: int
    cross: bytes = b""


# Busy at both ends, in larger bursts.
FLOW = (
    Stretch(_clock(4), 6, 6),
    Stretch(_clock(7), 8, 5),
    Stretch(_clock(8), 22, 4),
    Stretch(_clock(9), 34, 3),
    Stretch(_clock(9, 28), 20, 2, b"O"),
    Stretch(_clock(9, 30), 30, 1),
    Stretch(_clock(9, 31), 115, 2),
    Stretch(_clock(9, 45), 150, 2),
    Stretch(_clock(10, 30), 145, 2),
    Stretch(_clock(12), 135, 3),
    Stretch(_clock(14), 95, 3),
    Stretch(_clock(15), 115, 2),
    Stretch(_clock(15, 50), 65, 2, b"C"),
    Stretch(_clock(15, 59), 38, 1, b"C"),
    Stretch(_clock(16), 10, 3),
    Stretch(_clock(16, 5), 8, 5),
    Stretch(_clock(18), 4, 6),
)
CLOSED = _clock(20)

# Trading state and reason; a trading action's code is the position here, and 0 trades.
HALTS = ((b"T", b"    "), (b"P", b"LUDP"), (b"Q", b"LUDP"), (b"H", b"IPO1"), (b"Q", b"IPOQ"))
_PAUSE, _QUOTE, _UNLISTED, _RELEASED = range(1, 5)

# When the first orders in a new security arrive, and when a cross releases it.
OPENS = {IPO: _clock(9, 50), DIRECT: _clock(9, 55)}
RELEASE = {IPO: _clock(10, 10), DIRECT: _clock(10, 30)}

# What happens to single securities: clock, message type, rank (-1: the market), code.
_EVENTS: tuple[tuple[int, bytes, int, bytes | int], ...] = (
    (_clock(3), b"S", -1, b"O"),
    (_clock(3, 8), b"V", -1, 0),
    (_clock(4), b"S", -1, b"S"),
    # One of each order message before the flow begins: B and S name the side.
    (_clock(4), b"A", HEAD, b"B"),
    (_clock(4), b"A", HEAD, b"S"),
    (_clock(4), b"F", HEAD, b"B"),
    (_clock(4), b"F", HEAD, b"S"),
    (_clock(4), b"X", HEAD, b"B"),
    (_clock(4), b"U", HEAD, b"B"),
    (_clock(4), b"P", HEAD, b"B"),
    (_clock(4), b"E", HEAD, b"B"),
    (_clock(4), b"C", HEAD, b"S"),
    (_clock(4), b"D", HEAD, b"B"),
    (_clock(9, 29, 50), b"I", HEAD, b"O"),
    (_clock(9, 30), b"S", -1, b"Q"),
    (_clock(9, 33, 20), b"N", HEAD, b"A"),
    # A public offering, and a listing without one: quoted first, opened by a cross.
    (_clock(9, 40), b"K", IPO, b"A"),
    (OPENS[IPO], b"H", IPO, _RELEASED),
    (_clock(10), b"I", IPO, b"H"),
    (_clock(10, 5), b"I", IPO, b"H"),
    (RELEASE[IPO], b"Q", IPO, b"H"),
    (RELEASE[IPO], b"H", IPO, 0),
    (OPENS[DIRECT], b"H", DIRECT, _RELEASED),
    (_clock(10, 15), b"O", DIRECT, b"N"),
    (_clock(10, 20), b"O", DIRECT, b"N"),
    (_clock(10, 25), b"O", DIRECT, b"Y"),
    (RELEASE[DIRECT], b"Q", DIRECT, b"H"),
    (RELEASE[DIRECT], b"H", DIRECT, 0),
    (_clock(10, 42, 7), b"B", HEAD, 0),
    # A limit-up limit-down pause, once extended.
    (_clock(11, 2, 13), b"H", PAUSED, _PAUSE),
    (_clock(11, 2, 13), b"J", PAUSED, 0),
    (_clock(11, 6, 13), b"H", PAUSED, _QUOTE),
    (_clock(11, 6, 43), b"I", PAUSED, b"H"),
    (_clock(11, 7, 13), b"J", PAUSED, 1),
    (_clock(11, 12, 13), b"Q", PAUSED, b"H"),
    (_clock(11, 12, 13), b"H", PAUSED, 0),
    # Another market's trouble: nothing changes in this book.
    (_clock(13, 17), b"h", HALTED, b"H"),
    (_clock(13, 26), b"h", HALTED, b"T"),
    (_clock(14, 5, 31), b"B", PAUSED, 0),
    # Too late in the day for this level to halt the market.
    (_clock(15, 31, 4), b"W", -1, b"1"),
    (_clock(15, 58), b"I", HEAD, b"C"),
    (_clock(16), b"S", -1, b"M"),
    (CLOSED, b"S", -1, b"E"),
    (_clock(20, 5), b"S", -1, b"C"),
)
MAKERS = 8  # market participants
BUSY = 12


class Script(NamedTuple):
    """Messages that do not depend on chance, in order of time.

    Attributes
    ----------
    time : ndarray of int64, shape (n,) [ns since midnight]
    tag, code : ndarray of uint8, shape (n,)
        The message type, and what tells messages of this type apart.
    security : ndarray of int64, shape (n,)
        -1: the whole market.
    """

    time: Ints
    tag: NDArray[np.uint8]
    security: Ints
    code: NDArray[np.uint8]


def script(listing: Listing) -> Script:
    """Return everything that is announced on the day."""
    parts = [*_directory(listing), _events(listing), *_crosses(listing)]
    joined = Script._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(joined.time, kind="stable")
    return Script._make(column[order] for column in joined)


def _rows(time: Ints, tag: bytes, security: Ints, code: int | Ints) -> Script:
    n = len(security)
    codes = np.broadcast_to(code, n).astype(np.uint8)
    return Script(time, np.full(n, tag[0], np.uint8), security, codes)


def _directory(listing: Listing) -> list[Script]:
    every = np.arange(len(listing.stock))
    state = np.zeros(len(every), np.int64)
    state[listing.ranked[[IPO, DIRECT]]] = _UNLISTED
    makers = np.repeat(every, 1 + every % 3)
    maker = np.arange(len(makers))
    return [
        _rows(_clock(3, 2) + 9_000 * every, b"R", every, 0),
        _rows(_clock(3, 4) + 6_000 * every, b"H", every, state),
        _rows(_clock(3, 5) + 5_000 * every, b"Y", every, 48 + 2 * (every % 16 == 5)),
        _rows(_clock(3, 6) + 3_000 * maker, b"L", makers, maker % MAKERS),
    ]


def _events(listing: Listing) -> Script:
    security = [listing.ranked[rank] if rank >= 0 else -1 for _, _, rank, _ in _EVENTS]
    code = [each if isinstance(each, int) else each[0] for *_, each in _EVENTS]
    return Script(
        np.array([time for time, *_ in _EVENTS], np.int64),
        np.array([tag[0] for _, tag, *_ in _EVENTS], np.uint8),
        np.array(security, np.int64),
        np.array(code, np.uint8),
    )


def _crosses(listing: Listing) -> list[Script]:
    # The opening and the closing auction. In the busiest ones, the bid that the cross filled.
    listed = listing.ranked[listing.listed[listing.ranked]]
    opening = listed[~np.isin(listed, listing.ranked[[IPO, DIRECT]])]
    parts = []
    for start, securities, kind in (
        (_clock(9, 30), opening, b"O"),
        (_clock(16), listed, b"C"),
    ):
        time = start + 50_000_000 + 150_000 * np.arange(len(securities))
        parts.append(_rows(time, b"Q", securities, kind[0]))
        parts.append(_rows(time[:BUSY], b"C", securities[:BUSY], ord("N")))
    return parts
