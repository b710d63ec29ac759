import os
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    if os.environ.get("ZCVIZ_NO_NUMBA") == "1":
        return function
    import numba

    return numba.njit(cache=True, nogil=True)(function)
