"""Pictures of results: data in, SVG, HTML or a figure out.

Whoever wants a picture either calls a function of here or, from below, asks `zcviz.render` for a
kind. Nothing is loaded before it is used: matplotlib and the widgets need the extra
``[notebooks]``, the SVG and HTML pictures need nothing.
"""

from __future__ import annotations

from typing import Any

from ..render import picture, register, renderer
from ..trace import Provenance

__all__ = ["dashboard", "hexmap", "live_chart", "memory_picture", "stepper"]

_PICTURES = {
    "lineage": "lineage:lineage",
    "memory_picture": "memory:memory_picture",
    "hexmap": "hexdump:hexmap",
    "live_chart": "widgets:live_chart",
    "stepper": "stepper_panel:stepper",
    "dashboard": "dashboard_panel:dashboard",
    "comparison": "timing:comparison_figure",
    "comparison table": "costs:comparison_table",
    "account": "reports:account_table",
    "allocations": "reports:allocations_table",
    "copies": "reports:copies_table",
    "counts": "reports:counts_table",
    "variants": "reports:variants_table",
}

for _kind, _place in _PICTURES.items():
    register(_kind, f"{__name__}.{_place}")


@picture.register
def _lineage(found: Provenance) -> str:
    drawn: str = renderer("lineage")(found)
    return drawn


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return renderer(name)
