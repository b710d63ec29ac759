"""Packets as they arrive: ways from the network interface into this process's memory.

One interface for all: `open` a path, iterate over batches of datagrams that lie in the path's own
memory, read its counters, close it. An `Intake` finds the messages in them, for the index and for
pipelines. `probe` finds out by doing which paths this machine permits.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import SelectionError
from .batch import Batch
from .counters import Counters
from .receiver import Receiver
from .where import Where

if TYPE_CHECKING:
    from .intake import Intake
    from .probing import probe

__all__ = [
    "FAST",
    "LOW_LATENCY",
    "PATHS",
    "Batch",
    "Counters",
    "Intake",
    "Receiver",
    "Where",
    "open",
    "path_named",
    "probe",
]

PATHS = {
    "udp.recv": "udp.Recv",
    "udp.recv_into": "udp.RecvInto",
    "udp.recvmsg": "udp.RecvMsg",
    "udp.recvmmsg": "mmsg.RecvMmsg",
    "udp.gro": "gro.Gro",
    "packet.ring_v2": "ring2.RingV2",
    "packet.ring_v3": "ring3.RingV3",
    "xdp.copy": "xdp.XdpCopy",
    "xdp.zerocopy": "xdp.XdpZeroCopy",
    "asyncio": "aio.Asyncio",
    "replay": "replaying.Replaying",
}
"""Every path, with the class behind it: loaded when it is asked for."""

FAST = ("packet.ring_v3", "udp.recvmmsg", "udp.recv_into", "udp.recv")
"""The order in which ``"fast"`` tries: the least work for each packet first."""

LOW_LATENCY = ("xdp.copy", "packet.ring_v2", "udp.recv_into")
"""The order in which ``"low-latency"`` tries: no block that has to fill up first."""

_CHOICES = {"fast": FAST, "low-latency": LOW_LATENCY}


def path_named(name: str) -> type[Receiver]:
    """Return the class of a path.

    Raises
    ------
    SelectionError
        There is none of that name.
    """
    if name not in PATHS:
        raise SelectionError(f"no receive path is called {name!r}; there are {', '.join(PATHS)}")
    module, _, kind = PATHS[name].partition(".")
    found: type[Receiver] = getattr(import_module(f".{module}", __name__), kind)
    return found


def open(path: str = "fast", **options: Any) -> Receiver:
    """Open a receive path.

    Parameters
    ----------
    path : str
        A name of `PATHS`; or ``"fast"`` or ``"low-latency"``, which take the first of their list
        that this machine permits.
    **options
        See `Where`.

    Raises
    ------
    SelectionError
        No such path, or a value of `Where` that makes no sense.
    OSError
        The system refuses it, or all of a list; `errno` says why.

    Notes
    -----
    Memory: allocates what the path receives into, once.
    """
    where = Where(**options)
    refused: OSError | None = None
    for name in _CHOICES.get(path, (path,)):
        try:
            return path_named(name)(where)
        except OSError as error:
            refused = error
    assert refused is not None
    raise refused


_LATER = {"Intake": "intake", "probe": "probing"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
