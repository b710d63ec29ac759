"""The dashboard: receive paths at work, live, with all that can be set about them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from ..errors import ZcvizError
from ..traffic import Sample, Settings, TrafficRun, layout
from ..traffic.settings import LIVE, PIPELINES
from .live_panel import LivePanel
from .theme import CSS
from .trend import SECONDS, Trend
from .verdict import verdict

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Dashboard", "dashboard"]

_STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("dashboard_drawings.js", "dashboard_controls.js", "dashboard.js")


def dashboard(
    feed: Feed | None = None, *, page_timeout: float = 90.0, **settings: Any
) -> Dashboard:
    """Return a panel in which packets arrive on one or two receive paths, live.

    A sender and the receivers run in processes of their own. What is offered, received, decoded and
    lost, and where, is shown 20 times a second; everything can be changed meanwhile.

    Parameters
    ----------
    feed : Feed, optional
        Of itch50, whose messages are sent; otherwise, invented ones are.
    page_timeout : float [s]
        Stop when no page has been heard of for so long.
    **settings
        Attributes of `zcviz.traffic.Settings`, such as ``paths`` and ``rate``.

    Returns
    -------
    Dashboard

    Raises
    ------
    SelectionError
        A setting makes no sense, or the feed holds no messages that can be sent.

    Notes
    -----
    Memory: the feed's messages are copied once, into what is sent. Histograms look back ten
    seconds, the curve thirty, and what can be exported ten minutes; nothing grows beyond that.
    """
    run = TrafficRun(feed, Settings().changed(**settings))
    return Dashboard(run, page_timeout=page_timeout)


class Dashboard(LivePanel):
    """The panel of a run of traffic.

    Parameters
    ----------
    run : TrafficRun
        What it shows and controls. Its data are to be had from there: ``run.to_frame()``.
    page_timeout : float [s]

    Attributes
    ----------
    run : TrafficRun
    """

    _esm = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = CSS + (_STATIC / "dashboard.css").read_text(encoding="utf-8")

    settings = traitlets.Dict().tag(sync=True)
    frozen = traitlets.Bool(False).tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)
    problems = traitlets.Dict().tag(sync=True)
    verdicts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    past = traitlets.Bytes().tag(sync=True)

    def __init__(self, run: TrafficRun, *, page_timeout: float = 90.0) -> None:
        available = run.available
        self._trend = Trend()
        super().__init__(run, page_timeout, about=_about(available))
        permitted = [name for name, why in available.items() if not why]
        if permitted and not set(run.settings.paths) & set(permitted):
            run.change(paths=(permitted[0],))
        self._show(run.sample())

    def start(self) -> None:
        """Start; return at once. What was seen before is forgotten."""
        self.remark = ""
        super().start()

    def stop(self) -> None:
        """Stop, and return when nothing is at work any more; the picture stays."""
        self.run.freeze(False)
        super().stop()

    def freeze(self, frozen: bool = True) -> None:
        """Let the picture stand still while the run goes on, or move again."""
        self.run.freeze(frozen)
        self._show(self.run.sample())

    def change(self, **settings: Any) -> None:
        """Change settings: rate, delay and burst at once; for others a run starts anew.

        Parameters
        ----------
        **settings
            Attributes of `zcviz.traffic.Settings`.

        Raises
        ------
        SelectionError
            There is no such setting, or the value makes no sense.
        """
        before = self.run.settings
        self.run.change(**settings)
        self.remark = ""
        if not self.run.running and before.paths != self.run.settings.paths:
            self._trend = Trend()  # what was seen is of other paths
        self._show(self.run.sample())

    def __repr__(self) -> str:
        now = "running" if self.run.running else "stopped" if self.past else "not started"
        paths = " and ".join(self.run.settings.paths)
        return f"Dashboard of {paths}: {now}. {self._said()}".rstrip()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)  # whole: for readers that show no widgets
        return bundle

    def _retire(self) -> None:
        self.stop()
        self.run.close()

    # --- from the page

    def _orders(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return super()._orders() | {
            "look": lambda _: self._send_past(),
            "freeze": lambda message: self.freeze(bool(message.get("frozen"))),
            "change": self._changed,
            "csv": lambda _: self._send_csv(),
        }

    def _changed(self, message: dict[str, Any]) -> None:
        try:
            self.change(**message["settings"])
        except (KeyError, TypeError):
            self.remark = "That is not a setting."
        except (OSError, ZcvizError) as error:
            self.remark = _sentence(str(error))

    # --- to the page

    def _complain(self, text: str) -> None:
        self.remark = _sentence(text)

    def _send_past(self) -> None:
        self.send({"kind": "past"}, buffers=[memoryview(self._trend.pack()).cast("B")])

    def _send_csv(self) -> None:
        # Packed: Jupyter's server lets a kernel send a megabyte a second.
        text = self.run.to_csv() or ""
        self.send({"kind": "csv"}, buffers=[gzip.compress(text.encode(), 6)])

    def _publish(self, sample: Sample) -> None:
        self._trend.add(sample, self.run.settings.messages)
        super()._publish(sample)

    def _tell(self, sample: Sample) -> None:
        run = self.run
        self.settings = asdict(run.settings)
        self.frozen = run.frozen
        self.problems = dict(run.problems)
        if run.frozen:
            return
        self.sentence = self._said()
        rows = zip(sample.paths, sample.latency, sample.stalls, strict=True)
        self.verdicts = [verdict(*row) for row in rows]
        if not run.running:
            self.past = self._trend.pack().tobytes()

    def _said(self) -> str:
        return self.run.sentence() if len(self._trend) else ""


def _about(available: dict[str, str]) -> dict[str, Any]:
    return {
        "layout": layout(),
        "paths": [{"name": name, "why": why} for name, why in available.items()],
        "pipelines": list(PIPELINES),
        "live": list(LIVE),
        "seconds": SECONDS,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
