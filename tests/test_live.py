"""Live runs without any page: started, sampled, stopped, and always reaped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.waiting import gone, linux, until
from zcviz.errors import SelectionError, ZcvizError
from zcviz.feed import Feed
from zcviz.live import Audience, LiveRun, Publisher, Sample, board, words
from zcviz.live.board import POINTS, Board, Phase, Slot
from zcviz.live.meter import Meter
from zcviz.live.shared import SharedBlock


def all_counted(run: LiveRun) -> bool:
    return set(run.chosen) <= set(run.sample().medians)


@pytest.fixture(scope="module")
def content() -> bytes:
    return helpers.frames(*(helpers.add(ref) for ref in range(500))) + b"\0\0"


@pytest.fixture
def path(content: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "day.itch"
    path.write_bytes(content)
    return path


@pytest.fixture
def feed(path: Path) -> Iterator[Feed]:
    with zcviz.open(path) as feed:
        yield feed


@pytest.fixture
def run(feed: Feed) -> Iterator[LiveRun]:
    with LiveRun(feed) as run:
        yield run


# --- a run


def test_pipelines_run_in_processes_of_their_own_and_are_reaped(run: LiveRun) -> None:
    run.start()
    until(lambda: all_counted(run))
    pids = list(run.process_ids.values())
    assert len(set(pids)) == 3
    assert os.getpid() not in pids
    assert not run.in_thread
    run.stop()
    assert gone(pids)
    with pytest.raises(ChildProcessError):  # not even a zombie is left to wait for
        os.waitpid(pids[0], 0)


def test_readings_stay_after_stop_and_age_no_more(run: LiveRun) -> None:
    run.start()
    until(lambda: all_counted(run))
    run.stop()
    first, second = run.sample(), run.sample()
    assert first.medians == second.medians
    for one, other in zip(first.readings, second.readings, strict=True):
        assert one.newest > 0
        assert (one.ages == other.ages).all()
        assert (np.diff(one.ages) <= 0).all()


def test_start_begins_afresh_and_reset_forgets(run: LiveRun) -> None:
    run.start()
    until(lambda: all_counted(run))
    run.stop()
    run.reset()
    assert not run.sample().medians
    run.start()
    until(lambda: all_counted(run))
    run.reset()
    assert all(len(each.rates) < 3 for each in run.sample().readings)
    until(lambda: all_counted(run))


def test_start_twice_leaves_one_worker_a_pipeline(run: LiveRun) -> None:
    run.start()
    former = list(run.process_ids.values())
    run.start()
    assert gone(former)
    assert len(run.process_ids) == 3


def test_pipelines_can_be_chosen_while_it_runs(run: LiveRun) -> None:
    run.choose(["columnar"])
    run.start()
    assert set(run.process_ids) == {"columnar"}
    run.choose(["columnar", "copying"])
    assert run.chosen == ("copying", "columnar")
    assert set(run.process_ids) == {"columnar", "copying"}
    pid = run.process_ids["columnar"]
    run.choose(["copying"])
    assert gone([pid])
    run.choose([])
    assert not run.running


def test_what_cannot_run_is_said_at_once(feed: Feed) -> None:
    with pytest.raises(SelectionError, match="no pipeline is called 'quick'"):
        LiveRun(feed, ["quick"])
    with pytest.raises(SelectionError, match="slicing"):
        LiveRun(feed, ["copying"]).choose(["slicing"])
    with zcviz.open(b"\0\0", protocol="itch50") as empty, pytest.raises(ZcvizError, match="no mes"):
        LiveRun(empty)


def test_the_experiment_can_run_too(feed: Feed) -> None:
    with LiveRun(feed, ["slicing"]) as run:
        run.start()
        until(lambda: all_counted(run))


# --- feeds


@linux
def test_a_file_is_opened_by_the_worker(run: LiveRun, path: Path) -> None:
    run.start()
    until(lambda: all_counted(run))
    for pid in run.process_ids.values():
        assert str(path) in Path(f"/proc/{pid}/maps").read_text()
    assert words.memory(run.feed) == "every process maps day.itch itself"


@linux
def test_bytes_go_into_shared_memory_once(content: bytes) -> None:
    with zcviz.open(content) as feed, LiveRun(feed) as run:
        run.start()
        until(lambda: all_counted(run))
        inodes = {pid: _shared_inodes(pid) for pid in run.process_ids.values()}
        assert len(set.intersection(*inodes.values())) == 2  # the board and the bytes
        assert "copied once into shared memory" in words.memory(feed)


def _shared_inodes(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[4] for line in lines if "memfd:zcviz" in line}


def test_bytes_of_a_closed_feed_cannot_run(content: bytes) -> None:
    feed = zcviz.open(content)
    run = LiveRun(feed)
    feed.close()
    with pytest.raises(ZcvizError, match="is closed"):
        run.start()
    assert not run.running


def test_a_part_of_a_file_is_not_the_file(feed: Feed) -> None:
    part = feed.head(100)
    with LiveRun(part, ["copying"]) as run:
        assert "shared memory" in words.memory(part)
        run.start()
        until(lambda: all_counted(run))


def test_nothing_is_left_in_the_file_system(content: bytes) -> None:
    shm = Path("/dev/shm")
    before = set(shm.iterdir()) if shm.is_dir() else set()
    with zcviz.open(content) as feed, LiveRun(feed) as run:
        run.start()
        until(lambda: all_counted(run))
        during = set(shm.iterdir()) if shm.is_dir() else set()
    assert not {path for path in during - before if "zcviz" in path.name or "psm" in path.name}


def test_a_worker_reads_what_the_kernel_reads(feed: Feed) -> None:
    # The rate in bytes is the rate in messages times this.
    run = LiveRun(feed)
    assert run.messages == len(feed) == 500
    assert run.bytes_per_message * 500 == len(feed.data)


# --- turns


@pytest.mark.parametrize(("cores", "turns"), [(1, True), (3, True), (4, False)])
def test_workers_take_turns_for_want_of_cores(
    run: LiveRun, monkeypatch: pytest.MonkeyPatch, cores: int, turns: bool
) -> None:
    monkeypatch.setattr(board, "usable_cores", lambda: cores)
    monkeypatch.setattr("zcviz.live.state.usable_cores", lambda: cores)
    run.start()
    until(lambda: all_counted(run))
    assert ("Taking turns" in run.remark) is turns
    until(lambda: min(len(each.rates) for each in run.sample().readings) > 2)


def board_with(*phases: int) -> Board:
    made = Board(bytearray(Board.size))
    made.phases[: len(phases)] = phases
    return made


def test_one_at_a_time_has_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "usable_cores", lambda: 1)
    shared = board_with(Phase.READY, Phase.FREE, Phase.READY, Phase.READY)
    shared.arrange()
    held = []
    for _ in range(6):
        (holder,) = (n for n in range(4) if shared.slot(n).may_run())
        held.append(holder)
        shared.slot(holder).pass_turn()
    assert held == [0, 2, 3, 0, 2, 3]


def test_the_turn_of_a_worker_that_died_goes_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "usable_cores", lambda: 1)
    shared = board_with(Phase.READY, Phase.READY, Phase.READY)
    shared.arrange()
    shared.release(shared.slot(0))
    assert [shared.slot(n).may_run() for n in range(3)] == [False, True, False]


def test_nobody_counts_while_others_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "usable_cores", lambda: 1)
    shared = board_with(Phase.FREE)
    first, second = shared.claim(), shared.claim()
    first.phase = Phase.READY
    shared.arrange()
    assert not first.may_run()
    second.phase = Phase.READY
    shared.arrange()
    assert first.may_run()
    third = shared.claim()  # one that comes later does not interrupt
    assert first.may_run()
    assert not third.may_run()


def test_only_who_has_the_turn_passes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "usable_cores", lambda: 1)
    shared = board_with(Phase.READY, Phase.READY, Phase.READY)
    shared.arrange()
    shared.slot(2).pass_turn()
    assert shared.slot(0).may_run()


def test_it_counts_while_nobody_looks(run: LiveRun) -> None:
    run.start()
    slots = run._crew.slots.values() if run._crew else ()
    until(lambda: all(len(slot.read(0)[0]) for slot in slots))
    assert all_counted(run)


def test_charts_share_the_board() -> None:
    one, block = board.board_of_this_process()
    assert (one, block) == board.board_of_this_process()
    slots = [one.claim() for _ in range(int((one.phases == Phase.FREE).sum()))]
    with pytest.raises(OSError, match="at once"):
        one.claim()
    for slot in slots:
        one.release(slot)


# --- counters


def test_a_ring_gives_each_point_once_and_drops_the_oldest() -> None:
    slot = board_with(Phase.READY).slot(0)
    for i in range(5):
        slot.post(i, 1, i)
    points, seen = slot.read(0)
    assert points["messages"].tolist() == [0, 1, 2, 3, 4]
    assert len(slot.read(seen)[0]) == 0
    for i in range(5, 5 + POINTS + 7):
        slot.post(i, 1, i)
    points, seen = slot.read(seen)
    assert points["messages"].tolist() == list(range(13, 5 + POINTS + 7))
    assert seen == 5 + POINTS + 7


def test_what_is_written_in_one_mapping_is_read_in_the_other() -> None:
    block = SharedBlock.create(Board.size)
    other = SharedBlock.attach(block.handle)
    slot = Board(block.map).claim()
    slot.post(1.0, 0.5, 1000)
    slot.error = "x" * 1000
    mirror = Board(other.map).slot(slot.number)
    assert mirror.phase == Phase.STARTING
    assert mirror.read(0)[0].tolist() == [(1.0, 0.5, 1000.0)]
    assert mirror.error == "x" * 488


class _Five:
    """A pipeline of three units, 5 messages each."""

    def __init__(self) -> None:
        self.passes = 0

    def iterate(self, feed: object) -> Iterator[int]:
        self.passes += 1
        for done in (5, 10, 15):
            time.sleep(0.001)
            yield done


def test_a_meter_counts_every_message_of_every_pass() -> None:
    pipeline, slot = _Five(), board_with(Phase.READY).slot(0)
    meter = Meter(pipeline, None, slot, "perf_counter")  # type: ignore[arg-type]
    meter.turn(0.3)
    points, _ = slot.read(0)
    counted = int(points["messages"].sum()) + meter._messages
    assert 15 * (pipeline.passes - 1) <= counted <= 15 * pipeline.passes
    assert len(points) > 1
    assert (points["seconds"] >= 0.045).all()


# --- ends that nobody planned


def test_a_worker_that_is_killed_is_reported_and_the_others_go_on(run: LiveRun) -> None:
    run.start()
    until(lambda: all_counted(run))
    os.kill(run.process_ids["flyweight"], signal.SIGKILL)
    until(lambda: (run.sample(), run.problems)[1])
    assert run.problems == {"flyweight": "its process was killed by SIGKILL"}
    assert set(run.process_ids) == {"copying", "columnar"}
    run.reset()
    until(lambda: {"copying", "columnar"} <= set(run.sample().medians))


def test_when_all_workers_are_gone_the_run_has_ended(run: LiveRun) -> None:
    run.start()
    for pid in run.process_ids.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: (run.sample(), not run.running)[1])
    assert len(run.problems) == 3


def test_a_file_that_is_gone_is_a_sentence(run: LiveRun, path: Path) -> None:
    path.unlink()
    run.start()
    until(lambda: (run.sample(), not run.running)[1])
    assert set(run.problems) == set(run.names)
    (said,) = words.troubles(run.problems)
    assert "copying" in said.lower()
    assert said.endswith(f" stopped: {path}: no such file or directory.")


def test_a_worker_that_cannot_even_start_says_its_last_line(
    run: LiveRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.Popen
    broken = [sys.executable, "-c", "raise SystemExit('no decoders here')"]
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: real(broken, **options))
    run.start()
    until(lambda: (run.sample(), not run.running)[1])
    assert run.problems["columnar"] == "no decoders here"


_KERNEL = """
import json, os, sys, time
import zcviz
from zcviz.live import LiveRun
source = sys.argv[1] if sys.argv[2] == "file" else open(sys.argv[1], "rb").read()
run = LiveRun(zcviz.open(source))
run.start()
while set(run.sample().medians) != set(run.chosen):
    time.sleep(0.05)
