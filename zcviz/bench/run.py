"""One run of the benchmark, from the samples to the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..feed import Feed
from ..feed import open as open_feed
from ..pipelines import EXPERIMENTS, PIPELINES
from ..samples import make
from .alone import measure_exports, measure_plain, measure_starts
from .comparison import compare
from .environments import Environments
from .files import cme, repeat, shorten
from .job import Line, Unavailable, measure_jobs
from .jobs import COPY, JOBS, Inputs
from .machine import machine
from .memory import measure_memory
from .peers import measure_peers
from .receiving import measure_receiving
from .report import Report, Section
from .watching import measure_watching

__all__ = ["Plan", "benchmark"]

Say = Callable[[str], None]

COMPARED = 200_000
PLAIN = 500_000
"""Messages for pipelines, and for plain kernels."""
LARGE = 2_000_000_000
"""Bytes of the file to export that shows that memory does not grow with it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes
    ----------
    messages : int
        In the samples.
    rounds : int
        How often to run what takes milliseconds; what takes seconds runs three times at most.
    peers : Path or None
        Where other people's packages are installed; None to leave them out.
    full : bool
        Whether to export a file of 2 GB.
    """

    messages: int = 5_000_000
    rounds: int = 9
    peers: Path | None = None
    full: bool = False

    @property
    def few(self) -> int:
        """How often to run what takes seconds."""
        return min(3, self.rounds)


def benchmark(plan: Plan, folder: Path, say: Say) -> Report:
    """Make samples in `folder`, measure everything, and report.

    Parameters
    ----------
    plan : Plan
    folder : Path
        For samples and what is made of them.
    say : callable (str)
        Told what is being done.
    """
    say(f"making samples of {plan.messages:,} messages")
    paths = make(folder, plan.messages)
    with open_feed(paths[0]) as itch, open_feed(paths[1]) as pcap:
        sections = tuple(_sections(plan, itch, pcap, paths, say))
        say("comparing the pipelines")
        names = tuple(PIPELINES | EXPERIMENTS)
        compared = tuple(
            compare(feed, names, messages=COMPARED, rounds=plan.rounds) for feed in (itch, pcap)
        )
        received = measure_receiving(pcap, folder, plan.few, say)
    return Report(machine(), plan.messages, COPY, sections, compared, received)


def _sections(
    plan: Plan, itch: Feed, pcap: Feed, paths: tuple[Path, Path], say: Say
) -> Iterator[Section]:
    folder = paths[0].parent
    say(f"timing jobs, {plan.rounds} rounds")
    entries, schema, about = cme(folder, 20 * plan.messages)
    with open_feed(entries, schema=schema) as groups:
        inputs = Inputs(itch, pcap, groups, about)
        lines = measure_jobs(JOBS, inputs, plan.rounds, 3 * itch.source.size)
    yield Section("Reading", _READING, tuple(lines))
    yield Section("Others", _OTHERS, tuple(_others(plan, itch, pcap, folder, say)))
    say("starting interpreters")
    starts = measure_starts(*paths, folder, plan.rounds)
    yield Section("Starting", _STARTING, tuple(starts))
    yield Section("Memory", _MEMORY, tuple(measure_memory(itch, pcap)))
    say("exporting")
    big = folder / "big.itch"
    times = repeat(paths[0], big, LARGE if plan.full else 60 * plan.messages)
    exports = measure_exports(big, times * len(itch), folder, plan.few)
    big.unlink()
    yield Section("Exporting", _EXPORTING, tuple(exports))
    say("running without a compiler")
    head = folder / "head.itch"
    plain = measure_plain(head, shorten(itch, head, PLAIN), plan.few)
    yield Section("Without numba", _PLAIN, (plain,))
    say("watching")
    yield Section("Watching", _WATCHING, tuple(measure_watching(plan.rounds)))


def _others(plan: Plan, itch: Feed, pcap: Feed, folder: Path, say: Say) -> list[Line]:
    if plan.peers is None:
        return [Line("all", "", note="left out of this run")]
    try:
        environments = Environments.listed(plan.peers)
    except Unavailable as reason:
        return [Line("all", "", note=f"not measured: {reason}")]
    return measure_peers(itch, pcap, folder, environments, plan.few, say)


_READING = """In turns in one process. Before each run as much memory as it may need is touched and
given back: what it then gets is fresh to the process (mapped and cleared by the kernel during the
run), but never memory that a virtual machine has to ask its host for, which made the same copy up
to ten times slower at random. Files are mapped, and their pages in the page table. A job that
returns arrays allocates them within its time, unless its name says otherwise."""

_OTHERS = """Each in an environment and a process of its own, over the same file or the first part
of it, with the file in the page cache; timed there, around reading and decoding, after one run to
warm up, with memory touched and given back before each run, as for our own jobs. C++ programs are
built with `-O3 -march=native` and time decoding only, the file being in their memory. Our job that
does the like stands beside each; speeds are divided as bytes of input per second."""

_STARTING = """Each in a new interpreter, from the first line of the program on; zcviz and what it
needs lie in the page cache, compiled to byte code."""

_WATCHING = """What it costs to watch allocations: the same loops plain, under `zcviz.allocations()`
(tracemalloc), and under `zcviz.exact()`. In turns, within windows that are open already."""

_MEMORY = """All memory that finding the messages leaves behind, as `tracemalloc` counts it, by the
message. The file itself is mapped."""

_EXPORTING = """The BinaryFILE over and over, as one file, in a process of its own. Its memory is
looked at every 5 ms: anonymous memory (RssAnon), the interpreter and its libraries included, the
pages of the mapped file not."""

_PLAIN = "In a process with `ZCVIZ_NO_NUMBA=1`, on the first part of the file."
