"""A machine that gets slower half-way, when that is wanted: a profiler stands in for the reason."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["disturbed"]


@contextmanager
def disturbed(
    works: Mapping[str, Callable[[], Any]], after: int
) -> Iterator[dict[str, Callable[[], Any]]]:
    """Make everything slower from a certain run on.

    Another program that begins to work, or a processor that gets hot, cannot be ordered. So a
    profiler is told of every call from then on, and does nothing with what it is told.

    Parameters
    ----------
    works : mapping of str to callable ()
    after : int
        So many runs are undisturbed, of all the functions together.

    Returns
    -------
    dict of str to callable ()
        The same functions, counted. The disturbance ends with the block.
    """
    found, runs = sys.getprofile(), 0

    def counted(work: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            nonlocal runs
            if runs == after:
                sys.setprofile(lambda *told: None)
            runs += 1
            return work()

        return run

    try:
        yield {name: counted(work) for name, work in works.items()}
    finally:
        sys.setprofile(found)
