"""A packet's way through pipelines side by side, step by step: pictures, figures and sentences.

`walk_through` sends a packet through, for real, and returns all that there is to show, as plain
data: a `Trip`. It holds nothing of the feed. A page, a test and a printout read the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SelectionError
from ..feed import Feed
from ..render import printable, size_text
from .lane_steps import LaneStep, lane_steps, step_of
from .memory import MemoryPicture
from .packets import MOST, Layer, Packet, Packets
from .passage import Passage, send
from .still import draw_stills
from .strips import scale_of

__all__ = ["STEPS", "Step", "Trip", "walk_through"]

STEPS = {
    "file": ("file", "The file, before anything is done"),
    "packet": ("packet", "Take the {unit} out of the file"),
    "datagram": ("datagram", "Take the datagram out of the {unit}"),
    "message": ("messages", "Find the messages"),
    "record": ("values", "Get at the values"),
    "summary": ("sums", "Add up"),
}
"""Steps by name: what they are called, and their titles."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in a word, its title, and every pipeline at it."""

    name: str
    title: str
    lanes: tuple[LaneStep, ...]

    @property
    def picture(self) -> MemoryPicture:
        """All memory that there is now."""
        return MemoryPicture(tuple(each.lane for each in self.lanes), self.title)


@dataclass(frozen=True, slots=True)
class Trip:
    """All that there is to show of one packet's way, or of a batch's.

    Attributes
    ----------
    heading, subject : str
        The feed, and the packet in it.
    packet, packets : int
        Number of the packet (the first of a batch), counted from 0, and how many there are.
    count, batch : int
        How many packets it is, and how many a batch is here.
    is_batch : bool
        Whether a batch was asked for: at the end of the feed one can be of a single packet.
    messages : tuple of str
        What each message is, as many as are listed.
    first, number : int
        Position of the first message in the feed, and how many messages there are.
    start : int
        Where the packet starts in the feed [bytes].
    unit : str
        What it is: ``"packet"``, ``"piece"``, or several of them.
    message : int or None
        The one that is followed, counted in the packet.
    layers : tuple of Layer
        Headers and messages of its packet, with their fields.
    steps : tuple of Step
    """

    heading: str
    subject: str
    packet: int
    packets: int
    count: int
    batch: int
    is_batch: bool
    messages: tuple[str, ...]
    first: int
    number: int
    start: int
    unit: str
    message: int | None
    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]

    def drawings(self, width: int) -> list[list[str]]:
        """Return for each pipeline an SVG element for every step, all at one scale."""
        if not self.steps:
            return []
        scale = scale_of(tuple(each.lane for each in self.steps[-1].lanes), width)
        lanes = zip(*([each.lane for each in step.lanes] for step in self.steps), strict=True)
        return [draw_stills(steps, self._places(), scale, width) for steps in lanes]

    def _places(self) -> list[tuple[int, int, int]]:
        for layer in self.layers:
            if layer.message is not None and layer.message == self.message:
                at = layer.start
                rows = [(at + row.offset, at + row.offset + row.size) for row in layer.rows]
                return [(at, layer.end, -1), *((*row, n) for n, row in enumerate(rows))]
        return []

    def __str__(self) -> str:
        lines = [self.heading, self.subject]
        for number, step in enumerate(self.steps, 1):
            lines += ["", f"{number}. {step.title}"]
            lines += [f"   {each.sentence}" for each in step.lanes]
        for each in self.steps[-1].lanes if self.steps else ():
            row = ", ".join(f"{figure.value} {figure.caption}" for figure in each.figures)
            lines += ["", f"{each.pipeline}: {row}", *each.lane.lines()]
        return "\n".join(map(printable, lines))


def walk_through(
    feed: Feed,
    packet: int = 0,
    message: int | None = None,
    pipelines: Sequence[str] = ("copying", "columnar"),
    *,
    batch: bool = False,
) -> Trip:
    """Send a packet through pipelines and return every step.

    Parameters
    ----------
    feed : Feed
    packet : int
        Its number, counted from 0; in a file without packets, of a piece of 64 messages.
    message : int, optional
        Which of its messages is followed, counted from 0: the first, if not given.
    pipelines : sequence of str
    batch : bool
        Send the batch that it is in, instead of the packet alone.

    Raises
    ------
    SelectionError
        No such packet, message or pipeline.
    BufferLifetimeError
        The feed is closed.

    Notes
    -----
    Memory: what the pipelines made is let go of again; the result holds numbers and text.
    """
    packets = Packets(feed)
    found = packets.packet(packet, batch=batch)
    followed = _followed(found, message)
    segments = found.segments(followed)
    passages = [send(found, name, followed) for name in pipelines]
    names = _names(passages)
    lanes = [lane_steps(found, followed, segments, each, names) for each in passages]
    steps = tuple(
        Step(STEPS[name][0], STEPS[name][1].format(unit=found.unit), tuple(at_once))
        for name, *at_once in zip(names, *lanes, strict=True)
    )
    listed = range(min(MOST, len(found.messages)))
    return Trip(
        heading=packets.heading,
        subject=_subject(found, followed),
        packet=found.number,
        packets=len(packets),
        count=found.count,
        batch=packets.size_of(True),
        is_batch=batch,
        messages=tuple(map(found.title, listed)),
        first=found.messages.start,
        number=len(found.messages),
        start=found.start,
        unit=found.unit,
        message=followed,
        layers=found.layers(followed),
        steps=steps,
    )


def _followed(packet: Packet, message: int | None) -> int | None:
    if not packet.messages:
        return None
    if message is None:
        return 0
    if not 0 <= message < len(packet.messages):
        raise SelectionError(
            f"message {message + 1} of {len(packet.messages):,} in this {packet.unit}"
        )
    return message


def _names(passages: Sequence[Passage]) -> list[str]:
    met = {step_of(stage) for passage in passages for stage in passage.stages}
    return ["file", *(name for name in STEPS if name in met)]


def _subject(packet: Packet, message: int | None) -> str:
    first, last = packet.number + 1, packet.number + packet.count
    which = f"{first:,}" if packet.count == 1 else f"{first:,} to {last:,}"
    what, number = f"{packet.unit} {which}".capitalize(), len(packet.messages)
    size = size_text(packet.end - packet.start)
    if message is None:
        return f"{what}, {size}: no message of this feed in it"
    messages = "one message" if number == 1 else f"message {message + 1:,} of {number:,}"
    return f"{what}, {size}: {messages}, {packet.title(message)}"
