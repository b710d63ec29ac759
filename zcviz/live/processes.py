"""Workers that are subprocesses, one for each pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..buffers import HeldBytes, MappedFile
from .board import Slot
from .crew import GRACE, Crew
from .shared import SharedBlock
from .subprocesses import Subprocess

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Processes", "is_reopened"]


def is_reopened(feed: Feed) -> bool:
    """Whether each worker opens the file itself; all other feeds go into shared memory once."""
    return feed.path is not None and isinstance(feed.source, MappedFile | HeldBytes)


class Processes(Crew):
    """A subprocess for each pipeline."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._processes: dict[str, Subprocess] = {}
        self._memory: SharedBlock | None = None

    def close(self) -> None:
        """End all workers and free what they shared."""
        super().close()
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def process_ids(self) -> dict[str, int]:
        """Return the process number of each worker, by pipeline."""
        return {name: process.pid for name, process in self._processes.items()}

    def _begin(self, name: str, slot: Slot) -> None:
        if self._block is None:
            raise OSError("no shared memory here")
        path = self._feed.path if is_reopened(self._feed) else None
        blocks = [self._block] if path is not None else [self._block, self._shared_feed()]
        order = {
            "board": self._block.handle,
            "slot": slot.number,
            "pipeline": name,
            "path": None if path is None else str(path.absolute()),
            "memory": blocks[-1].handle,
            "protocol": self._feed.protocol.name,
        }
        self._processes[name] = Subprocess("zcviz.live.worker", order, blocks)

    def _shared_feed(self) -> SharedBlock:
        if self._memory is None:
            self._memory = SharedBlock.create(len(self._feed.data))
            self._memory.as_array()[:] = self._feed.data
        return self._memory

    def _ask(self, name: str) -> None:
        self._processes[name].ask_to_end()

    def _end(self, name: str) -> bool:
        self._processes.pop(name).end(GRACE)
        return True

    def _gone(self, name: str) -> str | None:
        reason = self._processes[name].why_gone()
        return reason if reason is None else self.slots[name].error or reason
