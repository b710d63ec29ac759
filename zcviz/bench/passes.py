"""A receive path at work, in two processes: ``python -m zcviz.bench.passes``.

One receives, in several passes, and has the other one send to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from ..feed import open as open_feed
from ..receive import Receiver
from ..receive import open as open_path
from ..send import Sender
from ..trace import exact

__all__ = ["BUFFER", "main"]

BUFFER = 1 << 20
"""Bytes of a socket buffer that are asked for: a fixed rate shall not lose what a pause delays."""
_QUIET = 0.1
"""Seconds without a datagram after which one asks whether the sender has done its part."""
_TURN = 0.1
_NO_SENDER = "replay"  # it reads the file
_MODULE = "zcviz.bench.passes"


def main(words: list[str]) -> None:
    """Send, or receive and print what that took.

    Parameters
    ----------
    words : list of str
        ``"send"``, and a file; or ``"receive"``, a path, a file and passes: a list of (rate,
        rounds of the file) as JSON.
    """
    if words[0] == "send":
        _send(words[1])
        return
    name, file, passes = words[1:]
    print(json.dumps(_receive(name, file, json.loads(passes))))


# --- the process that receives


def _receive(name: str, file: str, passes: list[tuple[float, int]]) -> dict[str, Any]:
    try:
        _opened(name, file).close()
    except OSError as error:
        return {"refused": error.errno}
    with nullcontext() if name == _NO_SENDER else _sending(file) as sender:
        return {"passes": [_figures(name, file, sender, *each) for each in passes]}


def _opened(name: str, file: str) -> Receiver:
    receiver = open_path(name, buffer=BUFFER, file=file)
    if name != _NO_SENDER:
        receiver.receive(0)  # what is made at the first look is there before anything comes
    return receiver


def _figures(
    name: str, file: str, sender: _Posted | None, rate: float, rounds: int
) -> dict[str, Any]:
    # The same twice: time and allocations are never taken of one pass.
    with _opened(name, file) as receiver:
        began = time.process_time()
        sent, received = _pass(receiver, sender, rate, rounds)
        cpu, calls = time.process_time() - began, receiver.counters.syscalls
    with _opened(name, file) as receiver:
        with exact() as seen:
            _, counted = _pass(receiver, sender, rate, rounds)
        made = seen.result.total
    return {
        "sent": sent,
        "received": received,
        "cpu": 1e6 * cpu / max(1, received),
        "syscalls": None if calls is None else calls / max(1, received),
        "allocations": None if made is None else made.allocations / max(1, counted),
    }


def _pass(receiver: Receiver, sender: _Posted | None, rate: float, rounds: int) -> tuple[int, int]:
    # Returns how many were sent, and how many came.
    received = 0
    if sender is None:
        for batch in receiver.batches(0):
            received += len(batch)
        return received, received
    answer, expected = sender.begin(receiver.address, rate, rounds), rounds * sender.datagrams
    while received < expected:
        some = receiver.receive(_QUIET)
        if some is not None:
            received += len(some)
        elif answer.done():
            break
    return _number(answer), received


def _number(answer: Future[str]) -> int:
    line = answer.result()
    if not line:
        raise SystemExit(1)  # it ended, and has said why where errors are said
    return int(line)


@dataclass
class _Posted:
    # The other process, as the one that receives sees it.

    process: subprocess.Popen[str]
    listening: ThreadPoolExecutor
    datagrams: int = 0

    def begin(self, address: tuple[str, int], rate: float, rounds: int) -> Future[str]:
        """Have the file sent; return what will be the number of datagrams that went out."""
        assert self.process.stdin is not None
        print(json.dumps([*address, rate, rounds]), file=self.process.stdin, flush=True)
        return self.answer()

    def answer(self) -> Future[str]:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.listening.submit(self.process.stdout.readline)


@contextmanager
def _sending(file: str) -> Iterator[_Posted]:
    command = [sys.executable, "-m", _MODULE, "send", file]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process, ThreadPoolExecutor(1) as pool:
        try:
            _part(os.getpid(), process.pid)
            posted = _Posted(process, pool)
            posted.datagrams = _number(posted.answer())
            yield posted
        finally:
            process.kill()


def _part(*processes: int) -> None:
    # Each on a core of its own, where there are as many.
    with suppress(AttributeError, OSError):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) >= len(processes):
            for process, core in zip(processes, cores, strict=False):
                os.sched_setaffinity(process, {core})


# --- the process that sends


def _send(file: str) -> None:
    # Ends with its standard input, and so with whoever started it.
    with open_feed(file) as feed:
        assert feed.index.datagrams is not None
        print(len(feed.index.datagrams), flush=True)
        for line in sys.stdin:
            host, port, rate, rounds = json.loads(line)
            with Sender(feed, (host, port), rate=rate, loop=rounds) as sender:
                while sender.turn(_TURN):
                    pass
                print(sender.sent.datagrams, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
