"""The project's files agree with each other, and with what the README promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import zcviz
from tests.project.support import ADDRESS, PROJECT, ROOT, run


def text(name: str | Path) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))


def test_the_version_is_the_changelogs_newest() -> None:
    newest = re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == zcviz.__version__
    assert "version" in PROJECT["project"]["dynamic"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_that_is_written_down_exists(name: str) -> None:
    commands = set(re.findall(r"(?:^ *|`)make ([a-z]+)", text(name), re.MULTILINE))
    assert {"lab", "test"} <= commands
    assert commands <= makefile_targets()


def test_every_target_is_phony_and_in_the_help() -> None:
    assert set(re.search(r"^\.PHONY: (.*)$", text("Makefile"), re.M)[1].split()) == (  # type: ignore[index]
        makefile_targets()
    )
    if shutil.which("make"):
        told = run("make", "--no-print-directory", "help").stdout
        assert set(re.findall(r"^  make ([a-z]+)", told, re.MULTILINE)) == makefile_targets()


def test_the_public_address_is_the_same_everywhere(tracked: list[Path]) -> None:
    """When this fails, pyproject.toml has the right one."""
    _, host, owner, name = ADDRESS.rsplit("/", 3)
    pattern = re.compile(rf"(?:{re.escape(host)}|mybinder\.org/v2/gh)/([\w.-]+)/{name}\b")
    for file in tracked:
        if file.suffix in (".md", ".toml", ".py", ".ipynb", ".json"):
            for number, line in enumerate(text(file).splitlines(), 1):
                others = set(pattern.findall(line)) - {owner}
                assert not others, f"{file}:{number}: {others} instead of {owner}"


def test_no_file_names_a_machines_folders_or_a_package_index(tracked: list[Path]) -> None:
    folder = r"(?<![\w.:/~$}>*-])/(?:root|home|Users|work|mnt|opt|srv)/[\w.]"
    index = r"(?:files\.python[h]osted|pypi\.org/[s]imple|registry\.[n]pmjs|deb\.[d]ebian)"
    option = r"--(?:extra-)?index-ur[l]|--trusted-hos[t]|--find-link[s]"
    pattern = re.compile(f"{folder}|{index}|{option}")
    for file in tracked:
        content = (ROOT / file).read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
                assert not pattern.search(line), f"{file}:{number}: {line.strip()}"


@pytest.mark.skipif(os.name != "posix", reason="permissions")
@pytest.mark.parametrize("name", [".ci/run", "binder/postBuild"])
def test_scripts_stop_at_the_first_error(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    first, *rest = text(name).splitlines()
    assert first == "#!/bin/bash"
    assert next(line for line in rest if line and line[0] != "#") == "set -euo pipefail"


def test_the_licence_names_its_holder() -> None:
    assert PROJECT["project"]["license"] == "MIT"
    assert re.search(r"^Copyright \(c\) \d{4} the zcviz authors$", text("LICENSE"), re.MULTILINE)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_without_a_python_make_says_what_is_needed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "binder").mkdir()
    for name in ("binder/requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    told = subprocess.run(
        [shutil.which("make") or "make", "lab"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 2
    assert "zcviz needs Python 3.11 or newer" in told.stderr
    assert not (tmp_path / ".venv").exists()


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", text("README.md"))
    assert {"bench/pipelines.svg", "bench/REPORT.md"} <= set(links)
    assert [link for link in links if not (ROOT / link).exists()] == []
