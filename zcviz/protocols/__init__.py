"""Protocol tables: the files to hold against the exchanges' documents.

They contain no functions beyond shorthands of declaration.
"""

from ..spec import Protocol
from .deep10 import DEEP10
from .deepplus10 import DEEPPLUS10
from .deribit import DERIBIT
from .itch41 import ITCH41
from .itch50 import ITCH50
from .mdp3 import MDP3
from .tops16 import TOPS16

__all__ = ["FEEDS"]

FEEDS: dict[str, Protocol] = {
    feed.name: feed for feed in (ITCH50, ITCH41, TOPS16, DEEP10, DEEPPLUS10, MDP3, DERIBIT)
}
