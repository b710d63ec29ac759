"""Count every allocation that a block of code makes, those that are freed at once included."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from ..render import renderer, size_text
from .hook import ACTIVE, Hook, hook, rehearse

__all__ = ["Counts", "Entrance", "Exact", "Flow", "exact"]

_DOMAINS = ("Python", "numpy", "other")
_TOO_MANY = "too many blocks of code are being watched at once"
_OTHER_HANDLER = "numpy's data is not counted: it comes from an allocator that is not numpy's own"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Flow:
    """What was allocated and freed in one domain.

    Attributes
    ----------
    allocations : int
        Blocks allocated.
    bytes : int [bytes]
        Allocated, as asked for; the growth of blocks included.
    frees : int
        Blocks freed.
    freed : int [bytes]
        Freed of what was allocated in the block of code; what blocks shrank by included.
    unknown : int
        Those of `frees` and `reallocs` that met a block of before, whose size is not known. Of
        such a block, all that it has after a realloc counts as allocated.
    reallocs : int
        Blocks that were made larger or smaller. They are neither allocations nor frees.
    moved : int [bytes]
        Copied, because a block could not be made larger or smaller where it was.
    """

    allocations: int
    bytes: int
    frees: int
    freed: int
    unknown: int
    reallocs: int
    moved: int

    @property
    def held(self) -> int:
        """Allocated and not freed [bytes]."""
        return self.bytes - self.freed


@dataclass(frozen=True, slots=True)
class Counts:
    """Every allocation between two moments. None is "not measured".

    Attributes
    ----------
    python, numpy, other : Flow or None
        Python's objects and their memory; data of ndarrays; what Python and its extensions take
        past Python's own allocator.
    peak : int or None [bytes]
        The most that was held at once of what was allocated in the block of code.
    lost : int or None
        Blocks that were not remembered, for want of room: if there are any, `freed` is at least
        what it says, and what is held at most.
    reason : str
        Why something was not measured; empty if all was.
    """

    python: Flow | None
    numpy: Flow | None
    other: Flow | None
    peak: int | None
    lost: int | None
    reason: str

    @property
    def total(self) -> Flow | None:
        """All domains together; None if one of them was not measured."""
        flows = (self.python, self.numpy, self.other)
        if None in flows:
            return None
        names = Flow.__slots__
        return Flow(*(sum(getattr(flow, name) for flow in flows) for name in names))

    @property
    def held(self) -> int | None:
        """Allocated and not freed [bytes]."""
        total = self.total
        return None if total is None else total.held

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain dictionaries and numbers."""
        return asdict(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what `rows` gives, but for the domain."""
        return _COLUMNS

    def rows(self) -> list[tuple[str, ...]]:
        """Return a row of text for each domain, its name first."""
        rows = []
        for name, flow in zip(_DOMAINS, (self.python, self.numpy, self.other), strict=True):
            if flow is None:
                rows.append((name, *["not measured"] * 6))
            else:
                numbers = (flow.allocations, flow.frees, flow.reallocs)
                sizes = (flow.bytes, flow.freed, flow.held)
                rows.append((name, *(f"{n:,}" for n in numbers), *(f"{n:,} B" for n in sizes)))
        return rows

    @property
    def sentence(self) -> str:
        """What is not in the rows, in words."""
        if self.peak is None:
            return f"Not measured: {self.reason}."
        text = f"At most {size_text(self.peak)} held at once."
        if self.lost:
            text += f" {self.lost:,} blocks were not remembered: what is freed is at least that."
        return f"{text} {self.reason}." if self.reason else text

    def __str__(self) -> str:
        lines = ["{:<8}{:>13}{:>13}{:>13}{:>20}{:>20}{:>20}".format("", *_COLUMNS)]
        lines += ["{:<8}{:>13}{:>13}{:>13}{:>20}{:>20}{:>20}".format(*row) for row in self.rows()]
        return "\n".join([*lines, self.sentence])

    def _repr_html_(self) -> str:
        return str(renderer("counts")(self))


_COLUMNS = ("allocations", "frees", "reallocs", "allocated", "freed", "held")


def exact(*, thread: bool = False) -> Exact:
    """Count every allocation of a block of code.

    Parameters
    ----------
    thread : bool
        Count what the calling thread allocates, and who frees that does not matter. Otherwise it
        is the whole process.

    Returns
    -------
    Exact
        A context manager. Inside the block it reads what was counted so far, afterwards what the
        block allocated: ``python``, ``numpy``, ``other``, ``peak``, and all of it as ``result``.
        Where allocations cannot be counted, these are None, and ``reason`` says why.

    Notes
    -----
    Memory: a table of the blocks that are held, of 144 MiB at most, as far as they fill it; it
    is kept until the process ends.

    What is counted are calls of the allocators of Python and numpy:

    - Python keeps some small objects (floats, tuples, frames, …) to use them again, and does not
      ask for memory then. So there are at least as many objects as allocations.
    - numpy keeps blocks below 1 KiB to use them again. Each array's data counts as an allocation
      all the same: the counting is done before numpy looks there. Shapes and strides that it
      keeps do not count.
    - A block that Python's allocator takes from the "other" one counts once, as Python's.
    - Pages of a map, C libraries and Arrow have allocators of their own, and are not seen.
    - tracemalloc, started inside the block, is seen at work in ``other``.
    - ``other`` may be off by the blocks of threads that allocate without the GIL in the very
      moment in which a block of code begins or ends.
    - One interpreter: where others with a GIL of their own run, counts are not exact.

    Code runs slower in here. Never read a time off it.

    Examples
    --------
    >>> with exact() as seen:
    ...     for size in [1000, 2000]:
    ...         _ = bytearray(size)
    >>> seen.reason != "" or seen.peak > 2000
    True
    """
    return Exact(thread)


class Entrance(Generic[T]):
    """An ``__enter__`` that leaves nothing behind to be freed in the block of code.

    Up to Python 3.13, ``with`` makes a bound method to call, and frees it afterwards. So the window
    keeps what is called, and that lets go of the window: who drops an open window, closes it.
    """

    def __init__(self, enter: Callable[[Any], T]) -> None:
        self._enter = enter

    def __get__(self, window: Any, kind: type) -> Callable[..., T]:
        if window is None:
            return self._enter
        window.entering = entering = _Entering(self._enter, window)
        return entering


class _Entering(Generic[T]):
    def __init__(self, enter: Callable[[Any], T], window: Any) -> None:
        self._enter = enter
        self._window = window

    def __call__(self) -> T:
        window, self._window = self._window, None
        return self._enter(window)


class Exact:
    """The block of code whose allocations `exact` counts, and the counts afterwards.

    Notes
    -----
    Who does more than count opens and closes it by hand, in one thread, in this order:

    ======= ==========================================================================
    prepare opens, and leaves this thread's work uncounted, and other threads waiting
    start   ends that, and counts; has to follow `prepare`, whatever happened meanwhile
    stop    counts no more
    finish  closes: reads the counts, and takes the hook away after the last window
    ======= ==========================================================================

    `start` and `stop` allocate nothing, and stand next to the block. Where nothing can be counted,
    all four do nothing. A window that is dropped while it is open closes itself.
    """

    _open: tuple[Hook, memoryview] | None = None
    _waiting = False  # for `start`

    def __init__(self, thread: bool = False) -> None:
        self._made = hook()
        self._thread = thread
        self._result: Counts | None = None
        self._open = None
        self._waiting = False
        self._numpy = False
        self.entering: object = None  # see Entrance

    def _enter(self) -> Exact:
        self.prepare()
        self.start()
        return self

    __enter__ = Entrance(_enter)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self.finish()

    def __del__(self) -> None:  # an interrupt came before `with` knew of it, or nobody closed it
        if self._open is not None and not sys.is_finalizing():
            self.abandon()

    def abandon(self) -> None:
        """Close at any point after `prepare`."""
        if self._waiting:
            self.start()
        self.stop()
        self.finish()

    def prepare(self) -> None:
        """Do all that opening takes. What this thread does until `start` is counted nowhere."""
        if self._open is not None:
            raise RuntimeError("this window is open already: call exact() once more")
        made = self._made
        if isinstance(made, str):
            self._result = _unmeasured(made)
            return
        made.pause()
        try:
            self._result = None
            self._numpy = made.numpy()
            window = made.begin(self._thread)
            if window is None:
                self._result = _unmeasured(_TOO_MANY)
            else:
                self._open = made, window
                self._waiting = True
                rehearse(self, "start", "stop", "_open", "_waiting")
                made.rehearse()
        finally:
            if self._open is None:
                made.resume()

    def start(self) -> None:
        """Count from now on. Nothing in here allocates or frees."""
        if self._open is not None:
            self._waiting = False
            self._open[1][ACTIVE] = 1
            self._open[0].resume()

    def stop(self) -> None:
        """Count no more. Nothing in here allocates or frees."""
        if self._open is not None:
            self._open[1][ACTIVE] = 0

    def finish(self) -> None:
        """Close what was stopped."""
        if self._open is None:
            return
        made, window = self._open
        made.pause()
        try:
            self._result = self._counts(made, window, made.end(window))
            self._open = self.entering = None
        finally:
            made.resume()

    @property
    def result(self) -> Counts:
        """The counts: of the whole block after it, of the block so far inside it.

        Raises
        ------
        RuntimeError
            The block has not begun.
        """
        if self._result is not None:
            return self._result
        if self._open is None:
            raise RuntimeError("nothing is counted yet: the block has not begun")
        made, window = self._open
        made.pause()
        try:
            return self._counts(made, window, made.missed(window))
        finally:
            made.resume()

    @property
    def python(self) -> Flow | None:
        """What Python's objects take; None if it was not measured."""
        return self.result.python

    @property
    def numpy(self) -> Flow | None:
        """What the data of ndarrays takes; None if it was not measured."""
        return self.result.numpy

    @property
    def other(self) -> Flow | None:
        """What is taken past Python's own allocator; None if it was not measured."""
        return self.result.other

    @property
    def peak(self) -> int | None:
        """The most that was held at once [bytes]; None if it was not measured."""
        return self.result.peak

    @property
    def reason(self) -> str:
        """Why something was not measured, empty if all was."""
        return self.result.reason

    def _counts(self, made: Hook, window: memoryview, missed: str) -> Counts:
        if missed:
            return _unmeasured(missed)
        columns, peak, lost = made.read(window)
        python, arrays, other = (Flow(*column) for column in columns)
        if self._numpy:
            return Counts(python, arrays, other, peak, lost, "")
        return Counts(python, None, other, None, lost, _OTHER_HANDLER)

    def __str__(self) -> str:
        return str(self.result)

    def _repr_html_(self) -> str:
        return self.result._repr_html_()


def _unmeasured(reason: str) -> Counts:
    return Counts(None, None, None, None, None, reason)
