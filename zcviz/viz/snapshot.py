"""From real objects to the data of a memory picture: what is a strip, a window, a copy.

Which piece of memory is a view is decided by address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..buffers import Source
from ..dissection import Dissection
from ..index import MessageIndex
from ..render import size_text
from ..trace import Node, provenance
from .model import Copy, Lane, Segment, Strip, Window
from .pieces import Piece, entries, gathered, named, pieces, what
from .theme import short_title_of, title_of

__all__ = ["Segments", "lane_of", "part_of_source"]

Segments = Dissection | Sequence[Segment] | Sequence[tuple[int, int, str]]
"""What the bytes of a source are."""

_LARGEST_SEARCH = 1 << 26  # bytes of a source that are searched for the first copy
_TELLING = 8  # bytes that are not met twice by chance
_LONGEST_NAME = 16  # characters of a file's name in a label
_LISTED = 6  # parts of an object that its label names


def part_of_source(
    source: Source | None,
    segments: Segments,
    lanes: Iterable[list[Any]],
) -> Strip | None:
    """Return the strip of the source: the part of it that the segments or the objects are about."""
    if source is None or not source.size:
        return None
    known = _segments(segments)
    bounds = [(each.start, each.end) for each in known]
    bounds = bounds or [where for objects in lanes for where in _places(source, objects)]
    bounds = [where for where in bounds if where != (0, source.size)] or [(0, source.size)]
    start, end = min(low for low, _ in bounds), max(high for _, high in bounds)
    name = provenance(source).nodes[0].label.split(" ", 1)[-1]
    name = name if len(name) <= _LONGEST_NAME else f"{name[:7]}…{name[-8:]}"
    label = f"{name} ({type(source.owner).__name__})"
    return Strip(0, label, "source", source.address, source.size, start, end, segments=known)


def _segments(segments: Segments) -> tuple[Segment, ...]:
    if not isinstance(segments, Dissection):
        return tuple(e if isinstance(e, Segment) else Segment(*e) for e in segments)
    at = segments.offset
    return tuple(
        Segment(at + low, at + low + each.size, title_of(each), short_title_of(each))
        for each, low in segments.layers
    )


def _part_label(name: str, strip: Strip) -> str:
    if strip.shown == strip.nbytes:
        return f"{name}, {size_text(strip.nbytes)}"
    return f"{name}, bytes {strip.start:,}–{strip.end:,} of {strip.nbytes:,}"


def _places(source: Source, objects: list[Any]) -> list[tuple[int, int]]:
    # Where objects look into the source; for lack of that, where the first copies were taken.
    places: list[tuple[int, int]] = []
    contents: list[bytes] = []
    for item in objects:
        _, value, told = named(item)
        if isinstance(value, MessageIndex):
            places += [(low, high) for low, high, _ in entries(value)]
            continue
        found = pieces(value, told)
        for piece in found:
            low = (piece.address or 0) - source.address
            if piece.address is not None and 0 <= low < source.size:
                places.append((low, low + piece.nbytes))
        contents = contents or [piece.content for piece in found if piece.content]
    if places or source.size > _LARGEST_SEARCH:
        return places
    find = getattr(source.owner, "find", None) or bytes(source.view).find
    after = 0
    for content in contents:
        low = find(content, after)
        if low >= 0:
            after = low + len(content)
            places.append((low, after))
    return places


def lane_of(
    kind: Literal["copying", "zero-copy"],
    objects: list[Any],
    part: Strip | None,
    notes: Sequence[str],
) -> Lane:
    """Return the lane of objects in the order they were made."""
    lane = _Lane()
    if part is not None:
        lane.rows.append(_part_label(part.label.rpartition(" (")[0], part))
        lane.strips.append(part)
    for group, item in enumerate(objects):
        lane.add(group, *named(item))
    kept = {window.strip for window in lane.windows if window.is_view}
    sizes = sum(strip.nbytes for number, strip in enumerate(lane.strips) if number in kept)
    keeps = [f"As long as a view lives, {size_text(sizes)} stay in memory for it."] if kept else []
    return Lane(
        kind,
        tuple(lane.rows),
        tuple(lane.strips),
        tuple(lane.windows),
        tuple(lane.copies),
        (*keeps, *notes),
    )


@dataclass
class _Lane:
    rows: list[str] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    contents: dict[int, bytes] = field(default_factory=dict)
    owners: set[int] = field(default_factory=set)  # strips of owners that nobody listed

    def add(self, group: int, name: str, value: Any, told: str | None) -> None:
        has_source = bool(self.strips) and self.strips[0].kind == "source"
        if isinstance(value, MessageIndex) and has_source:
            for low, high, tag in entries(value):
                text = f"{name} entry: offset {low:,}, size {high - low}, tag {tag}"
                self.windows.append(Window(0, low, high, text, group, is_view=False))
        found = pieces(value, told)
        placed = sum(piece.address is not None for piece in found)
        kind = f" ({type(value).__name__})" if len(found) == 1 else ""
        fresh: list[Piece] = []
        for number, piece in enumerate(found, 1):
            which = f" {number} of {placed}" if placed > 1 else ""
            if not self._is_view(piece, f"{name}{which}{kind}", group):
                fresh.append(piece)
        for memory in ("wire", "derived"):
            self._row(name, value, [piece for piece in fresh if piece.kind == memory])
        if has_source:
            self._gathered(value)

    def _gathered(self, value: Any) -> None:
        places = {strip.address: number for number, strip in enumerate(self.strips)}
        for column, at, size, low, width in gathered(value):
            if column in places:
                self.copies.append(Copy(0, low, low + width, places[column], at, size))

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
                if number in self.owners:
                    low, high = min(low, strip.start), max(high, strip.end)
                    self.strips[number] = replace(strip, start=low, end=high)
                    self.rows[strip.row] = _part_label(owner.label, self.strips[number])
                return
        row, size = len(self.rows), owner.span
        self.owners.add(len(self.strips))
        self.strips.append(Strip(row, owner.label, "source", owner.address, size, low, high))
        self.rows.append(_part_label(owner.label, self.strips[-1]))

    def _row(self, name: str, value: Any, fresh: list[Piece]) -> None:
        if not fresh:
            return
        row, before = len(self.rows), len(self.strips)
        kind: Literal["copied", "derived"] = "copied" if fresh[0].kind == "wire" else "derived"
        label = f"{name} = {what(value, fresh)}"
        total = size_text(sum(piece.counted for piece in fresh))
        listed = [f"{each.name} {size_text(each.counted)}" for each in fresh if each.address]
        listed = listed[:_LISTED] if any(each.name for each in fresh) else []
        parts = f": {', '.join(listed)}" if listed else ""
        self.rows.append(f"{label}, {total}{' derived' if kind == 'derived' else ''}{parts}")
        searched: dict[int, int] = {}
        for piece in fresh:
            text, size = f"{name}: {piece.name}" if listed else label, piece.nbytes
            strip = Strip(
                row, text, kind, piece.address, size, 0, size,
                piece.counted, piece.objects, piece.held,
            )  # fmt: skip
            if kind == "copied":
                self._find(piece.content, before, searched)
                self.contents[len(self.strips)] = piece.content
            self.strips.append(strip)

    def _find(self, content: bytes, before: int, searched: dict[int, int]) -> None:
        # The newest memory first; in it, after the place where the last piece was found.
        for origin in reversed(range(before if content else 0)):
            there = self._content(origin)
            low = there.find(content, searched.get(origin, 0))
            if low >= 0 and (len(content) >= _TELLING or there.count(content) == 1):
                searched[origin] = low + len(content)
                low += self.strips[origin].start
                size = len(content)
                self.copies.append(Copy(origin, low, low + size, len(self.strips), 0, size))
                return

    def _content(self, number: int) -> bytes:
        strip = self.strips[number]
        if number not in self.contents and strip.kind == "source" and strip.address:
            self.contents[number] = ctypes.string_at(strip.address + strip.start, strip.shown)
        return self.contents.get(number, b"")
