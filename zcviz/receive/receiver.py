"""What every receive path is: open, batches of datagrams, counters, close."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import BufferLifetimeError
from ..holders import holders, renew_locals
from .batch import Batch
from .counters import Counters
from .where import Where

__all__ = ["Occupancy", "Receiver"]


class Occupancy(NamedTuple):
    """How full the buffer between the kernel and the program is.

    Attributes
    ----------
    used, capacity : int
        Of a socket: bytes, as the kernel charges them. Of a ring: entries (blocks or frames) that
        are handed over and not given back, and all there are.
    tail : int
        Of a ring: the entry that the program looks at next; −1 where there is no ring.
    """

    used: int
    capacity: int
    tail: int = -1


class Receiver(ABC):
    """One way from the network into this process's memory.

    Parameters
    ----------
    where : Where

    Attributes
    ----------
    name : str
        Such as ``"udp.recv_into"``.
    copies : str
        Which copies are made between the network interface and the memory of a batch, in words.
    copied : int
        How many copies that are.
    where : Where
    address : (str, int)
        Host and port that it really has.
    generation : int
        How many batches were released so far.

    Raises
    ------
    OSError
        The system refuses it; `errno` says why.

    Notes
    -----
    Memory: owns what it receives into, allocated once, when it is opened. A batch looks into that
    memory until it is released, or until the next `receive`, whichever comes first.
    """

    name: ClassVar[str]
    copies: ClassVar[str]
    copied: ClassVar[int] = 1

    def __init__(self, where: Where) -> None:
        self.where = where
        self.address: tuple[str, int] = (where.host, where.port)
        self.generation = 0
        self.closed = False
        self._lent: Batch | None = None
        self._datagrams = self._bytes = self._cut = 0
        self._began = time.process_time()

    # --- what a path has to say

    @abstractmethod
    def _wait(self, timeout: float | None) -> Batch | None:
        """Return the next datagrams; None if none came in `timeout` seconds (None: for ever)."""

    @abstractmethod
    def _close(self) -> None:
        """Give everything back to the system; BufferError while views of a map are alive."""

    def _give_back(self) -> None:  # noqa: B027
        """Take back the memory of the batch that was lent; nothing where it is simply reused."""

    def _count(self) -> Counters:
        """Return the counters that only the path knows; the others are filled in."""
        return Counters()

    def occupancy(self) -> Occupancy | None:
        """Return how full the buffer is at this moment; None where nobody can say."""
        return None

    # --- what everybody uses

    def receive(self, timeout: float | None = None) -> Batch | None:
        """Wait for datagrams.

        Parameters
        ----------
        timeout : float, optional [s]
            How long; 0 only looks, None waits for ever.

        Returns
        -------
        Batch or None
            At least one datagram; None if none came in time.

        Raises
        ------
        BufferLifetimeError
            It is closed; or, in debug mode, views of the batch before are still alive.

        Notes
        -----
        Memory: releases the batch before, whose memory will be overwritten.
        """
        self._begin()
        return self._counted(self._wait(timeout))

    def _begin(self) -> None:
        if self.closed:
            raise BufferLifetimeError(f"{self.name} is closed")
        if self._lent is not None:
            self._lent.release()

    def _counted(self, batch: Batch | None) -> Batch | None:
        if batch is not None:
            self._lent = batch
            self._datagrams += len(batch)
            self._bytes += batch.nbytes
        return batch

    def batches(self, timeout: float | None = None) -> Iterator[Batch]:
        """Yield batches until none came for `timeout` seconds."""
        while (batch := self.receive(timeout)) is not None:
            yield batch

    def _lend(
        self,
        memory: NDArray[np.uint8],
        table: NDArray[np.int64],
        nbytes: int,
        times: NDArray[np.int64] | None = None,
    ) -> Batch:
        return Batch(memory, table, nbytes, times, self._take_back)

    def _take_back(self) -> None:
        lent = self._lent
        if lent is not None and self.where.debug:
            self._refuse_if_looked_at(lent)
        self._lent = None
        self.generation += 1
        self._give_back()

    def _refuse_if_looked_at(self, lent: Batch) -> None:
        # The generation check: whoever still looks here would see other datagrams.
        memory, table = lent._memory, lent._table
        renew_locals()
        own = (memory, lent, *self._own_views())
        named = holders(memory.ctypes.data, memory.nbytes, own)
        if named:
            raise BufferLifetimeError(
                f"batch {self.generation} of {self.name} ({len(table)} datagrams) is looked at by "
                f"{', '.join(named)}; delete or copy it before the batch is released"
            )

    def _own_views(self) -> tuple[object, ...]:
        """Return the path's own views of its memory, which are nobody's forgotten ones."""
        return ()

    @property
    def counters(self) -> Counters:
        """What was counted so far."""
        own = self._count()
        return Counters(
            self._datagrams, self._bytes, self._cut + own.cut, own.dropped, own.lost,
            own.syscalls, time.process_time() - self._began,
        )  # fmt: skip

    def close(self) -> None:
        """Stop receiving, and give memory and descriptors back.

        Raises
        ------
        BufferLifetimeError
            Views of memory that is mapped from the kernel are still alive; they are named.
        """
        if self.closed:
            return
        if self._lent is not None:
            self._lent.expire()
            self._lent = None
            self._give_back()
        self._close()
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        try:
            self.close()
        except BufferLifetimeError:
            if error is None:
                raise

    def __repr__(self) -> str:
        state = "closed" if self.closed else "{}:{}".format(*self.address)
        return f"<{self.name} at {state}>"
