"""Curves over one axis, named at their ends: a figure in the colours of the page, and its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..viz.theme import LIGHT
from ..viz.timing import ThemedFigure
from .show import Shown, card, number_text, prose

__all__ = ["Curve", "Look", "card_of", "draw"]

Look = Literal["copying", "zero-copy", "neutral", "arrow", "database"]
"""Colour, line and marker. Arrow and a database go on with the columns: blue, and ink."""

_LOOKS: dict[Look, dict[str, Any]] = {
    "copying": {"color": LIGHT["copy"], "linestyle": (0, (5, 2)), "marker": "s"},
    "zero-copy": {"color": LIGHT["view"], "marker": "o"},
    "neutral": {"color": LIGHT["neutral"], "linestyle": (0, (1, 1.5)), "marker": "o"},
    "arrow": {"color": LIGHT["view"], "linestyle": (0, (6, 2, 1, 2)), "marker": "^"},
    "database": {"color": LIGHT["ink"], "linestyle": (0, (3, 1.5)), "marker": "D"},
}
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


def draw(
    curves: Sequence[Curve],
    *,
    title: str,
    axis: str,
    description: str,
    ticks: Sequence[float] | None = None,
    logarithmic: bool = False,
    mark: tuple[float, str] | None = None,
) -> ThemedFigure:
    """Return the figure of curves.

    Parameters
    ----------
    curves : sequence of Curve
    title : str
        What is drawn upwards, with its unit.
    axis : str
        What is drawn to the right.
    description : str
        The text alternative.
    ticks : sequence of float, optional
        Of the lower axis.
    logarithmic : bool
        Both axes; the texts have to say so.
    mark : (float, str), optional
        A place on the lower axis, and what it is.
    """
    figure = ThemedFigure(figsize=(5.9, 3.5), layout="constrained")
    figure.description = description
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    for curve in curves:
        axes.plot(*zip(*curve.points, strict=True), markersize=4.5, lw=1.8, **_LOOKS[curve.look])
    _scales(axes, curves, logarithmic)
    if ticks is not None:
        axes.set_xticks(ticks, [number_text(each) for each in ticks])
    if mark is not None:
        at, text = mark
        axes.axvline(at, color=LIGHT["soft"], lw=1, linestyle=":", zorder=0)
        _write(axes, text, (at, 0.97), (5, 0), color=LIGHT["soft"], fontsize=9.5, va="top")
    _name(axes, curves, logarithmic)
    axes.set_xlabel(axis, color=LIGHT["soft"], fontsize=11)
    axes.set_title(title, loc="left", fontsize=11, color=LIGHT["ink"])
    axes.patch.set_alpha(0)
    axes.grid(axis="y", color=LIGHT["line"], linewidth=0.5)
    axes.tick_params(which="both", colors=LIGHT["soft"], labelsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["line"])
    return figure


def _scales(axes: Axes, curves: Sequence[Curve], logarithmic: bool) -> None:
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    if not logarithmic:
        room = (max(xs) - min(xs)) or 1
        axes.set(xlim=(min(xs) - 0.03 * room, max(xs) + 0.25 * room), ylim=(0, 1.08 * max(ys)))
        return
    axes.set(xscale="log", yscale="log")
    axes.set(xlim=(min(xs) / 1.4, max(xs) * (max(xs) / min(xs)) ** 0.24))
    axes.set(ylim=(min(ys) / 1.5, max(ys) * 1.5))
    for each in (axes.xaxis, axes.yaxis):
        each.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
        each.set_minor_formatter(NullFormatter())


def _name(axes: Axes, curves: Sequence[Curve], logarithmic: bool) -> None:
    # At the end of each curve, moved apart where names would overprint one another.
    low, high = axes.get_ylim()

    def height(y: float) -> float:
        return log(y / low) / log(high / low) if logarithmic else (y - low) / (high - low)

    ends = sorted((height(curve.points[-1][1]), number) for number, curve in enumerate(curves))
    placed = -_GAP
    for wanted, number in ends:
        curve = curves[number]
        placed = max(placed + _GAP, wanted)
        colour = _LOOKS[curve.look]["color"]
        where = curve.points[-1][0], placed
        _write(axes, curve.name, where, (9, 0), color=colour, fontweight="bold", va="center")


def _write(
    axes: Axes, text: str, where: tuple[float, float], shift: tuple[float, float], **style: Any
) -> None:
    axes.annotate(
        text, where, xycoords=("data", "axes fraction"), xytext=shift,
        textcoords="offset points", **{"fontsize": 11, **style},
    )  # fmt: skip


def card_of(figure: ThemedFigure, words: str) -> Shown:
    """Return a figure in a card, with its description beneath; `words` say the same in text."""
    said = f"<div class='zcl-said'>{prose(figure.description)}</div>"
    return card(f"<div style='max-width:620px'>{figure.to_svg()}</div>{said}", words)
