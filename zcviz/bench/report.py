"""The report of a benchmark: what was measured, and what is wanted beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .job import Line
from .published import PUBLISHED, Published
from .receiving import Reception
from .result import Comparison

__all__ = ["Report", "Section", "Verdict"]


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together.

    Attributes
    ----------
    title, text : str
        What they are about, and how they were taken.
    lines : tuple of Line
    """

    title: str
    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and what became of it.

    Attributes
    ----------
    job, against : str
        `against` is "" where the figure itself is meant, not how many times as fast it is.
    value : float, optional
        None if it could not be measured.
    name : str
        ``"at least"``, ``"at most"``, ``"stretch"``.
    wanted : float
    met : bool, optional
    """

    job: str
    against: str
    value: float | None
    name: str
    wanted: float
    met: bool | None


@dataclass(frozen=True)
class Report:
    """All that one run of the benchmark measured.

    Attributes
    ----------
    host : dict of str to str
    messages : int
        In the samples.
    yardstick : str
        The job that speeds are divided by.
    sections : tuple of Section
    comparisons : tuple of Comparison
        Of the pipelines.
    receptions : tuple of Reception
        Of the receive paths.
    published : tuple of Published
        What others say of themselves; not measured here.
    """

    host: dict[str, str]
    messages: int
    yardstick: str
    sections: tuple[Section, ...]
    comparisons: tuple[Comparison, ...] = ()
    receptions: tuple[Reception, ...] = ()
    published: tuple[Published, ...] = PUBLISHED

    def ratio(self, line: Line, job: str) -> float | None:
        """Return how many times as fast `line` is as `job`, in bytes of input per second."""
        others = (each for section in self.sections for each in section.lines if each.job == job)
        other = next(others, None)
        if other is None or not (other.samples and line.samples):
            return None
        return line.bandwidth / other.bandwidth

    def verdicts(self, line: Line) -> list[Verdict]:
        """Return what became of the goals of a line."""
        found = []
        for goal in line.goals:
            figure = line.figure if line.samples else None
            value = self.ratio(line, goal.against) if goal.against else figure
            for name, wanted in goal.limits.items():
                met = None if value is None else goal.is_met(value, wanted)
                found.append(Verdict(line.job, goal.against, value, name, wanted, met))
        return found

    def to_json(self) -> str:
        """Return everything, raw samples and verdicts too, as JSON."""
        lines = (line for section in self.sections for line in section.lines)
        verdicts = [asdict(each) for line in lines for each in self.verdicts(line)]
        return json.dumps(asdict(self) | {"verdicts": verdicts}, indent=1, ensure_ascii=False)
