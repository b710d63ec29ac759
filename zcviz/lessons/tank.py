"""A receive buffer drawn as a tank: how full it was, and what found it full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..viz.sheet import WIDE, sheet
from ..viz.svg import box, label, path, width_of
from .loopback import Levels
from .show import Shown, callout

__all__ = ["Filled", "tanks"]

_LEFT = 10
_HIGH, _LOW = 116, 34  # of the largest tank, and at least: room for what waits and what is dropped
_HEAD, _FOOT = 24, 32
_STRIP = 30  # height of a strip of memory


# --- over time


def tanks(*runs: Levels, sentence: str = "") -> Shown:
    """Draw how full a buffer was, tick by tick.

    Parameters
    ----------
    *runs : Levels
        One below the other, all to the same scale.
    sentence : str, optional
        What they show together; by default, what happened in each.
    """
    told = " ".join(each.sentence for each in runs)
    said = sentence or told
    words = told if said == told else f"{told}\n{said}"
    if any(each.charge is None for each in runs):
        return callout(f"{words} There is no picture, for what waited is not measured here.")
    highest = max(top for each in runs for *_, top in _heights(each))

    def draw(width: int) -> tuple[str, float]:
        parts, y = [], 0.0
        for each in runs:
            high = max(_LOW, _HIGH * max(top for *_, top in _heights(each)) / highest)
            drawn = "".join(_over_time(each, width, high))
            parts.append(f"<g transform='translate(0 {y:.0f})'>{drawn}</g>")
            y += _HEAD + high + _FOOT
        return "".join(parts) + _legend(width, y), y + 16

    return Shown(sheet(draw, said, words), words)


def _heights(run: Levels) -> list[tuple[float, float, float]]:
    # In datagrams: what waits; what is charged for; the brim, with what found no room above it.
    charge, brim = run.charge or 1, float(run.capacity or 0)
    return [
        (float(each.waiting or 0), (each.charged or 0) / charge, brim + (each.dropped or 0))
        for each in run.ticks
    ]


def _over_time(run: Levels, width: int, high: float) -> Iterator[str]:
    room, floor = width - 2 * _LEFT, _HEAD + high
    heights, capacity = _heights(run), run.capacity or 0
    scale, step = high / max(top for *_, top in heights), room / len(run.ticks)
    brim = floor - capacity * scale
    lost = [(number, (top - capacity) * scale) for number, (*_, top) in enumerate(heights)]
    blocks = (
        box(_LEFT + number * step, brim - tall, max(step - 0.5, 0.8), tall)
        for number, tall in lost
        if tall
    )
    full = f"full: {capacity:,} datagrams" + (f", {run.granted:,} B" if width == WIDE else "")
    yield label(_LEFT, 14, run.name, "h")
    yield label(width - _LEFT, 14, full, "s", "end")
    for style, number in (("source", 1), ("held", 0)):
        yield path(_skyline([each[number] * scale for each in heights], step, floor), style)
    yield path("".join(blocks), "grey")
    yield path(f"M{_LEFT} {_HEAD}V{floor:.1f}h{room}V{_HEAD}M{_LEFT} {brim:.1f}h{room}", "ruler")
    yield label(_LEFT, floor + 14, "tick 1", "s q")
    yield label(width - _LEFT, floor + 14, f"tick {len(run.ticks):,}", "s q", "end")


def _skyline(heights: Sequence[float], step: float, floor: float) -> str:
    roofs = "".join(f"V{floor - high:.1f}h{step:.2f}" for high in heights)
    return f"M{_LEFT} {floor:.1f}{roofs}V{floor:.1f}Z"


def _legend(width: int, y: float) -> str:
    told = (("held", "waiting"), ("source", "read, and still charged for"), ("grey", "dropped"))
    parts, x = "", float(_LEFT)
    for style, text in told:
        parts += path(box(x, y, 13, 11), style) + label(x + 18, y + 10, text, "s")
        x += (36 if width == WIDE else 28) + width_of(text, 11)
    return parts


# --- at one moment


@dataclass(frozen=True)
class Filled:
    """A buffer that was filled while nobody read, and one datagram in it, both to scale.

    Attributes
    ----------
    granted : int [bytes]
    charge : int or None [bytes]
        What a datagram takes of it.
    payload : int [bytes]
    sent, kept : int
        How many were sent, and how many were there to be read.
    """

    granted: int
    charge: int | None
    payload: int
    sent: int
    kept: int

    @property
    def sentence(self) -> str:
        """What the picture shows, in words."""
        lost = self.sent - self.kept
        told = f"{self.sent:,} datagrams were sent: {self.kept:,} found room, {lost:,} did not."
        if self.charge is None:
            return f"{told} What each takes of the buffer is not measured here."
        share = self.payload / self.charge
        return (
            f"{told} Each has {self.payload:,} bytes of payload and takes {self.charge:,} of the "
            f"buffer: {share:.0%} of it is what you were sent."
        )

    def __repr__(self) -> str:
        return f"Buffer of {self.granted:,} B. {self.sentence}"

    def _repr_html_(self) -> str:
        charge = self.charge
        if charge is None:
            return callout(self.sentence).html

        def draw(width: int) -> tuple[str, float]:
            return "".join([*self._one(width, charge), *self._all(width, charge)]), 170

        return sheet(draw, self.sentence, repr(self))

    def _one(self, width: int, charge: int) -> Iterator[str]:
        room, top = width - 2 * _LEFT, 22
        share = self.payload / charge * room
        yield label(_LEFT, 14, f"one datagram, {charge:,} B of the buffer", "h")
        yield path(box(_LEFT, top, room, _STRIP), "source")
        yield path(box(_LEFT, top, share, _STRIP), "held")
        yield label(_LEFT, top + _STRIP + 15, f"payload, {self.payload:,} B", "v")
        rest = f"the kernel's own, and rounding up: {charge - self.payload:,} B"
        yield label(width - _LEFT - 8, top + _STRIP / 2 + 4, rest, "s", "end")

    def _all(self, width: int, charge: int) -> Iterator[str]:
        top, spare = 116, 96
        room = width - 2 * _LEFT - spare
        each = charge / self.granted * room
        fits = min(self.kept, int(self.granted // charge))
        lines = "".join(f"M{_LEFT + n * each:.1f} {top}v{_STRIP}" for n in range(1, fits))
        yield label(_LEFT, top - 8, f"the buffer, {self.granted:,} B", "h")
        yield path(box(_LEFT, top, room, _STRIP), "empty")
        yield path(box(_LEFT, top, fits * each, _STRIP), "held")
        yield path(lines, "tooth" if each > 2.5 else "drop")
        yield label(_LEFT, top + _STRIP + 16, f"{self.kept:,} datagrams wait", "v")
        if lost := self.sent - self.kept:
            x = _LEFT + room + 8
            yield path(box(x, top, spare - 8, _STRIP, torn=(False, True)), "grey")
            yield label(width - _LEFT, top + _STRIP + 16, f"{lost:,} dropped", "", "end")
