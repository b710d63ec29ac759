"""What a job is, what is wanted of it, and what measuring it gave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Generic, TypeVar

from ..errors import ZcvizError
from .measure import interleaved, recycle

__all__ = ["Goal", "Job", "Line", "Unavailable", "Work", "measure_jobs", "without_places"]

Inputs = TypeVar("Inputs")


class Unavailable(ZcvizError):
    """A job cannot be done here; the message says why, in a line."""


@dataclass(frozen=True, slots=True)
class Goal:
    """How fast, or how small, a job should be.

    Attributes
    ----------
    least, stretch : float, optional
        What is asked for, and what would be better still. With `less`, these are upper limits.
    against : str
        The job that this one's speed is divided by, in bytes of input per second; "" where the
        figure itself is meant.
    less : bool
        Whether less is better.
    """

    least: float | None = None
    stretch: float | None = None
    against: str = ""
    less: bool = False

    @property
    def limits(self) -> dict[str, float]:
        """What is wanted, by name."""
        names = {"at most" if self.less else "at least": self.least, "stretch": self.stretch}
        return {name: limit for name, limit in names.items() if limit is not None}

    def is_met(self, value: float, wanted: float) -> bool:
        """Say whether `value` is as good as `wanted`."""
        return value <= wanted if self.less else value >= wanted


@dataclass(frozen=True, slots=True)
class Line:
    """What measuring one job gave.

    Attributes
    ----------
    job : str
        Its name, unique in a report.
    unit : str
        Of its figure: ``"M messages/s"``, ``"s"``, ``"B/message"``.
    samples : tuple of float
        Raw, in the order they were taken: seconds if there is an `amount`, else values in `unit`.
    amount : float
        What one run handles, counted as in `unit`, without the "M"; 0 if the figure is no speed.
    nbytes : int
        Input of one run; 0 where it does not read all of a file.
    note : str
        What one must know to read the figure, or why there is none.
    goals : tuple of Goal
    rival : str
        For a peer's job: ours that does the like.
    """

    job: str
    unit: str
    samples: tuple[float, ...] = ()
    amount: float = 0
    nbytes: int = 0
    note: str = ""
    goals: tuple[Goal, ...] = ()
    rival: str = ""

    @property
    def figure(self) -> float:
        """The median, as a speed in millions per second or as it is."""
        middle = median(self.samples)
        return self.amount / middle / 1e6 if self.amount else middle

    @property
    def bandwidth(self) -> float:
        """Bytes of input per second, by the median."""
        return self.nbytes / median(self.samples)

    @property
    def spread(self) -> float:
        """The greatest sample over the least."""
        return max(self.samples) / min(self.samples)


@dataclass(frozen=True, slots=True)
class Work:
    """A job made ready for its inputs: what to time, and what one run of it handles."""

    run: Callable[[], object]
    amount: float
    nbytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Job(Generic[Inputs]):
    """One thing to time.

    Attributes
    ----------
    name : str
    unit : str
        What the amount of its work counts: ``"messages"``.
    prepare : callable (inputs) -> Work
        Raises `Unavailable` where it cannot be done.
    goals : tuple of Goal
    """

    name: str
    unit: str
    prepare: Callable[[Inputs], Work]
    goals: tuple[Goal, ...] = ()


def measure_jobs(
    jobs: Iterable[Job[Inputs]], inputs: Inputs, rounds: int, memory: int
) -> list[Line]:
    """Time all jobs in turns; one that cannot be done here becomes a line that says why.

    Every run finds `memory` bytes that are fresh to this process but not to its host, see
    `recycle`: as much as any job allocates.
    """
    lines: list[Line] = []
    runs: dict[str, Callable[[], object]] = {}
    for job in jobs:
        line = Line(job.name, f"M {job.unit}/s", goals=job.goals)
        try:
            work = job.prepare(inputs)
            work.run()  # compile, and have the pages in memory
        except Unavailable as reason:
            lines.append(replace(line, note=without_places(str(reason))))
            continue
        runs[job.name] = work.run
        lines.append(replace(line, amount=work.amount, nbytes=work.nbytes, note=work.note))
    taken = interleaved(runs, rounds, before=partial(recycle, memory))
    return [replace(line, samples=tuple(taken.get(line.job, ()))) for line in lines]


def without_places(text: str) -> str:
    """Return `text` with the addresses and folders of this machine left out: reports are public."""
    return re.sub(r"(?<!\w)(?:\w+:)?[/\\][^\s'\"),]+", "…", text).strip()
