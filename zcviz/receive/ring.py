"""What all rings have in common: memory that the system fills while we read, and waiting for it."""

from __future__ import annotations

import errno
import platform
import select
import socket
import sys
import threading
import time
from abc import abstractmethod
from contextlib import ExitStack

import numpy as np

from ..buffers import Mapped
from ..errors import DecodeError
from ..kernels import Tally, find_datagrams
from ..kernels.fence import ORDERED
from ..kernels.rings import Taken, sum_up
from .batch import Batch, room_for
from .counters import Counters
from .receiver import Occupancy, Receiver
from .where import Where

__all__ = ["Ring", "require_rings"]

_AT_ONCE = 0.2  # s; no event says that another thread closed it, or that its interface is gone
_PROBLEMS = 16  # of a batch that are written down; nobody reads them, the kernels want the room


def require_rings() -> None:
    """Do nothing where rings can be read.

    Raises
    ------
    OSError
        This is not Linux; or words shared with the system cannot be read in order here.
    """
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, "packet rings are there on Linux only")
    if not ORDERED:
        raise OSError(
            errno.ENOSYS, f"reading a ring on {platform.machine()} takes numba, which is not there"
        )


class Ring(Receiver):
    """A path whose memory the system fills on its own; entries of a ring say how far it got.

    Parameters
    ----------
    where : Where

    Notes
    -----
    Memory: `_map` is mapped by this process and written by the system. A batch looks into it. What
    was lent is given back by `release`; meanwhile the system fills the rest.
    """

    _map: Mapped
    _socket: socket.socket
    _opened: ExitStack
    _seconds = -1  # where a record has its time, see `sum_up`

    def __init__(self, where: Where) -> None:
        require_rings()
        super().__init__(where)
        self._lock = threading.RLock()  # held by who reads the ring, or ends it
        self._poll = select.poll()
        self._syscalls = 0

    def _make_room(self, packets: int) -> None:
        self._packets, self._found = room_for(packets), room_for(packets)
        self._times = np.zeros(packets, np.int64)
        self._problems = np.zeros((_PROBLEMS, 4), np.int64)
        self._tally = np.zeros(len(Tally), np.int64)
        # Once before there is anything: what has to be compiled or loaded would cost packets later.
        self._take()
        self._give_back()

    @abstractmethod
    def _take(self) -> Taken:
        """Fill `_packets` and `_found` with what is there, see `kernels.rings`."""

    @abstractmethod
    def _hand_back(self) -> None:
        """Tell the system that the entries of the last `_take` are done with."""

    @abstractmethod
    def _occupied(self) -> Occupancy:
        """Return what of the ring is ours."""

    @abstractmethod
    def _losses(self) -> tuple[int, int | None]:
        """Return what `Counters` calls lost and dropped, since the path was opened."""

    def _wait(self, timeout: float | None) -> Batch | None:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._map.closed:  # by another thread
                    return None
                count, batch = self._look()
            if batch is not None:
                return batch
            if not count and not self._sleep(until):
                return None

    def _look(self) -> tuple[int, Batch | None]:
        # How many packets are there, and those with a datagram.
        count, wrong, found, nbytes = self._take()
        if wrong >= 0:
            self._give_back()
            raise DecodeError(
                f"ring of {self.name}", offset=wrong, expected="an entry within its bounds",
                found="one that is not",
            )  # fmt: skip
        if found < count:
            found, nbytes = self._look_closer(count)
        if found:
            times = self._times[:found] if self._seconds >= 0 else None
            return count, self._lend(self._map.data, self._found[:found], nbytes, times)
        self._give_back()  # nothing but packets without a datagram
        return count, None

    def _sleep(self, until: float | None) -> bool:
        left = _AT_ONCE if until is None else min(_AT_ONCE, until - time.monotonic())
        if left <= 0:
            return False
        self._syscalls += 1
        events = self._poll.poll(left * 1e3)
        if [each for _, each in events] != [select.POLLIN]:
            with self._lock:
                if self._map.closed:
                    return True
                why = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if why:
                raise OSError(why, f"{self.name}: {errno.errorcode.get(why, why)}")
        return True

    def _give_back(self) -> None:
        with self._lock:
            if not self._map.closed:  # else its words are at addresses of nobody
                self._hand_back()

    def _look_closer(self, count: int) -> tuple[int, int]:
        memory, into = self._map.data, self._found
        found = find_datagrams(memory, self._packets, count, into, self._problems, self._tally)
        nbytes, cut = sum_up(memory, into, found, self._seconds, self._times)
        self._cut += cut
        return found, nbytes

    def _own_views(self) -> tuple[object, ...]:
        return (self._map, self._map.view)

    def occupancy(self) -> Occupancy | None:
        """Return what of the ring is ours, the batch that is lent included."""
        with self._lock:
            return None if self._map.closed else self._occupied()

    def _count(self) -> Counters:
        with self._lock:
            if self._socket.fileno() >= 0:
                self._lost = self._losses()
        return Counters(lost=self._lost[0], dropped=self._lost[1], syscalls=self._syscalls)

    def _close(self) -> None:
        with self._lock:
            self._map.close()  # refuses while somebody looks; the socket would live on in the map
            self._count()
            self._opened.close()
