"""Messages as files, one for each type, named by the message."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from .feed import Feed
from .spec import Message
from .table import Table

__all__ = ["export_csv"]

_ROWS = 1 << 17  # rows in memory at a time


def export_csv(
    feed: Feed,
    directory: Path,
    messages: Sequence[Message],
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Path, int]]:
    """Write one CSV file a message type; yield each path and its number of rows.

    Integers stand as on the wire, unscaled; text without its padding.

    Notes
    -----
    Memory: gathers 131,072 rows at a time.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tables = [feed.table(message.name) for message in messages]
    total, done = sum(map(len, tables)), 0
    for table in tables:
        path = directory / f"{table.message.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            for at in range(0, max(1, len(table)), _ROWS):
                rows = table.rows(at, at + _ROWS)
                rows.to_pandas().to_csv(
                    file, index=False, header=at == 0, lineterminator="\n", quoting=_quoting(rows)
                )
                done += len(rows)
                progress(done, total)
        yield path, len(table)


def _quoting(rows: Table) -> Literal[0, 2]:
    # Before Python 3.13 the csv module leaves a carriage return bare, and readers break the row.
    texts = (rows[name] for name in rows if rows[name].dtype.kind == "S")
    odd = any(b"\r" in text.tobytes() for text in texts)
    return csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL
