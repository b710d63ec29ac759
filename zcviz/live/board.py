"""The board: one block of memory in which workers post their counters.

Each worker has a slot and is its only writer; whoever reads never waits for it. A slot holds a ring
of points, preallocated. The board also says whose turn it is: when the machine has no more cores
than there are workers, they run one after another for `QUANTUM` seconds each, so that a chart
compares pipelines and not what the scheduler made of them.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .shared import SharedBlock

__all__ = [
    "NAP",
    "POINT",
    "POINTS",
    "QUANTUM",
    "Board",
    "Phase",
    "Slot",
    "board_of_this_process",
    "usable_cores",
]

QUANTUM = 0.1
NAP = 0.002  # seconds between two looks of a worker that waits for its turn
SLOTS = 64
POINTS = 256  # a slot's ring; at 20 points/s it bridges a kernel that is busy for 12 s
NOBODY = -1

# When the point was posted (monotonic clock, the same in every process), and the messages counted
# in `seconds` of the worker's own running time.
POINT = np.dtype([("at", "f8"), ("seconds", "f8"), ("messages", "f8")])
_SLOT = np.dtype(
    [
        ("phase", "i8"),
        ("stop", "i8"),
        ("posted", "i8"),
        ("error", "S488"),
        ("points", POINT, (POINTS,)),
    ]
)
_HEADER = np.dtype([("turns", "i8"), ("turn", "i8"), ("spare", "V48")])


class Phase:
    """What a slot's worker is doing."""

    FREE, STARTING, READY, ENDED = range(4)


class Board:
    """Slots in a block of memory, seen from the kernel or from a worker.

    Parameters
    ----------
    memory : writable bytes-like
        At least `Board.size` bytes, zero at first.

    Notes
    -----
    Memory: view of `memory`, keeps it alive.
    """

    size = _HEADER.itemsize + SLOTS * _SLOT.itemsize

    def __init__(self, memory: Any) -> None:
        self._header = np.frombuffer(memory, _HEADER, 1)
        self._slots = np.frombuffer(memory, _SLOT, SLOTS, offset=_HEADER.itemsize)
        self.phases = self._slots["phase"]
        self.turns = self._header["turns"]
        self.turn = self._header["turn"]

    def slot(self, number: int) -> Slot:
        """Return slot `number`, without claiming it."""
        return Slot(self, number, self._slots[number : number + 1])

    # What follows is for the kernel: it alone hands out slots.

    def claim(self) -> Slot:
        """Return a free slot, cleared and marked as starting.

        Raises
        ------
        OSError
            All slots are taken.
        """
        free = np.flatnonzero(self.phases == Phase.FREE)
        if not len(free):
            raise OSError(f"no more than {SLOTS} pipelines can run at once")
        slot = self.slot(int(free[0]))
        slot.clear()
        slot.phase = Phase.STARTING
        self.arrange()
        return slot

    def release(self, slot: Slot) -> None:
        """Take a slot back whose worker is gone."""
        slot.phase = Phase.FREE
        self.arrange()

    def arrange(self) -> None:
        """Decide whether workers take turns, and see that one has the turn."""
        workers = int(np.isin(self.phases, (Phase.STARTING, Phase.READY)).sum())
        turns = workers > 1 and usable_cores() <= workers
        if turns and not self.turns[0]:
            self.turn[0] = NOBODY
            self.grant(at_once=True)
        self.turns[0] = turns
        self.grant()

    def grant(self, *, at_once: bool = False) -> None:
        """Give the turn to a worker that can use it, unless one has it.

        At first nobody runs until all are there: starting up would disturb whoever is counting.
        """
        holder = int(self.turn[0])
        if holder != NOBODY and self.phases[holder] == Phase.READY:
            return
        ready = np.flatnonzero(self.phases == Phase.READY)
        waits = holder == NOBODY and not at_once and bool((self.phases == Phase.STARTING).any())
        self.turn[0] = NOBODY if waits or not len(ready) else ready[0]


class Slot:
    """One worker's place on the board."""

    def __init__(self, board: Board, number: int, row: NDArray[np.void]) -> None:
        self.board = board
        self.number = number
        self._row = row
        self._ring = row["points"][0]
        self._stop = row["stop"]
        self._posted = row["posted"]

    @property
    def phase(self) -> int:
        """One of `Phase`."""
        return int(self._row["phase"][0])

    @phase.setter
    def phase(self, phase: int) -> None:
        self._row["phase"] = phase

    @property
    def error(self) -> str:
        """Why the worker ended by itself, or nothing."""
        return bytes(self._row["error"][0]).decode(errors="ignore")

    @error.setter
    def error(self, text: str) -> None:
        self._row["error"] = text.encode()

    @property
    def stopping(self) -> bool:
        """Whether the worker has been asked to end."""
        return bool(self._stop[0])

    def ask_to_stop(self) -> None:
        """Tell the worker to end."""
        self._stop[0] = 1

    def clear(self) -> None:
        """Forget all that a former worker posted."""
        self._stop[0] = self._posted[0] = 0
        self.error = ""

    def may_run(self) -> bool:
        """Whether it is this worker's turn, or there are cores enough for all."""
        return not self.board.turns[0] or bool(self.board.turn[0] == self.number)

    def pass_turn(self) -> None:
        """Give the turn, if this worker has it, to the next one that is ready."""
        ready = np.flatnonzero(self.board.phases == Phase.READY)
        if self.board.turn[0] == self.number and len(ready):
            after = ready[ready > self.number]
            self.board.turn[0] = after[0] if len(after) else ready[0]

    def post(self, at: float, seconds: float, messages: int) -> None:
        """Add a point; the oldest makes room."""
        posted = int(self._posted[0])
        self._ring[posted % POINTS] = (at, seconds, messages)
        self._posted[0] = posted + 1  # only now may it be read

    def read(self, seen: int) -> tuple[NDArray[np.void], int]:
        """Return the points posted after the first `seen`, and how many there are in all.

        Notes
        -----
        Memory: allocates the points.
        """
        posted = int(self._posted[0])
        fresh = np.arange(max(seen, posted - POINTS), posted)
        points = self._ring[fresh % POINTS]
        # What the writer has overtaken while we copied is torn: leave it out.
        overtaken = int(self._posted[0]) - POINTS
        return points[fresh > overtaken] if overtaken >= 0 else points, posted


@cache
def usable_cores() -> int:
    """Return how many cores this process may keep busy: affinity, and the container's share."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):
        return cores


@cache
def board_of_this_process() -> tuple[Board, SharedBlock | None]:
    """Return the board that all live runs of this process share, and the block it lies in.

    One board for all: several charts on a page take turns with one another too. Where no shared
    memory is to be had, the board lies in private memory and serves threads only.
    """
    try:
        block = SharedBlock.create(Board.size)
    except OSError:
        return Board(bytearray(Board.size)), None
    return Board(block.map), block
