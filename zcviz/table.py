"""Messages of one type, or entries of one of their groups, as columns."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .arrow import Form, arrow_table
from .buffers import Source
from .codec.columns import column_dtype, gather, gather_columns
from .codec.groups import GroupRows, data_rows, group_of, group_rows
from .dates import as_date, instants, is_time
from .errors import BufferLifetimeError, FieldError, Problem, SelectionError
from .frame import data_frame
from .index import OneType
from .render import escape, printable
from .spec import Field, Message, Protocol, WireType
from .values import cells, nulls

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table"]

_SHOWN = 8

if TYPE_CHECKING:
    _Mapping = Mapping[str, NDArray[Any]]
else:

    class _Mapping:  # polars takes a Mapping's values one by one, and never asks for the stream
        get, keys, values, items = Mapping.get, Mapping.keys, Mapping.values, Mapping.items


class Table(_Mapping):
    """Lazily gathered columns: a mapping from field name to an array of ``len(table)``.

    Libraries that speak Arrow take it as it is: ``polars.DataFrame(table)``,
    ``duckdb.sql("select … from table")``, ``pyarrow.table(table)``.

    It is read like any mapping, but is no `collections.abc.Mapping`: of those, polars takes the
    values one by one and never asks for the Arrow stream.

    Data of variable length is a column too, of `bytes` objects. Groups are none: `group` returns
    the entries of one as a table of their own, and in Arrow they are lists.

    Attributes
    ----------
    message : Message
        The specification of the rows.
    offsets : (n,) unsigned [bytes]
        Where each message, or entry, starts; in ascending order. Those of all messages of a type
        are written down when they are first asked for.
    sizes : (n,) unsigned [bytes], or None
        How long each message is.
    problems : tuple of Problem
        Of a table of entries: the first of the messages that were left out because their parts do
        not fit.

    Parameters
    ----------
    source : Source
        What is read.
    message : Message
    offsets : (n,) unsigned, or OneType
    name : str
        What to call the feed.
    sizes : (n,) unsigned, optional
        Needed where the message has groups, or data of variable length.
    protocol : Protocol, optional
        Whose message it is: knows the field that says when, and the time zone.
    date : datetime.date, optional
        The day on which clocks that count from midnight began to count.

    Notes
    -----
    Memory: each column is copied out of the feed when it is first asked for, and kept. The length
    of a table is its number of rows.
    """

    problems: tuple[Problem, ...] = ()
    _blocks: NDArray[Any] | None = None

    def __init__(
        self,
        source: Source,
        message: Message,
        offsets: NDArray[Any] | OneType,
        name: str,
        *,
        sizes: NDArray[Any] | None = None,
        protocol: Protocol | None = None,
        date: datetime.date | None = None,
    ) -> None:
        self.message = message
        self._offsets = offsets
        self.sizes = sizes
        self._source = source
        self._name = name
        self._protocol = protocol
        self._date = date
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self:
            known = ", ".join(self)
            raise FieldError(f"{self.message.name} has no field {name!r}; it has {known}")
        if name not in self._columns:
            data = self._open(name)
            made = self._gather if name in self.message.by_name else self._variable
            self._columns[name] = made(name, data)
        return self._columns[name]

    @property
    def offsets(self) -> NDArray[Any]:
        """Where each message, or entry, starts: (n,) unsigned [bytes]."""
        if isinstance(self._offsets, OneType):
            self._offsets = self._offsets.to_offsets()
        return self._offsets

    @property
    def __zcviz_parts__(self) -> dict[str, NDArray[Any]]:
        return self._columns

    def _gather(self, name: str, data: NDArray[np.uint8]) -> NDArray[Any]:
        if not isinstance(self._offsets, OneType) or self._columns:
            return gather(data, self.offsets, self.message, name, blocks=self._blocks)
        # Often no second column is asked for: then the offsets need not be kept.
        column = np.empty(len(self), column_dtype(self.message[name]))
        done = 0
        for some in self._offsets.blocks():
            gather(data, some, self.message, name, column[done : done + len(some)])
            done += len(some)
        return column

    def _open(self, what: str) -> NDArray[np.uint8]:
        if self._source.closed:
            raise BufferLifetimeError(f"{self._name} is closed, {what!r} not gathered before")
        return self._source.data

    def _variable(self, name: str, data: NDArray[np.uint8]) -> NDArray[Any]:
        found = data_rows(data, self.offsets, self._extents(), self.message, name)
        column = np.full(len(self), b"", object)
        column[found.rows] = _pieces(data, found)
        return column

    def _extents(self) -> NDArray[Any]:
        if self.sizes is None:
            raise SelectionError(f"where the parts of each {self.message.name} end is not known")
        return self.sizes

    def gather(self) -> None:
        """Gather all columns that are not gathered yet: faster than one after another.

        Notes
        -----
        Memory: allocates these columns.
        """
        missing = [name for name in self.message.by_name if name not in self._columns]
        if missing:
            data = self._open(missing[0])
            found = gather_columns(data, self.offsets, self.message, missing, self._blocks)
            self._columns.update(found)

    def __iter__(self) -> Iterator[str]:
        yield from self.message.by_name
        for each in self.message.data:
            yield each.name

    def __len__(self) -> int:
        return len(self._offsets)

    def __contains__(self, name: object) -> bool:
        return name in self.message.by_name or any(name == each.name for each in self.message.data)

    def __bool__(self) -> bool:
        return len(self) > 0

    def rows(self, start: int, stop: int) -> Table:
        """Return some of the rows as a table of their own. Memory: nothing is gathered yet."""
        some = slice(start, stop)
        sizes = None if self.sizes is None else self.sizes[some]
        return Table(
            self._source, self.message, self.offsets[some], self._name,
            sizes=sizes, protocol=self._protocol, date=self._date,
        )  # fmt: skip

    def group(self, path: str, first: int = 0) -> Table:
        """Return the entries of a group, of all messages, as a table of their own.

        Parameters
        ----------
        path : str
            ``"NoMDEntries"``; ``"Outer.Inner"`` for a group inside another.
        first : int
            What number the first message has.

        Returns
        -------
        Table
            Its first column, ``row``, is the number of the message that an entry is in.

        Raises
        ------
        FieldError
            There is no such group.

        Notes
        -----
        Memory: allocates 12 or 16 bytes an entry now, and columns when they are asked for.
        """
        group_of(self.message, path)  # says what groups there are, if not this one
        data = self._open(path)
        found = group_rows(data, self.offsets, self._extents(), self.message, path)
        return _Entries(self, path, found, first)

    def scaled(self, name: str) -> NDArray[np.float64]:
        """Return a column in the unit of its field: prices in dollars, not in 1/10000.

        Raises
        ------
        SelectionError
            The field is no number.

        Notes
        -----
        Memory: allocates the column, 8·n bytes. NaN where the value says "none". A float holds 15
        to 16 decimal digits; keep the integers where the last digit counts, or ask for decimals:
        ``to_arrow(decimals=True)``.
        """
        column, field = self[name], self._field(name)
        if not field.type.is_number:
            raise SelectionError(f"{self.message.name}.{name} is text and has no scale")
        values: NDArray[np.float64] = column / np.float64(10**field.scale)
        missing = nulls(column, field)
        if missing is not None:
            values[missing] = np.nan
        return values

    def times(
        self, date: datetime.date | str | None = None, name: str | None = None
    ) -> NDArray[np.datetime64]:
        """Return when each message was sent, in UTC: (n,) datetime64[ns].

        Parameters
        ----------
        date : datetime.date or str, optional
            The day, such as ``"2020-01-30"``, where the clock counts from midnight and the feed
            does not say of which day; or another day than the feed says.
        name : str, optional
            Another field than the one that says when the message was sent.

        Raises
        ------
        SelectionError
            The day is not known, or the message has no such field.

        Notes
        -----
        Memory: view of the column where it counts nanoseconds since the Unix epoch; allocates
        8·n bytes otherwise. NaT where there is no value. A count from midnight is taken as the
        time elapsed since midnight in the zone of the exchange.
        """
        if name is None:
            name = self._protocol.time if self._protocol else "timestamp"
        column, field = self[name], self._field(name)
        if not is_time(field):
            raise SelectionError(f"{self.message.name}.{name} is no time")
        return instants(column, field, self._zone, self._date if date is None else as_date(date))

    @property
    def _zone(self) -> str:
        return self._protocol.zone if self._protocol else "UTC"

    def _field(self, name: str) -> Field:
        # Columns that are no fields have nothing to be scaled, and no null.
        return self.message.by_name.get(name) or Field(name, WireType("raw", 0))

    def to_arrow(
        self,
        decimals: bool = False,
        dates: bool | datetime.date | str = False,
        dictionaries: bool = True,
    ) -> Any:
        """Return a `pyarrow.Table`.

        Parameters
        ----------
        decimals : bool
            Whether scaled integers, such as prices, become decimal128: exactly, in their unit.
            Otherwise they stay integers, and the metadata of the field says the scale.
        dates : bool, datetime.date or str
            Whether clocks become timestamps with the exchange's time zone; a date, such as
            ``"2020-01-30"``, is the day of clocks that count from midnight, where the feed does
            not say it.
        dictionaries : bool
            Whether text becomes dictionary<int32, string>; else string.

        Returns
        -------
        pyarrow.Table
            Numbers as they are, null where a value says "none"; text without its padding; opaque
            bytes as fixed_size_binary; groups as list<struct>. Codes and flags stay what they are
            on the wire. The metadata of each field says its unit, scale, clock, codes, flags and
            source; that of the schema the feed, protocol, message, and version of zcviz.

        Raises
        ------
        MissingExtraError
            pyarrow is not installed.
        SelectionError
            Timestamps are asked for, and the day is not known.

        Notes
        -----
        Memory: gathers every column. Arrow then shares the memory of those that are numbers, so
        do not write into them; allocates n/8 bytes for a column with nulls, 4·n for one of text,
        16·n for decimals, 8·n for timestamps that do not count from the Unix epoch.
        """
        about = {"feed": self._name, "protocol": self._protocol.name if self._protocol else ""}
        form = self._form(dates, decimals=decimals, dictionaries=dictionaries)
        return arrow_table(self, form, about)

    def _form(self, dates: bool | datetime.date | str, **more: bool) -> Form:
        date = self._date if isinstance(dates, bool) else as_date(dates)
        return Form(dates is not False, date, self._zone, **more)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return `to_arrow()` as the capsule of a C stream, which is how libraries ask for it."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_pandas(self, dates: bool | datetime.date | str = False) -> pd.DataFrame:
        """Return a DataFrame: integers as they are, text without its padding.

        Parameters
        ----------
        dates : bool, datetime.date or str
            Whether clocks become datetimes in the exchange's time zone; as for `to_arrow`.

        Returns
        -------
        pandas.DataFrame
            A column of integers in which a value says "none" is of pandas' nullable type,
            ``UInt32`` for example, and that value is ``<NA>``; one without stays as it is.

        Raises
        ------
        SelectionError
            Datetimes are asked for, and the day is not known.

        Notes
        -----
        Memory: gathers every column. Numbers are then handed over without a further copy, with
        nulls too (and a mask of n bytes), and so are times that count nanoseconds since the Unix
        epoch. Copied are text, into pandas' own form, and other times.
        """
        return data_frame(self, self._form(dates))

    def __repr__(self) -> str:
        what = f"{self.message.name} of {printable(self._name)}"
        return f"<Table {what}: {len(self):,} rows of {', '.join(self)}>"

    def _repr_html_(self) -> str:
        if self._source.closed:
            return f"<pre>{escape(repr(self))}</pre>"
        shown = self.rows(0, _SHOWN)
        head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in shown)
        rows = zip(*(cells(shown[name], self._field(name)) for name in shown), strict=True)
        body = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
        caption = f"{self.message.name} of {self._name}: {len(self):,} rows" + (
            f", the first {_SHOWN} shown" if len(self) > _SHOWN else ""
        )
        return (
            f"<table><caption>{escape(caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class _Entries(Table):
    # Those of a group that were found in `messages`, or some of them.

    def __init__(
        self,
        messages: Table,
        path: str,
        found: GroupRows,
        first: int,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        some = slice(start, len(found) if stop is None else stop)
        entry, owner = group_of(messages.message, path).entry, messages._source
        super().__init__(owner, entry, found.offsets[some], messages._name)
        self._protocol, self._date = messages._protocol, messages._date
        self.problems = tuple(problem for _, problem in found.bad)
        self._messages, self._path, self._found, self._first = messages, path, found, first
        self._some = some
        self._blocks = found.blocks[some]
        self._row = "row" if "row" not in entry.by_name else "row_"
        self._columns[self._row] = found.rows[some] + np.uint32(first)

    def __iter__(self) -> Iterator[str]:
        yield self._row
        yield from super().__iter__()

    def __contains__(self, name: object) -> bool:
        return name == self._row or super().__contains__(name)

    def _variable(self, name: str, data: NDArray[np.uint8]) -> NDArray[Any]:
        of = self._messages
        found = data_rows(data, of.offsets, of._extents(), of.message, f"{self._path}.{name}")
        return _pieces(data, found)[self._some]

    def rows(self, start: int, stop: int) -> Table:
        low, high, _ = slice(start, stop).indices(len(self))
        at = self._some.start
        return _Entries(
            self._messages, self._path, self._found, self._first, at + low, at + max(low, high)
        )

    def group(self, path: str, first: int = 0) -> Table:
        inner = self._messages.group(f"{self._path}.{path}", self._first + first)
        offsets = self._found.offsets
        low, high = (
            int(np.searchsorted(inner.offsets, offsets[edge]))
            if edge < len(offsets)
            else len(inner)
            for edge in (self._some.start, self._some.stop)
        )
        return inner.rows(low, high)


def _pieces(data: NDArray[np.uint8], found: GroupRows) -> NDArray[Any]:
    places = zip(found.offsets.tolist(), found.blocks.tolist(), strict=True)
    return np.fromiter((data[at : at + size].tobytes() for at, size in places), object, len(found))
