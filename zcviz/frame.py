"""Columns as a pandas DataFrame, which is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arrow import Form
from .dates import instants, is_time
from .values import decoded, distinct, nulls

if TYPE_CHECKING:
    import pandas as pd

    from .table import Table

__all__ = ["data_frame"]


def data_frame(table: Table, form: Form) -> pd.DataFrame:
    """Return a `Table` as a DataFrame."""
    import pandas as pd

    message = table.message
    texts = {each.name for each in message.data if each.text}
    columns: dict[str, Any] = {}
    table.gather()
    for name, column in table.items():
        field, kind = message.by_name.get(name), column.dtype.kind
        if kind == "S":
            codes, values = distinct(column)  # as pandas itself holds text: its versions differ
            columns[name] = pd.Series([*values, ""]).array.take(codes)
        elif kind in "VO":
            objects = column.tolist()
            columns[name] = np.array(decoded(objects) if name in texts else objects, object)
        elif field and form.times and is_time(field):
            times = instants(column, field, form.zone, form.date).view(np.int64)
            columns[name] = pd.array(times, pd.DatetimeTZDtype("ns", form.zone), copy=False)
        elif field and kind in "ui" and (missing := nulls(column, field)) is not None:
            columns[name] = pd.arrays.IntegerArray(column, missing)
        else:
            columns[name] = column
    return pd.DataFrame(columns, copy=False)
