"""Ways to do the same, side by side: they must agree, then they are timed in turns, then traced.

Time and memory are never taken of the same run: tracing makes Python several times slower.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from math import isnan
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import ZcvizError
from ..render import printable, renderer, size_text
from ..trace import allocations
from ..trace.watch import amounts, seen_in
from .measure import host, turns

__all__ = ["Variant", "Variants", "agree", "compare_variants"]

_SHORTEST = 1e-3  # of a round [s]
_ALIKE = 1.1

Work = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Variant:
    """What one way costs.

    Attributes
    ----------
    name : str
    seconds : float [s]
        Median of the rounds.
    spread : float
        The slowest round over the fastest.
    allocated, blocks : int or None [bytes, 1]
        All that was allocated, held or not; None: not measured.
    peak : int [bytes]
        The most that was held at once.
    kept : int [bytes]
        What the value, and names that it assigned, still hold at the end.
    """

    name: str
    seconds: float
    spread: float
    allocated: int | None
    blocks: int | None
    peak: int
    kept: int

    @property
    def time_text(self) -> str:
        """The median with a unit that suits it."""
        for unit, size in ("s", 1), ("ms", 1e-3), ("µs", 1e-6):
            if self.seconds >= size:
                return f"{self.seconds / size:,.1f} {unit}"
        return f"{self.seconds * 1e9:,.0f} ns"


@dataclass(frozen=True, repr=False)
class Variants:
    """Several ways side by side.

    Attributes
    ----------
    rows : tuple of Variant
        In the order they were given.
    rounds : int
    host : dict of str to str
    """

    rows: tuple[Variant, ...]
    rounds: int
    host: dict[str, str]

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        fast, *_, slow = sorted(self.rows, key=lambda row: row.seconds)
        ratio = slow.seconds / fast.seconds
        text = f"All give the same: {slow.name} takes {ratio:,.1f} times as long as {fast.name}"
        if ratio < _ALIKE:
            text = "All give the same, in about the same time"
        if slow.allocated is None or fast.allocated is None or ratio < _ALIKE:
            return f"{text}."
        return (
            f"{text}, and allocates {size_text(slow.allocated)} where that allocates "
            f"{size_text(fast.allocated)}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain dictionaries and numbers."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [printable(self.sentence)]
        for row in self.rows:
            spent = "not measured" if row.allocated is None else size_text(row.allocated)
            lines.append(
                f"{printable(row.name):<24} {row.time_text:>12}  allocated {spent}, "
                f"at most {size_text(row.peak)} at once, {size_text(row.kept)} kept"
            )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return str(renderer("variants")(self))


async def compare_variants(variants: Mapping[str, Work], rounds: int) -> Variants:
    """Compare several ways to do the same.

    Parameters
    ----------
    variants : mapping of str to callable
        Each returns something to be awaited for its value.
    rounds : int

    Raises
    ------
    ZcvizError
        Two of them disagree, or their values cannot be compared.
    """
    values = {name: await work() for name, work in variants.items()}
    first, *others = values
    for name in others:
        try:
            same = agree(values[first], values[name])
        except Exception as error:  # a class of the user's whose == gives no yes or no
            raise ZcvizError(
                f"whether {first} and {name} give the same cannot be told: {error}"
            ) from error
        if not same:
            raise ZcvizError(
                f"{first} and {name} give different values, so there is nothing to compare: "
                f"{_shown(values[first])} and {_shown(values[name])}"
            )
    del values
    loops = {name: await _loops(work) for name, work in variants.items()}
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for name in turns(tuple(variants), rounds):
        taken[name].append(await _time(variants[name], loops[name]))
    rows = [await _row(name, work, taken[name]) for name, work in variants.items()]
    return Variants(tuple(rows), rounds, host())


async def _time(work: Work, loops: int) -> float:
    start = perf_counter()
    for _ in range(loops):
        value = await work()
    taken = perf_counter() - start
    del value
    return taken / loops


async def _loops(work: Work) -> int:
    # So many that the clock's own steps do not matter.
    return max(1, round(_SHORTEST / max(await _time(work, 1), 1e-9)))


async def _row(name: str, work: Work, seconds: list[float]) -> Variant:
    with allocations(exact=True) as seen:
        value = await work()
        kept = seen.net
    del value
    result, spread = seen.result, max(seconds) / max(min(seconds), 1e-9)
    blocks, allocated, _ = amounts(seen_in(result.exact))
    return Variant(name, median(seconds), spread, allocated, blocks, result.peak, kept)


def agree(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, arrays and tables by what is in them."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        nan = {one.dtype.kind, other.dtype.kind} <= set("fcmM")
        return bool(np.array_equal(one, other, equal_nan=nan))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(agree, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[key], other[key]) for key in one)
    if type(one) is type(other) and callable(getattr(one, "equals", None)):
        return bool(one.equals(other))  # pandas, pyarrow, polars
    if isinstance(one, float) and isinstance(other, float) and isnan(one):
        return isnan(other)
    return bool(one == other)


def _shown(value: Any) -> str:
    text = printable(repr(value))
    return text if len(text) < 80 else f"{text[:79]}…"
