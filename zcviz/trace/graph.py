"""Following objects to those they borrow their bytes from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from ..errors import BufferLifetimeError
from .holdings import holdings, is_ours
from .memory import Holding, Unseen, runs_of
from .node import Node
from .overlap import union

__all__ = ["graph_of"]

_NAMING = ("multiprocessing", "pandas", "polars")  # whose objects may have a name
_DEEPEST = 100  # lenders of lenders


def graph_of(obj: Any, among: Mapping[str, object]) -> tuple[Node, ...]:
    """Return `obj` and all that it borrows from, in the order of the way there."""
    named = [(id(value), name) for name, value in among.items() if not name.startswith("_")]
    names = dict(reversed(named))
    graph = _Graph(names)
    first = graph.add(obj)
    if any(node.held_by for node in graph.nodes):
        graph.look_among(among)
    return _in_order(graph.nodes, first)


@dataclass
class _Graph:
    names: dict[int, str]
    nodes: list[Node] = field(default_factory=list)
    places: dict[object, int] = field(default_factory=dict)
    alive: list[object] = field(default_factory=list)  # so that no address is used twice

    def add(self, obj: Any, depth: int = 0) -> int:
        """Add an object and its lenders, if it is not there yet; return its place."""
        key = _key(obj)
        if key in self.places:
            return self.places[key]
        pieces = list(holdings(obj))
        self.alive += [obj, pieces]
        place = self.places[key] = len(self.nodes)
        name = _own_name(obj) or self.names.get(id(obj))
        if len(pieces) == 1:
            node = replace(_node_of(pieces[0]), type=type(obj).__name__, name=name)
            self.nodes.append(node)
            lender = self._lender(pieces[0], depth)
            self.nodes[place] = replace(node, lenders=() if lender is None else (lender,))
            self._call(lender, pieces[0].label)
            return place
        self.nodes.append(_whole(obj, name, pieces))
        lenders = dict.fromkeys(self._part(each, depth) for each in pieces)
        self.nodes[place] = replace(self.nodes[place], lenders=tuple(lenders))
        return place

    def _call(self, place: int | None, name: str) -> None:
        if place is not None and name and not self.nodes[place].name:
            self.nodes[place] = replace(self.nodes[place], name=name)

    def _part(self, piece: Holding, depth: int) -> int:
        node = _node_of(piece)
        lender = self._lender(piece, depth)
        if lender is not None and _same_place(self.nodes[lender], node):
            self._call(lender, piece.label)
            return lender
        self.nodes.append(replace(node, lenders=() if lender is None else (lender,)))
        return len(self.nodes) - 1

    def _lender(self, piece: Holding, depth: int) -> int | None:
        lender = piece.lender
        if lender is None or isinstance(lender, Unseen):
            return None
        if depth < _DEEPEST:
            with suppress(TypeError, BufferLifetimeError):
                return self.add(lender, depth + 1)
        # A capsule, say: it keeps the memory and tells nothing of it.
        node = _node_of(piece)
        key = id(lender), node.address, node.span
        if key not in self.places:
            self.alive.append(lender)
            self.places[key] = len(self.nodes)
            kind = type(lender).__name__
            opaque = replace(node, type=kind, name=None, nbytes=node.span, held_by=kind)
            self.nodes.append(replace(opaque, strides=None, run=node.span, steps=()))
        return self.places[key]

    def look_among(self, among: Mapping[str, object]) -> None:
        """Let named objects lend memory whose owner is not seen, where the addresses agree."""
        unseen = [place for place, node in enumerate(self.nodes) if node.held_by and node.span]
        for value in list(among.values()):
            if _is_plainly_owned(value):
                with suppress(TypeError, BufferLifetimeError):
                    self.add(value)
        known = [
            (node, place)
            for place, node in enumerate(self.nodes)
            if not node.lenders and not node.held_by and node.span
        ]
        for place in unseen:
            node = self.nodes[place]
            owners = [at for each, at in known if each.address <= node.address < each.end]
            if owners and node.end <= self.nodes[owners[0]].end:
                self.nodes[place] = replace(node, lenders=(owners[0],))


def _key(obj: Any) -> object:
    # pyarrow makes its buffers anew for each question.
    if _library(obj) == "pyarrow" and type(obj).__name__ == "Buffer":
        return "Buffer", obj.address, obj.size
    return id(obj)


def _is_plainly_owned(value: Any) -> bool:
    # Objects that can be asked without more than a look at a buffer.
    if is_ours(value) or _library(value) == "pandas":
        return True
    try:
        memoryview(value).release()
    except Exception:  # from 3.12 on, a stranger's code may run here
        return False
    return True


def _own_name(obj: Any) -> str | None:
    attribute = "filename" if isinstance(obj, np.memmap) else "name"
    if not (is_ours(obj) or isinstance(obj, np.memmap) or _library(obj) in _NAMING):
        return None
    name = getattr(obj, attribute, None)  # in a message view it may be a field of the wire
    return str(name) if isinstance(name, str | PurePath) and str(name) else None


def _library(obj: object) -> str:
    return type(obj).__module__.partition(".")[0]


def _node_of(piece: Holding) -> Node:
    array = piece.array
    runs = runs_of(array)
    return Node(
        type="part",
        name=piece.label,
        address=runs.address,
        nbytes=array.nbytes,
        span=runs.end - runs.address,
        strides=None if array.flags.forc or not array.size else array.strides,
        read_only=not array.flags.writeable,
        held_by=piece.lender.holder if isinstance(piece.lender, Unseen) else "",
        run=runs.length,
        steps=runs.steps,
    )


def _whole(obj: object, name: str | None, pieces: list[Holding]) -> Node:
    nodes = [node for node in map(_node_of, pieces) if node.span]
    low = min((node.address for node in nodes), default=0)
    high = max((node.end for node in nodes), default=0)
    covered = sum(stop - start for start, stop in union((n.address, n.end) for n in nodes))
    return Node(
        type=type(obj).__name__,
        name=name,
        address=low,
        nbytes=min(sum(node.nbytes for node in nodes), covered),
        span=high - low,
        strides=None,
        read_only=all(node.read_only for node in nodes),
        several=True,
    )


def _same_place(one: Node, other: Node) -> bool:
    return not one.several and all(
        getattr(one, name) == getattr(other, name) for name in ("address", "span", "run", "steps")
    )


def _in_order(nodes: list[Node], first: int) -> tuple[Node, ...]:
    # Only what the object leads to, and what each of these keeps in memory.
    order: dict[int, int] = {}
    waiting = [first]
    while waiting:
        place = waiting.pop()
        if place not in order:
            order[place] = len(order)
            waiting += reversed(nodes[place].lenders)
    kept = _kept(nodes, list(order))
    return tuple(
        replace(
            nodes[place],
            keeps_alive=sum(high - low for low, high in union(kept[place])),
            lenders=tuple(order[each] for each in nodes[place].lenders),
        )
        for place in order
    )


def _kept(nodes: list[Node], places: list[int]) -> dict[int, set[tuple[int, int]]]:
    # The memory of all owners that each node leads to.
    found: dict[int, set[tuple[int, int]]] = {}
    for place in places:
        seen, waiting, owned = {place}, [place], set()
        while waiting:
            node = nodes[waiting.pop()]
            if not node.lenders:
                owned.add((node.address, node.end))
            fresh = [each for each in node.lenders if each not in seen]
            seen.update(fresh)
            waiting += fresh
        found[place] = owned
    return found
