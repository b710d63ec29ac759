"""What it costs to take datagrams out of a socket, by how many are taken at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from time import perf_counter

from ..bench.measure import turns
from ..receive import Receiver
from ..receive import open as open_path

__all__ = ["drained"]

_FILL = 192  # datagrams, which every default buffer has room for
_PAYLOAD = bytes(100)


def drained(at_once: Sequence[int], rounds: int = 12) -> dict[int, float]:
    """Fill a socket, empty it, and time the emptying, in turns for each number at once.

    Returns
    -------
    dict of int to float [µs]
        For one datagram, the least of all rounds.
    """
    best = dict.fromkeys(at_once, float("inf"))
    receivers = {slots: _opened(slots) for slots in at_once}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            for slots in turns(list(at_once), rounds):
                receiver = receivers[slots]
                for _ in range(_FILL):
                    sender.sendto(_PAYLOAD, receiver.address)
                receiver.receive(0.1)
                start, taken = perf_counter(), 0
                while (batch := receiver.receive(0)) is not None:
                    taken += len(batch)
                if taken:
                    best[slots] = min(best[slots], (perf_counter() - start) / taken * 1e6)
        finally:
            for each in receivers.values():
                each.close()
    return best


def _opened(slots: int) -> Receiver:
    # With one call for many, where the system has it.
    try:
        return open_path("udp.recvmmsg", slots=slots)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return open_path("udp.recv_into", slots=slots)
