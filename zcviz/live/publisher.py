"""Publish a live run 20 times a second."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

__all__ = ["RATE", "Publisher", "Run"]

RATE = 20  # updates per second

S_co = TypeVar("S_co", covariant=True)


class Run(Protocol[S_co]):
    """What can be published."""

    @property
    def running(self) -> bool:
        """Whether it goes on."""

    def sample(self) -> S_co:
        """Return what it does now."""

    def stop(self) -> None:
        """End it."""


class Publisher(Generic[S_co]):
    """Sample a run at a steady pace, for as long as it runs.

    It has a thread of its own: a cell that keeps the kernel busy does not hold it up, and it does
    not depend on the event loop that brought the order to start. JupyterLab hands messages of
    widgets to a loop that lives no longer than their page.

    Parameters
    ----------
    run : Run
    publish : callable
        Called with each sample, and once more with the last one when the run has ended.

    Attributes
    ----------
    error : Exception or None
        What `publish` raised; the run has been stopped then.
    """

    def __init__(self, run: Run[S_co], publish: Callable[[S_co], None]) -> None:
        self._run = run
        self._publish = publish
        self._lock = threading.RLock()
        self._over = threading.Event()
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin; a thread begun before ends."""
        self.stop()
        over = self._over = threading.Event()
        # In this context, so that a front end sees what was sent as an answer to who asked.
        work = contextvars.copy_context().run
        name = "zcviz publisher"
        threading.Thread(target=work, args=(self._work, over), name=name, daemon=True).start()

    def stop(self) -> None:
        """Publish no more: once this returns, nothing comes."""
        with self._lock:
            self._over.set()

    def _work(self, over: threading.Event) -> None:
        due = time.monotonic()
        try:
            while self._update(over):
                due = max(due + 1 / RATE, time.monotonic())
                over.wait(due - time.monotonic())
        except Exception as error:
            # Nobody sees it any more. It is not printed either: from a thread it would land in
            # the output of whatever cell comes next.
            self.error = error
            self._run.stop()

    def _update(self, over: threading.Event) -> bool:
        with self._lock:
            if over.is_set():
                return False
            self._publish(self._run.sample())
            return self._run.running
