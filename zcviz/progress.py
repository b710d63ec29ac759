"""A progress bar on a terminal, and nothing where standard error is not one."""

from __future__ import annotations

import sys
from time import monotonic

__all__ = ["Progress"]

_EVERY = 0.1  # seconds between two drawings


class Progress:
    """Called with (done, in all); draws on standard error, and wipes the line at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = False
        self._next = 0.0 if sys.stderr is not None and sys.stderr.isatty() else float("inf")

    def __call__(self, done: int, total: int) -> None:
        """Draw, unless it is too soon."""
        now = monotonic()
        if not self._next:
            self._next = now + 3 * _EVERY  # what is done within a moment needs no bar
        if now < self._next:
            return
        self._next, self._shown = now + _EVERY, True
        share = done / total if total else 1.0
        bar = "█" * int(24 * share)
        print(f"\r{self._what} {bar:<24} {share:4.0%}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._next = float("inf")
