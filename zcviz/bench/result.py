"""What a comparison of pipelines says: rows of figures, and their forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SelectionError
from ..render import printable, renderer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """What one stage of one pipeline cost; the stage ``total`` is the whole pipeline.

    Attributes
    ----------
    pipeline, stage, does : str
    ns : float [ns per message]
        From the least of the rounds; a stage's is its share of the total.
    viewed, copied, derived : float [bytes per message]
        As defined in ``trace.ledger``.
    blocks : float [per message]
        Memory blocks that the stage made and that its output is made of while a packet (or block)
        is in flight.
    peak : int [bytes]
        The most memory that the stage held at once, above what there was before it.
    made, allocated, freed : float or None [per message; bytes per message]
        Blocks that were allocated, those included that were freed at once; their bytes, and how
        many of these were freed in the same stage. None: not measured.
    """

    pipeline: str
    stage: str
    does: str
    ns: float
    viewed: float
    copied: float
    derived: float
    blocks: float
    peak: int
    made: float | None = None
    allocated: float | None = None
    freed: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Pipelines side by side.

    Attributes
    ----------
    feed : str
        Name of the feed.
    messages : int
        How many of its messages were compared.
    rounds : int
        How often each pipeline was timed.
    rows : tuple of Row
    host : dict of str to str
        The machine and versions: a figure means nothing without them.
    """

    feed: str
    messages: int
    rounds: int
    rows: tuple[Row, ...]
    host: dict[str, str]

    def total(self, pipeline: str) -> Row:
        """Return a pipeline's row of totals."""
        for row in self.rows:
            if (row.pipeline, row.stage) == (pipeline, "total"):
                return row
        raise SelectionError(f"{pipeline!r} was not compared; these were: {self.pipelines}")

    @property
    def pipelines(self) -> tuple[str, ...]:
        """Names of the pipelines, in order."""
        return tuple(row.pipeline for row in self.rows if row.stage == "total")

    @property
    def sentence(self) -> str:
        """What the figures say, in words: the fastest against copying, or the slowest."""
        totals = sorted((self.total(name) for name in self.pipelines), key=lambda row: row.ns)
        best, worst = totals[0], totals[-1]
        if best is worst:
            return (
                f"{best.pipeline.capitalize()} takes {best.ns:,.1f} ns a message and copies "
                f"{best.copied:,.0f} bytes of it."
            )
        other = worst
        if "copying" in self.pipelines and best.pipeline != "copying":
            other = self.total("copying")
        return (
            f"{best.pipeline.capitalize()} handles {other.ns / best.ns:,.1f} messages in the time "
            f"{other.pipeline} handles one. It copies {best.copied:,.0f} bytes a message, "
            f"{other.pipeline} {other.copied:,.0f}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, as ``zcviz compare --json`` prints it."""
        return asdict(self)

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame, a row a stage."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    def plot(self) -> Any:
        """Return a matplotlib figure: time and bytes per message, stage upon stage.

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        return renderer("comparison")(self)

    def __str__(self) -> str:
        head = (
            "pipeline", "stage", "ns", "copied B", "viewed B", "derived B", "made", "allocated B",
            "blocks", "peak B",
        )  # fmt: skip
        body = [
            (
                row.pipeline if row.stage != "total" else "",
                row.stage,
                f"{row.ns:,.1f}",
                *(f"{each:,.1f}" for each in (row.copied, row.viewed, row.derived)),
                *("not measured" if each is None else f"{each:,.1f}" for each in _made(row)),
                f"{row.blocks:,.3f}",
                f"{row.peak:,}",
            )
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = [_line(row, widths) for row in (head, *body)]
        about = (
            f"{printable(self.feed)}: {self.messages:,} messages, all figures per message but the "
            f"peak; the least of {self.rounds} rounds"
        )
        facts = ", ".join(f"{key} {value}" for key, value in self.host.items())
        return "\n".join([about, "", *lines, "", self.sentence, facts])

    def _repr_html_(self) -> str:
        return str(renderer("comparison table")(self))


def _made(row: Row) -> tuple[float | None, float | None]:
    return row.made, row.allocated


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    text = [cell.ljust(w) for cell, w in zip(cells[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(w) for cell, w in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join(text + numbers).rstrip()
