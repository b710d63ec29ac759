"""The two lists of pinned packages: complete, hashed, consistent, and the same on any machine."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.support import PROJECT, ROOT

LOCKS = {name: ROOT / name for name in ("binder/requirements.txt", "requirements-dev.txt")}
PLATFORMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"},
    "linux-arm": {"sys_platform": "linux", "os_name": "posix", "platform_machine": "aarch64"},
    "mac": {"sys_platform": "darwin", "os_name": "posix", "platform_machine": "arm64"},
    "mac-intel": {"sys_platform": "darwin", "os_name": "posix", "platform_machine": "x86_64"},
    "windows": {"sys_platform": "win32", "os_name": "nt", "platform_machine": "AMD64"},
}


def entries(path: Path) -> list[str]:
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(path: Path) -> dict[str, Requirement]:
    """Return what is listed, by name; each name once, so that every platform gets one version."""
    listed = [Requirement(entry.partition("--hash")[0]) for entry in entries(path)]
    by_name = {str(canonicalize_name(r.name)): r for r in listed}
    assert len(by_name) == len(listed)
    return by_name


def wanted(*, developers: bool) -> list[Requirement]:
    project = PROJECT["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["notebooks"]]
    texts += PROJECT["build-system"]["requires"]
    if developers:
        texts += PROJECT["dependency-groups"]["dev"]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_and_hashed(name: str) -> None:
    for entry in entries(LOCKS[name]):
        assert re.fullmatch(
            r"[\w.-]+==[\w.]+ *(; [^\\]*?)?(--hash=sha256:[0-9a-f]{64} ?)+", entry
        ), entry


@pytest.mark.parametrize("name", LOCKS)
def test_no_address_and_no_path_got_in(name: str) -> None:
    text = LOCKS[name].read_text(encoding="utf-8")
    assert not re.search(
        r"://|file:|@|--(index|extra|find|trusted)|^\s*-[a-z]|[A-Z]:\\", text, re.M
    )


@pytest.mark.parametrize("name", LOCKS)
def test_the_list_covers_pyproject(name: str) -> None:
    listed = pins(LOCKS[name])
    for need in wanted(developers=name == "requirements-dev.txt"):
        pin = listed[str(canonicalize_name(need.name))]
        (version,) = [s.version for s in pin.specifier]
        assert need.specifier.contains(version), f"{need} against {pin}: run `make lock`"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14", "3.15"])
def test_numba_is_asked_for_where_it_has_wheels(platform: str, python: str) -> None:
    machine = {"python_version": python, "python_full_version": f"{python}.0"}
    machine |= {"implementation_name": "cpython"} | PLATFORMS[platform]
    expected = platform != "mac-intel" and python != "3.15"
    (numba,) = [r for r in wanted(developers=False) if r.name == "numba"]
    for requirement in (numba, pins(LOCKS["binder/requirements.txt"])["numba"]):
        assert requirement.marker is not None
        assert requirement.marker.evaluate(machine) is expected


def test_the_developers_list_holds_the_same_pins() -> None:
    notebooks, developers = (pins(path) for path in LOCKS.values())
    for name, pin in notebooks.items():
        assert developers[name].specifier == pin.specifier, f"{name}: run `make lock`"


def test_the_tests_run_with_the_pinned_versions() -> None:
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("not in .venv")
    for name in ("numpy", "pandas", "jupyterlab", "pytest", "ruff"):
        assert f"=={version(name)}" == str(pins(LOCKS["requirements-dev.txt"])[name].specifier)
