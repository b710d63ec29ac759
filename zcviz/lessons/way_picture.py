"""The way of a packet drawn: boxes for memory, hatched arrows for copies, lines for views."""

from __future__ import annotations

from collections.abc import Iterator

from ..viz.sheet import WIDE, sheet
from ..viz.svg import box, label, path, width_of
from ..viz.theme import hatch
from .show import Shown
from .ways import Place, Way, way_of

__all__ = ["ways"]

# Wide: a column for each place, so that lanes can be compared; what kernel and process both see
# lies across their border.
_LEFT, _COLUMN, _BOX, _HIGH = 8, 97.5, 66, 38
_COLUMNS = {
    "network card": 0, "driver’s page": 1, "skb": 2, "socket’s queue": 3, "bytes object": 4,
    "slot": 4, "joined bytes": 5, "your view": 6, "numbers": 7,
}  # fmt: skip
_ACROSS = 3, 4
_ZONES = (("network card", 0, 1), ("the kernel", 1, 4), ("your process", 4, 8))
_HEAD, _LANE = 30, 84

# Narrow: from top to bottom.
_TALL, _GAP, _WIDE_BOX = 26, 24, 116

_STYLE = (
    "<style>.zc-drawn .border{fill:none;stroke:var(--zc-soft);stroke-dasharray:2 4}"
    ".zc-drawn .wrote{fill:none;stroke:var(--zc-neutral);stroke-width:1.6;stroke-dasharray:3 3}"
    ".zc-drawn .window{fill:var(--zc-view-fill);stroke:var(--zc-view);stroke-width:1.6}</style>"
)
_FILLS = {"": "source", "dma": "source", "copy": "copied", "view": "window", "read": "derived"}


def ways(*paths: str, sentence: str = "") -> Shown:
    """Draw the way of a packet through one path or several.

    Parameters
    ----------
    *paths : str
        Names of receive paths.
    sentence : str, optional
        What the drawing shows; by default, what each path says of its copies.
    """
    chosen = [way_of(each) for each in paths]
    told = " ".join(each.sentence for each in chosen)
    words = "\n".join(each.words for each in chosen)

    def draw(width: int) -> tuple[str, float]:
        drawn, height = _wide(chosen) if width == WIDE else _narrow(chosen, width)
        return _STYLE + drawn, height

    return Shown(sheet(draw, sentence or told, words), f"{words}\n{sentence or told}")


# --- wide


def _wide(chosen: list[Way]) -> tuple[str, float]:
    foot = _HEAD + _LANE * len(chosen)
    parts = []
    for name, start, end in _ZONES:
        middle = _LEFT + ((start + end) * _COLUMN - (_COLUMN - _BOX)) / 2
        parts.append(label(middle, 14, name, "s q", "middle"))
        if start:
            x = _LEFT + start * _COLUMN - (_COLUMN - _BOX) / 2
            parts.append(path(f"M{x:.1f} 4V{foot:.0f}", "border"))
    for number, way in enumerate(chosen):
        parts += _lane(way, _HEAD + number * _LANE)
    return "".join(parts) + _legend(foot + 8, WIDE), foot + 26


def _lane(way: Way, y: float) -> Iterator[str]:
    yield label(_LEFT, y + 10, way.path, "h halo")
    yield label(WIDE - _LEFT, y + 10, way.count, f"h halo {'c' if way.copies else 'v'}", "end")
    by = "; ".join(each.by for each in way.copies)
    yield label(WIDE - _LEFT - 14 - width_of(way.count, 14), y + 10, by, "s q halo", "end")
    top, before = y + 22, 0.0
    for place in way.places:
        low, high = _across(place)
        if place.how:
            yield from _arrow(place, before, low, top + _HIGH / 2)
        yield from _box_of(place, low, top, high - low, _HIGH)
        before = high


def _across(place: Place) -> tuple[float, float]:
    first, last = _ACROSS if place.zone == "both" else (_COLUMNS[place.name],) * 2
    return _LEFT + first * _COLUMN, _LEFT + last * _COLUMN + _BOX


