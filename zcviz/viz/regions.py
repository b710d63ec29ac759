"""From the nodes of a provenance to what its picture shows: regions of memory, windows on them.

A region is the memory of one owner; owners that have bytes in common share one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from ..render import size_text
from ..trace import Node, Provenance

__all__ = ["Look", "Region", "regions_of"]


@dataclass(frozen=True, slots=True)
class Look:
    """A window: bytes `start` to `end` of a region, looked at through an object.

    Attributes
    ----------
    label : str
    start, end : int [bytes]
        Counted from the first byte of the region.
    run : int [bytes]
    steps : tuple of (count, stride)
        The bytes are runs that repeat.
    asked : bool
        Whether this is the object that was asked for, or a piece of it.
    """

    label: str
    start: int
    end: int
    run: int
    steps: tuple[tuple[int, int], ...]
    asked: bool

    @property
    def size(self) -> int:
        """From its first to its last byte [bytes]."""
        return self.end - self.start

    def runs(self, most: int) -> list[tuple[int, int]]:
        """Return start and end of each run; of all together where there are more than `most`."""
        starts = [self.start]
        for count, stride in self.steps:
            if count * len(starts) > most:
                return [(self.start, self.end)]
            starts = [at + number * stride for at in starts for number in range(count)]
        return [(at, at + self.run) for at in sorted(starts)]


@dataclass(frozen=True, slots=True)
class Region:
    """Memory of one owner.

    Attributes
    ----------
    label : str
    address, size : int [bytes]
    unseen : bool
        Whether Python cannot see who owns it.
    asked : bool
        Whether it is itself what was asked for.
    looks : tuple of Look
        The owner's side first, the object last.
    """

    label: str
    address: int
    size: int
    unseen: bool
    asked: bool
    looks: tuple[Look, ...]

    @property
    def lens(self) -> tuple[int, int] | None:
        """The part that the small windows are in, with some room around; None without any."""
        small = [each for each in self.looks if each.size < self.size]
        if not small:
            return None
        low, high = min(each.start for each in small), max(each.end for each in small)
        room = max(1, (high - low) // 3)
        return max(0, low - room), min(self.size, high + room)


def regions_of(found: Provenance, most: int) -> tuple[list[Region], list[int]]:
    """Return the first `most` regions, as their owners are met, and the sizes of the others."""
    spanned = [(p, n) for p, n in enumerate(found.nodes) if n.span and not n.several]
    spans = _merged([each for each in spanned if not each[1].lenders])
    starts = [low for low, _, _ in spans]

    def is_astray(node: Node) -> bool:
        near = bisect_right(starts, node.end - 1) - 1
        return near < 0 or spans[near][1] <= node.address

    # Who looks where none of the owners has memory gets a region of his own.
    astray = [each for each in spanned if each[1].lenders and is_astray(each[1])]
    order = sorted([*spans, *_merged(astray)], key=lambda span: span[2])
    far = _distances(found)
    drawn = [_region(found, spanned, far, low, high) for low, high, _ in order[:most]]
    return drawn, [high - low for low, high, _ in order[most:]]


def _merged(nodes: list[tuple[int, Node]]) -> list[tuple[int, int, int]]:
    # Start and end of memory that overlaps, and the place of the first node in it.
    spans: list[tuple[int, int, int]] = []
    for place, node in sorted(nodes, key=lambda each: each[1].address):
        if spans and node.address < spans[-1][1]:
            low, high, first = spans[-1]
            spans[-1] = low, max(high, node.end), min(first, place)
        else:
            spans.append((node.address, node.end, place))
    return spans


def _region(
    found: Provenance, spanned: list[tuple[int, Node]], far: list[int], low: int, high: int
) -> Region:
    first = found.nodes[0]
    asked = {0, *first.lenders} if first.several else {0}
    inside = [(p, n) for p, n in spanned if n.address < high and low < n.end]
    whole = [p for p, n in inside if not n.lenders and (n.address, n.end) == (low, high)]
    owner = found.nodes[whole[0]] if whole else None
    looks = [
        _look(node, low, high, place in asked)
        for place, node in sorted(inside, key=lambda each: (-far[each[0]], each[0]))
        if node is not owner
    ]
    size = size_text(high - low)
    if owner and not owner.held_by:
        label = f"{owner.label} owns {size}"
    else:
        holder = f"held by {owner.held_by}" if owner else "of several objects"
        label = f"{owner.label if owner else 'memory'}, {size}, {holder}"
    unseen = any(node.held_by for _, node in inside if not node.lenders)
    is_asked = bool(whole) and whole[0] in asked
    return Region(label, low, high - low, unseen, is_asked, tuple(looks))


def _distances(found: Provenance) -> list[int]:
    # From the object that was asked for, in steps.
    far = [0] * len(found.nodes)
    waiting = [0]
    for place in waiting:
        for lender in found.nodes[place].lenders:
            if lender and not far[lender]:
                far[lender] = far[place] + 1
                waiting.append(lender)
    return far


def _look(node: Node, low: int, high: int, asked: bool) -> Look:
    label = f"{node.label} sees {size_text(node.nbytes)}"
    count = 1
    for number, _ in node.steps:
        count *= number
    if len(node.steps) == 1:
        label += f": {node.run:,} of every {node.steps[0][1]:,} B"
    elif node.steps:
        label += f": {count:,} × {node.run:,} B"
    start, end = max(node.address, low) - low, min(node.end, high) - low
    if (node.address, node.end) != (start + low, end + low):
        return Look(f"{label}, reaches beyond", start, end, end - start, (), asked)
    return Look(label, start, end, node.run, node.steps, asked)
