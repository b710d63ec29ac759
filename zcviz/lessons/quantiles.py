"""Percentiles of samples, and how far one can rely on them: by counting, whatever is measured.

A value is below the true percentile with a known chance, whatever the values are like. So how many
of n are below it is a binomial number, and two of the values in order enclose the percentile with
the confidence wanted.

Source: David and Nagaraja, *Order Statistics*, 3rd ed., section 7.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from .show import number_text
from .tails import duration

__all__ = ["Bounds", "bounds", "enough_for", "rank_of", "ranks_around"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A percentile of a sample, and between what the true one lies.

    Attributes
    ----------
    percent : float
    number : int
        Values of the sample.
    value : float [ns]
    low, high : float or None [ns]
        None: the sample is too small to say.
    """

    percent: float
    number: int
    value: float
    low: float | None
    high: float | None

    @property
    def beyond(self) -> float:
        """How many values lie beyond it, on average."""
        return self.number * (1 - self.percent / 100)

    @property
    def between(self) -> str:
        """Where the true one lies, with 95 % confidence."""
        low = "0" if self.low is None else duration(self.low)
        return f"{low} or more" if self.high is None else f"{low} to {duration(self.high)}"

    @property
    def sentence(self) -> str:
        """What is known, in words."""
        name = f"p{number_text(self.percent)}"
        told = f"{name} of {self.number:,} is {duration(self.value)}"
        if self.high is None:
            told += (
                ", and that is no more than a lower bound: the true one may be anything above it."
            )
            return told + (
                f" It takes {enough_for(self.percent):,} to say more." if self.percent < 100 else ""
            )
        return f"{told}; with 95 % confidence the true one is {self.between}."


def rank_of(percent: float, number: int) -> int:
    """Return which of so many values in order is a percentile, counted from 1."""
    if not 0 < percent <= 100 or number < 1:
        raise SelectionError(f"percent, number: expected 0 < p ≤ 100 of some, found {percent} of "
                             f"{number}")  # fmt: skip
    return max(1, ceil(round(percent * number / 100, 9)))


@lru_cache(maxsize=64)
def ranks_around(
    percent: float, number: int, confidence: float = 0.95
) -> tuple[int | None, int | None]:
    """Return which values in order enclose the true percentile, counted from 1.

    None on a side: there are too few values for one.
    """
    rank_of(percent, number)
    chances = np.cumsum(_binomial(number, percent / 100))  # of k or fewer below it
    outside = (1 - confidence) / 2
    low = int(np.searchsorted(chances, outside, "right"))
    high = int(np.searchsorted(chances, 1 - outside, "left")) + 1
    return low or None, high if high <= number else None


def _binomial(number: int, share: float) -> NDArray[np.float64]:
    below = np.arange(number + 1)
    if share >= 1:
        return np.where(below == number, 1.0, 0.0)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, number + 1)))])
    ways = logs[-1] - logs - logs[::-1]
    logs_of_chances = ways + below * log(share) + (number - below) * np.log1p(-share)
    found: NDArray[np.float64] = np.exp(logs_of_chances)
    return found


def bounds(values: Sequence[float] | NDArray[Any], percent: float) -> Bounds:
    """Return a percentile of values [ns], and between what the true one lies (95 %)."""
    ordered = np.sort(np.asarray(values))
    number = len(ordered)
    value = float(ordered[rank_of(percent, number) - 1])
    low, high = (
        None if rank is None else float(ordered[rank - 1]) for rank in ranks_around(percent, number)
    )
    return Bounds(percent, number, value, low, high)


def enough_for(percent: float, confidence: float = 0.95) -> int:
    """Return how many values it takes for a percentile to have an upper bound."""
    if not 0 < percent < 100:
        raise SelectionError(f"percent: expected one between 0 and 100, found {percent}")
    return ceil(log((1 - confidence) / 2) / log(percent / 100))
