"""What the panels of live runs have in common: they begin, are watched, and end alike."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from ..errors import ZcvizError
from ..live import Audience, Publisher
from ..live.publisher import RATE

__all__ = ["LivePanel"]

_SHOW_EVERY = RATE // 2  # updates: figures that change faster cannot be read


class LivePanel(anywidget.AnyWidget):
    """A panel that controls a run and is sent its samples.

    Parameters
    ----------
    run : LiveRun or TrafficRun
    page_timeout : float [s]
        Stop when no page has been heard of for so long.
    **state
        Traits as they are at first.

    Attributes
    ----------
    run
        What it shows and controls.
    """

    about = traitlets.Dict().tag(sync=True)
    beat = traitlets.Float().tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    # The picture as it stands, for views made later and for a saved notebook. While a run goes on
    # frames travel as bare buffers instead, which the page need not answer.
    frame = traitlets.Bytes().tag(sync=True)

    def __init__(self, run: Any, page_timeout: float, **state: Any) -> None:
        super().__init__(beat=min(20.0, page_timeout / 4.5), **state)
        self.run = run
        self._audience = Audience(page_timeout)
        self._publisher: Publisher[Any] = Publisher(run, self._publish)
        self._published = 0
        self._showing = threading.RLock()
        self.on_msg(self._hear)
        _end_former(self)

    def start(self) -> None:
        """Start; return at once."""
        self._publisher.stop()
        self._audience.begin()
        self._published = 0
        self._try(self.run.start)
        self._show(self.run.sample())
        self._publisher.start()

    def stop(self) -> None:
        """Stop, and return when nothing is at work any more; the picture stays."""
        self._publisher.stop()
        self.run.stop()
        self._show(self.run.sample())

    def close(self) -> None:
        """Stop, and remove the panel from the page."""
        if hasattr(self, "run"):
            self._publisher.stop()
            self.run.close()
        super().close()

    def _retire(self) -> None:
        # Another panel took its place.
        self.stop()

    # --- from the page

    def _orders(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        # What a page may ask for, by name; each is given the whole message.
        return {"start": lambda _: self.start(), "stop": lambda _: self.stop()}

    def _hear(self, _: object, message: dict[str, Any], __: object) -> None:
        what, view = message.get("do"), str(message.get("view", ""))
        if what == "leave":
            self._audience.leave(view)
            return
        self._audience.hear(view)
        order = self._orders().get(str(what))
        if order is not None:
            order(message)
        self.send({"kind": "heard"})

    def _try(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except (OSError, ZcvizError) as error:
            self._complain(str(error))

    # --- to the page

    def _complain(self, text: str) -> None:
        self.run.problems[""] = text

    def _publish(self, sample: Any) -> None:
        if self._audience.is_gone():
            self.run.stop()
            self._complain("it was stopped, because no page has shown it for a while")
        self.send({"kind": "frame"}, buffers=[memoryview(sample.pack()).cast("B")])
        self._published += 1
        if self._published % _SHOW_EVERY == 0 or not self.run.running:
            self._show(sample)

    def _show(self, sample: Any) -> None:
        with self._showing, self.hold_sync():
            self.running = self.run.running
            self._tell(sample)
            if not self.run.running:
                self.frame = sample.pack().tobytes()

    def _tell(self, sample: Any) -> None:
        # Set the traits that are words and figures.
        raise NotImplementedError


_panels_by_cell: dict[str, tuple[str, weakref.WeakSet[LivePanel]]] = {}


def _end_former(panel: LivePanel) -> None:
    # Running a cell again must not leave the workers of its former panel at work, though that
    # panel may still be alive: the notebook's output history holds it.
    cell, execution = _cell_that_runs()
    if not cell:
        return
    known, panels = _panels_by_cell.get(cell, ("", weakref.WeakSet()))
    if known != execution:
        for former in list(panels):
            former._retire()
        panels = weakref.WeakSet()
        _panels_by_cell[cell] = execution, panels
    panels.add(panel)


def _cell_that_runs() -> tuple[str, str]:
    # (the cell's id, the execution's), empty outside of a notebook.
    from IPython import get_ipython

    shell = get_ipython()
    parent = getattr(shell, "parent_header", None) if shell is not None else None
    if not isinstance(parent, dict):
        return "", ""
    cell = parent.get("metadata", {}).get("cellId") or ""
    return str(cell), str(parent.get("header", {}).get("msg_id", ""))
