"""The memory picture: every buffer and every view that there is, drawn to scale.

A strip is one owner's memory. A view is a window on its owner's strip, never a strip of its own. A
copy is a band from the bytes it was taken from to the strip they were put into. A picture is plain
data, made from real objects by `memory_picture`; drawing it is a function of that data alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..buffers import Buffer, HeldBytes, Source
from ..dissection import Dissection
from ..render import escape, printable
from .model import Copy, Lane, Segment, Strip, Window
from .snapshot import lane_of, part_of_source
from .strips import NARROW, WIDE, draw_lane, draw_page, scale_of
from .svg import STYLE
from .theme import CSS

__all__ = ["Copy", "Lane", "MemoryPicture", "Segment", "Strip", "Window", "memory_picture"]


@dataclass(frozen=True, slots=True)
class MemoryPicture:
    """Lanes side by side, time running down, all at one scale.

    Attributes
    ----------
    lanes : tuple of Lane
    title : str
    """

    lanes: tuple[Lane, ...]
    title: str = ""

    def __str__(self) -> str:
        title = [printable(self.title)] if self.title else []
        return "\n".join([*title, *(line for lane in self.lanes for line in lane.lines())])

    def _repr_html_(self) -> str:
        # Drawn twice, and the style shows the one that fits: text keeps its size on a narrow page.
        scales = {width: scale_of(self.lanes, width) for width in (WIDE, NARROW)}
        both = (
            "".join(draw_lane(lane, scale, width) for width, scale in scales.items())
            for lane in self.lanes
        )
        drawn = "".join(f"<div>{each}</div>" for each in both)
        title = f"<p>{escape(self.title)}</p>" if self.title else ""
        return (
            f"<style>{CSS}{STYLE}</style><div class='zc zc-memory'>{title}<div>{drawn}</div></div>"
        )

    def to_svg(self) -> str:
        """Return one self-contained SVG, lanes beneath each other: for a file, a README."""
        return draw_page(self.lanes, self.title)


def memory_picture(
    copying: Iterable[Any] | None = None,
    zero_copy: Iterable[Any] | None = None,
    source: Source | tuple[str, Buffer] | None = None,
    segments: Dissection | Sequence[tuple[int, int, str]] = (),
    *,
    title: str = "",
    notes: Mapping[str, Sequence[str]] | None = None,
) -> MemoryPicture:
    """Draw all memory that objects own or look into, by their real addresses.

    Parameters
    ----------
    copying, zero_copy : iterable
        The objects of each lane in the order they were made: ``(name, object)``, or results of a
        stepped pipeline as ``run.step()`` returns them. A third item, ``"copied"`` or
        ``"derived"``, says what an array of unknown origin is. Without objects there is no lane.
    source : Source or (name, bytes-like), optional
        The owner that was there before, such as ``feed.source``: the first strip of both lanes.
    segments : Dissection or sequence of (start, end, label)
        What the bytes of the source are, counted from its first. They also say which part of it is
        drawn; otherwise that is the part which the objects look into.
    title : str
    notes : mapping of lane to sentences, optional
        ``{"copying": [...], "zero-copy": [...]}``

    Returns
    -------
    MemoryPicture
        It shows itself in a notebook; ``str()`` says the same in words.

    Notes
    -----
    What is a view, and of what, is established by address (`zcviz.provenance`). Where a copy was
    taken from has left no trace in it, and is found by looking for its bytes in the memory of
    before. Copied and derived are told apart as in the ledger.

    Memory: holds numbers and text, none of the objects.
    """
    if isinstance(source, tuple):
        source = HeldBytes(source[1], source[0])
    asked: list[tuple[Literal["copying", "zero-copy"], Iterable[Any] | None]] = [
        ("copying", copying),
        ("zero-copy", zero_copy),
    ]
    given = [(kind, list(objects)) for kind, objects in asked if objects is not None]
    part = part_of_source(source, segments, [objects for _, objects in given])
    lanes = (lane_of(kind, objects, part, (notes or {}).get(kind, ())) for kind, objects in given)
    return MemoryPicture(tuple(lanes), title)
