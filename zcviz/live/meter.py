"""Run one pipeline over a feed again and again, and count.

Time is the processor's where its clock is fine enough: what else the machine does then hardly
moves a curve. On a quiet machine it is the same as time on the wall.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol

from ..errors import SelectionError
from .board import Slot

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Meter", "Steppable", "pipeline_named"]

STEP = 0.01  # seconds between two looks at the board
POINT_SECONDS = 0.05  # own running time that makes up one point
_MOST_UNITS = 4096


Clock = Literal["process_time", "thread_time", "perf_counter"]


class Steppable(Protocol):
    """A pipeline, as far as it is run here."""

    def iterate(self, feed: Feed) -> Iterator[int]:
        """Yield the number of messages done so far, after each unit of work."""


def pipeline_named(name: str) -> Steppable:
    """Return a pipeline, or an experiment, by its name.

    Raises
    ------
    SelectionError
        There is none of that name.
    """
    # Imported late: a worker first looks to its parent, then loads the decoders.
    from ..pipelines import EXPERIMENTS, PIPELINES

    pipelines = PIPELINES | EXPERIMENTS
    if name not in pipelines:
        raise SelectionError(f"no pipeline is called {name!r}; there are {', '.join(pipelines)}")
    return pipelines[name]


class Meter:
    """Count the messages that a pipeline gets through, in seconds of its own running time.

    Parameters
    ----------
    pipeline : Steppable
    feed : Feed
    slot : Slot
        Where points are posted, one for each `POINT_SECONDS` of running.
    clock : str
        Whose time counts: ``"process_time"`` or ``"thread_time"``.
    """

    def __init__(self, pipeline: Steppable, feed: Feed, slot: Slot, clock: Clock) -> None:
        self._clock = _fine(clock)
        self._pipeline = pipeline
        self._feed = feed
        self._slot = slot
        self._units: Iterator[int] = iter(())
        self._done = 0
        self._batch = 1
        self._messages = 0
        self._seconds = 0.0

    def warm_up(self) -> None:
        """Do one unit of work uncounted: it compiles kernels and fills caches."""
        next(self._pipeline.iterate(self._feed), None)

    def turn(self, seconds: float) -> None:
        """Run for `seconds`, or less if the slot is told to stop or loses the turn."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until and self._slot.may_run() and not self._slot.stopping:
            self._advance(STEP)

    def _advance(self, seconds: float) -> None:
        clock = self._clock
        began = now = clock()
        while now - began < seconds:
            self._messages += self._run_batch()
            before, now = now, clock()
            self._fit_batch(now - before)
        self._seconds += now - began
        if self._seconds >= POINT_SECONDS - STEP / 2:
            self._slot.post(time.monotonic(), self._seconds, self._messages)
            self._messages, self._seconds = 0, 0.0

    def _run_batch(self) -> int:
        # Units are drawn in batches by `deque`, in C: a Python loop around each unit would be
        # charged to the pipelines whose units are small.
        newest = deque(islice(self._units, self._batch), maxlen=1)
        if not newest:
            self._units, self._done = self._pipeline.iterate(self._feed), 0
            return 0
        gained = newest[0] - self._done
        self._done = newest[0]
        return gained

    def _fit_batch(self, took: float) -> None:
        if took < STEP / 8:
            self._batch = min(2 * self._batch, _MOST_UNITS)
        elif took > STEP / 2:
            self._batch = max(1, self._batch // 2)


def _fine(clock: Clock) -> Callable[[], float]:
    # On Windows the processor's time advances by 16 ms.
    fine: Callable[[], float] = getattr(time, clock)
    return fine if time.get_clock_info(clock).resolution < STEP / 100 else time.perf_counter
