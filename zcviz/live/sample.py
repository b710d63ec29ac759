"""What a live run measured, at one moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .board import POINTS

__all__ = ["Reading", "Sample", "reading_of"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pipeline did lately.

    Attributes
    ----------
    name : str
    newest : float [messages/s]
    median : float [messages/s]
        Over the window.
    ages : ndarray of float32, shape (n_points,) [s]
        How long ago each point was taken, oldest first.
    rates : ndarray of float32, shape (n_points,) [messages/s]
    """

    name: str
    newest: float
    median: float
    ages: NDArray[np.float32]
    rates: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sample:
    """The readings of all pipelines of a run at one moment, in the order of the run."""

    readings: tuple[Reading, ...]

    @property
    def medians(self) -> dict[str, float]:
        """Messages per second by pipeline, of those that have counted any."""
        return {each.name: each.median for each in self.readings if len(each.rates)}

    def pack(self) -> NDArray[np.float32]:
        """Return one array for the page.

        Returns
        -------
        ndarray of float32, shape (n_pipelines, 3 + 2 * POINTS)
            Each row: number of points, newest, median, then the ages and the rates, both padded.

        Notes
        -----
        Memory: allocates the array.
        """
        frame = np.zeros((len(self.readings), 3 + 2 * POINTS), np.float32)
        for row, each in zip(frame, self.readings, strict=True):
            n = len(each.rates)
            row[:3] = n, each.newest, each.median
            row[3 : 3 + n] = each.ages
            row[3 + POINTS : 3 + POINTS + n] = each.rates
        return frame


def reading_of(name: str, points: Collection[tuple[float, float]], now: float) -> Reading:
    """Return the reading of points (when, messages per second), oldest first."""
    if not points:
        nothing = np.empty(0, np.float32)
        return Reading(name, 0.0, 0.0, nothing, nothing)
    when, rates = np.array(points).T
    ages = (now - when).astype(np.float32)
    median = float(np.median(rates))
    return Reading(name, float(rates[-1]), median, ages, rates.astype(np.float32))
