"""How much memory a block of code allocates: what tracemalloc can tell, and on request all."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import asdict, dataclass
from types import TracebackType

from ..render import printable, renderer, size_text
from .exact import Counts, Entrance, Exact
from .hook import rehearse
from .tracing import DOMAINS, Line, Mark, changes, tracing

__all__ = ["Allocations", "Amount", "Line", "Window", "allocations"]

_OURS = (lambda: 0).__code__.co_filename  # as tracemalloc names this file
_UNKNOWN = (
    "what was allocated is not known: the block has not begun, or tracemalloc was stopped in it"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """Memory of one domain: bytes, and the number of blocks that hold them."""

    bytes: int
    blocks: int


@dataclass(frozen=True, slots=True, repr=False)
class Allocations:
    """What was allocated between two moments.

    Attributes
    ----------
    net : int [bytes]
        Allocated and still held at the end, less what was held before and was freed.
    peak : int [bytes]
        The most that was held at any moment, above what was held at the beginning.
    blocks : int
        Number of blocks that make up `net`.
    python, numpy, other : Amount
        `net` and `blocks` by domain: Python objects, data of ndarrays, anything else that tells
        tracemalloc of its memory.
    lines : tuple of Line
        By bytes, largest first.
    exact : Counts or None
        Every allocation, those that were freed again included; None if it was not asked for.
    shown : int
        How many of the lines are listed where all of it is shown.
    """

    net: int
    peak: int
    blocks: int
    python: Amount
    numpy: Amount
    other: Amount
    lines: tuple[Line, ...]
    exact: Counts | None = None
    shown: int = 10

    def by_line(self, top: int = 10) -> tuple[Line, ...]:
        """Return the `top` lines of code that hold most of `net`."""
        return self.lines[:top]

    def as_dict(self) -> dict[str, object]:
        """Return all of it as plain dictionaries and numbers."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [self.sentence]
        for line in self.by_line(self.shown):
            rows.append(
                f"{size_text(line.bytes):>16}  {line.blocks:>9,} blocks  {line.domain:<6}  "
                f"{printable(line.place)}  {printable(line.source)}"
            )
        if self.exact is not None:
            rows += ["", str(self.exact)]
        return "\n".join(rows)

    __repr__ = __str__

    @property
    def sentence(self) -> str:
        """What was allocated, in words."""
        text = (
            f"{size_text(self.net)} held at the end in {self.blocks:,} blocks "
            f"(Python objects {size_text(self.python.bytes)}, "
            f"numpy data {size_text(self.numpy.bytes)}"
        )
        text += f", other {size_text(self.other.bytes)}" if self.other.blocks else ""
        return f"{text}); at most {size_text(self.peak)} at once"

    def _repr_html_(self) -> str:
        return str(renderer("allocations")(self))


def allocations(*, exact: bool = False) -> Window:
    """Measure what a block of code allocates.

    Parameters
    ----------
    exact : bool
        Count every allocation too, as `zcviz.trace.exact` does.

    Returns
    -------
    Window
        A context manager. Inside the block it reads what was allocated so far, afterwards what
        the block allocated: ``net``, ``peak``, ``blocks``, ``by_line()``, and all of it as
        ``result``.

    Notes
    -----
    What tracemalloc sees is not everything:

    - `net` and `blocks` are what is *held*. A block that is allocated and freed again leaves only
      `peak` behind, and a loop that copies a million messages one after another, nothing at all:
      these are counted with ``exact=True``, and then to be found in ``result.exact``.
    - Memory that does not come from Python's allocators is invisible: pages of a map, C libraries,
      Arrow. numpy reports the data of its arrays.
    - Memory of before the window counts as freed only if somebody was tracing when it was
      allocated.
    - It is the whole process: what other threads allocate is in it.
    - Tracing makes Python code several times slower. Never read a time off code that runs in here.

    Examples
    --------
    >>> with allocations() as seen:
    ...     kept = bytearray(1_000_000)
    >>> round(seen.net, -4)
    1000000
    """
    return Window(exact)


