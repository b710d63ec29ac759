"""Messages as files, one for each type, named by the message.

Written in blocks, so that memory does not grow with the feed.
"""

from __future__ import annotations

import csv
import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from .arrow import load
from .errors import SelectionError
from .feed import Feed
from .spec import Message
from .table import Table

__all__ = ["FORMATS", "export"]

_ROWS = 1 << 17
_REACH = 1 << 26
"""A block has at most so many messages, and if it has several, within so many bytes of the feed: it
is small where messages are long, and where they are rare it touches few pages of the file."""


def _unseen(done: int, total: int) -> None:
    pass


def export(
    feed: Feed,
    directory: str | os.PathLike[str],
    format: str,
    types: Sequence[str | bytes | int] | None = None,
    progress: Callable[[int, int], None] = _unseen,
) -> Iterator[tuple[Path, int]]:
    """Write one file a message type; yield each path and its number of rows when it is done.

    Nothing is written before the result is iterated over.

    Parameters
    ----------
    feed : Feed
    directory : path
        Made if there is none.
    format : {"csv", "parquet", "arrow"}
    types : sequence of str, bytes or int, optional
        Tags or names of messages; those that occur where not given.
    progress : callable (rows done, rows in all), optional

    Raises
    ------
    SelectionError
        No such format, or no such message; or none of the messages is of a known type.
    MissingExtraError
        Parquet and Arrow need pyarrow.
    OSError
        A file cannot be written. A file of before is replaced when the new one is whole; what was
        written of it until an error is removed.

    Notes
    -----
    Memory: gathers 131,072 rows at a time, fewer of long messages and of rare ones.

    Values stand as on the wire, text without its padding. Parquet and Arrow files carry the
    metadata that `Table.to_arrow` gives. Entries of groups are lists in their message's row; in
    CSV they have a file of their own, ``message.group.csv``, with the row of their message.
    """
    if format not in FORMATS:
        raise SelectionError(f"no format {format!r}: expected one of {', '.join(FORMATS)}")
    if format != "csv":
        load()  # before anything is made
    directory = Path(directory)
    protocol, counts = feed.protocol, feed.counts()
    if types is None:
        types = [tag for tag in counts if tag in protocol or not len(protocol)]
        if counts and not types:
            raise SelectionError(f"{feed.name}: no message of a type that {protocol.name} knows")
    messages = list(dict.fromkeys(protocol[tag] for tag in types))
    directory.mkdir(parents=True, exist_ok=True)
    names, done = _Names(), 0
    parts = [(message, part) for message in messages for part in _parts(message, format)]
    total = sum(counts.get(message.tag_text, 0) for message, _ in parts)

    def blocks(table: Table, part: tuple[str, ...]) -> Iterator[Table]:
        nonlocal done
        for at, stop in _cuts(table):
            rows = table.rows(at, stop)
            yield rows.group(".".join(part), at) if part else rows
            done += len(rows)
            progress(done, total)
            feed.source.forget()

    for message, part in parts:
        path = directory / f"{names.of(message.name, *part)}.{format}"
        with _replacing(path) as file:
            rows = FORMATS[format](file, blocks(feed.table(message.name), part))
        yield path, rows


def _parts(message: Message, format: str) -> Iterator[tuple[str, ...]]:
    # The messages themselves; where rows are flat, each group too, at any depth.
    yield ()
    for group in message.groups if format == "csv" else ():
        for inner in _parts(group.entry, format):
            yield group.name, *inner


def _cuts(table: Table) -> Iterator[tuple[int, int]]:
    # One at least: a file without rows has its columns.
    at, offsets = 0, table.offsets
    while at < len(table) or not at:
        some = offsets[at : at + _ROWS].astype(np.uint64)
        reach = int(np.searchsorted(some, some[:1].sum() + _REACH))
        yield at, at + max(1, reach)
        at += max(1, reach)


class _Names:
    """Names of files, out of names that a schema made up."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, *parts: str) -> str:
        # Nothing that a file system takes for more than a letter; Windows keeps names for devices.
        safe = ".".join(re.sub(r"[^\w-]", "_", part, flags=re.ASCII)[:60] or "_" for part in parts)
        if re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", safe, re.IGNORECASE):
            safe = f"_{safe}"
        while safe.lower() in self._taken:
            safe += "_"
        self._taken.add(safe.lower())
        return safe


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    # Nobody finds half a file under the name of a whole one.
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def _csv(file: IO[bytes], blocks: Iterator[Table]) -> int:
    count = 0
    with TextIOWrapper(file, encoding="utf-8", newline="") as text:
        for number, block in enumerate(blocks):
            block.to_pandas().to_csv(
                text, index=False, header=not number, lineterminator="\n", quoting=_quoting(block)
            )
            count += len(block)
    return count


def _quoting(rows: Table) -> Literal[0, 2]:
    # Before Python 3.13 the csv module leaves a carriage return bare, and readers break the row.
    texts = (rows[name] for name in rows if rows[name].dtype.kind in "SO")
    odd = any(b"\r" in (t.tobytes() if t.dtype.kind == "S" else b"".join(t)) for t in texts)
    return csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL


def _parquet(file: IO[bytes], blocks: Iterator[Table]) -> int:
    pq = load("pyarrow.parquet")
    tables = (block.to_arrow() for block in blocks)
    return _written(tables, lambda schema: pq.ParquetWriter(file, schema, **_packing(schema)))


def _arrow(file: IO[bytes], blocks: Iterator[Table]) -> int:
    ipc = load("pyarrow.ipc")
    tables = (block.to_arrow(dictionaries=False) for block in blocks)
    return _written(tables, lambda schema: ipc.new_file(file, schema))


def _written(tables: Iterator[Any], start: Callable[[Any], Any]) -> int:
    # One block is written by a thread of its own while the next one is gathered.
    first = next(tables)
    count = 0
    before: Future[None] | None = None
    with start(first.schema) as writer, ThreadPoolExecutor(1) as pool:
        for table in chain([first], tables):
            if before:
                before.result()
            before = pool.submit(writer.write_table, table)
            count += len(table)
        assert before
        before.result()
    return count


def _packing(schema: Any) -> dict[str, Any]:
    """Return how the columns of a Parquet file are encoded.

    As measured on the synthetic day: PLAIN integers take three times the room of
    DELTA_BINARY_PACKED ones, and zstd over these saves a tenth for a third more time; snappy
    then costs next to nothing, and is there for what else may come. Statistics of text take as
    long as its encoding, and tell nothing where every block holds every symbol.
    """
    types = load().types
    leaves = dict(_leaves(schema))
    whole = [n for n, t in leaves.items() if types.is_integer(t) or types.is_timestamp(t)]
    texts = [name for name, type_ in leaves.items() if types.is_dictionary(type_)]
    return {
        "compression": "snappy",
        "use_dictionary": texts,
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        "write_statistics": [name for name in leaves if name not in texts],
    }


def _leaves(fields: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    types = load().types
    for field in fields:
        if types.is_list(field.type):
            yield from _leaves(field.type.value_type, f"{above}{field.name}.list.element.")
        else:
            yield f"{above}{field.name}", field.type


FORMATS: dict[str, Callable[[IO[bytes], Iterator[Table]], int]] = {
    "csv": _csv,
    "parquet": _parquet,
    "arrow": _arrow,
}
