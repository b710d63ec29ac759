"""A session of Nasdaq's, span by span, and the same told in the words of ITCH 4.1."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..codec import encode, reference
from ..protocols.binaryfile import FRAME
from ..protocols.itch41 import ITCH41
from ..protocols.itch50 import ITCH50
from ..spec import Protocol
from .books import Book
from .day import SECOND, script
from .listing import invent
from .market import moves_of
from .packets import MIDNIGHT
from .plan import Plan
from .telling import Story
from .wording import stream_of

__all__ = ["SMALLEST", "spans", "story"]

Ints = NDArray[np.int64]

SPAN = 1 << 17  # messages at a time

SMALLEST = len(script(invent(1, np.random.PCG64(0))).time)
"""Messages of the shortest session: the start of the day and at least one of each type."""


def spans(messages: int, seed: int) -> Iterator[tuple[Ints, NDArray[np.uint8], Ints]]:
    """Make a session of ITCH 5.0.

    Yields
    ------
    time : ndarray of int64, shape (n_messages,) [ns since midnight]
    stream : ndarray of uint8
        The messages, each after its length.
    size : ndarray of int64, shape (n_messages,) [bytes]
        Lengths included.
    """
    random = np.random.PCG64(seed)
    listing = invent(messages, random)
    plan, book = Plan(messages, listing), Book.empty(listing)
    for first in range(0, messages, SPAN):
        n = min(SPAN, messages - first)
        chance = (random.random_raw((2, n)) >> np.uint64(1)).astype(np.int64)
        span = plan.span(first, chance[0])
        moves = moves_of(book, span.tag, span.security, span.code, chance[1])
        yield span.time, *stream_of(span, moves, chance[1], listing)


def story(feed: Protocol, messages: int, seed: int) -> Story:
    """Return a session of ITCH 5.0 or 4.1 as messages: every type, about `messages` of them."""
    told: Story = []
    # The older edition says the time in messages of their own, as many as there are seconds.
    wished = messages * 7 // 8 if feed is ITCH41 else messages
    for times, stream, sizes in spans(max(wished, SMALLEST), seed):
        data, at = stream.tobytes(), 0
        for time, size in zip(times.tolist(), sizes.tolist(), strict=True):
            message = data[at + FRAME.size : at + size]
            told.append((MIDNIGHT * SECOND + time, message))
            at += size
    return _in_older_words(told) if feed is ITCH41 else told


def _in_older_words(told: Story) -> Story:
    retold: Story = []
    now = -1
    for time, message in told:
        tag = message[:1]
        if tag not in ITCH41:
            continue
        second, fraction = divmod(time - MIDNIGHT * SECOND, SECOND)
        if second != now:
            now = second
            retold.append((time, encode(ITCH41["T"], second=second)))
        said, older = reference(ITCH50[tag], message), ITCH41[tag]
        values = {field.name: said[field.name] for field in older.fields[2:]}
        for field in older.fields:  # codes that came later
            if field.codes and values[field.name] not in field.codes:
                values[field.name] = b" "
        retold.append((time, encode(older, timestamp_nanoseconds=fraction, **values)))
    return retold
