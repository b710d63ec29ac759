"""Accidents on demand: which datagrams are lost, doubled, overtaken or damaged.

All is settled before the first datagram goes out, from a seed, so that what a receiver counts can
be compared with what was done to it, to the datagram.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from .cargo import Cargo

__all__ = ["FLIP", "Counts", "Faults", "Plan", "plan_of"]

Ints = NDArray[np.int64]

FLIP = 0x80
"""What a damaged byte differs by: text is not printable with it, a type is not one of the feed."""

_KINDS = ("gap", "duplicate", "reorder", "corrupt", "corrupt_header")


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to datagrams, and to how many of them.

    Each share is of the datagrams that bring messages, the first and the last one aside: what is
    lost there, nobody could miss. As many as a share comes to are chosen, to the nearest whole
    number, and no datagram meets with two faults.

    Attributes
    ----------
    gap : float
        Share that is not sent.
    duplicate : float
        Share that is sent twice, one right after the other.
    reorder : float
        Share that is sent after the datagrams that should follow.
    corrupt : float
        Share with one bit turned round in the first byte of the first message: the type of an
        ITCH message.
    corrupt_header : float
        Share with one bit turned round in the first byte of the datagram. Of MoldUDP64 and IEX-TP
        no receiver can tell any more what it was: it is lost.
    distance : int
        By how many datagrams one that is reordered is overtaken.
    seed : int

    Raises
    ------
    SelectionError
        A value makes no sense, or the shares come to more than all.
    """

    gap: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    corrupt_header: float = 0.0
    distance: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _KINDS:
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise SelectionError(f"{name}: expected a share from 0 to 1, found {share!r}")
        if sum(self.shares) > 1:
            raise SelectionError(f"faults: shares come to {sum(self.shares):g}, more than 1")
        if not 1 <= self.distance <= 1_000_000:
            raise SelectionError(f"distance: expected 1 to 1,000,000, found {self.distance!r}")
        if self.seed < 0:
            raise SelectionError(f"seed: expected 0 or more, found {self.seed!r}")

    @property
    def shares(self) -> tuple[float, ...]:
        """All shares, in the order of the attributes."""
        return tuple(getattr(self, name) for name in _KINDS)


class Counts(NamedTuple):
    """What was done, in datagrams but for the last two.

    Attributes
    ----------
    dropped, duplicated, reordered, corrupted, corrupted_headers : int
        Reordered ones are those that at least one later datagram really went before.
    missing : int
        Sequence numbers of those that were dropped or whose header is damaged.
    gaps : int
        Runs of such datagrams.
    """

    dropped: int = 0
    duplicated: int = 0
    reordered: int = 0
    corrupted: int = 0
    corrupted_headers: int = 0
    missing: int = 0
    gaps: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """What goes out in one round, entry by entry.

    Attributes
    ----------
    which : (m,) int64
        The datagram.
    slots : (m,) int64
        The datagram at whose time it goes out; never decreasing.
    flips : (m,) int64 [bytes]
        Where in the datagram a bit is turned round; -1: nowhere.
    again, overtaken : (m,) bool
        Whether it is a second copy; whether a later datagram went out before.
    dropped : (k,) int64
        Datagrams that do not go out, ascending.
    """

    which: Ints
    slots: Ints
    flips: Ints
    again: NDArray[np.bool_]
    overtaken: NDArray[np.bool_]
    dropped: Ints

    def __len__(self) -> int:
        return len(self.which)

    def counts(self, cargo: Cargo, entries: int | None = None) -> Counts:
        """Return what the first entries, or all, come to.

        Parameters
        ----------
        cargo : Cargo
            What the plan was made for.
        entries : int, optional

        Notes
        -----
        `missing` and `gaps` are what a receiver of a whole round finds out from numbers that are
        without gaps of their own.
        """
        entries = len(self) if entries is None else entries
        passed = len(cargo) if entries == len(self) else int(self.slots[entries])
        flips, which = self.flips[:entries], self.which[:entries]
        dropped = self.dropped[: np.searchsorted(self.dropped, passed)]
        in_header = flips == 0
        lost = np.union1d(dropped, which[in_header])
        carrying = np.flatnonzero(cargo.numbers)
        at = np.searchsorted(carrying, lost)
        return Counts(
            len(dropped),
            int(self.again[:entries].sum()),
            int(self.overtaken[:entries].sum()),
            int((flips > 0).sum()),
            int(in_header.sum()),
            int(cargo.numbers[lost].sum()),
            int((np.diff(at, prepend=-2) > 1).sum()),
        )


def plan_of(cargo: Cargo, faults: Faults | None = None) -> Plan:
    """Settle what happens to each datagram.

    Notes
    -----
    Memory: allocates 26 bytes a datagram, and a few times as much along the way.
    """
    n = len(cargo)
    if faults is None or not any(faults.shares):
        every, none = np.arange(n), np.zeros(n, np.bool_)
        return Plan(every, every, np.full(n, -1), none, none, np.empty(0, np.int64))
    lost, twice, late, damaged, beheaded = _chosen(cargo, faults)
    # Keys to sort by: a second copy comes right behind the first, who is overtaken behind the
    # one that he lets pass.
    slots = np.arange(n)
    slots[late] = np.minimum(late + faults.distance, n - 1)
    behind = np.zeros(n, np.int64)
    behind[late] = 1
    flips = np.full(n, -1)
    flips[damaged], flips[beheaded] = cargo.firsts[damaged], 0
    out = np.delete(np.arange(n), lost)
    which = np.concatenate([out, twice])
    again = np.arange(len(which)) >= len(out)
    order = np.lexsort((which, again, behind[which], slots[which]))
    which, again = which[order], again[order]
    overtaken = which < np.maximum.accumulate(which)
    return Plan(which, slots[which], flips[which], again, overtaken, np.sort(lost))


def _chosen(cargo: Cargo, faults: Faults) -> list[Ints]:
    able = np.flatnonzero((cargo.numbers > 0) & (cargo.firsts > 0))[1:-1]
    # Raw bits, whose values numpy guarantees on every platform.
    drawn = np.random.PCG64(faults.seed).random_raw(len(able))
    shuffled = able[np.argsort(drawn, kind="stable")]
    wanted = [math.floor(share * len(able) + 0.5) for share in faults.shares]
    parts = np.split(shuffled, np.cumsum(wanted))
    return parts[: len(wanted)]
