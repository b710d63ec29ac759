"""A worker that is a subprocess: started, asked how it is, ended, and always reaped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .shared import SharedBlock

__all__ = ["Subprocess"]


class Subprocess:
    """``python -m module '{…}'``, with a pipe to its standard input.

    It has to end when that pipe closes: the system closes the other end however this process dies.

    Parameters
    ----------
    module : str
    order : dict
        What it shall do, as JSON.
    blocks : iterable of SharedBlock
        Memory that it inherits.

    Raises
    ------
    OSError
        The machine does not permit it.
    """

    def __init__(self, module: str, order: dict[str, Any], blocks: Iterable[SharedBlock]) -> None:
        if sys.platform == "emscripten" or not sys.executable:
            raise OSError("no subprocess here")
        inherited = [descriptor for block in blocks for descriptor in block.descriptors]
        # What it says on standard error is kept for the case that it dies before it can report.
        with contextlib.ExitStack() as undo:
            self._errors = undo.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=_environment(),
                **_apart(inherited),
            )
            undo.pop_all()
        self.pid = self._process.pid

    def wake(self) -> None:
        """Write a byte to its standard input; nothing happens if it is gone."""
        if self._process.stdin:
            with contextlib.suppress(OSError):
                os.write(self._process.stdin.fileno(), b"\n")

    def ask_to_end(self) -> None:
        """Tell it to end; it holds no lock and writes no file, so that may be anywhere."""
        self._process.terminate()

    def end(self, grace: float) -> None:
        """Reap it: kill it if it is still there after `grace` seconds."""
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._errors.close()

    def why_gone(self) -> str | None:
        """Return why it ended by itself; None while it runs."""
        status = self._process.poll()
        if status is None:
            return None
        if status < 0:
            return _killed_by(-status)
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
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
