"""Which protocol it is: found out from content, by reading a beginning in every way there is.

A way is a protocol in one of its framings. The right one finds messages of known types and
lengths; a wrong one finds none, or contradictions. Where two ways read the bytes equally well,
nothing is guessed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

from .buffers import Source
from .cutting import Cutter, StreamCutter
from .errors import BadMagicError, SelectionError
from .framing import expected_sizes
from .kernels import Tally, find_datagrams
from .kernels.messages import DATAGRAM
from .protocols import FEEDS
from .records import Records, open_records
from .report import MAX_PROBLEMS, Report
from .spec import Framing, Protocol

__all__ = ["Way", "candidates", "choose"]

FRAMES = 64
"""Messages of a file without packets that are looked at."""
DATAGRAMS = 64
"""Datagrams of a protocol that are looked at."""
BYTES = 1 << 18
"""Bytes of these; a large one may hold 30,000 messages of no bytes."""
LOOK_AT = 1 << 16
"""Packets among which they are looked for."""
PACKETS = 1 << 8
"""Packets in a block of them."""
CLEARLY = 8
"""How many times better than the next best the best has to be."""


class Way(NamedTuple):
    """One way to read a file."""

    protocol: Protocol
    framing: Framing


def candidates(
    protocol: str | None = None, schema: str | os.PathLike[str] | None = None
) -> list[Way]:
    """Return the ways to read a file, as far as the caller did not decide.

    Raises
    ------
    SelectionError
        No such protocol, or a schema for one that has its messages in a table.
    SpecError
        The schema contradicts itself.
    """
    if protocol is not None and protocol not in FEEDS:
        raise SelectionError(f"unknown protocol {protocol!r}; known: {', '.join(FEEDS)}")
    feeds = [FEEDS[protocol]] if protocol else list(FEEDS.values())
    if schema is not None:
        from .schema import read_schema

        feeds = [feed for feed in feeds if feed.head is not None]
        if not feeds:
            raise SelectionError(f"protocol {protocol!r} takes no schema")
        read = read_schema(schema)
        fitting = [feed for feed in feeds if _alike(feed, read)]
        if not fitting:
            names = ", ".join(feed.name for feed in feeds)
            raise SelectionError(
                f"the schema {read.name!r} has another message header than {names}"
            )
        feeds = [_with_messages(feed, read) for feed in fitting]
    return [Way(feed, framing) for feed in feeds for framing in feed.framings]


@lru_cache(maxsize=64)
def _with_messages(feed: Protocol, read: Protocol) -> Protocol:
    from .schema import clocked

    messages = tuple(clocked(each, feed.clocks) for each in read.messages)
    return replace(feed, messages=messages, schema_id=read.schema_id)


def _alike(feed: Protocol, read: Protocol) -> bool:
    one, other = feed.head, read.head
    if one is None or other is None:
        return False
    return (one.size, one.order) == (other.size, other.order)


def choose(source: Source, records: Records | None, ways: list[Way], *, named: bool) -> Way:
    """Find out which way is right.

    Parameters
    ----------
    source : Source
    records : Records or None
        The packets; None for a file without any.
    ways : list of Way
    named : bool
        Whether the caller named the protocol: then the best way is taken, however bad.

    Raises
    ------
    BadMagicError
        None of the ways finds anything, or several do.
    """
    suitable = [way for way in ways if (way.framing.header is None) == (records is None)]
    if not suitable:
        kinds = ["a capture of packets", "a file without packets"]
        found, other = reversed(kinds) if records is None else kinds
        raise BadMagicError(
            source.name, offset=0, expected=f"{other} of {_names(ways)}", found=found
        )
    ways = suitable
    if records is None:
        fits = [_try_stream(source, way) for way in ways]
    else:
        fits = _try_packets(source, ways)
    best = max(range(len(ways)), key=lambda at: fits[at])  # the first, of equals
    rivals = [at for at in range(len(ways)) if at != best and _rival(fits[at], fits[best])]
    if rivals and not named:
        found = ", ".join(
            f"{ways[at].protocol.name} in {ways[at].framing.name} ({fits[at].known} messages)"
            for at in [best, *rivals]
        )
        raise BadMagicError(
            source.name, offset=0, expected="one protocol (name it)", found=f"several: {found}"
        )
    if not fits[best].accepted and not named and not _may_be_empty(source, records):
        raise BadMagicError(
            source.name,
            offset=0,
            expected=f"messages of {_names(ways)}",
            found=f"{_instead(source, records)} (name the protocol to read it anyway)",
            buffer=memoryview(bytes(source.view[:64])),
        )
    return ways[best]


def _names(ways: list[Way]) -> str:
    names = list(dict.fromkeys(way.protocol.name for way in ways))
    return f"one of {', '.join(names)}" if len(names) > 1 else names[0]


def _instead(source: Source, records: Records | None) -> str:
    # What there is where nothing is of any protocol.
    if records is None:
        return f"{bytes(source.view[:4]).hex(' ')} …"
    if all(stop < full for _, stop, full in _datagrams(source)):
        return "packets that the capture's snap length cut short, every one"
    return "none"


class Fit(NamedTuple):
    """How well a beginning can be read in one way; the greater, the better."""

    known: int = 0
    """Messages of documented types and lengths, less contradictions; not below 0."""
    accepted: bool = False
    """Whether there is anything of this protocol at all."""


def _rival(fit: Fit, best: Fit) -> bool:
    return 0 < best.known < CLEARLY * fit.known


def _may_be_empty(source: Source, records: Records | None) -> bool:
    # A session that ended before it began; a capture in which no datagram stands at all.
    if records is None:
        return bytes(source.view[:3]) == b"\0\0"
    return not any(True for _ in _datagrams(source))


def _try_stream(source: Source, way: Way) -> Fit:
    cutter, report = StreamCutter(way.framing, way.protocol), Report()
    sizes = expected_sizes(way.protocol)
    known = 0
    stop = 0
    for start, _, stop in islice(cutter.frames(source.view, 0, len(source)), FRAMES):
        piece = source.view[start:stop]
        known += sum(bool(sizes[piece[low]]) for low, _ in cutter.bounds(piece, start, report))
    cut = not stop and cutter.promises(source.view, 0, len(source))
    # A session may carry nothing but itself: logins, heartbeats.
    bare = stop == len(source) and cutter.knows_packets(source.view)
    return Fit(max(0, known - report.problems_total), known > 0 or cut or bare)


def _try_packets(source: Source, ways: list[Way]) -> list[Fit]:
    # The first datagrams that are of one of the ways.
    cutters = [Cutter(way.framing, way.protocol) for way in ways]
    known, seen, nbytes = ([0] * len(ways) for _ in range(3))
    accepted = [False] * len(ways)
    for start, stop, full in _datagrams(source):
        datagram = source.view[start:stop]
        for at, cutter in enumerate(cutters):
            if cutter.accepts(datagram):
                report = Report()
                found = cutter.bounds(datagram, full - start, 0, report)
                messages = (datagram[low:high] for low, high in found)
                known[at] += sum(map(cutter.knows, messages)) - report.problems_total
                # What begins like a header may be text: then what follows contradicts it.
                accepted[at] |= bool(found) or not report.problems_total or stop < full
                seen[at] += 1
                nbytes[at] += stop - start
        if max(seen) == DATAGRAMS or max(nbytes) > BYTES:
            break
    return [Fit(max(0, n), some) for n, some in zip(known, accepted, strict=True)]


def _datagrams(source: Source) -> Iterator[tuple[int, int, int]]:
    # Where the first datagrams start, end, and should end.
    records = open_records(source)
    assert records is not None
    packets = np.empty((PACKETS, 5), np.int64)
    table = np.empty((PACKETS, len(DATAGRAM)), np.int64)
    problems, tally = np.zeros((MAX_PROBLEMS, 4), np.int64), np.zeros(len(Tally), np.int64)
    looked = 0
    while not records.finished and looked < LOOK_AT:
        count = records.scan(packets)
        looked += count
        found = find_datagrams(source.data, packets, count, table, problems, tally)
        yield from table[:found, DATAGRAM.START : DATAGRAM.FULL + 1].tolist()
