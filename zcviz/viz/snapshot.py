"""From real objects to the data of a memory picture: what is a strip, a window, a copy.

Which piece of memory is a view is decided by address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..buffers import Source
from ..dissect import Dissection
from ..index import MessageIndex
from ..render import size_text
from ..trace import Node, provenance
from .memory import Copy, Lane, Segment, Strip, Window
from .pieces import Piece, entries, named, pieces, what
from .theme import title_of

__all__ = ["lane_of", "part_of_source"]

_LARGEST_SEARCH = 1 << 26  # bytes of a source that are searched for the first copy
_LISTED = 6  # parts of an object that its label names


def part_of_source(
    source: Source | None,
    segments: Dissection | Sequence[tuple[int, int, str]],
    lanes: Iterable[list[Any]],
) -> Strip | None:
    """Return the strip of the source: the part of it that the segments or the objects are about."""
    if source is None or not source.size:
        return None
    if isinstance(segments, Dissection):
        at = segments.offset
        segments = [
            (at + low, at + low + message.size, title_of(message))
            for message, low in segments.layers
        ]
    known = tuple(Segment(*each) for each in segments)
    bounds = [(each.start, each.end) for each in known] or [
        where for objects in lanes for where in _places(source, objects)
    ]
    bounds = [where for where in bounds if where != (0, source.size)] or [(0, source.size)]
    start, end = min(low for low, _ in bounds), max(high for _, high in bounds)
    label = provenance(source).nodes[0].label.split(" ", 1)[-1]
    what_part = _part(start, end, source.size)
    label = f"{label} ({type(source.owner).__name__}), {what_part}"
    return Strip(0, label, "source", source.address, source.size, start, end, segments=known)


def _part(start: int, end: int, size: int) -> str:
    if (start, end) == (0, size):
        return size_text(size)
    return f"bytes {start:,} to {end:,} of {size:,}"


def _places(source: Source, objects: list[Any]) -> Iterator[tuple[int, int]]:
    # Where objects look into the source; for lack of that, where the first copy was taken.
    content = b""
    for item in objects:
        _, value, told = named(item)
        if isinstance(value, MessageIndex):
            yield from ((low, high) for low, high, _ in entries(value))
            continue
        for piece in pieces(value, told):
            low = (piece.address or 0) - source.address
            if piece.address is not None and 0 <= low < source.size:
                yield low, low + piece.nbytes
            else:
                content = content or piece.content
    if content and source.size <= _LARGEST_SEARCH:
        low = bytes(source.view).find(content)
        if low >= 0:
            yield low, low + len(content)


def lane_of(
    kind: Literal["copying", "zero-copy"],
    objects: list[Any],
    part: Strip | None,
    notes: Sequence[str],
) -> Lane:
    """Return the lane of objects in the order they were made."""
    lane = _Lane([part.label], [part]) if part else _Lane()
    for group, item in enumerate(objects):
        lane.add(group, *named(item))
    made = (tuple(each) for each in (lane.rows, lane.strips, lane.windows, lane.copies, notes))
    return Lane(kind, *made)  # type: ignore[arg-type]


@dataclass
class _Lane:
    rows: list[str] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    contents: dict[int, bytes] = field(default_factory=dict)

    def add(self, group: int, name: str, value: Any, told: str | None) -> None:
        if isinstance(value, MessageIndex) and self.strips and self.strips[0].kind == "source":
            for low, high, tag in entries(value):
                text = f"{name} entry: offset {low:,}, size {high - low}, tag {tag}"
                self.windows.append(Window(0, low, high, text, group))
        found = pieces(value, told)
        fresh: list[Piece] = []
        for number, piece in enumerate(found, 1):
            text = f"{name} {number} of {len(found)}" if len(found) > 1 else name
            if not self._is_view(piece, f"{text} ({what(value, found)})", group):
                fresh.append(piece)
        for kind in ("wire", "derived"):
            self._row(name, value, [piece for piece in fresh if piece.kind == kind])

    def _is_view(self, piece: Piece, text: str, group: int) -> bool:
        # Whether the piece lies in memory that is drawn already, or that somebody else owns.
        if piece.address is None:
            return False
        owner = piece.owner
        if piece.kind == "wire" and owner is not None and owner.span > piece.nbytes:
            self._draw_owner(owner, piece)
        for number, strip in enumerate(self.strips):
            low = piece.address - (strip.address or 0)
            if strip.address and low >= 0 and low + piece.nbytes <= strip.nbytes:
                text = f"{text}: offset {low:,}, size {piece.nbytes:,}"
                self.windows.append(Window(number, low, low + piece.nbytes, text, group))
                return True
        return False

    def _draw_owner(self, owner: Node, piece: Piece) -> None:
        assert piece.address is not None
        low = piece.address - owner.address
        high = low + piece.nbytes
        for number, strip in enumerate(self.strips):
            if strip.address == owner.address:
                if strip.kind == "source" and not strip.segments and number:
                    low, high = min(low, strip.start), max(high, strip.end)
                    self.strips[number] = replace(strip, start=low, end=high)
                    self.rows[strip.row] = f"{owner.label}, {_part(low, high, owner.span)}"
                return
        label = f"{owner.label}, {_part(low, high, owner.span)}"
        strip = Strip(len(self.rows), label, "source", owner.address, owner.span, low, high)
        self.rows.append(label)
        self.strips.append(strip)

    def _row(self, name: str, value: Any, fresh: list[Piece]) -> None:
        if not fresh:
            return
        row, before = len(self.rows), len(self.strips)
        kind: Literal["copied", "derived"] = "copied" if fresh[0].kind == "wire" else "derived"
        label = f"{name} = {what(value, fresh)}"
        total = size_text(sum(piece.nbytes for piece in fresh))
        listed = [f"{each.name} {size_text(each.nbytes)}" for each in fresh if each.address]
        listed = listed[:_LISTED] if any(each.name for each in fresh) else []
        parts = f": {', '.join(listed)}" if listed else ""
        self.rows.append(f"{label}, {total}{' derived' if kind == 'derived' else ''}{parts}")
        searched: dict[int, int] = {}
        for piece in fresh:
            address, nbytes, start = piece.address, piece.nbytes, 0
            if piece.owner is not None and piece.address is not None:  # room left for more
                address, nbytes = piece.owner.address, piece.owner.span
                start = piece.address - address
            text = f"{label} {piece.name}".strip() if listed else label
            end = start + piece.nbytes
            strip = Strip(row, text, kind, address, nbytes, start, end, piece.objects)
            if kind == "copied":
                self._find(piece.content, before, searched)
                self.contents[len(self.strips)] = piece.content
            self.strips.append(strip)

    def _find(self, content: bytes, before: int, searched: dict[int, int]) -> None:
        # The newest memory first; in it, after the place where the last piece was found.
        for origin in reversed(range(before if content else 0)):
            low = self._content(origin).find(content, searched.get(origin, 0))
            if low >= 0:
                searched[origin] = low + len(content)
                low += self.strips[origin].start
                self.copies.append(Copy(origin, low, low + len(content), len(self.strips)))
                return

    def _content(self, number: int) -> bytes:
        strip = self.strips[number]
        if number not in self.contents and strip.kind == "source" and strip.address:
            self.contents[number] = ctypes.string_at(strip.address + strip.start, strip.shown)
        return self.contents.get(number, b"")
