"""Datagrams of a capture file, as if they had just come in."""

from __future__ import annotations

import numpy as np

from ..capture import open_capture
from ..errors import SelectionError
from ..kernels import Tally, find_datagrams
from ..kernels.messages import DATAGRAM
from .batch import Batch, room_for
from .receiver import Receiver
from .where import Where

__all__ = ["Replaying"]

_PROBLEMS = 100
_ANY = "itch50"  # named, so that nobody looks for it: what is in the datagrams does not matter


class Replaying(Receiver):
    """A capture file in place of the network: its datagrams, as fast as they are asked for.

    After the last one there is nothing to wait for, and `receive` returns None at once.

    Parameters
    ----------
    where : Where
        `file` and `slots` count.

    Attributes
    ----------
    skipped : int
        Packets without a UDP datagram, or with one that is damaged.

    Raises
    ------
    SelectionError
        No file was named, or one that has no packets.
    ZcvizError
        It is no capture file.
    OSError
        It cannot be read.

    Notes
    -----
    Memory: the file's map; for a compressed one, what it was decompressed into. Batches are views
    of it. Their times, when each packet was captured, are allocated.
    """

    name = "replay"
    copies = "none: the file is mapped, and its pages are those of the page cache"
    copied = 0

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        if not where.file:
            raise SelectionError("file: expected a capture file to replay, found none")
        capture = open_capture(where.file, _ANY)
        if capture.records is None:
            capture.source.close()
            raise SelectionError(f"{capture.label}: expected packets, found {capture.container}")
        self._source, self._records, self._label = capture.source, capture.records, capture.label
        self._packets, self._table = room_for(where.slots), room_for(where.slots)
        self._problems = np.zeros((_PROBLEMS, 4), np.int64)
        self._tally = np.zeros(len(Tally), np.int64)
        self.skipped = 0

    def _wait(self, timeout: float | None) -> Batch | None:
        memory = self._source.data
        while not self._records.finished:
            packets = self._records.scan(self._packets)
            found = find_datagrams(
                memory, self._packets, packets, self._table, self._problems, self._tally
            )
            self.skipped += packets - found
            if found:
                return self._batch_of(self._table[:found])
        return None

    def _batch_of(self, table: np.ndarray) -> Batch:
        starts, stops, fulls = (table[:, each] for each in list(DATAGRAM)[DATAGRAM.START :])
        self._cut += int(np.count_nonzero(stops < fulls))
        times = self._records.times(table[:, DATAGRAM.RECORD])
        return self._lend(self._source.data, table, int((stops - starts).sum()), times)

    def _own_views(self) -> tuple[object, ...]:
        return (self._source.view, self._source.data)

    def _close(self) -> None:
        self._source.close()

    def __repr__(self) -> str:
        return f"<{self.name} of {self._label}{', closed' if self.closed else ''}>"
