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
    "08_live_dashboard": """
        from zcviz.traffic import TrafficRun
        assert isinstance(panel.run, TrafficRun) and not panel.run.running
        assert panel.run.settings.paths == ("udp.recv", "udp.recv_into")
        assert panel.run.process_ids == {}
    """,
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
        stages = [each.lanes for each in trip.steps]
        assert len(mine) == trip.number == 3 and len(stages) == 6
        assert [each.places for each, _ in stages] == [1, 2, 3, 4, 5, 5]
        assert copying.copied > 4 * mine.sum() > columnar.copied > 0
        assert [each.is_zero_copy for _, each in stages] == [
            False, False, False, True, False, False]
        assert columnar.objects > copying.objects / 2
        assert number > 10 * trip.number and batch.trip.count == 16
        assert several_copying.copied > 10 * copying.copied
        assert several_columnar.copied > 10 * columnar.copied
        assert several_copying.objects > 10 * copying.objects
        assert several_columnar.objects < 3 * columnar.objects
        assert slicing.copied == mine.sum() and slicing.objects == copying.objects
        assert [each.lanes[1].copied for each in sliced.trip.steps[:4]] == [0] * 4
        assert sys.getsizeof(as_view) > sys.getsizeof(as_bytes) > len(as_bytes)
        assert flyweight.is_zero_copy and flyweight.objects < slicing.objects / 2
        totals = {name: result.total(name) for name in result.pipelines}
        assert totals["slicing"].copied < totals["copying"].copied / 2
        assert totals["flyweight"].copied == 0 < totals["columnar"].copied
        assert totals["columnar"].blocks < totals["flyweight"].blocks / 10
        made = {name: row.made for name, row in totals.items()}
        assert made["columnar"] is None or made["columnar"] < made["flyweight"] / 10
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
    "04_measuring_honestly": """
        rows = {row.name: row for row in sightings.rows}
        held = [name for name, row in rows.items() if row.held >= MB]
        assert held == ["a bytes object", "a numpy array"]
        unseen = [name for name, row in rows.items() if max(row.held, row.peak) < MB / 100]
        assert set(rows) - set(held) == set(unseen)
        assert len(rows) == 6 and seen.net < copied / 10 and counted.net < copied / 10
        one, other = every.values()
        assert one is None or one.bytes - other.bytes >= copied
        assert one is None or rows["1,000 copies, dropped"].counted >= MB
        assert max(tidy.strikes) > 0
        assert len(noise.samples[0].values) == 200
        assert iter(quick["zero-copy"]()) and len(bent) == 7 and len(mine) == 5
        assert [row.name for row in found.rows] == ["copying", "zero-copy"]
        assert found.rounds == 7 and "python" in facts
    """,
    "07_latency_is_not_throughput": """
        assert round(most_a_second(64) / most_a_second(1), 2) == 9.51 and first_takes(64) == 1_334
        assert [points[0][1] for points in medians.values()] == [11, 31_574, 11]
        assert min(at_most, key=at_most.get) == "what is there"
        assert max(uneven["what is there"]) < max(uneven["one at a time"]) / 10
        assert by_timeout == {1: 0.5, 10: 5, 60: 30}
        assert 170 < flattering[100] < 195 and 185 <= right <= 200
        assert abs(reports[100_000][100] / TRUE - 1) < 0.05 < 0.3 < 1 - reports[100][100] / TRUE
        assert (len(waits), slow, len(on_time)) == (901, 1, 1_000)
        assert sum(each > 1_000 for each in on_time) == 100
        assert p99 == {"waits": 100, "on time": 90_100}
        assert list(batched) == [1, 8, 64] and list(emptied) == [1, 4, 16, 64]
        assert not post.close.alive
    """,
    "05_from_nic_to_memory": """
        from zcviz.receive import PATHS
        assert [each["name"] for each in found] == list(WAYS) == list(PATHS)
        assert all(each["available"] or each["remedy"] for each in found)
        assert {"udp.recv", "udp.recv_into", "asyncio"} <= set(permitted)
        assert not total or total.allocations == 0
        assert size == 100 and slot[:100] == b"*" * 100
        assert taken == min(LOT, post.sent) or taken == LOT
        by_path = {row.path: row for row in rows}
        assert by_path["udp.recv"].calls >= 1 <= by_path["udp.recv_into"].calls
        assert "udp.recvmmsg" not in by_path or by_path["udp.recvmmsg"].calls < 0.1
        assert ring is None or by_path[ring].calls < 0.1
        assert most.blocks is None or most.path == "asyncio"
        assert {len(costs.receiving[path].values) for path in compared} == {7}
        assert len(results) >= 3 and expected[1].messages
        assert {digest for _, digest, _ in results.values()} == {expected[0]}
        assert all(summary == expected[1] for _, _, summary in results.values())
        assert kept["udp.recv_into"].owner.keeps_alive == 256 * 2048
        assert shown == {"the first": False, "the second": True} and copy == b"1 buy"
        assert "'forgotten'" in refusal_text and forgotten == b"1 buy"
        assert answer is None or answer.errno
        assert stays > 2 * alone
        assert not losses or losses["views"] > losses["copied out"] == 0
    """,
    "03_where_copies_hide": """
        from zcviz import overlap, provenance, shares_memory
        assert shares_memory(wire, received) and wire.strides == (36,) and not wire.flags.writeable
        assert [p.owner.type for p in map(provenance, (orders, wire))] == ["bytes"] * 2
        assert copied == [36, 0]
        assert overlap(pairs.T.ravel(), prices) == 0 < overlap(pairs.ravel(), prices)
        assert not shares_memory(listed, prices) and still == {"the view": False, "the copy": True}
        assert before == part.nbytes and after == 0 and frame["price"].iloc[0] == prices[0] != 1
        assert not shares_memory(frame, columns) and not shares_memory(mixed.to_numpy(), mixed)
        assert [shares_memory(one, other) for *_, one, other in steps] == [
            False, True, True, True, False, True, True, True]
        assert both["price"].num_chunks == 2 and overlap(both, arrow) and not overlap(one, both)
        assert long.allocated > 1.5 * short.allocated
        assert kept[0] == first_number and looked[0] == orders["order_reference_number"][-1]
        assert viewed.net > 32 << 20 and owned.net < 5_000
        assert provenance(small_view).owner.keeps_alive == 32 << 20
        assert len(card.cases) >= 24 and not card.left_out and not card.answers
        said = [card.say("view") for case in card.cases]
        assert all(each.counts and each.revealed.explanation for each in said)
        assert {each.revealed.actual for each in said} == {"view", "copy"}
    """,
    "06_when_the_buffer_overflows": """
        assert all(isinstance(each, int) or name == "1 GiB" for name, each in grants.items())
        assert 0 < held < 1_000 and together and numbers[0] == 1 and numbers[-1] == 501
        assert steps.sent == 1_200 and steps.read == 900 and len(again.ticks) == 60
        assert [each.sent for each in (small, twice, large)] == [4_000] * 3
        assert [len(run) for run in by_clock.values()] == [len(DELAYS)] * 2
        assert all(0 <= each.lost < each.sent == 300 for run in by_clock.values() for each in run)
        assert [each.sent for each in bursts] == [600] * 3
        assert bursts[0].read == 600 > bursts[2].read
        assert counts.max() > 50 and market[0].read <= market[1].read
        assert rows[0][2] == 0 and rows[-1][2] > 100
        assert len(kept) == 150 and 100 < copy_size < 400
        assert drained.read == drained.sent > worked_off.read and 100 < longest <= 200
        assert len(missed) > 200 and missed <= awake and len(missed & from_b) < 60
        told = takes is not None
        assert not told or (100 < takes and grants["64 KiB"] == 2 * 65_536)
        assert not told or knew == ["SO_MEMINFO", "/proc/net/udp"]
        assert not told or (1 < steps.first_loss <= reckoned and steps.dropped > 200)
        assert not told or small.first_loss < twice.first_loss < large.first_loss
        assert not told or small.dropped > large.dropped > 0
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
    "04_measuring_honestly": {
        "apart": (
            ["return time_once(work, clock), time_and_memory(work, clock)[1]"],
            ["return time_and_memory(work, clock)", "return time_once(work, clock), 0"],
        ),
        "warm": (
            ["work()\nreturn median(time_once(work, clock) for _ in range(9))"],
            ["work()\nreturn time_once(work, clock)"],
        ),
        "equals": (
            [
                "first, *others = [way() for way in ways.values()]\n"
                "if any(other != first for other in others):\n"
                '    raise ValueError("they do not give the same")\n'
                "return time_blindly(ways, clock)",
                "return benchmark(ways, clock=clock)",
            ],
            ["return one_by_one(ways, clock)"],
        ),
        "in_turns": (["return benchmark(ways, clock=clock)"], ["return time_blindly(ways, clock)"]),
        "nothing_but": (
            [
                "given = prepare()\ngc.disable()\nstart = clock()\nanswer = work(given)\n"
                "seconds = clock() - start\ngc.enable()\nreturn seconds"
            ],
            ["given = prepare()\nreturn time_once(lambda: work(given), clock)"],
        ),
    },
    "07_latency_is_not_throughput": {
        "percentile": (
            [
                "place = -(-round(percent * len(values) / 100, 9) // 1)\n"
                "return sorted(values)[int(place) - 1]"
            ],
            ["return float(np.percentile(values, percent))", "return median(values)"],
        ),
        "on_schedule": (
            [
                "start, taken = clock(), []\nfor n in range(number):\n    due = start + n * gap\n"
                "    sleep(max(0, due - clock()))\n    ask()\n    taken.append(clock() - due)\n"
                "return taken"
            ],
            ["return [gap] * number"],
        ),
        "batch_of": (
            [
                "batch, until = [receive(None)], clock() + patience\n"
                "while len(batch) < most and clock() < until:\n"
                "    batch += filter(None, [receive(until - clock())])\nreturn batch"
            ],
            [
                "return [receive(None)]",
                "batch = [receive(None)]\n"
                "while len(batch) < most and (came := receive(patience)):\n"
                "    batch.append(came)\nreturn batch",
            ],
        ),
    },
    "05_from_nic_to_memory": {
        "fill": (
            [
                "for number, slot in enumerate(slots):\n"
                "    sizes[number] = sock.recv_into(slot)\n"
                "return len(slots)"
            ],
            [
                "for number, slot in enumerate(slots):\n"
                "    data = sock.recv(2048)\n"
                "    sizes[number] = len(data)\n"
                "    slot[: len(data)] = data\n"
                "return len(slots)",
                "return len(slots)",
            ],
        ),
        "longest": (
            ["return max((bytes(view) for batch in batches for view in batch), key=len)"],
            [
                "return max((view for batch in batches for view in batch), key=len)",
                "return max((view for batch in batches for view in batch.copy()), key=len)",
            ],
        ),
        "lean": (
            ['return receive.open("udp.recvmmsg", host=host)'],
            ['return receive.open("udp.recv_into", host=host)', "return host"],
        ),
    },
    "03_where_copies_hide": {
        "every_second": (
            ['return np.frombuffer(received, ">u4")[::2]'],
            ['return np.frombuffer(received[::2], ">u4")', "return received[::2]"],
        ),
        "to_frame": (
            ["return pd.DataFrame(columns, copy=False)"],
            ["return pd.DataFrame(columns)", "return columns"],
        ),
        "first_and_last": (
            ["return day[:100].copy(), day[-100:].copy()"],
            ["return day[:100], day[-100:]", "return np.ascontiguousarray(day[:100]), day[-100:]"],
        ),
        "in_dollars": (
            ["return wire / 10_000"],
            ['return wire.astype("u4").astype("f8") / 10_000', "return wire"],
        ),
    },
    "06_when_the_buffer_overflows": {
        "capacity": (["return granted // charge"], ["return granted // 100"]),
        "buffer_for": (
            ["return rate * pause * charge / 2"],
            ["return rate * pause * 100", "return rate * pause * charge"],
        ),
        "drain": (
            [
                "return [bytes(each) for batch in receiver.batches(0) for each in batch]",
                "kept = []\nwhile (batch := receiver.receive(0)) is not None:\n"
                "    kept += map(bytes, batch)\nreturn kept",
            ],
            [
                "return [each for batch in receiver.batches(0) for each in batch]",
                "return list(map(bytes, receiver.receive(0)))",
            ],
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
        for function, (right, wrong) in ANSWERS.get(notebook.stem, {}).items():
            cell = lesson.cell_to_solve(function)
            assert shown(cell).startswith("→ Not yet"), "unsolved, it says so and raises nothing"
            for expected, answers in (("✓ Right", right), ("→ Not yet", wrong)):
                for answer in answers:
                    solved = STUB.split(cell.source)
                    verdict = shown(lesson.execute(f"{solved[0]}{indented(answer)}{solved[-1]}"))
                    assert verdict.startswith(expected), verdict


OTHER_FILES = [
    (lesson, file)
    for lesson in LESSONS
    for file in ("feed.itch", "feed.itch.gz", "small.pcap")
    if lesson.stem < "04" or file == "feed.itch"  # the later ones are not about the file
]


@pytest.mark.slow
@pytest.mark.parametrize(("notebook", "file"), OTHER_FILES, ids=lambda each: Path(each).stem)
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
@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("02_columns_and_indexes", ("pyarrow", "duckdb")),
        ("03_where_copies_hide", ("polars",)),
        ("03_where_copies_hide", ("pyarrow", "polars")),
    ],
)
def test_a_lesson_does_without_what_is_not_installed(
    name: str, missing: tuple[str, ...], lessons: Path
) -> None:
    lesson = Lesson(lessons / "notebooks" / f"{name}.ipynb")
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({missing!r}))\n"
    lesson.code[0].source = hidden + lesson.code[0].source
    lesson.run_all()
    printed = [out.text for cell in lesson.code for out in cell.outputs if "text" in out]
    assert any(f"{missing[0]} is not installed here" in text for text in printed)
    assert complaints(lesson) == []


@pytest.mark.slow
def test_a_lesson_does_without_counters(lessons: Path) -> None:
    lesson = Lesson(lessons / "notebooks" / "06_when_the_buffer_overflows.ipynb")
    hidden = "import zcviz.receive.constants\nzcviz.receive.constants.LINUX = False\n"
    lesson.code[0].source = hidden + lesson.code[0].source
    lesson.run_all()
    assert complaints(lesson) == []
    told = [shown(cell) for cell in lesson.code]
    assert sum("not measured here" in text for text in told) > 8


REAL = ["nasdaq-itch50-aapl-20200130-10k.itch", "nasdaq-itch50-moldudp64-20230822.pcap"]


REAL_FILES = [(lesson, name) for lesson in LESSONS for name in REAL[lesson.stem >= "04" :]]


@pytest.mark.slow
@pytest.mark.parametrize(("notebook", "name"), REAL_FILES, ids=lambda each: Path(each).stem)
def test_a_lesson_runs_on_a_real_capture(
    notebook: Path, lessons: Path, captures: Path, name: str
) -> None:
    Lesson(lessons / "notebooks" / notebook.name, (captures / name).resolve()).run_all()
