"""Messages of one type as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .buffers import Source
from .codec.columns import gather
from .errors import BufferLifetimeError, FieldError, SelectionError
from .render import escape, printable
from .spec import Message

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table"]

_SHOWN = 8


class Table(Mapping[str, NDArray[Any]]):
    """Lazily gathered columns: a mapping from field name to an array of ``len(table)``.

    Attributes
    ----------
    message : Message
        The specification of the rows.
    offsets : (n,) unsigned [bytes]
        Where each message starts.

    Notes
    -----
    Memory: each column is copied out of the feed when it is first asked for, and kept. The length
    of a table is its number of rows.
    """

    def __init__(self, source: Source, message: Message, offsets: NDArray[Any], name: str) -> None:
        self.message = message
        self.offsets = offsets
        self._source = source
        self._name = name
        self._columns: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.message.by_name:
            known = ", ".join(self.message.by_name)
            raise FieldError(f"{self.message.name} has no field {name!r}; it has {known}")
        if name not in self._columns:
            if self._source.closed:
                raise BufferLifetimeError(f"{self._name} is closed, {name!r} not gathered before")
            self._columns[name] = gather(self._source.data, self.offsets, self.message, name)
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.message.by_name)

    def __len__(self) -> int:
        return len(self.offsets)

    def __contains__(self, name: object) -> bool:
        return name in self.message.by_name

    def __bool__(self) -> bool:
        return len(self.offsets) > 0

    def rows(self, start: int, stop: int) -> Table:
        """Return some of the rows as a table of their own. Memory: nothing is gathered yet."""
        return Table(self._source, self.message, self.offsets[start:stop], self._name)

    def scaled(self, name: str) -> NDArray[np.float64]:
        """Return a column in the unit of its field: prices in dollars, not in 1/10000.

        Raises
        ------
        SelectionError
            The field is no number.

        Notes
        -----
        Memory: allocates the column, 8·n bytes. A float holds 15 to 16 decimal digits; keep the
        integers where the last digit counts.
        """
        column, field = self[name], self.message[name]
        if not field.type.is_number:
            raise SelectionError(f"{self.message.name}.{name} is text and has no scale")
        return column / np.float64(10**field.scale)

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame: integers as they are, text without its padding.

        Notes
        -----
        Memory: gathers every column. Integer columns are then handed over without a further copy;
        text is copied into pandas' own form.
        """
        import pandas as pd

        columns = {
            name: _text(self[name]) if self[name].dtype.kind == "S" else self[name] for name in self
        }
        return pd.DataFrame(columns, copy=False)

    def __repr__(self) -> str:
        names = ", ".join(self)
        return (
            f"<Table {self.message.name} of {printable(self._name)}: {len(self):,} rows of {names}>"
        )

    def _repr_html_(self) -> str:
        if self._source.closed:
            return f"<pre>{escape(repr(self))}</pre>"
        shown = self.rows(0, _SHOWN)
        head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in shown)
        rows = zip(*(_cells(shown[name]) for name in shown), strict=True)
        body = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
        caption = f"{self.message.name} of {self._name}: {len(self):,} rows" + (
            f", the first {_SHOWN} shown" if len(self) > _SHOWN else ""
        )
        return (
            f"<table><caption>{escape(caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _text(column: NDArray[Any]) -> NDArray[Any]:
    # Latin-1 takes every byte; a feed repeats few texts, so each is decoded once.
    values, which = np.unique(column, return_inverse=True)
    texts = np.array([each.decode("latin-1").rstrip(" ") for each in values.tolist()], object)
    return texts[which] if len(texts) else np.empty(0, object)


def _cells(column: NDArray[Any]) -> list[str]:
    if column.dtype.kind == "S":
        return [ascii(text)[1:-1] for text in _text(column)]
    return [str(value) for value in column.tolist()]
