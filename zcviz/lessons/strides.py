"""What the distance between values costs: measured, and where a feed has one distance at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..viz.lines import LINE
from ..viz.timing import ThemedFigure
from .curves import Curve, Plot
from .pace import pace
from .show import number_text

__all__ = ["StrideCosts", "cost_by_stride", "longest_run"]


@dataclass(frozen=True)
class StrideCosts:
    """Time per value by the distance between values.

    Attributes
    ----------
    ns : dict of int to float [ns per value]
        By distance in bytes. The least of several rounds.
    """

    ns: dict[int, float]

    @property
    def sentence(self) -> str:
        """What the figures say, in words."""
        (near, fast), *_, (far, slow) = self.ns.items()
        return (
            f"At a distance of {near} B a value takes {number_text(fast)} ns, at {far} B "
            f"{number_text(slow)} ns: {number_text(float(f'{slow / fast:.2g}'))} times as long, "
            "for the same work on the same bytes."
        )

    @property
    def plotted(self) -> Plot:
        """Time over distance."""
        most = max(self.ns)
        return Plot(
            (Curve("in place", tuple(self.ns.items()), "zero-copy"),),
            title="Time per value, nanoseconds",
            axis="bytes from one value to the next",
            sentence=self.sentence,
            ticks=tuple(each for each in (0, LINE, 2 * LINE, 4 * LINE) if each <= most),
            mark=(LINE, f"{LINE} B: one line"),
        )

    def plot(self) -> ThemedFigure:
        """Return the figure."""
        return self.plotted.figure()

    def _repr_html_(self) -> str:
        return self.plotted.card(repr(self)).html

    def __repr__(self) -> str:
        rows = (f"{stride:>8,} B  {ns:>7.2f}" for stride, ns in self.ns.items())
        return "\n".join(["distance  ns per value", *rows, self.sentence])


def cost_by_stride(
    views: Mapping[int, NDArray[Any]], ask: Callable[[NDArray[Any]], object], rounds: int = 9
) -> StrideCosts:
    """Ask the same question of values at several distances.

    Parameters
    ----------
    views : mapping of int to array
        By distance [bytes], the nearest first.
    ask : callable (array)
    rounds : int
    """
    functions = {stride: lambda view=view: ask(view) for stride, view in views.items()}
    counts = {stride: len(view) for stride, view in views.items()}
    return StrideCosts(pace(functions, counts, rounds))


def longest_run(offsets: NDArray[Any]) -> tuple[int, int, int]:
    """Find the longest row of offsets with one and the same distance.

    Parameters
    ----------
    offsets : (n,) integers
        Ascending; one at least.

    Returns
    -------
    first, number, distance : int
        Position of its first offset, how many there are, and how far apart [bytes].
    """
    distances = np.diff(np.asarray(offsets, np.int64))
    changes = np.flatnonzero(np.diff(distances)) + 1
    starts = np.concatenate([[0], changes])
    lengths = np.diff(np.concatenate([starts, [len(distances)]]))
    longest = int(np.argmax(lengths))
    first = int(starts[longest])
    if not len(distances):
        return 0, 1, 0
    return first, int(lengths[longest]) + 1, int(distances[first])
