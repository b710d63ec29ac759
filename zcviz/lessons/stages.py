"""One packet on its way through a pipeline: what exists after each stage, as picture and words.

Nothing in here knows what a stage does. The pipeline is stepped to the packet, and its results are
looked at: what `census` counts of them, and where their bytes lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ..codec.record import record_of
from ..dissect import Dissection, dissect
from ..errors import SelectionError
from ..feed import Feed
from ..pipelines import EXPERIMENTS, PIPELINES, StageResult
from ..render import escape
from ..spec import Message, tag_text
from ..viz.memory import MemoryPicture, memory_picture
from ..viz.theme import title_of
from .census import Count, census, near
from .show import Kind, Shown, callout, card, figure, prose

__all__ = ["Moment", "Passage", "choose_message", "send", "side_by_side"]

AMONG = 20_000
"""Messages that one is chosen from: pipelines are stepped up to it, in Python."""
MOST = 6
"""Messages of a packet that are drawn; of more, the one that is followed and its neighbours."""

_LANES: dict[str, Literal["copying", "zero-copy"]] = {"copying": "copying"}
_KINDS: dict[str, Kind] = {"copying": "copying", "columnar": "zero-copy"}
_TIMES = {1: "once", 2: "twice"}

# One card: the picture without a frame of its own, figures and words beside it or beneath it.
_STYLE = """
.zcl-moment{display:flex;flex-wrap:wrap;gap:10px 30px;align-items:flex-start}
.zcl-moment>div:first-child{flex:1 1 400px;min-width:0}
.zcl-moment>div:last-child{flex:1 1 190px;min-width:0}
.zcl-moment .zc-memory{border:0;padding:0;background:none}
.zcl-way{white-space:nowrap}
.zcl-way b{color:var(--zc-ink)}
"""


def choose_message(feed: Feed, tag: str = "A", among: int = AMONG) -> int:
    """Choose a message whose packet makes a good picture, near the middle of the feed.

    Parameters
    ----------
    feed : Feed
    tag : str
        The type of message that is wanted.
    among : int
        Look at the first so many messages only.

    Returns
    -------
    int
        A position in ``feed.index``. The message is of the wanted type and comes in a packet of two
        to four, if there is such a one; else whatever comes nearest to that.

    Raises
    ------
    SelectionError
        The feed holds no message.
    """
    if not len(feed):
        raise SelectionError(f"{feed.name} holds no message to follow")
    tags = feed.index.tags[:among]
    known = np.isin(tags, [m.tag[0] for m in feed.protocol if m.tag is not None])
    worth = 4 * known + 2 * (tags == ord(tag))
    if feed.index.numbers is not None:
        packets = feed.index.numbers[: among + 5]  # enough to see the last one's company
        company = np.bincount(packets)[packets][: len(tags)]
        worth += (company > 1) & (company < 5)
        worth = 2 * worth + (company == 3)
    best = np.flatnonzero(worth == worth.max())
    return int(best[len(best) // 2])


def send(feed: Feed, pipeline: str, message: int) -> Passage:
    """Send packets through a pipeline up to the one that carries a message; keep what that made.

    Parameters
    ----------
    feed : Feed
    pipeline : str
        Name from ``pipelines.PIPELINES`` or ``EXPERIMENTS``.
    message : int
        Position in ``feed.index``.

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
    run = known[pipeline].start(feed)
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
            f"On a {self.feed.container} the {self.pipeline} pipeline has no stage `{stage}`: "
            f"there is nothing to do. Its stages are {names}."
        )

    @property
    def table(self) -> Message | None:
        """The specification of the message that is followed; None if its type is not known."""
        tag = bytes([int(self.feed.index.tags[self.message])])
        return self.feed.protocol[tag] if tag in self.feed.protocol else None

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
    def drawn(self) -> range:
        """The messages that are drawn: all of the packet, or those around the one followed."""
        if len(self.packet) <= MOST:
            return self.packet
        low = min(max(self.message - 1, self.packet.start), self.packet.stop - 3)
        return range(low, low + 3)

    @property
    def segments(self) -> Dissection | Sequence[tuple[int, int, str]]:
        """What the bytes of the packet are."""
        if self.feed.index.numbers is not None:
            return dissect(self.feed, self.message)
        tags = self.feed.index.tags
        return [(*self.bounds(each), tag_text(tags[each])) for each in self.packet]

    @property
    def heading(self) -> str:
        """What is followed, in words."""
        title = title_of(self.table) if self.table else "message of an unknown type"
        start, _ = self.bounds(self.message)
        locate = int.from_bytes(self.feed.source.view[start + 1 : start + 3])
        symbol = f" of {self.feed.symbols[locate]}" if locate in self.feed.symbols else ""
        unit = "Packet" if self.feed.index.numbers is not None else "Piece of the file"
        if len(self.packet) == 1:
            return f"{unit} with one message, {title}{symbol}."
        position = self.message - self.packet.start + 1
        number = len(self.packet)
        return f"{unit} with {number} messages; yours is number {position}, {title}{symbol}."


