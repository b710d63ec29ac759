"""The ledger of any functions in a row: what each viewed, copied, derived, made and freed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ..render import printable, renderer, size_text
from .holdings import holdings
from .ledger import Entry, Ledger
from .memory import bounds
from .watch import amounts, watch

__all__ = ["Account", "AccountRow", "ledger_of"]


@dataclass(frozen=True, slots=True)
class AccountRow:
    """What one function did.

    Attributes
    ----------
    stage : str
        Its name.
    viewed, copied, derived : int [bytes]
        Of what it returned, as `trace.ledger` defines them.
    made, allocated, freed : int or None [1, bytes, bytes]
        Blocks that it allocated, those included that were freed at once; their bytes, and how many
        of these it freed again. None: not measured.
    """

    stage: str
    viewed: int
    copied: int
    derived: int
    made: int | None
    allocated: int | None
    freed: int | None


@dataclass(frozen=True, repr=False)
class Account:
    """What functions in a row did.

    Attributes
    ----------
    rows : tuple of AccountRow
    result : object
        What the last one returned.
    """

    rows: tuple[AccountRow, ...]
    result: Any = field(repr=False)

    @property
    def total(self) -> AccountRow:
        """All of them together."""
        amounts: list[Any] = []
        for name in AccountRow.__slots__[1:]:
            each = [getattr(row, name) for row in self.rows]
            amounts.append(None if None in each else sum(each))
        return AccountRow("total", *amounts)

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        total = self.total
        text = f"{size_text(total.copied)} copied, {size_text(total.derived)} derived"
        worst = max(self.rows, key=lambda row: row.copied, default=None)
        if worst is not None and worst.copied:
            text += f"; {printable(worst.stage)} copies most"
        if total.made is None or total.allocated is None:
            return f"{text}. What was allocated was not measured."
        return f"{text}. {total.made:,} blocks made, {size_text(total.allocated)} in all."

    def as_dict(self) -> dict[str, Any]:
        """Return all of it but the result as plain dictionaries and numbers."""
        return {"rows": [asdict(row) for row in self.rows], "total": asdict(self.total)}

    def __str__(self) -> str:
        table = [AccountRow.__slots__, *map(_cells, (*self.rows, self.total))]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for name, *numbers in table:
            right = (text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))
            lines.append("  ".join([name.ljust(widths[0]), *right]))
        return "\n".join([*lines, "", self.sentence])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return str(renderer("account")(self))


def _cells(row: AccountRow) -> tuple[str, ...]:
    amounts = (getattr(row, name) for name in AccountRow.__slots__[1:])
    texts = ("not measured" if each is None else f"{each:,}" for each in amounts)
    return (printable(row.stage), *texts)


def ledger_of(
    functions: Iterable[Callable[[Any], Any]] | Mapping[str, Callable[[Any], Any]], given: Any
) -> Account:
    """Run functions one after another, each on what the one before returned, and keep their ledger.

    Parameters
    ----------
    functions : iterable of callable, or mapping of name to callable
    given : object
        What the first one gets. Its memory counts as an input of all of them; of several pieces of
        memory, the first: the others are inputs of the first function alone.

    Returns
    -------
    Account

    Raises
    ------
    ZcvizError
        What a function got or returned cannot be asked for its memory: that was released, or has
        no end.

    Notes
    -----
    Memory: holds the last result. What is viewed is told by address. Fresh memory is *copied* if
    it is a bytes-like object, or holds the very bytes of a whole piece of its function's input (an
    array, a column), however they got there: they are compared. Other fresh memory is *derived*:
    values that were computed or converted, and those picked out of the input too, since nobody can
    tell by the bytes of a few values where they come from; `what_copied` names the reason. Pieces
    as large as a fresh one are read after the function ran, and each copied for a moment.

    Examples
    --------
    >>> packet = bytes(100)
    >>> account = ledger_of([memoryview, lambda view: view[42:], bytes], packet)
    >>> [(row.viewed, row.copied) for row in account.rows]
    [(100, 0), (58, 0), (0, 58)]
    """
    if not isinstance(functions, Mapping):
        each = list(functions)
        names = [getattr(one, "__name__", type(one).__name__) for one in each]
        functions = {
            f"{number}. {name}": one
            for number, (name, one) in enumerate(zip(names, each, strict=True), 1)
        }
    ledger, value = Ledger(_whole(given), contents=True), given
    for name, function in functions.items():
        output, seen = watch(partial(function, value))
        ledger.note(name, value, output, seen)
        value = output
    rows = tuple(_row(name, ledger.entries[name]) for name in functions)
    return Account(rows, value)


def _row(name: str, entry: Entry) -> AccountRow:
    return AccountRow(name, entry.viewed, entry.copied, entry.derived, *amounts(entry.seen))


def _whole(given: Any) -> tuple[int, int]:
    try:
        start, end = bounds(next(holdings(given)).array)
    except TypeError:
        return 0, 0
    return start, end - start
