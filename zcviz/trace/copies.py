"""What a call, or an expression, copied: which part of its result is a view of which input.

Addresses decide. Whether memory is fresh is not asked of anybody: it is fresh if it has no byte in
common with any input.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import BufferLifetimeError
from ..render import printable, renderer, size_text
from .holdings import Holding, holdings
from .overlap import overlap
from .reach import behind_of, mentioned
from .reasons import Facts, why
from .steps import Step, run_steps, step_of_call
from .watch import amounts, watch

__all__ = ["Copies", "ResultPart", "StepReport", "copies_of", "shortened", "what_copied"]

_MOST = 8  # parts that are listed; of a table of a thousand columns the rest is summed up
_LONG = 60  # characters of an expression
# They, and tables, may have got members on the way: what they had before, `behind_of` says.
_GROWING = (list, tuple, dict, set)


@dataclass(frozen=True, slots=True)
class ResultPart:
    """One piece of memory that a result consists of.

    Attributes
    ----------
    label : str
        Which part of the result: ``"['price']"``; empty where there is but one.
    nbytes : int
        How many bytes it has, each counted once; of objects that show no memory, their size.
    views : tuple of (str, int)
        Inputs that it has bytes in common with, and how many.
    fresh : int [bytes]
        Those that it has in common with none.
    """

    label: str
    nbytes: int
    views: tuple[tuple[str, int], ...]
    fresh: int


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step on the way, against what it was given.

    Attributes
    ----------
    source : str
    given : str
        Text of its first operand; empty if it has none.
    parts : tuple of ResultPart
        Of the intermediate result, as against the step's operands.
    why : str
        A sentence; empty where the reason is not known.
    allocated, blocks : int or None [bytes, 1]
        What was allocated during the step, held or not; None: not measured.
    """

    source: str
    given: str
    parts: tuple[ResultPart, ...]
    why: str
    allocated: int | None
    blocks: int | None

    @property
    def copies(self) -> bool:
        """Whether the step made fresh memory for its result, or part of it."""
        return any(part.fresh for part in self.parts)


@dataclass(frozen=True, repr=False)
class Copies:
    """What came of an expression or a call.

    Attributes
    ----------
    source : str
        Its text.
    parts : tuple of ResultPart
        Of the result, as against the named inputs.
    steps : tuple of StepReport
        The way there, in order.
    result : object
        What it evaluated to.

    Notes
    -----
    Memory: holds the result, and none of the values on the way.
    """

    source: str
    parts: tuple[ResultPart, ...]
    steps: tuple[StepReport, ...]
    result: Any

    @property
    def viewed(self) -> int:
        """Bytes of the result that are an input's [bytes]."""
        return sum(part.nbytes - part.fresh for part in self.parts)

    @property
    def fresh(self) -> int:
        """Bytes of the result that are in memory of their own [bytes]."""
        return sum(part.fresh for part in self.parts)

    @property
    def allocated(self) -> int | None:
        """All that was allocated on the way, held or not [bytes]; None: not measured."""
        amounts = [step.allocated for step in self.steps]
        return None if None in amounts else sum(filter(None, amounts))

    @property
    def why(self) -> str:
        """The reason: of the first step that made fresh memory; of a view, that of the last one.

        Of the steps on the way from an input to the result, that is: not of those that made an
        index or a number on the side.
        """
        way, wanted = [], self.steps[-1].source if self.steps else ""
        for step in reversed(self.steps):
            if step.source == wanted:
                way.append(step)
                wanted = step.given
        if self.fresh:
            return next((step.why for step in reversed(way) if step.copies), "")
        return way[0].why if way and self.viewed and not way[0].copies else ""

    def as_dict(self) -> dict[str, Any]:
        """Return all of it but the result as plain dictionaries and numbers."""
        steps = [asdict(step) for step in self.steps]
        return {
            "source": self.source, "viewed": self.viewed, "fresh": self.fresh,
            "allocated": self.allocated, "why": self.why,
            "parts": [asdict(part) for part in self.parts], "steps": steps,
        }  # fmt: skip

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        text = shortened(self.source)
        inputs = ", ".join(dict.fromkeys(name for part in self.parts for name, _ in part.views))
        if not (self.fresh or self.viewed):
            said = f"{text} has no bytes."
        elif not self.fresh:
            said = f"{text} is a view of {inputs}: {size_text(self.viewed)}, none of them copied."
        elif not self.viewed:
            said = f"{text} is fresh memory: {size_text(self.fresh)}."
        else:
            said = (
                f"{text} is fresh memory in part: {size_text(self.fresh)}; "
                f"{size_text(self.viewed)} are a view of {inputs}."
            )
        return f"{said} {self.why}".strip()

    def __str__(self) -> str:
        rows = [printable(self.sentence)]
        if len(self.parts) > 1:
            rows += [
                f"  {printable(part.label or 'result')}: {_fate(part)}" for part in self._shown
            ]
            rows += [f"  and {len(self.parts) - _MOST} more"] * (len(self.parts) > _MOST)
        if len(self.steps) > 1:
            rows += [f"  {_line(step)}" for step in self.steps]
        return "\n".join([*rows, self.cost])

    @property
    def _shown(self) -> tuple[ResultPart, ...]:
        return self.parts[:_MOST]

    @property
    def cost(self) -> str:
        """What was allocated on the way, in words."""
        if self.allocated is None:
            return "What was allocated on the way was not measured."
        blocks = sum(step.blocks or 0 for step in self.steps)
        them = "block" if blocks == 1 else "blocks"
        return f"Allocated on the way: {size_text(self.allocated)} in {blocks:,} {them}."

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return str(renderer("copies")(self))


