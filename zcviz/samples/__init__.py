"""Synthetic feeds: seeded, self-consistent, the same bytes on every platform.

Securities, and everything that happens to them, are invented.

`make` writes a day of ITCH 5.0 of any length, in spans of messages: a *plan* says when each is
sent, about which security, and which type is wished for; the *market* turns wishes into what its
order books allow; *wording* writes the messages as a BinaryFILE has them, and *packets* cuts that
into MoldUDP64 datagrams.

`small` makes files of every feed in every container, and `long` captures of any length. There, a
*venue* knows what happens; a *teller* says it in the words of a feed (*iex*, *sbe*); a *sender*
puts that into datagrams, a *train* of which meets with the accidents of a network, and a
*recording* is made of what comes through, on a *wire* and in one of the *containers*.

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
from .nasdaq import SMALLEST, spans
from .packets import capture_header, end_of_session, frames, packets_of
from .recording import Wire
from .sample import Sample, containers_of, small
from .sbe import SCHEMAS
from .stretch import long
from .train import Accidents

__all__ = [
    "SCHEMAS",
    "SMALLEST",
    "Accidents",
    "Sample",
    "Wire",
    "containers_of",
    "long",
    "make",
    "small",
]


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
    first = packets = sent = 0
    capture.write(capture_header())
    for time, stream, sizes in spans(messages, seed):
        train = packets_of(time, sizes, first + 1, sent if first else int(time[0]))
        itch.write(stream)
        capture.write(frames(train, packets, stream))
        first, packets, sent = first + len(time), packets + len(train.time), int(train.time[-1])
        progress(first, messages)
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
