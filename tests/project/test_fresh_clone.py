"""`make lab` in a fresh clone, in an empty home; by an ordinary user where root runs the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.support import (
    FIRST_LESSON,
    clean_copy,
    free_port,
    fresh_environment,
    get,
    wait_until_up,
)

NOBODY = 65534
TOKEN = "of-this-test"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="make and ordinary users"),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


@pytest.fixture
def newcomer(tracked: list[Path]) -> Iterator[tuple[Path, dict]]:
    """A folder with a clone, and how to start a process there as its owner."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clean_copy(tracked, folder / "repository")
        environment = fresh_environment(folder / "home", JUPYTER_TOKEN=TOKEN)
        options = {"cwd": folder / "repository", "env": environment}
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        yield folder, options


def test_make_lab(newcomer: tuple[Path, dict]) -> None:
    folder, options = newcomer
    port = free_port()
    words = ["make", "lab", f"ARGS=--no-browser --port={port} --ServerApp.port_retries=0"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            **options,
        )  # fmt: skip
    try:
        wait_until_up(server, port, TOKEN, timeout=600)
        get(port, f"/api/contents/{FIRST_LESSON}?content=0", TOKEN)
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does at Ctrl-C
        server.wait(10)
    except Exception as error:
        pytest.fail(f"{error!r}\n{(folder / 'log').read_text()}")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(10)
    with pytest.raises(OSError):
        get(port, "/api/status", TOKEN)
