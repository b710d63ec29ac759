"""Many measurements, drawn: a row of columns for each sample, all over one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..viz.sheet import WIDE, sheet
from ..viz.svg import box, label, path
from ..viz.theme import hatch
from .sample import Sample
from .show import Kind, kind_of, number_text

__all__ = ["bins_of", "histograms"]

_LEFT = 12
_HIGH, _FOOT = 64, 40  # of a row: the columns, and what stands below them
_COLUMNS = {"": "grey", "zero-copy": "solid", "copying": "copied"}


def histograms(samples: Sequence[Sample], unit: str, sentence: str, words: str) -> str:
    """Return samples as drawings in HTML, one below the other over the same axis.

    Parameters
    ----------
    samples : sequence of Sample
    unit : str
    sentence : str
        What they show, which is the text alternative too.
    words : str
        All that is drawn.
    """
    low, high = _axis(samples)

    def draw(width: int) -> tuple[str, float]:
        step = _head(width) + _HIGH + _FOOT
        rows = (
            f"<g transform='translate(0 {number * step})'>{_row(each, unit, low, high, width)}</g>"
            for number, each in enumerate(samples)
        )
        return "".join(rows), step * len(samples)

    return sheet(draw, sentence, words)


def bins_of(
    values: Sequence[float], low: float, high: float, number: int
) -> tuple[int, list[int], int]:
    """Return how many values lie below an axis, in each of so many parts of it, and above it."""
    counts = [0] * number
    for value in values:
        if low <= value <= high:
            counts[min(int((value - low) / (high - low) * number), number - 1)] += 1
    return sum(value < low for value in values), counts, sum(value > high for value in values)


def _axis(samples: Sequence[Sample]) -> tuple[float, float]:
    # A few values that are far out would leave no room for all the others: they are counted.
    low = min(min(each.near[0], each.mean) for each in samples)
    high = max(max(each.near[1], each.mean) for each in samples)
    return low, high if high > low else low + 1


def _head(width: int) -> int:
    return 24 if width == WIDE else 42


def _row(sample: Sample, unit: str, low: float, high: float, width: int) -> str:
    room, head = width - 2 * _LEFT, _head(width)
    floor = head + _HIGH
    below, counts, above = bins_of(sample.values, low, high, 78 if width == WIDE else 34)

    def place(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * room

    dashes = "".join(f"M{place(sample.mean):.1f} {y}v5" for y in range(head, floor, 9))
    ends = [f"{number_text(end)} {unit}" for end in (low, high)]
    if below:
        ends[0] += f" · {below} below it, down to {number_text(sample.least)}"
    if above:
        ends[1] += f" · {above} beyond it, up to {number_text(sample.most)}"
    return "".join(
        [
            *_title(sample, unit, width),
            *_columns(kind_of(sample.name), counts, room, floor),
            path(f"M{_LEFT} {floor}h{room}", "ruler"),
            path(f"M{place(sample.median):.1f} {head - 4}v{_HIGH + 4}", "ruler", "median"),
            path(dashes, "ruler", "mean"),
            label(_LEFT, floor + 15, ends[0], "s q"),
            label(_LEFT + room, floor + 15, ends[1], "s q", "end"),
        ]
    )


def _title(sample: Sample, unit: str, width: int) -> Iterator[str]:
    told = (
        f"least {number_text(sample.least)}  ·  │ median {number_text(sample.median)}  ·  "
        f"┆ mean {number_text(sample.mean)} {unit}"
    )
    yield label(_LEFT, 15, sample.name, "h")
    if width == WIDE:
        yield label(width - _LEFT, 15, told, "s", "end")
    else:
        yield label(_LEFT, 33, told, "s")


def _columns(kind: Kind, counts: Sequence[int], room: float, floor: float) -> Iterator[str]:
    step, most = room / len(counts), max(*counts, 1)
    for number, count in enumerate(counts):
        if count:
            tall = max(1.5, count / most * _HIGH)
            x, y = _LEFT + number * step, floor - tall
            yield path(box(x, y, step - 1, tall), _COLUMNS[kind])
            if kind == "copying":
                yield path(hatch(x, y, step - 1, tall, 5), "hatch")
