"""Which bytes two objects have in common: by address, whatever they are."""

from __future__ import annotations

import ctypes
import sys
from inspect import getattr_static
from typing import Any

import numpy as np
from numpy.typing import NDArray

def shares_memory(a: object, b: object) -> bool:
    """Tell whether two objects have at least one byte in common.

    Parameters
    ----------
    a, b : object
        As `provenance` takes them.

    Notes
    -----
    Exact for strided views too: two that interleave share nothing. Where that would take too long
    to establish, views whose ranges overlap are said to share.
    """
    one, other = _array(a), _array(b)
    try:
        return np.shares_memory(one, other, max_work=_MOST_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return bool(np.may_share_memory(one, other))


def overlap(a: object, b: object) -> int:
    """Count the bytes that two objects have in common.

    Parameters
    ----------
    a, b : object
        As `provenance` takes them.

    Notes
    -----
    Memory: strided views are counted in a map of their span, a byte for a byte; beyond 256 MiB the
    overlap of the ranges is returned instead, which is never too small.
    """
    one, other = _array(a), _array(b)
    (start, end), (start_other, end_other) = _bounds(one), _bounds(other)
    low, high = max(start, start_other), min(end, end_other)
    if low >= high:
        return 0
    dense = one.flags.forc and other.flags.forc
    if dense or max(end - start, end_other - start_other) > _LARGEST_SPAN:
        return high - low
    marks = _marks(one)[low - start : high - start]
    return int(np.count_nonzero(marks & _marks(other)[low - start_other : high - start_other]))


def _values(obj: Any) -> NDArray[Any] | None:
    pandas = sys.modules.get("pandas")  # who has a Series has imported it
    if pandas is None or not isinstance(obj, pandas.Series | pandas.Index):
        return None
    if not isinstance(obj.dtype, np.dtype) or isinstance(obj, pandas.RangeIndex):
        raise TypeError(f"the values of this {type(obj).__name__} ({obj.dtype}) are no ndarray")
    values: NDArray[Any] = obj.to_numpy(copy=False)
    return values


def _buffer(obj: Any) -> NDArray[Any] | None:
    # The bytes of an object as an array over them, never a copy.
    if isinstance(obj, np.ndarray):
        return obj
    try:
        view = memoryview(obj)
    except TypeError:
        return None
    if not view.nbytes:
        nothing = np.empty(0, np.uint8)
        nothing.flags.writeable = not view.readonly
        return nothing
    return np.frombuffer(view, np.uint8) if view.c_contiguous else np.asarray(view)


def _array(obj: object) -> NDArray[Any]:
    # What `obj` shows, as an array; for our own objects a range of their owner's bytes.
    values = _values(obj)
    if values is not None:
        return values
    if getattr_static(obj, "__zcviz_owner__", None) is None:
        found = _buffer(obj)
        if found is not None:
            return found
    node = provenance(obj).nodes[0]
    if not node.span:
        return np.empty(0, np.uint8)
    return np.ctypeslib.as_array((ctypes.c_uint8 * node.span).from_address(node.address))


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    if not array.nbytes:
        return 0, 0
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


def _marks(array: NDArray[Any]) -> NDArray[np.uint8]:
    # One byte for each byte of the array's span: 1 where an item lies.
    start, end = _bounds(array)
    marks = np.zeros(end - start, np.uint8)
    item = np.dtype(("u1", (array.itemsize,)))
    shape, strides = (*array.shape, array.itemsize), (*array.strides, 1)
    first = int(array.__array_interface__["data"][0]) - start
    np.ndarray(shape, item.base, marks, first, strides)[...] = 1
    return marks
