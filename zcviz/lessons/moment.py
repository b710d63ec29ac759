"""What exists at one moment of a packet's way, as a picture and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..pipelines import StageResult
from ..render import escape
from ..viz.census import Count, account, things, times
from ..viz.memory import MemoryPicture, memory_picture
from .show import Kind, Shown, card, figure, prose

if TYPE_CHECKING:
    from .stages import Passage

__all__ = ["MOST", "Moment", "side_by_side"]

MOST = 256
"""Messages that a picture has room for."""

_LANES: dict[str, Literal["copying", "zero-copy"]] = {"copying": "copying"}
_KINDS: dict[str, Kind] = {"copying": "copying", "columnar": "zero-copy"}

# One card: the picture without a frame of its own, figures and words beside it or beneath it.
_STYLE = """
.zcl-moment{display:flex;flex-wrap:wrap;gap:10px 30px;align-items:flex-start}
.zcl-moment>div:first-child{flex:1 1 400px;min-width:0;margin:0 -8px}
.zcl-moment>div:last-child{flex:1 1 190px;min-width:0}
.zcl-moment .zc-memory{border:0;padding:0;background:none}
.zcl-moment .zcl-figures{flex-direction:column;gap:8px}
.zcl-way b{color:var(--zc-ink)}
"""


@dataclass(frozen=True)
class Moment:
    """What exists after the first `number` stages of a passage.

    Attributes
    ----------
    passage : Passage
    number : int
    """

    passage: Passage
    number: int

    @property
    def results(self) -> tuple[StageResult, ...]:
        """What the stages so far took and gave; outputs that existed before are left out."""
        before = {id(each.output) for each in self.passage.earlier}
        done = self.passage.results[: self.number]
        return tuple(each for each in done if id(each.output) not in before)

    @property
    def counts(self) -> tuple[Count, ...]:
        """What each stage so far viewed, copied, derived and made."""
        return self.passage.counts[: self.number]

    @property
    def copied(self) -> int:
        """Wire bytes copied so far."""
        return sum(each.copied for each in self.counts)

    @property
    def objects(self) -> int:
        """Objects made so far that still exist."""
        return sum(each.objects for each in self.counts)

    @property
    def places(self) -> int:
        """How many times the whole message is in memory: in the feed, and in every copy."""
        return 1 + sum(each.whole for each in self.counts)

    @property
    def sentence(self) -> str:
        """What happened last."""
        if not self.number:
            start, stop = self.passage.bounds(self.passage.message)
            return (
                "Nothing has been made yet. Your message is "
                f"{stop - start} of the {self.passage.feed.source.size:,} bytes of the feed."
            )
        now = self.counts[-1]
        said = [self.passage.results[self.number - 1].stage.does, account(now)]
        if now.whole:
            said.append(f"Your message is in memory {times(self.places)} now.")
        elif now.viewed:
            said.append(f"Your message is still in memory {times(self.places)}.")
        if self.number == len(self.passage.results):
            said.append(
                f"The {things(self.objects)} of all stages are garbage when the next "
                f"{self.passage.unit} comes."
            )
        return " ".join(filter(None, said))

    @property
    def picture(self) -> MemoryPicture:
        """Every buffer and view that exists now."""
        passage, notes = self.passage, []
        lane = _LANES.get(passage.pipeline, "zero-copy")
        results = self.results
        if len(passage.packet) > MOST:
            results = ()
            notes.append(f"What {len(passage.packet):,} messages became is too much to draw.")
        elif len(results) < self.number:
            notes.append("The sums are one object for the whole feed. It was there before.")
        copying, zero_copy = (
            results if lane == each else None for each in ("copying", "zero-copy")
        )
        return memory_picture(
            copying, zero_copy, passage.feed.source, passage.segments, notes={lane: notes}
        )

    @property
    def title(self) -> str:
        """Where the packet is on its way."""
        name, stages = self.passage.pipeline.capitalize(), self.passage.stages
        if not self.number:
            return f"{name}, before the first stage"
        return f"{name}, stage {self.number} of {len(stages)}: {stages[self.number - 1]}"

    @property
    def shown(self) -> Shown:
        """Title, picture, figures and sentence."""
        kind, heading = _KINDS.get(self.passage.pipeline, ""), self.passage.heading
        measured = (
            figure(self.objects, "", "objects made so far", kind=kind),
            figure(self.places, "×", "your message in memory", kind=kind),
        )
        row = "".join(each._block() for each in measured)
        body = (
            f"<style>{_STYLE}</style><p class='zcl-title'>{escape(self.title)}</p>"
            f"<p class='zcl-quiet'>{escape(heading)}<br>{self._way()}</p><div class='zcl-moment'>"
            f"<div>{self.picture._repr_html_()}</div>"
            f"<div><div class='zcl-figures'>{row}</div>"
            f"<div class='zcl-said'>{prose(self.sentence)}</div></div></div>"
        )
        words = [self.title, heading, str(self.picture), *map(str, measured), self.sentence]
        return card(body, "\n".join(words))

    def _way(self) -> str:
        names = [
            f"<b>{escape(name)}</b>" if number == self.number else escape(name)
            for number, name in enumerate(("file", *self.passage.stages))
        ]
        return f"<span class='zcl-way'>{' → '.join(names)}</span>"

    def __repr__(self) -> str:
        return repr(self.shown)

    def _repr_html_(self) -> str:
        return self.shown.html


def side_by_side(copying: Moment, zero_copy: Moment) -> MemoryPicture:
    """Draw two moments of the same packet beside each other, at one scale."""
    passage = copying.passage
    return memory_picture(copying.results, zero_copy.results, passage.feed.source, passage.segments)
