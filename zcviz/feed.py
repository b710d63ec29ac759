"""The front door: open a file, look into it."""

from __future__ import annotations

import datetime
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .buffers import Buffer, Source
from .capture import Capture, open_capture
from .codec.flyweight import Flyweight, view_of
from .codec.record import Record, record_of
from .dates import day_of
from .errors import BufferLifetimeError
from .index import MessageIndex, OneType, build_index
from .kernels import pick
from .records import NO_TIME, open_records
from .render import printable
from .report import Report
from .selection import Selection, first_of, symbol_names, symbols_of
from .session import Accounting, account
from .spec import Message, Protocol
from .table import Table

if TYPE_CHECKING:
    from .book import OrderBook
    from .native import Decoded

__all__ = ["Feed", "open"]


def open(
    source: str | os.PathLike[str] | Buffer,
    protocol: str | None = None,
    schema: str | os.PathLike[str] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Feed:
    """Open a market data file, or bytes that hold one.

    Parameters
    ----------
    source : path or bytes-like
        A capture of packets (pcap, pcapng) or a file of messages (BinaryFILE, SoupBinTCP), in
        gzip or zstd or neither. What it is, is found out from its content.
    protocol : str, optional
        Take the messages for this protocol's instead of finding out.
    schema : path, optional
        Schema in XML, for a protocol of SBE messages. Without it such messages can be found and
        counted, but not read.
    progress : callable (bytes done, bytes in all), optional
        Called while the file is decompressed, and while messages are being found.

    Returns
    -------
    Feed
        To be used in a ``with`` block, or closed.

    Raises
    ------
    ZcvizError
        The content cannot be read, or an argument names what there is not.
    OSError
        The file cannot be opened.

    Notes
    -----
    Memory: maps the file and copies nothing. A compressed file is decompressed first, into memory
    or a temporary file.
    """
    return Feed(open_capture(source, protocol, schema, progress), progress)


class Feed:
    """A market data file: its messages by index, as columns, as views or as records.

    Made by `open`. Messages are found at the first look at any of them.

    Attributes
    ----------
    capture : Capture
        How the bytes are framed.
    """

    def __init__(
        self, capture: Capture, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self.capture = capture
        self._progress = progress
        self._views: weakref.WeakSet[Flyweight] = weakref.WeakSet()

    @property
    def source(self) -> Source:
        """The owner of the feed's bytes."""
        return self.capture.source

    @property
    def __zcviz_owner__(self) -> object:
        return self.source

    @property
    def data(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """All bytes: (n_bytes,) uint8, read-only. Memory: view of the source."""
        self._check_open()
        return self.source.data

    @property
    def name(self) -> str:
        """What to call the feed: its file's name, or the kind of object it was read from."""
        return self.capture.path.name if self.capture.path else self.source.name

    path = property(lambda self: self.capture.path)
    container = property(lambda self: self.capture.container)
    compression = property(lambda self: self.capture.compression)

    @property
    def protocol(self) -> Protocol:
        """The tables by which messages are read."""
        return self.capture.protocol

    @cached_property
    def _indexed(self) -> tuple[MessageIndex, Report]:
        self._check_open()
        return build_index(self.capture, self._progress)

    @property
    def index(self) -> MessageIndex:
        """Where every message is; the same arrays at every access."""
        return self._indexed[0]

    @property
    def report(self) -> Report:
        """What was met beside messages: damage, things passed over."""
        return self._indexed[1]

    @cached_property
    def sequences(self) -> Accounting:
        """Gaps, duplicates and restarts of sequence numbers; zeros for a file without packets."""
        if self.index.datagrams is None:
            return Accounting()
        capture = self.capture
        return account(self.data, self.index.datagrams, capture.framing, capture.protocol)

    @cached_property
    def date(self) -> datetime.date | None:
        """The day, in the exchange's time zone, on which the first packet was captured.

        None for a file without packets: nothing in it says which day it is of.
        """
        self._check_open()
        records, packet = open_records(self.source), np.empty((1, 5), np.int64)
        while records is not None and not records.finished:
            if records.scan(packet):
                time = int(records.times(packet[:, 0])[0])
                return None if time == NO_TIME else day_of(time, self.protocol.zone)
        return None

    def __len__(self) -> int:
        return len(self.index)

    def counts(self) -> dict[str, int]:
        """Return how many messages there are of each type, as on the wire, unknown ones too."""
        text = self.protocol.tag_text
        return {text(tag): count for tag, count in self.index.counts().items()}

    @cached_property
    def symbols(self) -> dict[int, str]:
        """Stock locate to symbol, as the first message that carries both has it."""
        return symbols_of(self.data, self.index, self.protocol)

    @cached_property
    def _symbol_names(self) -> frozenset[str]:
        # Of a feed that has no numbers for them: every symbol that any message carries.
        return symbol_names(self.data, self.index, self.protocol)

    def table(
        self,
        tag: str | bytes | int,
        symbol: str | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
        group: str | None = None,
    ) -> Table:
        """Return the messages of one type as lazily gathered columns.

        Parameters
        ----------
        tag : str, bytes or int
            ``"A"``, ``32``, or the message's name, ``"add_order"``.
        symbol : str, optional
            Only messages of this security.
        start, end : int or str, optional
            Only messages with ``start <= time < end``. Numbers count as the message's time does
            (ITCH: ns since midnight); text reads ``"09:30"``, ``"09:30:00.5"``, in the exchange's
            time zone and, where times count from an epoch, on the day of the capture. A message
            whose time is null is in no span.
        group : str, optional
            The entries of a repeating group of the messages, one a row: ``"NoMDEntries"``, or
            ``"Outer.Inner"`` for one inside another. Their column ``row`` says which of the chosen
            messages an entry is of.

        Returns
        -------
        Table
            A mapping from field name to a native-endian array.

        Raises
        ------
        SelectionError
            No such message type or group, or a symbol that the feed does not have; a time, where
            messages of this type tell none, or a time of day, where the day is not known.
        BufferLifetimeError
            The feed is closed.

        Notes
        -----
        Memory: allocates the messages' offsets now, and each column when it is first asked for.
        """
        self._check_open()
        message = self.protocol[tag]
        # Only messages with parts of varying length need their sizes.
        varies = bool(message.groups or message.data)
        sizes = pick(self.index.sizes, self.index.tags, message.key) if varies else None
        table = self._table(message, OneType(self.index, message.key), sizes)
        chosen = self._select(symbol, start, end)
        if chosen:
            rows = chosen.mask(table)
            sizes = None if sizes is None else pick(sizes, rows)
            table = self._table(message, pick(table.offsets, rows), sizes)
        return table if group is None else table.group(group)

    def _table(
        self,
        message: Message,
        offsets: NDArray[np.unsignedinteger] | OneType,
        sizes: NDArray[np.uint16] | None,
    ) -> Table:
        name, protocol, date = self.name, self.protocol, self.date
        return Table(self.source, message, offsets, name, sizes=sizes, protocol=protocol, date=date)

    def _select(
        self, symbol: str | None, start: int | str | None, end: int | str | None
    ) -> Selection:
        return Selection.of(self, symbol, start, end)

    def views(
        self,
        symbol: str | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
    ) -> Iterator[Flyweight]:
        """Yield every message of a known type as a view, in the order of the feed.

        There is one view object a message type; it is aimed at one message after another. Keep a
        message with ``view.to_record()``.

        Parameters
        ----------
        symbol, start, end
            As for `table`. Messages of types that tell no time are in no span of it.

        Notes
        -----
        Memory: views of the source; they do not keep it alive, and reading one after the feed was
        closed raises `BufferLifetimeError`.
        """
        chosen = self._select(symbol, start, end)
        known = {m.key: view_of(m)() for m in self.protocol if m.tag is not None}
        self._views.update(known.values())
        index, source = self.index, self.source
        for at in range(0, len(index), 4096):  # lists in slices: an index may not fit as one
            tags = index.tags[at : at + 4096].tolist()
            offsets = index.offsets[at : at + 4096].tolist()
            sizes = index.sizes[at : at + 4096].tolist()
            for tag, offset, size in zip(tags, offsets, sizes, strict=True):
                view = known.get(tag)
                if view is None:
                    continue
                # Asked for anew: the feed may have been closed.
                view.wrap(source.view, offset, size)
                if not chosen or chosen.takes(view):
                    yield view

    def records(
        self,
        symbol: str | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
    ) -> Iterator[Record]:
        """Yield every message of a known type as a named tuple that owns its values.

        Parameters are those of `views`. Memory: copies each message.
        """
        decoders = {m.key: record_of(m) for m in self.protocol if m.tag is not None}
        for view in self.views(symbol, start, end):
            yield decoders[view.message.key](view._buffer, view._at)

    def decode(
        self,
        *,
        tags: Iterable[str] | None = None,
        threads: int | None = None,
        layout: Literal["rows", "columns"] = "rows",
    ) -> Decoded:
        """Decode every field of every message, or of those of some types.

        Parameters are those of `native.decode`; an index is used if there is one already.

        Notes
        -----
        Memory: copies every field, into memory that the result owns: the feed may be closed.
        """
        from .native import decode

        self._check_open()
        made = self.__dict__.get("_indexed")
        index = None if made is None else made[0]
        return decode(self.capture, index, tags=tags, threads=threads, layout=layout)

    def book(self, symbol: str, messages: int | None = None) -> OrderBook:
        """Return the order book of a security after the first messages of the feed, or all."""
        from .book import feed_book

        return feed_book(self, symbol, messages)

    def info(self) -> dict[str, Any]:
        """Return what ``zcviz info --json`` prints."""
        report = self.report
        cut = report.truncated
        return {
            "file": self.capture.label,
            "container": self.container,
            "compression": self.compression,
            "protocol": self.protocol.name,
            "packets": report.packets,
            "datagrams": report.datagrams,
            "heartbeats": report.heartbeats,
            "messages": len(self),
            "counts": self.counts(),
            **{name: getattr(self.sequences, name) for name in (
                "gaps", "missing", "duplicates", "restarts", "unsequenced")},
            "truncated": cut and {"offset": cut[0], "bytes": cut[1]},
            "skipped": report.skipped,
            "errors": [asdict(each) for each in report.problems],
            "errors_total": report.problems_total,
        }  # fmt: skip

    def head(self, messages: int) -> Feed:
        """Return a feed of the first messages only: whole packets, at least `messages` of them.

        Raises
        ------
        SelectionError
            Not a whole number, or below 0.

        Notes
        -----
        Memory: view of the same bytes. Close it before this feed.
        """
        index, framing = self.index, self.capture.framing
        messages = first_of(messages, len(self))
        if messages == len(self):
            stop = self.source.size
        elif index.datagrams is None:
            assert framing.prefix is not None
            stop = int(index.offsets[messages]) - framing.prefix.size
        else:
            carrier = int(index.datagrams.of_messages(messages - 1)) + 1
            records = index.datagrams.to_records()
            stop = int(records[carrier]) if carrier < len(records) else self.source.size
        return Feed(self.capture.head(stop))

    def _check_open(self) -> None:
        if self.source.closed:
            raise BufferLifetimeError(f"{self.name} is closed")

    def close(self) -> None:
        """Let go of the file.

        Views that the feed made are revoked: reading one raises `BufferLifetimeError`.

        Raises
        ------
        BufferLifetimeError
            Arrays or memoryviews into the map are still alive; the message names them, and the
            feed stays open.
        """
        self._close(explain=True)

    def _close(self, *, explain: bool) -> None:
        try:
            self.source.close(explain=explain)
        except BufferLifetimeError:
            for view in self._views:  # still open, and the source made its view anew
                view.renew(self.source.view)
            raise
        for view in self._views:
            view.revoke()

    def __enter__(self) -> Feed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        interrupted = error is not None and not isinstance(error, Exception)
        try:
            self._close(explain=not interrupted)  # somebody waits for the end, not for reasons
        except BufferLifetimeError as refused:
            if error is None:
                raise
            error.add_note(f"zcviz: {refused}")  # the first error is the one to see

    def __repr__(self) -> str:
        kind = f"{self.protocol.name} in {self.container}"
        packed = f", {self.compression}" if self.compression else ""
        state = "closed" if self.source.closed else f"{self.source.size:,} bytes"
        return f"<Feed {printable(self.name)}: {kind}{packed}, {state}>"
