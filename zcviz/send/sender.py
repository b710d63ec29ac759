"""Send a feed: all at once, or a turn at a time beside other work."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import BufferLifetimeError, SelectionError
from ..feed import Feed
from ..feed import open as open_feed
from .address import Target, open_socket, target_of
from .cargo import Cargo, cargo_of
from .faults import plan_of
from .how import How
from .lane import Lane
from .schedule import Fixed, Pace, Recorded
from .sent import Sent

__all__ = ["Sender", "replay"]

Address = str | tuple[str, int]
Progress = Callable[[int, int], None]

_LATE = 1_000_000  # ns
# Sleeping is exact to some 60 µs on Linux; the last part of a wait is spent looking at the clock.
_SPIN, _SPARE = 200_000, 100_000  # ns
_NO_ROOM = 50e-6  # s
_TURN = 0.1  # s


class Sender:
    """Sends the datagrams of a feed.

    Parameters
    ----------
    source : Feed or path
    to : str, (str, int) or a list of these
        ``"127.0.0.1:26400"``; of several, each gets all datagrams: the A and B side of a feed.
    announce : callable (side, sequence numbers), optional
        Called before each batch goes out.
    progress : callable (bytes done, bytes in all), optional
        Called while the file is looked through.
    **options
        See `How`.

    Attributes
    ----------
    how : How
    targets : list of Target
    lanes : list of Lane
        One a destination.

    Raises
    ------
    SelectionError
        A value makes no sense; an address is not allowed; there is nothing to send.
    BufferLifetimeError
        The feed is closed.
    ZcvizError
        The file cannot be read.
    OSError
        The system refuses an address, or the file.

    Notes
    -----
    Memory: what is sent lies in the feed's memory, and is copied by nobody before the system does;
    the feed cannot be closed meanwhile. Headers of a BinaryFILE, or of a feed that is renumbered,
    are made anew: 20 bytes a datagram. Allocates up to 90 bytes a datagram for its plans.
    """

    def __init__(
        self,
        source: Feed | str | os.PathLike[str],
        to: Address | list[Address],
        *,
        announce: Callable[[int, NDArray[np.uint64]], None] | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> None:
        self.how = how = How(**options)
        self.targets = _targets(to, how)
        self.lanes: list[Lane] = []
        with ExitStack() as undo:
            # Sockets first: where one is refused, nothing looks into the feed's memory yet.
            sockets = [
                undo.enter_context(open_socket(target, how.buffer)) for target in self.targets
            ]
            feed = source
            if not isinstance(feed, Feed):
                feed = undo.enter_context(open_feed(feed, progress=progress))
            undo.callback(self._let_go)
            self._load(feed, sockets, progress)
            self._undo = undo.pop_all()
        self._announce = [announce and partial(announce, side) for side in range(len(self.lanes))]
        self._skews = how.skews(len(self.lanes))
        self._began: int | None = None
        self._origin = self._nanoseconds = self._cpu = 0
        self._kept: list[Sent] = []
        self.closed = False

    def _load(self, feed: Feed, sockets: list[socket.socket], progress: Progress | None) -> None:
        how, cargo = self.how, _loaded(feed, self.how, progress)
        self._pace = _pace(how, cargo, 0)
        faults = how.faults_of(len(sockets))
        for target, each, own in zip(self.targets, faults, sockets, strict=True):
            lane = Lane(cargo, plan_of(cargo, each), target, own, how.loop, how.renumber)
            self.lanes.append(lane)

    # --- sending

    def turn(self, seconds: float) -> bool:
        """Send what is due, for so long; return whether anything is left.

        Parameters
        ----------
        seconds : float
            0: what is due now, as far as it fits into one batch.

        Raises
        ------
        BufferLifetimeError
            It is closed.
        OSError
            The system refuses to send to an address at all.
        """
        if self.closed:
            raise BufferLifetimeError("the sender is closed")
        now, cpu = time.monotonic_ns(), time.process_time_ns()
        if self._began is None:
            self._began = self._origin = now
        end = now + int(seconds * 1e9)
        try:
            while not self.finished:
                sent = self._send_due(now)
                now = time.monotonic_ns()
                if now >= end:
                    break
                if not sent:
                    self._wait(now, end)
                    now = time.monotonic_ns()
        finally:
            self._nanoseconds = time.monotonic_ns() - self._began
            self._cpu += time.process_time_ns() - cpu
        return not self.finished

    def _send_due(self, now: int) -> int:
        sent = 0
        for lane, behind, announce in zip(self.lanes, self._skews, self._announce, strict=True):
            elapsed = now - self._origin - behind
            ready = self._pace.ready(elapsed)
            if lane.finished or ready <= (slot := lane.slot):
                continue
            if self._pace.paced and elapsed - self._due(slot) > _LATE:
                lane.late += 1
            sent += lane.send(ready, announce)
        return sent

    def _due(self, slot: int) -> int:
        return int(self._pace.due(np.array([slot]))[0])

    def _wait(self, now: int, end: int) -> None:
        dues = (
            self._origin + behind + self._due(lane.slot)
            for lane, behind in zip(self.lanes, self._skews, strict=True)
            if not lane.finished
        )
        left = min(*dues, end) - now
        if left <= 0:  # due, and yet not sent: the system has no room
            time.sleep(_NO_ROOM)
        elif left > _SPIN:
            time.sleep((left - _SPARE) / 1e9)

    # --- changing while it runs

    @property
    def rate(self) -> float | None:
        """Fixed rate [datagrams/s]; None at the recorded pace. To be set at any time."""
        return self.how.rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self.change(rate=rate, factor=None, **({"burst": 1} if rate is None else {}))

    def change(self, **options: Any) -> None:
        """Go on at another pace from here: nothing is made up for.

        Parameters
        ----------
        **options
            `rate`, `factor`, `burst`, `skew` of `How`; without any, the clock starts anew, as
            after a pause.

        Raises
        ------
        SelectionError
            A value makes no sense, or cannot be changed.
        """
        if self.closed:
            raise BufferLifetimeError("the sender is closed")
        fixed = options.keys() - {"rate", "factor", "burst", "skew"}
        if fixed:
            raise SelectionError(f"{', '.join(sorted(fixed))}: cannot be changed while it runs")
        how = replace(self.how, **options)
        if not self.finished:
            start = min(lane.slot for lane in self.lanes if not lane.finished)
            self._pace = _pace(how, self.lanes[0].cargo, start)
        self.how, self._origin = how, time.monotonic_ns()
        self._skews = how.skews(len(self.lanes))

    # --- what came of it

    @property
    def finished(self) -> bool:
        """Whether all went out, everywhere; or it was closed."""
        return all(lane.finished for lane in self.lanes)

    @property
    def share(self) -> float:
        """How much of it went out, from 0 to 1; of a loop without end, of this round."""
        if self.finished:
            return 1.0
        lane = self.lanes[0]
        of_round = lane.entry / len(lane.plan)
        return (lane.round + of_round) / lane.rounds if lane.rounds else of_round

    @property
    def backlog(self) -> int:
        """Datagrams that are due at the first destination and have not gone out; 0 at no pace."""
        if self.finished or not self._pace.paced or self._began is None:
            return 0
        ready = self._pace.ready(time.monotonic_ns() - self._origin)
        return max(0, ready - self.lanes[0].slot)

    @property
    def sides(self) -> list[Sent]:
        """What went to each destination; time is that of all."""
        return self._kept or [
            Sent(
                lane.datagrams, lane.bytes, self._nanoseconds / 1e9, self._cpu / 1e9, lane.calls,
                lane.late, lane.refused, lane.full, lane.oversized, *lane.counts(),
            )
            for lane in self.lanes
        ]  # fmt: skip

    @property
    def sent(self) -> Sent:
        """What went out in all."""
        first, *others = self.sides
        names = [name for name in first.to_dict() if name not in ("seconds", "cpu")]
        return replace(first, **{
            name: sum(getattr(side, name) for side in (first, *others)) for name in names
        })  # fmt: skip

    # --- the end

    def _let_go(self) -> None:
        for lane in self.lanes:
            lane.close()
        self.lanes.clear()  # with them goes the last view of the feed's memory

    def close(self) -> None:
        """Close its sockets, and the file if it was given by its path. What was sent stays."""
        self._end(None, None, None)

    def _end(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        if not self.closed:
            self._kept, self.closed = self.sides, True
            self._undo.__exit__(kind, error, traceback)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self._end(kind, error, traceback)


def replay(
    source: Feed | str | os.PathLike[str],
    to: Address | list[Address],
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Sent:
    """Send a feed, and return what was sent.

    Parameters
    ----------
    source, to
        See `Sender`.
    progress : callable (done, in all), optional
    **options
        See `How`.
    """
    with Sender(source, to, **options) as sender:
        while sender.turn(_TURN):
            if progress is not None:
                progress(int(1000 * sender.share), 1000)
        return sender.sent


def _targets(to: Address | list[Address], how: How) -> list[Target]:
    several = to if isinstance(to, list) else [to]
    if not several:
        raise SelectionError("to: expected an address, found none")
    return [
        target_of(each, allow_remote=how.allow_remote, interface=how.interface, ttl=how.ttl)
        for each in several
    ]


def _loaded(feed: Feed, how: How, progress: Progress | None) -> Cargo:
    cargo = cargo_of(feed, how.messages, progress)
    if how.first >= len(cargo):
        raise SelectionError(
            f"datagram {how.first:,}: {feed.name} has {len(cargo):,}, counted from 0"
        )
    cargo = cargo.tail(how.first)
    return cargo.with_headers() if how.renumber else cargo


def _pace(how: How, cargo: Cargo, start: int) -> Pace:
    if how.rate is not None:
        return Fixed(how.rate, how.burst, start)
    if cargo.times is None:
        raise SelectionError("its messages do not tell the time: give a rate")
    return Recorded(cargo.times, how.factor or 1.0, start)
