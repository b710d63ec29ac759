"""Small things to show in a lesson, all in one look: a remark, a figure, two things side by side.

Text comes from the lesson's author and from files. All of it is escaped; what marks it up is
`` `code` ``, ``**strong**``, blank lines between paragraphs, four spaces before a line of code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ..render import escape
from ..viz import theme

__all__ = [
    "Figure",
    "Kind",
    "Shown",
    "beside",
    "callout",
    "card",
    "figure",
    "figures",
    "kind_of",
    "number_text",
    "plain",
    "prose",
    "styles",
]

Kind = Literal["copying", "zero-copy", ""]
"""Whose figure it is: orange and hatched, blue and solid, or neither."""

_CSS = Path(__file__).parent / "static" / "lessons.css"
_CLASSES = {"copying": "zcl-copying", "zero-copy": "zcl-zerocopy", "": ""}
_SIGNS = {"copying": "▨ ", "zero-copy": "▬ ", "": ""}
_KINDS: dict[str, Kind] = {"copying": "copying", "zero-copy": "zero-copy"}


@dataclass(frozen=True, slots=True)
class Shown:
    """Something with a picture for a notebook, and the same in words.

    Attributes
    ----------
    html : str
        Escaped and complete, style included.
    text : str
    """

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is never alone: with its unit, what it is per, and what it means.

    Attributes
    ----------
    number : float or str
    unit : str
    per : str
        What it is counted on or per: ``"copied per message"``.
    sentence : str
        What it means; may be empty.
    kind : {"copying", "zero-copy", ""}
    """

    number: float | str
    unit: str
    per: str
    sentence: str = ""
    kind: Kind = ""

    @property
    def amount(self) -> str:
        """Number and unit: ``1,024 B``."""
        return f"{number_text(self.number)} {self.unit}".rstrip()

    def __str__(self) -> str:
        return f"{self.amount} {self.per}" + (f". {plain(self.sentence)}" if self.sentence else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return figures(self).html

    def _block(self) -> str:
        return (
            f"<div class='zcl-figure {_CLASSES[self.kind]}'><b>{escape(self.amount)}</b>"
            f"<span>{_SIGNS[self.kind]}{escape(self.per)}</span></div>"
        )


def figure(number: float | str, unit: str, per: str, sentence: str = "", kind: Kind = "") -> Figure:
    """Return a large figure with its unit, what it is per, and a sentence that says what it means.

    Parameters
    ----------
    number : float or str
    unit : str
        Such as ``"B"``, ``"ns"``, ``"×"``.
    per : str
        Such as ``"copied per message"``.
    sentence : str, optional
    kind : {"copying", "zero-copy", ""}, optional
        Gives it the colour and the sign of its pipeline.

    Examples
    --------
    >>> figure(1024, "B", "copied per packet")
    1,024 B copied per packet
    """
    return Figure(number, unit, per, sentence, kind)


def figures(*each: Figure, sentence: str = "") -> Shown:
    """Return several figures in one row, the sentences of all of them below, `sentence` last."""
    sentences = [one.sentence for one in each if one.sentence] + [sentence] * bool(sentence)
    said = "".join(f"<div class='zcl-said'>{prose(text)}</div>" for text in sentences)
    row = "".join(one._block() for one in each)
    words = [f"{one.amount} {one.per}" for one in each] + [plain(text) for text in sentences]
    return card(f"<div class='zcl-figures'>{row}</div>{said}", "\n".join(words))


def kind_of(name: str) -> Kind:
    """Return the kind of what is named like one; of all else, neither."""
    return _KINDS.get(name, "")


def callout(text: str, title: str = "") -> Shown:
    """Return a remark that stands out from the running text.

    Parameters
    ----------
    text : str
        Marked up as this module says.
    title : str, optional
    """
    head = f"<p class='zcl-title'>{escape(title)}</p>" if title else ""
    words = f"{title}\n{plain(text)}" if title else plain(text)
    return card(f"<div class='zcl-callout'>{head}{prose(text)}</div>", words)


def beside(*things: object, titles: Iterable[str] = (), shares: Iterable[float] = ()) -> Shown:
    """Return things side by side; where the page is narrow, one below the other.

    Parameters
    ----------
    *things : object
        Anything with an HTML form; of anything else its text is shown, spaces and lines as they
        are.
    titles : iterable of str, optional
        A heading for each.
    shares : iterable of float, optional
        How the room that is left over is shared out; evenly by default.
    """
    heads = [*titles, *[""] * len(things)][: len(things)]
    parts = [*shares, *[1.0] * len(things)][: len(things)]
    columns, words = [], []
    for head, part, thing in zip(heads, parts, things, strict=True):
        html = thing._repr_html_() if hasattr(thing, "_repr_html_") else _verbatim(str(thing))
        title = f"<p class='zcl-title'>{escape(head)}</p>" if head else ""
        columns.append(f"<div class='zcl-column' style='flex-grow:{part:g}'>{title}{html}</div>")
        words.append(f"{head}\n{thing}".lstrip("\n"))
    html = f"<div class='zc zcl zcl-beside'>{styles()}{''.join(columns)}</div>"
    return Shown(html, "\n\n".join(words))


def card(body: str, words: str, extra: str = "") -> Shown:
    """Return finished HTML in the frame that all parts of a lesson have, and its words."""
    return Shown(f"<div class='zc zcl zcl-card {extra}'>{styles()}{body}</div>", words)


@cache
def styles() -> str:
    """Return the style element that every part of a lesson brings along."""
    return f"<style>{theme.CSS}{_CSS.read_text(encoding='utf-8')}</style>"


def prose(text: str) -> str:
    """Return marked-up text as HTML paragraphs, everything else in it escaped."""
    return "".join(_paragraph(part) for part in text.strip("\n").split("\n\n"))


def _paragraph(part: str) -> str:
    lines = part.split("\n")
    if all(line.startswith("    ") for line in lines):
        return _verbatim("\n".join(line[4:] for line in lines))
    safe = escape(" ".join(line.strip() for line in lines))
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"[*]{2}([^*]+)[*]{2}", r"<strong>\1</strong>", safe)
    return f"<p>{safe}</p>"


def _verbatim(text: str) -> str:
    lines = "\n".join(escape(line) for line in text.splitlines())
    return f"<pre tabindex='0'>{lines}</pre>"


def plain(text: str) -> str:
    """Return marked-up text without its marks."""
    parts = text.strip("\n").split("\n\n")
    code = [all(line.startswith("    ") for line in part.split("\n")) for part in parts]
    words = [
        part if verbatim else " ".join(line.strip() for line in part.split("\n"))
        for part, verbatim in zip(parts, code, strict=True)
    ]
    return re.sub(r"`([^`]+)`|[*]{2}([^*]+)[*]{2}", r"\1\2", "\n".join(words))


def number_text(number: float | str) -> str:
    """Return a number as people read it: integers whole, others to three digits."""
    if isinstance(number, str):
        return number
    if number == int(number) or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.3g}"
