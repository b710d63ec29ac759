"""Whose memory an object shows: the chain from a view to the owner of its bytes.

Addresses decide, not types: each step asks the object itself where its bytes lie and whom it
borrows them from. Our own objects say so through ``__zcviz_owner__`` and, where they stand for a
range of bytes, ``__zcviz_range__()``, which returns (offset into the owner, size).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from inspect import getattr_static
from pathlib import PurePath
from typing import Any

import numpy as np

from ..render import escape, printable, size_text
from .overlap import array_over, bounds, is_ours, values_of

__all__ = ["Node", "Provenance", "provenance"]


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the chain.

    Attributes
    ----------
    type : str
        Name of its class.
    name : str or None
        What it calls itself; a feed's source has the name of its file. Text from outside.
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
        Size of the memory that stays because of it: that of the last owner.
    """

    type: str
    name: str | None
    address: int
    nbytes: int
    span: int
    strides: tuple[int, ...] | None
    read_only: bool
    keeps_alive: int = 0

    @property
    def label(self) -> str:
        """Class and name, a path cut to its last part, safe to print."""
        short = PurePath(self.name).name or self.name if self.name else ""
        return printable(f"{self.type} {short}".strip())


@dataclass(frozen=True, slots=True)
class Provenance:
    """The chain from an object to the owner of its bytes.

    Attributes
    ----------
    nodes : tuple of Node
        The object first, the owner last.

    Notes
    -----
    Memory: holds numbers and names, none of the objects; it keeps nothing alive.
    """

    nodes: tuple[Node, ...]

    @property
    def owner(self) -> Node:
        """The object that owns the memory."""
        return self.nodes[-1]

    @property
    def address(self) -> int:
        """Address of the lowest byte that the object can reach."""
        return self.nodes[0].address

    @property
    def nbytes(self) -> int:
        """Bytes that the object shows."""
        return self.nodes[0].nbytes

    @property
    def offset(self) -> int:
        """Where the object's bytes begin, counted from the owner's first byte."""
        return self.address - self.owner.address if self.nodes[0].span else 0

    def as_dict(self) -> dict[str, object]:
        """Return the chain as plain dictionaries and numbers."""
        return {"offset": self.offset, "nodes": [asdict(node) for node in self.nodes]}

    def __str__(self) -> str:
        indented = [
            "   " * (depth - 1) + "└─ " * (depth > 0) + node.label
            for depth, node in enumerate(self.nodes)
        ]
        width = max(map(len, indented))
        digits = max(len(size_text(node.nbytes)) for node in self.nodes)
        rows = [
            f"{label:<{width}}  {size_text(node.nbytes):>{digits}}  {self._where(node)}"
            for label, node in zip(indented, self.nodes, strict=True)
        ]
        return "\n".join([*rows, self._sentence()])

    def _where(self, node: Node) -> str:
        parts = [f"at {node.address:#x}" if node.span else "no bytes"]
        if node.strides is not None:
            parts.append(f"strides {', '.join(map(str, node.strides))} B")
        parts.append("read-only" if node.read_only else "writable")
        if node is self.owner:
            parts.append("owns the memory")
        return ", ".join(parts)

    def _sentence(self) -> str:
        if len(self.nodes) == 1:
            return f"It owns its {size_text(self.nbytes)}."
        return (
            f"{size_text(self.nbytes)} seen, from byte {self.offset:,} of the owner; "
            f"{size_text(self.owner.keeps_alive)} stay in memory for it."
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left;padding-left:{depth * 1.5 + 0.5}em'>"
            f"{'└─ ' * (depth > 0)}{escape(node.label)}</th><td>{size_text(node.nbytes)}</td>"
            f"<td style='text-align:left'>{escape(self._where(node))}</td></tr>"
            for depth, node in enumerate(self.nodes)
        )
        left = "<th scope='col' style='text-align:left'>"
        head = f"{left}object</th><th scope='col'>shows</th>{left}memory</th>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<div>{table}<p>{escape(self._sentence())}</p></div>"


def provenance(obj: object) -> Provenance:
    """Find out whose memory `obj` shows.

    Parameters
    ----------
    obj : object
        Anything with the buffer protocol (bytes, bytearray, memoryview, mmap, array, ctypes,
        ndarray, …), a pandas Series or Index whose values are an ndarray, a feed, a source, a
        flyweight.

    Returns
    -------
    Provenance

    Raises
    ------
    TypeError
        `obj` shows no memory that could be asked for.
    BufferLifetimeError
        Its memory has been released.
    """
    nodes = list(_chain(obj))
    size = nodes[-1].span
    return Provenance(tuple(replace(node, keeps_alive=size) for node in nodes))


def _chain(obj: Any) -> Iterator[Node]:
    array = array_over(obj)
    ours = is_ours(obj)
    start, end = bounds(array)
    node = Node(
        type=type(obj).__name__,
        name=_name(obj) if ours else None,
        address=start,
        nbytes=array.nbytes,
        span=end - start,
        strides=None if array.flags.forc or not array.size else array.strides,
        read_only=not array.flags.writeable,
    )
    yield node
    lender = obj.__zcviz_owner__ if ours else _lender(obj)
    if lender is None:
        return
    try:
        yield from _chain(lender)
    except TypeError:  # a capsule, say: it keeps the memory and tells nothing of it
        yield replace(node, type=type(lender).__name__, nbytes=node.span, strides=None)


def _name(obj: Any) -> str | None:
    name = getattr(obj, "name", None)  # in a message view this may be a field of the wire
    return name if isinstance(name, str) else None


def _lender(obj: Any) -> object:
    # From whom an object borrows its bytes; None: it owns them.
    if isinstance(obj, memoryview):
        return obj.obj
    if isinstance(obj, np.ndarray | np.void):
        base: Any = obj.base
        # as_strided() puts a nameless go-between there.
        return base.base if type(base).__name__ == "DummyArray" else base
    values = values_of(obj)
    if values is not None:
        return values
    # A ctypes object is part of a larger one, or from_buffer() left there the view it came from.
    if getattr_static(obj, "_b_base_", None) is None:
        return None
    kept: Any = getattr(obj, "_objects", None)
    views = [each for each in kept.values() if isinstance(each, memoryview)] if kept else []
    return obj._b_base_ if not views else views[0].obj
