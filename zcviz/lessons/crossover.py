"""Two ways to get at values: which is cheaper depends on how much is asked, and from where on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar

from ..viz.timing import ThemedFigure
from .curves import Curve, Look, Plot
from .pace import pace
from .show import number_text

__all__ = ["FieldCosts", "QuestionCosts", "TwoWays", "cost_by_fields", "cost_by_questions"]

Read = Callable[[Any], object]
"""Takes a decoded message and reads some of its fields."""

_LOOKS: dict[str, Look] = {
    "record": "copying",
    "copy first": "copying",
    "in place": "zero-copy",
}


class TwoWays:
    """Time by a number of things asked, for two ways of asking.

    Attributes
    ----------
    ns : dict of str to tuple of float [ns]
        By way; the first figure is for one thing asked. The least of several rounds.
    counted, asked, per, axis : str
        What is counted, what is done with it, what times are per, what the lower axis says.
    """

    ns: dict[str, tuple[float, ...]]
    counted: ClassVar[str]
    asked: ClassVar[str]
    per: ClassVar[str]
    axis: ClassVar[str]

    @property
    def crossover(self) -> int | None:
        """The number of things from which on the first way is the cheaper one; None: never."""
        one, other = self.ns.values()
        cheaper = [a <= b for a, b in zip(one, other, strict=True)]
        always = len(cheaper) - [*cheaper[::-1], False].index(False)
        return always + 1 if always < len(cheaper) else None

    @property
    def sentence(self) -> str:
        """What the figures say, in words."""
        (one, costs), (other, others) = self.ns.items()
        text = (
            f"For one {self.counted}, {other} takes {number_text(others[0])} ns a {self.per} and "
            f"{one} {number_text(costs[0])}; for {len(costs)}, {number_text(others[-1])} and "
            f"{number_text(costs[-1])}. "
        )
        if self.crossover is None:
            return f"{text}{other.capitalize()} is cheaper however many are {self.asked}."
        if self.crossover == 1:
            return f"{text}{one.capitalize()} is cheaper however few are {self.asked}."
        return f"{text}From {self.crossover} {self.counted}s on {one} is the cheaper way."

    @property
    def plotted(self) -> Plot:
        """Time over the number of things asked, a curve a way."""
        curves = tuple(
            Curve(name, tuple(enumerate(costs, 1)), _LOOKS.get(name, "neutral"))
            for name, costs in self.ns.items()
        )
        return Plot(
            curves,
            title=f"Time per {self.per}, nanoseconds",
            axis=self.axis,
            sentence=self.sentence,
            ticks=tuple(at for at, _ in curves[0].points),
            mark=(self.crossover - 0.5, "") if self.crossover not in (None, 1) else None,
        )

    def plot(self) -> ThemedFigure:
        """Return the figure."""
        return self.plotted.figure()

    def _repr_html_(self) -> str:
        return self.plotted.card(repr(self)).html

    def __repr__(self) -> str:
        names = list(self.ns)
        widths = [max(9, len(name)) for name in names]
        pairs = zip(names, widths, strict=True)
        rows = [f"{self.counted + 's':>9}  " + "  ".join(f"{name:>{w}}" for name, w in pairs)]
        for number, costs in enumerate(zip(*self.ns.values(), strict=True), 1):
            cells = (f"{ns:>{w},.1f}" for ns, w in zip(costs, widths, strict=True))
            rows.append(f"{number:>9}  " + "  ".join(cells))
        return "\n".join([f"Time per {self.per} [ns]", *rows, self.sentence])


@dataclass(frozen=True, repr=False)
class FieldCosts(TwoWays):
    """Time per message by the number of fields read, for two ways of reading.

    Attributes
    ----------
    fields : tuple of str
        In the order in which they were added.
    ns : dict of str to tuple of float [ns per message]
    messages, rounds : int
    """

    fields: tuple[str, ...]
    ns: dict[str, tuple[float, ...]]
    messages: int
    rounds: int
    counted, asked, per, axis = "field", "read", "message", "fields read of each message"


@dataclass(frozen=True, repr=False)
class QuestionCosts(TwoWays):
    """Time per value by the number of questions asked: of a copy, and of values in place.

    Attributes
    ----------
    ns : dict of str to tuple of float [ns per value]
    values, rounds : int
    """

    ns: dict[str, tuple[float, ...]]
    values: int
    rounds: int
    counted, asked, per = "question", "asked", "value"
    axis = "questions, all of them about the same values"


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
        How often each is timed, in turns; the least counts.
    """
    numbers = range(1, len(fields) + 1)
    functions = {
        (name, number): lambda way=way, number=number: way(attrgetter(*fields[:number]))
        for number in numbers
        for name, way in ways.items()
    }
    ns = pace(functions, messages, rounds)
    by_way = {name: tuple(ns[name, number] for number in numbers) for name in ways}
    return FieldCosts(tuple(fields), by_way, messages, rounds)


def cost_by_questions(
    copy: Callable[[], Any],
    ask: Callable[[Any], object],
    in_place: Any,
    most: int = 6,
    rounds: int = 9,
) -> QuestionCosts:
    """Time one question, two, and so on: of a copy that has to be made first, and in place.

    Parameters
    ----------
    copy : callable ()
        Makes the copy.
    ask : callable (values)
        The question.
    in_place : array
        The same values where they lie.
    most, rounds : int
    """

    def copied(number: int) -> None:
        values = copy()
        for _ in range(number):
            ask(values)

    def left(number: int) -> None:
        for _ in range(number):
            ask(in_place)

    ways = {"copy first": copied, "in place": left}
    numbers = range(1, most + 1)
    functions = {
        (name, number): lambda way=way, number=number: way(number)
        for number in numbers
        for name, way in ways.items()
    }
    ns = pace(functions, len(in_place), rounds, fresh=2 * in_place.nbytes)
    by_way = {name: tuple(ns[name, number] for number in numbers) for name in ways}
    return QuestionCosts(by_way, len(in_place), rounds)
