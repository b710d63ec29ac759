"""The stepper: a thin widget over `stepping`, which has all that it shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from ..errors import SelectionError, ZcvizError
from ..render import escape
from .choice import choose_message
from .lane_steps import LaneStep
from .packets import Layer, Packets
from .passage import pipeline_named
from .stepping import Step, Trip, walk_through
from .strips import NARROW
from .svg import STYLE
from .theme import CSS, FIELD_CSS

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Stepper", "stepper"]

_STATIC = Path(__file__).parent / "static"
_WIDE = 540  # of a lane's drawing, where two lanes stand side by side


def stepper(
    feed: Feed,
    message: int | None = None,
    pipelines: Iterable[str] = ("copying", "columnar"),
    *,
    batch: bool = False,
) -> Stepper:
    """Return a panel in which one packet goes through pipelines, step by step.

    Parameters
    ----------
    feed : Feed
    message : int, optional
        The message to follow at first, a position in ``feed.index``. Not given: one is chosen that
        makes a good picture.
    pipelines : iterable of str
        One to four of them, side by side.
    batch : bool
        Start with the batch of packets that the message is in, instead of its packet alone.

    Returns
    -------
    Stepper

    Raises
    ------
    SelectionError
        No such message or pipeline, or nothing in the feed to step through.
    BufferLifetimeError
        The feed is closed.

    Notes
    -----
    All that is shown comes from runs of the pipelines over this feed. A packet is sent through when
    it is asked for; what that made is let go of again.

    Memory: keeps the feed, none of its bytes.
    """
    return Stepper(feed, message, pipelines, batch=batch)


class Stepper(anywidget.AnyWidget):
    """The panel.

    Parameters
    ----------
    feed : Feed
    message : int, optional
    pipelines : iterable of str
    batch : bool

    Attributes
    ----------
    trip : Trip
        What it shows, as plain data.
    step : int
        The step that is shown, counted from 0. Assign to it to go there.
    """

    _esm = _STATIC / "stepper.js"
    _css = CSS + FIELD_CSS + STYLE + (_STATIC / "stepper.css").read_text(encoding="utf-8")

    shown = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        feed: Feed,
        message: int | None = None,
        pipelines: Iterable[str] = ("copying", "columnar"),
        *,
        batch: bool = False,
    ) -> None:
        names = tuple(pipelines)
        for name in names:
            pipeline_named(name)
        if not 1 <= len(names) <= 4 or len(set(names)) < len(names):
            raise SelectionError("one to four different pipelines can be shown side by side")
        self._feed, self._pipelines = feed, names
        packet, followed = _place(feed, message, batch)
        self.trip = walk_through(feed, packet, followed, names, batch=batch)
        super().__init__(shown=_state(self.trip))
        self.on_msg(self._hear)

    def go(self, packet: int, message: int | None = None, *, batch: bool = False) -> None:
        """Show another packet, or another message of it.

        Parameters
        ----------
        packet : int
            Its number, counted from 0.
        message : int, optional
            The message of it that is followed, counted from 0.
        batch : bool
            Send the batch that it is in.

        Raises
        ------
        SelectionError
            There is no such packet or message.
        BufferLifetimeError
            The feed is closed.
        """
        self.trip = walk_through(self._feed, packet, message, self._pipelines, batch=batch)
        with self.hold_sync():
            self.shown = _state(self.trip)
            self.step = max(0, min(self.step, len(self.trip.steps) - 1))
            self.remark = ""

    def _switch(self, batch: bool) -> None:
        # The same message is followed, with or without the packets around its own.
        trip = self.trip
        place: tuple[int, int | None] = trip.packet, None
        if trip.message is not None:
            place = _place(self._feed, trip.first + trip.message, batch)
        self.go(*place, batch=batch)

    @traitlets.validate("step")
    def _bounded(self, proposal: dict[str, Any]) -> int:
        return max(0, min(int(proposal["value"]), len(self.trip.steps) - 1))

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        batch = bool(content.get("batch"))
        try:
            if content.get("do") == "batch":
                self._switch(batch)
            elif content.get("do") == "go":
                message = content.get("message")
                message = None if message is None else int(message)
                self.go(int(content["packet"]), message, batch=batch)
        except (KeyError, OverflowError, TypeError, ValueError):
            self.remark = "That is not the number of a packet."
        except (OSError, ZcvizError) as error:
            self.remark = str(error)
        self.send({"kind": "heard"})

    def __repr__(self) -> str:
        return str(self.trip)

    def _repr_html_(self) -> str:
        steps = self.trip.steps
        said = "".join(
            f"<li><b>{escape(step.title)}</b>"
            + "".join(f"<br>{escape(lane.sentence)}" for lane in step.lanes)
            for step in steps
        )
        figures = "".join(
            f"<p>{escape(lane.pipeline)}: "
            + escape(", ".join(f"{each.value} {each.caption}" for each in lane.figures))
            for lane in steps[-1].lanes
        )
        title = f"<p><b>{escape(self.trip.subject)}</b></p>"
        return f"<div>{title}{steps[-1].picture._repr_html_()}{figures}<ol>{said}</ol></div>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:  # for readers that show no widgets, and for paper
            bundle[0].update({"text/plain": repr(self), "text/html": self._repr_html_()})
        return bundle


def _place(feed: Feed, message: int | None, batch: bool = False) -> tuple[int, int | None]:
    # The packet that is shown at first, and the message of it.
    packets = Packets(feed)
    feed._check_open()
    if not len(packets):
        raise SelectionError(f"{feed.name} holds no packet to step through")
    if message is None and not len(feed):
        return 0, None
    chosen = choose_message(feed) if message is None else message
    packet = packets.of_message(chosen)
    return packet, chosen - packets.packet(packet, batch=batch).messages.start


def _state(trip: Trip) -> dict[str, Any]:
    # What the page is told: numbers, text, and drawings in which all text is escaped.
    wide, narrow = trip.drawings(_WIDE), trip.drawings(NARROW)
    return {
        "heading": trip.heading,
        "subject": trip.subject,
        "packet": trip.packet,
        "packets": trip.packets,
        "count": trip.count,
        "batch": trip.batch,
        "isBatch": trip.is_batch,
        "unit": trip.unit,
        "message": trip.message,
        "messages": list(trip.messages),
        "number": trip.number,
        "layers": [_layer(each, trip.start) for each in trip.layers],
        "steps": [_step(each) for each in trip.steps],
        "drawings": [
            {"wide": one, "narrow": other} for one, other in zip(wide, narrow, strict=True)
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    lanes = [_lane(each) for each in step.lanes]
    return {"name": step.name, "title": step.title, "lanes": lanes}


def _lane(lane: LaneStep) -> dict[str, Any]:
    figures = [[each.value, each.caption, each.is_main] for each in lane.figures]
    return {
        "pipeline": lane.pipeline,
        "isZeroCopy": lane.is_zero_copy,
        "stage": lane.stage,
        "sentence": lane.sentence,
        "figures": figures,
    }


def _layer(layer: Layer, start: int) -> dict[str, Any]:
    return {
        "title": layer.title,
        "at": layer.start,
        "start": layer.start - start,
        "size": layer.end - layer.start,
        "message": layer.message,
        "fields": [
            [row.name, row.offset, row.size, row.value, row.meaning, row.colour]
            for row in layer.rows
        ],
    }
