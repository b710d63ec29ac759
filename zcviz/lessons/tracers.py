"""What tracing sees of memory that is known to be there, and what it does to the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import perf_counter

from ..bench.measure import turns
from ..trace import allocations, exact
from ..trace.watch import amounts, seen_in
from .listing import Bar, Cell, bars, listing
from .show import Shown, kind_of, number_text

__all__ = ["NOT_MEASURED", "Sight", "Sightings", "Slowdown", "in_words", "seen_by", "slowdown"]

NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one thing that takes memory.

    Attributes
    ----------
    name : str
    really : int [bytes]
        What it takes, known from what it is.
    held, peak : int [bytes]
        What tracemalloc said was held at the end, and at most.
    counted : int or None [bytes]
        All that exact counting saw being allocated; None: not measured.
    """

    name: str
    really: int
    held: int
    peak: int
    counted: int | None


@dataclass(frozen=True)
class Sightings:
    """What was seen of several things.

    Attributes
    ----------
    rows : tuple of Sight
    reason : str
        Why there are no exact counts; empty if there are.
    """

    rows: tuple[Sight, ...]
    reason: str = ""

    @property
    def sentence(self) -> str:
        """Who saw what, in words."""
        unseen, saved = [], []
        for row in self.rows:
            found = max(row.held, row.peak, row.counted or 0)
            if found < row.really / 2:
                unseen.append(row.name)
            elif row.held < row.really / 2:
                saved.append(row.name)
        parts = [f"Seen by neither: {'; '.join(unseen)}."] if unseen else []
        if saved:
            parts.append(f"Not among what tracemalloc says is held: {'; '.join(saved)}.")
        if self.reason:
            parts.append(f"Exact counts are not measured: {self.reason}.")
        return " ".join(parts) or "All of it was seen."

    @property
    def shown(self) -> Shown:
        """A table."""
        head = ["what takes memory", "bytes it takes", "held", "at most at once", "counted exactly"]
        rows: list[list[Cell]] = [
            [each.name, each.really, each.held, each.peak,
             NOT_MEASURED if each.counted is None else each.counted]
            for each in self.rows
        ]  # fmt: skip
        return listing(head, rows, title="What tracemalloc sees, and exact counting",
                       sentence=self.sentence)  # fmt: skip


def seen_by(makers: Mapping[str, tuple[int, Callable[[], object]]]) -> Sightings:
    """Watch things being made.

    Parameters
    ----------
    makers : mapping of str to (int [bytes], callable ())
        What each takes, and what makes it. Its result is kept until all was read.
    """
    rows, reason = [], ""
    for name, (really, make) in makers.items():
        with allocations(exact=True) as seen:
            kept = make()
        result = seen.result
        _, allocated, _ = amounts(seen_in(result.exact))
        if result.exact is not None:
            reason = reason or result.exact.reason
        rows.append(Sight(name, really, result.net, result.peak, allocated))
        del kept
    return Sightings(tuple(rows), reason)


@dataclass(frozen=True)
class Slowdown:
    """How many times as long work takes that is watched.

    Attributes
    ----------
    traced : dict of str to float
        By the name of the work: the time under tracemalloc over the time when nobody looks.
    counted : dict of str to float
        The same while every allocation is counted; empty: not measured.
    reason : str
        Why it was not.
    """

    traced: dict[str, float]
    counted: dict[str, float]
    reason: str = ""

    @property
    def sentence(self) -> str:
        """What exact counting costs, in words."""
        if not self.counted:
            return f"Under exact counting: {NOT_MEASURED} ({self.reason})."
        return f"Under exact counting: {in_words(self.counted)}."

    @property
    def shown(self) -> Shown:
        """Bars, for tracemalloc."""
        rows = [Bar(name, each, kind_of(name)) for name, each in self.traced.items()]
        return bars(rows, "×", title="Time under tracemalloc, as a multiple of the time without",
                    sentence=self.sentence)  # fmt: skip


def in_words(times: Mapping[str, float]) -> str:
    """Return multiples with their names."""
    return ", ".join(f"{name} {number_text(each)} ×" for name, each in times.items())


def slowdown(works: Mapping[str, Callable[[], object]], rounds: int = 7) -> Slowdown:
    """Time work plain, under tracemalloc, and while every allocation is counted; the least counts.

    Opening and closing a window of tracing is off the clock.
    """
    windows: tuple[Callable[[], AbstractContextManager[object]], ...]
    windows = (nullcontext, allocations, exact)
    taken: dict[tuple[str, int], list[float]] = {
        (name, number): [] for name in works for number in range(len(windows))
    }
    for name, number in turns(tuple(taken), rounds):
        with windows[number]():
            start = perf_counter()
            works[name]()
            seconds = perf_counter() - start
        taken[name, number].append(seconds)
    plain, traced, counted = (
        {name: min(taken[name, number]) for name in works} for number in range(len(windows))
    )
    with exact() as window:
        pass
    return Slowdown(
        {name: traced[name] / plain[name] for name in works},
        {name: counted[name] / plain[name] for name in works if window.result.total is not None},
        window.reason,
    )
