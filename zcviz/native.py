"""Full decoding: every field of every message, in native form.

Of a BinaryFILE, in one pass: a message's row is made as its length and tag are read, and anything
unusual is left to the kernel that makes the index. Of everything else, from the index.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .capture import Capture
from .chunks import Chunk
from .decoding import Plan, Stretch
from .errors import FieldError, SelectionError
from .forms import choose_form, forms, native_dtype_of
from .index import MessageIndex, build_index
from .kernels.frames import LENGTH_SIZE
from .report import MAX_PROBLEMS, Report
from .spec import Message, Protocol

__all__ = ["Decoded", "Rows", "decode", "forms", "native_dtype_of"]

_PER_THREAD = 1 << 24
"""Bytes that a thread is worth starting for."""
_ALIKE, _SEARCHED = 16, 1 << 16
"""Messages in a row that make a position look like a message's; bytes in which it is looked for."""


class Rows:
    """The messages of one type in native form, in the order of the feed.

    Attributes
    ----------
    message : Message
    dtype : numpy.dtype
        Of a row.
    chunks : tuple of ndarray, or of mappings from field name to ndarray
        Arrays of rows, or columns, of some messages each.

    Notes
    -----
    Memory: owns its values; none of them looks into the feed. The length is the number of messages.
    """

    def __init__(self, message: Message, chunks: Iterable[Chunk]) -> None:
        self.message = message
        self.dtype = native_dtype_of(message)
        self.chunks = tuple(chunks)

    def __len__(self) -> int:
        first = next(iter(self.dtype.names or ()))
        return sum(len(chunk[first]) for chunk in self.chunks)

    def __getitem__(self, name: str) -> tuple[NDArray[Any], ...]:
        """Return a field of each chunk. Memory: views; strided where chunks are rows."""
        names = self.dtype.names or ()
        if name not in names:
            known = ", ".join(names)
            raise FieldError(f"{self.message.name} has no field {name!r}; it has {known}")
        return tuple(chunk[name] for chunk in self.chunks)

    def column(self, name: str) -> NDArray[Any]:
        """Return a field of all messages in one piece: (n,). Memory: allocates it."""
        return np.concatenate([np.empty(0, self.dtype[name]), *self[name]])

    def __repr__(self) -> str:
        return f"<Rows {self.message.name}: {len(self):,} in {len(self.chunks):,} chunks>"


class Decoded(Mapping[str, Rows]):
    """Every message, by type: a mapping from tag, as text, to `Rows`.

    It has each type that was asked for, also those without a message; a message's name does as
    well, as in ``decoded["add_order"]``.

    Attributes
    ----------
    form : str
        How rows were made; see ``zcviz.forms``.
    unknown : dict of str to int
        Tag, as text, to number of messages, of types that the protocol does not have.
    report : Report or None
        What was met beside messages; None if an index was given, which has its own.
    """

    def __init__(
        self,
        protocol: Protocol,
        rows: Iterable[Rows],
        form: str,
        unknown: Mapping[int, int],
        report: Report | None,
    ) -> None:
        self._protocol = protocol
        self._rows = {each.message.tag_text: each for each in rows}
        self.form, self.report = form, report
        self.unknown = {protocol.tag_text(tag): count for tag, count in unknown.items()}

    def __getitem__(self, tag: str) -> Rows:
        text = self._protocol[tag].tag_text
        if text not in self._rows:
            raise SelectionError(f"{tag!r} was not decoded; {', '.join(self._rows)} were")
        return self._rows[text]

    def __contains__(self, tag: object) -> bool:
        return tag in self._protocol and self._protocol[tag].tag_text in self._rows  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        total = sum(map(len, self._rows.values()))
        return f"<Decoded {self._protocol.name}: {total:,} messages of {len(self)} types>"


