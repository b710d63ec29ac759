"""Synthetic sessions of ITCH 5.0: seeded, self-consistent, the same bytes on every platform.

The securities and everything that happens to them are invented. A session is made in spans of
messages: a *plan* says when each is sent, about which security, and which type is wished for;
the *market* turns wishes into what its order books allow; *wording* writes the messages as a
BinaryFILE has them, and *packets* cuts that into MoldUDP64 datagrams.

Chance is the raw output of PCG64, whose bits numpy guarantees, and integer arithmetic.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import SpecError
from .books import Book
from .day import script
from .listing import invent
from .market import moves_of
from .packets import capture_header, end_of_session, frames, packets_of
from .plan import Plan
from .wording import stream_of

__all__ = ["SMALLEST", "make"]

SPAN = 1 << 17  # messages at a time

SMALLEST = len(script(invent(1, np.random.PCG64(0))).time)
"""Messages of the shortest session: the start of the day and at least one of each type."""


def make(
    directory: str | os.PathLike[str],
    messages: int = 100_000,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, Path]:
    """Write one session twice: as a BinaryFILE, and as a capture of its multicast packets.

    Parameters
    ----------
    directory : path-like
        Made if it is missing. ``feed.itch`` and ``feed.pcap`` in it are replaced, both at the end.
    messages : int
        How many, of all types.
    seed : int
        Not negative. The same numbers give the same bytes.
    progress : callable, optional
        Called with the messages done and `messages`, now and then.

    Returns
    -------
    tuple of Path
        The BinaryFILE and the capture.

    Raises
    ------
    SpecError
        `messages` is less than `SMALLEST`, or `seed` is negative.

    Notes
    -----
    Memory: allocates some 40 MB, whatever the length of the session.
    """
    if messages < SMALLEST:
        raise SpecError(f"a session takes at least {SMALLEST} messages, not {messages}")
    if seed < 0:
        raise SpecError(f"a seed is not negative: {seed}")
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "feed.itch", folder / "feed.pcap"
    with _replaced(paths[0]) as itch, _replaced(paths[1]) as capture:
        _write(itch, capture, messages, seed, progress or (lambda done, total: None))
    return paths


def _write(
    itch: BinaryIO,
    capture: BinaryIO,
    messages: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> None:
    random = np.random.PCG64(seed)
    listing = invent(messages, random)
    plan, book = Plan(messages, listing), Book.empty(listing)
    packets, sent = 0, plan.script.time[0]
    capture.write(capture_header())
    for first in range(0, messages, SPAN):
        n = min(SPAN, messages - first)
        chance = (random.random_raw((2, n)) >> np.uint64(1)).astype(np.int64)
        span = plan.span(first, chance[0])
        moves = moves_of(book, span.tag, span.security, span.code, chance[1])
        stream, sizes = stream_of(span, moves, chance[1], listing)
        train = packets_of(span.time, sizes, first + 1, sent)
        itch.write(stream)
        capture.write(frames(train, packets, stream))
        packets, sent = packets + len(train.time), train.time[-1]
        progress(first + n, messages)
    farewell = end_of_session(messages + 1, sent)
    capture.write(frames(farewell, packets, np.empty(0, np.uint8)))


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    # An interruption leaves the old file as it was. On POSIX systems whoever has it mapped keeps
    # it; Windows refuses to replace a mapped file, and says so.
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
