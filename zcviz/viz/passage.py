"""Sending a packet through a pipeline, and writing down what each stage took, gave and cost.

The pipeline is the one of `zcviz.pipelines`, stepped. Nothing in here knows what a stage does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter_ns
from typing import Any

from ..codec import record_of
from ..cutting import StreamCutter
from ..errors import SelectionError
from ..feed import Feed
from ..index import MessageIndex
from ..pipelines import EXPERIMENTS, PIPELINES, Pipeline, Run, Stage, StageResult
from ..pipelines.inputs import FeedInput
from ..pipelines.stage import Work
from ..summary import Summary
from ..trace.watch import Seen, watch
from ..walk import FRAMES
from .census import Count, census
from .packets import Packet, Packets

__all__ = ["REACH", "Passage", "Passed", "pipeline_named", "send"]

REACH = 50_000
"""Packets of a capture that can be reached: those before are passed over one by one."""

_PASSES = 3
_FARTHEST = 1_600  # units, a multiple of any batch's: so far back sums are looked for
_BEFORE = 2  # units at least that go through ahead: sums exist then, and compiled code is there

Step = list[StageResult]


@dataclass(frozen=True)
class Passed:
    """What one stage did for a packet, or for each of several.

    Attributes
    ----------
    stage : Stage
    outputs : tuple
        What it gave; what existed before is left out.
    count : Count
    allocated, blocks : int or None
        Bytes and blocks of memory that were allocated on the way, for a moment or to stay; None
        where that is not measured.
    ns : int
        Time in the stage: the least of some passes in which nothing else is looked at.
    """

    stage: Stage
    outputs: tuple[Any, ...]
    count: Count
    allocated: int | None
    blocks: int | None
    ns: int


@dataclass(frozen=True)
class Passage:
    """A packet's way through one pipeline: a `Passed` for each stage that it came to.

    Attributes
    ----------
    pipeline : str
    stages : tuple of Stage
        All there are.
    passed : tuple of Passed
    """

    pipeline: str
    stages: tuple[Stage, ...]
    passed: tuple[Passed, ...]


class _Noted:
    # The work of a pipeline, its stages called through something that takes notes.

    def __init__(self, work: Work, call: Callable[[Callable[[], Any]], tuple[Any, Any]]) -> None:
        self._work, self._call = work, call
        self.notes: list[Any] = []
        self.stages = tuple(
            replace(stage, function=partial(self._note, stage.function)) for stage in work.stages
        )

    def _note(self, function: Callable[..., Any], *given: Any) -> Any:
        output, note = self._call(partial(function, *given))
        self.notes.append(note)
        return output

    @property
    def done(self) -> int:
        return self._work.done

    def result(self) -> Summary:
        return self._work.result()


def pipeline_named(name: str) -> Pipeline:
    """Return a pipeline.

    Raises
    ------
    SelectionError
        There is none of that name.
    """
    known = PIPELINES | EXPERIMENTS
    if name not in known:
        raise SelectionError(f"no pipeline {name!r}; there are {', '.join(known)}")
    return known[name]


def send(packet: Packet, name: str, message: int | None) -> Passage:
    """Send a packet through a pipeline: once for what it makes, then for the time it takes.

    Parameters
    ----------
    packet : Packet
        Or a batch of them.
    name : str
        Of the pipeline.
    message : int or None
        The message of it that is followed.

    Raises
    ------
    SelectionError
        No such pipeline, or a packet too far into the feed.

    Notes
    -----
    The packets before it are passed over, but for some right before it: they take all the way.

    Memory: keeps all that the stages gave; views among it keep the feed from being closed.
    """
    pipeline = pipeline_named(name)
    if packet.number > REACH and packet.feed.capture.records is not None:
        raise SelectionError(
            f"packet {packet.number + 1:,}: only the first {REACH:,} packets can be stepped through"
        )
    steps, seen, earlier = _pass(pipeline, packet, watch)
    passes = [_pass(pipeline, packet, _timed)[1] for _ in range(_PASSES)]
    spent = [
        [min(times) for times in zip(*rows, strict=True)] for rows in zip(*passes, strict=True)
    ]
    counts = _counts(packet, message, steps, earlier)
    met = [list(zip(*each, strict=False)) for each in zip(steps, counts, seen, spent, strict=True)]
    old = {id(each.output) for each in earlier}
    passed = (
        _passed([unit[stage] for unit in met if stage < len(unit)], old)
        for stage in range(max(map(len, steps), default=0))
    )
    return Passage(name, pipeline.stages(packet.feed), tuple(passed))


def _timed(call: Callable[[], Any]) -> tuple[Any, int]:
    before = perf_counter_ns()
    output = call()
    return output, perf_counter_ns() - before


def _pass(
    pipeline: Pipeline, packet: Packet, call: Callable[[Callable[[], Any]], tuple[Any, Any]]
) -> tuple[list[Step], list[list[Any]], Step]:
    # The results of every unit of the packet, a note for each, and the results of those before.
    before = _ahead(packet)
    feed = _feed_before(pipeline, packet, before)
    work = pipeline.make(feed, packet.size)
    noted = _Noted(work, call)
    run = Run(noted, FeedInput(feed))
    over = packet.number - before if feed is packet.feed else 0
    while over > 0 and (output := work.stages[0].function()) is not None:
        over -= _units(output, packet)
    earlier, steps, notes = [], [], []
    while before > 0 and (step := run.step()) is not None:
        before -= _units(step[0].output, packet)
        earlier += step
    left = packet.count
    while left > 0:
        noted.notes.clear()
        step = run.step()
        if step is None:
            break
        steps.append(step)
        notes.append(list(noted.notes))
        left -= _units(step[0].output, packet)
    return steps, notes, earlier


def _ahead(packet: Packet) -> int:
    # How many packets before it take all the way: back to the last that had a message.
    few = min(packet.number, _BEFORE * packet.size)
    if not packet.messages.start:
        return few
    carrier = Packets(packet.feed).of_message(packet.messages.start - 1)
    return max(few, min(packet.number - carrier + carrier % packet.size, _FARTHEST))


def _feed_before(pipeline: Pipeline, packet: Packet, ahead: int) -> Feed:
    # The feed; where it has no packets, from so many pieces before this one on.
    feed, capture = packet.feed, packet.feed.capture
    prefix, number = capture.framing.prefix, ahead * FRAMES
    if capture.records is not None or prefix is None:
        return feed
    start = int(feed.index.offsets[packet.messages.start - number]) - prefix.size
    if number and pipeline.stages(feed)[0].name != "index":
        # Those that walk count frames, of which some may carry no message.
        cutter = StreamCutter(capture.framing, capture.protocol)
        frames = [at for at, _, _ in cutter.frames(feed.source.view, start, packet.start)]
        start = frames[-number]
    return Feed(replace(capture, start=start))


def _units(output: Any, packet: Packet) -> int:
    # An index is of as many packets as are sent together; other stages take them one by one.
    return packet.size if isinstance(output, MessageIndex) else 1


def _counts(
    packet: Packet, message: int | None, steps: Sequence[Step], earlier: Step
) -> list[tuple[Count, ...]]:
    wire, record, carrier = b"", None, 0
    if message is not None:
        start, stop = packet.bounds(message)
        wire, table = bytes(packet.feed.source.view[start:stop]), packet.table(message)
        record = record_of(table)(wire) if table is not None else None
        carrier = bisect_right(packet.starts, start) - 1 if len(steps) > 1 else 0
    counted = []
    for number, step in enumerate(steps):
        followed = (wire, record) if number == carrier else (b"", None)
        counted.append(census(packet.feed, *followed, step, earlier))
        earlier = [*earlier, *step]
    return counted


def _passed(met: Sequence[tuple[StageResult, Count, Seen | None, int]], old: set[int]) -> Passed:
    # One stage over all units. What hands itself on from unit to unit is there once.
    results, counts, seen, spent = zip(*met, strict=True)
    outputs = {id(each.output): each.output for each in results if id(each.output) not in old}
    known = [each for each in seen if each is not None]
    measured = len(known) == len(seen)
    return Passed(
        results[0].stage,
        tuple(outputs.values()),
        sum(counts, Count()),
        sum(each.allocated for each in known) if measured else None,
        sum(each.blocks for each in known) if measured else None,
        sum(spent),
    )
