"""What was seen during a run, sample by sample."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from .sample import HEAD, PATH, SENDER, Sample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Record"]

LONGEST = 12_000  # samples: ten minutes


class Record:
    """The figures of the last ten minutes; histograms are left out.

    Parameters
    ----------
    paths : sequence of str

    Attributes
    ----------
    columns : list of str
        ``"sender.…"`` and ``"<path>.…"`` but for the first ones.

    Notes
    -----
    Memory: allocated at once, 60 to 100 figures a sample.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.columns = [*HEAD, *(f"sender.{name}" for name in SENDER)]
        self.columns += [f"{path}.{name}" for path in paths for name in PATH]
        self._rows = np.zeros((LONGEST, len(self.columns)), np.float64)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, LONGEST)

    def add(self, sample: Sample) -> None:
        """Write down a sample; the oldest makes room."""
        self._rows[self._count % LONGEST] = sample.figures()
        self._count += 1

    def _in_order(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        if self._count <= LONGEST:
            return self._rows[: self._count]
        return np.roll(self._rows, -(self._count % LONGEST), axis=0)

    def to_frame(self) -> pd.DataFrame:
        """Return the samples as a table, a row each. Memory: copies them."""
        import pandas as pd

        return pd.DataFrame(self._in_order().copy(), columns=self.columns)

    @overload
    def to_csv(self) -> str: ...
    @overload
    def to_csv(self, path: str | os.PathLike[str]) -> None: ...
    @overload
    def to_csv(self, path: None) -> str: ...

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Write the samples as CSV; without a path, return the text. What is unknown is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self._in_order().tolist():
            writer.writerow(["" if value != value else f"{value:.10g}" for value in row])  # noqa: PLR0124
        if path is None:
            return text.getvalue()
        Path(path).write_text(text.getvalue(), encoding="utf-8")
        return None
