"""Batches of datagrams into the index, and into the pipelines, as files go."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..detection import candidates
from ..errors import SelectionError
from ..index import Datagrams, MessageIndex
from ..report import Report
from ..scanner import count_into
from ..session import Accounting
from ..spec import Framing, Protocol
from ..table import Table
from .batch import Batch
from .tracker import Tracker
from .traversals import BatchScan, BatchWalk, Stream

__all__ = ["Intake"]


class Intake:
    """Takes in batches of datagrams of one feed, from whichever path.

    What is put through it is counted: by `index`, or by the run of a pipeline that was started on
    it. Of two runs, each needs an intake of its own.

    Parameters
    ----------
    protocol : str
        A key of `zcviz.protocols.FEEDS`.
    framing : str, optional
        How messages stand in datagrams; by default the first of the protocol's framings that has
        datagrams.
    schema : path, optional
        Schema of SBE messages, without which they are found and counted, but not read.

    Attributes
    ----------
    protocol : Protocol
    framing : Framing

    Raises
    ------
    SelectionError
        No such protocol or framing, or one without datagrams.
    SpecError
        The schema contradicts itself.

    Examples
    --------
    >>> from zcviz.receive import room_for, Batch
    >>> intake, batch = Intake("itch50"), Batch(np.empty(0, np.uint8), room_for(0), 0)
    >>> len(intake.index(batch))
    0

    Notes
    -----
    Memory: owns room for 65,536 messages (0.5 MB), and the `Tracker`.
    """

    def __init__(
        self,
        protocol: str = "itch50",
        framing: str | None = None,
        schema: str | os.PathLike[str] | None = None,
    ) -> None:
        ways = [way for way in candidates(protocol, schema) if way.framing.header is not None]
        if not ways:
            raise SelectionError(f"{protocol} has no framing in datagrams")
        chosen = [way for way in ways if framing in (None, way.framing.name)]
        if not chosen:
            names = ", ".join(way.framing.name for way in ways)
            raise SelectionError(
                f"{protocol} has no framing {framing!r} in datagrams; it has {names}"
            )
        self.protocol: Protocol = chosen[0].protocol
        self.framing: Framing = chosen[0].framing
        self._stream = Stream(self.protocol, self.framing)
        self._scan = BatchScan(self._stream)
        self._walk: BatchWalk | None = None
        self._has_run = False

    @property
    def tracker(self) -> Tracker:
        """What became of the sequence numbers."""
        return self._stream.tracker

    # --- for whoever wants the index of a batch

    def index(self, batch: Batch) -> MessageIndex:
        """Find every message of a batch.

        Returns
        -------
        MessageIndex
            Offsets count in ``batch.memory``, and mean something as long as the batch is there.

        Raises
        ------
        BufferLifetimeError
            The batch was released.
        DecodeError
            Its table points outside its memory.

        Notes
        -----
        Memory: allocates the index, which owns its arrays: 7 bytes a message, 24 a datagram.
        """
        self.begin(batch)
        try:
            parts = [self._scan.copied() for _ in iter(self._scan.block, None)]
        finally:
            self.end()
        return parts[0] if len(parts) == 1 else _joined(parts or [self._scan.copied()])

    def table(self, batch: Batch, index: MessageIndex, tag: str | bytes | int) -> Table:
        """Return the messages of one type as lazily gathered columns, as `Feed.table` does.

        A column that is first asked for after the batch was released raises `BufferLifetimeError`;
        those asked for before are copies and stay.
        """
        message = self.protocol[tag]
        varies = bool(message.groups or message.data)
        sizes = index.sizes[index.tags == message.key] if varies else None
        offsets = index.of_type(message.key)
        source: Any = _Lent(batch)
        return Table(source, message, offsets, source.name, sizes=sizes, protocol=self.protocol)

    @property
    def report(self) -> Report:
        """What was met so far beside messages.

        `packets` are the datagrams of all batches. Offsets of problems count the bytes of all
        datagrams, one after another as they came.
        """
        count_into(self._stream.report, self._scan.tally)
        self._scan.tally[:] = 0
        return self._stream.report

    @property
    def accounting(self) -> Accounting:
        """What became of the sequence numbers so far; more in `tracker`."""
        return self.tracker.accounting

    # --- for pipelines: see `pipelines.inputs.Input` and `pipelines.Batches`

    @property
    def view(self) -> memoryview:
        """The memory of the batch that is going through."""
        return memoryview(self._stream.memory)

    def walking(self, *, copies: bool) -> BatchWalk:
        """Begin to walk through the batches that will come."""
        self._take_the_run()
        self._walk = BatchWalk(self._stream, copies=copies)
        return self._walk

    def scanning(self, stepped: int) -> BatchScan:
        """Begin to scan the batches that will come, each as a block."""
        self._take_the_run()
        return self._scan

    def _take_the_run(self) -> None:
        if self._has_run:
            raise SelectionError("another run was started on this intake; each needs its own")
        self._has_run = True

    def begin(self, batch: Batch) -> None:
        """Go on with a batch."""
        self._stream.begin(batch)
        self._scan.rewind()
        if self._walk is not None:
            self._walk.rewind()

    def end(self) -> None:
        """Let go of the batch's memory."""
        if self._walk is not None:
            self._walk.finish()
        self._stream.end()


class _Lent:
    # The memory of a batch, as the source of a table.

    name = "batch"

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    @property
    def closed(self) -> bool:
        return self._batch.released

    @property
    def data(self) -> NDArray[np.uint8]:
        return self._batch.memory


def _joined(parts: list[MessageIndex]) -> MessageIndex:
    # One index of several, made of the same memory.
    offsets, sizes, tags = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("offsets", "sizes", "tags")
    )
    cuts = [part.datagrams for part in parts if part.datagrams is not None]
    columns = {
        each.name: np.concatenate([getattr(cut, each.name) for cut in cuts])
        for each in fields(Datagrams)
    }
    before = np.cumsum([0, *map(len, parts[:-1])])
    columns["firsts"] += np.repeat(before, [len(cut) for cut in cuts]).astype(offsets.dtype)
    return MessageIndex(offsets, sizes, tags, Datagrams(**columns))
