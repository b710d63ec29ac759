"""Every lesson, run from top to bottom; then its exercises, solved rightly and wrongly."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FILE_LINE = re.compile(r'^FILE = "[^"\n]*"', re.MULTILINE)
STUB = re.compile(r"^    # your code\n(    .*\n)+", re.MULTILINE)

# By notebook: what its prose says of its figures. Times are not among it.
CLAIMS = {
    "00_start_here": """
        from zcviz import provenance, shares_memory
        assert len(owner) == 20 and len(copy) == len(view) == 8 and copy == b"BUY 100 "
        assert shares_memory(view, owner) and not shares_memory(copy, owner)
        assert copying.copied > 2 * feed.index.sizes.mean() > columnar.copied > 0
        assert flyweight.copied == 0
        assert kept.net > 2 * wire
        assert kept.net / len(records) > 2 * indexed.net / len(again)
        assert dropped.net < kept.net / 10
        assert provenance(one_order).owner.keeps_alive == feed.source.size
        assert not chart.run.running
    """,
    "01_two_pipelines": """
        from zcviz import provenance, shares_memory
        last = copying.after("record")
        assert len(copying.packet) == 3 and last.copied > 2 * packet_size
        assert [copying.after(stage).places for stage in copying.stages] == [2, 3, 4, 5, 5]
        assert slicing.after("message").copied == 0 < slicing.after("message").objects
        assert sys.getsizeof(as_view) > sys.getsizeof(as_bytes) > len(as_bytes)
        assert flyweight.after("summary").copied == 0 and flyweight.after("summary").places == 1
        assert mine is aim[message - flyweight.packet.start] and shares_memory(mine, as_view)
        assert columnar.after("index").copied == 0 < columnar.after("gather").copied < last.copied
        assert block.after("gather").objects < 10 * columnar.after("gather").objects
        assert len(block.packet) > 1_000 * len(columnar.packet)
        totals = {name: result.total(name) for name in result.pipelines}
        assert totals["slicing"].copied < totals["copying"].copied / 2
        assert totals["flyweight"].copied == 0 < totals["columnar"].copied
        assert totals["columnar"].blocks < totals["flyweight"].blocks / 10
        assert provenance(mine).owner.keeps_alive == feed.source.size
        assert len(provenance(feed.index.offsets).nodes) == len(provenance(column).nodes) == 1
        assert type(eight_bytes) is bytes and second.source.closed
    """,
    "02_columns_and_indexes": """
        from zcviz import provenance, shares_memory
        assert sum(array.itemsize for array in arrays.values()) < feed.index.sizes.mean() / 3
        assert len(provenance(index.offsets).nodes) == 1
        assert int.from_bytes(wire, "big") == gather(feed.data, orders[:1], order, "price")[0]
        assert len(apart) > 100, "there is no one stride"
        assert shares_memory(run, feed.data) and run.strides == (stride,) and len(run) > 2
        some = slice(first, first + number)
        assert (run == column[some]).all() and not shares_memory(column, feed.data)
        assert fetched > 10 * column.nbytes
        assert shares_memory(wire_rows["price"], rows) and wire_rows["price"].strides == (36,)
        assert all((each == in_rows).all() for each in prices.values())
        assert viewed.net > 5 * 100_000 * 36 and copied.net < 5_000
        assert list(ways) == ["records", "flyweight", "columns", "Arrow", "duckdb"]
        assert list(query_costs.ns) == list(ways) and min(map(len, query_costs.ns.values())) > 1
        assert [shares_memory(one, other) for _, _, one, other in steps] == [
            False, True, True, True, False]
        assert not panel.running and len(large) >= len(feed)
    """,
}

# By notebook and function to be written: bodies that are right, bodies that are not.
BOUNDS = "at, size = feed.index.offsets[i], feed.index.sizes[i]\n"
LOOP = """best = None
for view in feed.views():
    if view.message.tag == b"A" and (best is None or view.shares > best.shares):
        best = view{}
return best"""
ANSWERS: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "00_start_here": {
        "message_at": (
            [f"{BOUNDS}return feed.data[at : at + size]"],
            [
                f"{BOUNDS}return bytes(feed.data[at : at + size])",
                "return feed.data",
                "return i / 0",
            ],
        ),
        "keep": (
            [f"{BOUNDS}return bytes(feed.data[at : at + size])"],
            [f"{BOUNDS}return feed.data[at : at + size]", "return feed.data.copy()"],
        ),
    },
    "01_two_pipelines": {
        "largest": (
            [LOOP.format(".to_record()")],
            [LOOP.format(""), "return max(feed.records(), key=lambda r: getattr(r, 'shares', 0))"],
        ),
        "bought_and_sold": (
            [
                'orders = feed.table("A")\n'
                'buys = orders["buy_sell_indicator"] == b"B"\n'
                'return orders["shares"][buys].sum(), orders["shares"][~buys].sum()'
            ],
            [
                'orders = [v.to_record() for v in feed.views() if v.message.tag == b"A"]\n'
                "buys = sum(r.shares for r in orders if r.buy_sell_indicator == b'B')\n"
                "return buys, sum(r.shares for r in orders) - buys",
                'return feed.table("A")["shares"].sum(), 0',
            ],
        ),
    },
    "02_columns_and_indexes": {
        "shares_in_place": (
            [
                'return np.ndarray(len(rows) // 36, ">u4", rows, offset=20, strides=36)',
                'return rows.view(dtype_of(feed.protocol["A"]))["shares"]',
            ],
            ["return rows.reshape(-1, 36)[:, 20:24]", "return rows[20::36].copy()"],
        ),
        "dearest": (
            ['return np.sort(feed.table("A")["price"])[-n:].copy()'],
            ['return np.sort(feed.table("A")["price"])[-n:]', "return feed.data[:n]"],
        ),
    },
}


@pytest.fixture(scope="session")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with copies of the lessons and their data."""
    folder = tmp_path_factory.mktemp("lessons")
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A kernel of this checkout that leaves nothing in the home directory.
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    path = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), path])))


