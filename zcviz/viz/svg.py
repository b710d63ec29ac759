"""The few SVG elements that the pictures are made of."""

from __future__ import annotations

from ..render import escape, printable

__all__ = ["box", "fit", "label", "path", "width_of"]

_TOOTH = 3  # of a torn edge


def width_of(text: str, size: float = 12) -> float:
    """Estimate the width of text in a sans-serif face; no browser is at hand to be asked."""
    wide = sum(0.32 if c in "ilj.,:;'|!() " else 0.88 if c in "mwMW×" else 0.58 for c in text)
    return wide * size


def fit(text: str, room: float, size: float = 12) -> str:
    """Return `text` made printable and cut to fit into `room`; empty where two letters don't."""
    text = printable(text)
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + "…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…" if len(text) > 1 else ""


def label(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    """Return a text element; hostile text is escaped."""
    extra = f" class='{style}'" if style else ""
    extra += f" text-anchor='{anchor}'" if anchor != "start" else ""
    return f"<text x='{x:.1f}' y='{y:.1f}'{extra}>{escape(text)}</text>"


def path(data: str, style: str, title: str = "") -> str:
    """Return a path element; a title is shown by browsers when the pointer rests on it."""
    if not title:
        return f"<path class='{style}' d='{data}'/>"
    return f"<path class='{style}' d='{data}'><title>{escape(title)}</title></path>"


def box(
    x: float, y: float, width: float, height: float, torn: tuple[bool, bool] = (False, False)
) -> str:
    """Return the path of a rectangle; `torn` says which of its left and right edge is torn."""
    step = height / 4
    down = "".join(f"l{_TOOTH if n % 2 else -_TOOTH} {step:g}" for n in range(4))
    up = "".join(f"l{-_TOOTH if n % 2 else _TOOTH} {-step:g}" for n in range(4))
    left, right = torn
    return (
        f"M{x:.1f} {y:.1f}h{width:.1f}{down if right else f'v{height:g}'}"
        f"h{-width:.1f}{up if left else ''}Z"
    )
