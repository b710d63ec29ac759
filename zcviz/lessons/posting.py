"""The process that sends numbered datagrams on time: ``python -m zcviz.lessons.posting '{…}'``.

It writes down when each was due and when it was sent, and between two of them it looks at the stall
meter of the process that receives. A byte on its standard input starts a run; when that closes, it
ends.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..live.shared import SharedBlock
from ..traffic.stall import StallMeter, StealMeter

__all__ = ["BOARD", "LOOKS", "MOST", "clock", "main"]

clock = time.perf_counter_ns  # one for all processes; `monotonic` has steps of 16 ms on Windows

MOST = 10_000
"""Datagrams of a run."""
LOOKS = 512
"""Looks at the stall meter during a run."""
BOARD = np.dtype(
    [
        ("ready", "i8"),
        ("answer_to", "i8"),  # port of the sender
        ("port", "i8"),
        ("number", "i8"),
        ("gap", "i8"),  # ns
        ("answered", "i8"),  # whether the next one waits for an answer
        ("done", "i8"),  # runs
        ("steal", "f8"),
        ("n_looks", "i8"),
        ("due", "i8", MOST),
        ("sent", "i8", MOST),
        ("looks", "i8", (LOOKS, 2)),  # when; how long its thread waited since the look before [ns]
    ]
)
"""What both write on: the parent `port`, `number`, `gap` and `answered`, this process the rest."""

_PAYLOAD = 100
_LOOK = 10_000_000  # ns between two looks
_SPARE = 150_000  # ns until the next datagram, or there is no time for a look
_LEAD = 5_000_000  # ns before the first
_PATIENCE = 0.5  # s for an answer


class _Looks:
    """Looks at the machine, when there is time."""

    def __init__(self, board: NDArray[Any], parent: int) -> None:
        self._board = board
        self._meter = StallMeter(parent if sys.platform == "linux" else None)
        self._steal = StealMeter()
        self.begin()

    def begin(self) -> None:
        self._board["n_looks"] = 0
        self._meter.look()
        self._steal.look()
        self._next = clock()

    def look(self, now: int) -> None:
        at = int(self._board["n_looks"])
        if now >= self._next and at < LOOKS:
            waited = self._meter.look()
            self._board["looks"][at] = clock(), waited
            self._board["n_looks"] = at + 1
            self._next = now + _LOOK

    def end(self) -> None:
        self._next = 0
        self.look(clock())
        self._board["steal"] = self._steal.look()


def main(order: dict[str, Any]) -> None:
    """Send a run for each byte on standard input, until it closes."""
    board = SharedBlock.attach(order["board"]).as_array().view(BOARD)[0]
    looks = _Looks(board, os.getppid())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.settimeout(_PATIENCE)
        board["answer_to"] = sender.getsockname()[1]
        board["ready"] = 1
        while os.read(0, 1):
            looks.begin()
            _send(board, sender, looks)
            looks.end()
            board["done"] += 1


def _send(board: NDArray[Any], sender: socket.socket, looks: _Looks) -> None:
    to, gap, answered = ("127.0.0.1", int(board["port"])), int(board["gap"]), board["answered"]
    dues, sent = board["due"], board["sent"]
    rest = (1).to_bytes(2, "big") + bytes(_PAYLOAD - 20)
    due = clock() + _LEAD
    for number in range(int(board["number"])):
        _wait(due, looks)
        dues[number] = due
        sent[number] = clock()
        sender.sendto(bytes(10) + (number + 1).to_bytes(8, "big") + rest, to)
        due += gap
        if answered:
            _answer(sender)
            due = max(due, clock())


def _wait(due: int, looks: _Looks) -> None:
    while (left := due - (now := clock())) > 0:
        if left > _SPARE:
            looks.look(now)
        time.sleep(max(0, due - clock()) / 1e9)


def _answer(sender: socket.socket) -> None:
    try:
        sender.recv(64)
    except OSError:  # it was lost, and the run goes on
        return


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
