"""Latencies drawn over a logarithmic axis, and beneath it how long the machine stood in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan, log, log10
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..traffic.bins import edges
from ..viz.sheet import WIDE, sheet
from ..viz.svg import box, label, path, width_of
from ..viz.theme import hatch

if TYPE_CHECKING:
    from .under_way import UnderWay

__all__ = ["counts_of", "duration", "tails"]

_LEFT = 12
_HIGH, _UNDER, _AXIS, _FOOT = 66, 30, 20, 16  # the columns, those beneath, between them, below
_SHORTEST = 3.0  # of a column: one datagram has to be seen
_STALL = 10_000  # ns, from which on it is one
_MARKS = (50, 99, 100)
_STYLE = """<style>.zc-drawn .zc-late{fill:var(--zc-first)}
.zc-drawn .zc-stall{fill:var(--zc-strip);stroke:var(--zc-lost)}
.zc-drawn .zc-stall-lines{fill:none;stroke:var(--zc-lost)}
.zc-drawn .zc-apart{fill:none;stroke:var(--zc-paper);stroke-width:4}
.zc-drawn .zc-guide{fill:none;stroke:var(--zc-line)}</style>"""


def duration(nanoseconds: float) -> str:
    """Return a time as people read it, to three digits.

    Examples
    --------
    >>> [duration(each) for each in (512, 12_345, 5_000_000, 1.5e9)]
    ['512 ns', '12.3 µs', '5 ms', '1.5 s']
    """
    if isnan(nanoseconds):
        return "–"
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= 0.9995 * size:
            value = nanoseconds / size
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def counts_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many durations [ns] lie in each bin of `traffic.bins.edges`: (BINS,) int64."""
    ends = edges()
    inside = np.clip(values, ends[0], np.nextafter(ends[-1], 0))
    counts: NDArray[np.int64] = np.histogram(inside, ends)[0]
    return counts


def tails(runs: Sequence[UnderWay], sentence: str) -> str:
    """Return latencies and stalls of runs as drawings in HTML, one below the other over one axis.

    Parameters
    ----------
    runs : sequence of UnderWay
    sentence : str
        What they show, which is the text alternative too.
    """
    low, high = _range(runs)

    def draw(width: int) -> tuple[str, float]:
        head = 24 if width == WIDE else 42
        step = head + _HIGH + _AXIS + _UNDER + _FOOT
        rows = (
            f"<g transform='translate(0 {number * step})'>"
            f"{''.join(_row(each, low, high, width, head))}</g>"
            for number, each in enumerate(runs)
        )
        legend, foot = _legend(width, step * len(runs))
        return f"{_STYLE}{''.join(rows)}{legend}", foot

    return sheet(draw, sentence, "\n".join(each.sentence for each in runs))


def _range(runs: Sequence[UnderWay]) -> tuple[float, float]:
    # Whole decades, the same for all.
    every = [*(each.latencies for each in runs), *(_stalls(each) for each in runs)]
    values = np.concatenate(every).astype(float)
    low = 10.0 ** np.floor(log10(max(values.min(initial=1e4), 1e3)))
    high = 10.0 ** np.ceil(log10(max(values.max(initial=1e6), 1e6)))
    return min(low, 1e4), high


def _stalls(run: UnderWay) -> NDArray[np.int64]:
    waited = run.looks[1:, 1]
    return waited[waited >= _STALL]


def _row(run: UnderWay, low: float, high: float, width: int, head: int) -> Iterator[str]:
    room, floor, wide = width - 2 * _LEFT, head + _HIGH, width == WIDE
    top = floor + _AXIS

    def place(value: float) -> float:
        share = log(max(value, low) / low) / log(high / low)
        return _LEFT + min(share, 1.0) * room

    yield from _head(run, width)
    for number in range(decades := round(log10(high / low)) + 1):
        at = low * 10**number
        yield path(f"M{place(at):.1f} {head}V{floor}M{place(at):.1f} {top}v{_UNDER}", "zc-guide")
        anchor = "start" if not number else "end" if number == decades - 1 else "middle"
        if wide or number % 2 == 0:
            yield label(place(at), floor + 14, duration(at), "s q", anchor)
    for x, broad, share in _columns(counts_of(run.latencies), place):
        tall = max(_SHORTEST, share * _HIGH)
        yield path(box(x, floor - tall, broad, tall), "zc-late")
    for x, broad, share in _columns(counts_of(_stalls(run)), place):
        tall = max(_SHORTEST, share * _UNDER)
        yield path(box(x, top, broad, tall), "zc-stall")
        yield path(hatch(x, top, broad, tall, 4), "zc-stall-lines")
    yield path(f"M{_LEFT} {floor}h{room}M{_LEFT} {top}h{room}", "ruler")
    if len(run.latencies):
        marks = "".join(f"M{place(run.p(each)):.1f} {head - 3}V{floor}" for each in (50, 99))
        yield path(marks, "zc-apart")
        yield path(marks, "ruler")


def _head(run: UnderWay, width: int) -> Iterator[str]:
    marks = {f"p{each}" if each < 100 else "longest": run.p(each) for each in _MARKS}
    told = "  ·  ".join(f"{name} {duration(value)}" for name, value in marks.items())
    yield label(_LEFT, 15, run.name, "h")
    if width == WIDE:
        yield label(width - _LEFT, 15, told, "s", "end")
    else:
        yield label(_LEFT, 33, told, "s")


def _legend(width: int, y: float) -> tuple[str, float]:
    datagrams, stalls, scale = (
        "datagrams", "the machine’s stalls",
        "Both scales are logarithmic: each line is ten times as long.",
    )  # fmt: skip
    x = _LEFT + 44 + width_of(datagrams, 11)
    after, wide = x + 44 + width_of(stalls, 11), width == WIDE
    parts = [
        path(box(_LEFT, y, 13, 11), "zc-late"),
        label(_LEFT + 18, y + 10, datagrams, "s"),
        path(box(x, y, 13, 11), "zc-stall"),
        path(hatch(x, y, 13, 11, 4), "zc-stall-lines"),
        label(x + 18, y + 10, stalls, "s"),
        label(after if wide else _LEFT, y + 10 if wide else y + 28, scale, "s q"),
    ]
    return "".join(parts), y + (16 if wide else 34)


def _columns(
    counts: NDArray[np.int64], place: Callable[[float], float]
) -> Iterator[tuple[float, float, float]]:
    # Left edge, width, and share of the height; heights are logarithmic, too.
    ends, most = edges(), int(counts.max(initial=1))
    for number in np.flatnonzero(counts):
        x = place(ends[number])
        yield x, max(place(ends[number + 1]) - x - 1, 1.5), log(1 + counts[number]) / log(1 + most)
