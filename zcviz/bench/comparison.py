"""Pipelines side by side: the same messages, the same result, what each of them cost.

1. Gate: every pipeline must return the same `Summary`, or nothing is timed.
2. Time: in turns, several rounds, each pipeline as it is, and once more with a look at the clock
   after each stage. The former is the total, the latter says which stage has which share of it.
   The least counts, of the total and of each stage: what disturbs a run only ever adds to it.
3. Ledger: one pass, each stage's output classified by address and kind.
4. Watch: the first packets, every allocation that a stage makes counted by the allocators.
5. Trace: the same under tracemalloc, which makes Python many times slower, so never while timing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..errors import SelectionError, ZcvizError
from ..feed import Feed
from ..pipelines import EXPERIMENTS, PIPELINES, Pipeline, Run
from ..trace import allocations
from ..trace.ledger import Entry, Ledger
from ..trace.watch import NOTHING, Seen
from .measure import host, interleaved
from .result import Comparison, Row

__all__ = ["compare"]

MESSAGES = 50_000
"""Messages compared at most, unless asked for more: enough for a steady ratio in seconds."""
_MADE = ("made", "allocated", "freed")
TRACED = 4_000
"""Messages traced at most (columnar: one block)."""

Progress = Callable[[int, int], None]


def compare(
    feed: Feed,
    pipelines: Sequence[str] = tuple(PIPELINES),
    *,
    messages: int = MESSAGES,
    rounds: int = 5,
    progress: Progress | None = None,
) -> Comparison:
    """Run pipelines over the same messages and set what they cost side by side.

    Parameters
    ----------
    feed : Feed
    pipelines : sequence of str
        Names from ``pipelines.PIPELINES`` or ``EXPERIMENTS``.
    messages : int
        Use the first so many messages only (whole packets).
    rounds : int
        How often to time each pipeline.
    progress : callable (runs done, runs in all), optional

    Returns
    -------
    Comparison

    Raises
    ------
    SelectionError
        No such pipeline, or no message or round to compare them by.
    ZcvizError
        The pipelines disagree about what is in the feed. That is a defect of zcviz.
    """
    known = PIPELINES | EXPERIMENTS
    unknown = [name for name in pipelines if name not in known]
    if unknown or not pipelines:
        raise SelectionError(f"no pipeline {unknown}; there are {', '.join(known)}")
    if not len(feed):
        raise SelectionError(f"{feed.name} holds no message to compare pipelines on")
    if messages < 1 or rounds < 1:
        raise SelectionError(f"nothing to compare in {messages} messages and {rounds} rounds")
    head = feed.head(messages)
    try:
        chosen = {name: known[name] for name in pipelines}
        _check_equality(head, chosen)
        count = len(head)
        rows: list[Row] = []
        times = _times(head, chosen, rounds, progress)
        for name, pipeline in chosen.items():
            rows += _rows(head, pipeline, times[name], count)
        return Comparison(feed.name, count, rounds, tuple(rows), host())
    finally:
        head.close()


def _check_equality(feed: Feed, pipelines: dict[str, Pipeline]) -> None:
    # This pass is also the warm-up: kernels are compiled, pages are in memory.
    (first, expected), *others = ((name, each(feed)) for name, each in pipelines.items())
    for name, summary in others:
        if summary != expected:
            raise ZcvizError(f"pipelines {first} and {name} disagree about {feed.name}")


def _times(
    feed: Feed, pipelines: dict[str, Pipeline], rounds: int, progress: Progress | None
) -> dict[str, list[float]]:
    # By pipeline: the time of each stage [s].
    clocked: dict[str, list[list[int]]] = {name: [] for name in pipelines}

    def by_the_clock(name: str) -> None:
        clocked[name].append(pipelines[name].clock(feed))

    functions: dict[tuple[str, str], Callable[[], object]] = {}
    for name, each in pipelines.items():
        functions[name, "total"] = partial(each, feed)
        functions[name, "stages"] = partial(by_the_clock, name)
    taken = interleaved(functions, rounds, progress)
    times = {}
    for name, runs in clocked.items():
        least = [min(stage) for stage in zip(*runs, strict=True)]
        times[name] = [min(taken[name, "total"]) * each / sum(least) for each in least]
    return times


def _rows(feed: Feed, pipeline: Pipeline, times: list[float], count: int) -> list[Row]:
    ledger = _ledger(feed, pipeline)
    traced, watched = _trace(feed, pipeline), _watch(feed, pipeline)
    rows = []
    for stage, seconds in zip(pipeline.stages(feed), times, strict=True):
        ns = seconds * 1e9 / count
        entry = ledger.get(stage.name, Entry())
        blocks, peak = traced.get(stage.name, (0.0, 0))
        per_message = (entry.viewed / count, entry.copied / count, entry.derived / count)
        made = watched.get(stage.name, (0.0,) * len(_MADE))
        row = Row(pipeline.name, stage.name, stage.does, ns, *per_message, blocks, peak, *made)
        rows.append(row)
    return [*rows, _total(pipeline.name, rows, traced["total"][1])]


def _total(name: str, rows: list[Row], peak: int) -> Row:
    ns, viewed, copied, derived, blocks = (
        sum(getattr(row, what) for row in rows)
        for what in ("ns", "viewed", "copied", "derived", "blocks")
    )
    made = (
        None if None in amounts else sum(filter(None, amounts))
        for amounts in ([getattr(row, what) for row in rows] for what in _MADE)
    )
    return Row(name, "total", "", ns, viewed, copied, derived, blocks, peak, *made)


def _ledger(feed: Feed, pipeline: Pipeline) -> dict[str, Entry]:
    source = feed.source
    ledger = Ledger((source.address, source.size))
    run = pipeline.start(feed, stepped=False)
    while (results := run.step()) is not None:
        for each in results:
            ledger.note(each.stage.name, each.input, each.output)
    return ledger.entries


def _watch(feed: Feed, pipeline: Pipeline) -> dict[str, tuple[float | None, ...]]:
    # By stage: blocks made, bytes allocated and freed per message, over the first packets.
    run, seen = pipeline.start(feed, stepped=False), dict[str, Seen | None]()
    while run.done < TRACED and (results := run.step(watched=True)) is not None:
        for each in results:
            name, before = each.stage.name, seen.get(each.stage.name, NOTHING)
            seen[name] = None if before is None or each.seen is None else before + each.seen
    return {
        name: (None,) * len(_MADE) if each is None
        else tuple(amount / run.done for amount in (each.blocks, each.allocated, each.freed))
        for name, each in seen.items()
    }  # fmt: skip


def _trace(feed: Feed, pipeline: Pipeline) -> dict[str, tuple[float, int]]:
    # By stage: blocks held per message, and the highest peak, over the first packets. The total's
    # peak is of another pass: what an early stage frees is gone when the last one runs.
    run, blocks, peaks = pipeline.start(feed, stepped=False), Counter[str](), dict[str, int]()
    while run.done < TRACED and _trace_unit(run, blocks, peaks):
        pass
    again, peaks["total"] = pipeline.start(feed, stepped=False), 0
    units = again.units()
    while again.done < run.done:
        with allocations() as whole:
            next(units)
        peaks["total"] = max(peaks["total"], whole.peak)
    return {name: (blocks[name] / run.done, peak) for name, peak in peaks.items()}


def _trace_unit(run: Run, blocks: Counter[str], peaks: dict[str, int]) -> bool:
    outputs: list[Any] = []  # all kept: what a stage lets go of would count against the next
    for stage in run.stages:
        with allocations() as seen:
            output = stage.function(*outputs[-1:])
        if output is None:
            return bool(outputs)  # a packet with nothing more in it, or the end
        outputs.append(output)
        # Its own: what it frees is of the stage before it, or what watching that one took.
        blocks[stage.name] += sum(line.blocks for line in seen.result.lines if line.blocks > 0)
        peaks[stage.name] = max(peaks.get(stage.name, 0), seen.peak)
    return True
