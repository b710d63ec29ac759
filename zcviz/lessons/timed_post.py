"""A sender on this machine that sends on time, and what its datagrams took to be handled."""

from __future__ import annotations

import socket
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from ..live.shared import SharedBlock
from ..live.subprocesses import Subprocess
from ..receive import Receiver
from .loopback import number_of
from .posting import BOARD, MOST, clock
from .under_way import UnderWay

__all__ = ["TimedPost"]

_READY = 30.0  # s, until the sender has started on a busy machine
_LONGEST = 2.0  # s of a run
_PATIENCE = 0.3  # s after the last one is due
_WAIT = 0.02  # s for which the receiver sleeps at most
_GRACE = 0.5


class TimedPost:
    """A process that sends numbered datagrams of 100 bytes to this one, each on time.

    It is started at once and takes about a second to be ready; `run` waits for that. It ends with
    this object, and however this process ends.

    Raises
    ------
    OSError
        The machine does not permit a process, or shared memory.
    """

    def __init__(self) -> None:
        self._block = SharedBlock.create(BOARD.itemsize)
        self._board = self._block.as_array().view(BOARD)[0]
        order = {"board": self._block.handle}
        self._process = Subprocess("zcviz.lessons.posting", order, [self._block])
        self.close = weakref.finalize(self, _end, self._process, self._block)

    @property
    def pid(self) -> int:
        """Number of the sender's process."""
        return self._process.pid

    def run(
        self, receiver: Receiver, name: str, *, rate: float = 1000, number: int = 1000,
        at_once: int = 1, spin: bool = False, answer: bool = False,
        work: Callable[[int], object] | None = None,
    ) -> UnderWay:  # fmt: skip
        """Have datagrams sent, receive them, and return what they took.

        Parameters
        ----------
        receiver : Receiver
        name : str
            What this run is called.
        rate : float [datagrams/s]
        number : int
            Fewer, if it would take more than two seconds.
        at_once : int
            Collect so many before any of them is handled.
        spin : bool
            Ask again and again, instead of sleeping until something comes.
        answer : bool
            Whether the sender waits for an answer before it sends the next one.
        work : callable (number), optional
            What is done with each before it counts as handled; numbers begin with 1.

        Raises
        ------
        SelectionError
            The rate or a number makes no sense.
        OSError
            The sender is gone.
        """
        if not (0 < rate <= 100_000 and number > 0 and at_once > 0):
            raise SelectionError(f"rate, number: expected more than 0, found {rate}, {number}")
        number = min(number, int(rate * _LONGEST), MOST)
        self._wait_until("ready", 1, _READY)
        board, done = self._board, int(self._board["done"])
        board["port"], board["number"] = receiver.address[1], number
        board["gap"], board["answered"] = int(1e9 / rate), answer
        with _Answers(int(board["answer_to"]) if answer else 0) as answers:
            before, began = time.thread_time(), time.perf_counter()
            self._process.wake()
            until = time.perf_counter() + number / rate + _PATIENCE + _LONGEST * answer
            came = _receive(receiver, number, at_once, until, spin, work, answers.send)
            cpu = (time.thread_time() - before) / (time.perf_counter() - began)
        self._wait_until("done", done + 1, _LONGEST + number / rate)
        looks = board["looks"][: int(board["n_looks"])].copy()
        due, sent = board["due"][:number].copy(), board["sent"][:number].copy()
        return UnderWay(name, due, sent, came, looks, cpu, float(board["steal"]))

    def _wait_until(self, what: str, value: int, patience: float) -> None:
        until = time.monotonic() + patience
        while self._board[what] < value:
            why = self._process.why_gone()
            if why is not None or time.monotonic() > until:
                raise OSError(why or f"the sender is not {what} after {patience:.0f} s")
            time.sleep(0.001)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        if not self.close.alive:
            return "<TimedPost: ended>"
        return f"<TimedPost: process {self.pid}, on 127.0.0.1>"


def _end(process: Subprocess, block: SharedBlock) -> None:
    process.ask_to_end()
    process.end(_GRACE)
    block.close()


class _Answers:
    """Where answers go; nowhere without a port."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if port else None
        self._to = ("127.0.0.1", port)

    def send(self) -> None:
        if self._socket is not None:
            self._socket.sendto(b"!", self._to)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()


def _receive(
    receiver: Receiver, number: int, at_once: int, until: float, spin: bool,
    work: Callable[[int], object] | None, answer: Callable[[], None],
) -> NDArray[np.int64]:  # fmt: skip
    came = np.zeros(number, np.int64)
    wait, waiting, seen = 0.0 if spin else _WAIT, [], 0
    while seen < number and time.perf_counter() < until:
        batch = receiver.receive(wait)
        for datagram in batch or ():
            waiting.append(number_of(datagram))
            seen += 1
            if len(waiting) < at_once and seen < number:
                continue
            for each in waiting:
                if work is not None:
                    work(each)
                came[each - 1] = clock()
                answer()
            waiting.clear()
    return came
