"""Pictures of results: data in, SVG, HTML or a figure out.

Whoever wants a picture either calls a function of here or, from below, asks `zcviz.render` for a
kind. Nothing is loaded before it is used: matplotlib and the widgets need the extra
``[notebooks]``, the SVG and HTML pictures need nothing.
"""

from __future__ import annotations

from typing import Any

from ..render import register, renderer

__all__ = ["hexmap", "live_chart", "memory_picture"]

_PICTURES = {
    "memory_picture": "memory:memory_picture",
    "hexmap": "hexmap:hexmap",
    "live_chart": "widgets:live_chart",
    "comparison": "timing:comparison_figure",
    "comparison table": "costs:comparison_table",
}

for _kind, _place in _PICTURES.items():
    register(_kind, f"{__name__}.{_place}")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return renderer(name)
