"""Workers for machines that permit no subprocess: one thread, which runs pipelines in turns."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from .board import NAP, QUANTUM, Phase, Slot
from .crew import GRACE, Crew
from .meter import Meter, pipeline_named
from .worker import explain

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Thread"]


class Thread(Crew):
    """One thread of this process, which runs the pipelines in turns."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._jobs: dict[str, tuple[Meter, Slot]] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def close(self) -> None:
        """End the thread."""
        super().close()
        self._closed.set()
        if self._thread is not None:
            self._thread.join(GRACE)

    @property
    def taking_turns(self) -> bool:
        """Whether pipelines run one after another: here, always."""
        return len(self.slots) > 1

    def _begin(self, name: str, slot: Slot) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="zcviz live", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise OSError("this machine permits neither a subprocess nor a thread") from error
            self._thread = thread
        self._jobs[name] = Meter(pipeline_named(name), self._feed, slot, "thread_time"), slot

    def _ask(self, name: str) -> None:
        pass

    def _end(self, name: str) -> bool:
        _, slot = self._jobs[name]
        until = time.monotonic() + GRACE
        while slot.phase != Phase.ENDED and time.monotonic() < until:
            time.sleep(NAP)
        del self._jobs[name]
        return slot.phase == Phase.ENDED

    def _gone(self, name: str) -> str | None:
        slot = self.slots[name]
        return slot.error if slot.phase == Phase.ENDED else None

    def _work(self) -> None:
        while not self._closed.is_set():
            for meter, slot in list(self._jobs.values()):
                _take_turn(meter, slot)
            time.sleep(NAP)


def _take_turn(meter: Meter, slot: Slot) -> None:
    if slot.phase == Phase.ENDED:
        return
    try:
        if slot.phase == Phase.STARTING and not slot.stopping:
            meter.warm_up()
            slot.phase = Phase.READY
        slot.board.grant()
        if slot.may_run():
            meter.turn(QUANTUM)
    except Exception as error:
        slot.error = explain(error)
    if slot.stopping or slot.error:
        slot.phase = Phase.ENDED
    slot.pass_turn()
