"""One step of a lane as SVG: the memory picture, with what is new and what is followed marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .model import Copy, Lane, Mark, Strip, Window
from .strips import HEIGHT, MARGIN, Drawing, wrapped
from .svg import box

__all__ = ["draw_stills"]

_TOP = 6  # no heading: whoever shows it has one


@dataclass
class _Still(Drawing):
    since: Lane | None = None
    marks: Sequence[Mark] = field(default_factory=list)

    def _row(self, text: str, numbers: list[int]) -> None:
        row = self.lane.strips[numbers[0]].row
        is_new = self.since is not None and row >= len(self.since.rows)
        self._drawn(is_new, super()._row, text, numbers)

    def _group(self, windows: list[Window]) -> None:
        is_new = self.since is not None and windows[0] not in self.since.windows
        self._drawn(is_new, super()._group, windows)

    def _band(self, copy: Copy, alone: bool) -> None:
        is_new = self.since is not None and copy not in self.since.copies
        self._drawn(is_new, super()._band, copy, alone)

    def _strip(self, number: int, strip: Strip) -> None:
        super()._strip(number, strip)
        _, y, _ = self.places[number]
        for mark in self.marks:
            if mark.strip == number:
                low, high = self._across(number, mark.start, mark.end)
                name = "class='mine'" if mark.field < 0 else f"class='mark' data-n='{mark.field}'"
                self.front.append(f"<path {name} d='{box(low, y, high - low, HEIGHT)}'/>")

    def _foot(self) -> None:
        self._ruler(self.y + 2, 80)
        self._notes(self.y + 18)

    def _drawn(self, is_new: bool, draw: Callable[..., None], *given: Any) -> None:
        # Whatever is drawn, in a group that the style lets appear, if it is new.
        before = [(drawn, len(drawn)) for drawn in (self.behind, self.front)]
        draw(*given)
        for drawn, at in before:
            if is_new and at < len(drawn):
                drawn[at:] = [f"<g class='fresh'>{''.join(drawn[at:])}</g>"]


def draw_stills(
    lanes: Sequence[Lane], places: Sequence[tuple[int, int, int]], scale: float, width: int
) -> list[str]:
    """Return the steps of a lane as SVG elements, all of one height.

    Parameters
    ----------
    lanes : sequence of Lane
        What there is after each step.
    places : sequence of (start, end, field)
        Fields of the message that is followed, and (-1) the whole of it: in the source.
    scale : float
        Units of the drawing per byte.
    width : int
    """
    drawings = []
    for since, lane in zip((None, *lanes), lanes, strict=False):
        drawing = _Still(lane, scale, width - MARGIN, _TOP, since=since, marks=lane.follow(places))
        drawing.draw()
        drawings.append(drawing)
    height = max((drawing.y for drawing in drawings), default=0)
    return [
        wrapped(each.lane, "".join(each.behind + each.front), height, width) for each in drawings
    ]
