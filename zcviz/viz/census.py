"""What a stage of a pipeline made: bytes by the ledger, objects one by one, whole copies found.

The pipelines are not asked. Bytes are classified by address (``trace.ledger``), objects are met by
walking through the outputs, and a copy of a message is what holds its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from ..feed import Feed
from ..pipelines import Aim, StageResult
from ..spec import Message
from ..trace.ledger import Entry, Ledger

__all__ = ["Count", "account", "census", "things", "times"]


@dataclass(frozen=True, slots=True)
class Count:
    """What one stage made for one packet.

    Attributes
    ----------
    viewed, copied, derived : int [bytes]
        As the ledger defines them. What was there before, such as sums that grow from packet to
        packet, is left out.
    objects : int
        Python objects that exist now and did not before: lists, values and arrays counted one by
        one. What the stage made and let go of again is not among them.
    whole : int
        Copies of the whole message that is followed.
    """

    viewed: int = 0
    copied: int = 0
    derived: int = 0
    objects: int = 0
    whole: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(getattr(self, each) + getattr(other, each) for each in self.__slots__))


def census(
    feed: Feed,
    wire: bytes,
    record: tuple[Any, ...] | None,
    results: Sequence[StageResult],
    earlier: Sequence[StageResult] = (),
) -> tuple[Count, ...]:
    """Count what each stage made.

    Parameters
    ----------
    feed : Feed
    wire : bytes
        The message that is followed; empty for none.
    record : tuple or None
        The same message, decoded.
    results, earlier : sequence of StageResult
        Of the packet, and of the one before it: what those hold existed already.
    """
    before = [each.output for each in earlier]
    known = {id(each) for output in before for each in _every(output, set())}
    counts = []
    for each in results:
        entry = Entry()
        if not any(each.output is output for output in before):
            ledger = Ledger((feed.source.address, feed.source.size))
            ledger.note(each.stage.name, each.input, each.output)
            entry = ledger.entries[each.stage.name]
        objects = sum(1 for _ in _every(each.output, known))
        whole = int(bool(wire) and _holds(each.output, wire, record))
        counts.append(Count(entry.viewed, entry.copied, entry.derived, objects, whole))
    return tuple(counts)


def account(now: Count) -> str:
    """Say in words what was made, and what of it is copied."""
    made = things(now.objects)
    if now.copied:
        return f"{now.copied:,} bytes went into {made}."
    if now.derived and now.viewed:
        return (
            f"No byte is copied: {made}, {now.derived:,} bytes of numbers, tell where "
            f"{now.viewed:,} bytes lie."
        )
    if now.derived:
        return f"No byte is copied: {made}, {now.derived:,} bytes of numbers."
    if now.viewed:
        return f"No byte is copied: {now.viewed:,} bytes can be read through {made}."
    return ""


def things(number: int) -> str:
    """Return a number of objects in words."""
    return f"{number:,} new object" + ("s" if number != 1 else "")


def times(number: int) -> str:
    """Return how often, in words: ``twice``."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _every(value: Any, known: set[int]) -> Iterator[Any]:
    # Every object in an output that is not known yet; from now on it is.
    if id(value) in known or _is_shared(value):
        return
    known.add(id(value))
    yield value
    for each in _inside(value):
        yield from _every(each, known)


def _is_shared(value: Any) -> bool:
    # Small integers and single bytes exist once, for everybody. Asked of the interpreter instead
    # of assumed: making one again gives the very same object.
    if isinstance(value, int):
        return int(str(value)) is value
    if isinstance(value, bytes):
        return (value + b" ")[:-1] is value
    return value is None or isinstance(value, Message)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, Aim):
        return value.buffer, value.bounds
    if isinstance(value, np.ndarray):
        return [value.base] if isinstance(value.base, np.ndarray) else []
    if is_dataclass(value):
        return [getattr(value, each.name) for each in fields(value)]
    return ()


def _holds(output: Any, wire: bytes, record: tuple[Any, ...] | None) -> bool:
    # Whether there is a copy of the whole message in an output: its bytes, or all of its values.
    if isinstance(output, bytes | bytearray):
        return wire in output
    if isinstance(output, tuple) and hasattr(type(output), "__zcviz_message__"):
        return output == record
    if isinstance(output, list | tuple):
        return any(_holds(each, wire, record) for each in output)
    return False
