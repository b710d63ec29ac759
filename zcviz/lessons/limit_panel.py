"""The panel of the machine's limit: a thin skin over `LimitRun`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..feed import Feed
from ..render import printable
from ..viz import theme
from .limit import FLOOR, LimitRun, steps_of, times_text
from .show import number_text

__all__ = ["LimitPanel", "limit_panel"]

_STATIC = Path(__file__).parent / "static"
_panels: weakref.WeakSet[LimitPanel] = weakref.WeakSet()


def limit_panel(
    feed: Feed, own: Mapping[str, Callable[[Feed], object]] | None = None, *, seconds: float = 60.0
) -> LimitPanel:
    """Return a panel that measures steps against the limit of the machine, live.

    Parameters
    ----------
    feed : Feed
        In memory, such as `repeated` returns.
    own : mapping of str to callable (feed), optional
        Steps of your own; each goes through all messages.
    seconds : float
        After which it stops by itself.
    """
    about = (
        f"{len(feed):,} messages, {feed.source.size / 1e6:,.0f} MB in memory; one step after "
        "another, on one core"
    )
    return LimitPanel(LimitRun(steps_of(feed, own), seconds), about)


class LimitPanel(anywidget.AnyWidget):
    """The panel of a run; at most one of them measures at a time.

    Parameters
    ----------
    run : LimitRun
        What it shows and controls.
    about : str
        What is measured on.
    """

    _esm = _STATIC / "limit.js"
    _css = "".join(
        [theme.CSS, *((_STATIC / name).read_text("utf-8") for name in ("lessons.css", "limit.css"))]
    )

    about = traitlets.Unicode().tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    floor = traitlets.Float().tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)

    def __init__(self, run: LimitRun, about: str = "") -> None:
        super().__init__(about=about, rows=_rows(run))
        self.run = run
        self._stop_others()
        _panels.add(self)
        self.on_msg(self._hear)

    def start(self) -> None:
        """Measure, from the beginning; return at once."""
        self._stop_others()
        try:
            self.run.start(self._show)
        except RuntimeError:
            self.remark = "This machine permits no thread, so nothing can be measured live here."
            return
        self._show()

    def stop(self) -> None:
        """Stop; the picture stays."""
        self.run.stop()
        self._show()

    def close(self) -> None:
        """Stop, and remove the panel from the page."""
        if hasattr(self, "run"):
            self.run.stop()
        super().close()

    def _stop_others(self) -> None:
        for each in list(_panels):
            if each is not self:
                each.run.stop()

    def _hear(self, _: object, message: dict[str, Any], __: object) -> None:
        orders = {"start": self.start, "stop": self.stop}
        if message.get("do") in orders:
            orders[message["do"]]()

    def _show(self) -> None:
        run = self.run
        with self.hold_sync():
            self.running = run.running
            self.floor = run.least().get(FLOOR, 0.0)
            self.rows = _rows(run)
            self.sentence = run.sentence
            ended = "" if run.running or not run.rounds else f"Stopped after {run.rounds} rounds."
            self.remark = printable(run.problem) or ended

    def __repr__(self) -> str:
        return repr(self.run)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)
        return bundle


def _rows(run: LimitRun) -> list[dict[str, Any]]:
    ns = run.least()
    floor = ns.get(FLOOR, 0.0)
    return [
        {
            "name": each.name,
            "does": each.does,
            "kind": each.kind,
            "ns": ns.get(each.name, 0.0),
            "times": [round(time, 4) for time in run.times(each.name)],
            "amount": f"{number_text(ns[each.name])} ns" if each.name in ns else "",
            "ratio": f"{times_text(ns[each.name] / floor)} ×" if floor and each.name in ns else "",
        }
        for each in run.steps
    ]
