"""Someone who reads a lesson in JupyterLab: finds cells by what stands in them, runs, writes."""

from __future__ import annotations

from collections.abc import Iterable

from playwright.sync_api import Locator, expect

from tests.browser.lab import Journey

PATIENCE = 90_000  # ms; a busy machine is no failure


class Reader:
    """Someone who reads the lesson, cell by cell."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.page = journey.page

    def find(self, text: str) -> int:
        """Return the number of the first code cell that holds a text."""
        number: int = self.page.evaluate(
            """text => {
                const { cells } = window.jupyterapp.shell.currentWidget.content.model;
                return Array.from({ length: cells.length }, (_, i) => cells.get(i)).findIndex(
                    cell => cell.type === 'code' && cell.sharedModel.source.includes(text));
            }""",
            text,
        )
        assert number >= 0, f"no cell holds {text!r}"
        return number

    def go_to(self, text: str) -> Locator:
        """Scroll to a cell; return its output."""
        number = self.find(text)
        self.page.evaluate(
            """async i => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = i;
                await notebook.scrollToItem(i, 'start');
            }""",
            number,
        )
        output = self.page.locator(f".jp-Cell[data-windowed-list-index='{number}'] .jp-OutputArea")
        expect(output.first).to_be_visible(timeout=PATIENCE)
        return output.first

    def run(self, text: str) -> Locator:
        """Run a cell; return its output."""
        self.journey.run_cell(self.find(text))
        return self.go_to(text)

    def write(self, text: str, old: str, new: str) -> None:
        """Replace a piece of a cell's source."""
        self.page.evaluate(
            """([i, old, wanted]) => {
                const cell = window.jupyterapp.shell.currentWidget.content.model.cells.get(i);
                cell.sharedModel.source = cell.sharedModel.source.replace(old, wanted);
            }""",
            [self.find(text), old, new],
        )

    def cells(self) -> int:
        count: int = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"
        )
        return count

    def keeps_to_its_page(self, cells: Iterable[str], name: str, *, dark: bool) -> None:
        """Find no output wider than its page; pictures are kept under `name`."""
        self.journey.theme(dark)
        theme = "dark" if dark else "light"
        for width in (1280,) if dark else (1280, 480):  # room does not depend on the theme
            self.journey.width(width)
            for number, text in enumerate(cells):
                output = self.go_to(text)
                room, needed = output.evaluate("e => [e.clientWidth, e.scrollWidth]")
                assert needed <= room + 1, f"{text} needs {needed} of {room} px at {width} px"
                self.journey.shoot(f"{name}-{theme}-{width}-{number}")
        self.journey.theme(False)
        self.journey.width(1280)

    def no_complaint(self) -> None:
        assert not self.journey.errors()
        assert not self.journey.outside
        assert not self.journey.console
