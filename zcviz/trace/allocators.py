"""Where CPython and numpy keep the functions that allocate: read them, change them."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["Allocator", "NumpyPlace", "Place", "PythonPlace", "keep_for_ever", "places"]

# In numpy's C API, after PyDataMem_SetHandler (304).
_GET_HANDLER, _DEFAULT_HANDLER = 305, 306

_ADDRESS, _SIZE, _OBJECT = ctypes.c_void_p, ctypes.c_size_t, ctypes.py_object
_MALLOC = ctypes.PYFUNCTYPE(_ADDRESS, _ADDRESS, _SIZE)
_FREE = ctypes.PYFUNCTYPE(None, _ADDRESS, _ADDRESS, _SIZE)


def _python(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    # What ctypes.pythonapi hands out, everybody shares: whoever declares types may surprise others.
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


def keep_for_ever(thing: object) -> None:
    """Keep an object in memory until the process ends, and all that it refers to."""
    _python("Py_IncRef", None, _OBJECT)(thing)


class Allocator(ctypes.Structure):
    """PyMemAllocatorEx. What numpy has differs in that `free` is told a size."""

    _fields_ = tuple(
        (name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")
    )

    def words(self) -> list[int]:
        """Return the five addresses."""
        return [getattr(self, field[0]) or 0 for field in self._fields_]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Allocator) and self.words() == other.words()

    __hash__ = None  # type: ignore[assignment]


class PythonPlace:
    """The allocator of one of Python's domains.

    Attributes
    ----------
    column : {0, 1, 2}
        What it is shown as: Python, numpy, other.
    locked : bool
        Whether it is called with the GIL held, and may call the allocator of another domain.
    """

    def __init__(self, domain: int, name: str) -> None:
        self.column = 0 if domain else 2
        self.locked = domain > 0
        self._domain = domain
        self._malloc = _python(f"{name}Malloc", _ADDRESS, _SIZE)
        self._free = _python(f"{name}Free", None, _ADDRESS)
        self._get = _python("PyMem_GetAllocator", None, ctypes.c_int, _ADDRESS)
        self._set = _python("PyMem_SetAllocator", None, ctypes.c_int, _ADDRESS)

    def read(self) -> Allocator:
        """Return the allocator in use."""
        found = Allocator()
        self._get(self._domain, ctypes.addressof(found))
        return found

    def write(self, allocator: Allocator) -> None:
        """Put `allocator` in the place of the one in use."""
        self._set(self._domain, ctypes.addressof(allocator))

    def touch(self) -> None:
        """Allocate something, for whoever listens."""
        self._free(self._malloc(1))


class NumpyPlace:
    """The allocator of numpy's data, as NEP 49 lays it out.

    ``PyDataMem_SetHandler`` would ask for less courage: it sets a context variable, so that each
    thread and each task has its own, arrays of before keep theirs, and a generator could not
    close what another context opened. So this changes the functions of the default handler,
    which all of them have.
    """

    column = 1
    locked = True

    def __init__(self) -> None:
        core = importlib.import_module("numpy._core._multiarray_umath")
        pointer = _python("PyCapsule_GetPointer", _ADDRESS, _OBJECT, ctypes.c_char_p)
        capsule = core._ARRAY_API
        api = ctypes.cast(pointer(capsule, None), ctypes.POINTER(_ADDRESS))
        self._current: Callable[[], Any] = ctypes.PYFUNCTYPE(_OBJECT)(api[_GET_HANDLER])
        default = ctypes.cast(api[_DEFAULT_HANDLER], ctypes.POINTER(_OBJECT))
        self._default: Any = default.contents.value
        handler = _Handler.from_address(pointer(self._default, b"mem_handler"))
        if (handler.name, handler.version) != (b"default_allocator", 1):
            raise LookupError("numpy's allocator is not laid out as NEP 49 says")
        self._allocator = handler.allocator

    def read(self) -> Allocator:
        """Return the allocator in use."""
        return Allocator(*self._allocator.words())

    def write(self, allocator: Allocator) -> None:
        """Put `allocator` in the place of the one in use."""
        # numpy's own functions ignore the context: they may see a wrong one, ours may not.
        fields = [field[0] for field in Allocator._fields_]
        if not allocator.context:
            fields.reverse()
        for field in fields:
            setattr(self._allocator, field, getattr(allocator, field))

    def touch(self) -> None:
        """Allocate something, for whoever listens."""
        in_use = self._allocator
        block = _MALLOC(in_use.malloc)(in_use.context, 1)
        _FREE(in_use.free)(in_use.context, block, 1)

    def serves(self) -> bool:
        """Whether new arrays of this context have their data from here."""
        return self._current() is self._default


class _Handler(ctypes.Structure):
    # PyDataMem_Handler, version 1.
    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("allocator", Allocator),
    )


Place = PythonPlace | NumpyPlace


def places() -> list[Place]:
    """Return the places of the domains raw, mem, obj, and numpy where it can be had.

    Raises
    ------
    AttributeError
        This Python does not say where its allocators are.
    """
    names = ("PyMem_Raw", "PyMem_", "PyObject_")
    found: list[Place] = [PythonPlace(domain, name) for domain, name in enumerate(names)]
    with suppress(AttributeError, ImportError, LookupError, ValueError):  # a numpy we do not know
        found.append(NumpyPlace())
    return found
