"""What the machine did to the processes: the time for which they waited for a processor.

Linux tells for each process how long it was ready to run and did not (the second number of
``/proc/PID/schedstat``), and how much time the host gave to other machines (steal in
``/proc/stat``). Both are read by the kernel's process: reading them would itself delay a receiver.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["StallMeter", "StealMeter"]

_NAP = 0.001


class StallMeter:
    """How long one process waited, from one look to the next.

    Elsewhere than on Linux: how much longer than a millisecond a sleep of a millisecond took, here.

    Parameters
    ----------
    pid : int, optional
        None measures by sleeping.
    """

    def __init__(self, pid: int | None) -> None:
        self._path = Path(f"/proc/{pid}/schedstat")
        before = self._waited()
        self._told, self._before = before is not None, before or 0

    def _waited(self) -> int | None:
        try:
            return int(self._path.read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return None

    def look(self) -> int:
        """Return the time waited since the last look [ns]."""
        if not self._told:
            before = time.perf_counter_ns()
            time.sleep(_NAP)
            return max(0, time.perf_counter_ns() - before - int(1e9 * _NAP))
        now = self._waited()
        if now is None:
            return 0
        waited, self._before = now - self._before, now
        return max(0, waited)


class StealMeter:
    """Which share of the time the host gave to other machines, from one look to the next."""

    def __init__(self) -> None:
        self._before = _ticks()

    def look(self) -> float:
        """Return the share; NaN where nobody says, or since less than a tick."""
        now, before = _ticks(), self._before
        if now is None or before is None or now[1] <= before[1]:
            return float("nan")
        self._before = now
        return (now[0] - before[0]) / (now[1] - before[1])


def _ticks() -> tuple[int, int] | None:
    # Stolen, and all there were.
    try:
        with open("/proc/stat", "rb", buffering=0) as file:  # noqa: PTH123
            line = os.read(file.fileno(), 512).splitlines()[0]
    except (OSError, IndexError):
        return None
    ticks = [int(word) for word in line.split()[1:9]]
    return (ticks[7], sum(ticks)) if len(ticks) == 8 else None
