"""Curves over one axis, named at their ends: a figure in the colours of the page, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..viz.theme import LIGHT
from ..viz.timing import ThemedFigure
from .show import Shown, card, number_text, prose

__all__ = ["Curve", "Look", "Plot"]

Look = Literal["copying", "zero-copy", "neutral", "plain", "arrow", "database"]
"""Colour, line and marker. Arrow and a database go on with the columns: blue, and ink."""

_LOOKS: dict[Look, dict[str, Any]] = {
    "copying": {"color": LIGHT["copy"], "linestyle": (0, (5, 2)), "marker": "s"},
    "zero-copy": {"color": LIGHT["view"], "marker": "o"},
    "neutral": {"color": LIGHT["neutral"], "linestyle": (0, (1, 1.5)), "marker": "o"},
    "plain": {"color": LIGHT["ink"], "marker": "v"},
    "arrow": {"color": LIGHT["view"], "linestyle": (0, (6, 2, 1, 2)), "marker": "^"},
    "database": {"color": LIGHT["ink"], "linestyle": (0, (3, 1.5)), "marker": "D"},
}
_STYLE = """
.zcl-plotted{container-type:inline-size}
.zcl-plot{display:flex;flex-wrap:wrap;gap:6px 26px;align-items:center}
.zcl-plot>div{flex:1 1 500px;min-width:0;max-width:590px}
.zcl-plot>div:last-child{flex:1 1 190px;max-width:none}
.zcl-plot svg{display:block;width:100%;height:auto}
.zcl-plot>.zcl-slim{display:none}
@container (max-width:560px){.zcl-plot>.zcl-slim{display:block}.zcl-plot>.zcl-broad{display:none}}
"""
_GAP = 0.075  # of the axis, between two names


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes
    ----------
    name : str
        Written at its end.
    points : tuple of (float, float)
    look : str
    """

    name: str
    points: tuple[tuple[float, float], ...]
    look: Look = "neutral"


@dataclass(frozen=True)
class Plot:
    """Curves over one axis.

    Attributes
    ----------
    curves : tuple of Curve
    title : str
        What is drawn upwards, with its unit.
    axis : str
        What is drawn to the right.
    sentence : str
        What it shows, which is the text alternative too.
    ticks : tuple of float
        Of the lower axis; by default, some.
    logarithmic : bool
        Both axes; the texts have to say so.
    mark : (float, str), optional
        A place on the lower axis, and what it is.
    """

    curves: tuple[Curve, ...]
    title: str
    axis: str
    sentence: str
    ticks: tuple[float, ...] = ()
    logarithmic: bool = False
    mark: tuple[float, str] | None = None

    def figure(self, narrow: bool = False) -> ThemedFigure:
        """Return the figure, for a wide page or for a narrow one."""
        figure = ThemedFigure(figsize=(3.5, 3.4) if narrow else (5.9, 3.5), layout="constrained")
        figure.description = self.sentence
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        for curve in self.curves:
            look = _LOOKS[curve.look]
            axes.plot(*zip(*curve.points, strict=True), markersize=4.5, lw=1.8, **look)
        self._scales(axes, 0.42 if narrow else 0.25)
        if self.ticks:
            axes.set_xticks(self.ticks, [number_text(each) for each in self.ticks])
        if self.mark is not None:
            at, text = self.mark
            axes.axvline(at, color=LIGHT["soft"], lw=1, linestyle=":", zorder=0)
            _write(axes, text, (at, 0.97), (5, 0), color=LIGHT["soft"], fontsize=9.5, va="top")
        self._name(axes)
        axes.set_xlabel(self.axis, color=LIGHT["soft"], fontsize=11, wrap=True)
        axes.set_title(self.title, loc="left", fontsize=11, color=LIGHT["ink"], wrap=True)
        axes.patch.set_alpha(0)
        axes.grid(axis="y", color=LIGHT["line"], linewidth=0.5)
        axes.tick_params(which="both", colors=LIGHT["soft"], labelsize=10)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(LIGHT["line"])
        return figure

    def card(self, words: str) -> Shown:
        """Return the figure in a card, its sentence beside it; `words` say the same in text."""
        drawn = "".join(
            f"<div class='zcl-{'slim' if narrow else 'broad'}'>{self.figure(narrow).to_svg()}</div>"
            for narrow in (False, True)
        )
        said = f"<div><div class='zcl-said'>{prose(self.sentence)}</div></div>"
        both = f"<div class='zcl-plotted'><div class='zcl-plot'>{drawn}{said}</div></div>"
        return card(f"<style>{_STYLE}</style>{both}", words)

    def _scales(self, axes: Axes, room: float) -> None:
        # Room on the right, as a share of the axis, is for the names.
        xs = [x for curve in self.curves for x, _ in curve.points]
        ys = [y for curve in self.curves for _, y in curve.points]
        if not self.logarithmic:
            width = (max(xs) - min(xs)) or 1
            axes.set(
                xlim=(min(xs) - 0.03 * width, max(xs) + room * width), ylim=(0, 1.08 * max(ys))
            )
            return
        axes.set(xscale="log", yscale="log")
        axes.set(xlim=(min(xs) / 1.4, max(xs) * (max(xs) / min(xs)) ** room))
        axes.set(ylim=(min(ys) / 1.5, max(ys) * 1.5))
        axes.set_xticks([10**n for n in range(19) if min(xs) <= 10**n <= max(xs)])
        for each in (axes.xaxis, axes.yaxis):
            each.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
            each.set_minor_formatter(NullFormatter())

    def _name(self, axes: Axes) -> None:
        # At the end of each curve, moved apart where names would overprint one another.
        low, high = axes.get_ylim()

        def height(y: float) -> float:
            share = log(y / low) / log(high / low) if self.logarithmic else (y - low) / (high - low)
            return share

        ends = sorted((height(curve.points[-1][1]), n) for n, curve in enumerate(self.curves))
        placed = -_GAP
        for wanted, number in ends:
            curve = self.curves[number]
            placed = max(placed + _GAP, wanted)
            colour = _LOOKS[curve.look]["color"]
            where = curve.points[-1][0], placed
            _write(axes, curve.name, where, (9, 0), color=colour, fontweight="bold", va="center")


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:,g} {letter}"
    return number_text(value)


def _write(
    axes: Axes, text: str, where: tuple[float, float], shift: tuple[float, float], **style: Any
) -> None:
    axes.annotate(
        text, where, xycoords=("data", "axes fraction"), xytext=shift,
        textcoords="offset points", **{"fontsize": 11, **style},
    )  # fmt: skip