def what_copied(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Copies:
    """Call a function, and say which part of its result is a view of an argument.

    Parameters
    ----------
    function : callable
    *args, **kwargs
        Handed to it. A bound method's object is an input too.

    Returns
    -------
    Copies

    Examples
    --------
    >>> data = bytearray(100)
    >>> what_copied(memoryview, data).fresh
    0
    """
    step = step_of_call(function, args, kwargs, watch)
    report = _report(step)
    return Copies(step.source, report.parts, (report,), step.result)


def copies_of(expression: str, namespace: Mapping[str, Any]) -> Copies:
    """Evaluate an expression once, and say which part of its result is a view of which name.

    Parameters
    ----------
    expression : str
        One Python expression.
    namespace : mapping of str to object
        What its names mean.

    Raises
    ------
    SyntaxError
        It is none.
    """
    source = expression.strip()
    inputs = mentioned(ast.parse(source, mode="eval"), namespace)
    inputs += behind_of(inputs)
    value, steps = run_steps(source, namespace, watch)
    # What an intermediate value holds is no input, nor what an input has got on the way.
    known = {name for name, _ in inputs} | {step.source for step in steps}
    behind = [each for step in steps for each in step.behind if each[0] not in known]
    return Copies(source, _parts(value, [*inputs, *behind]), tuple(map(_report, steps)), value)


def _report(step: Step) -> StepReport:
    parts = _parts(step.result, [*step.operands, *step.behind])
    view = any(part.views for part in parts) or step.result is step.operand
    given = step.operands[0][0] if step.operands else ""
    blocks, allocated, _ = amounts(step.seen)
    return StepReport(step.source, given, parts, why(Facts.of(step, view)), allocated, blocks)


def _parts(result: Any, inputs: Sequence[tuple[str, Any]]) -> tuple[ResultPart, ...]:
    found = list(_held(result))
    if not found:
        # There is but one None, one True, one False, and of small integers there may be one.
        size = 0 if result is None or isinstance(result, bool) else sys.getsizeof(result)
        told = size and not isinstance(result, int)
        same = [name for name, value in inputs if value is result] if told else []
        views = tuple((name, size) for name in dict.fromkeys(same))
        return (ResultPart("", size, views, 0 if views else size),)
    known: dict[str, list[Any]] = {}
    for name, value in inputs:
        if not isinstance(value, _GROWING) and not hasattr(type(value), "__zcviz_parts__"):
            known.setdefault(name, []).extend(each.array for each in _held(value))
    return tuple(_part(each, known) for each in found)


def _part(piece: Holding, known: Mapping[str, list[Any]]) -> ResultPart:
    nbytes = overlap(piece.array, piece.array)  # each byte once, though strides may be 0
    shared = ((name, overlap(piece.array, arrays)) for name, arrays in known.items() if arrays)
    views = tuple((name, common) for name, common in shared if common)
    most = max((common for _, common in views), default=0)
    return ResultPart(piece.label, nbytes, views, nbytes - most)


def _held(value: Any) -> Iterator[Holding]:
    try:
        yield from holdings(value)
    except (TypeError, BufferLifetimeError):  # a number, text: nothing that could be shared
        return


def shortened(text: str) -> str:
    """Return the text of an expression, cut where it is long."""
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _fate(part: ResultPart, *, labelled: bool = False) -> str:
    label = f"{part.label} " if labelled and part.label else ""
    if not part.views:
        return f"{label}fresh, {size_text(part.fresh)}"
    names = ", ".join(name for name, _ in part.views)
    text = f"{label}view of {shortened(names)}, {size_text(part.nbytes - part.fresh)}"
    return f"{text}; fresh, {size_text(part.fresh)}" if part.fresh else text


def _line(step: StepReport) -> str:
    fates = "; ".join(_fate(part, labelled=True) for part in step.parts[:_MOST])
    return printable(f"{shortened(step.source)}: {fates}. {step.why}".rstrip())
