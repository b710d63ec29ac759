"""Methods of which one runs at a time: messages of a page come on another thread than cells do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

__all__ = ["one_at_a_time"]


class _Lockable(Protocol):
    _lock: threading.RLock


Owner = TypeVar("Owner", bound=_Lockable)
Given = ParamSpec("Given")
Result = TypeVar("Result")


def one_at_a_time(
    method: Callable[Concatenate[Owner, Given], Result],
) -> Callable[Concatenate[Owner, Given], Result]:
    """Have a method hold its object's ``_lock`` (an RLock) while it runs."""

    @wraps(method)
    def locked(owner: Owner, /, *given: Given.args, **named: Given.kwargs) -> Result:
        with owner._lock:
            return method(owner, *given, **named)

    return locked
