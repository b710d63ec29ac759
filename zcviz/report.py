"""What a traversal met beside messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Problem

__all__ = ["MAX_PROBLEMS", "Report"]

MAX_PROBLEMS = 100
"""How many problems are kept with their offsets; all are counted."""


@dataclass
class Report:
    """What a traversal met beside messages.

    Attributes
    ----------
    packets : int
        Capture records; 0 for a file of messages without packets.
    datagrams, heartbeats, ends : int
        Datagrams that carried the protocol, those that are heartbeats, those that end a session
        (in a BinaryFILE, the zero length that does).
    skipped : dict of str to int
    problems : list of Problem
        The first `MAX_PROBLEMS`.
    problems_total : int
    truncated : tuple of int or None
        Where the last, incomplete record starts, and how many bytes there are of it.
    """

    packets: int = 0
    datagrams: int = 0
    heartbeats: int = 0
    ends: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    problems_total: int = 0
    truncated: tuple[int, int] | None = None

    def note(self, offset: int, what: str, expected: int | str, found: int | str) -> None:
        """Count a problem, and keep it if it is among the first."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(offset, what, expected, found))
        self.problems_total += 1

    def skip(self, reason: str, times: int = 1) -> None:
        """Count something passed over."""
        self.skipped[reason] = self.skipped.get(reason, 0) + times
