"""Compile a kernel, or make its plain twin."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

__all__ = ["COMPILED", "inner", "jit"]

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

# Python's rules for a division by zero are not needed, nor a form that C could call: both are
# compiling time. Kernels own no memory, and without numba's runtime there are no counts of
# references either: at each call from kernel to kernel these cost more than most kernels do.
_HOW = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}


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
        made = _compiler.njit(cache=True, **_HOW)(function)
    except RuntimeError:  # a read-only install and no writable home: no place for a cache
        return _compiler.njit(**_HOW)(function)  # type: ignore[no-any-return]
    with suppress(AttributeError):  # numba's own affair, which a version of it may rename
        made._cache._cache_file._source_stamp = _stamp()
        made._cache.load_overload = partial(_load, made._cache)
    return made  # type: ignore[no-any-return]


def _load(kept: Any, signature: Any, target: Any) -> Any:
    # numba would first make ready all that compiling takes, a third of the time that a process
    # spends before its first kernel runs. Machine code needs none of it, and compiling asks again.
    with kept._guard_against_spurious_io_errors():
        return kept._load_overload(signature, target)


@cache
def _stamp() -> tuple[Any, ...]:
    # Machine code holds what kernels take from other files: constants of tables, functions that
    # are compiled into them. numba would look at the kernel's own file only, and go on with the
    # machine code of an older version after an upgrade.
    package = Path(__file__).parents[1]
    files = [*package.glob("kernels/*.py"), *package.glob("protocols/*.py")]
    facts = ((file.name, file.stat()) for file in sorted(files))
    return tuple((name, fact.st_size, fact.st_mtime_ns) for name, fact in facts)


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` into the kernels that call it, once for each set of argument types.

    Nothing else can call it: what lets Python do so takes as long to compile as a short kernel. Nor
    is it called by machine code, where a few arrays are dozens of words on the stack.
    """
    if _compiler is None:
        return function
    made = _compiler.njit(no_cpython_wrapper=True, forceinline=True, **_HOW)(function)
    # Left alone, numba compiles a function anew for each constant that is handed to it.
    widened, resolve = _compiler.types.unliteral, made.get_call_template
    made.get_call_template = lambda args, kws: resolve(tuple(map(widened, args)), kws)
    return made  # type: ignore[no-any-return]
