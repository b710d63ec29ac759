"""A machine whose clock goes on only when something is done on it: for judging benchmarks.

On a real machine nobody knows what a benchmark ought to say. On this one each run takes as long as
it was told to, so what a benchmark reports is right or wrong.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

__all__ = ["FakeMachine", "Lingering", "quiet"]


class FakeMachine:
    """A clock, and functions that take a time of their own.

    Attributes
    ----------
    readings : int
        How often somebody looked at the clock.
    runs : list of str
        What was run, in that order.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self.readings = 0
        self.runs: list[str] = []

    def clock(self) -> float:
        """Return the time [s]."""
        self.readings += 1
        return self._now

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def work(
        self,
        name: str,
        cost: Callable[[int], float],
        value: Callable[[], Any] = lambda: 1,
    ) -> Callable[..., Any]:
        """Return a function that takes as long as `cost` says, and returns what `value` does.

        Parameters
        ----------
        name : str
        cost : callable (n)
            Seconds for the n-th run on this machine, whichever function it is of; from 0.
        value : callable ()
        """

        def work(*given: Any) -> Any:
            self.spend(cost(len(self.runs)))
            self.runs.append(name)
            return value()

        return work


class Lingering:
    """A result that takes time to be let go of."""

    def __init__(self, machine: FakeMachine, seconds: float) -> None:
        self._machine, self._seconds = machine, seconds

    def __del__(self) -> None:
        self._machine.spend(self._seconds)


class _Paper(StringIO):
    # Printing on it takes time, and nobody gets to read it.
    def __init__(self, machine: FakeMachine | None, seconds: float) -> None:
        super().__init__()
        self._machine, self._seconds = machine, seconds

    def write(self, text: str) -> int:
        if self._machine is not None:
            self._machine.spend(self._seconds)
        return super().write(text)


@contextmanager
def quiet(machine: FakeMachine | None = None, seconds: float = 0.0) -> Iterator[None]:
    """Take what is printed, and leave the collector and tracemalloc as they were found.

    With a machine, each piece that is printed takes time on it.
    """
    collecting, tracing = gc.isenabled(), tracemalloc.is_tracing()
    try:
        with redirect_stdout(_Paper(machine, seconds)):
            yield
    finally:
        (gc.enable if collecting else gc.disable)()
        if tracemalloc.is_tracing() and not tracing:
            tracemalloc.stop()
