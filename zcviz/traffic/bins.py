"""Histograms of durations: four bins for each doubling, in nanoseconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels.arrivals import BINS, FIRST_BIT, STEPS

__all__ = ["BINS", "edges", "percentile"]


def edges() -> NDArray[np.float64]:
    """Return where bins begin, and the last one ends: (BINS + 1,) [ns].

    The first bin also has what is shorter, the last one what is longer.
    """
    number = np.arange(BINS + 1)
    return (1 + number % STEPS / STEPS) * 2.0 ** (FIRST_BIT + number // STEPS)


def percentile(counts: NDArray[np.int64], share: float) -> float:
    """Return the upper edge of the bin in which this share of all is reached [ns]; NaN of none."""
    total = int(counts.sum())
    if not total:
        return float("nan")
    at = int(np.searchsorted(np.cumsum(counts), share * total))
    return float(edges()[min(at, BINS - 1) + 1])
