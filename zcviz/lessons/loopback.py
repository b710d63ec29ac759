"""A sender and a receiver on this machine, in step with each other: what is sent, read, dropped.

Nothing here looks at a clock. A tick sends so many datagrams and then reads so many, and what the
kernel does meanwhile depends on nothing else: two runs give the same numbers.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from types import TracebackType
from typing import Any, NamedTuple, Self

from ..errors import SelectionError
from ..receive import open as open_path
from ..receive.sockets import SocketReceiver

__all__ = ["HEADERS", "Levels", "Loopback", "Tick", "number_of"]

_HEADER = Struct(">10sQHH")  # MoldUDP64: session, sequence number, count; length of the message
HEADERS = _HEADER.size
"""Bytes of a datagram before its message: MoldUDP64, and the message's length."""

_NUMBER = Struct(">Q")
_PATIENCE = 0.05  # s, until what was sent is in the queue or dropped
_ASYNC = 0.002  # s, where nobody can be asked whether it is
_WEIGHED = 5


def number_of(datagram: memoryview) -> int:
    """Return the sequence number of a datagram."""
    number: int = _NUMBER.unpack_from(datagram, 10)[0]
    return number


class Tick(NamedTuple):
    """What happened in one tick. None: the system does not say.

    Attributes
    ----------
    sent : int
    waiting : int or None
        Datagrams in the queue when all was sent and nothing yet read.
    charged : int or None [bytes]
        What the kernel had charged to the buffer then.
    dropped : int or None
    read : int
    """

    sent: int
    waiting: int | None
    charged: int | None
    dropped: int | None
    read: int


@dataclass(frozen=True)
class Levels:
    """The queue over a number of ticks.

    Attributes
    ----------
    name : str
    granted : int [bytes]
    charge : int or None [bytes]
        What a datagram takes of it.
    ticks : tuple of Tick
    """

    name: str
    granted: int
    charge: int | None
    ticks: tuple[Tick, ...]

    @property
    def capacity(self) -> int | None:
        """How many datagrams have room."""
        return self.charge and self.granted // self.charge

    @property
    def sent(self) -> int:
        """How many were sent."""
        return sum(each.sent for each in self.ticks)

    @property
    def read(self) -> int:
        """How many were read."""
        return sum(each.read for each in self.ticks)

    @property
    def dropped(self) -> int | None:
        """How many were dropped; None where the system does not say."""
        if self.charge is None:
            return None
        return sum(each.dropped or 0 for each in self.ticks)

    @property
    def first_loss(self) -> int | None:
        """The tick of the first loss, counted from 1; None: there was none that is known of."""
        lost = (number for number, each in enumerate(self.ticks, 1) if each.dropped)
        return next(lost, None)

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        name = self.name[:1].upper() + self.name[1:]
        told = f"{name}: of {self.sent:,} datagrams, {self.read:,} were read"
        if self.dropped is None:
            return f"{told}. What was dropped, and when, is not measured here."
        if not self.dropped:
            return f"{told}, and none was dropped."
        return (
            f"{told} and {self.dropped:,} dropped ({self.dropped / self.sent:.0%}), the first of "
            f"them in tick {self.first_loss}."
        )


