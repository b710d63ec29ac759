"""Many measurements of one thing: where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import fmean, median, quantiles

from .show import number_text

__all__ = ["Sample"]

_STEP = 1e-9  # instead of a time that was too short for the clock


@dataclass(frozen=True, slots=True)
class Sample:
    """Many measurements of one thing, two at least.

    Attributes
    ----------
    name : str
    values : tuple of float
    """

    name: str
    values: tuple[float, ...]

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.values)

    @property
    def spread(self) -> float:
        """The largest over the smallest."""
        return self.most / max(self.least, _STEP)

    @property
    def median(self) -> float:
        """As many are below as above."""
        return median(self.values)

    @property
    def mean(self) -> float:
        """The sum over the number."""
        return fmean(self.values)

    @property
    def middle(self) -> tuple[float, float]:
        """Between these lies the middle half."""
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high

    @property
    def near(self) -> tuple[float, float]:
        """Between these lie all but those that are far out, and these are a tenth at most.

        Far out is further from the median than three times the width of the middle half.
        """
        low, high = self.middle
        off = {each: abs(each - self.median) for each in self.values}
        inside = sum(off[each] <= 3 * (high - low) for each in self.values)
        nearest = sorted(self.values, key=lambda each: off[each])
        drawn = nearest[: max(inside, ceil(0.9 * len(nearest)))]
        return min(drawn), max(drawn)

    @property
    def below_mean(self) -> float:
        """The share that is smaller than the mean."""
        return sum(each < self.mean for each in self.values) / len(self.values)

    def sentence(self, unit: str) -> str:
        """Say how they lie, in words."""
        low, high = (number_text(each) for each in self.middle)
        least, most = number_text(self.least), number_text(self.most)
        return (
            f"{self.name}: {len(self.values):,} times, from {least} to {most} {unit}, half of them "
            f"from {low} to {high} {unit}. Median {number_text(self.median)} {unit}, mean "
            f"{number_text(self.mean)} {unit}: {self.below_mean:.0%} are below the mean."
        )
