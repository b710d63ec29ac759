"""What the tests of the project's own files share: the clean copy and the built wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project.support import ROOT, clean_copy, run


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file that is, or is about to be, in git; relative to the root."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listing = run("git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard")
    files = sorted({Path(name) for name in listing.stdout.split("\0") if name})
    return [file for file in files if (ROOT / file).is_file()]


@pytest.fixture(scope="session")
def checkout(tracked: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with nothing in it that git would not bring; tests may read it, not change it."""
    return clean_copy(tracked, tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `pip install` would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    run("{python}", "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=checkout)
    (built,) = folder.glob("*.whl")
    return built
