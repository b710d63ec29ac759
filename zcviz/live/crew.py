"""What the workers of a live run have in common, whether they are processes or one thread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .board import Phase, Slot, board_of_this_process

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["GRACE", "Crew"]

GRACE = 0.2  # seconds that a worker has to end


class Crew:
    """What `LiveRun` needs of its workers; each works in a slot of the board."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._board, self._block = board_of_this_process()
        self._made_by = os.getpid()
        self.slots: dict[str, Slot] = {}

    def hire(self, name: str) -> None:
        """Put a worker to work on pipeline `name`.

        Raises
        ------
        OSError
            The machine does not permit it.
        """
        slot = self._board.claim()
        try:
            self._begin(name, slot)
        except BaseException:
            self._board.release(slot)
            raise
        self.slots[name] = slot

    def dismiss(self, names: list[str]) -> None:
        """End these workers, and return when they are gone."""
        for name in names:
            self.slots[name].ask_to_stop()
            self._ask(name)
        for name in names:
            slot = self.slots.pop(name)
            if self._end(name):
                self._board.release(slot)

    def check(self) -> dict[str, str]:
        """Let go of workers that ended by themselves; return why, by pipeline."""
        reasons = {name: reason for name in self.slots if (reason := self._gone(name)) is not None}
        self.dismiss(list(reasons))
        self._board.arrange()
        return reasons

    @property
    def starting(self) -> bool:
        """Whether a worker is not ready yet."""
        return any(slot.phase == Phase.STARTING for slot in self.slots.values())

    @property
    def taking_turns(self) -> bool:
        """Whether workers run one after another, for want of cores."""
        return bool(self._board.turns[0])

    def close(self) -> None:
        """End all workers and free what they shared."""
        if self._made_by == os.getpid():  # a fork has no business with its parent's workers
            self.dismiss(list(self.slots))

    def _begin(self, name: str, slot: Slot) -> None:
        raise NotImplementedError

    def _ask(self, name: str) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> bool:
        # True when the worker is certainly gone, so that its slot can serve another.
        raise NotImplementedError

    def _gone(self, name: str) -> str | None:
        raise NotImplementedError
