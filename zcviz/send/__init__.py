"""Packets as they are sent: a feed, at its own pace or another, with or without accidents.

`replay` sends a feed and says what was sent; a `Sender` does so a turn at a time. Its *cargo* is
the datagrams as they lie in the feed's memory; a *plan* settles beforehand which accidents they
meet with; a *pace* says when each is due; each destination has a *lane*, and an *outlet* that
hands pieces of memory to the system.

Nothing goes to an address that another machine could hear, unless that is asked for. Names are
loaded when they are first used: the command line asks for little more than its words.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .address import Target, target_of
    from .cargo import Cargo, cargo_of
    from .faults import Counts, Faults, Plan, plan_of
    from .how import How
    from .schedule import Fixed, Pace, Recorded
    from .sender import Sender, replay
    from .sent import Sent

_HOMES = {
    "Cargo": "cargo",
    "Counts": "faults",
    "Faults": "faults",
    "Fixed": "schedule",
    "How": "how",
    "Pace": "schedule",
    "Plan": "faults",
    "Recorded": "schedule",
    "Sender": "sender",
    "Sent": "sent",
    "Target": "address",
    "cargo_of": "cargo",
    "plan_of": "faults",
    "replay": "sender",
    "target_of": "address",
}

__all__ = [
    "Cargo",
    "Counts",
    "Faults",
    "Fixed",
    "How",
    "Pace",
    "Plan",
    "Recorded",
    "Sender",
    "Sent",
    "Target",
    "cargo_of",
    "plan_of",
    "replay",
    "target_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
