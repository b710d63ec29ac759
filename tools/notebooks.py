"""Keep the notebooks and their .py twins the same: `make notebooks`, and `--check` in `make lint`.

The twin, in the py:percent format, is the source: it is what people edit, review and lint. The
notebook is generated from it without outputs and with numbered cells, the same bytes at every run.
`--adopt NOTEBOOK` goes the other way, for a notebook that was edited in JupyterLab.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parents[1]
LONGEST_CELL = 15  # lines
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}


def notebook_of(twin: Path) -> str:
    """Return the text of the notebook that belongs to a twin."""
    return _text(jupytext.read(twin, fmt="py:percent"))


def twin_of(notebook: Path) -> str:
    """Return the text of the twin that belongs to a notebook; outputs are dropped."""
    content = nbformat.read(notebook, as_version=4)
    content.metadata = nbformat.from_dict({"jupytext": {"notebook_metadata_filter": "-all"}})
    return str(jupytext.writes(content, fmt="py:percent"))


def _text(content: Any) -> str:
    """Return a notebook as text: no outputs, no leftovers, the same at every run."""
    content.nbformat, content.nbformat_minor = 4, 5
    content.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(content.cells):
        cell.id = str(number)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.validate(content)
    return nbformat.writes(content).rstrip("\n") + "\n"


def complaints(twin: Path) -> Iterator[str]:
    """Yield what is wrong with a twin and its notebook."""
    expected = nbformat.reads(notebook_of(twin), as_version=4)
    for number, cell in enumerate(expected.cells):
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > LONGEST_CELL:
            first = cell.source.splitlines()[0]
            yield f"{twin}: cell {number} ({first}) has {lines} lines; {LONGEST_CELL} are allowed"

    notebook = twin.with_suffix(".ipynb")
    if not notebook.exists():
        yield f"{notebook}: missing; run `make notebooks`"
        return
    found = nbformat.read(notebook, as_version=4)
    if any(cell.get("outputs") for cell in found.cells):
        yield f"{notebook}: holds outputs; run `make notebooks`"
    elif notebook.read_text(encoding="utf-8") != notebook_of(twin):
        yield f"{notebook}: differs from {twin.name}; run `make notebooks`, or --adopt it"


def check(folder: Path) -> int:
    """Print every complaint; return how many there are."""
    found = [c for twin in sorted(folder.glob("*.py")) for c in complaints(twin)]
    orphans = [n for n in sorted(folder.glob("*.ipynb")) if not n.with_suffix(".py").exists()]
    found += [f"{n}: has no .py twin; run tools/notebooks.py --adopt {n}" for n in orphans]
    for complaint in found:
        print(complaint.replace(f"{ROOT}/", ""), file=sys.stderr)
    return len(found)


def main() -> int:
    """Write the notebooks, check them, or adopt edited ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "notebooks")
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    direction.add_argument("--adopt", type=Path, nargs="+", metavar="NOTEBOOK", default=[])
    options = parser.parse_args()
    if options.check:
        return 1 if check(options.folder) else 0
    for notebook in options.adopt:
        notebook.with_suffix(".py").write_text(twin_of(notebook), encoding="utf-8")
    for twin in sorted(options.folder.glob("*.py")):
        text = notebook_of(twin)
        notebook = twin.with_suffix(".ipynb")
        if not notebook.exists() or notebook.read_text(encoding="utf-8") != text:
            notebook.write_text(text, encoding="utf-8")
            print(f"wrote {notebook.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
