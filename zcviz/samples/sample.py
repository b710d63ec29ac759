"""Small files with everything in them, and what is true of each: for tests, fuzzing and docs."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar

from ..codec import encode
from ..decompress import zstd_for
from ..errors import SpecError
from ..protocols import FEEDS
from ..protocols.binaryfile import BINARYFILE
from ..protocols.soupbintcp import LOGIN_ACCEPTED, SOUPBINTCP
from . import nasdaq
from .chance import Chance
from .iex import Iex
from .packets import SESSION
from .recording import Wire, recorded
from .sbe import Futures, Options
from .sender import block_of, tag_of
from .telling import Story, Teller
from .train import Accidents, train_of, truth_of

__all__ = ["TELLERS", "Sample", "containers_of", "small"]

T = TypeVar("T")

_STREAMS = ("binaryfile", "soupbintcp")  # without packets
TELLERS: Mapping[str, type[Teller]] = {
    "tops16": Iex,
    "deep10": Iex,
    "deepplus10": Iex,
    "mdp3": Futures,
    "deribit": Options,
}
"""Feed to what tells a venue's day in its words."""


class Sample(NamedTuple):
    """A file, and what is true of it.

    Attributes
    ----------
    data : bytes
    truth : dict
        What `Feed.info` has to say, as far as the file's making settles it.
    """

    data: bytes
    truth: dict[str, Any]


def containers_of(feed: str) -> tuple[str, ...]:
    """Return the containers that a feed's samples come in."""
    names = [framing.name for framing in FEEDS[feed].framings]
    return ("pcap", "pcapng", *(name for name in _STREAMS if name in names))


def small(
    feed: str,
    container: str = "pcap",
    messages: int = 200,
    seed: int = 0,
    *,
    compression: str | None = None,
    **options: Any,
) -> Sample:
    """Return a file of invented messages, at least one of every type that the feed has.

    Parameters
    ----------
    feed : str
        A key of `zcviz.protocols.FEEDS`.
    container : {"pcap", "pcapng", "binaryfile", "soupbintcp"}
    messages : int
        About how many.
    seed : int
        Not negative. The same numbers give the same bytes.
    compression : {None, "gzip", "zstd"}
    **options
        Attributes of `Accidents` and `Wire`, for captures.

    Raises
    ------
    SpecError
        The feed does not come in the container, an option does not suit them, or `seed` is
        negative.
    MissingExtraError
        There is no library for zstd.

    Notes
    -----
    Memory: allocates the file several times over.
    """
    if feed not in FEEDS or container not in containers_of(feed):
        raise SpecError(f"no sample of {feed} in {container}")
    if seed < 0:
        raise SpecError(f"a seed is not negative: {seed}")
    accidents, wire = _taken(Accidents, options), _taken(Wire, options)
    if options:
        raise SpecError(f"no such options: {', '.join(options)}")
    protocol = FEEDS[feed]
    if feed in TELLERS:
        story = TELLERS[feed](protocol, messages, seed).story(messages)
    else:
        story = nasdaq.story(protocol, messages, seed)
    if container in _STREAMS:
        if (accidents, wire) != (Accidents(), Wire()):
            raise SpecError(f"a {container} has no packets that something could happen to")
        counts = Counter(tag_of(protocol, message) for _, message in story)
        truth = {**truth_of(()), "packets": 0, "messages": len(story), "counts": dict(counts)}
        data = _binaryfile(story)
        if container == "soupbintcp":
            data, more = _soupbintcp(story)
            truth |= more
    else:
        chance = Chance(seed + 1)
        framing = next(each for each in protocol.framings if each.header is not None)
        train = train_of(protocol, framing, story, chance, accidents)
        data, truth = recorded(train, container, wire, chance)
    said = {"container": container, "compression": compression, "protocol": feed}
    return Sample(_packed(data, compression), {**said, **truth, "truncated": None})


def _taken(kind: type[T], options: dict[str, Any]) -> T:
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: options.pop(name) for name in names if name in options})


def _binaryfile(story: Story) -> bytes:
    return b"".join(block_of(BINARYFILE, message) for _, message in story)


def _soupbintcp(story: Story) -> tuple[bytes, dict[str, Any]]:
    def packet(kind: bytes, payload: bytes = b"") -> bytes:
        return block_of(SOUPBINTCP, payload, packet_type=kind)

    accepted = encode(LOGIN_ACCEPTED, session=SESSION, sequence_number=b"1".rjust(20))
    out = [packet(b"+", b"hello"), packet(b"A", accepted)]
    for number, (_, message) in enumerate(story, 1):
        out.append(packet(b"U" if number % 40 == 0 else b"S", message))
        if number % 50 == 0:
            out.append(packet(b"H"))
    heartbeats = len(story) // 50
    return b"".join([*out, packet(b"Z")]), {
        "heartbeats": heartbeats, "skipped": {"session packet": 2}
    }  # fmt: skip


def _packed(data: bytes, compression: str | None) -> bytes:
    if compression is None:
        return data
    if compression == "gzip":
        return gzip.compress(data, mtime=0)
    if compression != "zstd":
        raise SpecError(f"no such compression: {compression!r}")
    packed: bytes = zstd_for("to write zstd").compress(data)
    return packed
