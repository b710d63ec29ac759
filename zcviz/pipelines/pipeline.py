"""A pipeline: over a file, or over batches as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..feed import Feed
from ..summary import Summary
from .inputs import FeedInput, Input
from .stage import Run, Stage, Work

if TYPE_CHECKING:
    from ..receive.batch import Batch

__all__ = ["BatchRun", "Batches", "Passing", "Pipeline"]


class Batches(Input, Protocol):
    """An input that is there in batches: at its end waits the next one."""

    def begin(self, batch: Batch) -> None:
        """Go on with a batch."""
        ...

    def end(self) -> None:
        """Let go of the batch's memory."""
        ...


class Passing(Work, Protocol):
    """Work over an input that does not stay."""

    def let_go(self) -> None:
        """Keep nothing that looks into the input's memory."""
        ...


class BatchRun(Run):
    """One pass of a pipeline over batches, as they arrive.

    Parameters
    ----------
    work : Passing
    source : Batches
    """

    def __init__(self, work: Passing, source: Batches) -> None:
        super().__init__(work, source)
        self._passing = work
        self._batches = source

    def take(self, batch: Batch) -> None:
        """Put a batch through all stages, at full speed.

        Raises
        ------
        BufferLifetimeError
            The batch was released.
        DecodeError
            Its table points outside its memory.

        Notes
        -----
        Memory: afterwards nothing looks into the batch: views that the stages moved over it are
        revoked.
        """
        self._batches.begin(batch)
        try:
            for _ in self.units():
                pass
        finally:
            self._passing.let_go()
            self._batches.end()


@dataclass(frozen=True)
class Pipeline:
    """A way to get from bytes to a `Summary`.

    Attributes
    ----------
    name : str
    build : callable (input, stepped) -> Passing
        Stepped says how many packets a pipeline takes at a time that can take several; 0: as many
        as at full speed.
    """

    name: str
    build: Callable[[Input, int], Passing]

    def __call__(self, feed: Feed) -> Summary:
        """Run over the whole feed at full speed."""
        run = self.start(feed, stepped=False)
        for _ in run.units():
            pass
        return run.result()

    def stages(self, feed: Feed) -> tuple[Stage, ...]:
        """Return the stages for this kind of feed: a BinaryFILE has no datagrams to cut out."""
        return self.make(feed, False).stages

    def start(self, feed: Feed, *, stepped: bool = True) -> Run:
        """Begin a pass: a packet at a time, or at full speed in the units of that."""
        return Run(self.make(feed, stepped), FeedInput(feed))

    def make(self, feed: Feed, stepped: int) -> Work:
        """Return the stages over a feed, with their state."""
        return self.build(FeedInput(feed), stepped)

    def live(self, source: Batches) -> BatchRun:
        """Begin a pass over batches that are still to arrive, such as a `receive.Intake` takes."""
        return BatchRun(self.build(source, 0), source)

    def clock(self, feed: Feed) -> list[int]:
        """Run as when called, and return what each stage took [ns]."""
        return self.start(feed, stepped=False).clock()

    def iterate(self, feed: Feed) -> Iterator[int]:
        """Run at full speed, yielding after each unit how many messages are done."""
        run = self.start(feed, stepped=False)
        for _ in run.units():
            yield run.done
