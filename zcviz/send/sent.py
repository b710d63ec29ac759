"""What was sent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Sent"]


@dataclass(frozen=True, slots=True)
class Sent:
    """Totals since a sender began.

    Attributes
    ----------
    datagrams : int
        Handed to the system, second copies included.
    bytes : int
        Of their payloads.
    seconds : float
        From the first turn to the end of the last one.
    cpu : float [s]
        Processor time of this process in turns, the system's part of it included.
    calls : int
        Of the system, to send.
    late : int
        Batches that went out more than a millisecond after they were due.
    refused : int
        Answers (ECONNREFUSED) that nobody listens there. The datagrams before were lost.
    full : int
        Calls that found no room (EAGAIN, ENOBUFS); what they were for went out later.
    oversized : int
        Datagrams too long for the way (EMSGSIZE): left out.
    dropped, duplicated, reordered, corrupted, corrupted_headers : int
        Faults, in datagrams; see `Counts`.
    missing, gaps : int
        What a receiver should find missing: numbers, and runs of them. True of whole rounds, and
        of numbers that were without gaps before.
    """

    datagrams: int = 0
    bytes: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    calls: int = 0
    late: int = 0
    refused: int = 0
    full: int = 0
    oversized: int = 0
    dropped: int = 0
    duplicated: int = 0
    reordered: int = 0
    corrupted: int = 0
    corrupted_headers: int = 0
    missing: int = 0
    gaps: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return all of it by name."""
        return asdict(self)

    def __str__(self) -> str:
        text = f"{self.datagrams:,} datagrams, {self.bytes:,} bytes in {self.seconds:.3f} s"
        told = [
            f"{value:,} {name.replace('_', ' ')}"
            for name, value in asdict(self).items()
            if value and name not in ("datagrams", "bytes", "seconds", "cpu", "calls")
        ]
        return f"{text}; {', '.join(told)}" if told else text
