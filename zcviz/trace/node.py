"""One object on the way to the owners of its bytes, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from ..render import printable

__all__ = ["Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """One object on the way, or one piece of an object that has several.

    Attributes
    ----------
    type : str
        Name of its class; ``"part"`` for a piece of an object.
    name : str or None
        What it calls itself, or is called by: a file, a variable, a column. Text from outside.
    address : int
        Of the lowest byte it can reach; 0 where it has none.
    nbytes : int
        Bytes it shows: items times their size.
    span : int [bytes]
        From the lowest to the highest byte it can reach.
    strides : tuple of int or None [bytes]
        Steps between items, where these do not lie one after another.
    read_only : bool
    keeps_alive : int [bytes]
        Size of the memory that stays because of it: of all owners it leads to, each byte once.
    held_by : str
        Who knows the owner of its memory, where Python cannot see that: ``"Arrow"``; else empty.
    lenders : tuple of int
        From which other nodes it borrows, by their place in `Provenance.nodes`.
    run : int [bytes]
        How many of its bytes lie together.
    steps : tuple of (count, stride)
        How often such runs repeat, the smallest stride first.
    several : bool
        Whether it consists of several pieces; then address and span are those of all together.
    """

    type: str
    name: str | None
    address: int
    nbytes: int
    span: int
    strides: tuple[int, ...] | None
    read_only: bool
    keeps_alive: int = 0
    held_by: str = ""
    lenders: tuple[int, ...] = ()
    run: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    several: bool = False

    @property
    def label(self) -> str:
        """Class and name, a path cut to its last part, safe to print."""
        if self.type == "part":
            return printable(self.name or "part")
        short = PurePath(self.name).name or self.name if self.name else ""
        return printable(f"{self.type} {short}".strip())

    @property
    def end(self) -> int:
        """Address of the byte after the highest it can reach."""
        return self.address + self.span

    @property
    def where(self) -> str:
        """Where its memory lies, how, and whose it is: in a few words."""
        if self.several:
            pieces = len(self.lenders)
            return f"in {pieces:,} piece{'s' * (pieces != 1)}"
        parts = [f"at {self.address:#x}" if self.span else "no bytes"]
        if self.strides is not None:
            parts.append(f"strides {', '.join(map(str, self.strides))} B")
        parts.append("read-only" if self.read_only else "writable")
        if self.held_by:
            parts.append(printable(f"memory held by {self.held_by}"))
        elif not self.lenders:
            parts.append("owns the memory")
        return ", ".join(parts)
