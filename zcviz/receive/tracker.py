"""Sequence accounting while datagrams arrive, in memory that does not grow.

The same sentences as in ``zcviz.session``, about the *set* of numbers that came. A file can be
looked at again; what was received is gone. So this keeps, of each channel, the first number, the
next one, and the holes between; and of the last `REMEMBERED` datagrams their numbers, their size
and their last eight bytes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from ..kernels.messages import KEPT
from ..kernels.sequences import RECENT, STATE, follow
from ..protocols import ipv4, ipv6, udp
from ..session import Accounting
from ..spec import Framing

__all__ = ["CHANNELS", "HOLES", "REMEMBERED", "Tracker"]

HOLES = 4096
"""Holes of a channel that may still be filled; of more, the oldest are given up."""
REMEMBERED = 1024
"""Datagrams of a channel by whose size and last bytes a restart is told from a duplicate."""
CHANNELS = 256
"""Channels that are followed at once; of more, the one longest silent is forgotten."""

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_WORD = 8
_start, _stop = itemgetter(0), itemgetter(1)
Bytes = NDArray[np.uint8]


class Tracker:
    """What became of the numbers so far.

    A channel is what the framing's header names. Where the destination address does it instead, it
    is that address, as far as the path shows it: what comes through one socket is one channel, and
    in a ring the two sides of a feed are two channels.

    Parameters
    ----------
    framing : Framing

    Notes
    -----
    It comes to the same `Accounting` as a file's for datagrams that are lost, doubled, delayed or
    cut, unless more holes are open at once than `HOLES`: then what fills those that were given up
    counts as a duplicate, and they as missing. A sender that counts again from before is known as
    such only by a datagram that has the numbers of one of the last `REMEMBERED`, and another size
    or other last bytes; until it comes to one, or past the highest number, its datagrams are
    duplicates.

    Memory: owns some 40 kB a channel and what the holes take, at most 0.5 MB a channel more.
    """

    def __init__(self, framing: Framing) -> None:
        self._numbers_packets = framing.numbers == "packets"
        self._unsequenced = -1 if framing.unsequenced is None else framing.unsequenced
        self._by_address = not framing.channel
        header = framing.header
        assert header is not None
        fields = [header[name] for name in framing.channel]
        self._places = np.array([at for f in fields for at in range(f.offset, f.end)], np.int64)
        self._channels: dict[bytes, _Channel] = {}
        self._channel: _Channel | None = None
        self._past = Accounting()
        self._late = 0

    def take(self, data: Bytes, kept: NDArray[np.uint64], rows: int, last: int) -> None:
        """Take in datagrams in the order in which they came.

        Parameters
        ----------
        data : (n_bytes,) uint8
        kept : (7 * rows,) uint64
            The columns that ``kernels.scan_datagrams`` fills.
        last : int
            How many of the rows are filled.
        """
        row = 0
        while row < last:
            if self._channel is not None:
                row = follow(
                    data, kept, rows, row, last, self._numbers_packets, self._unsequenced,
                    self._by_address, self._channel.places, self._channel.name,
                    self._channel.state, self._channel.recent,
                )  # fmt: skip
            if row < last:
                start, _, sequence, _, *rest = kept[row : len(KEPT) * rows : rows].tolist()
                self._note(data, start, sequence, *rest)
                row += 1

    def _note(
        self, data: Bytes, start: int, sequence: int, before_ip: int, size: int, blocks: int
    ) -> None:
        # A datagram that is not simply the next one.
        channel = self._channel_of(data, start, before_ip)
        if sequence == self._unsequenced:
            channel.state[STATE.UNSEQUENCED] += np.uint64(1)
            return
        numbers = 1 if self._numbers_packets else blocks
        if numbers:
            tail = int.from_bytes(data[start + size - _WORD : start + size].tobytes(), "little")
            channel.take(sequence, numbers, size, tail)
        else:
            channel.state[STATE.PROMISED] = sequence

    def _channel_of(self, data: Bytes, start: int, before_ip: int) -> _Channel:
        places = _address_at(data, start, before_ip) if self._by_address else self._places
        name = data[places + start]
        key = name.tobytes()
        channel = self._channels.pop(key, None)
        if channel is None:
            channel = _Channel(name)
            if len(self._channels) == CHANNELS:
                silent = self._channels.pop(next(iter(self._channels)))
                self._past += silent.accounting
                self._late += silent.late
        self._channels[key] = self._channel = channel  # the last one is the one heard last
        channel.places = places
        channel.state[STATE.BEFORE_IP] = before_ip
        return channel

    @property
    def accounting(self) -> Accounting:
        """Gaps, missing numbers, duplicates, restarts, unsequenced datagrams so far."""
        return sum((each.accounting for each in self._channels.values()), self._past)

    @property
    def late(self) -> int:
        """How many datagrams brought, after higher numbers, one that had not come."""
        return sum((each.late for each in self._channels.values()), self._late)

    @property
    def behind(self) -> int:
        """How many numbers heartbeats tell of, beyond the last that came.

        They are not missing in the sense of `accounting`: it knows of no gap before a datagram came
        that lies behind it.
        """
        return sum(each.behind for each in self._channels.values())


class _Channel:
    # The set of numbers seen on one channel: all from `first` to `next`, but those in holes.

    def __init__(self, name: Bytes) -> None:
        self.name = name
        self.places = np.zeros(0, np.int64)
        self.state = np.zeros(len(STATE), np.uint64)
        self.recent = np.zeros((REMEMBERED, len(RECENT)), np.uint64)
        self.late = 0
        self._past = Accounting()
        self._duplicates = 0
        self._first = self._highest = 0
        self._holes: list[tuple[int, int]] = []

    @property
    def _next(self) -> int:
        # Past the greatest number that fits the kernel's word, the kernel is not asked.
        return int(self.state[STATE.NEXT]) if self.state[STATE.OPEN] else self._highest

    @_next.setter
    def _next(self, number: int) -> None:
        self._highest = number
        self.state[STATE.OPEN] = number <= _MASK
        self.state[STATE.NEXT] = number & _MASK

    def take(self, start: int, numbers: int, size: int, tail: int) -> None:
        stop = start + numbers
        if not self.state[STATE.SEEN]:
            self._begin(start, stop)
        elif start < self._next and self._contradicts(start, numbers, size, tail):
            self._past = self.accounting + Accounting(restarts=1)
            self._duplicates, self._holes = 0, []
            self.state[STATE.UNSEQUENCED] = self.state[STATE.SEEN] = 0
            self._begin(start, stop)
        else:
            self._add(start, stop)
        slot = int(self.state[STATE.SEEN]) % REMEMBERED
        self.recent[slot] = start, numbers, size, tail
        self.state[STATE.SEEN] += np.uint64(1)

    def _begin(self, start: int, stop: int) -> None:
        self._first, self._next = start, stop

    def _contradicts(self, start: int, numbers: int, size: int, tail: int) -> bool:
        recent = self.recent[: min(int(self.state[STATE.SEEN]), REMEMBERED)]
        same = (recent[:, RECENT.FIRST] == start) & (recent[:, RECENT.NUMBERS] == numbers)
        other = (recent[:, RECENT.SIZE] != size) | (recent[:, RECENT.TAIL] != tail)
        return bool((same & other).any())

    def _add(self, start: int, stop: int) -> None:
        after, first = self._next, self._first
        if start > after:
            self._holes.append((after, start))
        elif stop < first:
            self._holes.insert(0, (stop, first))
        brings = stop > after or start < first
        fills = self._fill(start, stop)
        self._first, self._next = min(first, start), max(after, stop)
        if start < after and (brings or fills):
            self.late += 1
        elif not brings:
            self._duplicates += 1
        while len(self._holes) > HOLES:
            low, high = self._holes.pop(0)
            self._past += Accounting(gaps=1, missing=high - low)

    def _fill(self, start: int, stop: int) -> bool:
        # Take numbers out of the holes; say whether there were any.
        holes = self._holes
        low = bisect_right(holes, start, key=_stop)
        high = bisect_left(holes, stop, low, key=_start)
        if low == high:
            return False
        ends = (holes[low][0], start), (stop, holes[high - 1][1])
        holes[low:high] = [(left, right) for left, right in ends if left < right]
        return True

    @property
    def accounting(self) -> Accounting:
        missing = sum(high - low for low, high in self._holes)
        unsequenced = int(self.state[STATE.UNSEQUENCED])
        return self._past + Accounting(
            len(self._holes), missing, self._duplicates, unsequenced=unsequenced
        )

    @property
    def behind(self) -> int:
        if not self.state[STATE.SEEN]:
            return 0
        return max(0, int(self.state[STATE.PROMISED]) - self._next)


def _address_at(data: Bytes, start: int, before_ip: int) -> NDArray[np.int64]:
    # Where the destination's address and port stand, from the start of a datagram.
    port, size = udp.HEADER["destination_port"], udp.HEADER.size
    if before_ip < ipv4.HEADER.size + size:
        return np.zeros(0, np.int64)  # the path shows no header: all it gives is one channel
    header = ipv6.HEADER if data[start - before_ip] >> 4 == 6 else ipv4.HEADER
    address = header["destination"]
    ends = (
        (address.offset - before_ip, address.end - before_ip),
        (port.offset - size, port.end - size),
    )
    return np.array([at for low, high in ends for at in range(low, high)], np.int64)
