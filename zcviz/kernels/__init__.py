"""The loops that must be fast, compiled with numba where it is installed.

Every kernel is written once, in the part of Python that numba compiles. Where numba is missing, or
``ZCVIZ_NO_NUMBA=1`` is set, the same source runs as plain Python over memoryviews: the same
results, slowly. Kernels allocate nothing; they fill the arrays that they are given, stop when one
is full, and say where to go on.
"""

from ._jit import COMPILED, jit
from .frames import scan_frames
from .gather import LANES, count, gather_bytes, gather_integers, partition, pick
from .links import find_datagrams
from .messages import scan_datagrams
from .tally import CUT, END, FULL, Tally
from .totals import add_times, add_totals, first_seen

__all__ = [
    "COMPILED",
    "CUT",
    "END",
    "FULL",
    "LANES",
    "Tally",
    "add_times",
    "add_totals",
    "count",
    "find_datagrams",
    "first_seen",
    "gather_bytes",
    "gather_integers",
    "jit",
    "partition",
    "pick",
    "scan_datagrams",
    "scan_frames",
]
