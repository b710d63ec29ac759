"""The data of a memory picture: strips of memory, windows on them, copies between them.

Plain and frozen: the same data, the same picture. `snapshot` makes it from real objects, `strips`
draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..render import printable, size_text

__all__ = ["Copy", "Lane", "Mark", "Segment", "Strip", "Window", "place_of"]

_LISTED = 8  # windows of a strip that the text names


@dataclass(frozen=True, slots=True)
class Segment:
    """A named part of a strip; `start` and `end` count from the first byte of its memory.

    `short` is what to call it where there is no room; `message` which message of its packet it is,
    or begins with.
    """

    start: int
    end: int
    label: str
    short: str = ""
    message: int | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """One piece of memory.

    Attributes
    ----------
    row : int
        Strips of one row were made together and are drawn side by side.
    label : str
        What it is.
    kind : {"source", "copied", "derived"}
    address : int or None
        Of its first byte; None where it is spread over Python objects.
    nbytes : int
        Size of the memory.
    start, end : int [bytes]
        The part that is drawn; the edge is torn where that is not all.
    counted : int [bytes]
        What it counts for: wire values count as many bytes as they took on the wire.
    objects, held : int
        How many Python objects it is spread over, and the bytes of these; 0 where not known.
    segments : tuple of Segment
    """

    row: int
    label: str
    kind: Literal["source", "copied", "derived"]
    address: int | None
    nbytes: int
    start: int
    end: int
    counted: int = 0
    objects: int = 0
    held: int = 0
    segments: tuple[Segment, ...] = ()

    @property
    def shown(self) -> int:
        """How many of its bytes are drawn."""
        return self.end - self.start


def place_of(strips: Sequence[Strip]) -> str:
    """Return where strips of one row are: the first address, or over how many objects."""
    first = strips[0]
    if first.address is not None:
        return f"{first.address + first.start:#x}{' …' if len(strips) > 1 else ''}"
    objects, held = (sum(getattr(strip, name) for strip in strips) for name in ("objects", "held"))
    return f"{objects:,} Python objects, {size_text(held)}" if objects else "Python objects"


@dataclass(frozen=True, slots=True)
class Window:
    """Bytes `start` to `end` of the memory of strip number `strip`, looked at from elsewhere.

    Windows of one `group` were made together and are drawn at one height. An object that looks is
    a view and keeps the memory alive; an entry of an index only says where to look.
    """

    strip: int
    start: int
    end: int
    label: str
    group: int
    is_view: bool = True


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes `start` to `end` of strip `origin` were copied into strip `target`.

    There they take `size` bytes from byte `at` on.
    """

    origin: int
    start: int
    end: int
    target: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Bytes `start` to `end` of strip number `strip` hold a field, or (-1) the whole message."""

    strip: int
    start: int
    end: int
    field: int


@dataclass(frozen=True, slots=True)
class Lane:
    """All memory that one way of working has made so far.

    Attributes
    ----------
    kind : {"copying", "zero-copy"}
    rows : tuple of str
        What each row of strips is.
    strips, windows, copies : tuple
    notes : tuple of str
        Sentences beneath.
    name : str
        Whose memory it is; empty where `kind` says it.
    """

    kind: Literal["copying", "zero-copy"]
    rows: tuple[str, ...]
    strips: tuple[Strip, ...]
    windows: tuple[Window, ...] = ()
    copies: tuple[Copy, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""

    def total(self, kind: str) -> int:
        """Return the bytes that all strips of a kind count for."""
        return sum(strip.counted for strip in self.strips if strip.kind == kind)

    def follow(self, places: Sequence[tuple[int, int, int]]) -> list[Mark]:
        """Return where bytes of the first strip are, and where every copy of them is.

        Parameters
        ----------
        places : sequence of (start, end, field)
        """
        marks = [Mark(0, *place) for place in places if self.strips]
        for copy in self.copies:
            for mark in [mark for mark in marks if mark.strip == copy.origin]:
                low, high = mark.start - copy.start, mark.end - copy.start
                if (low, high) == (0, copy.end - copy.start):
                    marks.append(Mark(copy.target, copy.at, copy.at + copy.size, mark.field))
                elif low >= 0 and mark.end <= copy.end and copy.size == copy.end - copy.start:
                    marks.append(Mark(copy.target, copy.at + low, copy.at + high, mark.field))
        return marks

    @property
    def sentence(self) -> str:
        """What the lane shows, in words."""
        buffers = sum(strip.kind == "copied" for strip in self.strips)
        copied = (
            f"{size_text(self.total('copied'))} copied into {buffers} new "
            f"{'piece' if buffers == 1 else 'pieces'} of memory"
            if buffers
            else "no byte of the feed copied"
        )
        derived = self.total("derived")
        more = f", {size_text(derived)} derived" if derived else ""
        seen = "".join(f", {count} {word}" for count, word in self.looks)
        return f"{self.name or self.kind}: {copied}{seen}{more}"

    @property
    def looks(self) -> list[tuple[int, str]]:
        """How many views and how many entries of an index there are, with the word for it."""
        views = sum(window.is_view for window in self.windows)
        counts = [(views, "view", "views")]
        counts += [(len(self.windows) - views, "index entry", "index entries")]
        return [(n, one if n == 1 else many) for n, one, many in counts if n]

    def lines(self) -> list[str]:
        """Return the lane as text: a line a strip, its windows indented beneath."""
        lines = [f"{self.sentence}."]
        for row, label in enumerate(self.rows):
            numbers = [n for n, strip in enumerate(self.strips) if strip.row == row]
            strips = [self.strips[number] for number in numbers]
            origin = self._origin([copy for copy in self.copies if copy.target in numbers])
            lines.append(f"  {strips[0].kind:<8} {label}, {place_of(strips)}{origin}")
            looks = [window for window in self.windows if window.strip in numbers]
            lines += [
                f"    {'view ' if window.is_view else 'entry'}  {window.label}"
                for window in looks[:_LISTED]
            ]
            if len(looks) > _LISTED:
                lines.append(f"    and {len(looks) - _LISTED} more")
        return [printable(line) for line in (*lines, *(f"  {note}" for note in self.notes))]

    def _origin(self, copies: list[Copy]) -> str:
        if not copies:
            return ""
        name = self.rows[self.strips[copies[0].origin].row].split(" = ")[0].split(", ")[0]
        if len(copies) > 1:
            return f", from {len(copies)} places in {name}"
        return f", from bytes {copies[0].start:,} to {copies[0].end:,} of {name}"
