"""What one call allocated: for ledgers, steppers and explanations of copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .exact import Counts, exact

__all__ = ["NOTHING", "Seen", "amounts", "seen_in", "watch"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the allocators saw during a call, in its thread.

    Attributes
    ----------
    allocated, freed : int [bytes]
        Held or not at the end; freed of what the call allocated itself.
    blocks : int
        How many blocks were allocated: about the objects that were made, and their contents.
    """

    allocated: int
    freed: int
    blocks: int

    def __add__(self, other: Seen) -> Seen:
        return Seen(
            self.allocated + other.allocated, self.freed + other.freed, self.blocks + other.blocks
        )


NOTHING = Seen(0, 0, 0)


def watch(run: Callable[[], T]) -> tuple[T, Seen | None]:
    """Call something; return its result and what was seen. None: not measured."""
    with exact(thread=True) as window:
        result = run()
    return result, seen_in(window.result)


def seen_in(counts: Counts | None) -> Seen | None:
    """Return what was counted, in all domains together. None: not measured."""
    flow = None if counts is None else counts.total
    return None if flow is None else Seen(flow.bytes, flow.freed, flow.allocations)


def amounts(seen: Seen | None) -> tuple[int, int, int] | tuple[None, None, None]:
    """Return blocks, what was allocated and what was freed [bytes]. None: not measured."""
    return (None, None, None) if seen is None else (seen.blocks, seen.allocated, seen.freed)
