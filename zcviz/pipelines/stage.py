"""Stages, and the two ways to run a row of them over what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns
from typing import Any, Protocol

from ..summary import Summary
from ..trace.watch import Seen, watch

__all__ = ["Run", "Stage", "StageResult", "Viewed", "Work"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One named step.

    Attributes
    ----------
    name : str
    does : str
        What it does, in words, where memory is concerned.
    function : callable
        Takes the output of the stage before it; the first takes nothing and returns None when the
        feed is read. None from a later stage says that the packet holds nothing more to do.
    """

    name: str
    does: str
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage took and gave for one unit; what it allocated, if that was measured."""

    stage: Stage
    input: Any
    output: Any
    seen: Seen | None = None


class Work(Protocol):
    """The state that a pipeline's stages share during one pass."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        ...

    @property
    def done(self) -> int:
        """Messages that went through so far."""
        ...

    def result(self) -> Summary:
        """Return the summary so far."""
        ...


class Viewed(Protocol):
    """Something that can be looked at as bytes."""

    @property
    def view(self) -> memoryview:
        """Its bytes."""
        ...


class Run:
    """One pass of a pipeline over an input, unit by unit.

    A unit is a packet; in a BinaryFILE, which has none, 64 messages. A columnar pipeline at full
    speed takes a block of many packets at once.
    """

    def __init__(self, work: Work, source: Viewed) -> None:
        self._work = work
        self._source = source

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        return self._work.stages

    @property
    def done(self) -> int:
        """Messages that went through so far."""
        return self._work.done

    def step(self, *, watched: bool = False) -> list[StageResult] | None:
        """Send one unit through all stages; return what each took and gave, None at the end.

        The list is shorter than the row of stages where a packet carries no message.

        Parameters
        ----------
        watched : bool
            Count what each stage allocates.
        """
        value: Any = self._source.view
        results: list[StageResult] = []
        for stage in self._work.stages:
            run = partial(stage.function, *([value] if results else []))
            output, seen = watch(run) if watched else (run(), None)
            if output is None:
                return results or None
            results.append(StageResult(stage, value, output, seen))
            value = output
        return results

    def units(self) -> Iterator[None]:
        """Run at full speed, pausing after each unit."""
        first, *rest = (stage.function for stage in self._work.stages)
        while (value := first()) is not None:
            for function in rest:
                value = function(value)
                if value is None:
                    break
            yield

    def clock(self) -> list[int]:
        """Run to the end, reading the clock after each stage; return what each took [ns].

        What a reading takes is in the figures, once a unit and stage. Making the result counts as
        part of the last stage.
        """
        functions = [stage.function for stage in self._work.stages]
        spent = [0] * len(functions)
        value: Any = None
        at, before = -1, perf_counter_ns()
        while value is not None or at:  # nothing from the first stage: the feed is read
            for at, function in enumerate(functions):
                value = function(value) if at else function()
                now = perf_counter_ns()
                spent[at] += now - before
                before = now
                if value is None:
                    break
        self.result()
        spent[-1] += perf_counter_ns() - before
        return spent

    def result(self) -> Summary:
        """Return the summary of what went through so far."""
        return self._work.result()
