"""All rules, in the order in which they are asked."""

from __future__ import annotations

import numpy as np

from . import arrays, python, tables
from .facts import Facts, Rule

__all__ = ["FRESH", "VIEWS", "why"]

VIEWS: tuple[Rule, ...] = (
    (
        lambda f: f.step.result is f.step.operand,
        "It is the same object that was given.",
    ),
    (
        lambda f: any(each is f.step.result for _, each in f.step.behind),
        "{operand} holds it already: no object was made.",
    ),
    *python.VIEWS,
    *arrays.VIEWS,
    *tables.VIEWS,
)

FRESH: tuple[Rule, ...] = (
    *python.FRESH,
    *arrays.FRESH,
    *tables.FRESH,
    (
        lambda f: isinstance(f.step.result, int | float | complex | np.generic),
        "A number is an object of its own.",
    ),
    (
        lambda f: f.takes("numpy.", "pandas.", "pyarrow.", "polars."),
        "{name}() computes new values and writes them to memory of its own.",
    ),
)


def why(facts: Facts) -> str:
    """Return a sentence that says why, or "" where no rule fits."""
    for fits, says in VIEWS if facts.view else FRESH:
        if fits(facts):
            return says.format(**facts.words)
    return ""
