"""Watch what a piece of Python does with memory.

============ =================================================================================
module       answers
============ =================================================================================
allocations  how much memory was allocated, is still held, and was held at most
provenance   whose memory an object shows, and how much it keeps alive
overlap      which bytes two objects have in common
ledger       how many bytes each stage of a pipeline looked at, copied and derived
============ =================================================================================

It can watch any code: it knows buffers, and finds the owner of our own objects through the
attribute ``__zcviz_owner__`` that they carry.
"""

from .allocations import Allocations, Window, allocations
from .overlap import overlap, shares_memory
from .provenance import Node, Provenance, provenance

__all__ = [
    "Allocations",
    "Node",
    "Provenance",
    "Window",
    "allocations",
    "overlap",
    "provenance",
    "shares_memory",
]
