"""Datagrams without end: some hundred of them, sent again and again under new numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..codec import encode
from ..errors import SelectionError
from ..protocols import moldudp64
from ..receive.batch import room_for
from ..samples.nasdaq import SMALLEST, spans

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["SEQUENCE", "SLOTS", "Train", "invented", "taken_from"]

SLOTS = 256
"""Datagrams that there are; those with numbers that differ by it share their memory."""
SEQUENCE = moldudp64.HEADER["sequence"].offset
"""Where in a datagram the number of its first message stands."""
_STRIDE = 1536
_LONGEST = 44  # bytes: 30 of them fit into a datagram that Ethernet carries whole
_STOCK = 4096
_SESSION = b"ZCVIZ00001"


def invented() -> list[bytes]:
    """Return messages of an invented session of ITCH 5.0."""
    _, stream, sizes = next(spans(max(_STOCK, SMALLEST), 1))
    data, at, messages = stream.tobytes(), 0, []
    for size in sizes.tolist():
        messages.append(data[at + 2 : at + size])
        at += size
    return [each for each in messages if len(each) <= _LONGEST]


def taken_from(feed: Feed) -> list[bytes]:
    """Return messages of a feed: the first some thousand, but for the longest types.

    Raises
    ------
    SelectionError
        It is not of a protocol that MoldUDP64 carries here, or has no such message.
    """
    if feed.protocol.name != "itch50":
        raise SelectionError(
            f"feed: expected messages of itch50, found {feed.protocol.name} in {feed.name}"
        )
    index, view = feed.head(_STOCK).index, memoryview(feed.data)
    places = zip(index.offsets.tolist(), index.sizes.tolist(), strict=True)
    messages = [bytes(view[at : at + size]) for at, size in places if size <= _LONGEST]
    if not messages:
        raise SelectionError(f"feed: {feed.name} holds no message that could be sent")
    return messages


class Train:
    """Preallocated datagrams.

    Parameters
    ----------
    stock : sequence of bytes
        Messages, used in turn.
    messages : int
        In each datagram.
    payload : int [bytes]
        To which a datagram is lengthened, if it is shorter.

    Attributes
    ----------
    memory : (n_bytes,) uint8
        Read-only.
    table : (SLOTS, 5) int64
        Where each datagram lies; columns of `kernels.messages.DATAGRAM`.

    Notes
    -----
    Memory: allocated once; `number` rewrites 8 bytes of each datagram, and nothing else changes.
    """

    def __init__(self, stock: Sequence[bytes], messages: int, payload: int = 0) -> None:
        memory = np.zeros(SLOTS * _STRIDE, np.uint8)
        self.messages = messages
        self.table = room_for(SLOTS)
        header = encode(moldudp64.HEADER, session=_SESSION, sequence=0, count=messages)
        for slot in range(SLOTS):
            picked = (stock[(slot * messages + i) % len(stock)] for i in range(messages))
            blocks = (len(each).to_bytes(2, "big") + each for each in picked)
            data = (header + b"".join(blocks)).ljust(payload, b"\0")
            start = slot * _STRIDE
            memory[start : start + len(data)] = np.frombuffer(data, np.uint8)
            self.table[slot] = start, start, start, start + len(data), start + len(data)
        self._numbers = np.ndarray((SLOTS,), ">u8", memory, SEQUENCE, (_STRIDE,))
        self._steps = np.arange(SLOTS, dtype=np.uint64) * np.uint64(messages)
        self.memory = memory.view()
        self.memory.flags.writeable = False

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Length of each datagram [bytes]."""
        return self.table[:, 3] - self.table[:, 2]

    def number(self, first: int, count: int) -> slice:
        """Give `count` datagrams the numbers from `first` on; return where they are.

        They must not pass the end of the train: ``first % SLOTS + count <= SLOTS``.
        """
        slot = first % SLOTS
        here = slice(slot, slot + count)
        np.add(
            self._steps[:count], np.uint64(1 + first * self.messages), self._numbers[here],
            casting="unsafe",
        )  # fmt: skip
        return here
