"""Environments for other people's packages, made when they are first asked for."""

from __future__ import annotations

import shutil
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .job import Unavailable
from .process import run

__all__ = ["HERE", "Environments"]

HERE = Path(__file__).parents[2] / "bench"
"""Where a checkout keeps the list of peers, and what drives them."""
SECONDS = 300
"""That installing, or building, may take."""


class Environments:
    """One environment a package, kept between runs.

    Parameters
    ----------
    root : Path
        Where they are.
    requirements : sequence of str
        ``"name==version"``.
    """

    def __init__(self, root: Path, requirements: Sequence[str]) -> None:
        self._root = root.absolute()
        self._requirements = {each.partition("==")[0]: each for each in requirements}
        self._made: dict[str, Path | Unavailable] = {}

    @classmethod
    def listed(cls, root: Path) -> Environments:
        """Take the packages of ``bench/peers.txt``.

        Raises
        ------
        Unavailable
            There is no such list: this zcviz was not started in a checkout.
        """
        try:
            lines = (HERE / "peers.txt").read_text(encoding="utf-8").splitlines()
        except OSError:
            raise Unavailable("peers are compared in a checkout only") from None
        return cls(root, [line for line in lines if line and not line.startswith("#")])

    def version(self, package: str) -> str:
        """Return which version of a package is asked for."""
        return self._requirements[package].partition("==")[2]

    def python(self, package: str) -> Path:
        """Return an interpreter that has the package.

        Raises
        ------
        Unavailable
            It cannot be installed.
        """
        home, requirement = self._root / package, self._requirements[package]
        return self._once(package, lambda: _install(home, requirement))

    def program(self, package: str, source: str) -> Path:
        """Return the program built of a C++ source and the headers that the package comes with.

        Raises
        ------
        Unavailable
            It cannot be installed, or not be built.
        """
        python = self.python(package)
        home, requirement = self._root / package, self._requirements[package]
        return self._once(source, lambda: _build(home, python, requirement, source))

    def _once(self, what: str, make: Callable[[], Path]) -> Path:
        # What failed is not tried again for the next way to use it.
        if what not in self._made:
            try:
                self._made[what] = make()
            except Unavailable as reason:
                self._made[what] = reason
        made = self._made[what]
        if isinstance(made, Unavailable):
            raise made
        return made


def _install(home: Path, requirement: str) -> Path:
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = home / "installed"
    if not done.exists() or done.read_text(encoding="utf-8") != requirement:
        run([sys.executable, "-m", "venv", "--clear", home], SECONDS)
        run([*_pip(python), "install", requirement], SECONDS)
        done.write_text(requirement, encoding="utf-8")
    return python


def _build(home: Path, python: Path, requirement: str, source: str) -> Path:
    compiler = shutil.which("c++")
    if compiler is None:
        raise Unavailable("there is no C++ compiler")
    if not _headers(home):
        options = ["--no-deps", "--no-binary=:all:", "-d", str(home)]
        run([*_pip(python), "download", *options, requirement], SECONDS)
        for packed in home.glob("*.tar.gz"):
            with tarfile.open(packed) as archive:
                archive.extractall(home / "source", filter="data")
    program = home / Path(source).stem
    folders = [f"-I{folder}" for folder in (HERE / "peers", *_headers(home))]
    sources = [HERE / "peers" / source, *home.rglob("libitch.a")]
    options = ["-O3", "-march=native", "-std=c++23", *folders]
    run([compiler, *options, *sources, "-o", program], SECONDS)
    return program


def _headers(home: Path) -> list[Path]:
    return [each.parents[1] for each in home.rglob("itch/parser.hpp")]


def _pip(python: Path) -> list[str | Path]:
    return [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
