"""What watching costs: loops plain, under tracemalloc, and with every allocation counted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from struct import Struct
from time import perf_counter

import numpy as np

from ..trace import allocations, exact
from .job import Line
from .measure import turns

__all__ = ["measure_watching"]

_TIMES = 100_000
_DATA = bytes(1_000)
_VIEW = memoryview(_DATA)
_ARRAY = np.zeros(4)
_FIELDS = Struct(">cHHQ").unpack_from

Watcher = Callable[[], AbstractContextManager[object]]

_WATCHERS: dict[str, Watcher] = {
    "": nullcontext, "under tracemalloc": allocations, "every allocation counted": exact
}  # fmt: skip


def _slices_of_bytes() -> None:
    for _ in range(_TIMES):
        _DATA[100:136]


def _slices_of_a_view() -> None:
    for _ in range(_TIMES):
        _VIEW[100:136]


def _fields() -> None:
    for _ in range(_TIMES):
        _FIELDS(_DATA, 100)


def _small_arrays() -> None:
    for _ in range(_TIMES):
        _ARRAY + 1


_LOOPS: dict[str, Callable[[], None]] = {
    "36-byte slices of bytes": _slices_of_bytes,
    "36-byte slices of a memoryview": _slices_of_a_view,
    "unpacking four fields": _fields,
    "adding 1 to an array of four": _small_arrays,
}


def measure_watching(rounds: int) -> list[Line]:
    """Time the loops within windows that are open already.

    Parameters
    ----------
    rounds : int
    """
    lines = []
    for what, loop in _LOOPS.items():
        taken: dict[str, list[float]] = {name: [] for name in _WATCHERS}
        for name in turns(tuple(_WATCHERS), rounds):
            with _WATCHERS[name]():
                start = perf_counter()
                loop()
                taken[name].append(perf_counter() - start)
        plain = median(taken[""])
        for name, samples in taken.items():
            note = f"{median(samples) / plain:.2f} × the plain time" if name else ""
            job = f"{what}, {name}" if name else what
            lines.append(Line(job, "M operations/s", tuple(samples), _TIMES, note=note))
    return lines
