"""Someone who reads a lesson in JupyterLab: finds cells by what stands in them, runs, writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

    def expects(self, guess: str, number: str, unit: str) -> Locator:
        """Predict a number and have the measured one revealed; return what is said."""
        form = self.go_to(f"{guess} = predict")
        form.get_by_label("I expect").fill(number)
        noted = f"Noted: {number} {unit}. Now run the next cell."
        expect(form.get_by_role("status")).to_have_text(noted)
        return self.run(f"{guess}.reveal")

    def chooses(self, guess: str, *labels: str) -> Locator:
        """Predict by keyboard: the first of these choices, then its neighbours, one by one."""
        form = self.go_to(f"{guess} = predict")
        form.get_by_label(labels[0], exact=True).focus()
        self.page.keyboard.press("Space")
        for label in labels[1:]:
            self.page.keyboard.press("ArrowRight")
            expect(form.get_by_label(label, exact=True)).to_be_checked()
        noted = f"Noted: {labels[-1]}. Now run the next cell."
        expect(form.get_by_role("status")).to_have_text(noted)
        return self.run(f"{guess}.reveal")

    def takes_hints(self, exercise: str, last: str) -> None:
        """Open the hints of an exercise, one after another; the third holds a text."""
        task = self.go_to(f'exercise("{exercise}"')
        expect(task.get_by_text("Hint 2")).not_to_be_visible()
        for number in (1, 2, 3):
            task.get_by_text(f"Hint {number}").click()
        expect(task.get_by_text(last)).to_be_visible()

    def mends(self, exercise: str, wrong: str, right: str, name: str) -> None:
        """Replace what is wrong in an exercise's cell; pictures are kept under `name`."""
        cell = f"def {exercise}("
        expect(self.go_to(cell)).to_contain_text("→ Not yet")
        self.journey.shoot(f"{name}-{exercise}-wrong")
        self.write(cell, wrong, right)
        expect(self.run(cell)).to_contain_text("✓ Right", timeout=PATIENCE)
        self.journey.shoot(f"{name}-{exercise}-right")

    def solves(self, attempts: Mapping[str, tuple[str, str]], name: str) -> None:
        """Give a wrong answer to each exercise, and then the right one."""
        for exercise, (wrong, right) in attempts.items():
            cell = f"def {exercise}("
            expect(self.go_to(cell)).to_contain_text("Not yet")
            self.write(cell, "return None", wrong)
            expect(self.run(cell)).to_contain_text("→ Not yet", timeout=PATIENCE)
            self.mends(exercise, wrong, right, name)

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
        self.journey.no_complaint()


def lettering(drawing: Locator) -> float:
    """Return how large text in a drawing is shown: 1 is its own size."""
    size: float = drawing.evaluate(
        "svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
    )
    return size
