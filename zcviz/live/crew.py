"""The workers of one live run: a subprocess for each pipeline, or one thread for all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .board import QUANTUM, Phase, Slot, board_of_this_process
from .meter import Meter
from .shared import SharedBlock
from .worker import explain

if TYPE_CHECKING:
    from ..feed import Feed

__all__ = ["Crew", "Processes", "Thread"]

_GRACE = 0.15  # seconds a worker has to end by itself once asked


class Crew:
    """What `LiveRun` needs of its workers; each works in a slot of the board."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._board, self._block = board_of_this_process()
        self.slots: dict[str, Slot] = {}

    def hire(self, name: str) -> None:
        """Put a worker to work on pipeline `name`.

        Raises
        ------
        OSError
            The machine does not permit it.
        """
        slot = self._board.claim()
        try:
            self._begin(name, slot)
        except BaseException:
            self._board.release(slot)
            raise
        self.slots[name] = slot

    def dismiss(self, names: list[str]) -> None:
        """End these workers, and return when they are gone."""
        for name in names:
            self.slots[name].ask_to_stop()
        for name in names:
            slot = self.slots.pop(name)
            if self._end(name):
                self._board.release(slot)

    def check(self) -> dict[str, str]:
        """Let go of workers that ended by themselves; return why, by pipeline."""
        reasons = {name: reason for name in self.slots if (reason := self._gone(name)) is not None}
        self.dismiss(list(reasons))
        self._board.arrange()
        return reasons

    @property
    def taking_turns(self) -> bool:
        """Whether workers run one after another, for want of cores."""
        return bool(self._board.turns[0])

    def close(self) -> None:
        """End all workers and free what they shared."""
        self.dismiss(list(self.slots))

    def _begin(self, name: str, slot: Slot) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> bool:
        # True when the worker is certainly gone, so that its slot can serve another.
        raise NotImplementedError

    def _gone(self, name: str) -> str | None:
        raise NotImplementedError


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

    def process_id(self, name: str) -> int:
        """Return the process number of the worker of pipeline `name`."""
        return self._processes[name][0].pid

    def _begin(self, name: str, slot: Slot) -> None:
        if self._block is None or sys.platform == "emscripten" or not sys.executable:
            raise OSError("this machine permits no subprocess")
        blocks = [self._block]
        if self._feed.path is None:
            blocks.append(self._shared_feed())
        order = {
            "board": self._block.handle,
            "slot": slot.number,
            "pipeline": name,
            "path": None if self._feed.path is None else str(self._feed.path.absolute()),
            "memory": blocks[-1].handle,
            "protocol": self._feed.protocol.name,
        }
        inherited = [descriptor for block in blocks for descriptor in block.descriptors]
        # What it says on standard error is kept for the case that it dies before it can report.
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "zcviz.live.worker", json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(),
                **_apart(inherited),
            )
        except BaseException:
            errors.close()
            raise
        self._processes[name] = process, errors

    def _shared_feed(self) -> SharedBlock:
        if self._memory is None:
            self._memory = SharedBlock.create(len(self._feed.data))
            self._memory.as_array()[:] = self._feed.data
        return self._memory

    def _end(self, name: str) -> bool:
        process, errors = self._processes.pop(name)
        if process.stdin:
            process.stdin.close()
        for end in (lambda: None, process.terminate, process.kill):
            end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
                break
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
            return f"its process was killed by {signal.Signals(-status).name}"
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return last[0] if last else f"its process ended with status {status}"


class Thread(Crew):
    """One thread of this process, which runs the pipelines in turns."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._meters: dict[str, Meter] = {}
        self._thread: threading.Thread | None = None

    @property
    def taking_turns(self) -> bool:
        """Whether pipelines run one after another: here, always."""
        return len(self.slots) > 1

    def _begin(self, name: str, slot: Slot) -> None:
        from ..pipelines import PIPELINES

        self._meters[name] = Meter(PIPELINES[name], self._feed, slot)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="zcviz live", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:
                raise OSError("this machine permits neither a subprocess nor a thread") from error

    def _end(self, name: str) -> bool:
        del self._meters[name]
        if self._thread and not self._meters:
            self._thread.join(_GRACE)
            return not self._thread.is_alive()
        return True

    def _gone(self, name: str) -> str | None:
        slot = self.slots[name]
        return slot.error if slot.phase == Phase.ENDED else None

    def _work(self) -> None:
        while meters := dict(self._meters):
            for name, meter in meters.items():
                slot = self.slots.get(name)
                if slot is None or slot.phase == Phase.ENDED:
                    time.sleep(STEP)
                else:
                    _take_turn(meter, slot)


def _take_turn(meter: Meter, slot: Slot) -> None:
    try:
        if slot.phase == Phase.STARTING:
            meter.warm_up()
            slot.phase = Phase.READY
        meter.turn(QUANTUM)
    except Exception as error:
        slot.error = explain(error)
        slot.phase = Phase.ENDED


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