print(json.dumps(list(run.process_ids.values())), flush=True)
if sys.argv[3] == "fork" and os.fork() == 0:  # a child that holds our end of every pipe
    print(os.getpid(), flush=True)
if sys.argv[3] != "return":
    time.sleep(600)
"""


@linux
@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("file", "kill"),
        ("file", "terminate"),
        ("file", "return"),
        ("file", "fork"),
        ("bytes", "kill group"),
    ],
)
def test_workers_end_with_the_kernel(path: Path, source: str, end: str) -> None:
    how = end if end in ("return", "fork") else "wait"
    with subprocess.Popen(
        [sys.executable, "-c", _KERNEL, str(path), source, how],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    ) as kernel:
        assert kernel.stdout is not None
        pids = json.loads(kernel.stdout.readline())
        assert len(pids) == 3
        child = int(kernel.stdout.readline()) if end == "fork" else None
        if end in ("kill", "fork"):
            kernel.kill()
        elif end == "kill group":  # as Jupyter does when a kernel does not answer
            os.killpg(kernel.pid, signal.SIGKILL)
        elif end == "terminate":
            kernel.terminate()
        kernel.wait()
        until(lambda: gone(pids))
        if child is not None:
            os.kill(child, signal.SIGKILL)


def test_interrupting_the_kernel_does_not_reach_the_workers(run: LiveRun) -> None:
    run.start()
    until(lambda: all_counted(run))
    assert all(os.getpgid(pid) != os.getpgid(0) for pid in run.process_ids.values())


def test_a_run_that_is_forgotten_ends(feed: Feed) -> None:
    run = LiveRun(feed)
    run.start()
    pids = list(run.process_ids.values())
    del run
    until(lambda: gone(pids))


# --- without subprocesses


@pytest.fixture
def no_subprocess(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object, **__: object) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(subprocess, "Popen", forbid)


@pytest.mark.usefixtures("no_subprocess")
def test_where_subprocesses_are_forbidden_one_thread_does_the_work(run: LiveRun) -> None:
    run.start()
    assert run.in_thread
    assert not run.process_ids
    assert "permits no subprocess" in run.remark
    until(lambda: all_counted(run))
    run.choose(["columnar"])
    until(lambda: all_counted(run))
    run.stop()
    assert not run.running
    run.start()
    until(lambda: all_counted(run))


@pytest.mark.usefixtures("no_subprocess")
def test_an_error_in_the_thread_is_a_sentence(path: Path) -> None:
    feed = zcviz.open(path)
    run = LiveRun(feed, ["copying", "columnar"])
    feed.close()
    run.start()
    until(lambda: (run.sample(), not run.running)[1])
    assert set(run.problems) == {"copying", "columnar"}


@pytest.mark.usefixtures("no_subprocess")
def test_where_threads_are_forbidden_too_it_says_so(
    run: LiveRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", forbid)
    with pytest.raises(OSError, match="neither a subprocess nor a thread"):
        run.start()
    assert not run.running


def test_without_shared_memory_a_thread_does_the_work(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = Board(bytearray(Board.size)), None
    monkeypatch.setattr("zcviz.live.crew.board_of_this_process", lambda: private)
    with LiveRun(feed) as run:
        run.start()
        assert run.in_thread
        until(lambda: all_counted(run))


# --- words and frames


def test_the_comparison_in_words() -> None:
    assert words.comparison({}) == ""
    assert words.comparison({"copying": 4_000.0}) == "Copying handles 4,000 messages per second."
    assert (
        words.comparison({"copying": 310e3, "flyweight": 312e3, "columnar": 48.1e6})
        == "Columnar handles 155 messages in the time copying handles one; flyweight handles one."
    )
    assert (
        words.comparison({"copying": 300e3, "slicing": 150e3})
        == "Slicing handles 0.5 messages in the time copying handles one."
    )
    assert (
        words.comparison({"flyweight": 1e6, "columnar": 12e6})
        == "Columnar handles 12 messages in the time flyweight handles one."
    )


def test_troubles_in_words() -> None:
    assert words.troubles({}) == []
    assert words.troubles({"copying": "gone.", "flyweight": "gone", "columnar": "other"}) == [
        "Copying and flyweight stopped: gone.",
        "Columnar stopped: other.",
    ]


def test_a_comparison_waits_for_all(run: LiveRun) -> None:
    run.start()
    until(lambda: run.sample().medians)
    said = until(run.sentence)
    assert {"Columnar", "flyweight"} <= set(said.replace(";", "").split()) or "Flyweight" in said
    run.choose(["columnar"])
    assert run.sentence().startswith("Columnar handles")


def test_figures_have_three_digits() -> None:
    values = (0.3104, 1.1, 9.999, 48.13, 155.2, 1510.4, 999.9, 0.000123, 0)
    texts = ["0.310", "1.10", "10.0", "48.1", "155", "1,510", "1,000", "0.000123", "0"]
    assert [words.three_digits(value) for value in values] == texts


def test_a_frame_holds_what_the_page_draws(run: LiveRun) -> None:
    run.start()
    until(lambda: all_counted(run))
    run.stop()
    sample = run.sample()
    frame = sample.pack()
    assert frame.dtype == np.dtype("<f4")
    assert frame.shape == (3, 3 + 2 * POINTS)
    for row, each in zip(frame, sample.readings, strict=True):
        n = int(row[0])
        assert n == len(each.rates)
        assert row[1] == np.float32(each.newest)
        assert row[2] == np.float32(each.median)
        assert (row[3 : 3 + n] == each.ages).all()
        assert (row[3 + POINTS : 3 + POINTS + n] == each.rates).all()


def test_the_publisher_publishes_until_the_run_ends(run: LiveRun) -> None:
    samples: list[Sample] = []
    run.start()
    publisher = Publisher(run, samples.append)
    publisher.start()
    until(lambda: samples and samples[-1].medians)
    run.stop()
    before = len(samples)
    until(lambda: len(samples) > before)
    time.sleep(0.2)
    assert len(samples) == before + 1


def test_a_publisher_that_is_stopped_is_silent_at_once(run: LiveRun) -> None:
    samples: list[Sample] = []
    run.start()
    publisher = Publisher(run, samples.append)
    publisher.start()
    until(lambda: samples)
    publisher.stop()
    before = len(samples)
    time.sleep(0.2)
    assert len(samples) == before
    publisher.start()
    until(lambda: len(samples) > before)


def test_when_nobody_takes_what_is_published_the_run_ends(
    run: LiveRun, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Sample) -> None:
        raise ConnectionError

    run.start()
    publisher = Publisher(run, fail)
    publisher.start()
    until(lambda: not run.running)
    until(lambda: publisher.error)
    assert isinstance(publisher.error, ConnectionError)
    assert capfd.readouterr() == ("", "")


def test_several_threads_may_use_a_run(run: LiveRun) -> None:
    until_then = time.monotonic() + 3

    def sample() -> None:
        while time.monotonic() < until_then:
            run.sample()
            run.sentence()
            assert run.remark is not None

    with ThreadPoolExecutor() as threads:
        samplers = [threads.submit(sample) for _ in range(2)]
        while time.monotonic() < until_then:
            run.start()
            run.choose(["columnar"])
            run.choose(run.names)
            run.stop()
        for each in samplers:
            each.result()


# --- who looks


def test_silence_ends_patience_and_a_sign_of_life_restores_it() -> None:
    audience = Audience(0.3)
    until(audience.is_gone)
    audience.hear()
    assert not audience.is_gone()
    until(audience.is_gone)


def test_after_the_last_view_there_is_little_patience() -> None:
    audience = Audience(3600)
    audience.hear("one")
    audience.hear("two")
    audience.leave("one")
    audience._silence += 10
    assert not audience.is_gone()
    audience.leave("two")
    audience._silence += 10
    assert audience.is_gone()


def test_time_in_which_the_kernel_was_busy_does_not_count() -> None:
    async def kernel() -> None:
        audience = Audience(1.5)
        with ThreadPoolExecutor() as threads:
            publisher = threads.submit(_silence_after, audience, 4.0)
            time.sleep(4.5)  # a cell that blocks
            assert publisher.result() < 1.5
        while not audience.is_gone():
            await asyncio.sleep(0.05)

    asyncio.run(kernel())


def _silence_after(audience: Audience, seconds: float) -> float:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        audience.is_gone()
        time.sleep(0.05)
    return audience._silence


def test_slots_are_of_whole_words() -> None:
    # A counter that straddled two words could be read half written.
    shared = board_with(Phase.READY)
    assert isinstance(shared.slot(1), Slot)
    for field in ("phase", "stop", "posted", "points"):
        assert shared._slots.dtype.fields is not None
        assert shared._slots.dtype.fields[field][1] % 8 == 0
    assert shared._slots.dtype.itemsize % 8 == 0
