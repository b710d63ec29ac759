"""Sequence accounting: which numbered messages came, which never did, which came twice.

Everything is computed on the *set* of numbers seen, channel by channel (``zcviz.channels``). Order
of arrival matters in one case only: a step back to numbers already seen, with other content, is a
sender that started again. It opens a new epoch, accounted on its own.

No socket and no file here: datagrams go in, numbers come out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .channels import channels
from .cutting import Cutter
from .index import Datagrams
from .spec import Framing, Protocol

__all__ = ["Accounting", "Content", "Sequencer", "account"]

Content = Callable[[int, int, int], bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of the numbers.

    Attributes
    ----------
    gaps : int
        Maximal runs of numbers, between a channel's first and last, that never came.
    missing : int
        How many numbers those are: of messages, or of packets where the venue numbers these.
    duplicates : int
        Datagrams, heartbeats aside, that brought no new number.
    restarts : int
        Epochs opened by a sender that counts again from before.
    unsequenced : int
        Datagrams of the number that means none (MoldUDP64: 0): their messages count, this
        accounting passes over them.
    """

    gaps: int = 0
    missing: int = 0
    duplicates: int = 0
    restarts: int = 0
    unsequenced: int = 0

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class Sequencer:
    """The set of numbers seen on one channel.

    Parameters
    ----------
    content : callable (datagram number, first block, block after the last) -> bytes-like
        The blocks, their lengths included. Asked only when numbers come a second time.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._gaps = self._missing = self._duplicates = self._restarts = 0
        self._new_epoch()

    def _new_epoch(self) -> None:
        # Disjoint ranges in ascending order: where each starts, where it ends, and which datagram
        # brought it. Neighbours are not merged, for the datagram tells where the content lies.
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._carriers: list[tuple[int, int]] = []  # (datagram, sequence of its first block)

    def feed(self, datagram: int, sequence: int, blocks: int) -> None:
        """Take in one datagram by its number in the capture, first sequence, count of blocks."""
        if not blocks:
            return
        if self._contradicts(datagram, sequence, blocks):
            holes = self._holes()
            self._gaps += len(holes)
            self._missing += sum(holes)
            self._restarts += 1
            self._new_epoch()
        if not self._add(datagram, sequence, blocks):
            self._duplicates += 1

    def result(self) -> Accounting:
        """Return the accounting of all epochs so far."""
        holes = self._holes()
        gaps, missing = self._gaps + len(holes), self._missing + sum(holes)
        return Accounting(gaps, missing, self._duplicates, self._restarts)

    def _overlapping(self, start: int, stop: int) -> range:
        first = bisect_right(self._stops, start)
        last = first
        while last < len(self._starts) and self._starts[last] < stop:
            last += 1
        return range(first, last)

    def _contradicts(self, datagram: int, sequence: int, blocks: int) -> bool:
        for at in self._overlapping(sequence, sequence + blocks):
            carrier, carried = self._carriers[at]
            low = max(sequence, self._starts[at])
            high = min(sequence + blocks, self._stops[at])
            before = self._content(carrier, low - carried, high - carried)
            # Blocks stand one after another with their lengths, so equal bytes are equal blocks.
            if before != self._content(datagram, low - sequence, high - sequence):
                return True
        return False

    def _add(self, datagram: int, sequence: int, blocks: int) -> bool:
        # Insert the parts of the range that are new; say whether there were any.
        stop, at = sequence + blocks, sequence
        overlaps = self._overlapping(sequence, stop)
        holes = []
        for known in overlaps:
            if at < self._starts[known]:
                holes.append((at, self._starts[known]))
            at = max(at, self._stops[known])
        if at < stop:
            holes.append((at, stop))
        for low, high in holes:
            place = bisect_right(self._starts, low)
            self._starts.insert(place, low)
            self._stops.insert(place, high)
            self._carriers.insert(place, (datagram, sequence))
        return bool(holes)

    def _holes(self) -> list[int]:
        # Of the present epoch: how many numbers each gap has.
        neighbours = zip(self._starts[1:], self._stops[:-1], strict=True)
        return [start - stop for start, stop in neighbours if start > stop]


def account(
    data: NDArray[np.uint8], datagrams: Datagrams, framing: Framing, protocol: Protocol
) -> Accounting:
    """Account for the datagrams of a capture.

    Parameters
    ----------
    data : (n_bytes,) uint8
        What `datagrams` index into.
    datagrams : Datagrams
    framing, protocol
        What the datagrams are.

    Notes
    -----
    Memory: allocates about 100 bytes a datagram for a moment.
    """
    sequences = datagrams.sequences
    sequenced = np.ones(len(sequences), np.bool_)
    if framing.unsequenced is not None:
        sequenced = sequences != framing.unsequenced
    total = Accounting(unsequenced=int(len(datagrams) - sequenced.sum()))
    if framing.numbers == "packets":
        numbers, content = np.ones(len(datagrams), np.uint16), _datagram_content(data, datagrams)
    else:
        numbers = datagrams.blocks
        content = _block_content(data, datagrams, Cutter(framing, protocol))
    carrying = np.flatnonzero(sequenced & (numbers > 0))
    for channel in channels(data, datagrams, framing, carrying):
        total += _account_channel(sequences[channel], numbers[channel], channel, content)
    return total


def _account_channel(
    starts: NDArray[np.uint64], numbers: NDArray[np.uint16], channel: NDArray[np.int64],
    content: Content,
) -> Accounting:  # fmt: skip
    order = np.argsort(starts, kind="stable")
    low = starts[order]
    high = low + numbers[order]
    if (high > low).all() and (low[1:] >= high[:-1]).all():
        # No number came twice: no duplicate, no restart, nothing to compare.
        holes = low[1:] - high[:-1]
        return Accounting(gaps=int((holes > 0).sum()), missing=sum(holes[holes > 0].tolist()))
    sequencer = Sequencer(content)
    rows = zip(channel.tolist(), starts.tolist(), numbers.tolist(), strict=True)
    for datagram, sequence, count in rows:
        sequencer.feed(datagram, sequence, count)
    return sequencer.result()


def _datagram_content(data: NDArray[np.uint8], datagrams: Datagrams) -> Content:
    view = memoryview(data)

    def content(datagram: int, first: int, after: int) -> memoryview:
        start = int(datagrams.offsets[datagram])
        return view[start : start + int(datagrams.sizes[datagram])]

    return content


def _block_content(data: NDArray[np.uint8], datagrams: Datagrams, cutter: Cutter) -> Content:
    view = memoryview(data)

    @lru_cache(maxsize=256)  # one datagram may overlap thousands that came before it
    def edges(datagram: int) -> array[int]:
        # Blocks adjoin. Numbers in an array, for a datagram may hold 30,000 blocks of no bytes.
        start = int(datagrams.offsets[datagram])
        found = array("q", [start + cutter.header])
        found.extend(
            stop for _, stop in cutter.blocks(view, start, start + int(datagrams.sizes[datagram]))
        )
        return found

    def content(datagram: int, first: int, after: int) -> memoryview:
        places = edges(datagram)
        return view[places[first] : places[after]]

    return content
