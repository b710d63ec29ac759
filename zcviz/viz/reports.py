"""What copied, and variants side by side, as tables with bars in the colours of the page."""

from __future__ import annotations

from collections.abc import Iterable

from ..bench.variants import Variant, Variants
from ..render import escape, size_text
from ..trace import Allocations, Counts
from ..trace.account import Account, AccountRow
from ..trace.copies import Copies, ResultPart, StepReport, shortened
from ..trace.tracing import Line
from .theme import CSS

__all__ = [
    "account_table", "allocations_table", "copies_table", "counts_table", "variants_table"
]  # fmt: skip

_MOST = 8  # parts of one step; of a table of a thousand columns the rest is summed up
_CSS = """
.zc-report{padding:.3em 0;max-width:72em}
.zc-report>div{max-width:100%;overflow-x:auto}
.zc-report p{border-left:3px solid var(--zc-neutral);padding:.2em .8em;margin:.3em 0 .7em;
 max-width:46em;line-height:1.5}
.zc-report table{border-collapse:collapse;font-size:.95em;font-variant-numeric:tabular-nums;
 margin:0}
.zc.zc-report table tr :is(th,td){padding:.35em 1.1em .35em 0;text-align:left;
 vertical-align:top;border:0;background:none;color:var(--zc-ink)}
.zc.zc-report table tr th{font-weight:600;color:var(--zc-soft);white-space:nowrap}
.zc.zc-report table tbody tr:nth-child(n){border-top:1px solid var(--zc-line);
 background:none}
.zc.zc-report tr code{display:block;min-width:13em;white-space:pre-wrap;overflow-wrap:break-word;
 background:none;color:inherit;padding:0}
.zc.zc-report table tr .zc-number{text-align:right;white-space:nowrap}
.zc.zc-report table tr td.zc-fate{white-space:nowrap}
.zc.zc-report table tr td.zc-why{min-width:16em;max-width:34em;color:var(--zc-soft)}
.zc-report i{display:inline-block;width:1.5em;height:.8em;margin-right:.5em;box-sizing:border-box;
 vertical-align:-.05em}
.zc-report i.zc-view{border:1px solid var(--zc-view);background:var(--zc-view-fill)}
.zc-report i.zc-fresh{border:1px dashed var(--zc-copy);
 background:repeating-linear-gradient(135deg,var(--zc-copy-fill) 0 4px,var(--zc-copy) 4px 5px)}
.zc.zc-report table tr td.zc-bar{min-width:9em;padding-right:1.2em}
.zc-report td.zc-bar span{display:block;height:.8em;box-sizing:border-box;min-width:2px;
 margin-top:.35em;border:1px solid var(--zc-neutral);background:var(--zc-strip)}
.zc-report td.zc-less span{border-style:dotted;background:none}
.zc.zc-report tr .zc-fate code{display:inline;min-width:0;white-space:nowrap}
.zc-report table+table{margin-top:1em}
.zc-report small{color:var(--zc-soft);display:block;padding-top:.6em}
"""


def copies_table(copies: Copies) -> str:
    """Return `Copies` as HTML: the sentence, and a row for each step."""
    rows = "".join(map(_step, copies.steps))
    head = _head("step", "its result", "allocated", "why", numbers=("allocated",))
    spent = escape(copies.cost)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return _page(copies.sentence, table, spent)


def _step(step: StepReport) -> str:
    parts = [_part(part) for part in step.parts[:_MOST]]
    more = len(step.parts) - _MOST
    parts += [f"and {more:,} more"] * (more > 0)
    spent = "not measured" if step.allocated is None else size_text(step.allocated)
    return (
        f"<tr><td><code>{escape(shortened(step.source))}</code></td>"
        f"<td class='zc-fate'>{'<br>'.join(parts)}</td><td class='zc-number'>{spent}</td>"
        f"<td class='zc-why'>{escape(step.why)}</td></tr>"
    )


def _part(part: ResultPart) -> str:
    label = f"{escape(part.label)} " if part.label else ""
    said = []
    if part.views:
        names = ", ".join(shortened(name) for name, _ in part.views)
        size = size_text(part.nbytes - part.fresh)
        said.append(f"<i class='zc-view'></i>{label}view of <code>{escape(names)}</code>, {size}")
    if part.fresh or not part.views:
        said.append(f"<i class='zc-fresh'></i>{label}fresh, {size_text(part.fresh)}")
    return "<br>".join(said)


