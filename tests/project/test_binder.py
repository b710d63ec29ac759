"""Binder: the image that its builder would make, inspected; and its steps, executed here.

Neither needs a container engine. The steps are read out of the generated Dockerfile, so what is
executed is what Binder would execute, in an environment that has only Python.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import venv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.project.support import ADDRESS, FIRST_LESSON, ROOT, clean_copy, fresh_environment, run

pytest.importorskip("repo2docker")
PYTHON = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()


@pytest.fixture(scope="module")
def dockerfile(checkout: Path) -> str:
    told = run("{python}", "-m", "repo2docker", "--no-build", "--debug", checkout)
    return told.stdout + told.stderr


def steps_of(dockerfile: str) -> list[str]:
    """Return the commands that concern our files, in their order."""
    return re.findall(r"^RUN (.*\bbinder/.*)$", dockerfile, re.MULTILINE)


def test_the_image_installs_the_lock_and_then_the_package(dockerfile: str) -> None:
    assert steps_of(dockerfile) == [
        '${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        "chmod +x binder/postBuild",
        "./binder/postBuild",
    ]
    # The lock's layer must not depend on the rest, or every edit would install everything again.
    order = r"COPY \S+ src/binder/requirements.txt .*pip install --no-cache-dir.*COPY \S+ src/ "
    assert re.search(order, dockerfile, re.DOTALL)


def test_the_image_has_the_python_that_we_name(dockerfile: str) -> None:
    version = PYTHON.removeprefix("python-")
    assert re.fullmatch(r"3\.\d+", version)
    assert f"environment-2epy-2d{version.replace('.', '-2e')}-" in dockerfile


def test_the_readme_links_to_the_first_lesson() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"https://mybinder\.org/v2/[^\s)>\"]+", readme)
    assert links
    for link in map(urlsplit, links):
        owner_and_name = urlsplit(ADDRESS).path
        assert link.path.startswith(f"/v2/gh{owner_and_name}/")
        assert parse_qs(link.query)["urlpath"] == [f"lab/tree/{FIRST_LESSON}"]


@pytest.mark.slow
def test_the_steps_give_a_place_where_the_first_lesson_runs(
    dockerfile: str, tracked: list[Path], tmp_path: Path
) -> None:
    version = PYTHON.removeprefix("python-")
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = sys.executable if ours == version else shutil.which(PYTHON.replace("-", ""))
    assert python, f"Python {version}, as binder/runtime.txt says, is needed for this test"

    repository = clean_copy(tracked, tmp_path / "repository")
    prefix = tmp_path / "prefix"
    if ours == version:
        venv.create(prefix, with_pip=True)
    else:
        run(python, "-m", "venv", prefix)
    environment = fresh_environment(tmp_path / "home", KERNEL_PYTHON_PREFIX=str(prefix))
    environment["PATH"] = os.pathsep.join((str(prefix / "bin"), environment["PATH"]))
    options = {"cwd": repository, "env": environment}
    for step in steps_of(dockerfile):
        run("bash", "-c", step, timeout=600, **options)
    assert list(prefix.rglob("site-packages/zcviz/**/*.nbi")), "no kernel was compiled ahead"

    run("jupyter-execute", "--timeout=300", FIRST_LESSON, timeout=600, **options)
