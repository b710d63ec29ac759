"""Drawing a lane of a memory picture as SVG: a function of its data, without script or state.

Nothing in the drawing has an identifier, so any number of pictures share a page.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from ..render import escape, printable, size_text
from .memory import Copy, Lane, Strip, Window
from .theme import CSS, hatch

__all__ = ["STYLE", "draw_lane", "draw_page", "scale_of"]

WIDTH = 480  # of a lane, in the units of its drawing; about one CSS pixel each
LEFT, RIGHT = 8, 472
HEAD, LABEL, HEIGHT, LEVEL, GAP = 30, 17, 24, 27, 20
LARGEST_SCALE = 14  # units a byte: a picture of three bytes does not shout
TOOTH = 3  # of a torn edge

STYLE = """
.zc-memory{padding:.8em 1em;border:1px solid var(--zc-line);border-radius:8px;break-inside:avoid}
.zc-memory .zc-title{margin:0 0 .5em;font-weight:600}
.zc-memory>div{display:flex;flex-wrap:wrap;gap:8px 28px}
.zc-memory>div>div{flex:1 1 380px;min-width:0;max-width:640px}
.zc-memory svg{display:block;width:100%;height:auto}
.zc-memory text,.zc-page text{fill:var(--zc-ink);font:12px var(--zc-text)}
.zc-memory .m,.zc-page .m{font:10.5px var(--zc-code);fill:var(--zc-soft)}
.zc-memory .s,.zc-page .s{font-size:11px;fill:var(--zc-soft)}
.zc-memory .h,.zc-page .h{font-size:14px;font-weight:600}
.zc-memory .n,.zc-page .n{font-size:21px;font-weight:700}
.zc-memory .halo,.zc-page .halo{paint-order:stroke;stroke:var(--zc-paper);stroke-width:4px;
stroke-linejoin:round}
.zc-memory .copied,.zc-page .copied{fill:var(--zc-copy-fill);stroke:var(--zc-copy)}
.zc-memory .hatch,.zc-page .hatch{fill:none;stroke:var(--zc-copy);stroke-width:1}
.zc-memory .source,.zc-page .source{fill:var(--zc-strip);stroke:var(--zc-line)}
.zc-memory .derived,.zc-page .derived{fill:var(--zc-paper);stroke:var(--zc-neutral)}
.zc-memory .seam,.zc-page .seam{fill:none;stroke:var(--zc-line)}
.zc-memory .band,.zc-page .band{fill:var(--zc-copy);fill-opacity:.13}
.zc-memory .edge,.zc-page .edge{fill:none;stroke:var(--zc-copy);stroke-dasharray:3 3}
.zc-memory .tip,.zc-page .tip{fill:var(--zc-copy)}
.zc-memory .seen,.zc-page .seen{fill:var(--zc-view);fill-opacity:.16}
.zc-memory .view,.zc-page .view{fill:none;stroke:var(--zc-view);stroke-width:1.6}
.zc-memory .drop,.zc-page .drop{fill:none;stroke:var(--zc-view);stroke-opacity:.45}
.zc-memory .ruler,.zc-page .ruler{fill:none;stroke:var(--zc-soft)}
.zc-memory text.c,.zc-page text.c{fill:var(--zc-copy)}
.zc-memory text.v,.zc-page text.v{fill:var(--zc-view)}
.zc-memory text.d,.zc-page text.d{fill:var(--zc-neutral)}
"""


def scale_of(lanes: tuple[Lane, ...]) -> float:
    """Return the scale of a picture, the same in all lanes: units of the drawing per byte.

    The widest row of sources and copies fills the width. Derived memory that is longer is torn.
    """
    rows = [
        [strip for strip in lane.strips if strip.row == row]
        for lane in lanes
        for row in range(len(lane.rows))
    ]
    main = [row for row in rows if row and row[0].kind != "derived"] or rows
    scales = [
        (RIGHT - LEFT - _gap(row) * (len(row) - 1)) / max(1, sum(strip.shown for strip in row))
        for row in main
        if row
    ]
    return min([LARGEST_SCALE, *scales])


def _gap(row: list[Strip]) -> float:
    return min(5, 120 / max(1, len(row)))


@dataclass
class _Drawing:
    lane: Lane
    scale: float
    y: float = HEAD
    places: dict[int, tuple[float, float, float]] = field(default_factory=dict)  # x, y, width
    levels: dict[int, float] = field(default_factory=dict)  # group of windows -> y
    behind: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)

    def draw(self) -> None:
        for row in range(len(self.lane.rows)):
            numbers = [n for n, strip in enumerate(self.lane.strips) if strip.row == row]
            self._row(self.lane.rows[row], numbers)
        for copy in self.lane.copies:
            self._band(copy)
        self._foot()

    def _row(self, label: str, numbers: list[int]) -> None:
        strips = [self.lane.strips[number] for number in numbers]
        first = strips[0]
        where = first.detail if first.address is None else f"{first.address + first.start:#x}"
        where = f"{where} …" if len(strips) > 1 and first.address is not None else where
        if len(strips) > 1 and first.address is None:
            where = f"{where} each"
        room = RIGHT - LEFT - len(where) * 6.4 - 10
        self.front.append(text(LEFT, self.y + 11, fit(label, room), "halo"))
        self.front.append(text(RIGHT, self.y + 11, where, "m halo", "end"))
        self.y += LABEL
        x = float(LEFT)
        for number, strip in zip(numbers, strips, strict=True):
            width = min(strip.shown * self.scale, RIGHT - x)
            if width <= 0:
                break
            self.places[number] = x, self.y, width
            self._strip(number, strip, x, width)
            x += width + _gap(strips)
        self.y += HEIGHT
        for group in dict.fromkeys(w.group for w in self.lane.windows if w.strip in numbers):
            self._group([w for w in self.lane.windows if w.group == group and w.strip in numbers])
        self.y += GAP

    def _strip(self, number: int, strip: Strip, x: float, width: float) -> None:
        cut = width + 0.01 < strip.shown * self.scale
        left, right = strip.start > 0, strip.end < strip.nbytes or cut
        whole = f"{strip.label}: {size_text(strip.shown)}"
        if strip.shown < strip.nbytes:
            whole += f" of {size_text(strip.nbytes)}"
        outline = outline(x, self.y, width, left, right)
        self.front.append(path(outline, strip.kind, whole))
        if strip.kind == "copied":
            self.front.append(
                path(hatch(x + 1, self.y + 1, max(0, width - 2), HEIGHT - 2), "hatch")
            )
        for window in self.lane.windows:
            if window.strip == number:
                low, high = self._across(window.strip, window.start, window.end)
                area = f"M{low:.1f} {self.y:.1f}H{high:.1f}V{self.y + HEIGHT}H{low:.1f}Z"
                self.front.append(path(area, "seen"))
        for segment in strip.segments:
            low, high = self._across(number, segment.start, segment.end)
            text = fit(segment.label, high - low - 4, 11)
            seam = f"M{high:.1f} {self.y:.1f}v{HEIGHT}" if high < x + width - 1 else ""
            area = f"M{low:.1f} {self.y:.1f}H{high:.1f}v{HEIGHT}H{low:.1f}Z"
            size = segment.end - segment.start
            title = f"{segment.label}: {size_text(size)} from byte {segment.start:,}"
            self.front.append(
                f"<g><title>{escape(title)}</title><path d='{area}' fill-opacity='0'/>"
                + (path(seam, "seam") if seam else "")
                + text((low + high) / 2, self.y + 16, text, "s", "middle")
                + "</g>"
            )

    def _across(self, number: int, start: int, end: int) -> tuple[float, float]:
        # From bytes to places on a strip that is drawn already, cut off where it is.
        strip = self.lane.strips[number]
        x, _, width = self.places[number]
        low = x + (max(start, strip.start) - strip.start) * self.scale
        high = x + (min(end, strip.end) - strip.start) * self.scale
        return min(low, x + width), min(max(high, low), x + width)

    def _group(self, windows: list[Window]) -> None:
        top, base = self.y, self.y + 9
        for window in windows:
            strip = self.lane.strips[window.strip]
            low, high = self._across(window.strip, window.start, window.end)
            bottom = self.places[window.strip][1] + HEIGHT
            left = f"V{base - 5:.1f}" if window.start >= strip.start else ""
            bracket = f"M{low:.1f} {base - 5 if left else base:.1f}V{base:.1f}H{high:.1f}"
            bracket += f"V{base - 5:.1f}" if window.end <= strip.end else ""
            drop = f"M{low:.1f} {bottom:.1f}V{top:.1f}M{high:.1f} {bottom:.1f}V{top:.1f}"
            self.behind.append(path(drop, "drop"))
            self.front.append(path(bracket, "view", window.label))
        self._window_labels(windows, base + 12)
        self.y += LEVEL

    def _window_labels(self, windows: list[Window], y: float) -> None:
        places = [self._across(window.strip, window.start, window.end) for window in windows]
        fits = all(
            width_of(window.label, 11) <= high - low
            for window, (low, high) in zip(windows, places, strict=True)
        )
        shown = list(zip(windows, places, strict=True)) if fits else [(windows[0], places[0])]
        for window, (low, high) in shown:
            more = f", and {len(windows) - 1} more" if len(shown) < len(windows) else ""
            text = fit(window.label + more, RIGHT - LEFT, 11)
            half = width_of(text, 11) / 2
            middle = min(max((low + high) / 2, LEFT + half), RIGHT - half)
            self.front.append(text(middle, y, text, "s v halo", "middle"))

    def _band(self, copy: Copy) -> None:
        if copy.target not in self.places or copy.origin not in self.places:
            return
        low, high = self._across(copy.origin, copy.start, copy.end)
        top = self.places[copy.origin][1] + HEIGHT
        x, bottom, width = self.places[copy.target]
        right = x + width
        area = f"M{low:.1f} {top:.1f}H{high:.1f}L{right:.1f} {bottom:.1f}H{x:.1f}Z"
        edges = f"M{low:.1f} {top:.1f}L{x:.1f} {bottom:.1f}M{high:.1f} {top:.1f}L{right:.1f} {bottom:.1f}"
        self.behind += [path(area, "band"), path(edges, "edge")]
        middle = (x + right) / 2
        self.front.append(path(f"M{middle - 5:.1f} {bottom - 7:.1f}h10l-5 7z", "tip"))

    def _foot(self) -> None:
        copied, derived = self.lane.total("copied"), self.lane.total("derived")
        style = "c" if self.lane.kind == "copying" else "v"
        figures = [(size_text(copied), "copied so far", style)]
        if self.lane.windows:
            count = len(self.lane.windows)
            figures.append((f"{count}", "view" if count == 1 else "views", "v"))
        if derived:
            figures.append((size_text(derived), "derived", "d"))
        x, y = float(LEFT), self.y + 22
        for figure, caption, each in figures:
            self.front.append(text(x, y, figure, f"n {each}"))
            self.front.append(text(x, y + 15, caption, "s"))
            x += max(width_of(figure, 22), width_of(caption, 11)) + 24
        self._ruler(y)
        self.y = y + 24
        for note in self.lane.notes:
            for line in textwrap.wrap(printable(note), 84):
                self.y += 15
                self.front.append(text(LEFT, self.y, line, "s"))
        self.y += 10

    def _ruler(self, y: float) -> None:
        nbytes = 1
        while nbytes * 2 * self.scale <= 110:
            nbytes *= 2
        low = RIGHT - nbytes * self.scale
        self.front.append(path(f"M{low:.1f} {y - 9:.1f}v6H{RIGHT}v-6", "ruler"))
        unit = "byte" if nbytes == 1 else "bytes"
        self.front.append(text(RIGHT, y + 15, f"scale: {nbytes:,} {unit}", "s", "end"))


def _mark(kind: str) -> str:
    # The sign of a lane beside its name: hatched or solid.
    if kind == "copying":
        return path(outline(LEFT, 6, 18, False, False).replace(f"v{HEIGHT}", "v12"), "copied") + (
            path(hatch(LEFT + 1, 7, 16, 10, 5), "hatch")
        )
    return f"<rect x='{LEFT}' y='8' width='18' height='7' rx='1' style='fill:var(--zc-view)'/>"


def _content(lane: Lane, scale: float) -> tuple[str, float]:
    drawing = _Drawing(lane, scale)
    drawing.draw()
    style = "c" if lane.kind == "copying" else "v"
    head = _mark(lane.kind) + text(LEFT + 25, 17, lane.kind, f"h {style}")
    return head + "".join(drawing.behind + drawing.front), drawing.y


def draw_lane(lane: Lane, scale: float) -> str:
    """Return a lane as one SVG element that fills the width it is given."""
    content, height = _content(lane, scale)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0f}' role='img' "
        f"aria-label='{escape(lane.sentence)}'><title>{escape(lane.sentence)}</title>"
        f"<desc>{escape('; '.join(lane.lines()))}</desc>{content}</svg>"
    )


def draw_page(lanes: tuple[Lane, ...], title: str) -> str:
    """Return lanes beneath each other as one SVG that needs nothing around it."""
    scale, y, drawn = scale_of(lanes), 30.0 if title else 6.0, []
    for lane in lanes:
        content, height = _content(lane, scale)
        drawn.append(f"<g transform='translate(0 {y:.0f})'>{content}</g>")
        y += height + 10
    words = "; ".join(line for lane in lanes for line in lane.lines())
    head = text(LEFT, 20, title, "h") if title else ""
    name = escape(title or ", ".join(lane.sentence for lane in lanes))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='zc zc-page' width='{WIDTH}' "
        f"height='{y:.0f}' viewBox='0 0 {WIDTH} {y:.0f}' role='img' aria-label='{name}'>"
        f"<title>{name}</title><desc>{escape(words)}</desc><style>{CSS}{STYLE}</style>"
        f"<rect width='100%' height='100%' style='fill:var(--zc-paper)'/>"
        f"{head}{''.join(drawn)}</svg>"
    )
