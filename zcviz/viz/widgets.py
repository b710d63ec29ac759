"""Widgets: thin skins over plain state that is tested without any page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from ..live import LiveRun, Sample, words
from ..live.state import DEFAULT
from .live_panel import LivePanel
from .theme import CSS

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["LiveChart", "live_chart"]

_STATIC = Path(__file__).parent / "static"


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


class LiveChart(LivePanel):
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

    chosen = traitlets.List(traitlets.Unicode()).tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)
    problems = traitlets.List(traitlets.Unicode()).tag(sync=True)
    readout = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, run: LiveRun, *, page_timeout: float = 90.0) -> None:
        super().__init__(
            run,
            page_timeout,
            about=words.about(run),
            chosen=list(run.chosen),
            readout=words.readout(run, run.sample()),
        )
        self.observe(self._choose, "chosen")

    def reset(self) -> None:
        """Forget what was measured so far; pipelines that run go on."""
        self.run.reset()
        self._show(self.run.sample())

    def __repr__(self) -> str:
        return words.summary(self.run, self.run.sample())

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)  # whole: for readers that show no widgets
        return bundle

    def _orders(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return super()._orders() | {"reset": lambda _: self.reset()}

    def _choose(self, change: dict[str, Any]) -> None:
        self._try(lambda: self.run.choose(change["new"]))
        self._show(self.run.sample())

    def _tell(self, sample: Sample) -> None:
        run = self.run
        self.about = words.about(run)
        self.chosen = list(run.chosen)
        self.remark = run.remark
        self.problems = words.troubles(run.problems)
        self.readout = words.readout(run, sample)
        self.sentence = run.sentence(sample)
