"""The datagrams of a feed, sent to a receiver on this machine and received, a lot at a time.

A lot is sent, then received, then the next one: never more is under way than has room, nothing is
lost, and no clock decides what happens.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

from ..feed import Feed
from ..receive import Batch, Receiver
from ..receive.constants import LINUX
from ..send import Sender, cargo_of

__all__ = ["HERE", "LOT", "Post", "digest_of", "settled"]

LOT = 128
"""Datagrams that are under way at once."""

HERE: dict[str, Any] = {
    "host": "127.66.6.7" if LINUX else "127.0.0.1", "buffer": 212_992, "retire": 1,
}  # fmt: skip
"""How the lesson receives: not where everybody's programs send to, and with room for a lot."""

_PATIENCE = 5.0  # s; a thread of the kernel may deliver what was sent, a little later


class Post:
    """Sends the datagrams of a feed to a receiver, and hands out what it received.

    Parameters
    ----------
    feed : Feed
    receiver : Receiver
    most : int, optional
        Send no more than so many, or a few more.

    Attributes
    ----------
    received : int
        Datagrams so far.
    lots : int
    receiving, sending : int [ns]
        Processor time of this thread in the calls that receive, and in those that send.
    """

    def __init__(self, feed: Feed, receiver: Receiver, most: float = math.inf) -> None:
        self._receiver, self._most = receiver, most
        self._sender = Sender(feed, receiver.address, rate=math.inf)
        self.received = self.lots = self.receiving = self.sending = 0

    @property
    def sent(self) -> int:
        """Datagrams so far."""
        return self._sender.sent.datagrams

    def send(self, number: int = LOT) -> int:
        """Send the next ones; return how many are sent by now."""
        (lane,) = self._sender.lanes
        start = time.thread_time_ns()
        if not lane.finished:
            lane.send(lane.slot + number, None)
        self.sending += time.thread_time_ns() - start
        self.lots += 1
        return self.sent

    def batches(self) -> Iterator[Batch]:
        """Send lot after lot, and yield what comes in.

        Raises
        ------
        TimeoutError
            Something that was sent did not arrive.
        """
        while not self._sender.finished and self.sent < self._most:
            sent = self.send()
            while self.received < sent:
                yield self._next()

    def _next(self) -> Batch:
        start = time.thread_time_ns()
        batch = self._receiver.receive(_PATIENCE)
        self.receiving += time.thread_time_ns() - start
        if batch is None:
            raise TimeoutError(
                f"{self.sent - self.received} datagrams did not arrive; run the cell again"
            )
        self.received += len(batch)
        return batch

    def close(self) -> None:
        """Send no more."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def digest_of(feed: Feed) -> bytes:
    """Return a digest of all datagrams of a feed, one after another, as they are sent."""
    cargo, seen = cargo_of(feed), blake2b()
    for number, (at, size) in enumerate(
        zip(cargo.starts.tolist(), cargo.sizes.tolist(), strict=True)
    ):
        if cargo.headers is not None:
            seen.update(cargo.headers[number])
        seen.update(cargo.data[at : at + size])
    return seen.digest()


def settled(ring: Receiver, number: int) -> int:
    """Wait until so many packets lie in a ring or were lost; return how many were lost."""
    until = time.monotonic() + _PATIENCE
    while True:
        lost, there = ring.counters.lost or 0, ring.occupancy()
        if there is None or there.used + lost >= number or time.monotonic() > until:
            return lost
        time.sleep(0)
