"""The comparison of pipelines as a matplotlib figure.

The figure is drawn in the light theme's colours. In a notebook it is shown as SVG whose colours
are theme variables, so that it follows JupyterLab's theme; saved to a file it is as drawn.
"""

from __future__ import annotations

import io
import re
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..bench import Comparison
from ..render import escape
from .theme import CSS, LIGHT

__all__ = ["ThemedFigure", "comparison_figure"]

# What a pipeline is drawn in: edge, fill, hatch. The same three everywhere in zcviz.
_LOOKS = {
    "copying": (LIGHT["copy"], LIGHT["copy-fill"], "////"),
    "columnar": (LIGHT["view"], LIGHT["view-fill"], ""),
}
_NEUTRAL = (LIGHT["neutral"], LIGHT["strip"], "")
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 10, "color": LIGHT["ink"]}
_WIDE_ENOUGH = 0.09  # of the axis, for a stage to have its name written in it


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
            self.savefig(out, format="svg", metadata={"Date": None})
        svg = out.getvalue()
        svg = svg[svg.index("<svg") :]
        for name, colour in LIGHT.items():
            svg = svg.replace(colour.lower(), f"var(--zc-{name})")
        svg = re.sub(r'(<svg [^>]*?)width="[^"]*"|height="[^"]*pt"', r"\1", svg, count=2)
        label = escape(self.description)
        return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" class="zc-figure" ', 1)

    def to_file_svg(self) -> str:
        """Return `to_svg` with its colours and paper in it: for a file, shown on any page."""
        style = f"<style>{CSS}</style>"
        svg = self.to_svg().replace('class="zc-figure"', 'class="zc zc-figure"', 1)
        at = svg.index(">") + 1
        return f"{svg[:at]}{style}{svg[at:]}"

    def _repr_html_(self) -> str:
        # Where there is less room than its text needs, it scrolls.
        drawn = f'<div style="min-width:600px">{self.to_svg()}</div>'
        return f'<div class="zc" style="overflow-x:auto"><style>{CSS}</style>{drawn}</div>'


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
    figure = ThemedFigure(
        figsize=(9, 1.1 * len(names) + 1.9), layout=ConstrainedLayoutEngine(hspace=0.12)
    )
    figure.patch.set_alpha(0)
    times, copies = figure.subplots(2, 1)
    _bars(times, comparison, "ns", "{:,.0f} ns")
    _bars(copies, comparison, "copied", "{:,.1f} B")
    times.set_title("Time per message, nanoseconds: stage upon stage", **_TITLE)
    copies.set_title("Bytes copied per message, as they stood on the wire", **_TITLE)
    figure.description = f"{comparison.feed}: {comparison.sentence}"
    return figure


def _bars(axes: Axes, comparison: Comparison, what: str, form: str) -> None:
    names = comparison.pipelines
    widest = max(getattr(comparison.total(name), what) for name in names) or 1.0
    for row, name in enumerate(names):
        edge, fill, hatch = _LOOKS.get(name, _NEUTRAL)
        left = 0.0
        for stage in comparison.rows:
            if stage.pipeline == name and stage.stage != "total":
                width = getattr(stage, what)
                axes.barh(row, width, 0.62, left, color=fill, edgecolor=edge, hatch=hatch, lw=1)
                if width > _WIDE_ENOUGH * widest:
                    _inside(axes, stage.stage, left + width / 2, row)
                left += width
        text = form.format(getattr(comparison.total(name), what))
        beside: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text, (left, row), color=edge, fontweight="bold", **beside)
    axes.set_xlim(0, widest * 1.12)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    _plain(axes)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(_LOOKS.get(name, _NEUTRAL)[0])


def _inside(axes: Axes, text: str, x: float, y: float) -> None:
    paper = {"boxstyle": "round,pad=0.15", "fc": LIGHT["paper"], "ec": "none", "alpha": 0.85}
    axes.text(x, y, text, ha="center", va="center", fontsize=8, color=LIGHT["ink"], bbox=paper)


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.tick_params(colors=LIGHT["soft"], labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT["line"])
