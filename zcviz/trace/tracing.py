"""The process has one `tracemalloc`, with one peak: what all open windows share.

Windows may be nested, may overlap (in threads and generators), and may find that somebody else is
tracing already. So the peak is noted for all of them before it is reset for one, and the last
window to close restores what the first one found.
"""

from __future__ import annotations

import ctypes
import linecache
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np

from .hook import Hook, aside, pause

__all__ = ["DOMAINS", "Line", "Mark", "changes", "tracing"]

DOMAINS = ("Python", "numpy", "other")
_NUMBERS = (0, np.lib.tracemalloc_domain)
_SCRATCH_DOMAIN = 0x7A63  # any number that no library uses

_Held = dict[tuple[str, int, str], tuple[int, int]]  # (file, line, domain) -> (bytes, blocks)
# Files whose allocations are ours and nobody's business, as tracemalloc names them.
_OURS = {(lambda: 0).__code__.co_filename, tracemalloc.take_snapshot.__code__.co_filename}


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of code allocated and did not free.

    Attributes
    ----------
    file : str
    line : int
    domain : {"Python", "numpy", "other"}
    bytes, blocks : int
        What it holds. Negative where the line's blocks of before the window were freed in it.
    """

    file: str
    line: int
    domain: str
    bytes: int
    blocks: int

    @property
    def source(self) -> str:
        """The text of the line, empty where it is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def place(self) -> str:
        """File name and line number; a cell of a notebook has no name worth showing."""
        name = "cell" if "ipykernel_" in self.file else Path(self.file).name
        return f"{name}:{self.line}"


@dataclass(eq=False)
class Mark:
    """What is noted for an open window, without holding that: the most since it was opened."""

    top: int = 0


class _Tracing:
    def __init__(self) -> None:
        self._lock = RLock()
        self._paused: list[Hook | None] = []
        self.windows: list[Mark] = []
        self.was_tracing = False
        self.frames = 1
        self.peak = 0  # of the process, since it was last reset by somebody else

    def hold(self) -> None:
        """Keep other threads out, and our own work out of the counts of `exact`."""
        self._lock.acquire()
        self._paused.append(pause())

    def release(self) -> None:
        """End what `hold` began."""
        paused = self._paused.pop()
        self._lock.release()
        if paused is not None:
            paused.resume()

    def enter(self, window: Mark) -> tracemalloc.Snapshot | None:
        """Begin to watch for `window`; return the blocks there are, None where there are none."""
        if not self.windows:
            self.was_tracing = tracemalloc.is_tracing()
            self.frames = tracemalloc.get_traceback_limit()
            self.peak = 0
        if not tracemalloc.is_tracing():
            with aside():
                tracemalloc.start(1)
        before = self.look() if self.windows or self.was_tracing else None
        self.windows.append(window)
        return before

    def look(self) -> tracemalloc.Snapshot | None:
        """Note the peak and return the blocks there are; None if somebody stopped the tracing.

        What a snapshot is made of is not traced, so taking and keeping one disturbs nothing.
        """
        if not tracemalloc.is_tracing():
            return None
        peak = tracemalloc.get_traced_memory()[1]
        self.peak = max(self.peak, peak)
        for window in self.windows:
            window.top = max(window.top, peak)
        return tracemalloc.take_snapshot()

    def leave(self, window: Mark) -> None:
        """Close `window`; after the last one trace as before the first, or stop."""
        self.windows.remove(window)
        if self.windows:
            return
        if not self.was_tracing:
            with aside():
                tracemalloc.stop()
        elif (tracemalloc.is_tracing(), tracemalloc.get_traceback_limit()) != (True, self.frames):
            with aside():
                tracemalloc.stop()
                tracemalloc.start(self.frames)

    def settle(self) -> None:
        """Forget the peak that our own work made; after the last window, restore the old one."""
        tracemalloc.reset_peak()
        if self.windows or not tracemalloc.is_tracing():
            return
        # tracemalloc can lower its peak and not set it; a block that comes and goes does.
        missing = self.peak - tracemalloc.get_traced_memory()[0]
        if missing > 0:
            with suppress(AttributeError):  # not CPython
                place, size = ctypes.c_size_t(1), ctypes.c_size_t(missing)
                ctypes.pythonapi.PyTraceMalloc_Track(_SCRATCH_DOMAIN, place, size)
                ctypes.pythonapi.PyTraceMalloc_Untrack(_SCRATCH_DOMAIN, place)


tracing = _Tracing()


def changes(
    before: tracemalloc.Snapshot | None, after: tracemalloc.Snapshot, file: str
) -> tuple[Line, ...]:
    """Return what each line holds more or less than before; not those of ours, nor of `file`."""
    held = _by_line(after, {file} | _OURS)
    for key, (size, blocks) in (_by_line(before, {file} | _OURS) if before else {}).items():
        size_after, blocks_after = held.get(key, (0, 0))
        held[key] = size_after - size, blocks_after - blocks
    lines = [Line(*key, *amount) for key, amount in held.items() if amount != (0, 0)]
    return tuple(sorted(lines, key=lambda line: (-line.bytes, line.file, line.line)))


def _by_line(snapshot: tracemalloc.Snapshot, ours: set[str]) -> _Held:
    one, two = _NUMBERS
    filters = (
        [tracemalloc.DomainFilter(True, one)],
        [tracemalloc.DomainFilter(True, two)],
        [tracemalloc.DomainFilter(False, one), tracemalloc.DomainFilter(False, two)],
    )
    found: _Held = {}
    for domain, filtering in zip(DOMAINS, filters, strict=True):
        for statistic in snapshot.filter_traces(filtering).statistics("lineno"):
            frame = statistic.traceback[-1]
            if frame.filename not in ours:
                found[frame.filename, frame.lineno, domain] = statistic.size, statistic.count
    return found
