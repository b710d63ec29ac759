"""What one pipeline has made of a packet after each step: memory, figures, a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..pipelines import Stage
from ..render import size_text
from .census import Count, account, things, times
from .model import Lane
from .packets import MOST, Packet
from .passage import Passage, Passed
from .snapshot import Segments, lane_of, part_of_source

__all__ = ["Figure", "LaneStep", "lane_steps", "step_of"]

NOT_MEASURED = "not measured"

_SAME = {"index": "message", "gather": "record"}  # other names for what is the same step
_OLD = "The sums are one object for the whole feed. It was there before."


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, its unit, and what it is; `is_main` of those that come first."""

    value: str
    caption: str
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class LaneStep:
    """One pipeline at one step.

    Attributes
    ----------
    pipeline, stage : str
        The stage is empty where the pipeline does nothing at this step.
    lane : Lane
        All memory that there is now.
    copied, derived, objects : int
        So far; bytes by the ledger.
    allocated, blocks : int or None
        Memory allocated so far, for a moment or to stay; None: not measured.
    ns : int
        Time spent so far: for each stage the least of some passes.
    places : int
        How many times the whole message that is followed is in memory.
    sentence : str
    """

    pipeline: str
    stage: str
    lane: Lane
    copied: int
    derived: int
    objects: int
    allocated: int | None
    blocks: int | None
    ns: int
    places: int
    sentence: str

    @property
    def is_zero_copy(self) -> bool:
        """Whether stages have made something by now, and no byte of the feed was copied."""
        return self.objects > 0 and not self.copied

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What is counted, as text."""
        measured = self.allocated is not None
        allocated = size_text(self.allocated or 0) if measured else NOT_MEASURED
        blocks = f"allocated, in {self.blocks:,} blocks" if measured else "allocated on the way"
        return (
            Figure(size_text(self.copied), "copied so far", True),
            Figure(
                f"{self.objects:,}", "object made" if self.objects == 1 else "objects made", True
            ),
            Figure(size_text(self.derived), "derived"),
            Figure(allocated, blocks),
            Figure(f"{self.ns / 1000:,.1f} µs", "spent: least of 3 passes"),
        )


def step_of(stage: Stage) -> str:
    """Return the name of the step that a stage is: those of all pipelines have the same names."""
    return _SAME.get(stage.name, stage.name)


def lane_steps(
    packet: Packet, message: int | None, segments: Segments, passage: Passage, names: Sequence[str]
) -> list[LaneStep]:
    """Return every step of a passage.

    Parameters
    ----------
    packet : Packet
    message : int or None
        The one that is followed.
    segments : Dissection or sequence
        What the bytes of the packet are.
    passage : Passage
    names : sequence of str
        Of the steps, those included at which this pipeline does nothing.
    """
    way = _Way(packet, message, segments, passage)
    return [way.step(name, names[number:]) for number, name in enumerate(names)]


class _Way:
    def __init__(
        self, packet: Packet, message: int | None, segments: Segments, passage: Passage
    ) -> None:
        self.packet, self.message, self.passage = packet, message, passage
        self.kind: Literal["copying", "zero-copy"]
        self.kind = "copying" if passage.pipeline == "copying" else "zero-copy"
        self.part = part_of_source(packet.feed.source, segments, [])
        self.stages = {step_of(each.stage): each for each in passage.passed}
        self.done: list[Passed] = []
        self.objects: list[tuple[str, Any]] = []

    def step(self, name: str, ahead: Sequence[str]) -> LaneStep:
        now = self.stages.get(name)
        notes = []
        if now is not None:
            self.done.append(now)
        if len(self.packet.messages) > MOST:
            notes.append(f"What {len(self.packet.messages):,} messages become is too much to draw.")
        elif now is not None and now.outputs:
            self.objects.append((now.stage.name, _whole(now.outputs)))
        if now is not None and not now.outputs:
            notes.append(_OLD)
        total = sum((each.count for each in self.done), Count())
        return LaneStep(
            self.passage.pipeline,
            now.stage.name if now else "",
            replace(lane_of(self.kind, self.objects, self.part, notes), name=self.passage.pipeline),
            total.copied,
            total.derived,
            total.objects,
            _total([each.allocated for each in self.done]),
            _total([each.blocks for each in self.done]),
            sum(each.ns for each in self.done),
            total.whole + 1,
            f"{self.passage.pipeline.capitalize()}: {self._sentence(now, ahead, total)}",
        )

    def _sentence(self, now: Passed | None, ahead: Sequence[str], total: Count) -> str:
        if not self.done and ahead[0] == "file":
            return self._before()
        if now is not None:
            said = [now.stage.does, account(now.count)]
            if not self.packet.messages and ahead[0] in ("message", "record"):
                said.append("There is no message to do that with.")
            if now.count.whole:
                said.append(f"Your message is in memory {times(total.whole + 1)} now.")
            if len(ahead) == 1:
                said.append(self._garbage())
            return " ".join(filter(None, said))
        later = [each.name for each in self.passage.stages if step_of(each) in ahead]
        if not later:
            return "Nothing is left to do."
        if any(self.stages.get(step) for step in ahead):
            return f"Nothing is done or made here; its next stage is {later[0]}."
        return f"There is nothing in this {self.packet.unit} for its stage {later[0]}."

    def _garbage(self) -> str:
        made = sum(each.count.objects for each in self.done[:-1])
        verb = "is" if made == 1 else "are"
        comes = "come" if self.packet.count > 1 else "comes"
        return (
            f"The {things(made)} of the stages before {verb} garbage when the next "
            f"{self.packet.unit} {comes}."
        )

    def _before(self) -> str:
        size, unit = self.packet.feed.source.size, self.packet.unit
        if self.message is None:
            return f"Nothing is made yet. The {unit} lies in the {size:,} bytes of the feed."
        start, end = self.packet.bounds(self.message)
        return (
            f"Nothing is made yet. Your message is {end - start} of the {size:,} bytes of the feed."
        )


def _whole(outputs: Sequence[Any]) -> Any:
    # One packet's output as it is; those of a batch as one list.
    if len(outputs) == 1:
        return outputs[0]
    if all(isinstance(each, list) for each in outputs):
        return [item for each in outputs for item in each]
    return list(outputs)


def _total(numbers: Sequence[int | None]) -> int | None:
    known = [each for each in numbers if each is not None]
    return sum(known) if len(known) == len(numbers) else None
