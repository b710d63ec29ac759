"""Watch what a piece of Python does with memory.

============ =================================================================================
module       answers
============ =================================================================================
allocations  how much memory was allocated, is still held, and was held at most
exact        how much was allocated and freed in all, by counting every allocation
holdings     what memory an object consists of
provenance   whose memory that is, and how much the object keeps alive
overlap      which bytes two objects have in common
copies       which part of a result is a view of which input, and why the rest is not
ledger       how many bytes each stage of a pipeline looked at, copied and derived
account      the same of any functions in a row, and what each allocated and freed
============ =================================================================================

It can watch any code: it knows what libraries say of their memory, and finds that of our own
objects through the attributes ``__zcviz_owner__`` and ``__zcviz_parts__`` that they carry.
"""

from .account import Account, ledger_of
from .allocations import Allocations, Window, allocations
from .copies import Copies, what_copied
from .exact import Counts, Exact, Flow, exact
from .holdings import Holding, holdings
from .overlap import overlap, shares_memory
from .provenance import Node, Provenance, provenance

__all__ = [
    "Account",
    "Allocations",
    "Copies",
    "Counts",
    "Exact",
    "Flow",
    "Holding",
    "Node",
    "Provenance",
    "Window",
    "allocations",
    "exact",
    "holdings",
    "ledger_of",
    "overlap",
    "provenance",
    "shares_memory",
    "what_copied",
]
