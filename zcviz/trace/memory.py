"""A piece of memory that an object consists of, whoever lends it."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Holding",
    "Runs",
    "Unseen",
    "array_as_told",
    "array_at",
    "bounds",
    "key_text",
    "nothing",
    "runs_of",
]

_HIGHEST = 1 << 63  # no process has memory from here on
_TOLD = ("data", "shape", "strides", "typestr", "offset", "version")


@dataclass(frozen=True, slots=True)
class Unseen:
    """Stands for an owner that Python cannot see.

    Attributes
    ----------
    holder : str
        Who knows it: ``"Arrow"``.
    """

    holder: str


@dataclass(frozen=True, slots=True, eq=False)
class Holding:
    """One piece of memory that an object consists of.

    Attributes
    ----------
    label : str
        Where in the object it lies: ``"['price']"``, ``"chunk 0 data"``; ``""`` for the whole.
    array : ndarray
        Over exactly that memory, with the object's own strides.
    lender : object
        From whom the object borrows it: `Unseen` where Python cannot see that, None where the
        object owns it.

    Notes
    -----
    Memory: `array` is a view, and keeps the memory alive.
    """

    label: str
    array: NDArray[Any]
    lender: object


@dataclass(frozen=True, slots=True)
class Runs:
    """Which bytes an array lies on: runs of equal length, in a regular pattern.

    Attributes
    ----------
    address : int
        Of the lowest byte.
    length : int [bytes]
        Of a run.
    steps : tuple of (count, stride in bytes)
        How often runs repeat, the smallest stride first; empty where all bytes lie together.
    """

    address: int
    length: int
    steps: tuple[tuple[int, int], ...] = ()

    @property
    def end(self) -> int:
        """Address of the byte after the highest."""
        reach = sum((count - 1) * stride for count, stride in self.steps)
        return self.address + reach + self.length


def runs_of(array: NDArray[Any]) -> Runs:
    """Return which bytes an array lies on: whatever its shape, strides and their order."""
    if not array.nbytes:
        return Runs(0, 0)
    address, length = int(array.__array_interface__["data"][0]), array.itemsize
    steps: list[tuple[int, int]] = []
    dimensions = zip(array.shape, array.strides, strict=True)
    for count, stride in sorted(dimensions, key=lambda each: abs(each[1])):
        address += min(0, (count - 1) * stride)
        if abs(stride) <= length and not steps:
            length += (count - 1) * abs(stride)  # it continues the run, or repeats within it
        elif count > 1:
            steps.append((count, abs(stride)))
    return Runs(address, length, tuple(steps))


def bounds(array: NDArray[Any]) -> tuple[int, int]:
    """Return the addresses of an array's lowest byte and of the byte after its highest."""
    runs = runs_of(array)
    return runs.address, runs.end


class _Lent:
    # The base of arrays over memory that is known by its address.
    def __init__(self, interface: dict[str, Any], keeps: object) -> None:
        self.__array_interface__ = interface
        self.keeps = keeps


def array_at(address: int, nbytes: int, keeps: object, *, read_only: bool = True) -> NDArray[Any]:
    """Return an array of bytes over memory at an address; it keeps `keeps` alive."""
    if not nbytes:
        return nothing(read_only=read_only)
    what = {"data": (address, read_only), "shape": (nbytes,), "typestr": "|u1", "version": 3}
    return np.asarray(_Lent(what, keeps))


def array_as_told(interface: Any, keeps: object) -> NDArray[Any]:
    """Return an array over the memory that an ``__array_interface__`` tells of.

    Raises
    ------
    TypeError, ValueError
        It is none, contradicts itself, or tells of memory that no process has.
    """
    told = {key: interface[key] for key in _TOLD if key in interface}
    if str(told.get("typestr"))[1:2] == "O":  # nobody shall take these bytes for references
        told["typestr"] = f"|V{told['typestr'][2:] or 8}"
    array = np.asarray(_Lent(told, keeps), copy=False)
    low, high = bounds(array)
    if low < 0 or high > _HIGHEST or (array.nbytes and not low):
        raise ValueError(f"it tells of memory from {low:#x} to {high:#x}, which no process has")
    return array


def nothing(*, read_only: bool = True) -> NDArray[Any]:
    """Return an array of no bytes."""
    empty = np.empty(0, np.uint8)
    empty.flags.writeable = not read_only
    return empty


def key_text(key: object) -> str:
    """Return how to call a member by its key: no key is so strange that it stops a question."""
    try:
        return repr(key) if isinstance(key, str) else reprlib.repr(key)
    except Exception:  # whatever a stranger's __repr__ raises
        return type(key).__name__
