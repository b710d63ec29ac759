"""A real JupyterLab in a real browser: what every journey through a notebook needs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page

CHECKOUT = Path(__file__).parents[2]
SCREENSHOTS = CHECKOUT / "artifacts" / "screenshots"
STARTS_WITHIN = 90  # seconds

# The toolbar says "idle" before the kernel is connected, and what is run then is lost in silence.
_CONNECTED = """async () => {
    const app = window.jupyterapp;
    if (!app) return false;
    await app.restored;
    const session = app.shell.currentWidget?.context?.sessionContext;
    if (!session) return false;
    await session.ready;
    const kernel = session.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
_ERRORS = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
    const errors = [];
    for (let i = 0; i < cells.length; i++) {
        const outputs = cells.get(i).outputs;
        for (let j = 0; j < (outputs?.length ?? 0); j++) {
            const output = outputs.get(j).toJSON();
            if (output.output_type === 'error')
                errors.push(`cell ${i}: ${output.ename}: ${output.evalue}`);
        }
    }
    return errors;
}"""
_OUTPUTS = """(index) => {
    const outputs = window.jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs;
    return Array.from({length: outputs.length}, (_, i) => outputs.get(i).toJSON());
}"""


def chromium() -> str | None:
    """Return the path of a browser that can be driven, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def browser_at(path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def serving(root: Path, home: Path) -> Iterator[str]:
    """Run JupyterLab over `root`, everything of its own in `home`; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = home / "config" / "labconfig"
    settings.mkdir(parents=True)
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (settings / "page_config.json").write_text(json.dumps(news))
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *_options(root, port)],
            env=os.environ | _own_folders(home),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server, home / "log")
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _options(root: Path, port: int) -> list[str]:
    # No token: it listens on loopback only, for the time of the tests.
    return [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--ServerApp.root_dir={root}",
    ]


def _own_folders(home: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {name: str(home / folder) for name, folder in folders.items()} | {
        "PYTHONPATH": str(CHECKOUT),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url + "/api/status", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


@dataclass
class Journey:
    """One notebook, open in one page."""

    page: Page
    url: str
    notebook: str
    outside: list[str]
    """Requests that left this machine: there must be none."""
    console: list[str]
    """Errors that the page reported."""

    @classmethod
    def begin(cls, browser: Browser, url: str, notebook: str, width: int = 1280) -> Journey:
        """Open a notebook, and wait until its kernel can be used."""
        page = browser.new_page(viewport={"width": width, "height": 1000})
        journey = cls(page, url, notebook, [], [])
        page.on("request", journey._note_request)
        page.on("console", lambda m: journey._note_error(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: journey._note_error(str(error)))
        page.goto(f"{url}/lab/tree/{notebook}?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=STARTS_WITHIN * 1000)
        journey.wait_for_kernel()
        page.evaluate(
            "() => ['Left', 'Right'].forEach(side => window.jupyterapp.shell['collapse' + side]())"
        )
        return journey

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "ws://127.0.0.1", "data:", "blob:")):
            self.outside.append(request.url)

    def _note_error(self, text: str) -> None:
        self.console.append(text)

    def wait_for_kernel(self) -> None:
        until = time.monotonic() + STARTS_WITHIN
        while not self.page.evaluate(_CONNECTED):
            assert time.monotonic() < until, "the kernel did not connect"
            time.sleep(0.1)

    def command(self, name: str, **arguments: Any) -> None:
        """Execute a command of JupyterLab, and wait for it."""
        self.page.evaluate(
            "([name, given]) => window.jupyterapp.commands.execute(name, given)", [name, arguments]
        )

    def run_all(self) -> None:
        """Run all cells, and wait until they have run."""
        self.command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        """Run one cell, and wait until it has run."""
        self.page.evaluate(
            "i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i }", index
        )
        self.command("notebook:run-cell")

    def execute(self, code: str) -> None:
        """Have the kernel run code that is in no cell, and do not wait for it."""
        self.page.evaluate(
            "code => { window.jupyterapp.shell.currentWidget.context.sessionContext"
            ".session.kernel.requestExecute({code}) }",
            code,
        )

    def errors(self) -> list[str]:
        """Return what went wrong in the cells."""
        found: list[str] = self.page.evaluate(_ERRORS)
        return found

    def no_complaint(self) -> None:
        """Find no error in cells or page, and nothing that was asked of another machine."""
        assert not self.errors()
        assert not self.outside
        assert not self.console

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return the outputs of one cell, as in the notebook's file."""
        found: list[dict[str, Any]] = self.page.evaluate(_OUTPUTS, index)
        return found

    def text(self, index: int) -> str:
        """Return what a cell printed."""
        return "".join(
            "".join(output.get("text", ""))
            for output in self.outputs(index)
            if output["output_type"] == "stream"
        )

    def theme(self, dark: bool) -> None:
        """Switch JupyterLab's theme, and wait until it is there."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.command("apputils:change-theme", theme=name)
        light = "false" if dark else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def width(self, pixels: int) -> None:
        """Make the page narrower or wider."""
        height = (self.page.viewport_size or {"height": 1000})["height"]
        self.page.set_viewport_size({"width": pixels, "height": height})

    def restart_kernel(self) -> None:
        """Restart the kernel without being asked whether to."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.sessionContext"
            ".session.kernel.restart()"
        )
        self.wait_for_kernel()

    def shoot(self, name: str, selector: str | None = None) -> Path:
        """Keep a picture: of the page, or of the first element that `selector` finds."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        if selector:
            self.page.locator(selector).first.screenshot(path=path)
        else:
            self.page.screenshot(path=path)
        return path

    def end(self) -> None:
        """Shut all kernels down, and close the page."""
        if not self.page.is_closed():
            self.page.close()
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=30) as answer:
            sessions = json.load(answer)
        for session in sessions:
            address = f"{self.url}/api/sessions/{session['id']}"
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=30)
