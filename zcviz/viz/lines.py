"""Which lines of memory have to be fetched for a few values: where they lie, and as a column.

Memory reaches a processor in lines, not in bytes. Which lines an object touches follows from its
addresses alone, and is counted here; how long a line takes is for a clock to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codec import gather
from ..feed import Feed
from ..render import size_text
from ..spec import Message
from .sheet import WIDE, sheet
from .svg import box, label, path, width_of
from .theme import hatch

__all__ = ["LINE", "CacheLines", "Touched", "cache_lines", "lines_of"]

_LEFT = 8
_HEIGHT, _STEP = 16, 22  # of one line, and from one row of lines to the next
_MOST = 48  # lines that are drawn
_LONE = 3  # so many lines in a row that nobody needs are drawn; more of them are counted


@cache
def _line_size() -> int:
    try:
        said = Path("/sys/devices/system/cpu/cpu0/cache/index0/coherency_line_size").read_text()
        return int(said) if 16 <= int(said) <= 1024 else 64
    except (OSError, ValueError):
        return 64


LINE = _line_size()
"""Size of a line [bytes], as the system says; 64 where it does not."""


def lines_of(addresses: NDArray[Any], size: int) -> NDArray[np.uint64]:
    """Return the lines that values touch: (n_lines,) uint64, ascending, each once.

    Parameters
    ----------
    addresses : (n,) integers
        Of the first byte of each value.
    size : int [bytes]
        Of a value, at most that of a line.
    """
    start = np.asarray(addresses, np.uint64)
    return np.union1d(start // LINE, (start + np.uint64(size - 1)) // LINE)


@dataclass(frozen=True, slots=True)
class Touched:
    """Values, and the lines that they touch.

    Attributes
    ----------
    what : str
        What the values are.
    addresses : tuple of int
        Of the first byte of each value.
    size : int [bytes]
    copied : bool
        Whether they were copied to where they are.
    """

    what: str
    addresses: tuple[int, ...]
    size: int
    copied: bool = False

    @property
    def lines(self) -> list[int]:
        """Numbers of the lines touched, ascending."""
        return [int(each) for each in lines_of(np.array(self.addresses, np.uint64), self.size)]

    @property
    def fetched(self) -> int:
        """Size of the lines [bytes]."""
        return len(self.lines) * LINE

    @property
    def used(self) -> int:
        """Size of the values [bytes]."""
        return len(self.addresses) * self.size

    @property
    def sentence(self) -> str:
        """How many lines for how many bytes, in words."""
        number = len(self.lines)
        return (
            f"{self.what}: {number} line{'s' * (number != 1)}, {size_text(self.fetched)} fetched "
            f"for {size_text(self.used)}"
        )


@dataclass(frozen=True)
class CacheLines:
    """The same values in two places: lines touched, drawn to scale.

    Attributes
    ----------
    places : (Touched, Touched)
        Where they lie, and in a column.
    """

    places: tuple[Touched, Touched]

    @property
    def sentence(self) -> str:
        """What the picture shows, in words."""
        there, here = (each.fetched / each.used for each in self.places)
        return (
            f"For each byte that is wanted, {there:.1f} are fetched where the values lie, and "
            f"{here:.1f} in the column."
        )

    def __str__(self) -> str:
        return "\n".join([*(each.sentence for each in self.places), self.sentence])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return sheet(self._draw, self.sentence, str(self))

    def _draw(self, width: int) -> tuple[str, float]:
        parts, y = [], 0.0
        columns = 8 if width == WIDE else 4
        for each in self.places:
            drawn, height = _place(each, columns, width)
            parts.append(f"<g transform='translate(0 {y:.0f})'>{drawn}</g>")
            y += height + 12
        return "".join(parts), y


def _place(touched: Touched, columns: int, width: int) -> tuple[str, float]:
    style = "c" if touched.copied else "v"
    heads = [touched.sentence]
    if width_of(touched.sentence) > width - 2 * _LEFT:
        heads = touched.sentence.split(": ")
    parts = [label(_LEFT, 15 * n, text, style) for n, text in enumerate(heads, 1)]
    top = 15 * len(heads) + 9
    room = (width - 2 * _LEFT) / columns
    scale = (room - 6) / LINE
    cells = list(_cells(touched.lines))
    for number, (line, skipped) in enumerate(cells[:_MOST]):
        x, y = _LEFT + number % columns * room, top + number // columns * _STEP
        if skipped:
            text = f"{skipped:,} more" if columns > 4 else f"+ {skipped:,}"
            parts.append(label(x + room / 2 - 3, y + 12, text, "s q", "middle"))
            continue
        used = [at - line * LINE for at in touched.addresses]
        inside = [(max(0, at), min(LINE, at + touched.size)) for at in used]
        marks = [(low, high) for low, high in inside if low < high]
        parts.append(path(box(x, y, room - 6, _HEIGHT), "source" if marks else "empty"))
        parts += [
            _value(x + low * scale, y, (high - low) * scale, touched.copied)
            for low, high in _joined(marks)
        ]
    rows = -(-min(len(cells), _MOST) // columns)
    height = top + rows * _STEP
    if len(cells) > _MOST:
        parts.append(label(_LEFT, height + 10, f"and {len(cells) - _MOST} more lines", "s q"))
        height += 16
    return "".join(parts), height


def _joined(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    # Values without a gap between them are drawn as one piece.
    found: list[tuple[int, int]] = []
    for low, high in marks:
        if found and found[-1][1] == low:
            found[-1] = found[-1][0], high
        else:
            found.append((low, high))
    return found


def _value(x: float, y: float, width: float, copied: bool) -> str:
    if not copied:
        return path(box(x, y, width, _HEIGHT), "solid")
    return path(box(x, y, width, _HEIGHT), "copied") + path(hatch(x, y, width, _HEIGHT, 5), "hatch")


def _cells(lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    # Every line from the first to the last, (number, 0); (number, n) in place of n unneeded ones.
    before = lines[0] - 1
    for line in lines:
        lone = line - before - 1
        if lone > _LONE:
            yield before + 1, lone
        else:
            yield from ((each, 0) for each in range(before + 1, line))
        yield line, 0
        before = line


def cache_lines(feed: Feed, offsets: NDArray[Any], message: Message, name: str) -> CacheLines:
    """Draw which lines of memory hold one field of a few messages, and the same as a column.

    Parameters
    ----------
    feed : Feed
    offsets : (n,) integers
        Of the messages; one at least.
    message : Message
        What they are.
    name : str
        The field.

    Returns
    -------
    CacheLines
        Shows itself in a notebook; ``str()`` says the same in words.

    Notes
    -----
    Memory: gathers the column for a moment, and holds addresses only.
    """
    field = message[name]
    there = feed.source.address + np.asarray(offsets, np.uint64) + np.uint64(field.offset)
    column = gather(feed.data, offsets, message, name)
    here = column.ctypes.data + np.arange(len(column)) * column.itemsize
    several = f"{len(column)} values of {name}"
    return CacheLines(
        (
            Touched(f"{several}, where they lie", tuple(map(int, there)), field.type.size),
            Touched("The same, gathered", tuple(map(int, here)), column.itemsize, copied=True),
        )
    )
