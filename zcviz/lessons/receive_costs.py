"""What it takes to receive a datagram, path by path: calls, allocations, copies, processor time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from ..feed import Feed
from ..receive import Batch, Receiver
from ..receive import open as open_path
from ..trace import exact
from .listing import Bar, Cell, bars, listing
from .lots import HERE, LOT, Post
from .sample import Sample
from .show import Kind, Shown
from .ways import way_of

__all__ = ["Costs", "Counted", "costs_of", "counted", "counted_table"]

_MOST = 2048  # datagrams that are measured on
_NOISY = 2.0  # times that the middle half of the rounds may spread
_LEAST = 1e-3  # µs, where the clock was too coarse

# --- what does not depend on the clock


class Counted(NamedTuple):
    """What a path takes for a datagram, counted.

    Attributes
    ----------
    path : str
    calls : float or None [1/datagram]
        Of the system, those included that only find that nothing is left.
    blocks, nbytes : float or None [1/datagram]
        Allocations, and bytes asked for. None: not to be counted here.
    """

    path: str
    calls: float | None
    blocks: float | None
    nbytes: float | None


class _Counting:
    """A receiver whose allocations are counted while it receives."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver, self.address = receiver, receiver.address
        self.blocks: int | None = 0
        self.nbytes = 0

    def receive(self, timeout: float | None = None) -> Batch | None:
        with exact(thread=True) as seen:
            batch = self._receiver.receive(timeout)
        total = seen.result.total
        if total is None or self.blocks is None:
            self.blocks = None
        else:
            self.blocks += total.allocations
            self.nbytes += total.bytes
        return batch


def counted(feed: Feed, path: str) -> Counted:
    """Count what it takes to receive a datagram, in lots of `LOT`.

    Raises
    ------
    OSError
        The system refuses the path.
    """
    with open_path(path, **HERE) as receiver:
        counting: Any = _Counting(receiver)
        with Post(feed, counting, _MOST) as post:
            for batch in post.batches():
                batch.release()
        calls, n = receiver.counters.syscalls, post.received
    blocks = counting.blocks
    return Counted(
        path,
        None if calls is None else calls / n,
        None if blocks is None else blocks / n,
        None if blocks is None else counting.nbytes / n,
    )


def counted_table(rows: Sequence[Counted], sentence: str = "") -> Shown:
    """Return what several paths take, as a table."""
    cells: list[list[Cell]] = []
    for each in rows:
        copies = len(way_of(each.path).copies)
        kind: Kind = "copying" if copies else "zero-copy"
        cells.append(
            [each.path, *map(_amount, each[1:3]), _bytes(each.nbytes), (f"{copies}", kind)]
        )
    return listing(
        ["path", "calls", "allocations", "bytes allocated", "copies"], cells,
        title=f"For one datagram, in lots of {LOT}", sentence=sentence,
    )  # fmt: skip


def _amount(value: float | None) -> str:
    return "not counted" if value is None else f"{value:.2f}"


def _bytes(value: float | None) -> str:
    return "not counted" if value is None else f"{value:,.0f}"


# --- what does


@dataclass(frozen=True)
class Costs:
    """Processor time for a datagram, of several paths in turns.

    Attributes
    ----------
    receiving, sending : dict of str to Sample [µs]
        By path: a value for each round.
    """

    receiving: dict[str, Sample]
    sending: dict[str, Sample]

    def ratio(self, one: str, other: str) -> float:
        """How many times as much `one` takes as `other`: the median of all rounds."""
        return median(self._ratios(one, other))

    def _ratios(self, one: str, other: str) -> list[float]:
        pairs = zip(self.receiving[one].values, self.receiving[other].values, strict=True)
        return [a / max(b, _LEAST) for a, b in pairs]

    @property
    def noisy(self) -> tuple[str, ...]:
        """Paths whose rounds are too far apart to be believed."""
        middles = {path: each.middle for path, each in self.receiving.items()}
        return tuple(path for path, (low, high) in middles.items() if high > _NOISY * low)

    def told(self, one: str, other: str) -> str:
        """How two compare, in words; or that it cannot be told."""
        if self.ratio(one, other) < 1:
            one, other = other, one
        ratios = self._ratios(one, other)
        if min(ratios) < 1 < max(ratios):
            more = sum(each > 1 for each in ratios)
            return (
                f"{one} took more than {other} in {more} of {len(ratios)} rounds, and less in the "
                "others: that does not tell them apart."
            )
        return (
            f"{one} takes {median(ratios):.1f} times as much as {other} (from {min(ratios):.1f} to "
            f"{max(ratios):.1f}, in {len(ratios)} rounds)."
        )

    @property
    def sentence(self) -> str:
        """What the figures say together, and whether to believe them."""
        first, *others = self.receiving
        told = [self.told(first, each) for each in others]
        if self.noisy:
            told.append(
                f"Too noisy, run it again: {', '.join(self.noisy)}. This machine does something "
                "else as well."
            )
        return " ".join(told)

    def _shown(self) -> Shown:
        rows = [Bar(path, each.median) for path, each in self.receiving.items()]
        return bars(
            rows, "µs", title="Processor time to receive a datagram, median",
            sentence=self.sentence,
        )  # fmt: skip

    def __repr__(self) -> str:
        return repr(self._shown())

    def _repr_html_(self) -> str:
        return self._shown().html


def costs_of(feed: Feed, paths: Sequence[str], rounds: int = 7) -> Costs:
    """Measure what it takes to receive a datagram, path by path, again and again.

    Parameters
    ----------
    feed : Feed
    paths : sequence of str
        One after the other in each round, so that a disturbance meets all of them.
    rounds : int

    Raises
    ------
    OSError
        The system refuses a path.
    """
    receiving: dict[str, list[float]] = {path: [] for path in paths}
    sending: dict[str, list[float]] = {path: [] for path in paths}
    for number in range(rounds + 1):
        for path in paths:
            with open_path(path, **HERE) as receiver, Post(feed, receiver, _MOST) as post:
                for batch in post.batches():
                    batch.release()
            if number:  # the first round warms up
                receiving[path].append(post.receiving / post.received / 1e3)
                sending[path].append(post.sending / post.received / 1e3)
    samples = [
        {path: Sample(path, tuple(each)) for path, each in some.items()}
        for some in (receiving, sending)
    ]
    return Costs(*samples)
