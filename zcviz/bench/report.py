"""The benchmark behind every claim about speed: ``python -m zcviz.bench`` writes the report.

All lines of one table were measured in turns in one run, on one file: read their ratios. The
absolute figures belong to the machine that the report names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ..codec.columns import gather
from ..feed import Feed
from ..feed import open as open_feed
from ..index import build_index
from ..pipelines import EXPERIMENTS, PIPELINES
from .comparison import compare
from .measure import host, interleaved
from .result import Comparison

__all__ = ["Line", "Report", "measure"]

PIPELINE_MESSAGES = 200_000
_ONE_COLUMN = "index → one column, the price of every A (only those count)"


@dataclass(frozen=True, slots=True)
class Line:
    """One job's times.

    Attributes
    ----------
    job : str
    messages, nbytes : int
        What one run handles.
    seconds : tuple of float [s]
        Raw, in the order they were taken.
    """

    job: str
    messages: int
    nbytes: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of `seconds` [s]."""
        return median(self.seconds)


@dataclass(frozen=True)
class Report:
    """All that one run of the benchmark measured."""

    host: dict[str, str]
    messages: int
    lines: tuple[Line, ...]
    comparisons: tuple[Comparison, ...]

    def to_json(self) -> str:
        """Return everything, raw samples too, as JSON."""
        return json.dumps(asdict(self), indent=1)

    def to_markdown(self) -> str:
        """Return the report that people read."""
        base = self.lines[0]
        rows = [
            f"| {line.job} | {line.messages / line.median / 1e6:,.1f} "
            f"| {line.nbytes / line.median / 1e9:,.2f} | {base.median / line.median:.2f} "
            f"| {_spread(line)} | {len(line.seconds)} |"
            for line in self.lines
        ]
        facts = "\n".join(f"- {key}: {value}" for key, value in self.host.items())
        compared = "\n\n".join(f"```\n{each}\n```" for each in self.comparisons)
        return (
            "# Benchmark\n\nWritten by `make bench`; not edited by hand. Compare within a table "
            f"only.\n\n{facts}\n\n## Reading {self.messages:,} messages\n\n"
            "Medians of runs taken in turns, kernels warm, the file in the page cache. The last "
            "columns: speed against copying the BinaryFILE into fresh memory, slowest run against "
            "fastest, number of runs.\n\n"
            "| job | M messages/s | GB/s of input | ÷ fresh copy | spread | runs |\n"
            "|---|--:|--:|--:|--:|--:|\n" + "\n".join(rows) + f"\n\n## Pipelines\n\n{compared}\n"
        )


def _spread(line: Line) -> str:
    return f"{max(line.seconds) / min(line.seconds):.2f}"


def measure(directory: Path, messages: int, rounds: int, say: Callable[[str], None]) -> Report:
    """Make a sample of `messages` messages in `directory` and measure everything on it."""
    from ..samples import make

    say(f"making a sample of {messages:,} messages")
    paths = make(directory, messages)
    with open_feed(paths[0]) as itch, open_feed(paths[1]) as pcap:
        say(f"timing, {rounds} rounds")
        lines = _lines(itch, pcap, messages, rounds)
        say("comparing pipelines")
        names = tuple(PIPELINES | EXPERIMENTS)
        compared = tuple(
            compare(feed, names, messages=PIPELINE_MESSAGES, rounds=rounds) for feed in (itch, pcap)
        )
    return Report(host(), messages, tuple(lines), compared)


def _lines(itch: Feed, pcap: Feed, messages: int, rounds: int) -> list[Line]:
    # In a function of its own: the jobs hold arrays into the maps, and must be gone at closing.
    jobs = {**_file_jobs(itch), **_packet_jobs(pcap)}
    for job in jobs.values():
        job()  # compile, and have the pages in memory
    handled = {_ONE_COLUMN: len(itch.table("A"))}  # the others handle every message
    return [
        Line(
            name,
            handled.get(name, messages),
            (pcap if name.startswith("pcap") else itch).source.size,
            tuple(taken),
        )
        for name, taken in interleaved(jobs, rounds).items()
    ]


def _file_jobs(feed: Feed) -> Mapping[str, Callable[[], Any]]:
    data = feed.data
    warm = np.empty_like(data)
    prices = feed.table("A").offsets, feed.protocol["A"]
    return {
        "copy the BinaryFILE into fresh memory": data.copy,
        "copy it into warm memory": lambda: np.copyto(warm, data),
        "BinaryFILE → index": lambda: build_index(feed.capture),
        _ONE_COLUMN: lambda: gather(data, *prices, "price"),
        "BinaryFILE → columnar pipeline → summary": lambda: PIPELINES["columnar"](feed),
    }


def _packet_jobs(feed: Feed) -> Mapping[str, Callable[[], Any]]:
    return {
        "pcap → Ethernet/VLAN/IPv4/UDP/MoldUDP64 → index": lambda: build_index(feed.capture),
        "pcap → columnar pipeline → summary": lambda: PIPELINES["columnar"](feed),
    }
