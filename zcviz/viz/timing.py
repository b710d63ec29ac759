"""The comparison of pipelines as a matplotlib figure.

The figure is drawn in the light theme's colours. In a notebook it is shown as SVG whose colours
are theme variables, so that it follows JupyterLab's theme; saved to a file it is as drawn.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..bench import Comparison
from ..bench.compare import Row
from ..render import escape
from .theme import CSS, LIGHT

__all__ = ["ThemedFigure", "comparison_figure"]

# What a pipeline is drawn in: edge, fill, hatch. The same three everywhere in zcviz.
_LOOKS = {
    "copying": (LIGHT["copy"], LIGHT["copy-fill"], "////"),
    "columnar": (LIGHT["view"], LIGHT["view-fill"], ""),
}
_NEUTRAL = (LIGHT["neutral"], LIGHT["strip"], "")
_TEXT_OF_A_STAGE = 0.09  # of the axis: what a stage must take to have its name written in it


class ThemedFigure(Figure):
    """A figure that shows itself as SVG in the colours of the page around it.

    Attributes
    ----------
    description : str
        The text alternative.
    """

    description = ""

    def to_svg(self) -> str:
        """Return the figure as SVG with theme variables for colours."""
        out = io.StringIO()
        with rc_context({"svg.fonttype": "none"}):
            FigureCanvasSVG(self).print_svg(out, metadata={"Date": None})
        svg = out.getvalue()
        svg = svg[svg.index("<svg") :]
        for name, colour in LIGHT.items():
            svg = svg.replace(colour.lower(), f"var(--zc-{name})")
        svg = re.sub(r'(<svg [^>]*?)width="[^"]*"|height="[^"]*pt"', r"\1", svg, count=2)
        label = escape(self.description)
        return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" class="zc-figure" ', 1)

    def _repr_html_(self) -> str:
        return f'<div class="zc"><style>{CSS}</style>{self.to_svg()}</div>'


def comparison_figure(comparison: Comparison) -> ThemedFigure:
    """Draw time and bytes per message, stage upon stage, a bar a pipeline.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    ThemedFigure
    """
    names = comparison.pipelines
    figure = ThemedFigure(figsize=(9, 0.55 * len(names) * 2 + 1.6), layout="constrained")
    figure.patch.set_alpha(0)
    times, copies = figure.subplots(2, 1)
    for row, name in enumerate(names):
        stages = [r for r in comparison.rows if r.pipeline == name and r.stage != "total"]
        _stack(times, row, name, stages, [max(0.0, s.ns) for s in stages])
        _stack(copies, row, name, stages, [s.copied for s in stages])
        total = comparison.total(name)
        _number(times, row, name, f"{total.ns:,.0f} ns")
        _number(copies, row, name, f"{total.copied:,.1f} B")
    _finish(times, names, "Time per message, nanoseconds: stage upon stage")
    _finish(copies, names, "Bytes copied per message, as they stood on the wire")
    figure.description = f"{comparison.feed}: {comparison.sentence}"
    return figure


def _stack(
    axes: Axes, row: int, name: str, stages: Sequence[Row], widths: Sequence[float]
) -> None:
    edge, fill, hatch = _LOOKS.get(name, _NEUTRAL)
    left = 0.0
    for stage, width in zip(stages, widths, strict=True):
        axes.barh(
            row, width, left=left, height=0.62, color=fill, edgecolor=edge, hatch=hatch, lw=1
        )
        axes.patches[-1].set_gid(f"{name} {stage.stage}")
        left += width


def _number(axes: Axes, row: int, name: str, text: str) -> None:
    right = sum(bar.get_width() for bar in axes.patches if round(bar.get_y() + 0.31) == row)
    edge = _LOOKS.get(name, _NEUTRAL)[0]
    axes.annotate(
        text, (right, row), xytext=(6, 0), textcoords="offset points", va="center",
        color=edge, fontweight="bold",
    )  # fmt: skip


def _finish(axes: Axes, names: Sequence[str], title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=LIGHT["ink"])
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 1.12)
    for bar in axes.patches:
        if bar.get_width() > _TEXT_OF_A_STAGE * high:
            axes.annotate(
                str(bar.get_gid()).split()[1], (bar.get_x() + bar.get_width() / 2, bar.get_y() + 0.31),
                ha="center", va="center", fontsize=8, color=LIGHT["ink"],
                bbox={"boxstyle": "round,pad=0.15", "fc": LIGHT["paper"], "ec": "none", "alpha": 0.85},
            )  # fmt: skip
    axes.tick_params(colors=LIGHT["soft"], labelsize=9)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(_LOOKS.get(name, _NEUTRAL)[0])
    axes.patch.set_alpha(0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["line"])
