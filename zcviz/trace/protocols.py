"""Memory of objects of any library, through the protocols that libraries have in common."""

from __future__ import annotations

import ctypes
import mmap
from array import array
from collections.abc import Callable
from inspect import getattr_static
from typing import Any

import numpy as np

from ..errors import BufferLifetimeError
from .arrow_memory import Range, exported_array, exported_stream
from .memory import Holding, Unseen, array_as_told, array_at, nothing

__all__ = ["arrow_holdings", "of_protocol", "steady"]

# They would read, or compute, what they are asked for: it is not there yet, or gone afterwards.
_READS = ("read_next_batch", "__next__", "fetchone", "execute", "collect")
_CPU = 1  # DLPack's number of it
_NO_CTYPES = object()


def of_protocol(obj: Any) -> list[Holding] | None:
    """Return the memory that an object shows through a protocol; None if it speaks none.

    Raises
    ------
    TypeError
        It speaks one, and what it says is wrong, is elsewhere than in this process's memory, or
        would have to be made first.
    BufferLifetimeError
        The memory has been released.
    """
    try:
        view = memoryview(obj)
    except TypeError:
        pass
    except (ValueError, BufferError) as error:
        raise BufferLifetimeError(
            f"the memory of this {type(obj).__name__} is gone: {error}"
        ) from None
    except Exception as error:  # from 3.12 on, a stranger's code may run here
        raise TypeError(f"{type(obj).__name__} shows no memory: {error!r}") from error
    else:
        return [_of_buffer(obj, view)]
    for name, look in _PROTOCOLS.items():
        if getattr_static(obj, name, None) is not None:
            return _asked(obj, name, look)
    return None


def _asked(obj: Any, name: str, look: Callable[[Any], list[Holding]]) -> list[Holding]:
    kind = type(obj).__name__
    try:
        return look(obj)
    except BufferLifetimeError:
        raise
    except Exception as error:  # it is a stranger's code that runs here
        said = f"{type(error).__name__}: {error}"
        raise TypeError(f"the {name} of this {kind} shows no memory: {said}") from error


def _of_buffer(obj: Any, view: memoryview) -> Holding:
    if not view.nbytes:
        return Holding("", nothing(read_only=view.readonly), _buffer_lender(obj, view))
    try:
        flat = view.c_contiguous
        array = np.frombuffer(view, np.uint8) if flat else np.asarray(view, copy=False)
    except (TypeError, ValueError):
        raise TypeError(
            f"{type(obj).__name__} shows no memory that numpy understands: format {view.format!r}"
        ) from None
    return Holding("", array, _buffer_lender(obj, view))


def _buffer_lender(obj: Any, view: memoryview) -> object:
    if view.obj is not obj:
        return view.obj
    if isinstance(obj, bytes | bytearray | mmap.mmap | array):
        return None
    if isinstance(obj, np.void):
        return obj.base
    if getattr_static(obj, "_b_base_", _NO_CTYPES) is not _NO_CTYPES:
        return _ctypes_lender(obj)
    return Unseen(type(obj).__name__)  # it lends memory, and does not say whose


def _ctypes_lender(obj: Any) -> object:
    # It is part of a larger one, or from_buffer() left there the view it came from.
    kept: Any = getattr(obj, "_objects", None)
    views = [each for each in kept.values() if isinstance(each, memoryview)] if kept else []
    if views:
        return views[0].obj
    if isinstance(obj._b_base_, ctypes._Pointer):
        return Unseen("a pointer")
    if obj._b_base_ is None and not obj._b_needsfree_:
        return Unseen("an address")
    return obj._b_base_


def _of_interface(obj: Any) -> list[Holding]:
    return [Holding("", array_as_told(obj.__array_interface__, obj), Unseen(type(obj).__name__))]


def _of_arrow_array(obj: Any) -> list[Holding]:
    return arrow_holdings(steady(lambda: exported_array(obj.__arrow_c_array__())), obj)


def _of_arrow_stream(obj: Any) -> list[Holding]:
    if any(getattr_static(obj, name, None) is not None for name in _READS):
        raise TypeError("it would have to read or compute its values first")
    return arrow_holdings(steady(lambda: exported_stream(obj.__arrow_c_stream__())), obj)


def _of_dlpack(obj: Any) -> list[Holding]:
    device = obj.__dlpack_device__()
    if device[0] != _CPU:
        raise TypeError(f"it lies on a device, {tuple(device)}")
    # numpy keeps the capsule, and so the memory.
    return [Holding("", np.from_dlpack(obj, copy=False), Unseen(type(obj).__name__))]


_PROTOCOLS: dict[str, Callable[[Any], list[Holding]]] = {
    "__array_interface__": _of_interface,
    "__arrow_c_array__": _of_arrow_array,
    "__arrow_c_stream__": _of_arrow_stream,
    "__dlpack__": _of_dlpack,
}


def steady(export: Callable[[], list[Range]]) -> list[Range]:
    """Return the exported ranges that are the object's own memory.

    Raises
    ------
    TypeError
        All of them were made for the export.

    Notes
    -----
    What is made for an export lies elsewhere the next time, while the first is still there.
    """
    once, again = export(), export()
    places = {(each.address, each.nbytes) for each in again}
    kept = [each for each in once if (each.address, each.nbytes) in places]
    if once and not kept:
        raise TypeError("what it gives is made anew each time it is asked")
    return kept


def arrow_holdings(
    ranges: list[Range], obj: object, lender: Callable[[Range], object] | None = None
) -> list[Holding]:
    """Return ranges as holdings; who lends them, says `lender`: without one, nobody knows."""
    unseen = Unseen(type(obj).__name__)
    found = [
        Holding(
            each.label,
            array_at(each.address, each.nbytes, each.keeps),
            lender(each) if lender else unseen,
        )
        for each in ranges
    ]
    return found or [Holding("", nothing(), None)]
