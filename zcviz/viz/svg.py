"""The few SVG elements that the memory picture is made of, and their style."""

from __future__ import annotations

from ..render import escape, printable

__all__ = ["STYLE", "box", "fit", "label", "path", "width_of"]

_TOOTH = 3  # of a torn edge

_RULES = {
    "text": "fill:var(--zc-ink);font:12px var(--zc-text)",
    ".m": "font:10.5px var(--zc-code);fill:var(--zc-soft)",
    ".s": "font-size:11px",
    ".q": "fill:var(--zc-soft)",
    ".h": "font-size:14px;font-weight:600",
    ".n": "font-size:21px;font-weight:700;font-variant-numeric:tabular-nums",
    ".halo": "paint-order:stroke;stroke:var(--zc-paper);stroke-width:4px;stroke-linejoin:round",
    ".copied": "fill:var(--zc-copy-fill);stroke:var(--zc-copy)",
    ".hatch": "fill:none;stroke:var(--zc-copy)",
    ".source": "fill:var(--zc-strip);stroke:var(--zc-line)",
    ".derived": "fill:var(--zc-paper);stroke:var(--zc-neutral)",
    ".seam": "fill:none;stroke:var(--zc-line)",
    ".band": "fill:var(--zc-copy);fill-opacity:.15",
    ".edge": "fill:none;stroke:var(--zc-copy);stroke-dasharray:3 3",
    ".tip": "fill:var(--zc-copy)",
    ".seen": "fill:var(--zc-view);fill-opacity:.13",
    ".view": "fill:none;stroke:var(--zc-view);stroke-width:1.6",
    ".drop": "fill:none;stroke:var(--zc-view);stroke-opacity:.45",
    ".paper": "fill:var(--zc-paper)",
    ".solid": "fill:var(--zc-view)",
    ".grey": "fill:var(--zc-neutral);fill-opacity:.55",
    ".ruler": "fill:none;stroke:var(--zc-soft)",
    "text.c": "fill:var(--zc-copy)",
    "text.v": "fill:var(--zc-view)",
    "text.d": "fill:var(--zc-neutral)",
}
STYLE = """
.zc-memory{padding:.8em 1em;border:1px solid var(--zc-line);border-radius:8px;break-inside:avoid}
.zc-memory p{margin:0 0 .5em;font-weight:600}
.zc-memory>div{display:flex;flex-wrap:wrap;gap:8px 28px}
.zc-memory>div>div{flex:1 1 380px;min-width:0;max-width:600px;container-type:inline-size}
.zc-memory svg{display:block;width:100%;height:auto}
.zc-memory .zc-340{display:none}
@container (max-width:390px){.zc-memory .zc-340{display:block}.zc-memory .zc-440{display:none}}
""" + "\n".join(f".zc-drawn {rule}{{{body}}}" for rule, body in _RULES.items())


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
