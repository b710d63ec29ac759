"""Who still holds arrays or memoryviews into memory: asked when it cannot be released."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["holders", "renew_locals"]

_MOST = 8
_AT_ONCE = 1000
_CLOSING = ("zcviz.buffers", "zcviz.feed", __name__)  # our own frames on the way to the error

Items = Iterable[tuple[object, object]]


def _frames() -> Iterator[FrameType]:
    for frame in list(sys._current_frames().values()):
        here: FrameType | None = frame
        while here is not None:
            if here.f_globals.get("__name__") not in _CLOSING:
                yield here
            here = here.f_back


def renew_locals() -> None:
    """Let go of what local variables held when `holders` looked at them, and hold no more.

    Before Python 3.13 a frame keeps its variables as they were when somebody looked; another look
    brings that up to date.
    """
    for frame in _frames():
        frame.f_locals  # noqa: B018


def holders(address: int, size: int, but: Iterable[object]) -> list[str]:
    """Describe the first few arrays, memoryviews and Arrow buffers that start in some memory.

    Parameters
    ----------
    address, size : int [bytes]
    but : iterable of object
        Not these.

    Notes
    -----
    Arrays are invisible to the garbage collector, so this looks into what it can see: the
    variables of running code and of modules, then all objects that refer to others.
    """
    seen = {id(each) for each in but}

    def inside(value: object) -> bool:
        return id(value) not in seen and any(
            address <= start < address + size for start in _starts_of(value)
        )

    def named(items: Items, where: str = "") -> Iterator[str]:
        for name, value in items:
            if inside(value):
                seen.add(id(value))
                yield f"{type(value).__name__} {where or repr(name)}"
            elif type(value) in (dict, tuple) and not gc.is_tracked(value):
                # Arrays alone in it: then the garbage collector does not see this either.
                yield from named(_items(value), where)

    def found() -> Iterator[str]:
        for frame in _frames():
            yield from named(list(frame.f_locals.items()))
        for module in list(sys.modules.values()):
            yield from named(list(getattr(module, "__dict__", {}).items()))
        for each in _with_arrays(gc.get_objects()):
            if not any(each is one for one in but):
                where = f"in an object of type {type(each).__name__}"
                yield from named(_items(each), "" if type(each) is dict else where)

    return list(islice(found(), _MOST))


def _starts_of(value: Any) -> list[int]:
    if isinstance(value, memoryview):
        try:
            whole = value.c_contiguous
            value = np.frombuffer(value, np.uint8) if whole else np.asarray(value)
        except ValueError:  # released, empty, or of elements that numpy does not know
            return []
    if isinstance(value, np.ndarray):
        return [int(value.ctypes.data)]
    arrow: Any = sys.modules.get("pyarrow")  # whoever holds a buffer of it has imported it
    buffer: Any = getattr(arrow, "Buffer", ())
    array: Any = getattr(arrow, "Array", ())
    if isinstance(value, buffer):
        return [value.address]
    if isinstance(value, array):
        return [each.address for each in value.buffers() if each is not None]
    return []


def _items(holder: object) -> Items:
    if type(holder) is dict:
        return list(holder.items())
    return enumerate(gc.get_referents(holder))


def _with_arrays(objects: list[object]) -> Iterator[object]:
    # There may be millions, and few hold arrays: asking many at once for types is quick.
    for at in range(0, len(objects), _AT_ONCE):
        some = objects[at : at + _AT_ONCE]
        if not {np.ndarray, memoryview}.isdisjoint(map(type, gc.get_referents(*some))):
            yield from some
