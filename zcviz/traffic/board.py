"""The board of a run of traffic: what is asked for, and what the processes have counted.

The kernel alone writes what is asked for; each process writes its own row, and nobody waits for
anybody. Counters are posted some hundred times a second, all at once, so that they fit together.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bins import BINS
from .settings import Settings

__all__ = ["COUNTERS", "RECEIVERS", "SENDER", "SENT_AT", "Board", "Count", "Phase", "Row"]

SENDER = 0
RECEIVERS = (1, 2)
SENT_AT = 1 << 16  # datagrams whose sending time is remembered
_POSTED_AT_ONCE = 8  # tries to read what somebody else is posting


class Phase(IntEnum):
    """What a process is doing."""

    GONE = 0
    STARTING = auto()
    IDLE = auto()
    WORKING = auto()
    REFUSED = auto()


class Count(IntEnum):
    """What a process counts, since the start of a run; −1 says that nobody can know."""

    AT = 0  # when this was posted [ns, monotonic clock]
    SENT = auto()
    GIVEN_UP = auto()
    RECEIVED = auto()
    BYTES = auto()
    MESSAGES = auto()
    DROPPED = auto()
    LOST = auto()
    SYSCALLS = auto()
    CPU = auto()  # [ns]
    DECODING = auto()  # [ns]
    GAPS = auto()
    MISSING = auto()  # datagrams
    DUPLICATES = auto()
    USED = auto()
    CAPACITY = auto()
    TAIL = auto()
    QUEUED = auto()  # datagrams that were left in the buffer at the end


COUNTERS = len(Count) + BINS
_ASKED = np.dtype(
    [
        ("generation", "i8"),
        ("run", "i8"),
        ("rate", "f8"),
        ("delay", "f8"),
        ("burst", "i8"),
        ("settings", "S984"),
    ]
)
_ROW = np.dtype(
    [
        ("phase", "i8"),
        ("generation", "i8"),
        ("port", "i8"),
        ("errno", "i8"),
        ("posts", "i8"),
        ("error", "S472"),
        ("counters", "i8", (COUNTERS,)),
    ]
)
_ROWS = 1 + len(RECEIVERS)


class Row:
    """One process's place on the board."""

    def __init__(self, row: NDArray[np.void]) -> None:
        self._row = row
        self._counters = row["counters"][0]
        self._posts = row["posts"]

    def __getattr__(self, name: str) -> int:
        if name.startswith("_"):
            raise AttributeError(name)
        return int(self._row[name][0])

    def is_at(self, phase: Phase, generation: int) -> bool:
        """Whether it is in this phase of this run."""
        return self.phase == phase and self.generation == generation

    def enter(self, phase: Phase, generation: int = 0, port: int = 0) -> None:
        """Say what the process does now."""
        self._row["port"], self._row["generation"] = port, generation
        self._row["phase"] = phase  # last: it says that the others hold

    def refuse(self, generation: int, text: str, errno: int = 0) -> None:
        """Say why the process cannot do what it was asked for."""
        self._row["error"], self._row["errno"] = text.encode(), errno
        self.enter(Phase.REFUSED, generation)

    def remark(self, text: str) -> None:
        """Say what is to be known about how the process works."""
        self._row["error"] = text.encode()

    @property
    def error(self) -> str:
        """Why it refused; or a remark."""
        return bytes(self._row["error"][0]).decode(errors="ignore")

    def clear(self) -> None:
        """Forget what was counted."""
        self._counters[:] = 0
        self._row["error"], self._row["errno"] = b"", 0

    def post(self, counters: NDArray[np.int64]) -> None:
        """Publish counters: (COUNTERS,) int64."""
        self._posts[0] += 1
        self._counters[:] = counters
        self._posts[0] += 1

    def read(self, into: NDArray[np.int64]) -> None:
        """Copy what was posted last."""
        for _ in range(_POSTED_AT_ONCE):
            before = int(self._posts[0])
            into[:] = self._counters
            if before == self._posts[0] and not before % 2:
                return


class Board:
    """Control words, rows and sending times in a block of memory.

    Parameters
    ----------
    memory : writable bytes-like
        At least `Board.size` bytes, zero at first.

    Notes
    -----
    Memory: view of `memory`, keeps it alive.
    """

    size = _ASKED.itemsize + _ROWS * _ROW.itemsize + 8 * SENT_AT

    def __init__(self, memory: Any) -> None:
        self._asked = np.frombuffer(memory, _ASKED, 1)
        rows = np.frombuffer(memory, _ROW, _ROWS, offset=_ASKED.itemsize)
        self.rows = [Row(rows[i : i + 1]) for i in range(_ROWS)]
        at = _ASKED.itemsize + rows.nbytes
        self.sent_at = np.frombuffer(memory, np.int64, SENT_AT, offset=at)
        self._generation, self._run = self._asked["generation"], self._asked["run"]

    @property
    def generation(self) -> int:
        """The number of the run."""
        return int(self._generation[0])

    def goes_on(self, generation: int) -> bool:
        """Whether this run is wanted."""
        return bool(self._run[0]) and bool(self._generation[0] == generation)

    def begin(self, settings: Settings) -> None:
        """Ask for a new run."""
        self._run[0] = 0
        for row in self.rows:
            row.clear()
        self._asked["settings"] = settings.to_json().encode()
        self.change(settings)
        self._generation[0] += 1
        self._run[0] = 1

    def end(self) -> None:
        """Ask for the run to end."""
        self._run[0] = 0

    def change(self, settings: Settings) -> None:
        """Say what may change while a run goes on."""
        for name in ("rate", "delay", "burst"):
            self._asked[name] = getattr(settings, name)

    @property
    def rate(self) -> float:
        """Wanted now [datagrams/s]."""
        return float(self._asked["rate"][0])

    @property
    def delay(self) -> float:
        """Wanted now [µs]."""
        return float(self._asked["delay"][0])

    @property
    def burst(self) -> int:
        """Wanted now [datagrams]."""
        return int(self._asked["burst"][0])

    @property
    def settings(self) -> Settings:
        """What was asked for at the start."""
        return Settings.from_json(bytes(self._asked["settings"][0]).decode())
