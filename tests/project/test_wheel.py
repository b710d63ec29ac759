"""The wheel holds the package, the lessons and the data, and nothing else; and it works."""

from __future__ import annotations

import json
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.project.support import FIRST_LESSON, fresh_environment, run

pytest.importorskip("hatchling")


def expected_name(file: Path) -> str | None:
    """Return the place in the wheel of a file of the checkout, or None."""
    if file.parts[0] == "zcviz":
        return str(file)
    if file.parts[0] in ("notebooks", "data") and not file.match("notebooks/*.py"):
        return f"zcviz/_lessons/{file}"
    return None


def test_contents(wheel: Path, tracked: list[Path]) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if not n.endswith("/")}
    information = {n for n in names if ".dist-info/" in n}
    assert names - information == {n for n in map(expected_name, tracked) if n}
    assert {n.partition("/")[2] for n in information} >= {"licenses/LICENSE", "entry_points.txt"}
    assert {
        "zcviz/py.typed",
        f"zcviz/_lessons/{FIRST_LESSON}",
        "zcviz/_lessons/data/feed.itch",
        "zcviz/_lessons/data/feed.pcap",
    } <= names
    assert any(n.startswith("zcviz/viz/static/") and n.endswith(".js") for n in names)


def test_the_source_archive_makes_the_same_wheel(
    wheel: Path, checkout: Path, tmp_path: Path
) -> None:
    run("{python}", "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=checkout)
    (archive,) = tmp_path.glob("*.tar.gz")
    run("{python}", "-m", "tarfile", "-e", archive, tmp_path / "x")
    (unpacked,) = (tmp_path / "x").iterdir()
    run("{python}", "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=unpacked)
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()


@pytest.mark.slow
def test_the_wheel_works_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "environment"
    venv.create(place, with_pip=True)
    # The dependencies are this environment's: its folder comes after the new one's own.
    paths = sysconfig.get_paths(vars={"base": str(place), "platbase": str(place)})
    borrowed = Path(paths["purelib"]) / "borrowed.pth"
    borrowed.write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    programs = Path(paths["scripts"])
    environment = fresh_environment(tmp_path / "home")
    options = {"cwd": tmp_path, "env": environment}
    run(programs / "pip", "install", "--no-index", "--no-deps", "--ignore-installed", wheel,
        **options)  # fmt: skip

    found = run(programs / "python", "-Ic", "import zcviz; print(zcviz.__file__)", **options)
    assert Path(found.stdout.strip()).is_relative_to(place)
    data = Path(found.stdout.strip()).parent / "_lessons" / "data" / "feed.itch"
    told = run(programs / "zcviz", "info", data, "--json", **options)
    assert json.loads(told.stdout)["messages"] > 0

    # JupyterLab itself is not started here: an option that it does not know ends it at once.
    script = (
        "import zcviz.lab as l; l._run = lambda command, root: print(root) or 0; l.lab(None, [])"
    )
    told = run(programs / "python", "-Ic", script, **options)
    assert Path(told.stdout.strip()) == tmp_path / "zcviz-lessons"
    assert (tmp_path / "zcviz-lessons" / FIRST_LESSON).is_file()
