"""zcviz: see, measure and learn what zero-copy processing of market data is.

>>> import zcviz
>>> with zcviz.open("data/feed.itch") as feed:        # doctest: +SKIP
...     feed.counts()["A"], feed.table("A")["price"]

Names are loaded when they are first used: importing zcviz loads neither numpy nor numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors
from ._version import __version__

if TYPE_CHECKING:
    from . import receive, send
    from .bench import Comparison, compare
    from .book import OrderBook
    from .dissection import dissect
    from .feed import Feed, open
    from .pipelines import PIPELINES
    from .schema import read_schema
    from .spec import Message, Protocol
    from .summary import Summary
    from .table import Table
    from .tables import documentation
    from .trace import (
        allocations,
        exact,
        ledger_of,
        overlap,
        provenance,
        shares_memory,
        what_copied,
    )
    from .viz import dashboard, hexmap, live_chart, memory_picture, stepper

_HOMES = {
    "Comparison": "bench",
    "compare": "bench",
    "OrderBook": "book",
    "dissect": "dissection",
    "Feed": "feed",
    "open": "feed",
    "PIPELINES": "pipelines",
    "read_schema": "schema",
    "Message": "spec",
    "Protocol": "spec",
    "Summary": "summary",
    "Table": "table",
    "documentation": "tables",
    "allocations": "trace",
    "exact": "trace",
    "ledger_of": "trace",
    "overlap": "trace",
    "provenance": "trace",
    "shares_memory": "trace",
    "what_copied": "trace",
    "dashboard": "viz",
    "hexmap": "viz",
    "live_chart": "viz",
    "memory_picture": "viz",
    "stepper": "viz",
}

__all__ = [
    "PIPELINES",
    "Comparison",
    "Feed",
    "Message",
    "OrderBook",
    "Protocol",
    "Summary",
    "Table",
    "__version__",
    "allocations",
    "compare",
    "dashboard",
    "dissect",
    "documentation",
    "errors",
    "exact",
    "hexmap",
    "ledger_of",
    "live_chart",
    "memory_picture",
    "open",
    "overlap",
    "provenance",
    "read_schema",
    "receive",
    "send",
    "shares_memory",
    "stepper",
    "what_copied",
]


_PACKAGES = {"receive", "send"}


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module 'zcviz' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """Make the magics known: ``%load_ext zcviz``."""
    import_module(".magics", __name__).load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Make them unknown again."""
    import_module(".magics", __name__).unload(shell)
