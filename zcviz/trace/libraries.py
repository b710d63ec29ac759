"""Memory of objects of pandas, pyarrow and polars, each asked in its library's own words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .arrow_memory import Range, exported_array, exported_stream
from .memory import Holding, Unseen, array_at, key_text, nothing
from .protocols import arrow_holdings, steady

__all__ = ["of_library"]


def of_library(obj: Any) -> list[Holding] | None:
    """Return the memory of an object of a known library; None if it is of another."""
    for name, look in _LIBRARIES.items():
        library = sys.modules.get(name)
        if library is not None and type(obj).__module__.partition(".")[0] == name:
            found: list[Holding] | None = look(obj, library)
            if found is not None:
                return found
    return None


# --- pandas -------------------------------------------------------------------------------------


def _of_pandas(obj: Any, pandas: Any) -> list[Holding] | None:
    if isinstance(obj, pandas.DataFrame):
        found: list[Holding] = []
        for number, name in enumerate(obj.columns):
            column = _of_values(obj.iloc[:, number]._values)
            found += [_labelled(f"[{key_text(name)}]", each) for each in column]
        return found or [Holding("", nothing(), None)]
    if isinstance(obj, pandas.RangeIndex):
        raise TypeError("RangeIndex shows no memory: it is three numbers")
    if isinstance(obj, pandas.MultiIndex):
        return list(_of_levels(obj))
    if isinstance(obj, pandas.Series | pandas.Index):
        # Not `to_numpy()`, which says of the same memory that it is read-only.
        return _of_values(obj._values)
    if isinstance(obj, pandas.api.extensions.ExtensionArray):
        return _of_values(obj)
    return None


# Attributes of pandas' own array types that hold their memory, with what to call them.
_HELD = (
    ("_pa_array", ""),
    ("_data", "data"),
    ("_mask", "mask"),
    ("_ndarray", ""),
    ("_left", "left"),
    ("_right", "right"),
    ("sp_values", "values"),
)


def _of_values(values: Any) -> list[Holding]:
    if isinstance(values, np.ndarray):
        return [Holding("", values, values if values.base is None else values.base)]
    found: list[Holding] = []
    for name, label in _HELD:
        part = getattr(values, name, None)
        if part is None or (name == "_data" and not hasattr(values, "_mask")):
            continue
        held = _of_arrow_object(part) if name == "_pa_array" else _of_values(part)
        found += [_labelled(label, each) for each in held or []]
    if hasattr(values, "categories"):
        found = [_labelled("codes", each) for each in found]
        found += [_labelled("categories", each) for each in _of_values(values.categories._values)]
    if not found:
        raise TypeError(f"{type(values).__name__} shows no memory: its values are no ndarray")
    return found


def _of_levels(index: Any) -> Iterator[Holding]:
    for number, (codes, level) in enumerate(zip(index.codes, index.levels, strict=True)):
        for each in _of_values(codes):
            yield _labelled(f"codes {number}", each)
        for each in [] if hasattr(level, "_range") else _of_values(level._values):
            yield _labelled(f"level {number}", each)


def _labelled(label: str, piece: Holding) -> Holding:
    return Holding(f"{label} {piece.label}".strip(), piece.array, piece.lender)


# --- pyarrow ------------------------------------------------------------------------------------


def _of_pyarrow(obj: Any, arrow: Any) -> list[Holding] | None:
    if isinstance(obj, arrow.Buffer):
        _check_cpu(obj.is_cpu)
        array = array_at(obj.address, obj.size, obj, read_only=not obj.is_mutable)
        return [Holding("", array, obj.parent or Unseen("Arrow"))]
    if isinstance(obj, arrow.Table | arrow.RecordBatch):
        found: list[Holding] = []
        for name, column in zip(obj.schema.names, obj.columns, strict=True):
            if column.nbytes:
                found += [
                    _labelled(f"[{key_text(name)}]", each)
                    for each in _of_arrow_object(column) or []
                ]
        return found or [Holding("", nothing(), None)]
    return _of_arrow_object(obj)


def _of_arrow_object(obj: Any) -> list[Holding] | None:
    arrow: Any = sys.modules["pyarrow"]
    if isinstance(obj, arrow.ChunkedArray):
        found: list[Holding] = []
        for number, chunk in enumerate(obj.chunks):
            if len(chunk):
                held = _of_arrow_object(chunk) or []
                found += [_labelled(f"chunk {number}", each) for each in held]
        return found or [Holding("", nothing(), None)]
    if not isinstance(obj, arrow.Array):
        return None
    buffers = {each.address: each for each in _buffers(obj)}
    _check_cpu(all(each.is_cpu for each in buffers.values()))

    def lender(piece: Range) -> object:
        last = max((at for at in buffers if at <= piece.address), default=None)
        return Unseen("Arrow") if last is None else buffers[last]

    return arrow_holdings(exported_array(obj.__arrow_c_array__()), obj, lender)


def _buffers(array: Any) -> list[Any]:
    found = [each for each in array.buffers() if each is not None]
    return found + (_buffers(array.dictionary) if hasattr(array, "dictionary") else [])


def _check_cpu(is_cpu: bool) -> None:
    if not is_cpu:
        raise TypeError("this Arrow data shows no memory: it lies on a device")


# --- polars -------------------------------------------------------------------------------------


def _of_polars(obj: Any, polars: Any) -> list[Holding] | None:
    if isinstance(obj, polars.Series):
        # The values as they lie in memory: some types are written anew for an export.
        physical = obj.to_physical()
        try:
            found = steady(lambda: exported_stream(physical.__arrow_c_stream__()))
        except Exception as error:  # polars raises errors of its own
            raise TypeError(f"this Series of {obj.dtype} shows no memory: {error}") from error
        return arrow_holdings(found, obj, lambda _: Unseen("polars"))
    if isinstance(obj, polars.DataFrame):
        columns = {series.name: _of_polars(series, polars) for series in obj.get_columns()}
        named = [
            _labelled(f"[{key_text(name)}]", each)
            for name, column in columns.items()
            for each in column or []
            if each.array.nbytes
        ]
        return named or [Holding("", nothing(), None)]
    return None


_LIBRARIES = {"pandas": _of_pandas, "pyarrow": _of_pyarrow, "polars": _of_polars}
