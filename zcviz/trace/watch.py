"""What one call allocated: for ledgers, steppers and explanations of copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .exact import exact

__all__ = ["NOTHING", "Seen", "watch"]

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
    flow = window.result.total
    return result, None if flow is None else Seen(flow.bytes, flow.freed, flow.allocations)
