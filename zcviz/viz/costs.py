"""The comparison of pipelines as a table with bars, in the colours of the page."""

from __future__ import annotations

from ..bench import Comparison
from ..bench.result import Row
from ..render import escape
from .theme import CSS

__all__ = ["comparison_table"]

_CSS = """
.zc-costs{padding:.5em 0}
.zc-costs>div{max-width:100%;overflow-x:auto}
.zc-costs table{border-collapse:collapse;font-size:.95em;font-variant-numeric:tabular-nums;margin:0}
.zc-costs>span{display:block;padding:.2em 0 .6em;color:var(--zc-soft)}
.zc-costs th,.zc-costs td{padding:.3em .9em .3em 0;text-align:right;white-space:nowrap;
 border:0;background:none}
.zc-costs th{font-weight:600;color:var(--zc-soft)}
.zc-costs th[scope=row],.zc-costs td.zc-stage{text-align:left}
.zc-costs tr.zc-first td,.zc-costs tr.zc-first th{border-top:1px solid var(--zc-line)}
.zc-costs tr.zc-total td{font-weight:700}
.zc-costs td.zc-bar{width:11em;min-width:6em;text-align:left;padding-right:1.2em}
.zc-costs td.zc-bar span{display:block;height:.8em;box-sizing:border-box;min-width:2px;
 border:1px solid var(--zc-neutral);background:var(--zc-strip)}
.zc-costs td{color:var(--zc-ink)}
.zc-costs th.zc-copying{color:var(--zc-copy)}
.zc-costs th.zc-columnar{color:var(--zc-view)}
.zc-costs td.zc-copying span{border:1px dashed var(--zc-copy);
 background:repeating-linear-gradient(135deg,var(--zc-copy-fill) 0 4px,var(--zc-copy) 4px 5px)}
.zc-costs td.zc-columnar span{border-color:var(--zc-view);background:var(--zc-view-fill)}
.zc-costs p{border-left:3px solid var(--zc-neutral);padding:.2em .8em;margin:.8em 0 .3em;
 max-width:46em}
.zc-costs small{color:var(--zc-soft)}
"""

_COLUMNS = {
    "ns": ("ns", "time, nanoseconds"),
    "copied": ("copied B", "bytes copied, as on the wire"),
    "viewed": ("viewed B", "bytes looked at in place"),
    "derived": ("derived B", "other new memory: offsets, sums"),
    "made": ("made", "memory blocks allocated, those included that were freed at once"),
    "allocated": ("allocated B", "bytes of these"),
    "blocks": ("blocks", "memory blocks held while a packet is under way"),
}


def comparison_table(comparison: Comparison) -> str:
    """Return a `Comparison` as HTML: a row a stage, the time as a bar.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
    """
    slowest = max(comparison.total(name).ns for name in comparison.pipelines)
    names = "".join(
        f"<th scope='col' title='{escape(full)}'>{name}</th>" for name, full in _COLUMNS.values()
    )
    rows = "".join(_row(row, slowest, comparison) for row in comparison.rows)
    caption = (
        f"{comparison.feed}, {comparison.messages:,} messages. Per message; peak in bytes. "
        f"Times are the least of {comparison.rounds} rounds. Made and allocated count every block, "
        "blocks those that are held while a packet is under way; peak is the most memory that a "
        "stage took at once."
    )
    facts = " · ".join(f"{key} {value}" for key, value in comparison.host.items())
    return (
        f"<div class='zc zc-costs'><style>{CSS}{_CSS}</style><span>{escape(caption)}</span><div>"
        f"<table aria-label='{escape(caption)}'><thead><tr><th scope='row'>pipeline</th>"
        f"<th scope='row'>stage</th><th scope='row'>time</th>{names}<th scope='col'>peak B</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p>{escape(comparison.sentence)}</p><small>{escape(facts)}</small></div>"
    )


def _row(row: Row, slowest: float, comparison: Comparison) -> str:
    stages = [each.stage for each in comparison.rows if each.pipeline == row.pipeline]
    first, total = row.stage == stages[0], row.stage == "total"
    kind = f"zc-{escape(row.pipeline)}"
    name = f"<th scope='row' class='{kind}'>{escape(row.pipeline)}</th>" if first else "<td></td>"
    share = 100 * row.ns / slowest
    figures = "".join(f"<td>{_figure(getattr(row, column), column)}</td>" for column in _COLUMNS)
    classes = " ".join(["zc-first"] * first + ["zc-total"] * total)
    return (
        f"<tr class='{classes}'>{name}<td class='zc-stage' title='{escape(row.does)}'>"
        f"{escape(row.stage)}</td><td class='zc-bar {kind}'><span style='width:{share:.1f}%'>"
        f"</span></td>{figures}<td>{row.peak:,}</td></tr>"
    )


def _figure(value: float | None, column: str) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.3f}" if column == "blocks" else f"{value:,.1f}"
