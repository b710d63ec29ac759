"""Small tables and rows of bars, in the frame that all parts of a lesson have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..render import escape
from .show import Kind, Shown, card, number_text, plain, prose

__all__ = ["Bar", "Cell", "bars", "listing"]

Cell = str | int | tuple[str, Kind]
"""Text, an integer, or text with the colour and sign of its kind."""

_CLASSES = {"copying": "zcl-copying", "zero-copy": "zcl-zerocopy", "": ""}
_SIGNS = {"copying": "▨ ", "zero-copy": "▬ ", "": ""}
_STYLE = """
.zcl-list{overflow-x:auto}
.zcl.zcl .zcl-list table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0;
 font-size:13.5px;color:inherit;background:none}
.zcl.zcl .zcl-list tr{background:none}
.zcl.zcl .zcl-list :is(th,td){padding:4px 22px 4px 0;text-align:left;border:0;background:none;
 vertical-align:top;white-space:nowrap;color:inherit;max-width:none}
.zcl.zcl .zcl-list thead th{color:var(--zc-soft);font-weight:600;padding-bottom:2px}
.zcl.zcl .zcl-list tbody :is(th,td){border-top:1px solid var(--zcl-edge)}
.zcl.zcl .zcl-list tbody th{font-weight:600}
.zcl.zcl .zcl-list .zcl-count{text-align:right}
.zcl.zcl .zcl-list td.zcl-copying{color:var(--zc-copy);font-weight:600}
.zcl.zcl .zcl-list td.zcl-zerocopy{color:var(--zc-view);font-weight:600}
.zcl-scale,.zcl-list{container-type:inline-size}
@container (max-width:500px){
.zcl.zcl .zcl-list thead{display:none}
.zcl.zcl .zcl-list :is(table,tbody,tr,th,td,.zcl-count){display:block;text-align:left}
.zcl.zcl .zcl-list tr{border-top:1px solid var(--zcl-edge);padding:5px 0}
.zcl.zcl .zcl-list tbody :is(th,td){border:0;padding:1px 0;white-space:normal}
.zcl.zcl .zcl-list td::before{content:attr(data-head) " ";color:var(--zc-soft);font-weight:400}
.zcl-scale .zcl-bars{grid-template-columns:minmax(0,1fr);row-gap:2px}
}
.zcl-scale .zcl-bars{margin-bottom:2px}
.zcl-scale .zcl-bars>span{color:var(--zc-ink)}
.zcl-scale .zcl-bar.zcl-measured:not(.zcl-copying,.zcl-zerocopy) b{color:var(--zc-ink)}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure as a length.

    Attributes
    ----------
    name : str
    value : float
    kind : {"copying", "zero-copy", ""}
    """

    name: str
    value: float
    kind: Kind = ""


def bars(rows: Sequence[Bar], unit: str, *, title: str, sentence: str = "") -> Shown:
    """Return figures as bars, to scale and from zero.

    Parameters
    ----------
    rows : sequence of Bar
    unit : str
    title : str
        What the figures are, and per what.
    sentence : str, optional
        What they mean.
    """
    longest = max((each.value for each in rows), default=0.0) or 1.0
    cells, words = [], [title]
    for each in rows:
        amount = f"{number_text(each.value)} {unit}"
        width = max(0.0, each.value) / longest * 58
        cells.append(
            f"<span>{_SIGNS[each.kind]}{escape(each.name)}</span>"
            f"<div class='zcl-bar zcl-measured {_CLASSES[each.kind]}'>"
            f"<i style='width:{width:.1f}%'></i><b>{escape(amount)}</b></div>"
        )
        words.append(f"{each.name}: {amount}")
    drawn = f"<div class='zcl-scale'><div class='zcl-bars'>{''.join(cells)}</div></div>"
    return _framed(title, drawn, words, sentence)


def listing(
    head: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str,
    sentence: str = "",
) -> Shown:
    """Return a table.

    Parameters
    ----------
    head : sequence of str
        Over the columns; the first column names the rows.
    rows : iterable of sequences
        Their cells.
    title : str
    sentence : str, optional
        What it means.
    """
    taken = [list(row) for row in rows]
    numbers = [any(isinstance(row[at], int) for row in taken) for at in range(len(head))]
    looks = [" class='zcl-count'" if number else "" for number in numbers]
    top = "".join(
        f"<th scope='col' role='columnheader'{look}>{escape(text)}</th>"
        for text, look in zip(head, looks, strict=True)
    )
    body, words = [], [title, " · ".join(head)]
    for first, *rest in taken:
        cells = "".join(map(_cell, rest, head[1:], looks[1:]))
        name = f"<th scope='row' role='rowheader'{looks[0]}>{escape(_text(first))}</th>"
        body.append(f"<tr role='row'>{name}{cells}</tr>")
        words.append(" · ".join(_text(each) for each in (first, *rest)))
    drawn = (
        f"<div class='zcl-list' tabindex='0' role='region' aria-label='{escape(title)}'>"
        f"<table role='table'><thead><tr role='row'>{top}</tr></thead>"  # roles, for style sheets
        f"<tbody>{''.join(body)}</tbody></table></div>"  # that make blocks of rows take them away
    )
    return _framed(title, drawn, words, sentence)


def _framed(title: str, drawn: str, words: list[str], sentence: str) -> Shown:
    head = f"<p class='zcl-title'>{escape(title)}</p>"
    said = f"<div class='zcl-said'>{prose(sentence)}</div>" if sentence else ""
    told = "\n".join([*words, *([plain(sentence)] if sentence else [])])
    return card(f"<style>{_STYLE}</style>{head}{drawn}{said}", told)


def _cell(cell: Cell, head: str, look: str) -> str:
    if isinstance(cell, tuple):
        look = f" class='{_CLASSES[cell[1]]}'"
    return f"<td role='cell' data-head='{escape(head)}'{look}>{escape(_text(cell))}</td>"


def _text(cell: Cell) -> str:
    if isinstance(cell, tuple):
        return f"{_SIGNS[cell[1]]}{cell[0]}"
    return f"{cell:,}" if isinstance(cell, int) else cell
