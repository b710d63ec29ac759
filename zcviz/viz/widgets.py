"""Widgets: thin skins over plain state that is tested without any page."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from ..errors import ZcvizError
from ..live import Audience, LiveRun, Publisher, Sample, words
from ..live.publisher import RATE
from ..live.state import DEFAULT
from .theme import CSS

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["LiveChart", "live_chart"]

_STATIC = Path(__file__).parent / "static"
_READOUT_EVERY = RATE // 2  # updates: figures that change faster cannot be read


def live_chart(
    feed: Feed, pipelines: Iterable[str] = DEFAULT, *, page_timeout: float = 90.0
) -> LiveChart:
    """Return a panel that runs pipelines over a feed and draws how fast they are, live.

    Parameters
    ----------
    feed : Feed
        One from a file is opened anew by each pipeline's process; other bytes are put into shared
        memory once.
    pipelines : iterable of str
        Those to choose from.
    page_timeout : float [s]
        Stop when no page has been heard of for so long.

    Returns
    -------
    LiveChart

    Raises
    ------
    SelectionError
        There is no pipeline of that name.
    ZcvizError
        The feed holds no message.
    """
    return LiveChart(LiveRun(feed, pipelines), page_timeout=page_timeout)


class LiveChart(anywidget.AnyWidget):
    """The panel of a live run.

    Parameters
    ----------
    run : LiveRun
        What it shows and controls.
    page_timeout : float [s]

    Attributes
    ----------
    run : LiveRun
    chosen : list of str
        The pipelines that run, or will at the next start. Assign to it to choose others.
    """

    _esm = _STATIC / "live.js"
    _css = CSS + (_STATIC / "live.css").read_text(encoding="utf-8")

    about = traitlets.Dict().tag(sync=True)
    beat = traitlets.Float().tag(sync=True)
    chosen = traitlets.List(traitlets.Unicode()).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)
    problems = traitlets.List(traitlets.Unicode()).tag(sync=True)
    readout = traitlets.List(traitlets.Dict()).tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    # The picture as it stands, for views made later and for a saved notebook. While a run goes on
    # frames travel as bare buffers instead, which the page need not answer.
    frame = traitlets.Bytes().tag(sync=True)

    def __init__(self, run: LiveRun, *, page_timeout: float = 90.0) -> None:
        super().__init__(
            about=words.about(run),
            beat=min(20.0, page_timeout / 4.5),
            chosen=list(run.chosen),
            readout=words.readout(run, run.sample()),
        )
        self.run = run
        self._audience = Audience(page_timeout)
        self._publisher = Publisher(run, self._publish)
        self._published = 0
        self._showing = threading.RLock()
        self.on_msg(self._hear)
        self.observe(self._choose, "chosen")
        _end_former(self)

    def start(self) -> None:
        """Start the chosen pipelines; return at once."""
        self._publisher.stop()
        self._audience.begin()
        self._published = 0
        self._try(self.run.start)
        self._show(self.run.sample())
        self._publisher.start()

    def stop(self) -> None:
        """Stop, and return when all workers are gone; the picture stays."""
        self._publisher.stop()
        self.run.stop()
        self._show(self.run.sample())

    def reset(self) -> None:
        """Forget what was measured so far; pipelines that run go on."""
        self.run.reset()
        self._show(self.run.sample())

    def close(self) -> None:
        """Stop, and remove the panel from the page."""
        if hasattr(self, "run"):
            self._publisher.stop()
            self.run.close()
        super().close()

    def __repr__(self) -> str:
        return words.summary(self.run, self.run.sample())

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)  # whole: for readers that show no widgets
        return bundle

    # --- from the page

    def _hear(self, _: object, message: dict[str, Any], __: object) -> None:
        what, view = message.get("do"), str(message.get("view", ""))
        if what == "leave":
            self._audience.leave(view)
            return
        self._audience.hear(view)
        orders = {"start": self.start, "stop": self.stop, "reset": self.reset}
        if what in orders:
            orders[what]()
        self.send({"kind": "heard"})

    def _choose(self, change: dict[str, Any]) -> None:
        self._try(lambda: self.run.choose(change["new"]))
        self._show(self.run.sample())

    def _try(self, action: Any) -> None:
        try:
            action()
        except (OSError, ZcvizError) as error:
            self.run.problems[""] = str(error)

    # --- to the page

    def _publish(self, sample: Sample) -> None:
        if self._audience.is_gone():
            self.run.stop()
            self.run.problems[""] = "it was stopped, because no page has shown it for a while"
        self.send({"kind": "frame"}, buffers=[memoryview(sample.pack()).cast("B")])
        self._published += 1
        if self._published % _READOUT_EVERY == 0 or not self.run.running:
            self._show(sample)

    def _show(self, sample: Sample) -> None:
        run = self.run
        with self._showing, self.hold_sync():
            self.about = words.about(run)
            self.running = run.running
            self.chosen = list(run.chosen)
            self.remark = run.remark
            self.problems = words.troubles(run.problems)
            self.readout = words.readout(run, sample)
            self.sentence = run.sentence(sample)
            if not run.running:
                self.frame = sample.pack().tobytes()


_charts_by_cell: dict[str, tuple[str, weakref.WeakSet[LiveChart]]] = {}


def _end_former(chart: LiveChart) -> None:
    # Running a cell again must not leave the workers of its former chart at work, though that
    # chart may still be alive: the notebook's output history holds it.
    cell, execution = _cell_that_runs()
    if not cell:
        return
    known, charts = _charts_by_cell.get(cell, ("", weakref.WeakSet()))
    if known != execution:
        for former in list(charts):
            former.stop()
        charts = weakref.WeakSet()
        _charts_by_cell[cell] = execution, charts
    charts.add(chart)


def _cell_that_runs() -> tuple[str, str]:
    # (the cell's id, the execution's), empty outside of a notebook.
    from IPython import get_ipython

    shell = get_ipython()
    parent = getattr(shell, "parent_header", None) if shell is not None else None
    if not isinstance(parent, dict):
        return "", ""
    cell = parent.get("metadata", {}).get("cellId") or ""
    return str(cell), str(parent.get("header", {}).get("msg_id", ""))
