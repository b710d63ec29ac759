"""When the next datagrams are due."""

from __future__ import annotations

from .board import Board

__all__ = ["Pace"]

_PATIENCE = 0.05  # seconds of arrears that are made up for; what is older is given up
_LOOK = 5_000_000  # ns between two looks at the board
_AT_ONCE = 64  # datagrams between two looks at the clock, as fast as possible


class Pace:
    """Say how many datagrams are due, by the rate and burst that the board asks for.

    Attributes
    ----------
    given_up : int
        Datagrams that were due when the sender was too far behind, and will never be sent.
    """

    def __init__(self, board: Board, now: int) -> None:
        self._board = board
        self.given_up = 0
        self._rate, self._burst = -1.0, 1
        self._look(now)

    def _look(self, now: int) -> None:
        rate, burst = self._board.rate, self._board.burst
        if (rate, burst) != (self._rate, self._burst):
            self._rate, self._burst = rate, burst
            # The first burst of the new pace is due now.
            self._began, self._done = now, -burst
        self._looked = now

    def due(self, now: int) -> int:
        """Return how many are due at a time [ns]; they are taken as sent."""
        if now - self._looked > _LOOK:
            self._look(now)
        if not self._rate:
            return _AT_ONCE
        owed = (now - self._began) * self._rate / 1e9 - self._done
        most = self._rate * _PATIENCE + self._burst
        if owed > most:
            lost = int(owed - most)
            self.given_up += lost
            self._done += lost
            owed -= lost
        due = int(owed / self._burst) * self._burst
        self._done += due
        return due

    def wait(self, now: int) -> float:
        """Return how long nothing is due [s], a few milliseconds at most."""
        if not self._rate:
            return 0.0
        due = self._began + (self._done + self._burst) * 1e9 / self._rate
        return max(0.0, min(due - now, _LOOK) / 1e9)
