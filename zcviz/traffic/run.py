"""A run of traffic without any display: start it, sample it, change it, stop it."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..live.locked import one_at_a_time
from . import words
from .board import RECEIVERS, SENDER, Phase
from .crew import Crew
from .inline import Inline
from .record import Record
from .refusals import available, refusal
from .sample import NOTHING, Sample, SenderReading
from .settings import LIVE, Settings
from .stall import StealMeter
from .train import invented, taken_from
from .watching import PathWatch, SenderWatch

if TYPE_CHECKING:
    import pandas as pd

    from ..feed import Feed

__all__ = ["TrafficRun"]

_LONGEST_STOP = 0.4  # seconds; who has not finished by then is killed
_NAP = 0.002
_RECENT = 40  # samples that a sentence sums up: two seconds


class TrafficRun:
    """A sender and one or two receivers, each in a process of its own.

    The processes are started at once and get ready while nobody waits for them; between runs they
    sleep. It may be used from several threads.

    Parameters
    ----------
    feed : Feed, optional
        Of itch50, whose messages are sent; otherwise, invented ones are.
    settings : Settings, optional

    Raises
    ------
    SelectionError
        The feed holds no messages that can be sent.

    Attributes
    ----------
    settings : Settings
    running, frozen : bool
    problems : dict of str
        Why a path, or ``"sender"``, does not work, by name: with what would help, if anything does.
    """

    def __init__(self, feed: Feed | None = None, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.problems: dict[str, str] = {}
        self.running = self.frozen = False
        self._stock = invented() if feed is None else taken_from(feed)
        self._lock = threading.RLock()
        self._crew: Crew | Inline | None = None
        self._reaper: weakref.finalize[[], TrafficRun] | None = None
        self._sender: SenderWatch | None = None
        self._paths: list[PathWatch] = []
        self._forget()
        self._hire()

    # --- processes

    def _hire(self) -> None:
        if self._crew is not None:
            self._crew.hire()
            return
        try:
            self._crew = Crew(self._stock)
        except OSError:
            self._crew = Inline(self._stock)
        self._reaper = weakref.finalize(self, self._crew.close)

    @property
    @one_at_a_time
    def ready(self) -> bool:
        """Whether all processes are ready to start at once."""
        return self._crew is not None and self._crew.ready

    @property
    @one_at_a_time
    def process_ids(self) -> dict[str, int]:
        """Process numbers: of ``"sender"`` and ``"receiver 1"``…; none where there are none."""
        pids = {} if self._crew is None else self._crew.pids
        return {"sender" if n == SENDER else f"receiver {n}": pid for n, pid in pids.items()}

    @property
    def available(self) -> dict[str, str]:
        """Which paths this machine permits: by name nothing, or why not and what would help.

        Each is opened once in this process, which takes a moment; then it is remembered.
        """
        return available(without_processes=isinstance(self._crew, Inline))

    @property
    @one_at_a_time
    def remarks(self) -> dict[str, str]:
        """What is to be known about how a path works, by name: such as that its buffer is small.

        Under the empty name: who shares a core with whom.
        """
        if self._crew is None:
            return {}
        paths = self.settings.paths
        told = {"": self._crew.sharing(len(paths))}
        for path, row in zip(paths, self._crew.board.rows[1:], strict=False):
            if path not in self.problems:
                told[path] = row.error
        return {name: text for name, text in told.items() if text}

    # --- a run

    @one_at_a_time
    def start(self) -> None:
        """Begin; what was seen before is forgotten.

        It returns at once: paths are opened by their own processes. What they refuse is among the
        `problems` soon after.
        """
        self.stop()
        self._hire()
        assert self._crew is not None
        self._forget()
        board, pids = self._crew.board, self._crew.pids
        board.begin(self.settings)
        self._sender = SenderWatch(board.rows[SENDER], pids.get(SENDER))
        self._paths = [
            PathWatch(board.rows[number], pids.get(number), self.settings, path)
            for number, path in zip(RECEIVERS, self.settings.paths, strict=False)
        ]
        self._crew.wake()
        self.running = True

    def _forget(self) -> None:
        self.problems = {}
        self.frozen = False
        self._began = time.monotonic()
        self._number = 0
        self._sender, self._paths = None, []
        self._record = Record(self.settings.paths)
        self._recent: deque[Sample] = deque(maxlen=_RECENT)
        self._steal, self._stolen = StealMeter(), NOTHING
        self._last = self._shown = self._take()

    @one_at_a_time
    def stop(self) -> None:
        """End the run; once this returns, all is counted and all sockets are closed."""
        if not self.running or self._crew is None:
            return
        crew, board = self._crew, self._crew.board
        board.end()
        if isinstance(crew, Inline):
            crew.finish()
        until = time.monotonic() + _LONGEST_STOP
        busy = self._busy()
        while busy and time.monotonic() < until:
            time.sleep(_NAP)
            self._note_the_dead()
            busy = self._busy()
        for number in busy:
            crew.dismiss(number)
        self.running = False
        for watch in self._paths:
            watch.finish()
        if self._sender is not None:
            self._sender.finish()
        self._last = self._take()
        self._record.add(self._last)

    def _busy(self) -> list[int]:
        assert self._crew is not None
        rows, run = self._crew.board.rows, self._crew.board.generation
        return [n for n in self._crew.pids if rows[n].is_at(Phase.WORKING, run)]

    @one_at_a_time
    def change(self, /, **values: Any) -> None:
        """Change settings: `rate`, `delay` and `burst` at once; for others a run starts anew.

        Raises
        ------
        SelectionError
            There is no such setting, or the value makes no sense.
        """
        before, self.settings = self.settings, self.settings.changed(**values)
        if before == self.settings:
            return
        if all(getattr(before, n) == getattr(self.settings, n) for n in values if n not in LIVE):
            if self._crew is not None:
                self._crew.board.change(self.settings)
        elif self.running:
            self.start()

    @one_at_a_time
    def sample(self) -> Sample:
        """See to the processes, and return what they did since the last sample."""
        if self.running:
            self._note_the_dead()
            self._note_refusals()
            self._last = self._take()
            self._number += 1
            self._recent.append(self._last)
            self._record.add(self._last)
            if not self._works():
                self.stop()
        return self._shown if self.frozen else self._last

    def _note_the_dead(self) -> None:
        assert self._crew is not None
        for number, why in self._crew.check().items():
            paths = self.settings.paths
            if number == SENDER:
                self.problems["sender"] = why
            elif number <= len(paths):
                self.problems[paths[number - 1]] = why

    def _note_refusals(self) -> None:
        assert self._crew is not None
        for number, path in zip(RECEIVERS, self.settings.paths, strict=False):
            row = self._crew.board.rows[number]
            if row.is_at(Phase.REFUSED, self._crew.board.generation) and path not in self.problems:
                self.problems[path] = refusal(path, row.error, row.errno)

    def _works(self) -> bool:
        # Whether there is a path, and somebody who sends.
        paths = [path for path in self.settings.paths if path not in self.problems]
        return bool(paths) and ("sender" not in self.problems or "replay" in paths)

    def _take(self) -> Sample:
        t, settings = time.monotonic() - self._began, self.settings
        stolen = self._steal.look()
        self._stolen = self._stolen if np.isnan(stolen) else stolen
        generation = self._crew.board.generation if self._crew else 0
        paths = tuple(watch.take(t, generation) for watch in self._paths)
        return Sample(
            self._number, t, self.running, False, self._stolen, settings.rate, settings.delay,
            settings.burst, self._sending(), paths,
            np.array([watch.latency for watch in self._paths]),
            np.array([watch.stalls for watch in self._paths]),
        )  # fmt: skip

    def _sending(self) -> SenderReading:
        if self._sender is None:
            return SenderReading()
        reading = self._sender.take(self.settings.rate)
        if self.settings.paths == ("replay",):  # it offers to itself
            return self._paths[0].offered(self.settings.rate)
        return reading

    # --- what was seen

    @one_at_a_time
    def freeze(self, frozen: bool = True) -> None:
        """Have `sample` return the last sample again and again; the run goes on meanwhile."""
        self.frozen = frozen
        self._shown = replace(self._last, frozen=True)

    @one_at_a_time
    def sentence(self) -> str:
        """Sum up the last two seconds, or a run that has ended; nothing if there is nothing yet."""
        seen = list(self._recent) if self.running else [*self._recent, self._last]
        return words.sentence(self.settings, seen, self.problems)

    @one_at_a_time
    def to_frame(self) -> pd.DataFrame:
        """Return the samples of the last ten minutes as a table. Memory: copies them."""
        return self._record.to_frame()

    @one_at_a_time
    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Write the samples of the last ten minutes as CSV; without a path, return the text."""
        return self._record.to_csv(path)

    # --- the end

    @one_at_a_time
    def close(self) -> None:
        """End the run and all processes; `start` would begin with new ones."""
        self.stop()
        if self._reaper is not None:
            self._reaper()
        self._crew = self._reaper = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
