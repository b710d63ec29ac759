"""What objects consist of: the pieces of memory that a memory picture draws.

Which memory belongs to an object, and whether it holds wire values or derived ones, is what the
ledger says. Added here is what a picture wants to say of it: names, owners, contents.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..codec import encode
from ..errors import BufferLifetimeError
from ..index import MessageIndex
from ..pipelines import Columns
from ..spec import tag_text
from ..trace import Node
from ..trace.ledger import Part, parts
from ..trace.provenance import provenance_of_one

__all__ = ["Piece", "entries", "gathered", "named", "pieces", "what"]

_DEEPEST = 3  # attributes of attributes: far enough for arrays in a dictionary in a dataclass
_MOST = 4096  # items of one list that are looked at
_GATHERED = 16  # values of columns whose way is drawn, or one a column
_LARGEST_CONTENT = 1 << 20
_UNKNOWN = parts.dispatch(object)


@dataclass(frozen=True)
class Piece:
    """One part of an object.

    Attributes
    ----------
    kind : {"wire", "derived"}
    nbytes : int
        Memory it takes.
    address : int or None
        None where it is spread over Python objects.
    name : str
        What its object calls it.
    owner : Node or None
        Who owns the memory at the address, where that is known.
    counted : int [bytes]
        What the ledger counts it for.
    objects, held : int
        Of a record: how many Python objects it is spread over, and their bytes.
    wire : bytes
        Of a record: its message as on the wire.
    gathered : bool
        Whether it is a column: values of the wire, and not in one piece.
    """

    kind: Literal["wire", "derived"]
    nbytes: int
    address: int | None = None
    name: str = ""
    owner: Node | None = None
    counted: int = 0
    objects: int = 0
    held: int = 0
    wire: bytes = b""
    gathered: bool = False

    @property
    def content(self) -> bytes:
        """A copy of its bytes as on the wire; empty where they are not, or are too many."""
        if self.address is None or self.kind == "derived" or self.nbytes > _LARGEST_CONTENT:
            return self.wire
        if self.gathered:
            return b""
        return ctypes.string_at(self.address, self.nbytes)


def named(item: Any) -> tuple[str, Any, str | None]:
    """Return name, object and (if told) kind of an item that a caller passed."""
    if hasattr(item, "stage") and hasattr(item, "output"):
        return str(item.stage.name), item.output, None
    name, value, *kind = item
    return str(name), value, str(kind[0]) if kind else None


def what(value: Any, found: list[Piece]) -> str:
    """Return what an object is, in a word or two: ``bytes``, ``3 × bytes``, ``2 × AddOrder``."""
    if not isinstance(value, list | tuple) or hasattr(type(value), "__zcviz_message__"):
        return type(value).__name__
    records = {piece.name for piece in found if piece.wire}
    kinds = records or {type(each).__name__ for each in value}
    count = len(found) if records else len(value)
    several = "record" if records else "object"
    times = f"{count:,} × " if count > 1 else ""
    return f"{times}{kinds.pop() if len(kinds) == 1 else several}"


def entries(index: MessageIndex) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and tag of the messages of an index."""
    columns = index.offsets.tolist(), index.sizes.tolist(), index.tags.tolist()
    text = tag_text if index.tags.itemsize == 1 else str  # a character, or a template's number
    for low, size, tag in zip(*columns, strict=True):
        yield low, low + size, text(tag)


def gathered(value: Any) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield where the first values of gathered columns come from and where they went.

    Yields
    ------
    column, at, size, offset, width
        Address of the column, the value's place and size in it; its place and size in the source.
    """
    tables = _tables(value)
    most = _GATHERED // max(1, sum(len(table.columns) for table in tables)) + 1
    for table in tables:
        for name, column in table.columns.items():
            wire = table.message[name]
            for number, offset in enumerate(table.offsets[:most].tolist()):
                at = number * column.itemsize
                place = offset + wire.offset, wire.type.size
                yield int(column.ctypes.data), at, column.itemsize, *place


def _tables(value: Any) -> list[Columns]:
    several = value if isinstance(value, list | tuple) else [value]
    return [each for each in several if isinstance(each, Columns)]


def pieces(value: Any, told: str | None = None) -> list[Piece]:
    """Return the pieces of an object; `told` overrules what kind of memory they are."""
    found = []
    leaves = dict(_leaves(value))
    records = list(_records(value))
    columns = bool(_tables(value))
    for part in _parts(value):
        kind = part.kind if told is None else ("wire" if told == "copied" else "derived")
        if part.address is None:
            if part.kind == "wire" and records:
                found.append(records.pop(0))
            elif part.nbytes:
                found.append(Piece(kind, part.nbytes, counted=part.nbytes))
            continue
        name, owner = leaves.get(part.address, ("", None))
        found.append(
            Piece(kind, part.span, part.address, name, owner, part.nbytes, gathered=columns)
        )
    return found


def _parts(value: Any) -> Iterable[Part]:
    # The ledger knows what pipelines give; anything else that shows memory is asked for it.
    if parts.dispatch(type(value)) is _UNKNOWN or isinstance(value, memoryview | np.ndarray):
        try:
            node = provenance_of_one(value).nodes[0]
        except TypeError:
            return parts(value)
        kind: Literal["wire", "derived"] = "derived" if isinstance(value, np.ndarray) else "wire"
        return [Part(kind, node.nbytes, node.address, node.span)] if node.span else []
    return [part for part in parts(value) if part.nbytes]


def _leaves(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[int, tuple[str, Node]]]:
    # Everything in an object that shows memory: its address, its name, and who owns it.
    if value is None or depth > _DEEPEST or isinstance(value, int | str | float | np.generic):
        return
    try:
        chain = provenance_of_one(value)
    except TypeError:
        for key, each in _held(value):
            yield from _leaves(each, key or name, depth + 1)
        return
    except BufferLifetimeError:  # a view that is not aimed at anything (yet)
        return
    if chain.nbytes:
        yield chain.address, (name, chain.owner)


def _held(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        return [("", each) for each in value[:_MOST]]
    if isinstance(value, Columns):
        tag = value.message.tag_text
        named = {"offsets": value.offsets, **value.columns}
        return [(f"{tag} {name}".strip(), array) for name, array in named.items()]
    if isinstance(value, dict):
        return [(str(key), each) for key, each in value.items()]
    slots = getattr(type(value), "__slots__", ())
    held = [(key, getattr(value, key, None)) for key in slots if isinstance(slots, tuple)]
    return [*held, *getattr(value, "__dict__", {}).items()]


def _records(value: Any) -> Iterator[Piece]:
    message = getattr(type(value), "__zcviz_message__", None)
    if message is not None:
        own = {id(each): each for each in value if not _is_shared(each)}.values()
        yield Piece(
            "wire",
            message.size,
            name=type(value).__name__,
            counted=message.size,
            objects=len(own) + 1,
            held=sys.getsizeof(value) + sum(map(sys.getsizeof, own)),
            wire=encode(message, **value._asdict()),
        )
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _records(each)


def _is_shared(value: Any) -> bool:
    # Small integers and single bytes exist once, for everybody.
    return (isinstance(value, int) and -5 <= value <= 256) or (
        isinstance(value, bytes) and len(value) <= 1
    )
