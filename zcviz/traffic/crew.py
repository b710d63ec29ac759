"""The processes of a run of traffic: one sender, two receivers, kept warm between runs."""

from __future__ import annotations

import os

from ..live.board import usable_cores
from ..live.shared import SharedBlock
from ..live.subprocesses import Subprocess
from .board import RECEIVERS, SENDER, Board, Phase
from .worker import packed

__all__ = ["GRACE", "Crew", "cores_for", "sharing"]

GRACE = 0.2  # seconds that a process has to end


def cores_for() -> list[int | None]:
    """Return which core the sender and each receiver keep to; None: wherever the system wants.

    The sender has one to itself. Receivers that are compared have one each; or both the same, so
    that neither is better off.
    """
    try:
        cores: list[int] = sorted(os.sched_getaffinity(0))
    except AttributeError:
        cores = []
    if len(cores) < 2 or usable_cores() < 2:
        return [None] * (1 + len(RECEIVERS))
    others = cores[1:]
    return [cores[0], *(others[i % len(others)] for i in range(len(RECEIVERS)))]


def sharing(cores: list[int | None], paths: int) -> str:
    """Say who shares a core with whom; nothing if nobody does."""
    if cores[SENDER] is None:
        return "There is one core for the sender and all receivers: they hold one another up."
    if paths > 1 and cores[RECEIVERS[0]] == cores[RECEIVERS[1]]:
        return "Both receivers share a core; the sender has one to itself."
    return ""


class Crew:
    """Processes that get ready, sleep, and work while the board wants it.

    Parameters
    ----------
    stock : list of bytes
        Messages to send.

    Raises
    ------
    OSError
        The machine permits no subprocess, or no shared memory.

    Attributes
    ----------
    board : Board
    pids : dict of int to int
        Process numbers by row of the board.
    """

    def __init__(self, stock: list[bytes]) -> None:
        content = packed(stock)
        self._blocks = [SharedBlock.create(Board.size), SharedBlock.create(len(content))]
        self._blocks[1].as_array()[:] = memoryview(content)
        self.board = Board(self._blocks[0].map)
        self._processes: dict[int, Subprocess] = {}
        self._cores = cores_for()
        self._made_by = os.getpid()
        try:
            self.hire()
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> dict[int, int]:
        """Process numbers by row of the board."""
        return {number: process.pid for number, process in self._processes.items()}

    def sharing(self, paths: int) -> str:
        """Say who shares a core with whom; nothing if nobody does."""
        return sharing(self._cores, paths)

    @property
    def ready(self) -> bool:
        """Whether all processes can start at once."""
        return all(self.board.rows[number].phase > Phase.STARTING for number in self._processes)

    def hire(self) -> None:
        """Start the processes that are missing."""
        self.check()
        board, stock = self._blocks
        for number in (SENDER, *RECEIVERS):
            if number not in self._processes:
                self.board.rows[number].enter(Phase.STARTING)
                order = {
                    "board": board.handle,
                    "stock": stock.handle,
                    "row": number,
                    "core": self._cores[number],
                }
                self._processes[number] = Subprocess("zcviz.traffic.worker", order, self._blocks)

    def wake(self) -> None:
        """Have all processes look at the board."""
        for process in self._processes.values():
            process.wake()

    def check(self) -> dict[int, str]:
        """Reap processes that ended by themselves; return why, by row."""
        reasons = {}
        for number, process in list(self._processes.items()):
            reason = process.why_gone()
            if reason is not None:
                reasons[number] = self.board.rows[number].error or reason
                self.dismiss(number)
        return reasons

    def dismiss(self, number: int) -> None:
        """End a process."""
        process = self._processes.pop(number)
        process.ask_to_end()
        process.end(GRACE)
        self.board.rows[number].enter(Phase.GONE)

    def close(self) -> None:
        """End all processes and free what they shared."""
        if self._made_by != os.getpid():  # a fork has no business with its parent's processes
            return
        for process in self._processes.values():
            process.ask_to_end()
        for process in self._processes.values():
            process.end(GRACE)
        self._processes.clear()
        for block in self._blocks:
            block.close()
