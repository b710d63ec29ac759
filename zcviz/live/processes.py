"""Workers that are subprocesses, one for each pipeline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..buffers import HeldBytes, MappedFile
from .board import Slot
from .crew import GRACE, Crew
from .shared import SharedBlock

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
        self._processes: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._memory: SharedBlock | None = None

    def close(self) -> None:
        """End all workers and free what they shared."""
        super().close()
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def process_ids(self) -> dict[str, int]:
        """Return the process number of each worker, by pipeline."""
        return {name: process.pid for name, (process, _) in self._processes.items()}

    def _begin(self, name: str, slot: Slot) -> None:
        if self._block is None or sys.platform == "emscripten" or not sys.executable:
            raise OSError("no subprocess here")
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
        inherited = [descriptor for block in blocks for descriptor in block.descriptors]
        # What it says on standard error is kept for the case that it dies before it can report.
        with contextlib.ExitStack() as undo:
            errors = undo.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                [sys.executable, "-m", "zcviz.live.worker", json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(),
                **_apart(inherited),
            )
            undo.pop_all()
        self._processes[name] = process, errors

    def _shared_feed(self) -> SharedBlock:
        if self._memory is None:
            self._memory = SharedBlock.create(len(self._feed.data))
            self._memory.as_array()[:] = self._feed.data
        return self._memory

    def _ask(self, name: str) -> None:
        # It holds no lock and writes no file, so it may be ended anywhere.
        self._processes[name][0].terminate()

    def _end(self, name: str) -> bool:
        process, errors = self._processes.pop(name)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()
        errors.close()
        return True

    def _gone(self, name: str) -> str | None:
        process, errors = self._processes[name]
        status = process.poll()
        if status is None:
            return None
        if error := self.slots[name].error:
            return error
        if status < 0:
            return _killed_by(-status)
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return last[0] if last else f"its process ended with status {status}"


def _killed_by(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    likely = ": the file was cut while it was mapped" if name == "SIGBUS" else ""
    return f"its process was killed by {name}{likely}"


def _environment() -> dict[str, str]:
    # The worker imports this very package, wherever the kernel found it.
    here = str(Path(__file__).parents[2])
    others = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([here, others] if others else [here])}


def _apart(descriptors: list[int]) -> dict[str, Any]:
    # A session of its own: interrupting the kernel must not interrupt the worker, and killing the
    # kernel's process group leaves it alive just long enough to see that its parent is gone.
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"pass_fds": descriptors, "start_new_session": True}
