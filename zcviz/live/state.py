"""A live run without any display: start it, sample it, stop it."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..errors import SelectionError, ZcvizError
from . import words
from .board import POINTS, usable_cores
from .crew import Crew
from .locked import one_at_a_time
from .meter import pipeline_named
from .processes import Processes
from .sample import Reading, Sample, reading_of
from .thread import Thread

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["DEFAULT", "LiveRun"]

_FEW = 3  # points, before which a comparison would be hasty
DEFAULT = ("copying", "flyweight", "columnar")


class LiveRun:
    """Pipelines that run over a feed again and again, each in a subprocess of its own.

    It may be used from several threads: messages of a page come on another one than cells do.

    Parameters
    ----------
    feed : Feed
        One from a file is opened anew by each worker; the bytes of any other are put into shared
        memory once.
    pipelines : iterable of str
    window : float [s]
        How far back readings look.

    Raises
    ------
    SelectionError
        There is no pipeline of that name.
    ZcvizError
        The feed holds no message.

    Attributes
    ----------
    names : tuple of str
        The pipelines to choose from.
    chosen : tuple of str
        Those that run, or will at the next start.
    problems : dict of str
        Why pipelines ended by themselves, by name.
    remark : str
        What the reader should know about how it runs, such as that pipelines take turns.
    """

    def __init__(
        self, feed: Feed, pipelines: Iterable[str] = DEFAULT, *, window: float = 10.0
    ) -> None:
        self.names = tuple(dict.fromkeys(pipelines))
        for name in self.names:
            pipeline_named(name)
        if not len(feed):
            raise ZcvizError(f"{feed.name} holds no message, so there is nothing to run")
        self.feed = feed
        self.window = window
        self.chosen = self.names
        self.messages = len(feed)
        self.bytes_per_message = len(feed.data) / self.messages
        self.problems: dict[str, str] = {}
        self._lock = threading.RLock()
        self._crew: Crew | None = None
        self._reaper: weakref.finalize[[], LiveRun] | None = None
        self._stopped_at = time.monotonic()
        self._fallback = False
        self.reset()

    @property
    def running(self) -> bool:
        """Whether workers are at work."""
        return self._crew is not None

    @property
    def in_thread(self) -> bool:
        """Whether a thread runs the pipelines because subprocesses are forbidden."""
        return self._fallback

    @property
    @one_at_a_time
    def process_ids(self) -> dict[str, int]:
        """The process number of each worker, by pipeline; none where a thread does the work."""
        return self._crew.process_ids() if isinstance(self._crew, Processes) else {}

    @property
    @one_at_a_time
    def remark(self) -> str:
        """How the workers share this machine, as a sentence."""
        crew = self._crew
        if self._fallback:
            return words.IN_THREAD
        if crew is None:
            return ""
        if crew.starting:
            return "Starting: each pipeline does one piece of work that is not counted."
        return words.sharing(len(crew.slots), usable_cores(), crew.taking_turns)

    @one_at_a_time
    def start(self) -> None:
        """Put the chosen pipelines to work; what was measured before is forgotten.

        Raises
        ------
        OSError
            The machine permits neither a subprocess nor a thread.
        """
        self.stop()
        self.problems.clear()
        try:
            self._hire_all(Processes(self.feed))
            self._fallback = False
        except OSError:
            self._hire_all(Thread(self.feed))
            self._fallback = True
        self.reset()

    def _hire_all(self, crew: Crew) -> None:
        try:
            for name in self.chosen:
                crew.hire(name)
        except BaseException:
            crew.close()
            raise
        self._crew = crew
        self._reaper = weakref.finalize(self, crew.close)

    @one_at_a_time
    def stop(self) -> None:
        """End all workers, and return when they are gone; curves and readings stay."""
        if self._reaper is not None and self._crew is not None:
            self._collect()
            self._reaper()  # closes the crew, once
            self._crew = self._reaper = None
            self._stopped_at = time.monotonic()

    @one_at_a_time
    def choose(self, names: Iterable[str]) -> None:
        """Run these pipelines only, at once if the run is going on."""
        wanted = set(names)
        for name in wanted - set(self.names):
            raise SelectionError(f"no pipeline {name!r} in this run: {', '.join(self.names)}")
        self.chosen = tuple(name for name in self.names if name in wanted)
        if self._crew is None:
            return
        if not self.chosen:
            self.stop()
            return
        self._crew.dismiss([name for name in self._crew.slots if name not in wanted])
        for name in self.chosen:
            if name not in self._crew.slots:
                self.problems.pop(name, None)
                self._seen[name] = 0
                self._crew.hire(name)

    @one_at_a_time
    def reset(self) -> None:
        """Forget all points so far; the workers work on."""
        if self._crew is None:
            self.problems.clear()
        self._history: dict[str, deque[tuple[float, float]]] = {
            name: deque(maxlen=POINTS) for name in self.names
        }
        self._seen = dict.fromkeys(self.names, 0)
        if self._crew is not None:
            for name, slot in self._crew.slots.items():
                self._seen[name] = slot.read(0)[1]

    @one_at_a_time
    def sample(self) -> Sample:
        """Take what the workers have posted, see to those that died, and return the readings."""
        if self._crew is not None:
            self._collect()
            self.problems |= self._crew.check()
            if not self._crew.slots:
                self.stop()
        now = time.monotonic() if self.running else self._stopped_at
        return Sample(tuple(self._reading(name, now) for name in self.names))

    @one_at_a_time
    def sentence(self, sample: Sample | None = None) -> str:
        """Say what a sample (by default a fresh one) shows; nothing until all are measured."""
        shown = (sample or self.sample()).readings
        medians = {each.name: each.median for each in shown if each.name in self.chosen}
        few = {each.name for each in shown if len(each.rates) < _FEW}
        waited_for = self._crew.slots.keys() if self._crew else ()
        if few.intersection(waited_for):
            return ""
        return words.comparison({name: medians[name] for name in medians if medians[name]})

    def close(self) -> None:
        """Stop."""
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _collect(self) -> None:
        assert self._crew is not None
        for name, slot in self._crew.slots.items():
            points, self._seen[name] = slot.read(self._seen[name])
            for at, seconds, messages in points.tolist():
                self._history[name].append((at, messages / seconds))

    def _reading(self, name: str, now: float) -> Reading:
        history = self._history[name]
        while history and history[0][0] < now - self.window:
            history.popleft()
        return reading_of(name, history, now)
