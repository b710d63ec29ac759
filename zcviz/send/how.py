"""What a sender is told beside what to send, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import SelectionError
from .faults import Faults

__all__ = ["How"]


@dataclass(frozen=True, slots=True)
class How:
    """How datagrams are sent.

    Attributes
    ----------
    rate : float, optional [datagrams/s]
        Fixed rate; infinity: as fast as it goes. Without it, at the recorded pace.
    factor : float, optional
        How many times as fast as recorded.
    burst : int
        At a fixed rate: how many go out back to back, at the same rate on average.
    first : int
        Datagram to begin with, counted from 0.
    loop : int
        How many times all of it goes out; 0: until stopped. Every round sends the same bytes, so
        that a receiver counts those after the first as duplicates; or see `renumber`.
    renumber : bool
        Let MoldUDP64 sequence numbers go on from round to round: a feed without end.
    messages : int, optional
        Of a BinaryFILE: messages a datagram; see `cargo_of`.
    faults : Faults or sequence of Faults, optional
        For each destination its own; of a single one, the seed counts up.
    skew : float [µs]
        By how much each destination is behind the one before.
    buffer : int, optional [bytes]
        Socket buffer asked for (``SO_SNDBUF``).
    allow_remote : bool
    interface : str
    ttl : {0, 1}, optional
        See `target_of`.

    Raises
    ------
    SelectionError
        A value makes no sense, or two contradict each other.
    """

    rate: float | None = None
    factor: float | None = None
    burst: int = 1
    first: int = 0
    loop: int = 1
    renumber: bool = False
    messages: int | None = None
    faults: Faults | Sequence[Faults] | None = None
    skew: float = 0.0
    buffer: int | None = None
    allow_remote: bool = False
    interface: str = ""
    ttl: int | None = None

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {
            "rate": (0.001, math.inf), "factor": (1e-6, 1e9), "burst": (1, 1_000_000),
            "first": (0, 2**62), "loop": (0, 1_000_000_000), "skew": (0, 10_000_000),
            "buffer": (1, 1 << 30),
        }  # fmt: skip
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise SelectionError(f"{name}: expected {least:,} to {most:,}, found {value!r}")
        if self.rate is not None and self.factor is not None:
            raise SelectionError("factor: is of the recorded pace, and a fixed rate is given")
        if self.rate is None and self.burst > 1:
            raise SelectionError("burst: is at a fixed rate, and none is given")

    def skews(self, sides: int) -> list[int]:
        """Return how far each destination is behind the first [ns]."""
        return [round(1000 * self.skew) * side for side in range(sides)]

    def faults_of(self, sides: int) -> list[Faults | None]:
        """Return the faults of each destination.

        Raises
        ------
        SelectionError
            They are for another number of destinations.
        """
        if self.faults is None:
            return [None] * sides
        if isinstance(self.faults, Faults):
            given = self.faults
            return [replace(given, seed=given.seed + side) for side in range(sides)]
        if len(self.faults) != sides:
            raise SelectionError(
                f"faults: expected {sides}, one a destination, found {len(self.faults)}"
            )
        return list(self.faults)
