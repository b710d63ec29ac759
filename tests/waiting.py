"""Wait for what happens in other processes, and see whether they are alive."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0  # seconds; a busy machine is no failure


def until(true: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + within
    while not (value := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return value


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def is_alive(pid: int) -> bool:
    if sys.platform != "linux":
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # in a container nobody may collect what an orphan leaves


def gone(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))
