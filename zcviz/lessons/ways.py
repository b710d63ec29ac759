"""The way of a packet, path by path: where its bytes lie, and who brought them there.

One table; the drawing, its words, the counts and the list of boundaries are all read off it.
Source: Documentation/networking of Linux (packet_mmap.rst, af_xdp.rst), packet(7), recvmmsg(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from ..errors import SelectionError
from ..receive import path_named
from .listing import Cell, listing
from .predict import Prediction
from .show import Shown, callout

__all__ = ["BOUNDARIES", "WAYS", "Place", "Way", "as_documented", "boundaries", "way_of"]

Zone = Literal["card", "kernel", "both", "yours"]
How = Literal["", "dma", "copy", "view", "read"]


class Place(NamedTuple):
    """Where a packet's bytes are seen on their way.

    Attributes
    ----------
    name : str
    zone : {"card", "kernel", "both", "yours"}
        Whose memory; "both" is mapped by the kernel and by your process.
    how : {"", "dma", "copy", "view", "read"}
        How they got here from the place before: written by the card, copied, not moved at all, or
        read out as values.
    by : str
        Who did it, and when.
    """

    name: str
    zone: Zone
    how: How = ""
    by: str = ""

    @property
    def step(self) -> str:
        """How they got here, in words."""
        return f"{_VERBS[self.how]}{self.by}"


_VERBS: dict[How, str] = {
    "": "", "dma": "written ", "copy": "copied ", "view": "the same bytes: ", "read": "values, ",
}  # fmt: skip

_CARD = Place("network card", "card")
_PAGE = Place("driver’s page", "kernel", "dma", "by the card (DMA)")
_SKB = Place("skb", "kernel", "view", "it points to the page")
_QUEUE = Place("socket’s queue", "kernel", "view", "the skb waits here")
_VIEW = Place("your view", "yours", "view", "it points there")
_NUMBERS = Place("numbers", "yours", "read", "read out by your program")

_SOCKET = (_CARD, _PAGE, _SKB, _QUEUE)
_BYTES = (
    Place("bytes object", "yours", "copy", "by the kernel, in your call"),
    Place("joined bytes", "yours", "copy", "by the path, to have them together"),
)
_SLOT = (Place("slot", "yours", "copy", "by the kernel, in your call"),)
_RING = (Place("ring", "both", "copy", "by the kernel, when it arrives"),)
_CHUNK = (Place("UMEM", "both", "copy", "by the kernel, when it arrives"),)
_BY_CARD = (Place("UMEM", "both", "dma", "by the card (DMA)"),)
_PACKETS = (_CARD, _PAGE, _SKB)
_END = (_VIEW, _NUMBERS)


BOUNDARIES = ("card → memory", "inside the kernel", "kernel → you", "inside your process")


def _boundary(start: Place, end: Place) -> str:
    if start.zone == "card":
        return BOUNDARIES[0]
    if end.zone in ("kernel", "both"):
        return BOUNDARIES[1]
    return BOUNDARIES[3] if start.zone == "yours" else BOUNDARIES[2]


@dataclass(frozen=True)
class Way:
    """A path's way.

    Attributes
    ----------
    path : str
        Its name in `receive.PATHS`.
    places : tuple of Place
    """

    path: str
    places: tuple[Place, ...]

    @property
    def copies(self) -> tuple[Place, ...]:
        """The places that the bytes were copied to."""
        return tuple(each for each in self.places if each.how == "copy")

    @property
    def count(self) -> str:
        """How many copies, in words."""
        number = len(self.copies)
        return f"{number} {'copy' if number == 1 else 'copies'}"

    @property
    def crossings(self) -> dict[str, list[Place]]:
        """By boundary: the places on its far side, up to the last one before values are read."""
        crossed: dict[str, list[Place]] = {name: [] for name in BOUNDARIES}
        for start, end in pairwise(self.places):
            if end.how != "read":
                crossed[_boundary(start, end)].append(end)
        return crossed

    @property
    def zero_copy(self) -> tuple[str, ...]:
        """The boundaries where the same bytes are seen from both sides."""
        return tuple(
            name
            for name, places in self.crossings.items()
            if places and all(each.how == "view" for each in places)
        )

    @property
    def told(self) -> str:
        """What the path itself says of its copies."""
        return path_named(self.path).copies

    @property
    def sentence(self) -> str:
        """How often the bytes are copied, and by whom."""
        return f"Copies of {self.path}: {self.told}."

    @property
    def words(self) -> str:
        """All of the way."""
        steps = (f"{each.name} ({each.step})" if each.how else each.name for each in self.places)
        return f"{self.path}, {self.count}: {' → '.join(steps)}"


WAYS: dict[str, Way] = {
    path: Way(path, places)
    for path, places in {
        "udp.recv": (*_SOCKET, *_BYTES, *_END),
        "udp.recv_into": (*_SOCKET, *_SLOT, *_END),
        "udp.recvmsg": (*_SOCKET, *_SLOT, *_END),
        "udp.recvmmsg": (*_SOCKET, *_SLOT, *_END),
        "udp.gro": (*_SOCKET, *_SLOT, *_END),
        "packet.ring_v2": (*_PACKETS, *_RING, *_END),
        "packet.ring_v3": (*_PACKETS, *_RING, *_END),
        "xdp.copy": (_CARD, _PAGE, *_CHUNK, *_END),
        "xdp.zerocopy": (_CARD, *_BY_CARD, *_END),
        "asyncio": (*_SOCKET, *_BYTES, *_END),
        "replay": (Place("mapped file", "both"), *_END),
    }.items()
}
"""The way through every path."""


def way_of(path: str) -> Way:
    """Return the way through a path.

    Raises
    ------
    SelectionError
        There is none of that name.
    """
    if path not in WAYS:
        raise SelectionError(f"no receive path is called {path!r}; there are {', '.join(WAYS)}")
    return WAYS[path]


# --- boundaries


def boundaries(paths: Sequence[str], title: str = "Where is it zero-copy?") -> Shown:
    """Return what happens to the bytes at each boundary: one row a path.

    Reading values out of a view is left out: it is the same for all.
    """
    rows: list[list[Cell]] = [
        [way.path, *map(_cell, way.crossings.values())] for way in map(way_of, paths)
    ]
    return listing(["path", *BOUNDARIES], rows, title=title)


def _cell(places: list[Place]) -> Cell:
    copied = [each for each in places if each.how == "copy"]
    if copied:
        return ("copied" if len(copied) == 1 else f"copied {len(copied)} times", "copying")
    if any(each.how == "dma" for each in places):
        return "written by the card"
    return ("the same bytes", "zero-copy") if places else "–"


def as_documented(guess: Prediction, answer: str, why: str) -> Shown:
    """Put a prediction beside what no program can measure, and the kernel's documentation says."""
    said = "" if guess.value is None else f"You predicted {guess.amount(guess.value)}. "
    text = f"{said}By the documentation of the kernel: **{answer}**.\n\n{why}"
    return callout(text, guess.question)
