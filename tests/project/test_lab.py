"""`zcviz lab`: what it puts where, what it refuses, and that it serves the first lesson."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.support import (
    FIRST_LESSON,
    ROOT,
    free_port,
    fresh_environment,
    get,
    wait_until_up,
)
from zcviz import lab as lab_module
from zcviz.errors import MissingExtraError, ZcvizError
from zcviz.lab import lab

TOKEN = "of-this-test"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path]]:
    """Nothing is run; what would be is noted."""
    notes: list[tuple[list[str], Path]] = []

    def note(command: list[str], root: Path) -> int:
        notes.append((command, root))
        return 0

    monkeypatch.setattr(lab_module, "_run", note)
    return notes


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ip=0.0.0.0"],
        ["--ip", "0.0.0.0"],
        ["--ServerApp.ip=*"],
        ["--no-browser", "--LabApp.ip", "::"],
        ["--NotebookApp.ip=192.0.2.1"],
        ["--ServerApp.sock=/tmp/a"],
    ],
)
def test_other_interfaces_are_refused(started: list, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(ZcvizError, match="loopback only"):
        lab(tmp_path, arguments)
    assert not started
    assert not list(tmp_path.iterdir())


def test_without_jupyterlab_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "zcviz\[notebooks\]"'):
        lab(None, [])


def test_a_checkout_is_used_as_it_is(started: list) -> None:
    assert lab(None, []) == 0
    assert started[0][1] == ROOT


def test_a_new_directory_gets_lessons_and_data(started: list, tmp_path: Path) -> None:
    there = tmp_path / "some" / "where"
    assert lab(there, ["--no-browser"]) == 0
    command, root = started[0]
    assert root == there
    assert command[-1] == "--no-browser"
    assert "--LabApp.ip=127.0.0.1" in command
    assert f"--ServerApp.root_dir={there}" in command

    names = {str(f.relative_to(there)) for f in there.rglob("*") if f.is_file()}
    lessons = {f"notebooks/{f.name}" for f in (ROOT / "notebooks").glob("*.ipynb")}
    assert FIRST_LESSON in lessons
    assert lessons <= names
    assert {"data/feed.itch", "data/feed.pcap", "data/README.md"} <= names
    assert not [n for n in names if n.endswith((".py", ".part"))]


def test_a_learners_edits_survive(
    started: list, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab(tmp_path, [])
    mine = tmp_path / FIRST_LESSON
    mine.write_text("mine", encoding="utf-8")
    (tmp_path / "data" / "feed.itch").unlink()
    capsys.readouterr()

    lab(tmp_path, [])
    told = capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "data" / "feed.itch").exists()
    assert told.count("kept your") == 1
    assert f"kept your {FIRST_LESSON}" in told


def test_the_callers_options_come_instead_of_ours(started: list, tmp_path: Path) -> None:
    lab(tmp_path, ["--LabApp.default_url=/lab", "--notebook-dir=x", "--allow-root"])
    command, _ = started[0]
    assert sum("default_url" in word for word in command) == 1
    assert not any("allow_root" in word for word in command)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_it_serves_the_first_lesson_and_ends_when_told(tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    environment = fresh_environment(tmp_path / "home", JUPYTER_TOKEN=TOKEN, PYTHONPATH=str(ROOT))
    words = [sys.executable, "-m", "zcviz", "lab", str(tmp_path / "lessons")]
    words += ["--", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=log)
    try:
        wait_until_up(server, port, TOKEN)
        found = json.loads(get(port, f"/api/contents/{FIRST_LESSON}?content=0", TOKEN))
        assert found["type"] == "notebook"
        page = get(port, f"/lab/tree/{FIRST_LESSON}", TOKEN).decode()
        assert '"news": {"disabled": true}' in page, "the news pop-up would greet the learner"
        server.send_signal(how)
        assert server.wait(5) == 0
    finally:
        server.kill()
        server.wait()
    assert f"/lab/tree/{FIRST_LESSON}" in (tmp_path / "log").read_text(), "opened first"
    with pytest.raises(OSError):
        get(port, "/api/status", TOKEN)
