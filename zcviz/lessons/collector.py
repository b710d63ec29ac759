"""What Python's garbage collector does to a clock: by running, and by what it leaves behind."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

from ..bench.measure import turns
from .show import number_text
from .spread import Spread, in_microseconds

__all__ = ["Collected", "Strikes", "aftermath", "collected", "set_aside"]

_COLD = 1.02


@dataclass
class Strikes:
    """Counts collections, and the time they take, while it is among ``gc.callbacks``.

    Attributes
    ----------
    number : int
    seconds : float [s]
    """

    number: int = 0
    seconds: float = 0.0
    _begun: float = field(default=0.0, repr=False)

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Be told by the collector that it starts, or that it stopped."""
        if phase == "start":
            self._begun = perf_counter()
        else:
            self.number += 1
            self.seconds += perf_counter() - self._begun


@dataclass(frozen=True)
class Collected:
    """The same work, with the collector off and on.

    Attributes
    ----------
    off, on : tuple of float [s]
        Times of the runs, in turns.
    strikes : tuple of int
        How often the collector ran in each run with it on.
    collecting : float [s]
        How long it ran, in all of these.
    """

    off: tuple[float, ...]
    on: tuple[float, ...]
    strikes: tuple[int, ...]
    collecting: float

    @property
    def ratio(self) -> float:
        """How many times as long a run takes with the collector on, by the medians."""
        return median(self.on) / median(self.off)

    @property
    def sentence(self) -> str:
        """What was counted, in words."""
        if not any(self.strikes):
            return "The collector did not run while the clock did."
        low, high = min(self.strikes), max(self.strikes)
        often = f"{low}" if low == high else f"{low} to {high}"
        share = self.collecting / sum(self.on)
        return (
            f"With the collector on, it ran {often} times during one run of the work, and took "
            f"{share:.1%} of the time on the clock. Nothing in the work asks for it."
        )

    @property
    def spread(self) -> Spread:
        """Both, drawn."""
        samples = (
            in_microseconds("collector off", self.off), in_microseconds("collector on", self.on),
        )  # fmt: skip
        return Spread(samples, "µs", self.sentence)


def collected(work: Callable[[], object], rounds: int = 40) -> Collected:
    """Time work in turns with the garbage collector off and on. What it returns is kept so long."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    strikes, collecting, counter = [], 0.0, Strikes()
    gc.callbacks.append(counter)
    try:
        for on in turns((False, True), rounds):
            number, seconds = counter.number, counter.seconds
            if on:
                gc.enable()
            start = perf_counter()
            result = work()
            taken[on].append(perf_counter() - start)
            gc.disable()
            if on:
                strikes.append(counter.number - number)
                collecting += counter.seconds - seconds
            del result
            gc.collect()
    finally:
        gc.callbacks.remove(counter)
    return Collected(tuple(taken[False]), tuple(taken[True]), tuple(strikes), collecting)


def aftermath(work: Callable[[], object], rounds: int = 11) -> Spread:
    """Time work right after a collection, and once more right after that. The collector is off."""
    taken: dict[str, list[float]] = {"right after a collection": [], "the next run": []}
    was_on = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            gc.collect()
            for times in taken.values():
                start = perf_counter()
                result = work()
                times.append(perf_counter() - start)
                del result
    finally:
        if was_on:
            gc.enable()
    one, other = (in_microseconds(name, seconds) for name, seconds in taken.items())
    ratio = one.median / other.median
    sentence = (
        f"By the medians, the run after a collection takes {number_text(ratio)} times as long. "
    )
    sentence += (
        "A likely reason: the collector goes through all objects, and that drives what the work "
        "needs out of the caches."
        if ratio > _COLD
        else "Here and now that is no difference worth a word."
    )
    return Spread((one, other), "µs", sentence)


@contextmanager
def set_aside() -> Iterator[None]:
    """Let the collector look at nothing that exists by now: collections then cost next to nothing.

    Where somebody has set objects aside already, it leaves all as it is.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
