"""The subprocess of one live pipeline: ``python -m zcviz.live.worker '{"slot": …}'``.

It ends when it is asked to, when its standard input closes (the system closes the other end
however its parent dies), and when it finds itself adopted by another process. It writes to its slot
on the board and nowhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from .board import NAP, QUANTUM, Board, Phase, Slot
from .meter import Meter, pipeline_named
from .shared import SharedBlock

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["explain", "main"]


def main(order: dict[str, Any]) -> None:
    """Run the pipeline that `order` names until told otherwise."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)  # the kernel and the page come first
    slot = Board(SharedBlock.attach(order["board"]).map).slot(order["slot"])
    try:
        _run(slot, order)
    except Exception as error:
        slot.error = explain(error)
    slot.phase = Phase.ENDED


def explain(error: Exception) -> str:
    """Return what went wrong as one line for a reader, not a traceback."""
    from ..errors import ZcvizError

    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror[0].lower()}{error.strerror[1:]}"
    text = " ".join(str(error).split())
    return text if isinstance(error, ZcvizError) else f"{type(error).__name__}: {text}"


def _run(slot: Slot, order: dict[str, Any]) -> None:
    meter = Meter(pipeline_named(order["pipeline"]), _open(order), slot, "process_time")
    meter.warm_up()
    slot.phase = Phase.READY
    parent = os.getppid()
    while not slot.stopping and os.getppid() == parent:
        if slot.may_run():
            meter.turn(QUANTUM)
            slot.pass_turn()
        else:
            slot.board.grant()  # whoever had the turn may be gone
            time.sleep(NAP)


def _open(order: dict[str, Any]) -> Feed:
    from ..feed import open

    if order["path"] is not None:
        return open(order["path"], protocol=order["protocol"])
    return open(SharedBlock.attach(order["memory"]).map, protocol=order["protocol"])


def _end_with_parent() -> NoReturn:
    with contextlib.suppress(OSError):
        os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    # Nothing is worth tearing down in order: no file was written, no lock is held.
    os._exit(0)
