"""Columns as Arrow arrays: numbers in the memory they lie in, text as dictionaries, metadata.

pyarrow is imported when the first of these functions is called.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._version import __version__
from .dates import instants, is_time
from .errors import MissingExtraError
from .spec import Field, Message
from .values import decoded, distinct, nulls

if TYPE_CHECKING:
    from .table import Table

__all__ = ["Form", "arrow_table", "load"]

_DIGITS = 38  # of a decimal128


@dataclass(frozen=True, slots=True)
class Form:
    """How values are to stand in the columns of others.

    Attributes
    ----------
    times : bool
        Clocks as points in time, not as counts.
    date : datetime.date or None
        The day, for clocks that count from midnight.
    zone : str
        Time zone of the exchange.
    decimals : bool
        Scaled integers as decimal128, not as the integers of the wire.
    dictionaries : bool
        Text as numbers of the texts that there are, not each time anew.
    """

    times: bool = False
    date: datetime.date | None = None
    zone: str = "UTC"
    decimals: bool = False
    dictionaries: bool = True


def load(module: str = "pyarrow") -> Any:
    """Import a module of pyarrow.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise MissingExtraError(
            'Arrow needs pyarrow: pip install "zcviz[arrow]"', name=error.name
        ) from error


def arrow_table(table: Table, form: Form, about: Mapping[str, str]) -> Any:
    """Return a `Table` as a `pyarrow.Table` of one chunk; `about` goes into its metadata."""
    pa = load()
    message = table.message
    told = {
        "zcviz": __version__, **about,
        "message": message.name, "tag": message.tag_text, "source": message.source,
    }  # fmt: skip
    fields, arrays = _columns(table, form)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, _encoded(told)))


def _columns(table: Table, form: Form) -> tuple[list[Any], list[Any]]:
    pa = load()
    fields, arrays = [], []
    for name, array, told in _made(table, form):
        fields.append(pa.field(name, array.type, metadata=_encoded(told)))
        arrays.append(array)
    return fields, arrays


def _made(table: Table, form: Form) -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    pa, message = load(), table.message
    variable = {each.name: each for each in message.data}
    table.gather()
    for name, column in table.items():
        if name in message.by_name:
            field = message[name]
            array = _array(column, field, form)
            yield name, array, _told(field, message, array.type)
        elif name in variable:
            data = variable[name]
            values = column.tolist()
            array = (
                pa.array(decoded(values), pa.string())
                if data.text
                else pa.array(values, pa.binary())
            )
            yield name, array, {"doc": data.doc, "source": message.source}
        else:  # of an entry, the number of its message
            yield name, _shared(column), {}
    for group in message.groups:
        yield group.name, _list(table, group.name, form), {"doc": group.doc}


def _list(table: Table, name: str, form: Form) -> Any:
    pa, entries = load(), table.group(name)
    fields, arrays = _columns(entries, form)
    struct = pa.StructArray.from_arrays(arrays[1:], fields=fields[1:])  # less the number
    # What a row holds lies behind its beginning, and before that of the next.
    starts = np.searchsorted(entries.offsets, table.offsets)
    return pa.ListArray.from_arrays(pa.array(np.append(starts, len(entries)), pa.int32()), struct)


def _array(column: NDArray[Any], field: Field, form: Form) -> Any:
    pa = load()
    if column.dtype.kind == "S":
        codes, texts = distinct(column)
        values = pa.array(texts, pa.string())
        array = pa.DictionaryArray.from_arrays(codes.astype(np.int32), values)
        return array if form.dictionaries else array.dictionary_decode()
    if column.dtype.kind == "V":
        return _shared(column.view(np.uint8), pa.binary(column.dtype.itemsize), len(column))
    if form.times and is_time(field):
        times = instants(column, field, form.zone, form.date)
        type_ = pa.timestamp("ns", form.zone)
        return _shared(times.view(np.int64), type_, missing=np.isnat(times))
    missing = nulls(column, field)
    if form.decimals and column.dtype.kind in "ui" and 0 < field.scale <= _DIGITS:
        digits = max(len(str(np.iinfo(column.dtype).max)), field.scale)
        type_ = pa.decimal128(digits, field.scale)
        return _shared(_halves(column), type_, len(column), missing)
    return _shared(column, missing=missing)


def _shared(
    values: NDArray[Any],
    type_: Any = None,
    count: int | None = None,
    missing: NDArray[np.bool_] | None = None,
) -> Any:
    # An array over the memory of `values`, which it keeps alive.
    pa = load()
    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(
        type_ or pa.from_numpy_dtype(values.dtype),
        len(values) if count is None else count,
        [valid, pa.py_buffer(values)],
    )


def _halves(column: NDArray[Any]) -> NDArray[np.uint64]:
    # A decimal128 is an integer of 16 bytes, the lower half first.
    halves = np.zeros((len(column), 2), np.uint64)
    halves[:, 0] = column.astype(np.int64).view(np.uint64) if column.dtype.kind == "i" else column
    if column.dtype.kind == "i":
        halves[column < 0, 1] = np.iinfo(np.uint64).max
    return halves


def _told(field: Field, message: Message, type_: Any) -> dict[str, str]:
    types = load().types
    told = {
        "unit": field.unit,
        "scale": field.scale,
        "clock": field.clock,
        "codes": field.codes and json.dumps({_key(k): v for k, v in field.codes.items()}),
        "flags": field.flags and json.dumps(dict(field.flags)),
        "doc": field.doc,
        "source": message.source,
    }
    if types.is_decimal(type_):
        del told["scale"]  # the type says it
    if types.is_timestamp(type_):
        del told["unit"]
    return {name: str(value) for name, value in told.items() if value}


def _key(code: bytes | int) -> str:
    return code.decode("latin-1") if isinstance(code, bytes) else str(code)


def _encoded(told: Mapping[str, str]) -> dict[bytes, bytes] | None:
    # A file's name need not be text.
    return {k.encode(): v.encode(errors="backslashreplace") for k, v in told.items() if v} or None
