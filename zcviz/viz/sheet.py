"""A drawing made twice, for a wide page and for a narrow one; the style shows the one that fits."""

from __future__ import annotations

from collections.abc import Callable

from ..render import escape
from .svg import STYLE as DRAWN
from .theme import CSS

__all__ = ["NARROW", "WIDE", "sheet"]

WIDE, NARROW = 780, 340  # in the units of the drawing; about one CSS pixel each
_STYLE = """
.zc-sheet{padding:.8em 1em;border:1px solid var(--zc-line);border-radius:8px;max-width:860px;
 margin:4px 2px;box-sizing:border-box;break-inside:avoid}
.zc-sheet>div{container-type:inline-size}
.zc-sheet p{border-left:3px solid var(--zc-soft);margin:.8em 0 .2em;padding:1px 0 1px 11px;
 line-height:1.5}
.zc-sheet svg{display:block;width:100%;height:auto}
.zc-sheet .zc-340{display:none}
@container (max-width:600px){.zc-sheet .zc-340{display:block}.zc-sheet .zc-780{display:none}}
.zc-drawn .empty{fill:var(--zc-paper);stroke:var(--zc-line);stroke-dasharray:2 3}
.zc-drawn .held{fill:var(--zc-view-fill);stroke:var(--zc-view)}
.zc-drawn .tooth{fill:none;stroke:var(--zc-view);stroke-width:1.2;stroke-opacity:.75}
"""

Draw = Callable[[int], tuple[str, float]]
"""Takes the width; returns what is in the SVG, and how high that is."""


def sheet(draw: Draw, sentence: str, words: str) -> str:
    """Return a drawing as HTML, and the sentence beneath it.

    Parameters
    ----------
    draw : callable (width)
    sentence : str
        What it shows, which is the text alternative too.
    words : str
        All that the drawing shows.
    """
    drawings = []
    for width in (WIDE, NARROW):
        content, height = draw(width)
        drawings.append(
            f"<svg xmlns='http://www.w3.org/2000/svg' class='zc-drawn zc-{width}' role='img' "
            f"viewBox='0 0 {width} {height:.0f}' aria-label='{escape(sentence)}'>"
            f"<title>{escape(sentence)}</title><desc>{escape(words)}</desc>{content}</svg>"
        )
    style = f"<style>{CSS}{DRAWN}{_STYLE}</style>"
    said = f"<p>{escape(sentence)}</p>"
    return f"{style}<div class='zc zc-sheet'><div>{''.join(drawings)}</div>{said}</div>"
