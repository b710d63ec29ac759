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
from hashlib import sha256
from typing import Any, Literal

import numpy as np

from ..buffers import address_of
from ..errors import ZcvizError
from .holdings import holdings
from .memory import array_at
from .overlap import array_over, bounds, union
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
    contents : bool
        Whether fresh memory of any kind counts as copied where it holds the same bytes as a whole
        piece of the stage's input. For stages whose outputs nobody registered with `parts`.
    """

    def __init__(self, source: tuple[int, int], *, contents: bool = False) -> None:
        self._source = source[0], sum(source)
        self._contents = contents
        self.entries: dict[str, Entry] = {}
        self._last: dict[str, tuple[Any, Entry]] = {}

    def note(self, stage: str, given: Any, output: Any, seen: Seen | None = None) -> None:
        """Enter one output of a stage, the input it was given, and what it allocated.

        A stage that hands on the same object again and again, an accumulator, is counted once, at
        the size that the object has now.

        Raises
        ------
        ZcvizError
            What the input or the output consists of cannot be told.
        """
        entry = self.entries.setdefault(stage, Entry(seen=NOTHING))
        entry.saw(seen)
        last, counted = self._last.get(stage, (None, Entry()))
        if last is output:
            entry.subtract(counted)
        now = self._entry_of(given, output)
        entry.add(now)
        self._last[stage] = output, now

    def _entry_of(self, given: Any, output: Any) -> Entry:
        inputs = union([self._source, *(_range(part) for part in _parts_of(given))])
        entry, others = Entry(), []
        for part in _parts_of(output):
            if _meets(inputs, *_range(part)):
                entry.viewed += part.nbytes
            elif part.kind == "wire":
                entry.copied += part.nbytes
            else:
                others.append(part)
        again = _again(others, given) if self._contents else 0
        entry.copied += again
        entry.derived += sum(part.nbytes for part in others) - again
        return entry


def _parts_of(obj: Any) -> list[Part]:
    try:
        return list(parts(obj))
    except ZcvizError:
        raise
    except RecursionError:
        raise ZcvizError(f"what this {type(obj).__name__} consists of has no end") from None
    except Exception as error:  # a stranger's class, or a released buffer in it
        raise ZcvizError(
            f"what this {type(obj).__name__} consists of cannot be told: {error!r}"
        ) from error


def _range(part: Part) -> tuple[int, int]:
    return (0, 0) if part.address is None else (part.address, part.address + part.span)


def _meets(merged: list[tuple[int, int]], low: int, high: int) -> bool:
    at = bisect_left(merged, (high,)) - 1  # the last that begins before the end
    return low < high and at >= 0 and merged[at][1] > low


def _again(fresh: list[Part], given: Any) -> int:
    # Bytes of the parts that hold what a piece of the input holds; by digest, so that a thousand
    # columns are not compared with a thousand others.
    whole = [part for part in fresh if part.address and part.span == part.nbytes]
    sizes = {part.nbytes for part in whole}
    try:
        held = {_digest(each.array) for each in holdings(given) if each.array.nbytes in sizes}
    except TypeError:
        return 0
    same = (p for p in whole if held and _digest(array_at(p.address or 0, p.span, None)) in held)
    return sum(part.nbytes for part in same)


def _digest(array: np.ndarray[Any, Any]) -> bytes:
    return sha256(np.asarray(array).ravel("K").tobytes()).digest()
