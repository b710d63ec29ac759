"""What a run of traffic does, at one moment."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bins import BINS, edges

__all__ = ["HEAD", "PATH", "SENDER", "PathReading", "Sample", "SenderReading", "layout"]

NOTHING = float("nan")


@dataclass(frozen=True, slots=True)
class SenderReading:
    """What the sender did, on each path, since the sample before.

    Attributes
    ----------
    offered : float [datagrams/s]
        What the settings ask for; NaN is as fast as possible.
    sending : float [datagrams/s]
    late : float [datagrams/s]
        That the sender gave up because it was behind: they were never sent.
    sent, given_up : float
        Totals since the start.
    cpu : float [µs/datagram]
    stall : float [share of time]
        In which it waited for a processor.
    """

    offered: float = NOTHING
    sending: float = 0.0
    late: float = 0.0
    sent: float = 0.0
    given_up: float = 0.0
    cpu: float = NOTHING
    stall: float = NOTHING


@dataclass(frozen=True, slots=True)
class PathReading:
    """What a path did since the sample before. NaN is what cannot be known.

    Attributes
    ----------
    state : int
        0 off, 1 getting ready, 2 at work, 3 stopped, 4 refused or ended: see the run's problems.
    received : float [datagrams/s]
    decoded : float [messages/s]
    dropped, lost : float [datagrams/s]
        By the kernel: the socket buffer was full; the ring was full.
    missing : float [messages/s]
        Of which the sequence numbers tell.
    bandwidth : float [bytes/s]
        UDP payload.
    cpu, decoding : float [µs/datagram]
        Processor time of receiving and decoding; of decoding alone. The delay is not in it.
    syscalls, copies : float [1/datagram]
    used, capacity : float
        Of the buffer: bytes of a socket's, blocks of a ring's.
    head, tail : float
        Of a ring: the block that the kernel fills, and the one that the consumer is at.
    stall : float [share of time]
        In which the consumer was ready to run and the machine did something else.
    median, p99 : float [µs]
        From sending to having been decoded, of the last seconds.
    total_received, total_decoded, total_dropped, total_lost, total_missing, queued : float
        Since the start: datagrams, but messages where they are decoded or missing. Queued are those
        that were left in the buffer when the run ended, because decoding them would have taken
        too long: sent are all that were received, dropped, lost or queued.
    gaps, duplicates : float
        Since the start.
    """

    state: float = 0
    received: float = 0.0
    decoded: float = 0.0
    dropped: float = NOTHING
    lost: float = NOTHING
    missing: float = 0.0
    bandwidth: float = 0.0
    cpu: float = NOTHING
    decoding: float = NOTHING
    syscalls: float = NOTHING
    copies: float = NOTHING
    used: float = NOTHING
    capacity: float = NOTHING
    head: float = NOTHING
    tail: float = NOTHING
    stall: float = NOTHING
    median: float = NOTHING
    p99: float = NOTHING
    total_received: float = 0.0
    total_decoded: float = 0.0
    total_dropped: float = NOTHING
    total_lost: float = NOTHING
    total_missing: float = 0.0
    queued: float = NOTHING
    gaps: float = 0.0
    duplicates: float = 0.0


HEAD = ("paths", "number", "t", "running", "frozen", "steal", "rate", "delay", "burst")
SENDER = tuple(field.name for field in fields(SenderReading))
PATH = tuple(field.name for field in fields(PathReading))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a run does at one moment.

    Attributes
    ----------
    number : int
        Of samples since the start.
    t : float [s]
        Since the start.
    running, frozen : bool
    steal : float [share of time]
        That the host gave to other machines; NaN where nobody says.
    rate, delay, burst : float
        The settings in force.
    sender : SenderReading
    paths : tuple of PathReading
        In the order of the settings.
    latency : (n_paths, BINS) int64
        Of the last seconds: datagrams by the time from sending to having been decoded.
    stalls : (n_paths, BINS) int64
        Of the last seconds: samples by the time for which the consumer waited for a processor.
    """

    number: int
    t: float
    running: bool
    frozen: bool
    steal: float
    rate: float
    delay: float
    burst: float
    sender: SenderReading
    paths: tuple[PathReading, ...]
    latency: NDArray[np.int64]
    stalls: NDArray[np.int64]

    def figures(self) -> list[float]:
        """Return all but the histograms as one row, in the order of `HEAD`, `SENDER`, `PATH`…."""
        head = (len(self.paths), *(float(getattr(self, name)) for name in HEAD[1:]))
        return [*head, *astuple(self.sender), *(v for path in self.paths for v in astuple(path))]

    def pack(self) -> NDArray[np.float64]:
        """Return one array for the page.

        Returns
        -------
        (len(HEAD) + len(SENDER) + n_paths * (len(PATH) + 2 * BINS),) float64
            `HEAD`, `SENDER`, then for each path `PATH`, its latency and its stalls.

        Notes
        -----
        Memory: allocates the array.
        """
        row = [*self.figures()[: len(HEAD) + len(SENDER)]]
        for path, latency, stalls in zip(self.paths, self.latency, self.stalls, strict=True):
            row += [*astuple(path), *latency.tolist(), *stalls.tolist()]
        return np.array(row, np.float64)


def layout() -> dict[str, Any]:
    """Return where `Sample.pack` puts what, for a page that reads it."""
    return {"head": HEAD, "sender": SENDER, "path": PATH, "bins": BINS, "edges": edges().tolist()}
