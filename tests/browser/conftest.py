from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .lab import Journey
    from .reader import Reader

pytest.importorskip("playwright")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


# For a module, not for the session: while Playwright is open, an event loop counts as running in
# this thread, and tests that come later run loops of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from .lab import browser_at, chromium

    path = chromium()
    if path is None:
        missing = "no Chromium: install chromium or google-chrome"
        if os.environ.get("ZCVIZ_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with browser_at(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for JupyterLab, with copies of the lessons and their data."""
    from .lab import CHECKOUT

    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "data"):
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def lab(
    browser: Browser, workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a JupyterLab over `workspace`."""
    from .lab import serving

    with serving(workspace, tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture
def journey(browser: Browser, lab: str) -> Iterator[Callable[..., Journey]]:
    """Open notebooks of `workspace`; they are closed, kernels too, when the test ends."""
    from .lab import Journey

    begun: list[Journey] = []

    def begin(notebook: str, width: int = 1280) -> Journey:
        begun.append(Journey.begin(browser, lab, notebook, width))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


@pytest.fixture(scope="module")
def reader(browser: Browser, lab: str, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """Someone who reads the lesson that the test module names, all of it run once."""
    from .lab import Journey
    from .reader import Reader

    made = Reader(Journey.begin(browser, lab, request.module.LESSON))
    made.journey.run_all()
    yield made
    made.journey.end()
