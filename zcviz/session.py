"""Sequence accounting: which numbered messages came, which never did, which came twice.

Everything is computed on the *set* of numbers seen, channel by channel (``zcviz.channels``). Order
of arrival matters in one case only: a step back to numbers already seen, with other content, is a
sender that started again. It opens a new epoch, accounted on its own.

No socket and no file here: datagrams go in, numbers come out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from itertools import chain, pairwise
from operator import attrgetter
from typing import NamedTuple

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
        # The numbers are cut into pages, so that one arriving in any order moves few others aside.
        # Ranges are not merged with their neighbours, for each tells where its content lies.
        self._pages: defaultdict[int, list[_Range]] = defaultdict(list)

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

    def _contradicts(self, datagram: int, sequence: int, blocks: int) -> bool:
        for page, start, stop in _by_page(sequence, sequence + blocks):
            for known in _overlapping(self._pages.get(page, ()), start, stop):
                low, high = max(start, known.start), min(stop, known.stop)
                before = self._content(known.datagram, low - known.first, high - known.first)
                # Blocks stand one after another with their lengths: equal bytes are equal blocks.
                if before != self._content(datagram, low - sequence, high - sequence):
                    return True
        return False

    def _add(self, datagram: int, sequence: int, blocks: int) -> bool:
        # Insert the parts of the range that are new; say whether there were any.
        new = False
        for page, start, stop in _by_page(sequence, sequence + blocks):
            at, ranges = start, self._pages[page]
            for known in _overlapping(ranges, start, stop):
                if at < known.start:
                    insort(ranges, _Range(at, known.start, datagram, sequence))
                    new = True
                at = known.stop
            if at < stop:
                insort(ranges, _Range(at, stop, datagram, sequence))
                new = True
        return new

    def _holes(self) -> list[int]:
        # Of the present epoch: how many numbers each gap has.
        ascending = chain.from_iterable(self._pages[page] for page in sorted(self._pages))
        steps = ((later.start - earlier.stop) for earlier, later in pairwise(ascending))
        return [step for step in steps if step]


class _Range(NamedTuple):
    # Numbers of one page, first to one after the last, that a datagram was the first to bring.
    start: int
    stop: int
    datagram: int
    first: int  # the sequence of the datagram's first block


_PAGE = 1024  # numbers; no page holds more ranges than that


def _by_page(start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    while start < stop:
        page = start // _PAGE
        end = min(stop, (page + 1) * _PAGE)
        yield page, start, end
        start = end


def _overlapping(ranges: Sequence[_Range], start: int, stop: int) -> Sequence[_Range]:
    # A copy: the caller inserts between them.
    first = bisect_right(ranges, start, key=attrgetter("stop"))
    return ranges[first : bisect_left(ranges, stop, first, key=attrgetter("start"))]


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