def decode(
    capture: Capture,
    index: MessageIndex | None = None,
    *,
    tags: Iterable[str] | None = None,
    threads: int | None = None,
    layout: Literal["rows", "columns"] = "rows",
    form: str | None = None,
) -> Decoded:
    """Decode every field of every message.

    Parameters
    ----------
    capture : Capture
    index : MessageIndex, optional
        Where messages are. Without it, messages of a BinaryFILE are found on the way, and an index
        is made of anything else.
    tags : iterable of str, optional
        Only messages of these types, by tag or by name.
    threads : int, optional
        By default as many as there are processors, and fewer for a small file.
    layout : {"rows", "columns"}
        Whether the values of a message lie together, and columns are strided views; or the values
        of a field do.
    form : str, optional
        How to make rows; by default the fastest way that this machine has.

    Returns
    -------
    Decoded

    Raises
    ------
    SelectionError
        No such message type, or form.
    TruncatedError
        The index is of other bytes: a message reaches past the end of these.

    Notes
    -----
    Memory: copies every field, into memory that the result owns. Beside that, allocates nothing
    that grows with the file other than an index, where one has to be made.
    """
    plan = Plan(capture, tags, layout, choose_form(form))
    size = capture.source.size - capture.start
    threads = max(1, threads or min(_processors(), 1 + size // _PER_THREAD))
    report: Report | None = None
    if index is None and capture.framing.name == "binaryfile":
        stretches = _decode_stream(plan, threads)
        report = _joined([each.scanner.report() for each in stretches])
    else:
        if index is None:
            index, report = build_index(capture)
        stretches = _decode_index(plan, index, threads)
    rows = [
        Rows(message, [chunk for each in stretches for chunk in each.chunks.kept[key]])
        for key, message in plan.messages.items()
    ]
    counts: Mapping[int, int] = {}
    if index is None:
        sums = np.sum([each.unknown for each in stretches], axis=0)
        counts = {tag: int(sums[tag]) for tag in np.flatnonzero(sums).tolist()}
    elif sum(map(len, rows)) < len(index):  # counting takes a third as long as decoding
        known = {message.key for message in capture.protocol}
        counts = {tag: count for tag, count in index.counts().items() if tag not in known}
    return Decoded(capture.protocol, rows, plan.form, counts, report)


def _processors() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _decode_index(plan: Plan, index: MessageIndex, threads: int) -> list[Stretch]:
    cuts = [len(index) * i // threads for i in range(threads + 1)]
    nbytes = plan.capture.source.size // threads
    stretches = [Stretch(plan, *some, nbytes) for some in pairwise(cuts)]
    _run(plan, stretches, lambda stretch: stretch.decode_messages(index))
    return stretches


def _decode_stream(plan: Plan, threads: int) -> list[Stretch]:
    # Each thread but the first begins at a guess. What comes of it counts if the one before it
    # ends exactly there, for then the guess is on the chain of lengths from the start of the file.
    # If not, that stretch is decoded again.
    first, last = plan.capture.start, plan.capture.source.size
    guesses = {_landing(plan, first + (last - first) * i // threads) for i in range(1, threads)}
    cuts = [first, *sorted(guesses - {first, last}), last]
    guessed = [_stretch_of_stream(plan, *some) for some in pairwise(cuts)]
    _run(plan, guessed, Stretch.decode_stream)
    stretches, position = [], first
    for stretch in guessed:
        if stretch.start != position:
            stretch = _stretch_of_stream(plan, position, stretch.stop)  # noqa: PLW2901
            stretch.decode_stream()
        stretches.append(stretch)
        position = stretch.scanner.position
        if stretch.scanner.finished:
            break
    return stretches


def _stretch_of_stream(plan: Plan, start: int, stop: int) -> Stretch:
    return Stretch(plan, start, stop, stop - start)


def _landing(plan: Plan, near: int) -> int:
    # Where some frames follow each other whose lengths are as documented.
    view, expected = plan.capture.source.view, plan.expected.tolist()
    last = min(len(view) - LENGTH_SIZE, near + _SEARCHED)
    for start in range(near, last):
        position = start
        for _ in range(_ALIKE):
            body = position + LENGTH_SIZE
            size = view[position] << 8 | view[position + 1] if body < len(view) else 0
            if not size or expected[view[body]] != size:
                break
            position = body + size
        else:
            return start
    return len(view)


def _run(plan: Plan, stretches: list[Stretch], work: Callable[[Stretch], None]) -> None:
    if len(stretches) == 1:
        work(stretches[0])
        return
    with ThreadPoolExecutor(len(stretches)) as pool:
        try:
            list(pool.map(work, stretches))
        except BaseException:
            plan.interrupted = True
            raise


def _joined(reports: list[Report]) -> Report:
    whole, *others = reports
    for other in others:
        whole.ends += other.ends
        whole.problems = (whole.problems + other.problems)[:MAX_PROBLEMS]
        whole.problems_total += other.problems_total
        whole.truncated = other.truncated
    return whole
