"""What memory an object consists of, and from whom it borrows each piece.

The object itself is asked, in this order: our own objects, through ``__zcviz_parts__`` (arrays by
label) or ``__zcviz_owner__`` and ``__zcviz_range__()`` (offset into the owner, size); ndarrays;
objects of pandas, pyarrow and polars; lists, tuples and dicts, member by member; whatever speaks
the buffer protocol, ``__array_interface__``, Arrow's PyCapsule interface or DLPack.

No library is imported for a question: whoever has an object of it has imported it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BufferLifetimeError
from .libraries import of_library
from .memory import Holding, Unseen, array_at, bounds, key_text, nothing
from .protocols import of_protocol

__all__ = ["Holding", "Unseen", "holdings", "is_ours"]

_PLAIN = (type(None), int, float, complex, np.generic, str, type)  # values, not memory
_MOST = 100_000  # lists in lists


def holdings(obj: object) -> Iterator[Holding]:
    """Return the pieces of memory that an object consists of.

    Parameters
    ----------
    obj : object
        Anything with the buffer protocol (bytes, bytearray, memoryview, mmap, array, ctypes,
        ndarray, …), ``__array_interface__``, ``__arrow_c_array__``, ``__arrow_c_stream__`` or
        DLPack on the CPU; objects of pandas, pyarrow, polars; shared memory; feeds, sources,
        tables (their gathered columns) and message views; lists, tuples and dicts of those, of
        which members without memory are passed over.

    Returns
    -------
    iterator of Holding
        At least one; of an object without bytes, one without bytes.

    Raises
    ------
    TypeError
        `obj` shows no memory that could be asked for.
    BufferLifetimeError
        Its memory has been released.

    Notes
    -----
    Memory: views only; each keeps its memory alive, a memoryview's exporter locked. A pandas object
    is its values: its index is an object of its own. Of an array of Python objects it is the
    references.
    """
    try:
        return iter(_found(obj, set()))
    except RecursionError:
        raise TypeError(
            f"what this {type(obj).__name__} says of its memory has no end: it is lent in a circle"
        ) from None


def _found(obj: Any, seen: set[int]) -> list[Holding]:
    try:
        return _asked(obj, seen)
    except (TypeError, RecursionError, BufferLifetimeError):
        raise
    except Exception as error:  # a stranger's code may run, even to say of what class it is
        raise TypeError(f"{type(obj).__name__} shows no memory: {error!r}") from error


def _asked(obj: Any, seen: set[int]) -> list[Holding]:
    if isinstance(obj, np.void) or not isinstance(obj, _PLAIN):
        found = _ours(obj) if is_ours(obj) else _known(obj)
        if found is None:
            found = _members(obj, seen) or of_protocol(obj)
        if found:
            return found
    elif isinstance(obj, np.generic):
        return of_protocol(obj) or []
    raise TypeError(
        f"{type(obj).__name__} shows no memory: wanted is a bytes-like object, an ndarray, an "
        "object of pandas, pyarrow or polars, a feed or a message view, or a list of such"
    )


def is_ours(obj: object) -> bool:
    """Whether `obj` says itself what memory it has, or whom it borrows its bytes from."""
    return hasattr(type(obj), "__zcviz_owner__") or hasattr(type(obj), "__zcviz_parts__")


def _ours(obj: Any) -> list[Holding]:
    if hasattr(type(obj), "__zcviz_parts__"):
        parts = obj.__zcviz_parts__.items()
        found = [Holding(f"[{name!r}]", array, array) for name, array in parts]
        return found or [Holding("", nothing(), None)]
    owner = obj.__zcviz_owner__
    array = next(holdings(owner)).array
    if hasattr(type(obj), "__zcviz_range__"):
        offset, size = obj.__zcviz_range__()
        # By address, so that no check stands in the way of an object that looks beyond its owner.
        start, read_only = bounds(array)[0] + offset, not array.flags.writeable
        array = array_at(start, size, owner, read_only=read_only)
    return [Holding("", array, owner)]


def _known(obj: Any) -> list[Holding] | None:
    if isinstance(obj, np.ndarray):
        return _of_ndarray(obj)
    if type(obj).__module__ == "multiprocessing.shared_memory" and hasattr(obj, "buf"):
        if obj.buf is None:
            raise BufferLifetimeError(f"the memory of this {type(obj).__name__} is gone: closed")
        return [Holding("", np.frombuffer(obj.buf, np.uint8), obj.buf.obj)]
    return of_library(obj)


def _of_ndarray(array: NDArray[Any]) -> list[Holding]:
    base: Any = array.base
    # as_strided() puts a nameless go-between there.
    lender = base.base if type(base).__name__ == "DummyArray" else base
    if not isinstance(array, np.ma.MaskedArray):
        return [Holding("", array, lender)]
    mask = vars(array)["_mask"]  # `mask` makes a new view of it at each look
    if mask is np.ma.nomask:
        return [Holding("", array, lender)]
    whole = Holding("mask", mask, mask if mask.base is None else mask.base)
    return [Holding("data", array, lender), whole]


def _members(obj: Any, seen: set[int]) -> list[Holding]:
    if isinstance(obj, dict):
        members = [(f"[{key_text(key)}]", value) for key, value in list(dict.items(obj))]
    elif isinstance(obj, list | tuple):  # by their own means: a class of theirs may have others
        values = list(list.__iter__(obj) if isinstance(obj, list) else tuple.__iter__(obj))
        names = getattr(type(obj), "_fields", None)
        labels = names if isinstance(names, tuple) else range(len(values))
        marks = [f".{name}" if isinstance(name, str) else f"[{name}]" for name in labels]
        members = list(zip(marks, values, strict=False))
    else:
        return []
    if id(obj) in seen or len(seen) > _MOST:  # a list may be in itself
        return []
    seen.add(id(obj))
    found = []
    for label, value in members:
        if issubclass(type(value), _PLAIN) and not isinstance(value, np.void):
            continue
        with suppress(TypeError, RecursionError):
            pieces = _found(value, seen)
            alone = len(pieces) == 1
            found += [
                Holding(_joined(label, each.label), each.array, value if alone else each.lender)
                for each in pieces
            ]
    return found


def _joined(label: str, inner: str) -> str:
    return f"{label} {inner}" if inner and inner[0] not in "[." else label + inner
