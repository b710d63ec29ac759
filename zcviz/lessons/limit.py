"""What steps cost a message, beside what the machine can do at all; measured in turns, in a thread.

Plain state: `limit_panel` shows it.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from ..bench.measure import recycle
from ..codec import gather
from ..feed import Feed
from ..feed import open as open_feed
from ..native import decode, forms
from ..viz.lines import LINE, lines_of
from .show import Kind, number_text

__all__ = ["FLOOR", "LimitRun", "Step", "steps_of"]

FLOOR = "read every byte"
"""The step that all others are compared with."""
COPY = "copy every byte"
_KEPT = 24  # newest measurements of a step: the dots
_RECORDS = 2_000  # messages: Python takes as long for each of them, however many there are
_BREATH = 0.02  # seconds between two rounds, for whoever else wants the kernel
_PUBLISH = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Step:
    """One thing that is measured.

    Attributes
    ----------
    name : str
    does : str
        What happens to the bytes, in words.
    work : callable ()
    messages : int
        How many messages one call goes through.
    kind : {"copying", "zero-copy", ""}
    fresh : int [bytes]
        How much memory it allocates: the same memory is touched beforehand, off the clock.
    """

    name: str
    does: str
    work: Callable[[], object]
    messages: int
    kind: Kind = ""
    fresh: int = 0


def steps_of(feed: Feed, own: Mapping[str, Callable[[Feed], object]] | None = None) -> list[Step]:
    """Return the steps from bytes to columns, and the limits of the machine before them.

    Parameters
    ----------
    feed : Feed
        In memory, such as `repeated` returns.
    own : mapping of str to callable (feed), optional
        Steps to be measured besides; each goes through all messages.
    """
    data, name, total = feed.data, feed.protocol.name, len(feed)
    words = data[: len(data) // 8 * 8].view(np.uint64)
    whole = feed.source.owner
    orders = feed.protocol["A"]
    places = feed.index.of_type(orders.key)
    price = orders["price"]
    starts = feed.source.address + places.astype(np.uint64) + price.offset
    share = len(lines_of(starts, price.type.size)) * LINE / len(data)

    def records() -> None:
        deque(islice(feed.records(), _RECORDS), maxlen=0)

    n, many, form = len(data), min(_RECORDS, total), forms()[0]
    steps = [
        Step(FLOOR, "adds them up, eight at a time, and keeps nothing", words.sum, total, ""),
        Step(COPY, "into fresh memory", data.copy, total, "copying", n),
        Step("index", "where each message is; no message is copied",
             lambda: open_feed(whole, protocol=name).index, total, "zero-copy", 8 * total),
        Step("one column", f"the price of each Add Order; {share:.0%} of the lines are fetched",
             lambda: gather(data, places, orders, "price"), total, "copying", 4 * len(places)),
        Step("rows of all fields", f"every field of every message, in native byte order ({form})",
             lambda: decode(feed.capture, threads=1), total, "copying", 2 * n),
        Step("columns of all fields", "the same, the values of each field together",
             lambda: decode(feed.capture, threads=1, layout="columns"), total, "copying", 2 * n),
        Step("records", "a Python object for each message", records, many, "copying"),
    ]  # fmt: skip
    mine = (own or {}).items()
    return steps + [Step(name, "yours", partial(way, feed), total) for name, way in mine]


class LimitRun:
    """Measure steps in turns, round after round, until told to stop or the time is up.

    Parameters
    ----------
    steps : sequence of Step
        `FLOOR` is one of them.
    seconds : float
        How long at most.

    Attributes
    ----------
    problem : str
        Why it ended by itself before its time; empty otherwise.
    rounds : int
    """

    def __init__(self, steps: Sequence[Step], seconds: float = 60.0) -> None:
        self.steps = tuple(steps)
        self.seconds = seconds
        self.problem = ""
        self.rounds = 0
        self._ns: dict[str, deque[float]] = {}
        self._due = 0.0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether it measures."""
        return self._thread is not None and self._thread.is_alive() and not self._over.is_set()

    def start(self, publish: Callable[[], None]) -> None:
        """Begin anew; return at once.

        Parameters
        ----------
        publish : callable ()
            Called a few times a second, from the thread that measures, and once at the end.

        Raises
        ------
        RuntimeError
            The machine permits no thread.
        """
        self._clear()
        over = self._over = threading.Event()
        # In this context, so that a front end sees what was sent as an answer to who asked.
        work = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=work, args=(self._work, over, publish), name="zcviz limit", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None
            raise

    def once(self, rounds: int = 3) -> dict[str, float]:
        """Measure a few rounds here and now, from the beginning; return `least`."""
        self._clear()
        for _ in range(rounds + 1):  # the first one compiles
            self._round(threading.Event(), lambda: None)
        return self.least()

    def _clear(self) -> None:
        self.stop()
        self._ns = {each.name: deque(maxlen=_KEPT) for each in self.steps}
        self.problem, self.rounds = "", 0

    def stop(self) -> None:
        """End; returns when the step that is under way is done."""
        self._over.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self, over: threading.Event, publish: Callable[[], None]) -> None:
        until = time.monotonic() + self.seconds
        try:
            for step in self.steps:
                step.work()  # compiles, and is not counted
            while not over.wait(_BREATH) and time.monotonic() < until:
                self._round(over, publish)
        except Exception as error:
            # From a thread it would land in the output of whatever cell comes next.
            self.problem = f"{type(error).__name__}: {error}"
        over.set()
        publish()

    def _round(self, over: threading.Event, publish: Callable[[], None]) -> None:
        for step in self.steps:
            if over.is_set():
                return
            recycle(step.fresh)
            start = time.perf_counter()
            result = step.work()
            taken = time.perf_counter() - start
            del result
            self._ns[step.name].append(taken * 1e9 / step.messages)
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + _PUBLISH
                publish()
        self.rounds += 1

    # --- what was found

    def times(self, name: str) -> list[float]:
        """Return the newest measurements of a step, oldest first [ns per message]."""
        return list(self._ns.get(name, ()))

    def least(self) -> dict[str, float]:
        """Return the least of the newest measurements [ns per message]; of none, nothing.

        The least, because whatever else a machine does makes a step longer, and never shorter.
        """
        found = {each.name: self.times(each.name) for each in self.steps}
        return {name: min(times) for name, times in found.items() if times}

    @property
    def sentence(self) -> str:
        """What the figures say, in words; empty before all steps were measured."""
        ns = self.least()
        if len(ns) < len(self.steps) or not ns[FLOOR]:
            return ""
        ratios = {name: times_text(taken / ns[FLOOR]) for name, taken in ns.items()}
        rest = "; ".join(f"{name} {ratios[name]}" for name in list(ns)[2:])
        return (
            f"Reading every byte takes {number_text(ns[FLOOR])} ns a message. Copying them takes "
            f"{ratios[COPY]} times as long; {rest}."
        )

    def __repr__(self) -> str:
        ns = self.least()
        lines = [
            f"{each.name:<22}{number_text(ns[each.name]):>8} ns a message" if each.name in ns
            else f"{each.name:<22}not measured yet"
            for each in self.steps
        ]  # fmt: skip
        return "\n".join([*lines, *filter(None, [self.sentence, self.problem])])


def times_text(ratio: float) -> str:
    """Return a ratio with as many digits as it deserves."""
    return f"{ratio:.1f}" if ratio < 9.95 else f"{float(f'{ratio:.2g}'):,.0f}"
