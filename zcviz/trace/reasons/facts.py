"""A step of an expression, as the rules look at it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..overlap import array_over
from ..steps import Step

__all__ = ["Facts", "Rule"]

_ORDERS = {">": "big-endian", "<": "little-endian"}


@dataclass(frozen=True)
class Facts:
    """A step, as the rules look at it.

    Attributes
    ----------
    step : Step
    view : bool
        Whether the result shares memory with an operand.
    given, got : ndarray or None
        The first operand and the result, where each is one piece of memory.
    """

    step: Step
    view: bool
    given: NDArray[Any] | None
    got: NDArray[Any] | None

    @classmethod
    def of(cls, step: Step, view: bool) -> Facts:
        """Look at a step."""
        return cls(step, view, _array(step.operand), _array(step.result))

    def named(self, *names: str) -> bool:
        """Whether the step is called one of these."""
        return self.step.name in names

    def takes(self, *types: str) -> bool:
        """Whether the first operand is of a type, or of any type of a library: ``"pandas."``."""
        return _is_one(self.step.operand, types)

    def gives(self, *types: str) -> bool:
        """Whether the result is."""
        return _is_one(self.step.result, types)

    @property
    def indexes(self) -> tuple[Any, ...]:
        """What stands in the brackets, part by part."""
        if self.step.kind != "index":
            return ()
        index = self.step.operands[1][1]
        return index if isinstance(index, tuple) else (index,)

    @property
    def masks(self) -> bool:
        """Whether something in the brackets is a mask."""
        return any(_kind_of(index) == "b" for index in self.indexes)

    @property
    def fancy(self) -> bool:
        """Whether something in the brackets is a list of positions, or an array of them."""
        return any(_kind_of(index) in ("i", "u", "O") for index in self.indexes)

    @property
    def sliced(self) -> bool:
        """Whether something in the brackets is a slice."""
        return any(isinstance(index, slice) for index in self.indexes)

    @property
    def names_fields(self) -> bool:
        """Whether something in the brackets is a name, or a list of names."""
        parts = [each for i in self.indexes for each in (i if isinstance(i, list) else [i])]
        return any(isinstance(each, str) for each in parts)

    @property
    def only_order(self) -> bool:
        """Whether the byte order changed, and nothing else about the type."""
        if self.given is None or self.got is None:
            return False
        one, other = self.given.dtype, self.got.dtype
        return one != other and one.newbyteorder("=") == other.newbyteorder("=")

    @property
    def other_type(self) -> bool:
        """Whether the type changed."""
        if self.given is None or self.got is None:
            return False
        return self.given.dtype != self.got.dtype

    @property
    def scattered(self) -> bool:
        """Whether the items of the first operand do not lie one after another."""
        return self.given is not None and not self.given.flags.c_contiguous

    @property
    def objects(self) -> bool:
        """Whether the result is an array of Python objects."""
        return self.got is not None and self.got.dtype == object

    @property
    def words(self) -> dict[str, str]:
        """What sentences may mention."""
        given, got = (each.dtype if each is not None else None for each in (self.given, self.got))
        return {
            "name": self.step.name,
            "operand": self.step.operands[0][0] if self.step.operands else "",
            "type": type(self.step.operand).__name__,
            "from": _dtype_text(given),
            "to": _dtype_text(got),
        }


Rule = tuple[Callable[[Facts], bool], str]
"""Which steps it explains, and the sentence: `Facts.words` are put into its braces."""


def _is_one(value: Any, types: tuple[str, ...]) -> bool:
    kinds = [f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(value).__mro__]
    return any(
        any(kind.startswith(each) if each.endswith(".") else kind == each for kind in kinds)
        for each in types
    )


def _kind_of(index: Any) -> str:
    # "b", "i" … where it is a list or an array of that; "" for a number or a slice.
    if isinstance(index, bool | np.bool_):
        return "b"
    if isinstance(index, list) or _is_one(index, ("numpy.ndarray", "pandas.", "pyarrow.")):
        with suppress(ValueError):  # a ragged list: some class may take it
            return str(np.asarray(index).dtype.kind)
    return ""


def _array(value: Any) -> NDArray[Any] | None:
    if isinstance(value, np.ndarray):
        return value
    try:
        return array_over(value)
    except Exception:  # whatever it is, it explains nothing
        return None


def _dtype_text(dtype: np.dtype[Any] | None) -> str:
    if dtype is None:
        return "?"
    order = _ORDERS.get(dtype.byteorder, "")
    return f"{order} {dtype.newbyteorder('=').name}".strip()
