"""Protocol tables: the files to hold against the exchanges' documents.

They contain no functions beyond shorthands of declaration.
"""

from ..spec import Protocol
from .itch50 import ITCH50

__all__ = ["FEEDS"]

FEEDS: dict[str, Protocol] = {feed.name: feed for feed in (ITCH50,)}
