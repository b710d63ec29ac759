"""Somebody else on the same processor: programs that do nothing, without a pause."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["neighbours"]

_LONGEST = 4.0  # s, whatever becomes of us
_BUSY = f"""
import time
end = time.monotonic() + {_LONGEST}
print(flush=True)
while time.monotonic() < end:
    pass
"""


@contextmanager
def neighbours(number: int = 2) -> Iterator[int]:
    """Share this thread's processor with programs that never pause; they end with the block.

    On Linux all of them, and this thread, keep to one processor. Elsewhere that cannot be asked
    for; then there are so many for each processor.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    OSError
        The machine does not permit a process.
    """
    pinned = hasattr(os, "sched_setaffinity")
    before: set[int] = set()
    if pinned:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})  # who is started from here inherits it
    else:
        number *= os.cpu_count() or 1
    started: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(number):
            started.append(
                subprocess.Popen(
                    [sys.executable, "-S", "-c", _BUSY],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                )
            )  # fmt: skip
        for each in started:
            assert each.stdout is not None
            each.stdout.readline()  # it has begun
        time.sleep(0.05)
        yield number
    finally:
        for each in started:
            with suppress(OSError):
                each.kill()
            each.wait()
            if each.stdout is not None:
                each.stdout.close()
        if pinned:
            os.sched_setaffinity(0, before)
