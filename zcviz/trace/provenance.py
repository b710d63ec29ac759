"""Whose memory an object shows: the way from it to the owners of its bytes.

Addresses decide, not types: each object on the way is asked where its bytes lie and from whom it
borrows them (see `holdings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import SelectionError
from ..render import escape, picture, printable, size_text
from .graph import graph_of
from .node import Node

__all__ = ["Node", "Provenance", "provenance", "provenance_of_one"]

_LISTED = 12  # lenders of one object that the text names


@dataclass(frozen=True, slots=True)
class Provenance:
    """The way from an object to the owners of its bytes.

    Attributes
    ----------
    nodes : tuple of Node
        The object first; then what it borrows from, in the order of the way there.

    Notes
    -----
    Memory: holds numbers and names, none of the objects; it keeps nothing alive.
    """

    nodes: tuple[Node, ...]

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Who borrows from whom, by their places in `nodes`."""
        return tuple((at, to) for at, node in enumerate(self.nodes) for to in node.lenders)

    @property
    def owners(self) -> tuple[Node, ...]:
        """The objects at the end: they own the memory, or Python cannot see who does."""
        return tuple(node for node in self.nodes if not node.lenders)

    @property
    def owner(self) -> Node:
        """The object that owns the memory.

        Raises
        ------
        SelectionError
            There are several: ask for `owners`.
        """
        first, found = self.nodes[0], self.owners
        if len(found) > 1 and not first.several:  # a lender may keep more than was lent
            found = tuple(o for o in found if o.address <= first.address < max(o.end, 1))
        if len(found) != 1:
            count = len(self.owners)
            raise SelectionError(f"this {first.type} has {count} owners, not one: see `owners`")
        return found[0]

    @property
    def address(self) -> int:
        """Address of the lowest byte that the object can reach."""
        return self.nodes[0].address

    @property
    def nbytes(self) -> int:
        """Bytes that the object shows."""
        return self.nodes[0].nbytes

    @property
    def keeps_alive(self) -> int:
        """Size of the memory that stays because of the object [bytes]."""
        return self.nodes[0].keeps_alive

    @property
    def offset(self) -> int:
        """Where the object's bytes begin, counted from the owner's first byte."""
        return self.address - self.owner.address if self.nodes[0].span else 0

    @property
    def sentence(self) -> str:
        """What came of the question, in words."""
        first, owners = self.nodes[0], self.owners
        seen, kept = size_text(self.nbytes), size_text(self.keeps_alive)
        if len(self.nodes) == 1:
            held = printable(first.held_by)
            return f"{seen}, held by {held}." if held else f"It owns its {seen}."
        if len(owners) > 1:
            owned = f"in the memory of {len(owners):,} owners"
            return f"{seen} seen, {owned}; {kept} stay in memory for it."
        return f"{seen} seen, from byte {self.offset:,} of the owner; {kept} stay in memory for it."

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain dictionaries, lists and numbers.

        ``"offset"`` is None where there are several owners.
        """
        try:
            offset: int | None = self.offset
        except SelectionError:
            offset = None
        nodes = [asdict(node) for node in self.nodes]
        return {"offset": offset, "nodes": nodes, "edges": list(self.edges)}

    def __str__(self) -> str:
        rows = list(_tree(self.nodes))
        width = max(len(label) for label, _ in rows)
        sizes = [size_text(node.nbytes) if node else "" for _, node in rows]
        digits = max(map(len, sizes))
        lines = [
            f"{label:<{width}}  {size:>{digits}}  {node.where if node else ''}".rstrip()
            for (label, node), size in zip(rows, sizes, strict=True)
        ]
        return "\n".join([*lines, self.sentence])

    def _repr_html_(self) -> str:
        return picture(self) or f"<pre>{'<br>'.join(map(escape, str(self).splitlines()))}</pre>"


def _tree(nodes: tuple[Node, ...]) -> Iterator[tuple[str, Node | None]]:
    """Yield the lines of a tree: each node once, with its lenders below it."""
    shown: set[int] = set()

    def below(place: int, mark: str, indent: str) -> Iterator[tuple[str, Node | None]]:
        node = nodes[place]
        if place in shown:
            yield f"{mark}{node.label}, see above", None
            return
        shown.add(place)
        if len(node.lenders) == 1 and node.lenders[0] in shown:
            yield f"{mark}{node.label}, in {nodes[node.lenders[0]].label} above", node
            return
        yield f"{mark}{node.label}", node
        listed = node.lenders[:_LISTED]
        more = len(node.lenders) - len(listed)
        for number, lender in enumerate(listed):
            last = number == len(listed) - 1 and not more
            deeper = indent + ("   " if last else "│  ")
            yield from below(lender, f"{indent}{'└─ ' if last else '├─ '}", deeper)
        if more:
            yield f"{indent}└─ and {more:,} more", None

    return below(0, "", "")


def provenance(obj: object, among: Mapping[str, object] | None = None) -> Provenance:
    """Find out whose memory `obj` shows.

    Parameters
    ----------
    obj : object
        Anything that `zcviz.trace.holdings` takes: what has the buffer protocol,
        ``__array_interface__``, Arrow's PyCapsule interface or DLPack; objects of numpy, pandas,
        pyarrow, polars; feeds, sources, tables, message views; lists, tuples and dicts of those.
    among : mapping of str to object, optional
        Such as ``globals()``. Objects on the way are called by their names there; and where Python
        cannot see who owns memory (that which Arrow holds, say), they are looked through for an
        owner of the same addresses.

    Returns
    -------
    Provenance

    Raises
    ------
    TypeError
        `obj` shows no memory that could be asked for.
    BufferLifetimeError
        Its memory has been released.

    Notes
    -----
    Memory: nothing is copied; the result holds numbers and names. Whoever keeps memory without
    lending it (a cache, a reference in C++) is not seen.
    """
    return Provenance(graph_of(obj, among or {}))


def provenance_of_one(obj: object) -> Provenance:
    """Find out whose memory `obj` shows, where that is one piece.

    Raises
    ------
    TypeError
        As `provenance`; or `obj` holds others, or has several pieces of memory.
    BufferLifetimeError
        Its memory has been released.
    """
    if isinstance(obj, list | tuple | dict) or (found := provenance(obj)).nodes[0].several:
        raise TypeError(f"{type(obj).__name__} is not one piece of memory")
    return found
