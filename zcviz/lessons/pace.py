"""How long things take for each message, or for each value: the least of several rounds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from ..bench.measure import interleaved, recycle

__all__ = ["pace"]

K = TypeVar("K", bound=Hashable)


def pace(
    functions: Mapping[K, Callable[[], object]],
    count: int | Mapping[K, int],
    rounds: int = 9,
    fresh: int = 0,
) -> dict[K, float]:
    """Time functions in turns; return nanoseconds per message, or whatever was counted.

    Parameters
    ----------
    functions : mapping of callable ()
    count : int or mapping of int
        How many messages, or values, each function goes through.
    rounds : int
        How often each is timed. The least counts: whatever else a machine does, and what is
        compiled at a first call, makes things take longer, and never shorter.
    fresh : int [bytes]
        How much memory a function allocates, where that is much: see `recycle`.
    """
    before = (lambda: recycle(fresh)) if fresh else None
    taken = interleaved(functions, rounds, before=before)
    return {
        name: min(times) * 1e9 / (count if isinstance(count, int) else count[name])
        for name, times in taken.items()
    }
