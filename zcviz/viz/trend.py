"""What a dashboard's curve of rates is drawn from: the last half minute."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ..live.publisher import RATE
from ..traffic import Sample

__all__ = ["SECONDS", "Trend"]

SECONDS = 30
_ROOM = SECONDS * RATE


class Trend:
    """Rates of the last samples, for pages that are opened later or show a saved notebook.

    Notes
    -----
    Memory: a row of seven figures a sample at most, of the last `SECONDS` only.
    """

    def __init__(self) -> None:
        self._rows: deque[list[float]] = deque(maxlen=_ROOM)

    def add(self, sample: Sample, messages: int) -> None:
        """Note a sample, once; one of another run begins anew.

        Parameters
        ----------
        sample : Sample
        messages : int
            In a datagram.
        """
        if self._rows and sample.t == self._rows[-1][0]:
            return  # shown twice, or frozen
        if self._rows and (sample.t < self._rows[-1][0] or not _alike(sample, self._rows[-1])):
            self._rows.clear()
        sender = sample.sender
        row = [sample.t, sender.offered * messages, sender.sending * messages]
        for path in sample.paths:
            row += [path.received * messages, path.decoded]
        self._rows.append(row)

    def pack(self) -> NDArray[np.float32]:
        """Return the rows, oldest first.

        Returns
        -------
        (samples, 3 + 2 * n_paths) float32
            Time [s]; offered, sent, and for each path received and decoded [messages/s].

        Notes
        -----
        Memory: allocates the array.
        """
        return np.array(self._rows, np.float32)

    def __len__(self) -> int:
        return len(self._rows)


def _alike(sample: Sample, row: list[float]) -> bool:
    return len(row) == 3 + 2 * len(sample.paths)
