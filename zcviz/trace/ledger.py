"""What each stage of a pipeline viewed, copied and derived.

========= ===================================================================================
word      an output of a stage that
========= ===================================================================================
viewed    overlaps the stage's input, or the feed's memory: established by address
copied    is fresh memory holding wire values (buffers, records, columns); in wire bytes
derived   is other fresh memory: offsets, sizes, tags, sums
========= ===================================================================================

Only what a stage *gives* is seen. The values that a stage reads on the way, such as the fields that
a summary takes from a flyweight, become Python objects for a moment and are not counted.

No stage says of itself what it did. View or fresh is read off addresses. Copied or derived follows
from the *kind* of the output, and a kind is decided once, for all stages, by `parts`. What was
allocated and freed on the way, the allocators say, where they can be watched.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

import numpy as np

from ..buffers import address_of
from .holdings import holdings
from .overlap import array_over, bounds
from .watch import NOTHING, Seen

__all__ = ["Entry", "Ledger", "Part", "array_part", "parts", "wire_buffer"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of memory that belongs to an output.

    Attributes
    ----------
    kind : {"wire", "derived"}
        Whether it holds values as they stood on the wire (in any byte order).
    nbytes : int [bytes]
        Wire values count as many bytes as they took on the wire.
    address : int or None
        Where the memory is; None where it is spread over Python objects, which are always fresh.
    span : int [bytes]
        How much memory lies at the address.
    """

    kind: Literal["wire", "derived"]
    nbytes: int
    address: int | None = None
    span: int = 0


@singledispatch
def parts(output: Any) -> Iterator[Part]:
    """Yield the memory that an output consists of.

    Named tuples made by ``codec.record`` are wire values. Other kinds are registered where they are
    defined. Any other object counts as derived, with the memory that it shows; if it shows none,
    with its size as a Python object.
    """
    try:
        pieces = [array_part("derived", piece.array, 0) for piece in holdings(output)]
    except TypeError:
        pieces = [Part("derived", sys.getsizeof(output))]
    yield from pieces


def wire_buffer(buffer: Any) -> Part:
    """Return the part that a buffer of wire bytes is."""
    address, nbytes = address_of(buffer)
    return Part("wire", nbytes, address, nbytes)


def array_part(kind: Literal["wire", "derived"], array: np.ndarray[Any, Any], wire: int) -> Part:
    """Return the part that an array is; `wire` bytes of each entry came off the wire."""
    nbytes = len(array) * wire if kind == "wire" else array.nbytes
    low, high = bounds(array)
    return Part(kind, nbytes, low, high - low)


@parts.register(bytes)
@parts.register(bytearray)
def _buffers(output: Any) -> Iterator[Part]:
    yield wire_buffer(output)


@parts.register(memoryview)
def _windows(output: memoryview) -> Iterator[Part]:
    if output.c_contiguous:
        yield wire_buffer(output)
    else:
        low, high = bounds(array_over(output))
        yield Part("wire", output.nbytes, low, high - low)


@parts.register(np.ndarray)
def _arrays(output: np.ndarray[Any, Any]) -> Iterator[Part]:
    yield array_part("derived", output, 0)


@parts.register(int)
@parts.register(type(None))
def _nothing(output: object) -> Iterator[Part]:
    return iter(())  # a tag beside a record: small integers exist already


@parts.register(list)
@parts.register(tuple)
def _sequences(output: Iterable[Any]) -> Iterator[Part]:
    message = getattr(type(output), "__zcviz_message__", None)
    if message is not None:
        yield Part("wire", message.size)
        return
    for each in output:
        yield from parts(each)


@dataclass(slots=True)
class Entry:
    """What one stage did so far, in bytes; `seen` is None where the allocators were not watched."""

    viewed: int = 0
    copied: int = 0
    derived: int = 0
    seen: Seen | None = None

    def add(self, other: Entry) -> None:
        """Count what `other` counted."""
        self.viewed += other.viewed
        self.copied += other.copied
        self.derived += other.derived

    def subtract(self, other: Entry) -> None:
        """Take back what `other` counted."""
        self.add(Entry(-other.viewed, -other.copied, -other.derived))

    def saw(self, seen: Seen | None) -> None:
        """Count what the allocators saw; not measured once is not measured at all."""
        self.seen = None if seen is None or self.seen is None else self.seen + seen


class Ledger:
    """Adds up what stages did.

    Parameters
    ----------
    source : tuple of int
        (address, size) of the feed's memory. It counts as an input of every stage: an index holds
        no bytes of its own, yet what is read through it comes from there.
    """

    def __init__(self, source: tuple[int, int]) -> None:
        self._source = source
        self.entries: dict[str, Entry] = {}
        self._last: dict[str, tuple[Any, Entry]] = {}

    def note(self, stage: str, given: Any, output: Any, seen: Seen | None = None) -> None:
        """Enter one output of a stage, the input it was given, and what it allocated.

        A stage that hands on the same object again and again, an accumulator, is counted once, at
        the size that the object has now.
        """
        entry = self.entries.setdefault(stage, Entry(seen=NOTHING))
        entry.saw(seen)
        last, counted = self._last.get(stage, (None, Entry()))
        if last is output:
            entry.subtract(counted)
        now = self._entry_of(output, _Union([self._source, *_ranges(given)]))
        entry.add(now)
        self._last[stage] = output, now

    def _entry_of(self, output: Any, inputs: _Union) -> Entry:
        entry = Entry()
        for part in parts(output):
            if part.address is not None and inputs.overlaps(part.address, part.span):
                entry.viewed += part.nbytes
            elif part.kind == "wire":
                entry.copied += part.nbytes
            else:
                entry.derived += part.nbytes
        return entry


class _Union:
    # Address ranges, merged where they overlap, so that one look-up answers for all of them.

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, size in sorted(ranges):
            if self._stops and start <= self._stops[-1]:
                self._stops[-1] = max(self._stops[-1], start + size)
            else:
                self._starts.append(start)
                self._stops.append(start + size)

    def overlaps(self, start: int, size: int) -> bool:
        at = bisect_left(self._starts, start + size) - 1  # the last that begins before the end
        return size > 0 and at >= 0 and self._stops[at] > start


def _ranges(given: Any) -> Iterator[tuple[int, int]]:
    for part in parts(given):
        if part.address is not None and part.span:
            yield part.address, part.span
