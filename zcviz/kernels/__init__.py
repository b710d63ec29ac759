"""The loops that must be fast, compiled with numba where it is installed.

Every kernel is written once, in the part of Python that numba compiles. Where numba is missing, or
``ZCVIZ_NO_NUMBA=1`` is set, the same source runs as plain Python over memoryviews: the same
results, slowly. Kernels allocate nothing; they fill the arrays that they are given, stop when one
is full, and say where to go on.
"""

from ._jit import COMPILED, jit
from .gather import gather_bytes, gather_integers, partition
from .scan import CUT, END, FULL, Tally, scan_frames, scan_packets
from .totals import add_totals, first_seen

__all__ = [
    "COMPILED",
    "CUT",
    "END",
    "FULL",
    "Tally",
    "add_totals",
    "first_seen",
    "gather_bytes",
    "gather_integers",
    "jit",
    "partition",
    "scan_frames",
    "scan_packets",
]