@dataclass(frozen=True)
class Moment:
    """What exists after the first `number` stages of a passage.

    Attributes
    ----------
    passage : Passage
    number : int
    """

    passage: Passage
    number: int

    @property
    def results(self) -> tuple[StageResult, ...]:
        """What the stages so far took and gave: what is new, of the messages that are drawn."""
        drawn, packet = self.passage.drawn, self.passage.packet
        before = {id(each.output) for each in self.passage.earlier}
        done = self.passage.results[: self.number]
        done = tuple(each for each in done if id(each.output) not in before)
        if drawn == packet:
            return done
        low, high = drawn.start - packet.start, drawn.stop - packet.start
        ends = self.passage.bounds(drawn[0])[0], self.passage.bounds(drawn[-1])[1]
        return tuple(replace(each, output=near(each.output, low, high, ends)) for each in done)

    @property
    def counts(self) -> tuple[Count, ...]:
        """What each stage so far viewed, copied, derived and made."""
        return self.passage.counts[: self.number]

    @property
    def copied(self) -> int:
        """Wire bytes copied so far."""
        return sum(each.copied for each in self.counts)

    @property
    def objects(self) -> int:
        """Objects made so far that still exist."""
        return sum(each.objects for each in self.counts)

    @property
    def places(self) -> int:
        """How many times the whole message is in memory: in the feed, and in every copy."""
        return 1 + sum(each.whole for each in self.counts)

    @property
    def sentence(self) -> str:
        """What happened last."""
        if not self.number:
            start, stop = self.passage.bounds(self.passage.message)
            return (
                "Nothing has been made yet. The file is mapped into memory; your message is "
                f"{stop - start} of its {self.passage.feed.source.size:,} bytes."
            )
        now = self.counts[-1]
        said = [self.passage.results[self.number - 1].stage.does, _account(now)]
        if now.whole:
            said.append(f"Your message is in memory {_times(self.places)} now.")
        elif now.viewed:
            said.append(f"Your message is still in memory {_times(self.places)}.")
        if self.number == len(self.passage.results):
            said.append(
                f"The {_things(self.objects)} of all stages are garbage when the next packet comes."
            )
        return " ".join(filter(None, said))

    @property
    def picture(self) -> MemoryPicture:
        """Every buffer and view that exists now."""
        lane = _LANES.get(self.passage.pipeline, "zero-copy")
        copying, zero_copy = (
            self.results if lane == each else None for each in ("copying", "zero-copy")
        )
        source, segments = self.passage.feed.source, self.passage.segments
        return memory_picture(copying, zero_copy, source, segments, notes={lane: self.notes})

    @property
    def notes(self) -> list[str]:
        """What the picture leaves out."""
        notes = []
        left_out = len(self.passage.packet) - len(self.passage.drawn)
        if left_out and self.number:
            notes.append(f"{left_out} more messages of this packet went the same way.")
        if len(self.results) < self.number:
            notes.append("The sums are one object for the whole feed. It was there before.")
        return notes

    @property
    def title(self) -> str:
        """Where the packet is on its way."""
        name, stages = self.passage.pipeline.capitalize(), self.passage.stages
        if not self.number:
            return f"{name}, before the first stage"
        return f"{name}, stage {self.number} of {len(stages)}: {stages[self.number - 1]}"

    @property
    def shown(self) -> Shown:
        """Title, picture, figures and sentence."""
        kind, heading = _KINDS.get(self.passage.pipeline, ""), self.passage.heading
        measured = (
            figure(self.objects, "", "objects made so far", kind=kind),
            figure(self.places, "×", "your message in memory", kind=kind),
        )
        row = "".join(each._block() for each in measured)
        body = (
            f"<style>{_STYLE}</style><p class='zcl-title'>{escape(self.title)}</p>"
            f"<p class='zcl-quiet'>{escape(heading)} {self._way()}</p><div class='zcl-moment'>"
            f"<div>{self.picture._repr_html_()}</div>"
            f"<div><div class='zcl-figures'>{row}</div>"
            f"<div class='zcl-said'>{prose(self.sentence)}</div></div></div>"
        )
        words = [self.title, heading, str(self.picture), *map(str, measured), self.sentence]
        return card(body, "\n".join(words))

    def _way(self) -> str:
        names = [
            f"<b>{escape(name)}</b>" if number == self.number else escape(name)
            for number, name in enumerate(("file", *self.passage.stages))
        ]
        return f"<span class='zcl-way'>{' → '.join(names)}</span>"

    def __repr__(self) -> str:
        return repr(self.shown)

    def _repr_html_(self) -> str:
        return self.shown.html


def side_by_side(copying: Moment, zero_copy: Moment) -> MemoryPicture:
    """Draw two moments of the same packet beside each other, at one scale."""
    passage = copying.passage
    return memory_picture(
        copying.results, zero_copy.results, passage.feed.source, passage.segments
    )


def _account(now: Count) -> str:
    made = _things(now.objects)
    if now.copied:
        return f"{now.copied:,} bytes went into {made}."
    if now.derived and now.viewed:
        return (
            f"No byte is copied: {made}, {now.derived:,} bytes of numbers, tell where "
            f"{now.viewed:,} bytes lie."
        )
    if now.derived:
        return f"No byte is copied: {made}, {now.derived:,} bytes of numbers."
    if now.viewed:
        return f"No byte is copied: {now.viewed:,} bytes can be read through {made}."
    return ""


def _things(number: int) -> str:
    return f"{number:,} new object" + ("s" if number != 1 else "")


def _times(number: int) -> str:
    return _TIMES.get(number, f"{number} times")
