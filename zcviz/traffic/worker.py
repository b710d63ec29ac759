"""A process of a run of traffic: ``python -m zcviz.traffic.worker '{"row": …}'``.

It gets ready, then sleeps until a byte on its standard input says that there may be something to
do; what that is stands on the board. It ends when its standard input closes (the system closes the
other end however its parent dies), and when it finds itself adopted by another process.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
from typing import Any

from ..live.shared import SharedBlock
from ..live.worker import explain
from .board import SENDER, Board, Phase

__all__ = ["main"]

_LOOK = 1.0  # seconds between two looks at whose child this is


def main(order: dict[str, Any]) -> None:
    """Do what runs ask for until told otherwise."""
    wake = threading.Event()
    threading.Thread(target=_listen, args=(wake,), daemon=True).start()
    _settle(order["core"])
    board = Board(SharedBlock.attach(order["board"]).map)
    row = board.rows[order["row"]]
    try:
        _serve(board, order, wake)
    except Exception as error:
        row.refuse(board.generation, explain(error))


def _serve(board: Board, order: dict[str, Any], wake: threading.Event) -> None:
    row, job = board.rows[order["row"]], _job(board, order)
    job.warm_up()
    gc.freeze()  # what is there now stays; the collector need not look at it again and again
    row.enter(Phase.IDLE)
    done, parent = 0, os.getppid()
    while os.getppid() == parent:
        generation = board.generation
        if generation != done and board.goes_on(generation):
            done = generation
            job.run(generation)
            if row.phase != Phase.REFUSED:
                row.enter(Phase.IDLE, generation)
        elif wake.wait(_LOOK):
            wake.clear()


def _job(board: Board, order: dict[str, Any]) -> Any:
    # Imported late: first of all it looks to its parent.
    from .receiving import Receiving
    from .sending import Sending

    stock = unpacked(SharedBlock.attach(order["stock"]).map)
    if order["row"] == SENDER:
        return Sending(board, stock)
    return Receiving(board, order["row"], stock)


def packed(stock: list[bytes]) -> bytes:
    """Return messages in one piece, each after its length; a length of 0 ends them."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in stock) + b"\0\0"


def unpacked(memory: Any) -> list[bytes]:
    """Return the messages that `packed` put together."""
    data, at, stock = memoryview(memory), 0, []
    while size := int.from_bytes(data[at : at + 2], "big"):
        stock.append(bytes(data[at + 2 : at + 2 + size]))
        at += 2 + size
    return stock


def _settle(core: int | None) -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)  # the kernel and the page come first
    if core is not None:
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setaffinity(0, {core})


def _listen(wake: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 64):
            wake.set()
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    # Nothing is worth tearing down in order: no file was written, no lock is held.
    os._exit(0)
