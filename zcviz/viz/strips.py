"""Drawing a lane of a memory picture as SVG: a function of its data, without script or state.

Nothing in the drawing has an identifier, so any number of pictures share a page.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from ..render import escape, printable, size_text
from .model import Copy, Lane, Segment, Strip, Window, place_of
from .svg import STYLE, box, fit, label, path, width_of
from .theme import CSS, hatch

__all__ = ["NARROW", "WIDE", "Drawing", "draw_lane", "draw_page", "scale_of", "wrapped"]

WIDE, NARROW = 440, 340  # of a lane, in the units of its drawing; about one CSS pixel each
LEFT, MARGIN = 6, 6
HEAD, HEIGHT, LEVEL, GAP = 30, 24, 27, 22
ABOVE, BELOW_LABEL = 12, 10  # a row begins with a line of text
MANY = 4  # bands of one row; more of them are drawn without edges and tips
LARGEST_SCALE = 24  # units a byte: a picture of three bytes does not shout


def scale_of(lanes: tuple[Lane, ...], width: int = WIDE) -> float:
    """Return the scale of a picture, the same in all lanes: units of the drawing per byte.

    The widest row of sources and copies fills the width. Derived memory that is longer is torn.
    """
    rows = [
        [strip for strip in lane.strips if strip.row == row]
        for lane in lanes
        for row in range(len(lane.rows))
    ]
    main = [row for row in rows if row[0].kind != "derived"] or rows
    scales = [
        (width - LEFT - MARGIN - _gap(len(row)) * (len(row) - 1)) / sum(s.shown for s in row)
        for row in main
    ]
    return min([LARGEST_SCALE, *scales])


def _gap(strips: int) -> float:
    return min(5, 40 / strips)


@dataclass
class Drawing:
    """A lane on its way to being drawn: what lies behind, what lies in front, how far down."""

    lane: Lane
    scale: float
    right: float
    y: float = HEAD
    places: dict[int, tuple[float, float, float]] = field(default_factory=dict)  # x, y, width
    behind: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)

    def draw(self) -> None:
        """Draw all of it."""
        for row, text in enumerate(self.lane.rows):
            self._row(text, [n for n, strip in enumerate(self.lane.strips) if strip.row == row])
        drawn = [c for c in self.lane.copies if c.origin in self.places and c.target in self.places]
        for copy in drawn:
            row = self.lane.strips[copy.target].row
            siblings = sum(self.lane.strips[other.target].row == row for other in drawn)
            self._band(copy, alone=siblings <= MANY)
        self._foot()

    def _row(self, text: str, numbers: list[int]) -> None:
        strips = [self.lane.strips[number] for number in numbers]
        where = place_of(strips)
        room = self.right - LEFT - 14 - len(where) * 6.4
        self.front.append(label(LEFT + 3, self.y + ABOVE, fit(text, room), "halo"))
        self.front.append(label(self.right, self.y + ABOVE, where, "m halo", "end"))
        self.y += ABOVE + BELOW_LABEL
        x = float(LEFT)
        for number, strip in zip(numbers, strips, strict=True):
            width = min(strip.shown * self.scale, self.right - x)
            if width <= 0:
                break
            self.places[number] = x, self.y, width
            self._strip(number, strip)
            x += width + _gap(len(strips))
        self.y += HEIGHT
        seen = [window for window in self.lane.windows if window.strip in numbers]
        for group in dict.fromkeys((window.group, window.is_view) for window in seen):
            self._group([each for each in seen if (each.group, each.is_view) == group])
        self.y += GAP

    def _strip(self, number: int, strip: Strip) -> None:
        x, y, width = self.places[number]
        cut = width + 0.01 < strip.shown * self.scale
        torn = strip.start > 0, strip.end < strip.nbytes or cut
        whole = f"{strip.label}: {size_text(strip.shown)}"
        whole += f" of {size_text(strip.nbytes)}" if strip.shown < strip.nbytes else ""
        self.front.append(path(box(x, y, width, HEIGHT, torn), strip.kind, whole))
        if strip.kind == "copied":
            self.front.append(path(hatch(x, y, width, HEIGHT), "hatch"))
        for window in self.lane.windows:
            if window.strip == number:
                low, high = self._across(number, window.start, window.end)
                self.front.append(path(box(low, y, high - low, HEIGHT), "seen"))
        for segment in strip.segments:
            self._segment(number, segment)

    def _segment(self, number: int, segment: Segment) -> None:
        x, y, width = self.places[number]
        low, high = self._across(number, segment.start, segment.end)
        size = segment.end - segment.start
        title = f"{segment.label}: {size_text(size)} from byte {segment.start:,}"
        text = fit(segment.label, high - low - 2, 11)
        if "…" in text or not text:
            text = fit(segment.short, high - low - 2, 11)
            text = "" if "…" in text else text  # what is short already is not cut
        seam = path(f"M{high:.1f} {y:.1f}v{HEIGHT}", "seam") if high < x + width - 1 else ""
        link = "" if segment.message is None else f" data-message='{segment.message}'"
        self.front.append(
            f"<g data-at='{segment.start}'{link}><title>{escape(title)}</title>"
            f"<path d='{box(low, y, high - low, HEIGHT)}' fill-opacity='0'/>{seam}"
            f"{label((low + high) / 2, y + 16, text, 's', 'middle') if text else ''}</g>"
        )

    def _across(self, number: int, start: int, end: int) -> tuple[float, float]:
        # From bytes to places on a strip, cut off where the strip is.
        strip = self.lane.strips[number]
        x, _, width = self.places[number]
        low = x + (max(start, strip.start) - strip.start) * self.scale
        high = x + (min(end, strip.end) - strip.start) * self.scale
        return min(low, x + width), min(max(high, low), x + width)

    def _group(self, windows: list[Window]) -> None:
        base = self.y + 9
        for window in windows:
            strip = self.lane.strips[window.strip]
            low, high = self._across(window.strip, window.start, window.end)
            bottom = self.places[window.strip][1] + HEIGHT
            left = base - 5 if window.start >= strip.start else base
            right = base - 5 if window.end <= strip.end else base
            bracket = f"M{low:.1f} {left:.1f}V{base:.1f}H{high:.1f}V{right:.1f}"
            drop = f"M{low:.1f} {bottom:.1f}V{left:.1f}M{high:.1f} {bottom:.1f}V{right:.1f}"
            self.behind.append(path(drop, "drop"))
            self.front.append(path(bracket, "view", window.label))
        self._window_labels(windows, base + 12)
        self.y += LEVEL

    def _window_labels(self, windows: list[Window], y: float) -> None:
        places = [self._across(window.strip, window.start, window.end) for window in windows]
        shown = list(zip(windows, places, strict=True))
        if any(width_of(window.label, 11) > high - low for window, (low, high) in shown):
            shown = shown[:1]  # too narrow for one each: the first speaks for all
        more = f", and {len(windows) - 1} more" if len(shown) < len(windows) else ""
        for window, (low, high) in shown:
            text = fit(window.label + more, self.right - LEFT, 11)
            half = width_of(text, 11) / 2
            middle = min(max((low + high) / 2, LEFT + half), self.right - half)
            self.front.append(label(middle, y, text, "s v halo", "middle"))

    def _band(self, copy: Copy, alone: bool) -> None:
        # Slanting as far as the row of the target, then straight down past its line of text.
        low, high = self._across(copy.origin, copy.start, copy.end)
        left, right = self._across(copy.target, copy.at, copy.at + copy.size)
        top, bottom = self.places[copy.origin][1] + HEIGHT, self.places[copy.target][1]
        knee = max(top, bottom - ABOVE - BELOW_LABEL)
        one = f"M{low:.1f} {top:.1f}L{left:.1f} {knee:.1f}V{bottom:.1f}"
        other = f"M{high:.1f} {top:.1f}L{right:.1f} {knee:.1f}V{bottom:.1f}"
        area = f"{one}H{right:.1f}V{knee:.1f}L{high:.1f} {top:.1f}Z"
        self.behind.append(path(area, "band"))
        if alone:
            middle = (left + right) / 2
            self.behind.append(path(one + other, "edge"))
            self.front.append(path(f"M{middle - 4:.1f} {bottom - 6:.1f}h8l-4 5.5z", "tip"))

    def _foot(self) -> None:
        style = "c" if self.lane.kind == "copying" else "v"
        figures = [(size_text(self.lane.total("copied")), "copied so far", style)]
        figures += [(f"{count:,}", word, "v") for count, word in self.lane.looks]
        if self.lane.total("derived"):
            figures.append((size_text(self.lane.total("derived")), "derived", "d"))
        x, y = float(LEFT), self.y + 20
        for figure, caption, each in figures:
            self.front.append(label(x, y, figure, f"n {each}"))
            self.front.append(label(x, y + 15, caption, "s q"))
            x += max(width_of(figure, 25), width_of(caption, 11)) + 14
        self._ruler(y, min(80.0, self.right - x))
        self._notes(y + 22)

    def _notes(self, y: float) -> None:
        self.y = y
        for note in self.lane.notes:
            for line in textwrap.wrap(printable(note), int((self.right - LEFT) / 5.6)):
                self.y += 15
                self.front.append(label(LEFT, self.y, line, "s q"))
        self.y += 10

    def _ruler(self, y: float, room: float) -> None:
        nbytes = 1
        while nbytes * 2 * self.scale <= room:
            nbytes *= 2
        low = self.right - nbytes * self.scale
        self.front.append(path(f"M{low:.1f} {y - 9:.1f}v6H{self.right}v-6", "ruler"))
        unit = "byte" if nbytes == 1 else "bytes"
        self.front.append(label(self.right, y + 15, f"{nbytes:,} {unit}", "s q", "end"))


def _content(lane: Lane, scale: float, width: int) -> tuple[str, float]:
    drawing = Drawing(lane, scale, width - MARGIN)
    drawing.draw()
    sign = path(box(LEFT, 8, 18, 7), "solid")
    style = "v"
    if lane.kind == "copying":  # hatched, where the other is solid
        sign = path(box(LEFT, 6, 18, 12), "copied") + path(hatch(LEFT, 6, 18, 12, 5), "hatch")
        style = "c"
    head = sign + label(LEFT + 25, 17, lane.name or lane.kind, f"h {style}")
    return head + "".join(drawing.behind + drawing.front), drawing.y


def draw_lane(lane: Lane, scale: float, width: int = WIDE) -> str:
    """Return a lane as one SVG element that fills the width it is given."""
    return wrapped(lane, *_content(lane, scale, width), width)


def wrapped(lane: Lane, content: str, height: float, width: int) -> str:
    """Return what was drawn of a lane as an SVG element, with its text alternative."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='zc-drawn zc-{width}' role='img' "
        f"viewBox='0 0 {width} {height:.0f}' aria-label='{escape(lane.sentence)}'>"
        f"<title>{escape(lane.sentence)}</title>"
        f"<desc>{escape('; '.join(lane.lines()))}</desc>{content}</svg>"
    )


def draw_page(lanes: tuple[Lane, ...], title: str) -> str:
    """Return lanes beneath each other as one SVG that needs nothing around it."""
    scale, y, drawn = scale_of(lanes), 30.0 if title else 6.0, []
    for lane in lanes:
        content, height = _content(lane, scale, WIDE)
        drawn.append(f"<g transform='translate(0 {y:.0f})'>{content}</g>")
        y += height + 10
    words = "; ".join(line for lane in lanes for line in lane.lines())
    head = label(LEFT, 20, title, "h") if title else ""
    name = escape(title or ", ".join(lane.sentence for lane in lanes))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='zc zc-drawn' role='img' "
        f"width='{WIDE}' height='{y:.0f}' viewBox='0 0 {WIDE} {y:.0f}' aria-label='{name}'>"
        f"<title>{name}</title><desc>{escape(words)}</desc><style>{CSS}{STYLE}</style>"
        f"<rect width='100%' height='100%' class='paper'/>{head}{''.join(drawn)}</svg>"
    )