def account_table(account: Account) -> str:
    """Return an `Account` as HTML: a row for each function, the bytes it copied as a bar."""
    most = max([row.copied + row.viewed for row in account.rows], default=0) or 1
    names = ("function", "bytes", *AccountRow.__slots__[1:])
    head = _head(*names, numbers=names[2:])
    rows = "".join(_account(row, most) for row in (*account.rows, account.total))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    note = "Bytes, but for “made”: blocks of memory. A blue bar is viewed, a hatched one copied."
    return _page(account.sentence, table, note)


def _account(row: AccountRow, most: int) -> str:
    bars = "".join(
        f"<i class='{kind}' style='width:{8 * nbytes / most:.2f}em'></i>"
        for kind, nbytes in (("zc-view", row.viewed), ("zc-fresh", row.copied))
        if nbytes and row.stage != "total"
    )
    amounts = (getattr(row, name) for name in AccountRow.__slots__[1:])
    figures = ("not measured" if each is None else f"{each:,}" for each in amounts)
    name = f"<th scope='row'>{escape(row.stage)}</th>"
    return f"<tr>{name}<td class='zc-fate'>{bars}</td>{_numbers(figures)}</tr>"


def allocations_table(found: Allocations) -> str:
    """Return `Allocations` as HTML: a row for each line of code, what it holds as a bar."""
    lines = found.by_line(found.shown)
    most = max([abs(line.bytes) for line in lines], default=0) or 1
    rows = "".join(_held(line, most) for line in lines)
    names = ("line", "code", "holds", "bytes", "blocks", "of")
    head = _head(*names, numbers=("bytes", "blocks"))
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else ""
    if found.exact is not None:
        table += _counted(found.exact)
    return _page(f"{found.sentence}.", table, "")


def counts_table(counts: Counts) -> str:
    """Return `Counts` as HTML: a row for each domain."""
    return _page(counts.sentence, _counted(counts), "")


def _held(line: Line, most: int) -> str:
    kind = "zc-bar zc-less" if line.bytes < 0 else "zc-bar"
    share = 100 * abs(line.bytes) / most
    return (
        f"<tr><td>{escape(line.place)}</td><td><code>{escape(line.source)}</code></td>"
        f"<td class='{kind}'><span style='width:{share:.1f}%'></span></td>"
        f"{_numbers((f'{line.bytes:,}', f'{line.blocks:,}'))}<td>{escape(line.domain)}</td></tr>"
    )


def _counted(counts: Counts) -> str:
    head = _head("every allocation", *counts.columns, numbers=counts.columns)
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>{_numbers(map(escape, cells))}</tr>"
        for name, *cells in counts.rows()
    )
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def variants_table(variants: Variants) -> str:
    """Return `Variants` as HTML: a row each, the time as a bar."""
    slowest = max(row.seconds for row in variants.rows)
    names = ("variant", "time", "median", "spread", "allocated", "in blocks", "at once", "kept")
    head = _head(*names, numbers=names[2:])
    rows = "".join(_variant(row, slowest) for row in variants.rows)
    facts = " · ".join(f"{key} {value}" for key, value in variants.host.items())
    note = (
        f"{variants.rounds} rounds in turns; spread is the slowest over the fastest. Memory is of "
        f"a run of its own. {facts}"
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _page(variants.sentence, table, escape(note))


def _variant(row: Variant, slowest: float) -> str:
    bar = f"<td class='zc-bar'><span style='width:{100 * row.seconds / slowest:.1f}%'></span></td>"
    none = "not measured"
    figures = (
        row.time_text, f"{row.spread:,.2f}",
        none if row.allocated is None else size_text(row.allocated),
        none if row.blocks is None else f"{row.blocks:,}",
        size_text(row.peak), size_text(row.kept),
    )  # fmt: skip
    return f"<tr><th scope='row'>{escape(row.name)}</th>{bar}{_numbers(figures)}</tr>"


def _head(*names: str, numbers: Iterable[str]) -> str:
    kinds = dict.fromkeys(numbers, " class='zc-number'")
    return "".join(f"<th scope='col'{kinds.get(name, '')}>{name}</th>" for name in names)


def _numbers(figures: Iterable[str]) -> str:
    return "".join(f"<td class='zc-number'>{figure}</td>" for figure in figures)


def _page(sentence: str, table: str, small: str) -> str:
    return (
        f"<div class='zc zc-report'><style>{CSS}{_CSS}</style><p>{escape(sentence)}</p>"
        f"<div>{table}</div><small>{small}</small></div>"
    )
