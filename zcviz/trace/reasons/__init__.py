"""Why a step of an expression gave a view, or fresh memory: one sentence, where it is known.

That something is a view or fresh is read off addresses, never from these tables. They explain what
was seen, and the first rule that fits does.
"""

from __future__ import annotations

from .facts import Facts
from .rules import why

__all__ = ["Facts", "why"]
