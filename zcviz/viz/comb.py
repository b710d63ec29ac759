"""The index as a comb over the bytes: a tooth at each message, and the entry that it leads to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import SelectionError
from ..feed import Feed
from ..index import MessageIndex
from ..render import printable, size_text
from .sheet import sheet
from .svg import box, fit, label, path
from .theme import title_of

__all__ = ["Array", "Comb", "Entry", "comb"]

_LEFT, _RIGHT = 8, 8
_STRIP, _HEIGHT = 26, 28  # of the strip of the feed: where it begins, how high it is
_ROOM = 62  # for the teeth, from the strip to the arrays
_ROW, _CELL = 30, 18  # one array below the other
_SEAMS = 3  # units that an entry takes for its edges to be drawn
_BEFORE, _BEHIND = 96, 165  # units that the words on either side of the arrays take
_LENGTH = 2  # bytes between two messages of one packet
_AMONG = 200  # messages that a good beginning is looked for


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: where it starts and ends [bytes], its tag, what it is called."""

    start: int
    end: int
    tag: str
    title: str


@dataclass(frozen=True, slots=True)
class Array:
    """One array of the index: its name, its type, bytes an entry."""

    name: str
    type: str
    width: int


@dataclass(frozen=True)
class Comb:
    """Some messages of a feed, and their entries in its index.

    Attributes
    ----------
    name, address, nbytes
        Of the feed's memory.
    first, total : int
        Position of the first of these messages; how many the feed has.
    entries : tuple of Entry
    arrays : tuple of Array
    """

    name: str
    address: int
    nbytes: int
    first: int
    total: int
    entries: tuple[Entry, ...]
    arrays: tuple[Array, ...]

    @property
    def sentence(self) -> str:
        """What the picture shows, in words."""
        width = sum(each.width for each in self.arrays)
        shown = self.entries[-1].end - self.entries[0].start
        return (
            f"{len(self.entries)} messages stand in {size_text(shown)} of {printable(self.name)}; "
            f"their entries in the index take {size_text(len(self.entries) * width)}, "
            f"{width} B each."
        )

    def __str__(self) -> str:
        lines = [self.sentence, "message  offset  size  tag"]
        for number, each in enumerate(self.entries, self.first):
            size = each.end - each.start
            lines.append(f"{number:,}  {each.start:,}  {size}  {each.tag}  {each.title}")
        return "\n".join(map(printable, lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return sheet(self._draw, self.sentence, str(self))

    def _draw(self, width: int) -> tuple[str, float]:
        shown = self.entries
        start, end = shown[0].start, shown[-1].end
        margin = min(12, start, self.nbytes - end)  # a little of what is around them
        start, end = start - margin, end + margin
        scale = (width - _LEFT - _RIGHT) / (end - start)
        heads = f"{printable(self.name)}, bytes {start:,}–{end:,} of {self.nbytes:,}"
        parts = [
            label(_LEFT, 15, fit(heads, width - 130), "halo"),
            label(width - _RIGHT, 15, f"{self.address + start:#x}", "m", "end"),
            path(
                box(_LEFT, _STRIP, width - _LEFT - _RIGHT, _HEIGHT, (start > 0, end < self.nbytes)),
                "source",
            ),
        ]
        places = [_LEFT + (each.start - start) * scale for each in shown]
        parts += [_message(each, x, scale) for each, x in zip(shown, places, strict=True)]
        parts += [
            _gap(one.end, other.start, _LEFT + (one.end - start) * scale, scale)
            for one, other in pairwise(shown)
        ]
        y = _STRIP + _HEIGHT + _ROOM
        parts.append(self._arrays(shown, places, scale, width, y))
        return "".join(parts), y + _ROW * len(self.arrays) + 4

    def _arrays(
        self, shown: tuple[Entry, ...], places: list[float], scale: float, width: int, y: float
    ) -> str:
        # To the same scale as the strip; in the middle of what the words beside them leave.
        widest = max(each.width for each in self.arrays) * len(shown) * scale
        left = _BEFORE + max(0.0, (width - widest - _BEFORE - _BEHIND) / 2)
        parts = []
        last = self.first + len(shown) - 1
        for row, each in enumerate(self.arrays):
            top, cell = y + row * _ROW, each.width * scale
            torn = self.first > 0, last + 1 < self.total
            size = size_text(len(shown) * each.width)
            parts.append(path(box(left, top, cell * len(shown), _CELL, torn), "derived"))
            if cell >= _SEAMS:
                seams = (f"M{left + n * cell:.1f} {top}v{_CELL}" for n in range(1, len(shown)))
                parts.append(path("".join(seams), "seam"))
            beside = left + cell * len(shown) + 12
            parts.append(label(beside, top + 13, f"{each.name}, {each.type}: {size}"))
            if row == 0:
                centres = [left + (number + 0.5) * cell for number in range(len(shown))]
                teeth = zip(places, centres, strict=True)
                parts += [_tooth(x, centre, top) for x, centre in teeth]
        said = ("index entries", f"{self.first:,}–{last:,}", f"of {self.total:,}")
        for row, text in enumerate(said):
            parts.append(label(left - 14, y + 13 + 15 * row, text, "s q", "end"))
        return "".join(parts)


def _message(entry: Entry, x: float, scale: float) -> str:
    size = entry.end - entry.start
    text = fit(entry.title, size * scale - 6, 11)
    if "…" in text or not text:
        text = fit(entry.tag, size * scale - 2, 11)
    title = f"{entry.title}: {size_text(size)} from byte {entry.start:,}"
    return path(box(x, _STRIP, size * scale, _HEIGHT), "held", title) + label(
        x + size * scale / 2, _STRIP + 18, text, "s", "middle"
    )


def _gap(start: int, end: int, x: float, scale: float) -> str:
    # What lies between two messages: a length, or the headers of the next packet.
    text = fit("headers", (end - start) * scale - 4, 11)
    if "…" in text:
        return ""
    return label(x + (end - start) * scale / 2, _STRIP + 18, text, "s q", "middle")


def _tooth(x: float, to: float, top: float) -> str:
    bottom = _STRIP + _HEIGHT
    bend = (top - bottom) / 2
    return path(
        f"M{x:.1f} {bottom - 9:.1f}V{bottom:.1f}C{x:.1f} {bottom + bend:.1f} "
        f"{to:.1f} {top - bend:.1f} {to:.1f} {top:.1f}",
        "tooth",
    )


def _varied(index: MessageIndex, count: int) -> int:
    # Near the middle: messages of several types that lie close together, in two packets if any.
    low = max(0, min(len(index) // 2, len(index) - count - _AMONG))
    some = slice(low, low + _AMONG + count)
    starts = index.offsets[some].astype(np.int64)
    gaps = starts[1:] - (starts + index.sizes[some])[:-1]
    tags = index.tags[some].tolist()

    def worth(first: int) -> float:
        span, parted = starts[first + count - 1] - starts[first], gaps[first : first + count - 1]
        packets = np.count_nonzero(parted > _LENGTH)
        kinds = len(set(tags[first : first + count]))
        return kinds + 3 * bool(packets == 1) - float(span) / (20 * count)

    return low + max(range(len(starts) - count + 1), key=worth, default=0)


def comb(feed: Feed, first: int | None = None, count: int = 8) -> Comb:
    """Draw some messages, and the entries that the index has for them.

    Parameters
    ----------
    feed : Feed
    first : int, optional
        Position of the first message; by default, one near the middle with others in company.
    count : int
        How many messages.

    Returns
    -------
    Comb
        Shows itself in a notebook; ``str()`` says the same in words.

    Raises
    ------
    SelectionError
        The feed holds no such message.

    Notes
    -----
    Memory: holds numbers and text, nothing of the feed.
    """
    index, total = feed.index, len(feed)
    first = _varied(index, count) if first is None else first
    if not 0 <= first < total or count < 1:
        raise SelectionError(f"message {first} of {total}")
    some = slice(first, first + count)
    names = {each.key: title_of(each) for each in feed.protocol if each.tag is not None}
    entries = tuple(
        Entry(at, at + size, feed.protocol.tag_text(tag), names.get(tag, "unknown"))
        for at, size, tag in zip(
            *(array[some].tolist() for array in (index.offsets, index.sizes, index.tags)),
            strict=True,
        )
    )
    arrays = tuple(
        Array(name, str(array.dtype), array.itemsize)
        for name, array in (
            ("offsets", index.offsets), ("sizes", index.sizes), ("tags", index.tags),
        )
    )  # fmt: skip
    return Comb(feed.name, feed.source.address, feed.source.size, first, total, entries, arrays)
