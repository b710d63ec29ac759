"""`zcviz lab`: put lessons and data where they can be written to, and open JupyterLab there."""

from __future__ import annotations

import contextlib
import filecmp
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .errors import MissingExtraError, ZcvizError

__all__ = ["lab"]

FIRST_LESSON = "notebooks/00_start_here.ipynb"
# Ctrl-C ends any command within a second: what is left of it once the rest has its share.
PATIENCE = 0.7  # s


def lab(directory: Path | None, jupyter_args: list[str]) -> int:
    """Open the lessons in JupyterLab, on the loopback interface, until it is ended.

    Parameters
    ----------
    directory : Path or None
        Where lessons and data are put; files that are there already stay as they are. By default
        a checkout's own folders are used as they are, and an installed package puts its lessons
        into ``./zcviz-lessons``.
    jupyter_args : list of str
        Further arguments for JupyterLab.

    Returns
    -------
    int
        The exit status: 0 when the learner ended JupyterLab, 2 when it failed.

    Raises
    ------
    MissingExtraError
        JupyterLab is not installed.
    ZcvizError
        The arguments would open the server to other machines, or the lessons are missing.
    """
    for argument in jupyter_args:
        if re.match(r"--?(\w+\.)?(ip|sock)(=|$)", argument):
            raise ZcvizError(f"lab listens on loopback only: leave out {argument}")
    if importlib.util.find_spec("jupyterlab") is None:
        raise MissingExtraError('lab needs JupyterLab: pip install "zcviz[notebooks]"')
    root = _place_lessons(directory)
    print(f"zcviz lab: lessons in {root}; Ctrl-C ends", file=sys.stderr, flush=True)
    return _run(_command(root, jupyter_args), root)


def _place_lessons(directory: Path | None) -> Path:
    """Return the folder that holds ``notebooks/`` and ``data/``, filled if need be."""
    package = Path(__file__).resolve().parent
    packaged = package / "_lessons"
    source = packaged if packaged.is_dir() else package.parent
    if not (source / FIRST_LESSON).is_file():
        raise ZcvizError(f"no lessons in {source}: expected {FIRST_LESSON}; install zcviz again")
    if directory is None and source != packaged:
        return source
    root = (Path("zcviz-lessons") if directory is None else directory).resolve()
    for file in _lesson_files(source):
        _copy_unless_there(source / file, root / file, str(file))
    return root


def _lesson_files(source: Path) -> Iterator[Path]:
    for folder in ("notebooks", "data"):
        for path in sorted((source / folder).rglob("*")):
            file = path.relative_to(source)
            # In a checkout the notebooks' .py twins and Jupyter's own folders lie beside them.
            hidden = any(part.startswith(".") for part in file.parts)
            if path.is_file() and path.suffix != ".py" and not hidden:
                yield file


def _copy_unless_there(source: Path, target: Path, name: str) -> None:
    if target.exists():
        if not filecmp.cmp(source, target, shallow=False):
            print(f"zcviz lab: kept your {name}; delete it to get the original", file=sys.stderr)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Half a file, left by Ctrl-C, would count as the learner's own ever after.
    unfinished = target.with_name(target.name + ".part")
    shutil.copyfile(source, unfinished)
    unfinished.replace(target)


def _command(root: Path, jupyter_args: list[str]) -> list[str]:
    defaults = {
        "ServerApp.root_dir": str(root),
        "LabApp.default_url": f"/lab/tree/{FIRST_LESSON}",
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        defaults["ServerApp.allow_root"] = "True"
    # Jupyter refuses an option given twice: the caller's comes instead of ours.
    options = [a.split("=")[0].lstrip("-") for a in jupyter_args if a.startswith("-")]
    given = {option.rpartition(".")[2].replace("-", "_") for option in options}
    # LabApp.ip outranks every way in which a configuration file can name another interface.
    command = [sys.executable, "-m", "jupyterlab", "--LabApp.ip=127.0.0.1"]
    ours = [f"--{k}={v}" for k, v in defaults.items() if k.partition(".")[2] not in given]
    return [*command, *ours, *jupyter_args]


def _run(command: list[str], root: Path) -> int:
    # A session of its own and no terminal to read from: Ctrl-C reaches this process alone, and
    # Jupyter does not ask whether it was meant.
    with _interrupted_by("SIGTERM", "SIGHUP"):
        child = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, start_new_session=os.name == "posix"
        )
        try:
            return 2 if _status_of(child) else 0
        except KeyboardInterrupt:
            return 0
        finally:
            _end(child)


def _status_of(child: subprocess.Popen[bytes]) -> int:
    # Windows delivers Ctrl-C only between two waits.
    turn = None if os.name == "posix" else 0.2
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(turn)


@contextlib.contextmanager
def _interrupted_by(*names: str) -> Iterator[None]:
    """Let these signals do what Ctrl-C does, except one that is ignored (nohup)."""
    previous = {}
    for name in names:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            previous[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end(child: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":  # elsewhere the console has interrupted it already
        child.terminate()
    try:
        child.wait(PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()  # its kernels notice and end themselves
        child.wait()
