"""A real sender at a rate, a consumer that takes its time: what is lost, by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .curves import Curve, Look, Plot
from .loopback import Loopback
from .show import Shown, number_text

__all__ = ["Offered", "loss_by_delay", "offer"]

_TURN = 0.001  # s, between two looks of the sender
_MOST = 20_000  # datagrams


@dataclass(frozen=True)
class Offered:
    """What came of a rate and a delay.

    Attributes
    ----------
    sent, received : int
    rate : float [datagrams/s]
        As it really was.
    delay : float [s]
        For one datagram, as it really was.
    """

    sent: int
    received: int
    rate: float
    delay: float

    @property
    def lost(self) -> int:
        """How many were sent and never came."""
        return self.sent - self.received

    @property
    def handled(self) -> float:
        """How many a second the consumer can take."""
        return 1 / max(self.delay, 1e-9)

    @property
    def share(self) -> float:
        """How many of all that is."""
        return self.lost / max(self.sent, 1)

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        keeps_up = "keeps up" if self.delay * self.rate <= 1 else "falls behind"
        return (
            f"{self.rate:,.0f} datagrams came a second, and each took the consumer "
            f"{self.delay * 1e6:,.0f} µs: that makes {self.handled:,.0f} a second, and it "
            f"{keeps_up}. Of {self.sent:,}, {self.lost:,} were lost ({self.share:.0%})."
        )

    def __repr__(self) -> str:
        return self.sentence


def offer(rate: float, delay: float, seconds: float = 0.4, buffer: int | None = None) -> Offered:
    """Send for a while from a thread, and read with a pause after each datagram.

    Parameters
    ----------
    rate : float [datagrams/s]
    delay : float [s]
        How long the consumer sleeps after each.
    seconds : float
        Two at most.
    buffer : int, optional [bytes]
        Socket buffer to ask for.
    """
    seconds = min(seconds, 2.0)
    total = min(round(rate * seconds), _MOST)
    with Loopback(buffer) as line:
        over = threading.Event()
        took: list[float] = []

        def send() -> None:
            began = time.perf_counter()
            try:
                while line.sent < total:
                    due = int((time.perf_counter() - began) * rate) + 1
                    line.post(min(due, total) - line.sent)
                    time.sleep(_TURN)
                took.append(time.perf_counter() - began)
            finally:
                over.set()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        handled, busy = 0, 0.0
        while not over.is_set():
            if line.take(1, timeout=0.01):
                start = time.perf_counter()
                time.sleep(delay)
                busy += time.perf_counter() - start
                handled += 1
        sender.join()
        line.take(timeout=0.01)
        return Offered(line.sent, line.received, line.sent / took[0], busy / max(handled, 1))


def loss_by_delay(by_buffer: Mapping[str, Sequence[Offered]]) -> Shown:
    """Draw what was lost over the delay, a curve a buffer.

    Parameters
    ----------
    by_buffer : mapping of str to sequence of Offered
        All of them at the same rate.
    """
    every = [each for run in by_buffer.values() for each in run]
    rate = sum(each.rate for each in every) / len(every)
    looks: tuple[Look, ...] = ("plain", "neutral", "arrow")
    curves = tuple(
        Curve(
            name,
            tuple(sorted((each.delay * 1e6, each.share * 100) for each in run)),
            looks[number % len(looks)],
        )
        for number, (name, run) in enumerate(by_buffer.items())
    )
    told = f"At {rate:,.0f} datagrams a second, one comes every {1e6 / rate:,.0f} µs. "
    for name, run in by_buffer.items():
        losing = [each.delay * 1e6 for each in run if each.lost]
        told += (
            f"With {name}, loss sets in at {number_text(min(losing))} µs. "
            if losing
            else f"With {name}, nothing was lost in so short a time. "
        )
    rows = [f"{name}: {each.sentence}" for name, run in by_buffer.items() for each in run]
    plot = Plot(
        curves, "Lost, per cent", "delay of the consumer for each datagram, µs", told,
        mark=(1e6 / rate, "one comes in this time"),
    )  # fmt: skip
    return plot.card("\n".join([*rows, told]))
