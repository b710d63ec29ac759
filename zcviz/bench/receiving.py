"""What receiving costs by each path that the machine permits."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..feed import Feed
from ..receive import PATHS
from ..receive.probing import error_name, remedy
from .files import shorten
from .job import Unavailable
from .process import FRESH, run

__all__ = ["PACES", "Pace", "Reception", "measure_receiving"]

_SECONDS = 120
"""That one process may take."""
_MESSAGES = 125_000
"""That the datagrams carry which are sent: about 20,000 of the sample's."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast datagrams are sent.

    Attributes
    ----------
    name : str
    rate : float [datagrams/s]
        Infinity: as fast as it goes.
    rounds : int
        How many times all of them.
    """

    name: str
    rate: float
    rounds: int = 1


PACES = (Pace("20,000/s", 20_000), Pace("saturated", math.inf, 5))


@dataclass(frozen=True, slots=True)
class Reception:
    """What receiving by one path cost, at one pace; an entry a repeat.

    Attributes
    ----------
    path, pace : str
        No pace where there are no figures.
    cpu : tuple of float [µs/datagram]
        Processor time of the process that received, the kernel's part of it included.
    syscalls : tuple of float or None [per datagram]
        None: the path cannot know.
    allocations : tuple of float or None [per datagram]
        Blocks made, freed at once or not, in a pass of its own. None: not measured.
    sent, received : tuple of int
    note : str
        Why there are no figures, or no more.
    """

    path: str
    pace: str
    cpu: tuple[float, ...] = ()
    syscalls: tuple[float | None, ...] = ()
    allocations: tuple[float | None, ...] = ()
    sent: tuple[int, ...] = ()
    received: tuple[int, ...] = ()
    note: str = ""

    @property
    def lost(self) -> int:
        """Datagrams that were sent and not received, over all repeats."""
        return sum(self.sent) - sum(self.received)


def measure_receiving(
    pcap: Feed,
    folder: Path,
    rounds: int,
    say: Callable[[str], None],
    *,
    messages: int = _MESSAGES,
    paces: Sequence[Pace] = PACES,
    paths: Sequence[str] = tuple(PATHS),
) -> tuple[Reception, ...]:
    """Receive the first datagrams of a capture by every path, in turns, over loopback.

    Parameters
    ----------
    pcap : Feed
    folder : Path
        To write to.
    rounds : int
        How often, each time in a new process.
    say : callable (str)
        Told what is being done.
    messages : int
        In the datagrams.
    paces : sequence of Pace
        The path that reads a file has none but its own: it is told with those at no rate.
    paths : sequence of str
    """
    file = folder / "received.pcap"
    shorten(pcap, file, messages)
    asked = {
        path: [pace for pace in paces if path != "replay" or math.isinf(pace.rate)]
        for path in paths
    }
    taken: dict[tuple[str, Pace], list[dict[str, Any]]] = defaultdict(list)
    notes: dict[str, str] = {}
    for turn in range(rounds):
        for path in [each for each in paths if each not in notes]:
            say(f"receiving by {path}, {turn + 1} of {rounds}")
            try:
                figures = _run(path, file, asked[path])
            except Unavailable as reason:
                notes[path] = str(reason)
                continue
            for pace, found in zip(asked[path], figures, strict=True):
                taken[path, pace].append(found)
    met = [
        _reception(path, pace.name, taken[path, pace], notes.get(path, ""))
        for pace in paces
        for path in paths
        if (path, pace) in taken
    ]
    known = {each.path for each in met}
    return (*met, *(Reception(path, "", note=notes[path]) for path in notes if path not in known))


def _run(path: str, file: Path, paces: Sequence[Pace]) -> list[dict[str, Any]]:
    passes = json.dumps([(pace.rate, pace.rounds) for pace in paces])
    words = "-m", "zcviz.bench.passes", "receive"
    command: list[str | Path] = [sys.executable, *words, path, file, passes]
    told = json.loads(run(command, _SECONDS, FRESH))
    if "refused" in told:
        code = told["refused"]
        raise Unavailable(f"refused: {error_name(code)}; {remedy(path, code)}")
    found: list[dict[str, Any]] = told["passes"]
    return found


def _reception(path: str, pace: str, repeats: list[dict[str, Any]], note: str) -> Reception:
    names = ("cpu", "syscalls", "allocations", "sent", "received")
    figures: dict[str, Any] = {name: tuple(each[name] for each in repeats) for name in names}
    return Reception(path, pace, note=note, **figures)
