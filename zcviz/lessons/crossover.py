"""What a message costs when one field of it is read, or two, or all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median
from typing import Any

from ..bench.measure import interleaved
from ..viz.theme import LIGHT
from ..viz.timing import ThemedFigure
from .show import card, number_text, prose

__all__ = ["FieldCosts", "cost_by_fields"]

Read = Callable[[Any], object]
"""Takes a decoded message and reads some of its fields."""

_STYLES: dict[str, dict[str, Any]] = {
    "record": {"color": LIGHT["copy"], "linestyle": (0, (5, 2)), "marker": "s"},
    "flyweight": {"color": LIGHT["neutral"], "marker": "o"},
}


@dataclass(frozen=True)
class FieldCosts:
    """Time per message by the number of fields read, for two ways of reading.

    Attributes
    ----------
    fields : tuple of str
        In the order in which they were added.
    ns : dict of str to tuple of float [ns per message]
        By way; the first figure is for one field. Medians over rounds.
    messages, rounds : int
    """

    fields: tuple[str, ...]
    ns: dict[str, tuple[float, ...]]
    messages: int
    rounds: int

    @property
    def crossover(self) -> int | None:
        """The number of fields from which on the first way is the cheaper one; None: never."""
        one, other = self.ns.values()
        cheaper = [a <= b for a, b in zip(one, other, strict=True)]
        always = len(cheaper) - [*cheaper[::-1], False].index(False)
        return always + 1 if always < len(cheaper) else None

    @property
    def sentence(self) -> str:
        """What the figures say, in words."""
        (one, costs), (other, others) = self.ns.items()
        text = (
            f"For one field, {other} takes {number_text(others[0])} ns a message and {one} "
            f"{number_text(costs[0])}; for {len(costs)}, {number_text(others[-1])} and "
            f"{number_text(costs[-1])}. "
        )
        if self.crossover is None:
            return f"{text}{other.capitalize()} is cheaper however many are read."
        if self.crossover == 1:
            return f"{text}{one.capitalize()} is cheaper however few are read."
        return f"{text}From {self.crossover} fields on {one} is the cheaper way."

    def plot(self) -> ThemedFigure:
        """Return the figure: time over number of fields, a line a way."""
        figure = ThemedFigure(figsize=(5.6, 3.4), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        numbers = range(1, len(self.fields) + 1)
        for name, costs in self.ns.items():
            style = _STYLES.get(name, {"color": LIGHT["ink"]})
            axes.plot(numbers, costs, markersize=5, linewidth=1.8, **style)
            axes.annotate(
                name, (numbers[-1], costs[-1]), xytext=(8, 0), textcoords="offset points",
                va="center", color=style["color"], fontweight="bold", fontsize=11,
            )  # fmt: skip
        if self.crossover not in (None, 1):
            at = self.crossover - 0.5 if self.crossover else 0
            axes.axvline(at, color=LIGHT["soft"], linewidth=1, linestyle=":")
        axes.set(xticks=numbers, xlim=(0.8, len(self.fields) * 1.25), ylim=(0, None))
        axes.set_xlabel("fields read of each message", color=LIGHT["soft"], fontsize=11)
        axes.set_title("Time per message, nanoseconds", loc="left", fontsize=11, color=LIGHT["ink"])
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=LIGHT["line"], linewidth=0.5)
        axes.tick_params(colors=LIGHT["soft"], labelsize=10)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(LIGHT["line"])
        figure.description = self.sentence
        return figure

    def _repr_html_(self) -> str:
        said = f"<div class='zcl-said'>{prose(self.sentence)}</div>"
        drawn = f"<div style='max-width:580px'>{self.plot().to_svg()}</div>"
        return card(f"{drawn}{said}", repr(self)).html

    def __repr__(self) -> str:
        names = list(self.ns)
        rows = [f"{'fields':>6}  " + "  ".join(f"{name:>9}" for name in names)]
        for number, costs in enumerate(zip(*self.ns.values(), strict=True), 1):
            rows.append(f"{number:>6}  " + "  ".join(f"{ns:>9,.0f}" for ns in costs))
        return "\n".join(["Time per message [ns]", *rows, self.sentence])


def cost_by_fields(
    ways: Mapping[str, Callable[[Read], object]],
    fields: Sequence[str],
    messages: int,
    rounds: int = 7,
) -> FieldCosts:
    """Time ways of reading messages, for the first field, the first two, and so on.

    Parameters
    ----------
    ways : mapping of str to callable (read)
        Two functions that go through all messages, decode each, and call ``read`` on it.
    fields : sequence of str
        Names, in the order in which they are added.
    messages : int
        How many messages each function goes through.
    rounds : int
        How often each is timed, in turns; medians are told.
    """
    functions = {
        (name, number): lambda way=way, number=number: way(attrgetter(*fields[:number]))
        for number in range(1, len(fields) + 1)
        for name, way in ways.items()
    }
    taken = interleaved(functions, rounds)
    ns = {
        name: tuple(
            median(taken[name, number]) * 1e9 / messages for number in range(1, len(fields) + 1)
        )
        for name in ways
    }
    return FieldCosts(tuple(fields), ns, messages, rounds)
