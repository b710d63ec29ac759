"""How long datagrams were under way: when each was due, sent, and handled, by one clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .show import number_text
from .tails import duration, tails

__all__ = ["LATE", "Blame", "Runs", "UnderWay"]

LATE = 1_000_000
"""From how long on a datagram is called late [ns]."""

Times = NDArray[np.int64]
_COARSE = 25_000_000  # ns between two looks, from which on they say little
_NOISY = 0.1  # of the time for which the thread waited, or was given to others
_BOTH = {
    False: "Both had a part in the tail.",
    True: "The machine is too busy to tell who made the tail.",
}


@dataclass(frozen=True, slots=True)
class Blame:
    """Who made a tail.

    Attributes
    ----------
    late : int
        Datagrams that took `LATE`, or longer.
    machine : int
        Of these, those that would not have been, had the thread never waited for a processor.
    """

    late: int
    machine: int

    @property
    def culprit(self) -> Literal["nobody", "the machine", "the path", "both"]:
        """Who made most of it."""
        if not self.late:
            return "nobody"
        share = self.machine / self.late
        return "the machine" if share > 0.8 else "the path" if share < 0.2 else "both"


@dataclass(frozen=True, repr=False)
class UnderWay:
    """A run of datagrams. All times are of one clock.

    Attributes
    ----------
    name : str
    due, sent, came : (n,) int64 [ns]
        When each was due, sent, and handled; 0 where it was not.
    looks : (n_looks, 2) int64 [ns]
        Looks at the stall meter: when, and how long the thread that receives had waited for a
        processor since the look before.
    cpu : float
        Share of a processor that the receiver took.
    steal : float
        Share of the time that the host gave to others; NaN where nobody says.
    since : {"sent", "due"}
        What latency is counted from.
    """

    name: str
    due: Times
    sent: Times
    came: Times
    looks: Times
    cpu: float = 0.0
    steal: float = float("nan")
    since: Literal["sent", "due"] = "sent"

    @property
    def latencies(self) -> Times:
        """What each took that came, in the order of sending: (n_came,) int64 [ns]."""
        arrived = self.came > 0
        began = self.sent if self.since == "sent" else self.due
        return (self.came - began)[arrived]

    def p(self, percent: float) -> float:
        """Return a percentile of the latencies [ns]."""
        ordered = np.sort(self.latencies)
        if not len(ordered):
            return float("nan")
        rank = max(1, int(np.ceil(round(percent / 100 * len(ordered), 9))))
        return float(ordered[rank - 1])

    @property
    def lost(self) -> int:
        """How many never came."""
        return int((self.came == 0).sum())

    @property
    def stalled(self) -> float:
        """Share of the time for which the receiving thread waited for a processor."""
        if len(self.looks) < 2:
            return 0.0
        return float(self.looks[1:, 1].sum() / max(self.looks[-1, 0] - self.looks[0, 0], 1))

    @property
    def too_noisy(self) -> bool:
        """Whether the machine was so busy that little can be said of the path."""
        return self.stalled > _NOISY or self.steal > _NOISY

    @property
    def blame(self) -> Blame:
        """Who made the tail, as far as the stall meter can tell."""
        late = machine = 0
        for began, came in zip(self.sent.tolist(), self.came.tolist(), strict=True):
            if came and came - began >= LATE:
                late += 1
                machine += int(came - began - self._waited(began, came) < LATE)
        return Blame(late, machine)

    def _waited(self, began: int, came: int) -> float:
        # The system books a wait when it is over; and when in the span between two looks that was,
        # nobody knows. A short span counts in full, a long one is shared out.
        first, last = np.searchsorted(self.looks[:, 0], (began, came))
        total = 0.0
        for at in range(max(first, 1), min(last + 1, len(self.looks))):
            (start, _), (end, waited) = self.looks[at - 1 : at + 1].tolist()
            inside = (min(came, end) - max(began, start)) / (end - start)
            total += waited if end - start <= _COARSE else waited * inside
        return total

    def counted_from(self, since: Literal["sent", "due"], name: str) -> UnderWay:
        """Return the same run with its latencies counted from another moment."""
        return replace(self, since=since, name=name)

    @property
    def sentence(self) -> str:
        """What was measured, in words."""
        if not len(self.latencies):
            return f"{self.name}: nothing came."
        told = ", ".join(f"p{number_text(each)} {duration(self.p(each))}" for each in (50, 99))
        lost = f" {self.lost:,} never came." if self.lost else ""
        return (
            f"{self.name}: {len(self.latencies):,} datagrams, {told}, the longest "
            f"{duration(self.p(100))}.{lost}"
        )

    @property
    def tail(self) -> str:
        """How many were late, and how many of them by the machine, in words."""
        late, machine = self.blame.late, self.blame.machine
        if not late:
            return f"None took {duration(LATE)}."
        return (
            f"{late:,} of {len(self.latencies):,} took {duration(LATE)} or longer, {machine:,} of "
            "them only because the machine stood in the way."
        )

    @property
    def verdict(self) -> str:
        """Who made the tail, in words; or that nobody can tell."""
        waited = f"The thread waited for a processor for {self.stalled:.1%} of the time."
        told = f"{waited} {self.tail}"
        if self.blame.culprit == "nobody":
            return f"{told} There is no tail."
        return {
            "the machine": f"{told} The machine made the tail.",
            "the path": f"{told} The machine did not make it: look at the program.",
        }.get(self.blame.culprit, f"{told} {_BOTH[self.too_noisy]}")

    def __repr__(self) -> str:
        return f"{self.sentence} {self.verdict}"

    def _repr_html_(self) -> str:
        return tails([self], self.verdict)


class Runs:
    """Several runs, drawn over one axis.

    Parameters
    ----------
    *runs : UnderWay
    sentence : str, optional
        What they show together; by default, how many were late in each.
    """

    def __init__(self, *runs: UnderWay, sentence: str = "") -> None:
        self.runs = runs
        self.sentence = sentence or " ".join(f"{each.name}: {each.tail}" for each in runs)

    def __iter__(self) -> Iterator[UnderWay]:
        return iter(self.runs)

    def __repr__(self) -> str:
        return "\n".join([*(each.sentence for each in self.runs), self.sentence])

    def _repr_html_(self) -> str:
        return tails(self.runs, self.sentence)
