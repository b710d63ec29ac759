"""Other people's decoders over the same files, each installed on its own and run on its own.

A peer that cannot be installed, built or run becomes a line that says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..feed import Feed
from .environments import HERE, Environments
from .files import shorten
from .job import Line, Unavailable
from .jobs import BOOKS, BOTH, COLUMNS, INDEX, ROWS, SCAN
from .process import run

__all__ = ["PEERS", "Peer", "measure_peers"]

SECONDS = 180
"""That one peer may take."""
FEW = 500_000
"""Messages for those that would take minutes over all of them."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to use one package.

    Attributes
    ----------
    package : str
        As ``bench/peers.txt`` has it.
    way : str
        What ``drive.py``, or the `program`, is told.
    does : str
        What that does, for readers of the figure.
    rival : str
        Our job that does the like.
    program : str
        C++ source to build with the package's headers and to run; "" for Python.
    container : str
        ``"itch"`` or ``"pcap"``.
    messages : int
        Only the first so many of the sample; 0 for all.
    without : bytes
        A type of message to leave out.
    """

    package: str
    way: str
    does: str
    rival: str
    program: str = ""
    container: str = "itch"
    messages: int = 0
    without: bytes = b""

    @property
    def name(self) -> str:
        """What its line is called."""
        return f"{self.package}{' C++' if self.program else ''}, {self.way}"


_OBJECTS = "a Python object with all fields for every message"

PEERS = (
    Peer("itch-book", "walk", "follows the lengths", SCAN, "itch_book.cpp"),
    Peer("itch-book", "decode", "ten message types to structs; fields are added up, none are kept",
         ROWS, "itch_book.cpp"),
    Peer("itchcpp", "decode", "every message to a struct, handed to a function; none are kept",
         ROWS, "itchcpp.cpp"),
    Peer("itchcpp", "objects", _OBJECTS, COLUMNS),
    Peer("itchfeed", "objects", _OBJECTS, COLUMNS, messages=FEW),
    Peer("meatpy", "objects", f"{_OBJECTS}; type O left out, for which it expects 52 bytes instead "
         "of 48", COLUMNS, messages=FEW, without=b"O"),
    Peer("itch-book", "tables", "order books, and every table but depth as numpy columns; types "
         "L V W K N O are only counted", BOTH),
    Peer("itch-book", "quotes", "order books, and a table of the changes of best bid and offer, "
         "which zcviz only counts", BOOKS),
    Peer("itch-book", "books", "order books, and a table of the six system events", BOOKS),
    Peer("itch-book", "books", "order books", BOOKS, "itch_book.cpp"),
    Peer("itchcpp", "books", "order books", BOOKS),
    Peer("cypcap", "packets", "header and bytes of every packet, nothing taken apart", INDEX,
         container="pcap"),
    Peer("dpkt", "datagrams", "every packet taken apart down to UDP", INDEX, container="pcap",
         messages=FEW),
)  # fmt: skip


def measure_peers(
    itch: Feed, pcap: Feed, folder: Path, environments: Environments, rounds: int,
    say: Callable[[str], None],
) -> list[Line]:  # fmt: skip
    """Run every peer over the samples.

    Parameters
    ----------
    itch, pcap : Feed
        The samples.
    folder : Path
        For shorter files.
    environments : Environments
    rounds : int
        How often to time each.
    say : callable (str)
        Told which peer is on.
    """
    lines = []
    for peer in PEERS:
        version = environments.version(peer.package)
        say(f"{peer.name}, version {version}")
        line = Line(peer.name, "M messages/s", note=f"{version}: {peer.does}", rival=peer.rival)
        feed = pcap if peer.container == "pcap" else itch
        try:
            command = _command(peer, environments)
            path, messages = _file(peer, feed, folder)
            count, seconds = _result(run([*command, path, str(rounds)], SECONDS))
        except Unavailable as reason:
            lines.append(replace(line, note=f"{line.note}; **not measured**: {reason}"))
            continue
        note = line.note
        if messages < len(feed):
            note += f"; {messages:,} messages of the sample"
        if feed is itch and count not in (0, messages):
            note += f"; took {count:,} messages of {messages:,}"
        size = path.stat().st_size
        lines.append(replace(line, samples=seconds, amount=messages, nbytes=size, note=note))
    return lines


def _result(printed: str) -> tuple[int, tuple[float, ...]]:
    try:
        found = json.loads(printed.splitlines()[-1])
        return int(found["count"]), tuple(map(float, found["seconds"]))
    except (LookupError, TypeError, ValueError):
        raise Unavailable("it printed no result") from None


def _command(peer: Peer, environments: Environments) -> list[str | Path]:
    if peer.program:
        start: list[str | Path] = [environments.program(peer.package, peer.program)]
    else:
        start = [environments.python(peer.package), HERE / "peers" / "drive.py"]
    return [*start, peer.package, peer.way]


def _file(peer: Peer, feed: Feed, folder: Path) -> tuple[Path, int]:
    # What the peer is to read, and how many messages that holds.
    messages = peer.messages or len(feed)
    if feed.path is not None and messages >= len(feed) and not peer.without:
        return feed.path, len(feed)
    path = folder / f"{peer.package}.{peer.container}"
    return path, shorten(feed, path, messages, peer.without)
