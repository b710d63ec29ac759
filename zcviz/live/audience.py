"""Whether anybody still looks at a live run."""

from __future__ import annotations

import asyncio
import time

__all__ = ["Audience"]

_DEAF_AFTER = 1.0  # seconds in which a kernel that is not busy runs its event loop
_AFTER_LAST_VIEW = 5.0  # seconds in which a view that is gone may come back


class Audience:
    """Count the seconds in which no page was heard of, though one could have been.

    Made where the kernel's event loop runs. While a cell keeps that loop busy, messages of a page
    wait, and its silence says nothing.

    Parameters
    ----------
    patience : float [s]
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._views: set[str] = set()
        self._silence = 0.0
        self._checked = self._awake = time.monotonic()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None  # a plain program

    def hear(self, view: str | None = None) -> None:
        """Note that a page, or somebody else, gave a sign of life."""
        self._silence = 0.0
        if view is not None:
            self._views.add(view)

    def leave(self, view: str) -> None:
        """Note that a view was taken off its page; after the last one, do not wait for long."""
        self._views.discard(view)
        if not self._views:
            self._silence = max(self._silence, self._patience - _AFTER_LAST_VIEW)

    def is_gone(self) -> bool:
        """Whether nobody was heard of for too long; to be asked a few times a second."""
        now = time.monotonic()
        if now - self._awake < _DEAF_AFTER or self._loop is None:
            self._silence += now - self._checked
        self._checked = now
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)
        return self._silence > self._patience

    def begin(self) -> None:
        """Count from now on."""
        self._silence = 0.0
        self._checked = self._awake = time.monotonic()

    def _wake(self) -> None:
        self._awake = time.monotonic()
