"""Chance: whole numbers out of the raw bits of PCG64, so the same on every platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["Chance"]

T = TypeVar("T")

_DRAWN = 4096  # numbers at a time


class Chance:
    """A source of whole numbers.

    Parameters
    ----------
    seed : int
        Not negative.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)
        self._drawn: list[int] = []

    def below(self, n: int) -> int:
        """Return a number from 0 to `n` - 1."""
        if not self._drawn:
            self._drawn = self._bits.random_raw(_DRAWN).tolist()
        return self._drawn.pop() % n

    def one_of(self, things: Sequence[T]) -> T:
        """Return one of the things."""
        return things[self.below(len(things))]
