"""tools/notebooks.py: notebooks and their .py twins."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.project.support import ROOT

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("jupytext")

TWIN = """\
# %% [markdown]
# # A lesson
#
# With *words*.

# %%
# %load_ext zcviz
import zcviz

# %% tags=["figure"]
# Why this is so.
print(zcviz)
"""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebook_tool", ROOT / "tools/notebooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pair(tool: ModuleType, tmp_path: Path) -> tuple[Path, Path]:
    twin, notebook = tmp_path / "00_a.py", tmp_path / "00_a.ipynb"
    twin.write_text(TWIN, encoding="utf-8")
    notebook.write_text(tool.notebook_of(twin), encoding="utf-8")
    assert tool.check(tmp_path) == 0
    return twin, notebook


def test_a_notebook_is_plain_and_the_same_at_every_run(
    tool: ModuleType, pair: tuple[Path, Path]
) -> None:
    twin, notebook = pair
    assert notebook.read_text(encoding="utf-8") == tool.notebook_of(twin)
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    assert [cell.id for cell in content.cells] == ["0", "1", "2"]
    assert content.cells[1].source == "%load_ext zcviz\nimport zcviz"
    assert content.cells[2].metadata.tags == ["figure"]
    assert content.metadata.kernelspec.name == "python3"


def test_there_and_back(tool: ModuleType, pair: tuple[Path, Path]) -> None:
    _, notebook = pair
    assert tool.twin_of(notebook) == TWIN


def test_drift_is_found(
    tool: ModuleType, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    twin, _ = pair
    twin.write_text(TWIN.replace("words", "other words"), encoding="utf-8")
    assert tool.check(twin.parent) == 1
    assert "differs from 00_a.py" in capsys.readouterr().err


def test_outputs_are_found(
    tool: ModuleType, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    twin, notebook = pair
    content = nbformat.read(notebook, as_version=4)
    content.cells[1].outputs = [nbformat.v4.new_output("stream", text="told")]
    nbformat.write(content, notebook)
    assert tool.check(twin.parent) == 1
    assert "holds outputs" in capsys.readouterr().err


def test_long_cells_and_orphans_are_found(
    tool: ModuleType, pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    twin, notebook = pair
    notebook.rename(notebook.with_name("01_b.ipynb"))
    twin.write_text("# %%\n" + "x = 1\n" * 16, encoding="utf-8")
    assert tool.check(twin.parent) == 3
    told = capsys.readouterr().err
    assert "has 16 lines" in told
    assert "00_a.ipynb: missing" in told
    assert "01_b.ipynb: has no .py twin" in told
