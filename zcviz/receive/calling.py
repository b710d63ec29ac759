"""Paths that call the system for what has come in: wait for the first, take what else is there."""

from __future__ import annotations

import errno
import select
import socket
import struct
from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from . import constants
from .batch import Batch
from .counters import Counters
from .rooms import Slots
from .sockets import SocketReceiver

__all__ = ["CallingReceiver", "SlotReceiver"]

_TIME = struct.Struct("ll")  # struct timeval
_LONGEST = 10**9  # s; what is longer is for ever


class CallingReceiver(SocketReceiver):
    """A path that calls the system for datagrams.

    A signal interrupts the wait for its handler only; once that returns, the wait begins anew. An
    error that came back for something sent (``ECONNREFUSED``) says nothing about what comes in, and
    is passed over. If another thread closes the receiver, the wait ends as if nothing had come.
    """

    _calls = 0  # of this batch, that brought something
    _patience: float | None = None

    @abstractmethod
    def _take(self, flags: int) -> None:
        """Call, the first time with these flags, and count the calls that brought something.

        Once there is no more room, return; OSError if no more is there.
        """

    @abstractmethod
    def _taken(self) -> Batch:
        """Return what the calls brought."""

    def _wait(self, timeout: float | None) -> Batch | None:
        while True:
            self._calls = 0
            try:
                self._take(self._flags(timeout))
            except OSError as error:
                self._syscalls += 1
                if not self._calls and self._is_over(error):
                    return None
            self._syscalls += self._calls
            if self._closing:
                return None
            if self._calls:
                return self._taken()

    def _is_over(self, error: OSError) -> bool:
        if self._closing or error.errno in constants.NOTHING:
            return True
        if error.errno == errno.EMSGSIZE:  # on Windows: too long, and thrown away
            self._cut += 1
        elif error.errno not in constants.PASSING:
            raise error
        return False

    def _flags(self, timeout: float | None) -> int:
        # A timeout of Python's own (settimeout) would cost a call for every datagram.
        if timeout is not None and timeout > _LONGEST:
            timeout = None
        if not constants.DONT_WAIT:
            if not select.select([self._socket], [], [], timeout)[0]:
                raise BlockingIOError(errno.EAGAIN, "nothing came in time")
            self._syscalls += 1
            return 0
        if timeout is not None and timeout <= 0:
            return constants.DONT_WAIT
        if timeout != self._patience:
            microseconds = 0 if timeout is None else max(1, round(timeout * 10**6))  # 0: for ever
            value = _TIME.pack(*divmod(microseconds, 10**6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self._patience = timeout
            self._syscalls += 1
        return 0


class SlotReceiver(CallingReceiver):
    """A path that receives into slots which were there before."""

    copies = "one: by the kernel, into a slot"
    _most: ClassVar[int] = 1 << 20

    def _prepare(self) -> None:
        count = min(self._at_once, self._most)
        self._slots = Slots(count, self.where.slot, self._sizes_of(count))

    def _sizes_of(self, count: int) -> NDArray[np.uint32]:
        return np.zeros(count, np.uint32)

    def _taken(self) -> Batch:
        return self._lend(*self._slots.first(self._calls))

    def _own_views(self) -> tuple[object, ...]:
        return self._slots.own_views

    def _count(self) -> Counters:
        return replace(super()._count(), cut=self._slots.cut)
