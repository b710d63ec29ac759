"""The same thing measured many times: how the figures lie, and what one of them is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..bench.measure import interleaved
from ..errors import ZcvizError
from .histogram import histograms
from .listing import Cell, listing
from .sample import Sample
from .show import Shown, number_text

__all__ = [
    "ALIKE",
    "Drift",
    "Spread",
    "drift",
    "in_microseconds",
    "one_after_another",
    "side_by_side",
    "time_often",
]

ALIKE = "about the same"
_ALIKE = 2  # times as far off; with few verdicts, less may be chance
_LITTLE = 0.1  # for something to move, between two measurements
_STEP = 1e-9  # no clock here has a shorter one [s]


@dataclass(frozen=True, repr=False)
class Spread:
    """Samples on one axis.

    Attributes
    ----------
    samples : tuple of Sample
    unit : str
    sentence : str
        What they show, which is the text alternative too.
    """

    samples: tuple[Sample, ...]
    unit: str
    sentence: str

    def __str__(self) -> str:
        return "\n".join([*(each.sentence(self.unit) for each in self.samples), self.sentence])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return histograms(self.samples, self.unit, self.sentence, str(self))


def in_microseconds(name: str, seconds: Sequence[float]) -> Sample:
    """Return times as a sample in microseconds."""
    return Sample(name, tuple(each * 1e6 for each in seconds))


def time_often(works: Mapping[str, Callable[[], object]], times: int = 300) -> Spread:
    """Time functions in turns, many times, the collector off; show every one of the times."""
    taken = interleaved(works, times)
    samples = tuple(in_microseconds(name, seconds) for name, seconds in taken.items())
    widest = max(samples, key=lambda each: each.spread)
    sentence = (
        f"The slowest run of {widest.name} took {number_text(widest.spread)} times as long as the "
        f"fastest, with nothing changed between them. {widest.below_mean:.0%} of the runs are "
        "below the mean."
    )
    return Spread(samples, "µs", sentence)


def side_by_side(medians: Mapping[str, Mapping[str, float]]) -> Shown:
    """Show what the same two functions took at several times, and how far that moved.

    Parameters
    ----------
    medians : mapping of str to mapping of str to float [µs]
        By when they were timed, and by function: the same two each time.

    Raises
    ------
    ZcvizError
        They are not two, or not the same.
    """
    names = [*next(iter(medians.values()), ())]
    if len(names) != 2 or any(set(times) != set(names) for times in medians.values()):
        found = [*map(list, medians.values())]
        raise ZcvizError(f"the same two functions are wanted each time, not {found}")
    rows: list[list[Cell]] = []
    columns: dict[str, list[float]] = {}
    for when, times in medians.items():
        one, other = (times[name] for name in names)
        figures = dict(zip([*names, "ratio"], [one, other, one / other], strict=True))
        units = ("µs", "µs", "×")
        texts = map(number_text, figures.values())
        rows.append([when, *(f"{text} {unit}" for text, unit in zip(texts, units, strict=True))])
        for name, value in figures.items():
            columns.setdefault(name, []).append(value)
    return listing(["section", *columns], rows, title="The same two functions, timed again",
                   sentence=_moved(columns))  # fmt: skip


def _moved(columns: Mapping[str, Sequence[float]]) -> str:
    moved = {name: max(each) / min(each) - 1 for name, each in columns.items()}
    told = ", ".join(f"{name} {each:.0%}" for name, each in moved.items())
    *times, ratio = moved.values()
    if max(moved.values()) < _LITTLE:
        verdict = "The machine was equally busy all the while, and nothing moved much."
    elif ratio < min(times):
        verdict = "The ratio moved less than either of the times."
    else:
        verdict = (
            "The ratio did not move less than both of the times: what got in the way this time did "
            "not hit both functions alike. Its spread belongs beside it."
        )
    return f"From the least to the most: {told}. {verdict}"


def one_after_another(
    works: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, list[float]]:
    """Time all rounds of the first function, then all rounds of the second [s]."""
    return {name: interleaved({name: work}, rounds)[name] for name, work in works.items()}


@dataclass(frozen=True)
class Drift:
    """A function compared with itself, many times.

    Attributes
    ----------
    after, turns : Sample [×]
        The ratios found when it was timed one after another, and in turns.
    """

    after: Sample
    turns: Sample

    @property
    def off(self) -> dict[str, float]:
        """How far half of the ratios are off from 1, or further."""
        return {
            each.name: median(abs(value - 1) for value in each.values)
            for each in (self.after, self.turns)
        }

    @property
    def further(self) -> str:
        """Which of them is further off; or that they are about the same."""
        off = self.off
        one, other = sorted(off, key=lambda name: off[name])
        return other if off[other] > _ALIKE * off[one] else ALIKE

    @property
    def sentence(self) -> str:
        """What that says of the machine, in words."""
        told = ", ".join(f"{name} {each:.1%}" for name, each in self.off.items())
        text = (
            "Both sides are the same function, so 1 would be right. Half of the verdicts are off "
            f"by more than: {told}."
        )
        if self.further == self.after.name:
            return f"{text} In turns, both sides had the same weather."
        return (
            f"{text} While this was measured, the machine showed no drift that stands out from its "
            "noise."
        )

    @property
    def spread(self) -> Spread:
        """Both, drawn."""
        return Spread((self.after, self.turns), "×", self.sentence)


def drift(work: Callable[[], object], verdicts: int = 25, rounds: int = 5) -> Drift:
    """Compare a function with itself, one after another and in turns, many times.

    Parameters
    ----------
    work : callable ()
    verdicts : int
        How often each comparison is made.
    rounds : int
        How often each side is timed for one verdict, which is the ratio of the medians.
    """
    twice = {"one": work, "other": work}
    found: dict[str, list[float]] = {"one after another": [], "in turns": []}
    for _ in range(verdicts):
        for name, times in (
            ("one after another", one_after_another(twice, rounds)),
            ("in turns", interleaved(twice, rounds)),
        ):
            found[name].append(median(times["other"]) / max(median(times["one"]), _STEP))
    after, turns = (Sample(name, tuple(values)) for name, values in found.items())
    return Drift(after, turns)