def _box_of(place: Place, x: float, y: float, width: float, height: float) -> Iterator[str]:
    whole = f"{place.name}: {place.step}" if place.how else place.name
    yield path(box(x, y, width, height), _FILLS[place.how], whole)
    if place.how == "copy":
        yield path(hatch(x, y, width, height), "hatch")
    words = place.name.split()
    lines = words if width < width_of(place.name, 11) + 8 else [place.name]
    first = y + height / 2 + 4 - 6.5 * (len(lines) - 1)
    for number, line in enumerate(lines):
        yield label(x + width / 2, first + 13 * number, line, "s halo", "middle")


def _arrow(place: Place, start: float, end: float, y: float) -> Iterator[str]:
    start, end = start + 3, end - 3
    body = end - 8
    if place.how == "copy":
        yield path(box(start, y - 5, body - start, 10), "copied", place.step)
        yield path(hatch(start, y - 5, body - start, 10, 5), "hatch")
        yield path(f"M{body:.1f} {y - 9:.1f}L{end:.1f} {y:.1f}L{body:.1f} {y + 9:.1f}Z", "tip")
        return
    line, tip = _LINES[place.how]
    yield path(f"M{start:.1f} {y:.1f}H{body:.1f}", line, place.step)
    yield path(f"M{body:.1f} {y - 5:.1f}L{end:.1f} {y:.1f}L{body:.1f} {y + 5:.1f}Z", tip)


_LINES = {"dma": ("wrote", "grey"), "view": ("view", "solid"), "read": ("wrote", "grey")}


# --- narrow


def _narrow(chosen: list[Way], width: int) -> tuple[str, float]:
    parts, y = [], 6.0
    for way in chosen:
        drawn, y = _column(way, y, width)
        parts.append(drawn)
        y += 22
    return "".join(parts) + _legend(y - 8, width), y + 46


def _column(way: Way, y: float, width: int) -> tuple[str, float]:
    style = "c" if way.copies else "v"
    parts = [label(_LEFT, y + 12, way.path, "h")]
    parts.append(label(width - _LEFT, y + 12, way.count, f"h {style}", "end"))
    y += 24
    for place in way.places:
        if place.how:
            parts += _down(place, y)
            y += _GAP
        parts += _box_of(place, _LEFT, y, _WIDE_BOX, _TALL)
        parts.append(label(_LEFT + _WIDE_BOX + 10, y + 17, _WHOSE[place.zone], "s q"))
        y += _TALL
    return "".join(parts), y


_WHOSE = {"card": "", "kernel": "the kernel’s", "both": "the kernel’s and yours", "yours": "yours"}


def _down(place: Place, y: float) -> Iterator[str]:
    x, top, body, end = _LEFT + 26, y + 2, y + _GAP - 8, y + _GAP - 1
    if place.how == "copy":
        yield path(box(x - 5, top, 10, body - top), "copied")
        yield path(hatch(x - 5, top, 10, body - top, 5), "hatch")
        line, tip, reach = "", "tip", 9
    else:
        line, tip = _LINES[place.how]
        reach = 5
        yield path(f"M{x} {top:.1f}V{body:.1f}", line)
    yield path(f"M{x - reach} {body:.1f}L{x} {end:.1f}L{x + reach} {body:.1f}Z", tip)
    style = {"copy": "s c", "view": "s v"}.get(place.how, "s q")
    yield label(x + 16, y + 16, place.step, style)


# --- what the signs mean


def _legend(y: float, width: int) -> str:
    parts: list[str] = []
    x = float(_LEFT)
    for place, text in _SIGNS:
        needed = 44 + width_of(text, 11) + 18
        if x + needed > width:
            x, y = float(_LEFT), y + 18
        parts += _arrow(place, x - 3, x + 37, y + 6)
        parts.append(label(x + 40, y + 10, text, "s"))
        x += needed
    return "".join(parts)


_SIGNS = (
    (Place("", "yours", "copy"), "copied"),
    (Place("", "yours", "view"), "the same bytes"),
    (Place("", "yours", "dma"), "written by the card, or read out"),
)
