"""A run without any process: the path that needs no network, a little at each sample.

For machines that permit no subprocess, as a browser does. Other paths are refused there.
"""

from __future__ import annotations

import time

from .board import RECEIVERS, Board, Phase
from .receiving import Receiving
from .refusals import NO_PROCESS

__all__ = ["Inline"]

_TURN = 0.02  # seconds of each sample's time


class Inline:
    """What `Crew` is, in this very thread."""

    ready = True

    def __init__(self, stock: list[bytes]) -> None:
        self.board = Board(bytearray(Board.size))
        self.pids: dict[int, int] = {}
        self._jobs = [Receiving(self.board, number, stock) for number in RECEIVERS]
        self._at_work: list[Receiving] = []

    def sharing(self, paths: int) -> str:
        """Say that there is one thread for all."""
        return "This machine permits no subprocess: the kernel itself reads what it offers."

    def hire(self) -> None:
        """Do nothing: nobody is missing."""

    def wake(self) -> None:
        """Begin what the board asks for."""
        generation, settings = self.board.generation, self.board.settings
        for number, path, job in zip(RECEIVERS, settings.paths, self._jobs, strict=False):
            if path != "replay":
                self.board.rows[number].refuse(generation, NO_PROCESS)
            elif job.begin(generation):
                self._at_work.append(job)

    def check(self) -> dict[int, str]:
        """Work for a moment; nobody can be gone."""
        until = time.monotonic() + _TURN
        while self._at_work and time.monotonic() < until:
            for job in self._at_work:
                job.turn(0.001)
        return {}

    def dismiss(self, number: int) -> None:
        """End what stands in a row of the board."""

    def finish(self) -> None:
        """End the run."""
        for job in self._at_work:
            job.finish()
        self._at_work.clear()
        for number in RECEIVERS:
            if self.board.rows[number].phase == Phase.WORKING:
                self.board.rows[number].enter(Phase.IDLE, self.board.generation)

    def close(self) -> None:
        """End the run."""
        self.finish()
