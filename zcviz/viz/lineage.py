"""The picture of a provenance: owners as strips on a line of addresses, views as windows on them.

All strips are drawn at one scale. Where windows would be too small to be seen, the part that they
lie in is drawn once more, larger: that strip is torn, and has a line of addresses of its own.
Drawing is a function of the provenance alone; addresses matter as differences, and are printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..render import escape, printable, size_text
from ..trace import Provenance
from .regions import Look, Region, regions_of
from .strips import NARROW, WIDE
from .svg import STYLE, box, fit, label, path, width_of
from .theme import CSS

__all__ = ["lineage"]

LEFT, MARGIN = 6, 6
HEIGHT, BAR, LEVEL, GAP = 24, 9, 30, 14
ABOVE, AXIS = 14, 20  # a line of text, a line of addresses
LARGEST_SCALE = 24  # units a byte
READABLE = 36  # units: a part with windows that would be narrower gets a lens
THIN = 2  # units: nothing is drawn narrower
MOST_REGIONS, MOST_LOOKS, MOST_RUNS, MOST_TINTS = 8, 10, 160, 400

_STYLE = """
.zc-drawn .unseen{fill:var(--zc-paper);stroke:var(--zc-soft);stroke-dasharray:4 3}
.zc-drawn .lens{fill:var(--zc-line);fill-opacity:.25}
.zc-drawn .bar{fill:var(--zc-view-fill);stroke:var(--zc-view)}
.zc-drawn .asked{fill:var(--zc-view);stroke:var(--zc-paper)}
"""


def lineage(found: Provenance) -> str:
    """Draw a provenance: HTML with one SVG for a wide page and one for a narrow one.

    Parameters
    ----------
    found : Provenance

    Notes
    -----
    Memory: text; it holds nothing of what was asked for.
    """
    title = printable(f"{found.nodes[0].label}: {found.sentence}")
    drawn = "".join(_draw(found, width, title) for width in (WIDE, NARROW))
    return (
        f"<style>{CSS}{STYLE}{_STYLE}</style><div class='zc zc-memory'>"
        f"<p>{escape(title)}</p><div><div>{drawn}</div></div></div>"
    )


def _draw(found: Provenance, width: int, title: str) -> str:
    regions, rest = regions_of(found, MOST_REGIONS)
    drawing = _Drawing(width, _scale(regions, width))
    for region in regions:
        drawing.region(region)
    drawing.foot(found, rest)
    # The tree says all of it in words, names in full.
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='zc-drawn zc-{width}' role='img' "
        f"viewBox='0 0 {width} {drawing.y:.0f}' aria-label='{escape(title)}'>"
        f"<title>{escape(title)}</title><desc>{escape('; '.join(str(found).splitlines()))}</desc>"
        f"{''.join(drawing.behind + drawing.front)}</svg>"
    )


def _scale(regions: list[Region], width: int) -> float:
    largest = max((region.size for region in regions), default=1)
    return min(LARGEST_SCALE, (width - LEFT - MARGIN) / largest)


@dataclass
class _Line:
    # A strip on its line of addresses: from bytes to places.
    start: int
    end: int
    scale: float
    top: float = 0.0

    @property
    def width(self) -> float:
        return max(THIN, (self.end - self.start) * self.scale)

    def across(self, low: int, high: int) -> tuple[float, float]:
        left = LEFT + (max(low, self.start) - self.start) * self.scale
        right = LEFT + (min(high, self.end) - self.start) * self.scale
        right = min(max(right, left + THIN), LEFT + self.width)
        return min(left, right - THIN), right


@dataclass
class _Drawing:
    width: int
    scale: float
    y: float = 2.0
    behind: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)

    @property
    def right(self) -> float:
        return float(self.width - MARGIN)

    def region(self, region: Region) -> None:
        """Draw one region: its strip, the windows on it, and those that need a lens."""
        whole = _Line(0, region.size, self.scale)
        lens = region.lens
        if lens and (lens[1] - lens[0]) * self.scale >= READABLE:
            lens = None
        small = [each for each in region.looks if lens and each.size < region.size]
        large = [each for each in region.looks if not lens or each.size == region.size]
        self.front.append(label(LEFT, self.y + ABOVE, fit(region.label, self.right - LEFT)))
        self.y += ABOVE
        self._axis(whole, f"{region.address:#x}")
        style = "unseen" if region.unseen else "source"
        self._strip(whole, style, region, region.looks)
        self._windows(whole, large)
        if lens:
            self._lens(whole, region, lens, small)
        self.y += GAP

    def _lens(self, whole: _Line, region: Region, part: tuple[int, int], looks: list[Look]) -> None:
        room = self.right - LEFT
        line = _Line(*part, min(LARGEST_SCALE, room / (part[1] - part[0])))
        low, high = whole.across(*part)
        top, bottom = whole.top + HEIGHT, self.y + 28
        left, right, end = f"M{low:.1f} {top:.1f}", f"L{high:.1f} {top:.1f}", LEFT + line.width
        beam = f"{left}L{LEFT} {bottom + AXIS:.1f}H{end:.1f}{right}Z"
        self.behind.append(path(beam, "lens"))
        times = f"{line.scale / whole.scale:,.0f} × larger"
        text = f"bytes {part[0]:,} to {part[1]:,}, {times}"
        self.front.append(label(LEFT, self.y + 26, fit(text, room, 11), "s q halo"))
        self.y += 28
        self._axis(line, f"+{part[0]:,}")
        self._strip(line, "unseen" if region.unseen else "source", region, tuple(looks))
        self._windows(line, looks)

    def _axis(self, line: _Line, first: str) -> None:
        # Ticks at powers of two, wherever their text has room.
        y = self.y + AXIS
        step = 1
        while step * line.scale < 74:
            step *= 2
        self.front.append(path(f"M{LEFT} {y:.1f}v-4", "ruler"))
        self.front.append(label(LEFT, y - 6, first, "m halo"))
        free = LEFT + len(first) * 6.4 + 10
        for at in range(-(-line.start // step) * step or step, line.end + 1, step):
            x, text = LEFT + (at - line.start) * line.scale, f"+{at:,}"
            half = len(text) * 3.2
            if at > line.start and x - half >= free and x + half <= self.right + 1:
                self.front.append(path(f"M{x:.1f} {y:.1f}v-4", "ruler"))
                self.front.append(label(x, y - 6, text, "m halo", "middle"))
                free = x + half + 10
        self.y = y

    def _strip(self, line: _Line, style: str, region: Region, looks: tuple[Look, ...]) -> None:
        line.top = self.y
        torn = line.start > 0, line.end < region.size
        self.front.append(path(box(LEFT, self.y, line.width, HEIGHT, torn), style, region.label))
        if region.asked:
            self.front.append(path(box(LEFT, self.y, line.width, HEIGHT), "seen"))
        for look in [each for each in looks if each.asked][:MOST_TINTS]:
            boxes = [line.across(*run) for run in self._runs(line, look)]
            shape = "".join(box(low, self.y, high - low, HEIGHT) for low, high in boxes)
            self.front.append(path(shape, "seen"))
        self.y += HEIGHT

    def _runs(self, line: _Line, look: Look) -> list[tuple[int, int]]:
        # Runs that cannot be told apart are drawn as one.
        runs = look.runs(MOST_RUNS)
        step = look.steps[0][1] * line.scale if look.steps else 0
        return runs if step >= 2 * THIN else [(look.start, look.end)]

    def _windows(self, line: _Line, looks: list[Look]) -> None:
        levels: list[float] = []  # how far to the right each one is taken
        top = self.y
        for look in looks[:MOST_LOOKS]:
            low, high = line.across(look.start, look.end)
            text = fit(look.label, self.right - LEFT, 11)
            at = min(max(low, LEFT), self.right - width_of(text, 11))
            begin, end = min(low, at), max(high, at + width_of(text, 11) + 8)
            level = next((n for n, taken in enumerate(levels) if taken <= begin), len(levels))
            levels[level : level + 1] = [end]
            self._window(line, look, top + 7 + level * LEVEL, (at, text))
        self.y += len(levels) * LEVEL
        if len(looks) > MOST_LOOKS:
            more = f"and {len(looks) - MOST_LOOKS:,} more views"
            self.y += 14
            self.front.append(label(LEFT, self.y, more, "s v"))

    def _window(self, line: _Line, look: Look, y: float, words: tuple[float, str]) -> None:
        low, high = line.across(look.start, look.end)
        top = line.top + HEIGHT
        drop = f"M{low:.1f} {top:.1f}V{y:.1f}M{high:.1f} {top:.1f}V{y:.1f}"
        self.behind.append(path(drop, "drop"))
        boxes = [line.across(*run) for run in self._runs(line, look)]
        shape = "".join(box(left, y, right - left, BAR) for left, right in boxes)
        if len(boxes) > 1:
            self.front.append(path(f"M{low:.1f} {y + BAR / 2:.1f}H{high:.1f}", "view"))
        self.front.append(path(shape, "asked" if look.asked else "bar", look.label))
        self.front.append(label(words[0], y + BAR + 11, words[1], "s v halo"))

    def foot(self, found: Provenance, rest: list[int]) -> None:
        """Say what is not drawn, and the figures."""
        if rest:
            size = size_text(sum(rest))
            text = f"and {len(rest):,} more owners, {size} together"
            self.front.append(label(LEFT, self.y + 8, text, "s q"))
            self.y += GAP
        figures = [
            (size_text(found.nbytes), "seen", "n v"),
            (size_text(found.keeps_alive), "stay in memory for it", "n"),
        ]
        x, y = float(LEFT), self.y + 20
        for figure, caption, style in figures:
            self.front.append(label(x, y, figure, style))
            self.front.append(label(x, y + 15, caption, "s q"))
            x += max(width_of(figure, 25), width_of(caption, 11)) + 20
        self.y = y + 24
