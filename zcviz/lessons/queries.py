"""The same question asked in several ways: equal answers first, then what each costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import ZcvizError
from ..trace import overlap, provenance
from ..viz.timing import ThemedFigure
from .curves import Curve, Look, Plot
from .listing import listing
from .pace import pace
from .show import Kind, Shown, number_text

__all__ = ["QueryCosts", "cost_by_messages", "handovers", "optional", "same_answer"]

_LOOKS: dict[str, Look] = {
    "records": "copying",
    "flyweight": "neutral",
    "columns": "zero-copy",
    "Arrow": "arrow",
    "duckdb": "database",
}
_ENOUGH = 50_000_000  # nanoseconds that a way may take for a step before it gets no more messages
_ROUNDS = 5


def optional(module: str) -> Any:
    """Import a library that a lesson can do without; where it is missing, say so.

    Returns
    -------
    module or None
    """
    try:
        return import_module(module)
    except ImportError:
        print(f"{module} is not installed here, so what follows does without it.")
        print(f"`pip install {module}` adds it; then run all cells again.")
        return None


def same_answer(ways: Mapping[str, Callable[[Any], Any]], given: Any) -> Any:
    """Ask in every way, and return the answer that all of them give.

    Parameters
    ----------
    ways : mapping of str to callable (given)
    given : object
        What is asked of.

    Raises
    ------
    ZcvizError
        Two ways do not agree: then no time is worth taking.
    """
    answers = {name: way(given) for name, way in ways.items()}
    first, *others = answers
    for name in others:
        if answers[name] != answers[first]:
            raise ZcvizError(f"{first} and {name} give different answers: compare no times")
    return answers[first]


@dataclass(frozen=True)
class QueryCosts:
    """Time per message by the number of messages asked of, for several ways of asking.

    Attributes
    ----------
    ns : dict of str to dict of int to float [ns per message]
        By way, by number of messages. The least of several rounds.
    """

    ns: dict[str, dict[int, float]]

    @property
    def most(self) -> dict[str, float]:
        """By way, the time for the largest number of messages it was given [ns per message]."""
        return {name: list(costs.values())[-1] for name, costs in self.ns.items()}

    @property
    def sentence(self) -> str:
        """What the figures say, in words."""
        least, most = (
            {name: ns[at] for name, ns in self.ns.items() if at in ns}
            for at in (min(self._numbers), max(self._numbers))
        )
        quick, fast = min(least, key=least.__getitem__), min(most, key=most.__getitem__)
        slowest = max(self.most, key=self.most.__getitem__)
        ratio = self.most[slowest] / most[fast]
        return (
            f"For {min(self._numbers):,} messages {quick} is the cheapest way, "
            f"{number_text(least[quick])} ns a message; for {max(self._numbers):,} it is {fast}, "
            f"{number_text(most[fast])} ns. The slowest way, {slowest}, costs "
            f"{number_text(float(f'{ratio:.2g}'))} times that."
        )

    @property
    def _numbers(self) -> list[int]:
        return sorted({number for costs in self.ns.values() for number in costs})

    @property
    def plotted(self) -> Plot:
        """Time over number of messages, both logarithmic, a curve a way."""
        return Plot(
            tuple(
                Curve(name, tuple(costs.items()), _LOOKS.get(name, "neutral"))
                for name, costs in self.ns.items()
            ),
            title="Time per message, nanoseconds (log scale)",
            axis="messages asked of (log scale)",
            sentence=self.sentence,
            logarithmic=True,
        )

    def plot(self) -> ThemedFigure:
        """Return the figure."""
        return self.plotted.figure()

    def _repr_html_(self) -> str:
        return self.plotted.card(repr(self)).html

    def __repr__(self) -> str:
        head = "messages  " + "  ".join(f"{name:>9}" for name in self.ns)
        rows = [
            f"{number:>8,}  "
            + "  ".join(
                f"{costs[number]:>9,.1f}" if number in costs else " " * 9
                for costs in self.ns.values()
            )
            for number in self._numbers
        ]
        return "\n".join(["Time per message [ns]", head, *rows, self.sentence])


def cost_by_messages(
    ways: Mapping[str, Callable[[Any], object]], places: Any, numbers: Iterable[int] = ()
) -> QueryCosts:
    """Time ways of asking, of the first hundred messages, the first thousand, and so on.

    Parameters
    ----------
    ways : mapping of str to callable (places)
    places : array or sequence
        Of the messages; a way is given its first so many.
    numbers : iterable of int, optional
        How many; by default every power of ten from 100 on, and all.

    Notes
    -----
    A way that takes long is given no larger numbers: what it costs by the message is known then.
    """
    powers = [10**power for power in range(2, 9) if 10**power < len(places)]
    steps = sorted({*(numbers or [*powers, len(places)])})
    found: dict[str, dict[int, float]] = {name: {} for name in ways}
    for number in steps:
        some = places[:number]
        asked = {
            name: lambda way=way, some=some: way(some)
            for name, way in ways.items()
            if all(ns * at < _ENOUGH for at, ns in found[name].items())
        }
        for name, ns in pace(asked, number, _ROUNDS, fresh=32 * number).items():
            found[name][number] = ns
    return QueryCosts(found)


def handovers(steps: Sequence[tuple[str, str, Any, Any]]) -> Shown:
    """Tell of each hand-over whether it copied: by address.

    Parameters
    ----------
    steps : sequence of (from, to, object, object)
        What was handed over, and what came of it: anything that `zcviz.provenance` takes.
    """
    rows, copies = [], 0
    for origin, target, given, got in steps:
        shared, size = overlap(given, got), provenance(got).nbytes
        kind: Kind = "zero-copy" if shared == size else "copying"
        copies += shared < size
        said = "the same bytes" if shared == size else f"{size - shared:,} B copied"
        rows.append((f"{origin} → {target}", _at(given), _at(got), (said, kind)))
    return listing(
        ["hand-over", "from address", "to address", "what happened"],
        rows,
        title="Who copies",
        sentence=f"{len(rows) - copies} of {len(rows)} hand-overs copy nothing: what is handed "
        "over is the address.",
    )


def _at(value: Any) -> str:
    return f"{provenance(value).address:#x}"


def answer_of(keys: Any, *sums: Any) -> dict[int, tuple[int, ...]]:
    """Return sums by key as plain integers, so that every way of adding up can be compared."""
    columns = [np.asarray(each).tolist() for each in (keys, *sums)]
    return {int(key): tuple(map(int, values)) for key, *values in zip(*columns, strict=True)}
