"""What needs an interpreter of its own: starting, compiling, plain kernels, exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from .job import Goal, Line, Unavailable
from .process import FRESH, interpreter, run, weigh

__all__ = ["measure_exports", "measure_plain", "measure_starts"]

SECONDS = 600
"""That one run may take."""

_IMPORT = """
from time import perf_counter as now
start = now()
import zcviz
print(now() - start)
"""

_FIRST = """
import sys
from time import perf_counter as now
start = now()
import zcviz
with zcviz.open(sys.argv[1]) as feed:
    feed.counts()
    feed.table("A")["price"]
print(now() - start)
"""

_PLAIN = """
import sys
from time import perf_counter as now
import zcviz
with zcviz.open(sys.argv[1]) as feed:
    start = now()
    for tag in feed.counts():
        table = feed.table(tag)
        for name in table:
            table[name]
    print(now() - start)
"""

_EXPORT = """
import sys
from time import perf_counter as now
import zcviz
from zcviz import export
if sys.argv[3] == "whole":
    export._ROWS = export._BYTES = 1 << 62
start = now()
with zcviz.open(sys.argv[1]) as feed:
    for _ in export.export(feed, sys.argv[2], "parquet"):
        pass
print(now() - start)
"""


def measure_starts(itch: Path, pcap: Path, folder: Path, rounds: int) -> Iterator[Line]:
    """Time importing, and getting a first column with and without compiled kernels on disk.

    Parameters
    ----------
    itch, pcap : Path
        Samples.
    folder : Path
        For caches of compiled kernels.
    rounds : int
    """
    yield _line("import zcviz", Goal(0.15, less=True), lambda: _times(_IMPORT, rounds=rounds))
    for path, kind in (itch, "BinaryFILE"), (pcap, "pcap"):
        caches = [folder / f"cache-{kind}-{number}" for number in range(min(3, rounds))]

        def cold(path: Path = path, caches: list[Path] = caches) -> list[float]:
            return [_times(_FIRST, path, NUMBA_CACHE_DIR=str(each))[0] for each in caches]

        def warm(path: Path = path, cache: Path = caches[0]) -> list[float]:
            return _times(_FIRST, path, rounds=rounds, NUMBA_CACHE_DIR=str(cache))

        what = f"import, open a {kind} and gather a column"
        yield _line(f"{what}, nothing compiled yet", Goal(3, less=True), cold)
        yield _line(f"{what}, kernels on disk", Goal(0.6, less=True), warm)


def measure_plain(itch: Path, messages: int, rounds: int) -> Line:
    """Time finding and gathering everything with the plain kernels."""
    line = _line(
        "index and every column, plain kernels", Goal(1),
        lambda: _times(_PLAIN, itch, rounds=rounds, ZCVIZ_NO_NUMBA="1"),
    )  # fmt: skip
    return replace(line, unit="M messages/s", amount=messages, nbytes=itch.stat().st_size)


def measure_exports(path: Path, messages: int, folder: Path, rounds: int) -> list[Line]:
    """Time writing Parquet in blocks and with each type in memory at once, and weigh the former.

    Parameters
    ----------
    path : Path
        A BinaryFILE.
    messages : int
        In it.
    folder : Path
        To write to.
    rounds : int
    """
    blocks, whole = "export to Parquet, in blocks", "export to Parquet, each type in memory at once"
    size = path.stat().st_size
    limit = Goal(1024, less=True)  # [MiB]; a file that is not larger could be in memory as a whole
    speed = Line(whole, "M messages/s", amount=messages, nbytes=size)
    lines = [
        replace(speed, job=blocks, goals=(Goal(0.5, against=whole),)),
        speed,
        Line(f"{blocks}: memory at the peak", "MiB", goals=(limit,) if size > 1 << 30 else ()),
        Line(f"{whole}: memory at the peak", "MiB"),
    ]
    about = f"a file of {size / 1e6:,.0f} MB"
    taken: list[tuple[list[float], list[float]]] = [([], []), ([], [])]
    try:
        for _ in range(rounds):
            for (seconds, peaks), how in zip(taken, ("blocks", "whole"), strict=True):
                command = interpreter(_EXPORT, path, folder / "parquet", how)
                printed, peak = weigh(command, SECONDS, FRESH)
                seconds.append(float(printed))
                peaks.append(peak / 2**20)
    except Unavailable as reason:
        return [replace(line, note=f"not measured: {reason}") for line in lines]
    samples = [seconds for seconds, _ in taken] + [peaks for _, peaks in taken]
    return [
        replace(line, samples=tuple(each), note=about)
        for line, each in zip(lines, samples, strict=True)
    ]


def _line(name: str, goal: Goal, take: Callable[[], list[float]]) -> Line:
    line = Line(name, "s", goals=(goal,))
    try:
        return replace(line, samples=tuple(take()))
    except Unavailable as reason:
        return replace(line, note=f"not measured: {reason}")


def _times(script: str, *given: Path, rounds: int = 1, **environment: str) -> list[float]:
    command = interpreter(script, *given)
    return [float(run(command, SECONDS, FRESH | environment)) for _ in range(rounds)]
