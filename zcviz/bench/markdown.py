"""The report as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from .job import Line
from .receiving import Reception
from .report import Report, Section

__all__ = ["to_markdown"]

Cells = tuple[str, ...]

_INTRODUCTION = """# Benchmark

Written by `make bench`; not edited by hand. The jobs of a table ran in turns, in one run of the
command, on samples of {messages:,} messages where no other file is named, with the files in the
page cache and the kernels compiled. Figures are medians, the spread is the slowest run over the
fastest. Read ratios: they compare bytes of input per second. All else belongs to this machine:"""

_RECEIVED = """The first datagrams of the capture, over loopback. In turns, each repeat in two new
processes, one that receives and one that sends (`zcviz.send`), each on a core of its own where
there are two. CPU is all time of the receiving process, the kernel's part of it included; but over
loopback all that is before the socket's buffer or the ring is done in the sender's time, and is not
in it. Nothing is decoded: batches are taken and given back. Allocations are counted in a pass of
their own (`zcviz.exact`): blocks made, most of them freed at once; those for a batch are shared by
its datagrams, and at a fixed rate a batch has few. A median stands before the least and the
greatest of the repeats. Lost is sent less received; as fast as it goes, a path loses what it cannot
keep up with. `replay` reads the file, and needs no sender."""

_JOBS = ("job", "figure", "GB/s of input", "÷ fresh copy", "wanted", "spread", "runs")
_PEERS = (
    "peer", "what it does", "figure", "GB/s of input", "zcviz does the like in", "zcviz ÷ peer",
    "spread", "runs",
)  # fmt: skip
_PUBLISHED = ("project", "what it does", "M messages/s", "hardware", "said in")
_RECEIVING = (
    "pace", "path", "CPU µs/datagram", "allocations/datagram", "calls/datagram", "lost", "runs",
    "note",
)  # fmt: skip
_NUMBERS = {
    "figure", "GB/s of input", "÷ fresh copy", "zcviz ÷ peer", "spread", "runs", *_RECEIVING[2:-1]
}  # fmt: skip


def to_markdown(report: Report) -> str:
    """Return the whole report as Markdown."""
    facts = "\n".join(f"- {key}: {value}" for key, value in report.host.items())
    parts = [_INTRODUCTION.format(messages=report.messages), facts]
    parts += [_section(report, each) for each in report.sections]
    if report.receptions:
        parts += [_receiving(report.receptions)]
    parts += [_published(report)]
    parts += ["## Pipelines", *(f"```\n{each}\n```" for each in report.comparisons)]
    return "\n\n".join(parts) + "\n"


def _section(report: Report, section: Section) -> str:
    if any(line.rival for line in section.lines):
        table = _table(_PEERS, (_peer(report, line) for line in section.lines))
    else:
        table = _table(_JOBS, (_job(report, line) for line in section.lines))
    return f"## {section.title}\n\n{section.text}\n\n{table}"


def _receiving(receptions: Iterable[Reception]) -> str:
    return f"## Receiving\n\n{_RECEIVED}\n\n{_table(_RECEIVING, map(_reception, receptions))}"


def _reception(found: Reception) -> Cells:
    if not found.cpu:
        return found.pace, found.path, *["–"] * 3, "", "", found.note
    figures = (_with_ends(each) for each in (found.cpu, found.allocations, found.syscalls))
    lost = f"{found.lost:,} of {sum(found.sent):,}" if found.lost else "0"
    return found.pace, found.path, *figures, lost, str(len(found.cpu)), found.note


def _with_ends(samples: Sequence[float | None]) -> str:
    # "1.90 (1.85 to 2.10)": the median, and the least and the greatest.
    known = [each for each in samples if each is not None]
    if not known:
        return "not known"
    ends = f"{number(min(known))} to {number(max(known))}"
    return f"{number(median(known))} ({ends})"


def _published(report: Report) -> str:
    rows = [
        (each.project, each.does, each.figure, each.hardware, each.source)
        for each in report.published
    ]
    return (
        "## What others publish\n\nNot measured here, and not on this file: what these projects say"
        f" of themselves.\n\n{_table(_PUBLISHED, rows)}"
    )


def _job(report: Report, line: Line) -> Cells:
    wanted = _wanted(report, line)
    share = report.ratio(line, report.yardstick) if line.nbytes else None
    said = "; ".join(text for text in (wanted, line.note) if text)
    return line.job, *_figures(line), "" if share is None else number(share), said, *_runs(line)


def _peer(report: Report, line: Line) -> Cells:
    ratio = report.ratio(line, line.rival) if line.rival else None
    ahead = ""
    if ratio is not None:
        ahead = number(1 / ratio) + (", **not ahead**" if ratio > 1 else "")
    return line.job, line.note, *_figures(line), line.rival, ahead, *_runs(line)


def _wanted(report: Report, line: Line) -> str:
    # One phrase for each thing that is measured: "2.81 × fresh copy: at least 2.5 met, stretch 3".
    phrases: dict[str, list[str]] = {}
    for each in report.verdicts(line):
        against = "fresh copy" if each.against == report.yardstick else each.against
        what = "" if each.value is None else number(each.value)
        what += f" × {against}" if against else f" {line.unit}"
        wanted = f"{each.name} {each.wanted:g}"
        if each.met is not None:
            missed = " not met" if each.name == "stretch" else " **not met**"
            wanted += " met" if each.met else missed
        phrases.setdefault(what.strip(), []).append(wanted)
    return "; ".join(f"{what}: {', '.join(wanted)}" for what, wanted in phrases.items())


def _figures(line: Line) -> Cells:
    if not line.samples:
        return "–", ""
    gigabytes = number(line.bandwidth / 1e9) if line.nbytes and line.amount else ""
    return f"{number(line.figure)} {line.unit}", gigabytes


def _runs(line: Line) -> Cells:
    return (f"{line.spread:.2f}", str(len(line.samples))) if line.samples else ("", "")


def number(value: float) -> str:
    """Return `value` with the three digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3}f}"


def _table(head: Cells, rows: Iterable[Cells]) -> str:
    marks = tuple("--:" if name in _NUMBERS else "---" for name in head)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))