class Lesson:
    """A notebook whose cells run in a kernel of its own."""

    def __init__(self, notebook: Path, file: str | Path | None = None) -> None:
        self.content: Any = nbformat.read(notebook, as_version=4)
        if file is not None:
            self._point_at(file)
        self.client = NotebookClient(
            self.content,
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": str(notebook.parent)}},
        )

    def _point_at(self, file: str | Path) -> None:
        changed = 0
        for cell in self.code:
            cell.source, found = FILE_LINE.subn(f"FILE = {str(file)!r}", cell.source)
            changed += found
        assert changed == 1, "one line says which file the lesson reads"

    @property
    def code(self) -> list[Any]:
        return [cell for cell in self.content.cells if cell.cell_type == "code"]

    def run_all(self) -> None:
        with self.client.setup_kernel():
            self._run_cells()

    def __iter__(self) -> Iterator[Lesson]:
        with self.client.setup_kernel():
            self._run_cells()
            yield self

    def _run_cells(self) -> None:
        for number, cell in enumerate(self.content.cells):
            self.client.execute_cell(cell, number)

    def execute(self, source: str) -> Any:
        """Run one more cell; return it."""
        cell = nbformat.v4.new_code_cell(source)
        self.content.cells.append(cell)
        return self.client.execute_cell(cell, len(self.content.cells) - 1)

    def cell_to_solve(self, function: str) -> Any:
        """Return the cell in which the learner writes a function."""
        (cell,) = (c for c in self.code if f"def {function}(" in c.source and STUB.search(c.source))
        return cell


def indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.splitlines())


def shown(cell: Any) -> str:
    texts = [out["data"]["text/plain"] for out in cell.outputs if "data" in out]
    return str(texts[-1]) if texts else ""


def complaints(lesson: Lesson) -> list[str]:
    """What a reader should not meet: warnings, and results that have no words."""
    found = []
    for number, cell in enumerate(lesson.code):
        for out in cell.outputs:
            if out.output_type == "stream" and out.name == "stderr":
                found.append(f"cell {number} warns: {out.text}")
            if out.output_type in ("display_data", "execute_result"):
                plain = out["data"].get("text/plain", "")
                if not plain or " object at 0x" in plain:
                    found.append(f"cell {number} shows {plain!r}")
    return found


def body(source: str) -> str:
    return "\n".join(line.strip() for line in source.strip().splitlines())


@pytest.mark.parametrize("notebook", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_its_exercises_can_be_solved(notebook: Path, lessons: Path) -> None:
    for lesson in Lesson(lessons / "notebooks" / notebook.name):
        assert complaints(lesson) == []
        lesson.execute(body(CLAIMS.get(notebook.stem, "")))
        for function, (right, wrong) in ANSWERS[notebook.stem].items():
            cell = lesson.cell_to_solve(function)
            assert shown(cell).startswith("→ Not yet"), "unsolved, it says so and raises nothing"
            for expected, answers in (("✓ Right", right), ("→ Not yet", wrong)):
                for answer in answers:
                    solved = STUB.split(cell.source)
                    verdict = shown(lesson.execute(f"{solved[0]}{indented(answer)}{solved[-1]}"))
                    assert verdict.startswith(expected), verdict


@pytest.mark.slow
@pytest.mark.parametrize("notebook", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("file", ["feed.itch", "feed.itch.gz", "small.pcap"])
def test_a_lesson_runs_on_another_file(notebook: Path, lessons: Path, file: str) -> None:
    own = lessons / file
    if file.endswith(".gz"):
        own.write_bytes(gzip.compress((ROOT / "data" / "feed.itch").read_bytes(), 1))
    elif file == "small.pcap":  # ends in the middle of a packet
        own.write_bytes((ROOT / "data" / "feed.pcap").read_bytes()[:60_000])
    else:
        shutil.copy(ROOT / "data" / file, own)
    Lesson(lessons / "notebooks" / notebook.name, own).run_all()


@pytest.mark.slow
def test_the_lesson_on_columns_does_without_arrow_and_duckdb(lessons: Path) -> None:
    lesson = Lesson(lessons / "notebooks" / "02_columns_and_indexes.ipynb")
    missing = "import sys\nsys.modules.update(pyarrow=None, duckdb=None)\n"
    lesson.code[0].source = missing + lesson.code[0].source
    lesson.run_all()
    printed = [out.text for cell in lesson.code for out in cell.outputs if "text" in out]
    assert any("pyarrow is not installed here" in text for text in printed)
    assert complaints(lesson) == []


REAL = ["nasdaq-itch50-aapl-20200130-10k.itch", "nasdaq-itch50-moldudp64-20230822.pcap"]


@pytest.mark.slow
@pytest.mark.parametrize("notebook", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", REAL)
def test_a_lesson_runs_on_a_real_capture(
    notebook: Path, lessons: Path, captures: Path, name: str
) -> None:
    Lesson(lessons / "notebooks" / notebook.name, (captures / name).resolve()).run_all()