class Loopback:
    """A receiver on this machine, and a sender that sends it numbered datagrams of one size.

    Parameters
    ----------
    buffer : int, optional [bytes]
        Socket buffer to ask for.
    payload : int [bytes]
        Size of each datagram: `HEADERS`, and a message of zeros.
    path : str
        One of the receive paths with a socket; where the system has not got it, the plainest one.

    Attributes
    ----------
    receiver : SocketReceiver
    granted : int [bytes]
    charge : int or None [bytes]
        What a datagram takes of the buffer, measured; None where the system does not say.
    sent, received : int
        Since then.

    Raises
    ------
    SelectionError
        The payload has no room for the headers.
    OSError
        The system refuses a socket.
    """

    def __init__(
        self, buffer: int | None = None, payload: int = 100, path: str = "udp.recv_into"
    ) -> None:
        if payload < HEADERS:
            raise SelectionError(f"payload: expected {HEADERS} or more, found {payload}")
        self.receiver = _opened(path, buffer)
        self.granted = self.receiver.granted
        self.payload = payload
        self.sent = self.received = 0
        self._ticks: list[Tick] = []
        self._message = bytes(payload - HEADERS)
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.connect(self.receiver.address)
        self.charge: int | None = None
        self.charge = self._weigh()

    def _weigh(self) -> int | None:
        # While any program looks at packets by XDP, each takes a larger piece: the least counts.
        charges = [self._weigh_once() for _ in range(_WEIGHED)]
        self.sent = 0
        return min((each for each in charges if each), default=None)

    def _weigh_once(self) -> int | None:
        self.post(1)
        until = time.monotonic() + _PATIENCE
        while self.receiver.queued == 0 and time.monotonic() < until:
            time.sleep(0)
        charge = self.receiver.queued
        self.receiver.receive(_PATIENCE)
        return charge

    @property
    def dropped(self) -> int | None:
        """How many the kernel has dropped so far, as it says itself; None: it does not."""
        return self.receiver.counters.dropped

    def post(self, number: int) -> None:
        """Send so many datagrams, numbered on, and look at nothing."""
        size = len(self._message)
        for each in range(self.sent + 1, self.sent + number + 1):
            self._sender.send(_HEADER.pack(b"loopback  ", each, 1, size) + self._message)
        self.sent += number

    def send(self, number: int) -> None:
        """Send so many datagrams, and wait until each of them is in the queue or dropped."""
        before = self._state()
        self.post(number)
        if before is None or self.charge is None:
            time.sleep(_ASYNC)
            return
        wanted = before[0] + (before[1] + number) * self.charge
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            queued, dropped = self._state() or before
            if queued + dropped * self.charge == wanted:
                return
            time.sleep(0)

    def _state(self) -> tuple[int, int] | None:
        # Bytes charged, datagrams dropped; None where the system does not say.
        queued, dropped = self.receiver.queued, self.dropped
        if queued is None or dropped is None or self.charge is None:
            return None
        return queued, dropped

    def take(
        self, number: int | None = None, keep: Callable[[memoryview], Any] = number_of,
        timeout: float = 0.0,
    ) -> list[Any]:  # fmt: skip
        """Read datagrams that wait: so many, or all.

        Parameters
        ----------
        number : int, optional
        keep : callable (memoryview)
            What to keep of each; by default its sequence number.
        timeout : float [s]
            How long to wait for each.
        """
        kept: list[Any] = []
        while number is None or len(kept) < number:
            batch = self.receiver.receive(timeout)
            if batch is None:
                break
            kept.append(keep(batch[0]))
        self.received += len(kept)
        return kept

    def tick(
        self, send: int, read: int | None, keep: Callable[[memoryview], Any] = number_of
    ) -> list[Any]:
        """Send so many, then `take` so many, or all; what is seen goes into `levels`."""
        before = self._state()
        self.send(send)
        after = self._state()
        waiting = charged = dropped = None
        if before is not None and after is not None:
            charged, lost = after
            waiting, dropped = self.sent - lost - self.received, lost - before[1]
        kept = self.take(read, keep)
        self._ticks.append(Tick(send, waiting, charged, dropped, len(kept)))
        return kept

    def levels(self, name: str) -> Levels:
        """Return all ticks so far."""
        return Levels(name, self.granted, self.charge, tuple(self._ticks))

    def close(self) -> None:
        """Close both sockets."""
        self._sender.close()
        self.receiver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        charge = "not measured here" if self.charge is None else f"{self.charge:,} B"
        return (
            f"<Loopback: buffer of {self.granted:,} B, a datagram of {self.payload:,} B takes "
            f"{charge}>"
        )


def _opened(path: str, buffer: int | None) -> SocketReceiver:
    # One slot: whoever reads, reads one datagram at a time.
    try:
        found = open_path(path, buffer=buffer, slots=1)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        found = open_path("udp.recv_into", buffer=buffer, slots=1)
    if not isinstance(found, SocketReceiver):
        found.close()
        raise SelectionError(f"path: expected one with a socket, found {path!r}")
    return found
