"""Why a step of an expression gave a view, or fresh memory: one sentence, where it is known.

That something is a view or fresh is read off addresses, never from this table. The table explains
what was seen, and the first rule that fits does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .overlap import array_over
from .steps import Step

__all__ = ["Facts", "why"]

_ORDERS = {">": "big-endian", "<": "little-endian"}
_NATIVE = "<" if np.little_endian else ">"


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


def why(facts: Facts) -> str:
    """Return a sentence that says why, or "" where no rule fits."""
    for rule in RULES:
        if rule.view == facts.view and rule.fits(facts):
            return rule.says.format(**facts.words)
    return ""


@dataclass(frozen=True)
class Rule:
    """A sentence, and the steps it explains."""

    view: bool
    fits: Callable[[Facts], bool]
    says: str


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


def _only_order(facts: Facts) -> bool:
    one, other = facts.given, facts.got
    return (
        one is not None
        and other is not None
        and one.dtype != other.dtype
        and one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
    )


def _other_type(facts: Facts) -> bool:
    one, other = facts.given, facts.got
    return one is not None and other is not None and one.dtype != other.dtype


def _scattered(facts: Facts) -> bool:
    return facts.given is not None and not facts.given.flags.c_contiguous


_OWNERS = ("builtins.bytes", "builtins.bytearray", "array.array")
_JOINS = (
    "concatenate", "concat", "stack", "vstack", "hstack", "column_stack", "join", "combine_chunks",
    "append", "concat_tables", "concat_arrays", "rechunk", "unify_dictionaries",
)  # fmt: skip


def _rules() -> Iterator[Rule]:
    yield from _views()
    yield from _of_owners()
    yield from _of_arrays()
    yield from _of_tables()
    yield from _of_any()


def _views() -> Iterator[Rule]:
    def rule(fits: Callable[[Facts], bool], says: str) -> Rule:
        return Rule(True, fits, says)

    yield rule(
        lambda f: f.step.result is f.step.operand,
        "It is the same object that was given.",
    )
    yield rule(
        lambda f: any(each is f.step.result for _, each in f.step.behind),
        "{operand} holds it already: no object was made.",
    )
    yield rule(
        lambda f: f.takes("builtins.memoryview") and (f.sliced or f.named("toreadonly")),
        "A slice of a memoryview is another window on the same bytes.",
    )
    yield rule(
        lambda f: f.named("cast") or (f.named("view") and f.takes("numpy.ndarray")),
        "The same bytes, read as another type.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and f.names_fields,
        "Fields of a structured array are a view whose stride is the size of a whole record.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and f.step.kind == "index",
        "Basic indexing changes where the view starts, its shape and its strides; no byte moves.",
    )
    yield rule(
        lambda f: f.named("T", "transpose", "swapaxes", "moveaxis", "broadcast_to", "squeeze",
                          "expand_dims", "flip", "sliding_window_view", "as_strided"),
        "Only shape and strides change: the same bytes, walked through in another order.",
    )  # fmt: skip
    yield rule(
        lambda f: f.named("reshape") and _scattered(f),
        "The new shape, too, can be described by strides: the same bytes, and no new memory.",
    )
    yield rule(
        lambda f: f.named("reshape", "ravel"),
        "The items lie one after another already, so a new shape needs no new memory.",
    )
    yield rule(
        lambda f: f.named("frombuffer", "memoryview", "asarray", "py_buffer", "from_buffer",
                          "from_dlpack", "foreign_buffer"),
        "It borrows the buffer of {operand} and keeps it alive.",
    )  # fmt: skip
    yield rule(
        lambda f: (
            f.gives("numpy.ndarray")
            and f.named("astype", "ascontiguousarray", "require", "array", "asanyarray")
        ),
        "Type and order are what was asked for already, so the same memory is handed on.",
    )
    yield rule(
        lambda f: f.takes("pandas.") and f.gives("pandas."),
        "pandas shares the memory until one of the two is written to (copy-on-write).",
    )
    yield rule(
        lambda f: f.takes("pandas.") and f.gives("numpy."),
        "The values lie in one ndarray, and pandas gives it out, read-only.",
    )
    yield rule(
        lambda f: f.gives("pandas.") and f.takes("numpy.", "pyarrow."),
        "pandas takes the memory as it is: one column, one type, no missing values to mark.",
    )
    yield rule(
        lambda f: f.takes("builtins.dict") and f.step.keywords.get("copy") is False,
        "It was told copy=False, so it takes each array as it is.",
    )
    yield rule(
        lambda f: f.takes("pyarrow.", "polars.") or f.gives("pyarrow.", "polars."),
        "Arrow's buffers are handed on by reference; offset and length say which part is meant.",
    )


def _of_owners() -> Iterator[Rule]:
    def rule(fits: Callable[[Facts], bool], says: str) -> Rule:
        return Rule(False, fits, says)

    yield rule(
        lambda f: f.takes(*_OWNERS) and f.sliced,
        "A slice of {type} is a new {type}, filled with a copy; "
        "a slice of a memoryview would be a view.",
    )
    yield rule(
        lambda f: f.takes(*_OWNERS, "builtins.memoryview") and f.step.kind == "index",
        "One item is read out: it becomes a Python object of its own.",
    )
    yield rule(
        lambda f: f.named("unpack", "unpack_from", "iter_unpack"),
        "Unpacking makes a Python object of every field.",
    )
    yield rule(
        lambda f: f.named("tolist", "list", "to_pylist", "tuple", "ListComp", "GeneratorExp"),
        "Every value becomes a Python object of its own.",
    )
    yield rule(
        lambda f: f.gives("builtins.bytes") and f.named("join"),
        "Pieces that lie in different places have to be brought into one.",
    )
    yield rule(
        lambda f: f.gives("builtins.bytes", "builtins.bytearray") and f.step.kind == "operator",
        "The result owns its bytes: both operands are copied into it.",
    )
    yield rule(
        lambda f: f.gives("builtins.bytes") and f.step.kind != "operator",
        "bytes own what they hold, so they are filled with a copy.",
    )
    yield rule(
        lambda f: f.gives("builtins.bytearray", "array.array"),
        "It can grow, so it owns its memory and is filled with a copy.",
    )
    yield rule(
        lambda f: f.gives("builtins.str") and f.takes(*_OWNERS, "builtins.memoryview"),
        "Text is made of bytes by decoding them into memory of its own.",
    )
    yield rule(
        lambda f: f.gives("builtins.str"),
        "Text owns its memory, and is written there.",
    )


def _of_arrays() -> Iterator[Rule]:
    def rule(fits: Callable[[Facts], bool], says: str) -> Rule:
        return Rule(False, fits, says)

    yield rule(
        lambda f: f.step.kind == "operator",
        "An operator computes new values and writes them to memory of its own.",
    )
    yield rule(
        lambda f: f.masks,
        "A boolean mask takes items that need not lie at equal steps: they are gathered.",
    )
    yield rule(
        lambda f: f.fancy,
        "Fancy indexing takes any items in any order, which no stride can describe: "
        "they are gathered.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and f.step.kind == "index",
        "One item is read out: it becomes a scalar of its own.",
    )
    yield rule(
        lambda f: f.named("copy", "deepcopy", "flatten", "__copy__", "__deepcopy__"),
        "That is what {name}() is for: it always copies.",
    )
    yield rule(
        lambda f: f.named("concatenate", "stack", "vstack", "hstack", "column_stack", "append"),
        "Pieces that lie in different places have to be brought into one.",
    )
    yield rule(
        lambda f: f.named("take", "compress", "choose", "repeat", "tile", "roll", "sort"),
        "It takes items in another order or number, which no stride can describe.",
    )
    yield rule(
        lambda f: f.named("byteswap"),
        "Every value is rewritten with its bytes turned round; "
        "view() with the other byte order would only read them so.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and _only_order(f),
        "The byte order changes from {from} to {to}: every value is rewritten.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and f.got is not None and f.got.dtype == object,
        "An array of Python objects holds pointers: every value becomes an object first.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and f.gives("pyarrow.") and _scattered(f),
        "Arrow's buffers know no strides: the items are brought together.",
    )
    yield rule(
        lambda f: f.takes("numpy.ndarray") and f.named("astype", "asarray", "array")
        and _other_type(f),
        "The type changes from {from} to {to}: every value is rewritten.",
    )  # fmt: skip
    yield rule(
        lambda f: f.named("astype") and f.takes("numpy.ndarray"),
        "astype() copies even if the type stays the same, unless it is told copy=False.",
    )
    yield rule(
        lambda f: f.named("ravel", "reshape", "ascontiguousarray", "tobytes") and _scattered(f),
        "The items of {operand} do not lie one after another in that order: they are brought "
        "together.",
    )
    yield rule(
        lambda f: f.named("require") and f.given is not None and not f.given.flags.writeable,
        "{operand} is read-only, and something writable was asked for.",
    )
    yield rule(
        lambda f: f.named("array") and f.gives("numpy.ndarray") and f.given is not None,
        "np.array() copies unless it is told not to; np.asarray() borrows where it can.",
    )
    yield rule(
        lambda f: f.gives("numpy.ndarray") and f.takes("builtins.list", "builtins.tuple"),
        "The values are Python objects all over memory: they are read one by one.",
    )


def _of_tables() -> Iterator[Rule]:
    def rule(fits: Callable[[Facts], bool], says: str) -> Rule:
        return Rule(False, fits, says)

    yield rule(
        lambda f: f.named(*_JOINS),
        "Pieces that lie in different places have to be brought into one.",
    )
    yield rule(
        lambda f: f.takes("pandas.DataFrame") and f.gives("numpy.ndarray"),
        "The columns lie in several blocks, or have several types: "
        "a two-dimensional array is made of them.",
    )
    yield rule(
        lambda f: f.takes("pandas.") and f.got is not None and f.got.dtype == object,
        "Every value becomes a Python object.",
    )
    yield rule(
        lambda f: (
            f.takes("pyarrow.ChunkedArray")
            and getattr(f.step.operand, "num_chunks", 2) > 1
            and f.gives("numpy.", "pandas.")
        ),
        "The chunks lie in different places: they are brought into one.",
    )
    yield rule(
        lambda f: f.takes("pyarrow.Table") and f.gives("pandas."),
        "Columns of one type are brought together into one block of pandas; "
        "split_blocks=True would leave each where it is.",
    )
    yield rule(
        lambda f: f.takes("pyarrow.") and getattr(f.step.operand, "null_count", 0) > 0,
        "numpy has no place for missing values: they are marked in the values themselves.",
    )
    yield rule(
        lambda f: f.takes("pyarrow.") and str(getattr(f.step.operand, "type", "")) == "bool",
        "Arrow keeps eight truth values in a byte, numpy one.",
    )
    yield rule(
        lambda f: f.takes("pyarrow.", "polars.") and f.got is not None and f.got.dtype == object,
        "Every value becomes a Python object.",
    )
    yield rule(
        lambda f: f.gives("pandas.") and f.takes("numpy."),
        "pandas copies an ndarray that others can write to, so that copy-on-write holds.",
    )
    yield rule(
        lambda f: f.gives("pandas.") and f.takes("builtins.dict"),
        "pandas copies the arrays that it finds in a dict, unless it is told copy=False.",
    )
    yield rule(
        lambda f: f.gives("polars.") and f.takes("numpy.", "builtins."),
        "polars fills a buffer of its own.",
    )
    yield rule(
        lambda f: f.takes("pandas.") and f.named("astype"),
        "The type changes: every value is rewritten.",
    )
    yield rule(
        lambda f: f.takes("pandas.") and f.named("take", "sort_values", "sort_index", "drop",
                                                 "query", "dropna", "reindex"),
        "It takes rows in another order or number: they are gathered.",
    )  # fmt: skip


def _of_any() -> Iterator[Rule]:
    yield Rule(
        False,
        lambda f: isinstance(f.step.result, int | float | complex | np.generic),
        "A number is an object of its own.",
    )
    yield Rule(
        False,
        lambda f: f.takes("numpy.", "pandas.", "pyarrow.", "polars."),
        "{name}() computes new values and writes them to memory of its own.",
    )


RULES: tuple[Rule, ...] = tuple(_rules())
