"""Long captures: a stretch of trading, told once and then repeated with other numbers and times.

To encode every message of a long feed from Python would take minutes. At the end of the stretch
all books are empty, so it can follow itself: in each repetition, sequence numbers, numbers of
orders and trades, and times go on where the one before ended. Only what stands in groups of SBE
messages is the same each time.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..protocols import FEEDS, pcap
from ..spec import Message
from .containers import Record, pcap_of
from .day import SECOND
from .sample import TELLERS
from .sender import Datagram, Sender, loads_of
from .telling import Story, Teller
from .train import truth_of
from .wire import frame_of, ip_of

__all__ = ["long"]

STRETCH = 20_000  # messages
_EMPTY = len(pcap_of(()))  # bytes before the first record
_BEFORE = pcap.RECORD_LITTLE.size + len(frame_of(ip_of(bytes(60)), "ethernet")) - 60
_PER_SECOND = {"deribit": 1000}  # of the messages' times; else nanoseconds

Ints = NDArray[np.int64]


def long(
    path: str | os.PathLike[str],
    feed: str,
    messages: int = 1_000_000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write a long capture of a feed: a pcap file with nanoseconds, of Ethernet frames.

    Parameters
    ----------
    path : path-like
        Overwritten.
    feed : {"tops16", "deep10", "deepplus10", "mdp3", "deribit"}
        For ITCH, see `zcviz.samples.make`.
    messages : int
        About how many; never less than some 20,000.
    seed : int
    progress : callable (messages done, messages), optional

    Returns
    -------
    dict
        What `Feed.info` has to say, as in `Sample.truth`.

    Raises
    ------
    SpecError
        No such feed.

    Notes
    -----
    Memory: allocates some 20 MB, whatever the length.
    """
    if feed not in TELLERS:
        raise SpecError(f"no long sample of {feed}; there are {', '.join(TELLERS)}")
    teller = TELLERS[feed](FEEDS[feed], STRETCH, seed)
    sender = Sender(teller.feed, teller.feed.framings[0], 0)
    with Path(path).open("wb") as file:
        opening = _train(teller.opening(), teller, sender)
        file.write(pcap_of(_records(opening)))
        stretch = _Stretch(teller, sender)
        repeats = max(1, round(messages / stretch.counts.total()))
        for number in range(repeats):
            file.write(stretch.repetition(number))
            if progress is not None:
                progress(messages * (number + 1) // repeats, messages)
        stretch.skip(repeats - 1, teller, sender)
        closing = _train(teller.closing(), teller, sender)
        file.write(pcap_of(_records(closing))[_EMPTY:])
    ends = truth_of(opening + closing)
    counts = Counter(ends["counts"])
    counts.update({tag: n * repeats for tag, n in stretch.counts.items()})
    packets = len(opening) + len(closing) + repeats * stretch.packets
    return {
        **ends, "container": "pcap", "compression": None, "protocol": feed, "truncated": None,
        "packets": packets, "datagrams": packets, "messages": counts.total(),
        "counts": dict(counts), "gaps": 0, "missing": 0,
    }  # fmt: skip


class _Stretch:
    # Encoded trading, and where in it the numbers stand that go on.

    def __init__(self, teller: Teller, sender: Sender) -> None:
        start, first, offset = teller.time, sender.next, sender.offset
        train = _train(teller.trading(STRETCH) + teller.emptying(), teller, sender)
        self.packets = len(train)
        self.counts = Counter(truth_of(train)["counts"])
        self.seconds = (teller.time - start) // SECOND + 1
        self.numbers, self.bytes = sender.next - first, sender.offset - offset
        records = _records(train)
        data = pcap_of(records)[_EMPTY:]
        self.data = np.frombuffer(bytearray(data), np.uint8)
        self.steps = self._steps(teller, sender)
        self.patches = [
            (view := self._view(dtype), places, view[places].astype(np.int64), step)
            for (dtype, step), places in self._places(train, records, teller, sender).items()
        ]

    def _steps(self, teller: Teller, sender: Sender) -> dict[str, int]:
        # Name of a field to what is added in each repetition.
        time = self.seconds * SECOND
        orders, trades = teller.venue.orders, teller.venue.trades
        return {
            "seconds": self.seconds, sender.framing.sequence: self.numbers,
            "stream_offset": self.bytes, "send_time": time, "sending_time": time,
            "order_id": orders, "order_id_reference": orders, "trade_id": trades,
            teller.feed.time: self.seconds * _PER_SECOND.get(teller.feed.name, SECOND),
        }  # fmt: skip

    def _places(
        self, train: Sequence[Datagram], records: Sequence[Record], teller: Teller, sender: Sender
    ) -> dict[tuple[str, int], Ints]:
        framing, feed = sender.framing, teller.feed
        assert framing.header is not None
        prefix = 0 if framing.prefix is None else framing.prefix.size
        found: dict[tuple[str, int], list[int]] = defaultdict(list)

        def look(table: Message, at: int) -> None:
            for field in table.fields:
                if field.name in self.steps:
                    kind = f"{table.order}{field.type.kind[0]}{field.type.size}"
                    found[kind, self.steps[field.name]].append(at + field.offset)

        at = 0
        for each, record in zip(train, records, strict=True):
            look(pcap.RECORD_LITTLE, at)
            payload = at + _BEFORE
            look(framing.header, payload)
            start = framing.header.size
            for tag, end in each.messages:
                look(feed[tag], payload + start + prefix)
                start = end
            at += pcap.RECORD_LITTLE.size + len(record.data)
        return {key: np.array(places) for key, places in found.items()}

    def _view(self, dtype: str) -> NDArray[Any]:
        # One value at every byte: they overlap.
        size = len(self.data) - np.dtype(dtype).itemsize + 1
        return np.ndarray(size, dtype, self.data, strides=(1,))

    def repetition(self, number: int) -> NDArray[np.uint8]:
        """Return the stretch as it is told the next time: the same memory each time."""
        for view, places, values, step in self.patches:
            view[places] = values + number * step
        return self.data

    def skip(self, times: int, teller: Teller, sender: Sender) -> None:
        """Let teller and sender go on after so many repetitions more."""
        teller.time += times * self.seconds * SECOND
        sender.next += times * self.numbers
        sender.offset += times * self.bytes


def _train(story: Story, teller: Teller, sender: Sender) -> list[Datagram]:
    return [
        sender.say("load", load[-1][0], [message for _, message in load])
        for load in loads_of(story, teller.chance)
    ]


def _records(train: Sequence[Datagram]) -> list[Record]:
    frames = (frame_of(ip_of(each.payload), "ethernet") for each in train)
    return [Record(each.time, frame, len(frame)) for each, frame in zip(train, frames, strict=True)]