class Window:
    """The block of code that `allocations` watches, and its result afterwards.

    Dropped while it is open, it closes itself.
    """

    _mark = Mark()

    def __init__(self, exact: bool = False) -> None:
        self._exact = Exact() if exact else None
        self.entering: object = None  # see Entrance
        self._result: Allocations | None = None
        self._before: tracemalloc.Snapshot | None = None
        self._base = 0
        self._mark = Mark()

    def _enter(self) -> Window:
        tracing.hold()
        try:
            if self._mark in tracing.windows:
                raise RuntimeError("this window is open already: call allocations() once more")
            self._result = None
            self._open()
            # Last of all. The first reading makes an integer that the second one sees, so that
            # it is in the baseline; afterwards there is as much of it as before.
            self._base = tracemalloc.get_traced_memory()[0]
            self._base = tracemalloc.get_traced_memory()[0]
            self._mark.top = self._base
            tracemalloc.reset_peak()
            if self._exact is not None:
                rehearse(self, "_exact")
                self._exact.start()
        finally:
            tracing.release()
        return self

    __enter__ = Entrance(_enter)

    def _open(self) -> None:
        try:
            if self._exact is not None:
                self._exact.prepare()
            self._before = tracing.enter(self._mark)
        except BaseException:  # an interrupt, while it looks at millions of blocks
            if self._exact is not None:
                self._exact.abandon()
            if self._mark in tracing.windows:
                tracing.leave(self._mark)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._exact is not None:
            self._exact.stop()
        tracing.hold()
        try:
            after = self._close()
            if after is not None:
                self._result = self._summarise(after)
            self._before = self.entering = None
            tracing.settle()
        finally:
            tracing.release()
        if after is None and error is None:
            raise RuntimeError(_UNKNOWN)

    def __del__(self) -> None:  # an interrupt came before `with` knew of it, or nobody closed it
        if self._mark not in tracing.windows or sys.is_finalizing():
            return
        tracing.hold()
        try:
            if self._exact is not None:
                self._exact.abandon()
            tracing.leave(self._mark)
            tracing.settle()
        finally:
            tracing.release()

    def _close(self) -> tracemalloc.Snapshot | None:
        """Watch no more, come what may: to look at millions of blocks takes a while."""
        try:
            return tracing.look()
        finally:
            if self._exact is not None:
                self._exact.finish()
            tracing.leave(self._mark)  # now: summing up takes five times as long while it is traced

    @property
    def result(self) -> Allocations:
        """The measurement: of the whole block after it, of the block so far inside it.

        Raises
        ------
        RuntimeError
            The block has not begun, or somebody stopped tracemalloc in it.
        """
        if self._result is not None:
            return self._result
        tracing.hold()
        try:
            after = tracing.look() if self._mark in tracing.windows else None
            if after is None:
                raise RuntimeError(_UNKNOWN)
            result = self._summarise(after)
            tracing.settle()
        finally:
            tracing.release()
        return result

    @property
    def net(self) -> int:
        """Allocated and still held, less what was held before and was freed [bytes]."""
        return self.result.net

    @property
    def peak(self) -> int:
        """The most that was held at any moment, above the beginning [bytes]."""
        return self.result.peak

    @property
    def blocks(self) -> int:
        """Number of blocks that make up `net`."""
        return self.result.blocks

    def by_line(self, top: int = 10) -> tuple[Line, ...]:
        """Return the `top` lines of code that hold most of `net`."""
        return self.result.by_line(top)

    def _summarise(self, after: tracemalloc.Snapshot) -> Allocations:
        lines = changes(self._before, after, _OURS)
        python, arrays, other = (
            Amount(
                sum(line.bytes for line in lines if line.domain == domain),
                sum(line.blocks for line in lines if line.domain == domain),
            )
            for domain in DOMAINS
        )
        net = python.bytes + arrays.bytes + other.bytes
        blocks = python.blocks + arrays.blocks + other.blocks
        peak = max(self._mark.top - self._base, net, 0)
        counts = self._exact.result if self._exact is not None else None
        return Allocations(net, peak, blocks, python, arrays, other, lines, counts)

    def __str__(self) -> str:
        return str(self.result)

    def _repr_html_(self) -> str:
        return self.result._repr_html_()
