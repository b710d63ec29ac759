"""Compile a kernel, or make its plain twin."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

__all__ = ["COMPILED", "jit"]

P = ParamSpec("P")
R = TypeVar("R")


def _numba() -> Any:
    if os.environ.get("ZCVIZ_NO_NUMBA") == "1":
        return None
    try:
        import numba
    except ImportError:
        return None
    return numba


_compiler = _numba()
COMPILED: bool = _compiler is not None
"""Whether kernels are machine code in this process."""


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` at its first call; the machine code is kept between runs where possible.

    Without numba, return a twin that hands each array over as a memoryview: indexing those gives
    Python integers, which is several times faster than numpy scalars and cannot overflow.
    """
    if _compiler is None:

        @wraps(function)
        def plain(*args: P.args, **kwargs: P.kwargs) -> R:
            seen = [memoryview(a) if isinstance(a, np.ndarray) else a for a in args]
            return function(*seen, **kwargs)  # type: ignore[arg-type]

        return plain
    try:
        return _compiler.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # a read-only install and no writable home: no place for a cache
        return _compiler.njit(nogil=True)(function)  # type: ignore[no-any-return]
