"""What is timed in this process, in one table, with what is wanted of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..book import feed_books
from ..codec.columns import gather
from ..feed import Feed
from ..native import decode, forms
from ..pipelines import PIPELINES
from ..scanner import Scanner
from .job import Goal, Job, Unavailable, Work

__all__ = ["BOOKS", "BOTH", "COLUMNS", "COPY", "INDEX", "JOBS", "ROWS", "SCAN", "Inputs"]

COPY = "copy the BinaryFILE into fresh memory"
SCAN = "BinaryFILE → validated offsets and tags, arrays ready"
ROWS = "BinaryFILE → every field of every message, rows"
COLUMNS = "BinaryFILE → every field of every message, columns"
INDEX = "pcap → Ethernet/VLAN/IPv4/UDP/MoldUDP64 → index"
BOOKS = "BinaryFILE → order books of all securities, best bids and asks followed"
BOTH = "BinaryFILE → these order books, and every field of every message, columns"
FEW = 100_000
"""Messages for what makes an object of each."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that jobs work on.

    Attributes
    ----------
    itch, pcap : Feed
        The same messages as a BinaryFILE and as a capture.
    cme : Feed
        A capture in the style of CME MDP 3.0.
    about : str
        What that is.
    """

    itch: Feed
    pcap: Feed
    cme: Feed
    about: str


def _of(feed: Feed, run: Callable[[], object], amount: int | None = None, note: str = "") -> Work:
    return Work(run, len(feed) if amount is None else amount, feed.source.size, note)


def _copy_warm(inputs: Inputs) -> Work:
    data = inputs.itch.data
    warm = np.zeros_like(data)
    return _of(inputs.itch, lambda: np.copyto(warm, data))


def _scan(inputs: Inputs) -> Work:
    capture = inputs.itch.capture
    ready = Scanner(capture).room(len(inputs.itch) + 1)
    for array in ready:
        array.fill(0)

    def run() -> int:
        scanner, count = Scanner(capture), 0
        while not scanner.finished:
            count += scanner.scan([array[count:] for array in ready])
        return count

    return _of(inputs.itch, run)


def _decode(
    layout: Literal["rows", "columns"], threads: int = 1, form: str | None = None
) -> Callable[[Inputs], Work]:
    def prepare(inputs: Inputs) -> Work:
        if form not in (None, *forms()):
            raise Unavailable("not on this processor")
        capture = inputs.itch.capture
        return _of(inputs.itch, lambda: decode(capture, threads=threads, layout=layout, form=form))

    return prepare


def _column(inputs: Inputs) -> Work:
    feed = inputs.itch
    return Work(lambda: feed.table("A")["price"], len(feed.table("A")))


def _gather(inputs: Inputs) -> Work:
    feed = inputs.itch
    offsets, message, data = feed.table("A").offsets, feed.protocol["A"], feed.data
    return Work(lambda: gather(data, offsets, message, "price"), len(offsets))


def _index(feed: Feed) -> Work:
    return _of(feed, lambda: Feed(feed.capture).index)


def _summary(feed: Feed) -> Work:
    return _of(feed, lambda: PIPELINES["columnar"](feed))


def _one_by_one(kind: str) -> Callable[[Inputs], Work]:
    def prepare(inputs: Inputs) -> Work:
        head = inputs.itch.head(FEW)
        return _of(head, lambda: deque(getattr(head, kind)(), maxlen=0))

    return prepare


def _entries(inputs: Inputs, *, indexed: bool) -> Work:
    feed = inputs.cme
    kinds = [feed.protocol[tag] for tag in feed.counts() if tag in feed.protocol]
    groups = [(message.name, group.name) for message in kinds for group in message.groups]

    def run() -> int:
        source, entries = feed if indexed else Feed(feed.capture), 0
        for message, group in groups:
            table = source.table(message, group=group)
            table.gather()
            entries += len(table)
        return entries

    return _of(feed, run, run(), inputs.about)


def _books(inputs: Inputs, *, best: bool = True) -> Work:
    capture = inputs.itch.capture
    return _of(inputs.itch, lambda: feed_books(Feed(capture), best=best))


def _books_and_columns(inputs: Inputs) -> Work:
    columns, books = _decode("columns")(inputs), _books(inputs)
    return _of(inputs.itch, lambda: (columns.run(), books.run()))


def _against_copy(least: float, stretch: float) -> tuple[Goal, ...]:
    return (Goal(least, stretch, against=COPY),)


JOBS: tuple[Job[Inputs], ...] = (
    Job(COPY, "messages", lambda inputs: _of(inputs.itch, inputs.itch.data.copy)),
    Job("copy it into warm memory", "messages", _copy_warm),
    Job("read every byte of it", "messages", lambda i: _of(i.itch, i.itch.data.max)),
    Job(SCAN, "messages", _scan, _against_copy(2.5, 3)),
    Job(ROWS, "messages", _decode("rows"), _against_copy(0.7, 0.9)),
    Job(f"{ROWS}, two threads", "messages", _decode("rows", 2), _against_copy(1.1, 1.4)),
    Job(COLUMNS, "messages", _decode("columns"), _against_copy(0.5, 0.75)),
    Job(f"{COLUMNS}, two threads", "messages", _decode("columns", 2), _against_copy(0.8, 1.2)),
    *(Job(f"{ROWS}, {form}", "messages", _decode("rows", form=form))
      for form in ("ssse3", "scalar", "fields")),
    Job("BinaryFILE → index", "messages", lambda inputs: _index(inputs.itch)),
    Job("index → price of every A", "records", _column, (Goal(150),)),
    Job("offsets of every A → price", "records", _gather),
    Job(INDEX, "messages", lambda inputs: _index(inputs.pcap), (
        Goal(2, against="cypcap, packets"), Goal(50, against="dpkt, datagrams"),
        Goal(None, 120),
    )),
    Job("CME capture → columns of all group entries", "entries",
        lambda inputs: _entries(inputs, indexed=False), (Goal(20, 60),)),
    Job("CME capture, indexed → columns of all group entries", "entries",
        lambda inputs: _entries(inputs, indexed=True)),
    Job("BinaryFILE → open orders of all securities", "messages",
        lambda inputs: _books(inputs, best=False)),
    Job(BOOKS, "messages", _books),
    Job(BOTH, "messages", _books_and_columns),
    Job("records(): a named tuple a message", "messages", _one_by_one("records")),
    Job("views(): one view, aimed at a message after the other", "messages", _one_by_one("views")),
    Job("BinaryFILE → columnar pipeline → summary", "messages", lambda i: _summary(i.itch)),
    Job("pcap → columnar pipeline → summary", "messages", lambda i: _summary(i.pcap)),
)  # fmt: skip
"""In the order of the report. The speeds of all that read the same file can be compared."""
