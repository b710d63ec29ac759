"""The first calls of something: each timed by itself, and drawn one after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from .curves import Curve, Look, Plot
from .show import number_text

__all__ = ["FirstCalls", "first_calls"]

_LOOKS: tuple[Look, ...] = ("plain", "database", "neutral")
_COLD = 1.5  # times as long as the later ones


@dataclass(frozen=True, repr=False)
class FirstCalls:
    """How long the first calls of some functions took.

    Attributes
    ----------
    seconds : dict of str to tuple of float [s]
        By function, in the order of the calls; three at least.
    """

    seconds: dict[str, tuple[float, ...]]

    @property
    def later(self) -> dict[str, float]:
        """The median of the second half of the calls [s]."""
        return {name: median(each[len(each) // 2 :]) for name, each in self.seconds.items()}

    @property
    def first(self) -> dict[str, float]:
        """How many times as long as later calls the first one took."""
        return {name: each[0] / self.later[name] for name, each in self.seconds.items()}

    @property
    def sentence(self) -> str:
        """What the figures say, in words."""
        cold = {name: each for name, each in self.first.items() if each >= _COLD}
        warm = [name for name in self.first if name not in cold]
        told = [f"{name}, {number_text(float(f'{each:.2g}'))} times" for name, each in cold.items()]
        text = f"The first call took, as a multiple of later ones: {'; '.join(told)}. "
        if not cold:
            text = ""
        if warm:
            text += f"No slower at first, here and now: {', '.join(warm)}."
        return text.strip()

    @property
    def plotted(self) -> Plot:
        """Time over the number of the call, both axes logarithmic."""
        curves = tuple(
            Curve(name, tuple((at, each * 1e6) for at, each in enumerate(seconds, 1)), look)
            for (name, seconds), look in zip(self.seconds.items(), _LOOKS, strict=False)
        )
        longest = max(map(len, self.seconds.values()))
        return Plot(
            curves,
            title="Time of each call, microseconds",
            axis="number of the call (both axes are logarithmic)",
            sentence=self.sentence,
            ticks=tuple(at for at in (1, 2, 5, 10, 20) if at <= longest),
            logarithmic=True,
        )

    def _repr_html_(self) -> str:
        return self.plotted.card(repr(self)).html

    def __repr__(self) -> str:
        rows = ["Time of each call [µs]"]
        for name, seconds in self.seconds.items():
            rows.append(f"{name}: " + ", ".join(number_text(each * 1e6) for each in seconds))
        return "\n".join([*rows, self.sentence])


def first_calls(functions: Mapping[str, Callable[[], object]], number: int = 20) -> FirstCalls:
    """Time each call of each function by itself, from the first one on; three functions at most."""
    taken: dict[str, tuple[float, ...]] = {}
    for name, function in functions.items():
        times = []
        for _ in range(number):
            start = perf_counter()
            result = function()
            times.append(perf_counter() - start)
            del result
        taken[name] = tuple(times)
    return FirstCalls(taken)
