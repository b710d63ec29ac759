"""How times are taken, and what is said about the machine they were taken on."""

from __future__ import annotations

import gc
import os
import platform
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np

from .._version import __version__

__all__ = ["host", "interleaved", "recycle", "turns"]

K = TypeVar("K", bound=Hashable)


def interleaved(
    functions: Mapping[K, Callable[[], object]],
    rounds: int,
    progress: Callable[[int, int], None] | None = None,
    before: Callable[[], object] | None = None,
) -> dict[K, list[float]]:
    """Time several functions in turns [s], so that a slow spell of the machine hits all alike.

    `before` is called before every run, off the clock. The garbage collector runs before each round
    and is off while the clock runs: in a loop that makes objects it would otherwise strike at
    random. What a function returns is let go of off the clock.
    """
    taken: dict[K, list[float]] = {name: [] for name in functions}
    for name in turns(tuple(functions), rounds, progress):
        if before is not None:
            before()
        start = perf_counter()
        result = functions[name]()
        taken[name].append(perf_counter() - start)
        del result
    return taken


def turns(
    names: Sequence[K], rounds: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[K]:
    """Yield the names in turns, with the garbage collector off, which runs before each round."""
    was_on = gc.isenabled()
    try:
        for turn in range(rounds):
            gc.collect()
            gc.disable()
            for at, name in enumerate(names):
                yield name
                if progress is not None:
                    progress(turn * len(names) + at + 1, rounds * len(names))
            if was_on:
                gc.enable()
    finally:
        if was_on:
            gc.enable()


def recycle(nbytes: int) -> None:
    """Touch so much new memory and free it at once, so that what is allocated next is made of it.

    A virtual machine hands free memory back to its host within a second or two, and what it then
    gets anew costs ten times what a page fault does. Memory that was free for a moment only is as
    fresh to the process (the kernel maps and clears it), and always costs the same.
    """
    np.empty(nbytes, np.uint8)[::4096] = 1


@cache
def host() -> dict[str, str]:
    """Return what a figure depends on: processor, cores, system, versions, kernels."""
    from ..kernels import COMPILED

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {
        "processor": _processor(),
        "cores": str(cores),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "kernels": "compiled by numba" if COMPILED else "plain Python",
    }
    facts["zcviz"] = __version__
    for name in ("numpy", "numba", "pandas"):
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
