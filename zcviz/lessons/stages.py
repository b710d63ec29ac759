"""One packet on its way through a pipeline: what exists after each stage, as picture and words.

Nothing in here knows what a stage does. The pipeline is stepped to the packet, and its results are
looked at: what `census` counts of them, and where their bytes lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..codec.record import record_of
from ..dissection import Dissection, dissect
from ..errors import SelectionError
from ..feed import Feed
from ..pipelines import EXPERIMENTS, PIPELINES, StageResult
from ..protocols.binaryfile import FRAME
from ..spec import Message
from ..viz.census import Count, census
from ..viz.choice import choose_message
from ..viz.theme import title_of
from .moment import MOST, Moment, side_by_side
from .show import Shown, callout

__all__ = ["Moment", "Passage", "choose_message", "send", "side_by_side"]


def send(feed: Feed, pipeline: str, message: int, *, stepped: bool = True) -> Passage:
    """Send packets through a pipeline up to the one that carries a message; keep what that made.

    Parameters
    ----------
    feed : Feed
    pipeline : str
        Name from ``pipelines.PIPELINES`` or ``EXPERIMENTS``.
    message : int
        Position in ``feed.index``.
    stepped : bool
        A packet at a time. Otherwise in the units of full speed: the columnar pipeline then takes
        a block of many packets at once.

    Returns
    -------
    Passage

    Raises
    ------
    SelectionError
        No such pipeline, or no such message.
    """
    known = PIPELINES | EXPERIMENTS
    if pipeline not in known:
        raise SelectionError(f"no pipeline {pipeline!r}; there are {', '.join(known)}")
    if not 0 <= message < len(feed):
        raise SelectionError(f"message {message} of {len(feed)}")
    run = known[pipeline].start(feed, stepped=stepped)
    earlier: list[StageResult] = []
    first, results = 0, run.step()
    while results is not None and run.done <= message:
        first, earlier, results = run.done, results, run.step()
    assert results is not None  # the index says that there is such a message
    return Passage(feed, pipeline, message, range(first, run.done), tuple(results), tuple(earlier))


@dataclass(frozen=True, eq=False)
class Passage:
    """What the stages of a pipeline made of one packet.

    Attributes
    ----------
    feed : Feed
    pipeline : str
    message : int
        The message that is followed; a position in ``feed.index``, like those of `packet`.
    packet : range
        The messages of its packet; in a BinaryFILE, of the 64 that stand in for one.
    results, earlier : tuple of StageResult
        Of this packet, and of the one before it.

    Notes
    -----
    Memory: keeps all outputs alive; those that are views keep the feed from being closed.
    """

    feed: Feed
    pipeline: str
    message: int
    packet: range
    results: tuple[StageResult, ...]
    earlier: tuple[StageResult, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in order."""
        return tuple(each.stage.name for each in self.results)

    @property
    def before(self) -> Moment:
        """The moment before the first stage."""
        return Moment(self, 0)

    def after(self, stage: str) -> Moment | Shown:
        """Return the moment after a stage; a remark where this kind of feed has no such stage."""
        if stage in self.stages:
            return Moment(self, self.stages.index(stage) + 1)
        names = ", ".join(f"`{name}`" for name in self.stages)
        return callout(
            f"On this kind of file ({self.feed.container}) the {self.pipeline} pipeline has no "
            f"stage `{stage}`. Its stages are {names}."
        )

    @property
    def table(self) -> Message | None:
        """The specification of the message that is followed; None if its type is not known."""
        return self._table(self.message)

    def _table(self, message: int) -> Message | None:
        tag = int(self.feed.index.tags[message])
        return next((each for each in self.feed.protocol if each.key == tag), None)

    def _title(self, message: int) -> str:
        table = self._table(message)
        return title_of(table) if table else "message of an unknown type"

    @cached_property
    def counts(self) -> tuple[Count, ...]:
        """What each stage viewed, copied, derived and made."""
        start, stop = self.bounds(self.message)
        wire = bytes(self.feed.source.view[start:stop])
        record = record_of(self.table)(wire) if self.table else None
        return census(self.feed, wire, record, self.results, self.earlier)

    def bounds(self, message: int) -> tuple[int, int]:
        """Return where a message starts and ends in the feed [bytes]."""
        start = int(self.feed.index.offsets[message])
        return start, start + int(self.feed.index.sizes[message])

    @property
    def segments(self) -> Dissection | Sequence[tuple[int, int, str]]:
        """What the bytes of the packet are."""
        if self.feed.index.datagrams is not None:
            return dissect(self.feed, self.message)
        found = []
        for message in self.packet[:MOST]:
            start, stop = self.bounds(message)
            found.append((start - FRAME.size, start, ""))
            found.append((start, stop, self._title(message)))
        return found

    @property
    def unit(self) -> str:
        """What the messages came in: a packet, or a piece of the file."""
        datagrams = self.feed.index.datagrams
        if datagrams is None:
            return "piece"
        first, last = datagrams.of_messages([self.packet.start, self.packet.stop - 1])
        return "packet" if first == last else "piece"

    @property
    def heading(self) -> str:
        """What is followed, in words."""
        title = self._title(self.message)
        start, _ = self.bounds(self.message)
        locate = int.from_bytes(self.feed.source.view[start + 1 : start + 3])
        symbol = f" of {self.feed.symbols[locate]}" if locate in self.feed.symbols else ""
        unit = {"packet": "Packet", "piece": "Piece of the file"}[self.unit]
        if len(self.packet) == 1:
            return f"{unit} with one message, {title}{symbol}."
        position = self.message - self.packet.start + 1
        number = len(self.packet)
        return f"{unit} with {number} messages; yours is number {position}, {title}{symbol}."
