"""Programs that run beside the benchmark: other people's, and fresh interpreters."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from .job import Unavailable, without_places

__all__ = ["FRESH", "interpreter", "run", "weigh"]

Command = Sequence[str | Path]

FRESH = {"PYTHONPATH": str(Path(__file__).parents[2])}
"""Environment in which a new interpreter finds this very zcviz."""
GLANCE = 0.005
"""Seconds between two looks at a program's memory."""


def interpreter(script: str, *given: str | Path) -> list[str | Path]:
    """Return the command that runs `script` in a new interpreter of this kind."""
    return [sys.executable, "-c", script, *given]


def run(
    command: Command,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    watch: Callable[[int], None] | None = None,
) -> str:
    """Run a program and return what it prints.

    Parameters
    ----------
    command : sequence of str or Path
    seconds : float
        How long it may take.
    environment : mapping, optional
        What to add to ours, from which ``PYTHONPATH`` is taken out.
    watch : callable (process id), optional
        Called every 5 ms.

    Raises
    ------
    Unavailable
        It is missing, failed, or took too long: says which, in the program's last words.
    """
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=variables | dict(environment or {}),
        )
    except OSError as failure:
        raise Unavailable(f"{Path(command[0]).name}: {failure.strerror}") from None
    with process:
        try:
            printed, told = _wait(process, seconds, watch)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise Unavailable(_last_words(told, process.returncode))
    return printed


def _wait(
    process: subprocess.Popen[str], seconds: float, watch: Callable[[int], None] | None
) -> tuple[str, str]:
    end = monotonic() + seconds
    while (left := end - monotonic()) > 0:
        try:
            return process.communicate(timeout=min(left, GLANCE) if watch else left)
        except subprocess.TimeoutExpired:
            if watch:
                watch(process.pid)
    raise Unavailable(f"took longer than {seconds:g} s")


def weigh(
    command: Command, seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[str, int]:
    """Run a program; return what it prints, and the most memory of its own that it had [bytes].

    Files that it maps are not counted: the kernel takes their pages back when it needs them. Only
    Linux tells one from the other; elsewhere the memory is 0.
    """
    peak = 0

    def watch(process: int) -> None:
        nonlocal peak
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return
        found = re.search(r"RssAnon:\s*(\d+) kB", status)
        peak = max(peak, int(found[1]) << 10 if found else 0)

    return run(command, seconds, environment, watch), peak


def _last_words(text: str, status: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    words = (errors or lines or [f"ended with status {status}"])[-1]
    return without_places(words)[:160].replace("|", "/")
