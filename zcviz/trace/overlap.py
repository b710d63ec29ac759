"""Which bytes two objects have in common: by address, whatever they are."""

from __future__ import annotations

import ctypes
import sys
from inspect import getattr_static
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BufferLifetimeError

__all__ = ["array_over", "bounds", "is_ours", "overlap", "shares_memory", "values_of"]

_MOST_WORK = 100_000  # candidates that numpy may try on strided views, before bounds decide
_LARGEST_SPAN = 1 << 28  # bytes marked one by one to count the overlap of strided views


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
    one, other = array_over(a), array_over(b)
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
    one, other = array_over(a), array_over(b)
    (start, end), (start_other, end_other) = bounds(one), bounds(other)
    low, high = max(start, start_other), min(end, end_other)
    if low >= high:
        return 0
    dense = one.flags.forc and other.flags.forc
    if dense or max(end - start, end_other - start_other) > _LARGEST_SPAN:
        return high - low
    marks = _marks(one)[low - start : high - start]
    return int(np.count_nonzero(marks & _marks(other)[low - start_other : high - start_other]))


def _marks(array: NDArray[Any]) -> NDArray[np.uint8]:
    # One byte for each byte of the array's span: 1 where an item lies.
    start, end = bounds(array)
    marks = np.zeros(end - start, np.uint8)
    first = int(array.__array_interface__["data"][0]) - start
    shape, strides = (*array.shape, array.itemsize), (*array.strides, 1)
    np.ndarray(shape, np.uint8, marks, first, strides)[...] = 1
    return marks


def bounds(array: NDArray[Any]) -> tuple[int, int]:
    """Return the addresses of an array's lowest byte and of the byte after its highest."""
    if not array.nbytes:
        return 0, 0
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


def is_ours(obj: object) -> bool:
    """Whether `obj` says itself whom it borrows its bytes from."""
    return getattr_static(obj, "__zcviz_owner__", None) is not None


def array_over(obj: Any) -> NDArray[Any]:
    """Return what `obj` shows as an array over the same memory; never a copy.

    Raises
    ------
    TypeError
        It shows no memory that could be asked for.
    BufferLifetimeError
        Its memory has been released.
    """
    if isinstance(obj, np.ndarray):
        return obj
    if is_ours(obj):
        return _range_of(obj)
    values = values_of(obj)
    if values is not None:
        return values
    name = type(obj).__name__
    try:
        view = memoryview(obj)
    except TypeError:
        raise TypeError(
            f"{name} shows no memory: wanted is a bytes-like object, an ndarray, a pandas Series "
            "on an ndarray, a feed or a message view"
        ) from None
    except ValueError as error:
        raise BufferLifetimeError(f"the memory of this {name} is gone: {error}") from None
    if not view.nbytes:
        nothing = np.empty(0, np.uint8)
        nothing.flags.writeable = not view.readonly
        return nothing
    return np.frombuffer(view, np.uint8) if view.c_contiguous else np.asarray(view)


def _range_of(obj: Any) -> NDArray[Any]:
    owner = array_over(obj.__zcviz_owner__)
    if not hasattr(type(obj), "__zcviz_range__"):
        return owner
    offset, size = obj.__zcviz_range__()
    # By address, so that no check stands in the way of an object that looks beyond its owner.
    held = (ctypes.c_uint8 * size).from_address(bounds(owner)[0] + offset)
    array = np.ctypeslib.as_array(held)
    array.flags.writeable = owner.flags.writeable
    return array


def values_of(obj: Any) -> NDArray[Any] | None:
    """Return the ndarray behind a pandas Series or Index; None for anything else."""
    pandas = sys.modules.get("pandas")  # who has a Series has imported it
    if pandas is None or not isinstance(obj, pandas.Series | pandas.Index):
        return None
    if not isinstance(obj.dtype, np.dtype) or isinstance(obj, pandas.RangeIndex):
        raise TypeError(f"the values of this {type(obj).__name__} ({obj.dtype}) are no ndarray")
    values: NDArray[Any] = obj.to_numpy(copy=False)
    return values
