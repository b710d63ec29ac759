"""Publish a live run 20 times a second, from one asyncio task of the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from .sample import Sample
from .state import LiveRun

__all__ = ["RATE", "Publisher"]

RATE = 20  # updates per second


class Publisher:
    """Sample a run at a steady pace, for as long as it runs.

    Parameters
    ----------
    run : LiveRun
    publish : callable
        Called with each `Sample`, and once more with the last one when the run has ended.
    """

    def __init__(self, run: LiveRun, publish: Callable[[Sample], None]) -> None:
        self._run = run
        self._publish = publish
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the event loop that is running; a task begun before is cancelled.

        Raises
        ------
        RuntimeError
            No event loop is running.
        """
        self.stop()
        self._task = asyncio.get_running_loop().create_task(self._work())

    def stop(self) -> None:
        """Publish no more."""
        if self._task is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                self._task.cancel()
            self._task = None

    async def _work(self) -> None:
        due = time.monotonic()
        try:
            while self._run.running:
                self._publish(self._run.sample())
                due = max(due + 1 / RATE, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
            self._publish(self._run.sample())
        except asyncio.CancelledError:
            raise  # whoever cancels decides what becomes of the run
        except BaseException:
            self._run.stop()  # nobody sees it any more
            raise
