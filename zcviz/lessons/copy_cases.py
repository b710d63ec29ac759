"""What the score card asks: expressions by topic, over the names that the lesson has made."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import SelectionError
from ..render import printable, size_text
from ..trace.reach import names_of

__all__ = ["CASES", "described", "names_in"]

CASES: Mapping[str, Sequence[str]] = {
    "Python": (
        "received[36:]",
        "window[36:]",
        "received[:]",
        "bytes(window[36:72])",
        "window.cast('I')",
        "struct.unpack_from('>I', window, 32)",
    ),
    "received data": (
        "np.frombuffer(received, 'u1')",
        "np.frombuffer(buffer[36:72], 'u1')",
        "np.frombuffer(window[36:72], 'u1')",
        "orders['shares']",
        "orders[['price', 'shares']]",
    ),
    "numpy": (
        "prices[0:3]",
        "prices[[0, 1, 2]]",
        "prices[::-1]",
        "prices[prices > dear]",
        "pairs.T",
        "pairs.ravel()",
        "pairs.T.ravel()",
        "wire.reshape(-1, 1)",
        "prices.byteswap()",
        "prices.view('>u4')",
        "prices.astype('u4', copy=False)",
        "wire.astype('u4', copy=False)",
        "np.ascontiguousarray(prices[:100])",
        "np.ascontiguousarray(wire)",
    ),
    "pandas": (
        "frame['shares']",
        "frame['price'].to_numpy()",
        "frame.rename(columns={'price': 'paid'})",
        "frame[frame['price'] > dear]",
        "frame.iloc[::2]",
        "frame.iloc[[0, 1, 2]]",
        "pd.concat([frame, frame])",
        "pd.Series(prices)",
        "pd.Series(prices, copy=False)",
        "frame['price'].astype('f8')",
    ),
    "Arrow": (
        "pa.array(prices)",
        "pa.array(prices[::2])",
        "arrow['price'].to_numpy()",
        "arrow.slice(10, 100)",
        "pa.concat_tables([arrow, arrow])",
        "pa.concat_tables([arrow, arrow])['price'].to_numpy()",
        "arrow.to_pandas()",
    ),
    "polars": (
        "pl.from_arrow(arrow)",
        "series.to_numpy()",
        "series.slice(10, 100)",
        "series[::2]",
        "series.sort()",
    ),
}
"""By topic. What they come to is nowhere written down: the card runs them."""


def names_in(expression: str) -> tuple[str, ...]:
    """Return the names that an expression uses, in the order in which they stand there.

    Raises
    ------
    SelectionError
        It is no expression.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise SelectionError(f"{expression!r} is no expression: {error.msg}") from None
    found = [node for node in names_of(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in found if isinstance(node.ctx, ast.Store)}  # of a comprehension
    return tuple(dict.fromkeys(node.id for node in found if node.id not in own))


def described(value: Any) -> str:
    """Say in a few words what a value is: what one has to know to predict. Empty for modules.

    Notes
    -----
    Memory: nothing is copied.
    """
    kind = type(value).__name__
    if isinstance(value, ModuleType | type) or callable(value):
        return ""
    if isinstance(value, bytes | bytearray):
        return f"{kind}, {size_text(len(value))}"
    if isinstance(value, memoryview):
        return f"memoryview of a {type(value.obj).__name__}, {size_text(value.nbytes)}"
    if isinstance(value, np.ndarray):
        of = f"records of {value.dtype.itemsize} B" if value.dtype.names else value.dtype.str
        return f"ndarray of {of}, shape {value.shape}, strides {value.strides}"
    names = getattr(value, "column_names", None)  # a table of Arrow; pandas: columns
    columns = list(getattr(value, "columns", ())) if names is None else names
    if columns:
        return printable(f"{kind} of {len(value):,} rows, columns {', '.join(map(str, columns))}")
    try:
        return f"{kind} of {len(value):,} values"
    except TypeError:
        return kind
