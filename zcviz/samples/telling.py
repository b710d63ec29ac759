"""How a venue's day is told, in whatever words: opening, trading, closing."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..spec import Protocol
from .chance import Chance
from .day import SECOND
from .packets import MIDNIGHT
from .venue import NAMES, ONE_OF_EACH, Event, Venue

__all__ = ["Story", "Teller"]

Story = list[tuple[int, bytes]]
"""Messages, and when each was sent [ns since the Unix epoch]."""

_START = (MIDNIGHT + 34_190) * SECOND  # 09:29:50 in New York
_PAUSE = 400_000  # ns between two events, at most


class Teller(ABC):
    """One venue's events in the words of one feed.

    Parameters
    ----------
    feed : Protocol
    messages : int
        For about how many messages; it decides how many securities there are.
    seed : int
    """

    def __init__(self, feed: Protocol, messages: int, seed: int) -> None:
        self.feed, self.chance = feed, Chance(seed)
        self.names = NAMES[: max(messages // 100, 2)]
        self.venue = Venue(len(self.names), self.chance)
        self.time = _START

    @abstractmethod
    def opening(self) -> Story:
        """Say what is said before the first event."""

    @abstractmethod
    def tell(self, event: Event) -> Story:
        """Say what happened."""

    @abstractmethod
    def closing(self) -> Story:
        """Say what is said after the last event."""

    def trading(self, messages: int) -> Story:
        """Let things happen until there is so much to say, and one of each kind at least."""
        said: Story = []
        events = 0
        while events < ONE_OF_EACH or len(said) < messages:
            self.pause()
            said += self.tell(self.venue.event())
            events += 1
        return said

    def emptying(self) -> Story:
        """Take all orders out of the books."""
        said: Story = []
        for event in self.venue.emptying():
            self.pause()
            said += self.tell(event)
        return said

    def pause(self) -> None:
        """Let some time go by."""
        self.time += self.chance.below(_PAUSE)

    def story(self, messages: int) -> Story:
        """Tell a day in about so many messages."""
        said = self.opening()
        return said + self.trading(messages - len(said)) + self.closing()
