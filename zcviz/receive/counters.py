"""What a receiver counts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since a receiver was opened. None says that the path cannot know.

    Attributes
    ----------
    datagrams : int
        Handed over in batches.
    bytes : int
        Of their payloads.
    cut : int
        Datagrams longer than the room for them.
    dropped : int or None
        Datagrams that the kernel threw away because the socket buffer was full.
    lost : int or None
        Datagrams that the kernel threw away because the ring was full.
    syscalls : int or None
        Calls of the system made to receive.
    cpu : float [s]
        Processor time of this process since then: receiving, the kernel's part of it included,
        and whatever else the process does. What interrupts do elsewhere is not in it.
    """

    datagrams: int = 0
    bytes: int = 0
    cut: int = 0
    dropped: int | None = None
    lost: int | None = None
    syscalls: int | None = None
    cpu: float = 0.0
