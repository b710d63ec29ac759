"""Helpers for the tests of the project's own files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ADDRESS = PROJECT["project"]["urls"]["Repository"]
FIRST_LESSON = "notebooks/00_start_here.ipynb"


def run(*command: str | Path, timeout: float = 120, **options) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a failure shows what it printed. ``{python}`` is this Python."""
    words = [sys.executable if word == "{python}" else str(word) for word in command]
    options = {"cwd": ROOT, "stdin": subprocess.DEVNULL, **options}
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, check=False, **options
    )
    told = f"{' '.join(words)}\nexit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    return done


def clean_copy(files: Iterable[Path], folder: Path) -> Path:
    """Copy these files of the checkout to a folder, permissions included."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, folder / file)
    return folder


def fresh_environment(home: Path, **more: str) -> dict[str, str]:
    """Return this process's environment as a newcomer would have it: an empty home, nothing set.

    Package registries are given little time, so that a machine without them fails and says so.
    """
    home.mkdir(parents=True, exist_ok=True)
    ours = ("JUPYTER", "IPYTHON", "PYTHON", "VIRTUAL_ENV", "XDG_", "ZCVIZ_", "COVERAGE", "PYTEST")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    kept.update(HOME=str(home), PIP_DEFAULT_TIMEOUT="30", PIP_RETRIES="2", **more)
    return kept


def free_port() -> int:
    """Return a port on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str, token: str) -> bytes:
    """Ask a Jupyter server on this machine."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"token {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def wait_until_up(server: subprocess.Popen, port: int, token: str, timeout: float = 60) -> None:
    """Return once the server answers at ``/api/status``."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            get(port, "/api/status", token)
            return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, f"the server ended with {server.returncode}"
            assert time.monotonic() < deadline, f"no answer within {timeout} s"
            time.sleep(0.1)
