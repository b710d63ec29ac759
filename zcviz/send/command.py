"""What ``zcviz replay`` does: its words to a sender, and one line of what was sent."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import Progress

if TYPE_CHECKING:
    from ..feed import Feed
    from .sender import Sender

__all__ = ["add_arguments", "run"]

_TURN = 0.1  # s
_FAULTS = ("gap", "duplicate", "reorder", "corrupt", "corrupt_header")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words that say where to send, and how."""
    add = parser.add_argument
    add("--to", action="append", required=True, metavar="HOST:PORT",
        help="repeatable: the sides of a feed")  # fmt: skip
    add("--rate", type=float, metavar="N", help="datagrams/s (inf: no limit), not as recorded")
    add("--factor", type=float, metavar="F", help="so many times as fast as recorded")
    add("--burst", type=int, default=1, metavar="B", help="of a rate: so many back to back")
    add("--from-datagram", type=int, default=0, metavar="N", help="the first one, counted from 0")
    add("--loop", type=int, default=1, metavar="N", help="rounds of the same bytes (0: no end)")
    add("--renumber", action="store_true", help="count MoldUDP64 numbers on from round to round")
    for name in _FAULTS:
        flag = f"--{name.replace('_', '-')}"
        add(flag, type=float, default=0.0, metavar="P", help="share of datagrams, 0 to 1")
    add("--distance", type=int, default=1, metavar="N", help="how far --reorder goes")
    add("--seed", type=int, default=0, metavar="S", help="of the faults")
    add("--skew", type=float, default=0.0, metavar="US", help="each side behind the one before")
    add("--interface", default="", metavar="ADDRESS", help="that a group is sent to from")
    add("--allow-remote", action="store_true", help="send to addresses beyond loopback, too")
    add("--json", action="store_true", help="print one JSON object")


def run(given: argparse.Namespace, feed: Feed, reading: Progress) -> int:
    """Send a feed, and print what was sent; also where it ends early."""
    from .faults import Faults
    from .sender import Sender

    faults = Faults(**{name: getattr(given, name) for name in (*_FAULTS, "distance", "seed")})
    names = ("rate", "factor", "burst", "loop", "renumber", "skew", "interface", "allow_remote")
    options: dict[str, Any] = {name: getattr(given, name) for name in names}
    options |= {"first": given.from_datagram, "faults": faults}
    with Sender(feed, given.to, progress=reading, **options) as sender:
        try:
            with Progress("sending") as progress, _interruption() as interrupted:
                while sender.turn(_TURN) and not interrupted:
                    progress(int(1000 * sender.share), 1000)
        finally:
            print(_told(sender, given.file, as_json=given.json))
    if interrupted:
        raise KeyboardInterrupt
    return 0


@contextmanager
def _interruption() -> Iterator[list[int]]:
    # Raised between a call of the system and its being counted, an interruption would make the
    # counts wrong: it waits for the end of the turn.
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # others get none
        yield asked
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _told(sender: Sender, file: Path, *, as_json: bool) -> str:
    to = [str(target) for target in sender.targets]
    if as_json:
        return json.dumps({"file": str(file), "to": to, **sender.sent.to_dict()})
    return f"sent to {', '.join(to)}: {sender.sent}"
